# The units: systemd reads them without a complaint, they are hardened, and they say what the
# programs need.
use Erp::Test;
use Erp::Say qw(slurp spew);
use File::Temp qw(tempdir);

my $dir = tempdir(CLEANUP => 1);
my $source = "$ENV{ERP_TEST_ROOT}/systemd";
my @units;

# As they are installed, but with a program that is surely there.
for my $file (glob "$source/*.service.in $source/*.socket $source/*.target $source/*.timer") {
    my ($name) = $file =~ m{([^/]+?)(?:\.in)?$};
    my $text = slurp($file);
    $text =~ s{\@sbindir\@/erp(?:d|ctl)}{/usr/bin/true}g;
    unlike $text, qr/\@\w+\@/, "$name: no other placeholder";
    spew("$dir/$name", $text);
    push @units, $name;
}
is scalar(grep { /\@\.service$/ } @units), 2, 'two pools of workers';

my $paths = join ' ', map { "'$dir/$_'" } @units;
my $said = `systemd-analyze --man=no verify $paths 2>&1`;
is $?, 0, 'systemd-analyze verify';
is $said, '', '... without a word';

for my $name (grep { /\.service$/ } @units) {
    my $is_worker = $name =~ /\@/;
    my $report = `systemd-analyze security --offline=true --no-pager '$dir/$name' 2>&1`;
    my ($score) = $report =~ /exposure level for \S+: ([\d.]+)/;
    ok defined $score && $score <= 2.0, "$name: exposure " . ($score // '?') . ', at most 2.0' or diag $report;
    my $text = slurp("$dir/$name");
    my @workers_only = ('RestartSec=100ms', 'StandardInput=socket', map { "LoadCredential=$_:/etc/erpd/credentials/$_" }
        qw(SECRET_KEY JWT_SECRET_KEY));
    my $once = $text =~ /^Type=oneshot$/m;
    for my $line ($once ? () : ('Restart=always', 'StartLimitIntervalSec=0'), 'MemorySwapMax=0', 'LimitCORE=0', 'NoNewPrivileges=yes',
        'LoadCredential=MONGO_URL:/etc/erpd/credentials/MONGO_URL', $is_worker ? @workers_only : ()) {
        like $text, qr/^\Q$line\E$/m, "$name: $line";
    }
    unlike $text, qr/^LoadCredential=JWT_SECRET_KEY/m, "$name: signs nothing, so it has no key for it" if !$is_worker;
    unlike $text, qr/^Environment=.*(?:SECRET|MONGO_)/m, "$name: no secret in the environment";
}

my $built = slurp("$ENV{ERP_TEST_DEVEL_BIN}/systemd/erpd@.service");
like $built, qr{^ExecStart=/\S+/sbin/erpd$}m, 'make fills in where erpd is installed';
like slurp("$ENV{ERP_TEST_DEVEL_BIN}/systemd/erpd-watch.service"), qr{^ExecStart=/\S+/sbin/erpctl watch$}m, '... and erpctl';
like slurp("$ENV{ERP_TEST_DEVEL_BIN}/systemd/erpd-jobs.service"), qr{^ExecStart=/\S+/sbin/erpctl jobs$}m, '... and for the timer';
is system("sh -n '$source/erpd-reload.in'"), 0, 'erpd-reload is a shell script';
ok -x "$ENV{ERP_TEST_DEVEL_BIN}/systemd/erpd-reload", '... and executable';

# erpd-reload against a systemctl of ours, which writes down what it was told.
subtest 'rolling reload' => sub {
    spew("$dir/systemctl", <<"END", 0755);
#!/bin/sh
echo "\$*" >> $dir/told
case \$1 in
    list-units) test -e $dir/none || printf 'erpd\@1.service loaded active\\nerpd\@2.service loaded active\\n' ;;
    is-active) test "\$3" != "\$BROKEN" ;;
esac
END
    my $reload = "PATH=$dir:\$PATH sh $source/erpd-reload.in 2>&1";
    `$reload`;
    is $?, 0, 'succeeds';
    is_deeply [grep { /^restart/ } split /\n/, slurp("$dir/told")],
        ['restart erpd@1.service', 'restart erpd@2.service'], 'one worker after the other';
    unlink "$dir/told";
    my $out = `BROKEN=erpd\@1.service $reload`;
    isnt $?, 0, 'a worker that does not come back: fails';
    like $out, qr/erpd\@1\.service did not come back/, '... and says which';
    unlike slurp("$dir/told"), qr/restart erpd\@2/, '... and leaves the others alone';
    spew("$dir/none", '');
    isnt system("$reload >/dev/null"), 0, 'no worker: fails';
};

done_testing;
