# What was built: hardened, without a warning, and nothing of it in the source tree.
use Erp::Test;
use Erp::Build;
use Erp::Proc qw(on_path);
use Erp::Say qw(slurp);

my ($root, $devel, $asan) = @ENV{qw(ERP_TEST_ROOT ERP_TEST_DEVEL_BIN ERP_TEST_BIN)};

for my $program ("$devel/erpd", "$devel/erpctl") {
    (my $name = $program) =~ s{.*/}{};
    ok -x $program, "$name is there" or next;
    my $elf = `readelf -W -h -l -d '$program'`;
    like $elf, qr/Type:\s+DYN/, "$name: position independent";
    like $elf, qr/GNU_RELRO/, "$name: RELRO";
    like $elf, qr/BIND_NOW|FLAGS.*NOW/, "$name: all symbols bound at the start";
    like $elf, qr/GNU_STACK\s+\S+\s+\S+\s+\S+\s+\S+\s+\S+\s+RW\s/, "$name: stack not executable";
    unlike $elf, qr/R(?:UN)?PATH/, "$name: no library path of its own";
}
my $symbols = `nm -D '$devel/erpd'`;
like $symbols, qr/__stack_chk_fail/, 'stack protector';
like $symbols, qr/_chk\b/, 'FORTIFY_SOURCE';
like `nm '$asan/erpd'`, qr/__asan_init/, 'the tests run a program with sanitizers';

my $config = slurp("$devel/config.h") // '';
unlike $config, qr/ERP_ASAN 1/, 'the plain build is without';

my %tracked = map { $_ => 1 } split /\n/, -e "$root/.git" && on_path('git') ? `git -C '$root' ls-files` : '';
SKIP: {
    skip 'not a git checkout', 1 if !%tracked;
    my $new = `git -C '$root' status --porcelain --ignored=no`;
    unlike $new, qr/\.o$|Makefile\.in/m, 'no product of the build is new to git';
}

# All sources of a room are in the Makefile: a file that is forgotten there would be missing in the
# release. The live tests are found there by their names; the folder of cases goes in as a whole.
my $makefile = slurp("$root/Makefile.am");
my @files = grep { m{^(?:src|t|nginx|systemd|seeds|docs)/} } Erp::Build::files($root);
my @forgotten = grep { !m{^t/(?:lib/.*\.pm|\d+-.*\.t|case/.*)$} && index($makefile, $_) < 0 } @files;
like $makefile, qr{^EXTRA_DIST =(?:.*\\\n)*.* t/case\b}m, 'the folder of cases is in the release';
is "@forgotten", '', 'every file is named in Makefile.am';

done_testing;
