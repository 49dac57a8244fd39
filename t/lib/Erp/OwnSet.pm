# A replica set of three members of a test's own, whose primary may be killed. Gone at the end of
# the test, however it ends.
package Erp::OwnSet;
use strict;
use warnings;
use File::Copy qw(copy);
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);
use Erp::Json qw(doc);
use Erp::Mongo;
use Erp::MongoEval;
use Erp::Proc qw(free_port read_pid end_pidfile spawn wait_until);

my @all;
my $owner = $$;

# Starts one; `url` is then the application's URI, `root_url` an administrator's.
sub new {
    my ($class) = @_;
    my $self = bless { dir => tempdir('erpd-s.XXXXXX', TMPDIR => 1) }, $class;
    push @all, $self;
    my @ports = map { free_port() } 1 .. 3;
    my $first = Erp::Mongo::start(dir => "$self->{dir}/0", port => $ports[0], cache_gb => 0.25,
        program => $ENV{ERP_TEST_MONGOD}, eval => $ENV{ERP_TEST_EVAL});
    $self->{members}{"127.0.0.1:$ports[0]"} = $first->{pidfile};
    _join($self, $first, "$self->{dir}/$_", $ports[$_]) for 1, 2;
    my $hosts = join ',', map { "127.0.0.1:$_" } @ports;
    $self->{$_} = $first->{$_} =~ s/127\.0\.0\.1:\d+/$hosts/r for qw(url root_url);
    return $self;
}

# Starts one more member and waits until it has all data.
sub _join {
    my ($self, $first, $dir, $port) = @_;
    make_path("$dir/data", { mode => 0700 });
    copy("$self->{dir}/0/keyfile", "$dir/keyfile") or die "keyfile: $!\n";
    chmod 0600, "$dir/keyfile";
    my $root = Erp::MongoEval->new($ENV{ERP_TEST_EVAL}, $first->{root_url});
    my $config = $root->run('admin', '{"replSetGetConfig":1}')->{config};
    spawn({ log => "$dir/mongod.log", pidfile => "$dir/mongod.pid" },
        $ENV{ERP_TEST_MONGOD}, '--dbpath', "$dir/data", '--port', $port, '--bind_ip', '127.0.0.1', '--nounixsocket',
        '--replSet', $config->{_id}, '--auth', '--keyFile', "$dir/keyfile", '--noscripting', '--oplogSize', 256,
        '--wiredTigerCacheSizeGB', 0.25, '--setParameter', 'transactionLifetimeLimitSeconds=10',
        '--setParameter', 'diagnosticDataCollectionEnabled=false');
    $self->{members}{"127.0.0.1:$port"} = "$dir/mongod.pid";
    push @{ $config->{members} }, { _id => scalar @{ $config->{members} }, host => "127.0.0.1:$port" };
    $config->{version}++;
    $root->run('admin', doc(replSetReconfig => $config));
    my $there = wait_until(60, sub {
        my $status = $root->run('admin', '{"replSetGetStatus":1}');
        return @{ $status->{members} } == grep { $_->{stateStr} =~ /^(?:PRIMARY|SECONDARY)$/ } @{ $status->{members} };
    });
    die "a member of the replica set did not join: $dir/mongod.log\n" if !$there;
    $root->close;
    return;
}

# Ends the primary by SIGKILL; its address.
sub kill_primary {
    my ($self) = @_;
    my $eval = Erp::MongoEval->new($ENV{ERP_TEST_EVAL}, $self->{root_url});
    my $primary = $eval->run('admin', '{"hello":1}')->{primary};
    $eval->close;
    end_pidfile($self->{members}{$primary}, 'KILL', 10);
    return $primary;
}

END {
    if ($$ == $owner) {
        local $?;
        for my $set (@all) {
            end_pidfile($_, 'KILL', 10) for values %{ $set->{members} };
            remove_tree($set->{dir});
        }
    }
}

1;
