# One running copy of the service: a certificate, nginx, the two pools of workers and their
# supervisor, all below one folder. Used by ./dev up and by each live test.
package Erp::Instance;
use strict;
use warnings;
use File::Path qw(make_path);
use Erp::Cert;
use Erp::Http;
use Erp::Json qw(to_json from_json);
use Erp::Proc qw(spawn read_pid end_pidfile wait_until on_path);
use Erp::Say qw(run_logged slurp spew);

# Options: root (the sources), dir, erpd (the worker's program), erpctl (the watcher's; none: no
# watcher runs), port, plain_port (0: none), workers, login_workers, env (of the workers), nginx
# (settings by name), tls (folder of the certificate; dir/tls), processes (of nginx; 1).
sub new {
    my ($class, %opt) = @_;
    my $self = bless { processes => 1, plain_port => 0, nginx => {}, %opt }, $class;
    $self->{tls} //= "$self->{dir}/tls";
    $self->{log} //= "$self->{dir}/log";
    # A unix socket's path has at most 107 bytes.
    die "the path $self->{dir} is too long for sockets (80 bytes at most)\n"
        if length $self->{dir} > 80;
    return $self;
}

sub url     { return "https://localhost:$_[0]{port}" }
sub pidfile { return "$_[0]{dir}/supervisor.pid" }
sub socket  { my ($self, $pool) = @_; return "$self->{dir}/$pool.sock" }

# Starts everything. With a life line (a handle) it ends by itself when the other end closes.
sub start {
    my ($self, $life) = @_;
    my ($dir, $log) = @$self{qw(dir log)};
    make_path($dir, $log, "$dir/files");
    @$self{qw(cert key)} = Erp::Cert::ensure($self->{tls}, "$log/setup.log");
    $self->write_nginx;
    unlink "$dir/board", "$dir/board.watch";
    spew("$dir/plan.json", to_json($self->_plan), 0600);
    my @life = $life ? fileno $life : ();
    $self->{pid} = spawn(
        { log => "$log/supervisor.log", pidfile => $self->pidfile, keep => $life ? [$life] : [] },
        "$self->{root}/dev", 'supervise', "$dir/plan.json", @life);
    return $self;
}

sub _plan {
    my ($self) = @_;
    my ($dir, $log) = @$self{qw(dir log)};
    my %env = (%{ $self->{env} }, ERP_BOARD => "$dir/board", ERP_FILES_DIR => "$dir/files");
    my @pools = map { {
        name    => $_->[0],
        socket  => $self->socket($_->[0]),
        workers => $_->[1],
        command => [$self->{erpd}],
        log     => "$log/$_->[0].log",
        env     => \%env,
    } } ['main', $self->{workers}], ['login', $self->{login_workers}];
    return {
        state    => "$dir/pids.json",
        pools    => \@pools,
        programs => [{
            name    => 'nginx',
            command => [on_path('nginx') // 'nginx', '-e', "$log/nginx.log", '-c', "$dir/nginx/main.conf"],
            log     => "$log/nginx.log",
            stop    => 'QUIT',
        }, $self->{erpctl} ? {
            name    => 'watch',
            command => [$self->{erpctl}, 'watch'],
            log     => "$log/watch.log",
            env     => \%env,
        } : ()],
    };
}

# Writes nginx's configuration from the same templates that production uses.
sub write_nginx {
    my ($self) = @_;
    my ($dir, $log) = @$self{qw(dir log)};
    my %set = (
        NAMES        => 'localhost 127.0.0.1',
        LISTEN       => "127.0.0.1:$self->{port}",
        LISTEN_PLAIN => $self->{plain_port} ? "127.0.0.1:$self->{plain_port}" : '',
        URL_PORT     => ":$self->{port}",
        CERT         => $self->{cert},
        KEY          => $self->{key},
        SOCKET       => $self->socket('main'),
        LOGIN_SOCKET => $self->socket('login'),
        WWW          => "$self->{root}/nginx/www",
        FILES        => "$dir/files",
        HSTS         => 'max-age=300',
        ACCESS_LOG   => "$log/access.log",
        ERROR_LOG    => "$log/nginx.log",
        PROCESSES    => $self->{processes},
        %{ $self->{nginx} },
    );
    run_logged(
        { title => 'nginx configuration', log => "$log/setup.log", quiet => 1 },
        $^X, "$self->{root}/nginx/erpd-nginx-conf", (map { "$_=$set{$_}" } sort keys %set), "$dir/nginx");
    return;
}

# A client that trusts the certificate.
sub http {
    my ($self) = @_;
    return Erp::Http->new(base => $self->url, cacert => $self->{cert} // "$self->{tls}/cert.pem");
}

# True when the service answers that it lives; false after `seconds` or when it has ended.
sub wait_ready {
    my ($self, $seconds, $path) = @_;
    my $http = $self->http;
    my $ready = 0;
    wait_until($seconds, sub {
        return 1 if !read_pid($self->pidfile);
        return $ready = $http->get($path // '/api/health/live', timeout => 5)->status == 200;
    });
    return $ready;
}

# The pids of a pool (or "nginx", "watch") now; 0 stands for a worker that is being replaced.
sub pids {
    my ($self, $pool) = @_;
    my $pids = from_json(slurp("$self->{dir}/pids.json")) || {};
    return @{ $pids->{$pool} || [] };
}

sub running { return read_pid($_[0]->pidfile) }

# Replaces all workers one at a time; false when that takes longer than `seconds`.
sub reload {
    my ($self, $seconds) = @_;
    my @old = map { $self->pids($_) } qw(main login);
    kill 'HUP', read_pid($self->pidfile) // return 0;
    return wait_until($seconds // 60, sub {
        my %now = map { $_ => 1 } map { $self->pids($_) } qw(main login);
        return !$now{0} && !grep { $now{$_} } @old;
    });
}

# Ends everything, in order.
sub stop {
    my ($self) = @_;
    return end_pidfile($self->pidfile, 'TERM', 75);
}

1;
