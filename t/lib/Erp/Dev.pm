# The commands of ./dev but supervise: options, and up, down and status. The others are in
# Erp::TestRun and Erp::Bench.
package Erp::Dev;
use strict;
use warnings;
use Cwd qw(abs_path getcwd);
use File::Path qw(make_path remove_tree);
use Getopt::Long qw(GetOptionsFromArray :config no_ignore_case);
use Erp::Build;
use Erp::Instance;
use Erp::Mongo;
use Erp::Proc qw(free_port read_pid random_text);
use Erp::Say qw(step note fail run_logged slurp spew);

my $USAGE = <<'END';
usage: ./dev COMMAND [OPTION …]

  up               build, start the database, seed, start workers and nginx, show that it works
  down [--wipe]    stop what `up` started; with --wipe also remove the run folder
  status           what runs
  test [FILE …]    the whole suite, or some files, on instances of its own
  bench [CASE …]   measure, beside a bare loop on the database driver; also `import`, `sales`,
                   `lists`, `dashboard`, `tenants`
  help             this

Options, and the variables that give them too:
  --run-dir DIR      ERP_RUN_DIR        where everything lives that runs (.run)
                     ERP_BUILD_DIR      where it is built (build in the run folder)
  --port N           ERP_PORT           of TLS (8443)
  --plain-port N     ERP_PLAIN_PORT     plain HTTP that sends people to TLS (none)
  --mongo-port N     ERP_MONGO_PORT     of the database (27117, else a free one)
  --workers N        ERP_WORKERS        main pool (4)
  --login-workers N  ERP_LOGIN_WORKERS  login pool (2)

With MONGO_URL set, `up` uses that server instead of one of its own. Settings of erpd in the
environment (see erpd --help) are passed on.
END

# The demo accounts that are shown; all of them are listed in README.md.
my @DEMO = (
    ['techland',    'computershop@example.com', 'computershop123'],
    ['globaltrade', 'cnf@example.com',          'cnf123'],
    ['mobile',      'mobile@example.com',       'mobile123'],
    ['pharmacy',    'pharmacy@example.com',     'pharmacy123'],
    ['salon',       'salon@example.com',        'salon123'],
    ['(platform)',  'superadmin@erp.com',       'admin123'],
);

sub main {
    my ($root, $command, @args) = @_;
    my %opt = (
        root            => $root,
        'run-dir'       => $ENV{ERP_RUN_DIR} || "$root/.run",
        port            => $ENV{ERP_PORT} || 8443,
        'plain-port'    => $ENV{ERP_PLAIN_PORT} || 0,
        'mongo-port'    => $ENV{ERP_MONGO_PORT} || 0,
        workers         => $ENV{ERP_WORKERS} || 4,
        'login-workers' => $ENV{ERP_LOGIN_WORKERS} || 2,
    );
    if (!GetOptionsFromArray(\@args, \%opt, 'run-dir=s', 'port=i', 'plain-port=i', 'mongo-port=i',
        'workers=i', 'login-workers=i', 'wipe', 'help')) {
        print STDERR $USAGE;
        return 2;
    }
    my %run = (up => \&up, down => \&down, status => \&status, test => \&test, bench => \&bench);
    if ($opt{help} || $command =~ /^(?:help|--help|-h)$/ || !$run{$command}) {
        print { $run{$command} || $command =~ /help|-h/ ? *STDOUT : *STDERR } $USAGE;
        return $run{$command} || $command =~ /help|-h/ ? 0 : 2;
    }
    $opt{'run-dir'} = getcwd() . "/$opt{'run-dir'}" if $opt{'run-dir'} !~ m{^/};
    make_path("$opt{'run-dir'}/log") if $command ne 'down' && $command ne 'status';
    $opt{run} = abs_path($opt{'run-dir'}) // $opt{'run-dir'};
    return $run{$command}->(\%opt, @args);
}

sub test {
    my ($opt, @files) = @_;
    require Erp::TestRun;
    return Erp::TestRun::run($opt, @files);
}

sub bench {
    my ($opt, @args) = @_;
    require Erp::Bench;
    return Erp::Bench::run($opt, @args);
}

# ---- up ----

sub up {
    my ($opt) = @_;
    my $run = $opt->{run};
    my $instance = _instance($opt);
    if ($instance->running) {
        my %known = env_read($run);
        step("Already up at $known{ERP_URL}; nothing changed (./dev down stops it)");
        return 0;
    }
    _check_port($opt, $_) for grep { $opt->{$_} } qw(port plain-port);
    step('Building');
    my $bin = Erp::Build::make($opt->{root}, $run, 'plain');
    my $env = _settings($opt, $bin);
    # Our own server is there to be played with: tenants that people add to it are no obstacle.
    my @force = grep({ defined $ENV{$_} } qw(MONGO_URL ADMIN_MONGO_URL)) ? () : '--force';
    step('Seeding the demo tenants');
    _with_env({ %$env, ERP_BOARD => "$instance->{dir}/board" }, sub {
        run_logged({ title => 'erpctl seed', log => "$run/log/seed.log",
            hint => 'a registry with tenants of your own is left alone: use another MONGO_URL or --run-dir' },
            "$bin/erpctl", 'seed', '--dir', "$opt->{root}/seeds", @force);
    });
    step('Starting workers, watcher and nginx');
    $instance->{env} = $env;
    @$instance{qw(erpd erpctl)} = ("$bin/erpd", "$bin/erpctl");
    $instance->start;
    env_write($opt, $instance, $env, $bin);
    if (!$instance->wait_ready(60, '/api/health/ready')) {
        system 'tail', '-n', '5', glob "$run/log/{supervisor,main,nginx}.log";
        fail('erpd does not answer', "see the logs in $run/log; ./dev down stops what is left");
    }
    _show($opt, $instance);
    return 0;
}

sub _instance {
    my ($opt) = @_;
    return Erp::Instance->new(
        root => $opt->{root}, dir => _socket_dir($opt->{run}), log => "$opt->{run}/log",
        tls => "$opt->{run}/tls", port => $opt->{port}, plain_port => $opt->{'plain-port'},
        workers => $opt->{workers}, login_workers => $opt->{'login-workers'}, processes => 2,
        env => {});
}

# Sockets have short paths: a run folder deep in the file system keeps them elsewhere.
sub _socket_dir {
    my ($run) = @_;
    return $run if length $run <= 80;
    require Digest::SHA;
    return '/tmp/erpd-' . substr Digest::SHA::sha1_hex($run), 0, 16;
}

sub _check_port {
    my ($opt, $name) = @_;
    my $port = $opt->{$name};
    fail("port $port is taken by another program", "give another one: ./dev up --$name N")
        if free_port($port) != $port;
    return;
}

# What the workers and erpctl are given. Secrets are made once and kept in files. A shell that has
# read .run/env names these very files, also when they were wiped since.
sub _settings {
    my ($opt, $bin) = @_;
    my $secrets = "$opt->{run}/secrets";
    make_path($secrets, { mode => 0700 });
    my %env = map { /^(?:ERP_|JWT_EXPIRY$|DB_NAME$|ADMIN_DB_NAME$)/ && !_ours($_) ? ($_ => $ENV{$_}) : () } keys %ENV;
    for my $name (qw(SECRET_KEY JWT_SECRET_KEY)) {
        my $file = "$secrets/$name";
        if (defined $ENV{$name})               { spew($file, $ENV{$name}, 0600) }
        elsif (($ENV{"${name}_FILE"} // $file) ne $file) { $file = abs_path($ENV{"${name}_FILE"}) }
        elsif (!-s $file)                      { spew($file, random_text(32) . "\n", 0600) }
        $env{"${name}_FILE"} = $file;
    }
    if (!defined $ENV{MONGO_URL}) {
        spew("$secrets/MONGO_URL", _start_mongo($opt, $bin)->{url} . "\n", 0600);
        $env{MONGO_URL_FILE} = "$secrets/MONGO_URL";
    }
    for my $name (grep { defined $ENV{$_} } qw(MONGO_URL ADMIN_MONGO_URL DEFAULT_MONGO_URL)) {
        spew("$secrets/$name", "$ENV{$name}\n", 0600);
        $env{"${name}_FILE"} = "$secrets/$name";
    }
    return \%env;
}

# Variables that steer ./dev, not erpd.
sub _ours {
    my ($name) = @_;
    return $name =~ /^ERP_(?:RUN_DIR|PORT|PLAIN_PORT|MONGO_PORT|WORKERS|LOGIN_WORKERS|BUILD_DIR|URL|CACERT|BIN|TEST_.*|BOARD)$/;
}

sub _start_mongo {
    my ($opt, $bin) = @_;
    my $run = $opt->{run};
    step('Starting MongoDB');
    my $dir = "$run/mongo";
    my $port = slurp("$dir/port");
    if (Erp::Mongo::running($dir)) {
        Erp::Mongo::stop("$dir/mongod.pid");    # left by an `up` that failed half-way
    }
    make_path($dir, "$run/log");
    my $program = Erp::Mongo::program("$run/log/mongod-fetch.log");
    $port = free_port($opt->{'mongo-port'} || $port || 27117);
    fail("port $opt->{'mongo-port'} is taken", 'give another --mongo-port')
        if $opt->{'mongo-port'} && $port != $opt->{'mongo-port'};
    spew("$dir/port", $port);
    my $mongo = Erp::Mongo::start(dir => $dir, port => $port, program => $program,
        eval => "$bin/t/mongo-eval", cache_gb => 1);
    spew("$run/secrets/MONGO_ROOT_URL", "$mongo->{root_url}\n", 0600);
    note("127.0.0.1:$port, a replica set of one, with authentication");
    return $mongo;
}

sub _with_env {
    my ($env, $code) = @_;
    local %ENV = (%ENV, %$env);
    delete @ENV{qw(SECRET_KEY JWT_SECRET_KEY MONGO_URL ADMIN_MONGO_URL DEFAULT_MONGO_URL)};
    return $code->();
}

# ---- .run/env: what runs, as shell assignments ----

sub env_write {
    my ($opt, $instance, $env, $bin) = @_;
    my $run = $opt->{run};
    my %values = (
        %$env,
        ERP_URL       => $instance->url,
        ERP_PORT      => $instance->{port},
        ERP_CACERT    => $instance->{cert},
        ERP_RUN_DIR   => $run,
        ERP_BIN       => $bin,
        ERP_BOARD     => "$instance->{dir}/board",
        ERP_SOCKET    => $instance->socket('main'),
        ERP_LOGIN_SOCKET   => $instance->socket('login'),
        ERP_SUPERVISOR_PID => $instance->{pid},
        ERP_LOG_DIR        => "$run/log",
    );
    my $mongod = read_pid("$run/mongo/mongod.pid");
    @values{qw(ERP_MONGO_PORT ERP_MONGO_PID ERP_MONGO_ROOT_URL_FILE)} =
        (slurp("$run/mongo/port"), $mongod, "$run/secrets/MONGO_ROOT_URL") if $mongod;
    my $text = "# What ./dev up started. In a shell: . $run/env; then e.g. \$ERP_BIN/erpctl tenant list\n";
    for my $name (sort keys %values) {
        (my $value = $values{$name}) =~ s/'/'\\''/g;
        $text .= "export $name='$value'\n";
    }
    spew("$run/env", $text, 0600);
    return;
}

sub env_read {
    my ($run) = @_;
    my %values;
    for my $line (split /\n/, slurp("$run/env") // '') {
        my ($name, $value) = $line =~ /^export (\w+)='(.*)'$/ or next;
        $value =~ s/'\\''/'/g;
        $values{$name} = $value;
    }
    return %values;
}

# ---- what people see ----

sub _show {
    my ($opt, $instance) = @_;
    my $http = $instance->http;
    my ($slug, $email, $password) = @{ $DEMO[0] };
    step('Up: ' . $instance->url);
    note('demo logins (tenant, email, password):');
    note(sprintf '  %-12s %-26s %s', @$_) for @DEMO;
    my $curl = 'curl --cacert ' . _short($opt, $instance->{cert});
    step("A login: $curl " . $instance->url . "/api/auth/login -H 'Content-Type: application/json' "
        . qq{-d '{"email":"$email","password":"$password"}'});
    my $login = $http->post('/api/auth/login', { email => $email, password => $password });
    my $token = $login->status == 200 ? $login->json->{access_token} : undef;
    (my $shown = $login->body) =~ s/("access_token":"[^"]{12})[^"]*/$1…/;
    note($login->status . ' ' . $shown);
    fail('the demo login failed', "see $opt->{run}/log/login.log") if !defined $token;
    step("Health of its tenant: $curl -H \"Authorization: Bearer \$TOKEN\" " . $instance->url . '/api/health/tenant');
    my $health = $http->get('/api/health/tenant', token => $token);
    note($health->status . ' ' . $health->body);
    fail('the health of the demo tenant is bad', "see $opt->{run}/log/main.log") if $health->status != 200;
    note('settings for scripts: ' . _short($opt, "$opt->{run}/env") . '; logs: ' . _short($opt, "$opt->{run}/log"));
    return;
}

sub _short {
    my ($opt, $path) = @_;
    my $here = getcwd() . '/';
    return index($path, $here) == 0 ? substr $path, length $here : $path;
}

# ---- down, status ----

sub down {
    my ($opt) = @_;
    my $run = $opt->{run};
    my $instance = _instance($opt);
    my $was = 0;
    if ($instance->running) {
        $was = 1;
        step('Stopping nginx, the watcher and the workers');
        $instance->stop;
    }
    if (Erp::Mongo::running("$run/mongo")) {
        $was = 1;
        step('Stopping MongoDB');
        Erp::Mongo::stop("$run/mongo/mongod.pid");
    }
    step($was ? 'Down' : 'Nothing of this copy runs') if !$opt->{wipe} || $was;
    unlink "$run/env";
    if ($opt->{wipe}) {
        step("Removing $run");
        remove_tree($run, $instance->{dir} ne $run ? $instance->{dir} : ());
    }
    return 0;
}

# Exit status: 0 all runs, 1 something does not.
sub status {
    my ($opt) = @_;
    my $run = $opt->{run};
    my $instance = _instance($opt);
    my %known = env_read($run);
    my $pid = $instance->running;
    if (!$pid) {
        step('Not up');
        return 1;
    }
    step("Up at $known{ERP_URL}");
    note("supervisor $pid");
    note("$_: " . join ' ', $instance->pids($_)) for qw(main login nginx watch);
    my $mongod = Erp::Mongo::running("$run/mongo");
    note($mongod ? "mongod $mongod, port $known{ERP_MONGO_PORT}" : 'database: the server of MONGO_URL');
    $instance->{port} = $known{ERP_PORT};
    my $ready = $instance->http->get('/api/health/ready', timeout => 10);
    note('ready: ' . $ready->brief);
    return $ready->status == 200 ? 0 : 1;
}

1;
