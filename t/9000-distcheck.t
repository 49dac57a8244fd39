# make distcheck: the release holds everything, builds and tests outside its folder, installs with
# DESTDIR, and uninstalls what it installed.
use Erp::Test;
use Erp::Build;
use File::Path qw(remove_tree);
use Erp::Say qw(slurp);

my $base = Erp::Build::folder($ENV{ERP_TEST_RUN});
my ($dir, $log, $source) = ("$base/distcheck", "$base/distcheck.log", "$base/src");

remove_tree($dir);
mkdir $dir or die "$dir: $!\n";
my $jobs = `nproc` =~ /(\d+)/ ? $1 : 2;
my $status = system "cd '$dir' && { '$source/configure' --quiet && make -s -j$jobs distcheck; } >'$log' 2>&1 </dev/null";
is $status, 0, 'make distcheck' or do {
    my @lines = split /\n/, slurp($log);
    diag $_ for @lines > 40 ? @lines[-40 .. -1] : @lines;
};

subtest 'install with DESTDIR' => sub {
    my $root = "$dir/root";
    is system("cd '$dir' && make -s install DESTDIR='$root' >>'$log' 2>&1"), 0, 'make install';
    ok -x "$root/usr/local/sbin/$_", $_ for qw(erpd erpctl erpd-reload);
    ok -s "$root/usr/local/$_", $_
        for 'lib/systemd/system/erpd@.service', 'lib/systemd/system/erpd.socket', 'lib/systemd/system/erpd.target',
        'lib/sysusers.d/erpd.conf', 'lib/tmpfiles.d/erpd.conf', 'share/erpd/nginx/erpd.conf.in';
    my $said = `'$root/usr/local/share/erpd/nginx/erpd-nginx-conf' NAMES=shop.example '$dir/site' 2>&1`;
    is $?, 0, 'erpd-nginx-conf works where it is installed' or diag $said;
    ok -s "$dir/site/erpd.conf", '... and writes the site';
};
remove_tree($dir) if $status == 0;

done_testing;
