# Databases that are dead, silent, stopped, killed or frozen: one wait of 3.5 s at most, then refusals
# at once, nothing for the others to feel, and everything back by itself within 5 s.
use Erp::Test;
use IO::Socket::INET;
use Time::HiRes qw(time sleep);
use Erp::OwnMongo;
use Erp::Proc qw(free_port random_text);
use Erp::Say qw(slurp);

my $erp = Erp::Test->start(workers => 3, login_workers => 1, env => { ERP_TENANT_TTL => 2, ERP_DB_PATIENCE_MS => undef });
my $own = Erp::OwnMongo->new(failpoints => 1);
my $FIRST = 3.5;    # seconds

sub with_token {
    my ($on, %opt) = @_;
    my $t = $on->seed_tenant(%opt);
    $t->{token} = $on->login($t->{email}, $t->{password})->{access_token};
    return $t;
}

my $calm = with_token($erp, slug => 'calm');
my @main = $erp->pids('main');
$erp->post('/api/brands', { name => 'Calm' }, token => $calm->{token});

sub list { my ($t) = @_; return $erp->get('/api/brands', token => $t->{token}) }

# 503 with Retry-After within `limit` seconds.
sub refused {
    my ($res, $limit, $what) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is_problem($res, 503, 'database_unavailable', "$what: 503");
    like $res->header('Retry-After') // '', qr/^[1-9]\d?$/, "$what: Retry-After";
    unlike $res->body, qr/127\.0\.0\.1|mongo|socket|server sel/i, "$what: nothing of the driver's";
    note sprintf '%s: after %.2f s', $what, $res->took;
    return cmp_ok $res->took, '<=', $limit, "$what: within $limit s";
}

# The first refusal of a tenant, while another one is served: how slow the slowest of those was.
sub first_refusal {
    my ($t, $limit, $what) = @_;
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        my $end = time + 3;
        my $slowest = 0;
        while (time < $end) {
            my $res = list($calm);
            $slowest = $res->took if $res->took > $slowest;
            $slowest = 99 if $res->status != 200;
        }
        POSIX::_exit($slowest * 10 > 250 ? 250 : int $slowest * 10);
    }
    refused(list($t), $limit, $what);
    waitpid $pid, 0;
    return cmp_ok(($? >> 8) / 10, '<', 2.5, "$what: others are served meanwhile");
}

# How long the workers had requests in hand, in ms, as their log says: what curl needs to begin is not theirs.
sub ms_of {
    my (@replies) = @_;
    my @ms;
    wait_until(5, sub {
        my $log = slurp("$erp->{log}/main.log");
        @ms = map { my $id = $_->json->{request_id}; $log =~ /request_id=$id .* ms=([\d.]+)/ ? $1 : () } @replies;
        return @ms == @replies;
    });
    return @ms;
}

sub at_once {
    my ($t, $what) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @ms = ms_of(map { list($t) } 1 .. 9);
    # Who finds the breaker's pause over tries whether the server is back.
    my $quick = grep { $_ < 100 } @ms;
    cmp_ok $quick, '>=', 7, "$what: then at once" or diag "@ms";
    return refused(list($t), 2, "$what, later");
}

subtest 'nobody listens' => sub {
    my $port = free_port();
    my $t = with_token($erp, slug => 'dead', entry => { db_uri => "mongodb://127.0.0.1:$port/" });
    first_refusal($t, $FIRST, 'a dead port');
    at_once($t, 'a dead port');
    refused($erp->post('/api/brands', { name => 'x' }, token => $t->{token}), 2, 'a write');
    is($erp->get('/api/auth/me', token => $t->{token})->status, 200, 'one may still see who one is');
    is($erp->post('/api/auth/login', { email => $t->{email}, password => $t->{password} })->status, 200, '... and sign in');
    $erp->mongo('admin', doc(update => 'tenants_registry', updates => [doc(q => { slug => 'dead' },
        u => { '$set' => { db_uri => $ENV{ERP_TEST_MONGO_URL} } })]));
    $erp->erpctl('cache', 'clear', 'dead');
    is(list($t)->status, 200, 'another db_uri: served at once') for 1 .. 4;
};

subtest 'somebody listens and says nothing' => sub {
    my $mute = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => free_port(), Listen => 50, ReuseAddr => 1);
    my $t = with_token($erp, slug => 'mute', entry => { db_uri => 'mongodb://127.0.0.1:' . $mute->sockport . '/' });
    first_refusal($t, $FIRST, 'a silent server');
    at_once($t, 'a silent server');
};

subtest 'wrong credentials' => sub {
    my $bad = $ENV{ERP_TEST_MONGO_URL} =~ s{//erpd:[^@]+@}{//erpd:not-the-password@}r;
    my $t = with_token($erp, slug => 'locked', entry => { db_uri => $bad });
    my $res = list($t);
    is_problem($res, 503, undef, 'a password that is none: 503');
    unlike $res->body, qr/erpd:|not-the-password|Authentication failed/, '... without a word of the server';
    is(list($calm)->status, 200, 'those who reach the same server with the right one are served') for 1 .. 6;
};

my $t = with_token($erp, slug => 'own', entry => { db_uri => $own->url });
is($erp->post('/api/brands', { name => 'Kept' }, token => $t->{token})->status, 200, 'a tenant on a server of its own');
is(list($t)->status, 200, 'each worker knows it') for 1 .. 6;

# Everything as before, by the same workers.
sub back {
    my ($what) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $in_a_row = 0;
    my $began = time;
    my $first;
    ok wait_until(40, sub { $in_a_row = list($t)->status == 200 ? $in_a_row + 1 : 0; $first //= time if $in_a_row; $in_a_row >= 6 }),
        "$what: back by itself" or diag list($t)->brief;
    cmp_ok +($first // 1e12) - $began, '<=', 5, "$what: within 5 s";
    like list($t)->body, qr/"Kept"/, "$what: the data is there";
    is($erp->post('/api/brands', { name => random_text(6) }, token => $t->{token})->status, 200, "$what: and can be written");
    return is_deeply [$erp->pids('main')], \@main, "$what: the workers are the same";
}

for my $fault (['stopped', 'stop', 'start'], ['killed', 'kill', 'start'], ['frozen', 'freeze', 'thaw']) {
    my ($what, $break, $repair) = @$fault;
    subtest "a server that is $what in mid-life" => sub {
        $own->$break;
        first_refusal($t, $FIRST, $what);
        at_once($t, $what);
        if ($what eq 'stopped') {
            my $probes = 0;
            wait_until(40, sub { $probes++ if list($t)->took > 1; $probes >= 5 });
            is $probes, 5, 'probes, by workers whose clients knew the server';
        }
        my $health = $erp->get('/api/health/tenant', token => $t->{token});
        is $health->status, 503, 'health: 503';
        is_deeply $health->json, { tenant_slug => 'own', database_name => $t->{db_name}, database_connected => \0,
            collections_count => undef, last_activity => undef }, '... in its own shape';
        is(list($calm)->status, 200, 'others are served');
        $own->$repair;
        back($what);
        is($erp->get('/api/health/tenant', token => $t->{token})->json->{database_connected}, 1, 'health: connected');
    };
}

# Which of the driver's waits a hanging server meets depends on what the connection did before.
for my $case (['read', 0.2, sub { list($t) }], ['read after a rest', 6, sub { list($t) }],
    ['write', 0.2, sub { $erp->post('/api/brands', { name => random_text(6) }, token => $t->{token}) }]) {
    my ($what, $rest, $ask) = @$case;
    subtest "a frozen server: the first $what" => sub {
        is(list($t)->status, 200, 'served') for 1 .. 6;
        sleep $rest;
        $own->freeze;
        refused($ask->(), $FIRST, "the first $what");
        at_once($t, "after the first $what");
        $own->thaw;
        back("after the first $what");
    };
}

subtest 'a connection that breaks' => sub {
    my %close = (failCommands => ['find'], closeConnection => \1);
    $own->failpoint({ times => 1 }, %close);
    is(list($t)->status, 200, 'a read is tried again');
    $own->failpoint({ times => 1 }, %close, failCommands => ['aggregate']);
    my $res = $erp->get('/api/brands', token => $t->{token}, headers => { Prefer => 'count=exact' });
    is $res->status, 200, 'so is a count';
    is $res->header('X-Total-Count'), scalar @{ $res->json }, '... and right';
    $own->failpoint({ times => 1 }, %close, failCommands => ['aggregate']);
    is($erp->get('/api/cnf/reports/summary', token => $t->{token})->status, 200, '... and a summary');
    $own->failpoint({ times => 1 }, failCommands => ['find'], errorCode => 10107);
    is(list($t)->status, 200, 'so is what a former primary refused');
    $own->failpoint({ times => 2 }, %close);
    is_problem(list($t), 503, 'database_unavailable', 'once, not twice');
    $own->failpoint('off');
    is(list($t)->status, 200, 'and all is well') for 1 .. 6;
};

# A client whose server is away is given up without a goodbye, which would wait for an answer.
unlike slurp("$erp->{log}/main.log"), qr/endSessions/, 'no worker waited to end its sessions';

subtest 'the platform\'s own server' => sub {
    my $platform = Erp::Test->start(workers => 2, login_workers => 1, env => { MONGO_URL => $own->url, ERP_TENANT_TTL => 1, ERP_DB_PATIENCE_MS => undef });
    # Seeds go through the run's server: this one is written by an administrator of its own.
    $platform->{eval} = Erp::MongoEval->new($ENV{ERP_TEST_EVAL}, $own->{root_url});
    my $p = with_token($platform, slug => 'shop');
    my $super = $platform->seed_user(email => 'root@platform.example', password => 'root-password', role => 'super_admin');
    my @pids = ($platform->pids('main'), $platform->pids('login'));
    is($platform->get('/api/brands', token => $p->{token})->status, 200, 'all is well') for 1 .. 4;
    is($platform->get('/api/health/ready')->status, 200, 'ready');
    $own->kill;
    my $away = 0;    # the answer of a worker holds for a second
    ok wait_until(10, sub { $away = $platform->get('/api/health/ready')->status == 503 ? $away + 1 : 0; $away >= 6 }),
        'its server killed: not ready';
    is_problem($platform->get('/api/health/ready'), 503, 'registry_unavailable', '... as a problem');
    is($platform->get('/api/health/live')->status, 200, 'alive') for 1 .. 4;
    for my $attempt (1 .. 3) {
        my $res = $platform->post('/api/auth/login', { email => $p->{email}, password => $p->{password} });
        is_problem($res, 503, undef, "sign-in $attempt: 503");
        cmp_ok $res->took, '<=', $FIRST, '... soon';
        ok $res->header('Retry-After'), '... Retry-After';
    }
    my $res;
    ok wait_until(8, sub { ($res = $platform->get('/api/brands', token => $p->{token}))->status == 503 }),
        'what is cached is believed for the TTL, then: 503';
    is_problem($res, 503, undef, '... as a problem');
    is($platform->get('/api/openapi.json')->status, 200, 'what needs no database is served');
    $own->start;
    ok wait_until(40, sub { $platform->get('/api/health/ready')->status == 200 }), 'back: ready by itself';
    ok wait_until(40, sub { $platform->post('/api/auth/login', { email => $p->{email}, password => $p->{password} })->status == 200 }),
        'signing in works by itself';
    my $in_a_row = 0;
    ok wait_until(40, sub { $in_a_row = $platform->get('/api/brands', token => $p->{token})->status == 200 ? $in_a_row + 1 : 0;
        $in_a_row >= 6 }), 'and the rest';
    is_deeply [$platform->pids('main'), $platform->pids('login')], \@pids, 'by the same workers';
    $platform->stop;
};

done_testing;
