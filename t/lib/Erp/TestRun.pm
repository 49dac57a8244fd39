# ./dev test: builds, one database server for the run, and one run of prove over everything.
package Erp::TestRun;
use strict;
use warnings;
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);
use Erp::Build;
use Erp::Cert;
use Erp::Mongo;
use Erp::Proc qw(free_port end_pid);
use Erp::Say qw(step note fail);

# These take long; started in the order of their names, they would run on when all others are done.
my @EARLY = qw(0800-openapi);                  # before all others
# … after the last that measures times:
my @SOON  = qw(9000-distcheck 0670-crash-steps 0672-crash-credit 0674-crash-warranty);
my $TIMED = '0500-watch';

# Files may be named in any way that ends in their name: t/0010-nginx.t, 0010, unit/str_test.
# Returns the exit status of prove.
sub run {
    my ($opt, @wanted) = @_;
    my ($root, $run) = @$opt{qw(root run)};
    step('Building');
    my $asan = Erp::Build::make($root, $run, 'asan', 'unit-tests');
    my @units = Erp::Build::variable($asan, 'UNIT_TESTS');
    my $devel = Erp::Build::make($root, $run, 'devel');
    my @files = _in_order((map { "$asan/$_" } @units), sort glob "$root/t/[0-9]*.t");
    @files = _choose(\@files, @wanted) if @wanted;
    my $dir = tempdir('erpd-test.XXXXXX', TMPDIR => 1);
    my ($mongo, $prove);
    local $SIG{INT} = local $SIG{TERM} = local $SIG{HUP} = sub { die "interrupted\n" };
    my $status = eval {
        Erp::Cert::ensure("$dir/tls", "$run/log/test.log");
        $mongo = start_mongo($dir, "$devel/t/mongo-eval", $run);
        local %ENV = (%ENV, environment($opt, $dir, $asan, $devel, $mongo));
        delete @ENV{grep { /^(?:MONGO_URL|ADMIN_MONGO_URL|DEFAULT_MONGO_URL|DB_NAME|SECRET_KEY|JWT_.*)$/ } keys %ENV};
        step('Running ' . @files . ' test programs');
        $prove = fork // die "fork: $!\n";
        if ($prove == 0) {
            chdir $root;
            exec 'prove', '-j' . ($ENV{ERP_TEST_JOBS} || 4), '--timer', '-I', 't/lib', @files or exit 127;
        }
        waitpid $prove, 0;
        $prove = undef;
        $? >> 8 || ($? ? 1 : 0);
    };
    my $why = $@;
    local @SIG{qw(INT TERM HUP)} = ('IGNORE') x 3;
    end_pid($prove, 'TERM', 90) if $prove;
    Erp::Mongo::stop($mongo->{pidfile}) if $mongo;
    remove_tree($dir);
    if (!defined $status) {
        print STDERR "dev: $why";
        return 1;
    }
    print STDERR "dev: some tests failed; one alone, with all it says: ./dev test FILE\n" if $status;
    return $status;
}

sub _in_order {
    my @files = @_;
    my %at;
    @at{@files} = 1 .. @files;
    my $file = sub { my ($name) = @_; return (grep { m{/\Q$name\E\.t$} } @files)[0] // die "no test is called $name\n" };
    $at{ $file->($_) } = 0 for @EARLY;
    $at{ $file->($SOON[$_]) } = $at{ $file->($TIMED) } + ($_ + 1) / 10 for 0 .. $#SOON;
    return sort { $at{$a} <=> $at{$b} } @files;
}

sub _choose {
    my ($files, @wanted) = @_;
    my @chosen;
    for my $name (@wanted) {
        my @found = grep { m{(?:^|/)\Q$name\E$} || m{/\Q$name\E[^/]*$} } @$files;
        fail("no test is called $name", 'their names: ls t/*.t t/unit/*.c') if !@found;
        push @chosen, @found;
    }
    return @chosen;
}

sub start_mongo {
    my ($dir, $eval, $run) = @_;
    step('Starting MongoDB for the tests');
    my $mongo = Erp::Mongo::start(dir => "$dir/mongo", port => free_port(), eval => $eval,
        program => Erp::Mongo::program("$run/log/mongod-fetch.log"));
    note("127.0.0.1:$mongo->{port}");
    return $mongo;
}

sub environment {
    my ($opt, $dir, $asan, $devel, $mongo) = @_;
    return (
        ERP_TEST_ROOT           => $opt->{root},
        ERP_TEST_RUN            => $opt->{run},
        ERP_TEST_DIR            => $dir,
        ERP_TEST_BIN            => $ENV{ERP_TEST_BIN} // $asan,
        ERP_TEST_DEVEL_BIN      => $devel,
        ERP_TEST_EVAL           => "$devel/t/mongo-eval",
        ERP_TEST_MONGO_URL      => $mongo->{url},
        ERP_TEST_MONGO_ROOT_URL => $mongo->{root_url},
        ERP_TEST_MONGOD         => Erp::Mongo::program(''),
        CMOCKA_MESSAGE_OUTPUT   => 'TAP',
        MONGOC_DISABLE_SHM      => 1,    # what is killed would leave its counters in /dev/shm
        LSAN_OPTIONS            => "suppressions=$opt->{root}/t/lsan.supp:print_suppressions=0",
    );
}

1;
