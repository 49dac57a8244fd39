# A database server of a test's own, for faults: stopped, killed, frozen and started again. Gone at
# the end of the test, however it ends.
package Erp::OwnMongo;
use strict;
use warnings;
use File::Path qw(remove_tree);
use File::Temp qw(tempdir);
use Erp::Json qw(doc);
use Erp::Mongo;
use Erp::MongoEval;
use Erp::Proc qw(free_port read_pid end_pidfile);

my @all;
my $owner = $$;

# Starts one; `url` is then the application's URI. Options: failpoints (true: failpoint works).
sub new {
    my ($class, %opt) = @_;
    my $self = bless { %opt, dir => tempdir('erpd-m.XXXXXX', TMPDIR => 1), port => free_port() }, $class;
    push @all, $self;
    return $self->start;
}

# Starts it again, with the data that it had.
sub start {
    my ($self) = @_;
    my $mongo = Erp::Mongo::start(dir => $self->{dir}, port => $self->{port}, cache_gb => 0.25,
        program => $ENV{ERP_TEST_MONGOD}, eval => $ENV{ERP_TEST_EVAL}, failpoints => $self->{failpoints});
    @$self{qw(url root_url pidfile)} = @$mongo{qw(url root_url pidfile)};
    return $self;
}

sub url { return $_[0]{url} }

# Ends it in order, or by SIGKILL.
sub stop { my ($self) = @_; return Erp::Mongo::stop($self->{pidfile}) }

sub kill {
    my ($self) = @_;
    return end_pidfile($self->{pidfile}, 'KILL', 10);
}

# What happens to the workers' commands from now on. Mode: 'off', 'alwaysOn', { times => n }; data as of
# the server's failCommand: failCommands, closeConnection, blockConnection, blockTimeMS, errorCode.
sub failpoint {
    my ($self, $mode, %data) = @_;
    my $eval = Erp::MongoEval->new($ENV{ERP_TEST_EVAL}, $self->{root_url});
    $eval->run('admin', doc(configureFailPoint => 'failCommand', mode => $mode, data => { %data, appName => 'erpd' }));
    return $eval->close;
}

sub freeze { my ($self) = @_; return CORE::kill 'STOP', read_pid($self->{pidfile}) }
sub thaw   { my ($self) = @_; return CORE::kill 'CONT', read_pid($self->{pidfile}) }

END {
    if ($$ == $owner) {
        local $?;
        for my $mongo (@all) {
            my $pid = read_pid("$mongo->{dir}/mongod.pid");
            CORE::kill 'CONT', $pid if $pid;
            end_pidfile("$mongo->{dir}/mongod.pid", 'KILL', 10);
            remove_tree($mongo->{dir});
        }
    }
}

1;
