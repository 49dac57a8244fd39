# What an operator sees of the workers: erpctl status, /metrics, and one tenant logged in detail.
use Erp::Test;
use Time::HiRes qw(time);
use Erp::Fcgi;
use Erp::Json qw(from_json);
use Erp::Proc qw(free_port);
use Erp::Say qw(slurp);

my $erp = Erp::Test->start(workers => 3, login_workers => 1, watch => 1);
my ($shop, $calm) = map { my $t = $erp->seed_tenant(slug => $_);
    $t->{token} = $erp->login($t->{email}, $t->{password})->{access_token}; $t } qw(shop calm);
my @as = (token => $shop->{token});

sub status { my ($code, $out, $err) = $erp->erpctl('status', '--json'); diag $err if $code; return from_json($out) }
sub of { my ($slug) = @_; return (grep { ($_->{tenant} // '') eq $slug } @{ status()->{tenants} })[0] }

subtest 'counters by tenant' => sub {
    is($erp->get('/api/brands', @as)->status, 200, 'served') for 1 .. 5;
    is($erp->get('/api/brands/none', @as)->status, 404, 'refused') for 1 .. 3;
    my $row = of('shop');
    is $row->{requests}, 8, 'requests';
    is $row->{refused}, 3, 'refused';
    is $row->{failed}, 0, 'failed';
    cmp_ok $row->{db_round_trips}, '>=', 8, 'commands of the database';
    cmp_ok $row->{ms}, '>', 0, 'time';
    cmp_ok $row->{db_ms}, '<=', $row->{ms}, '... of which in the database';
    is of('calm'), undef, 'a tenant that did nothing';
    $erp->kill_worker('KILL', $_) for my @old = $erp->pids('main');
    ok wait_until(20, sub { !grep { my $p = $_; !$p || grep { $p == $_ } @old } $erp->pids('main') }), 'workers killed and replaced';
    ok wait_until(20, sub { $erp->get('/api/health/live')->status == 200 }), '... serve';
    is of('shop')->{requests}, 8, 'what they counted stays';
    is($erp->get('/api/brands', @as)->status, 200, 'served');
    is of('shop')->{requests}, 9, '... and is added to';
};

subtest 'what a worker does now' => sub {
    my $socket = IO::Socket::UNIX->new(Type => Socket::SOCK_STREAM(), Peer => $erp->socket('main'));
    syswrite $socket, Erp::Fcgi::begin({ REQUEST_METHOD => 'POST', DOCUMENT_URI => '/api/brands',
        CONTENT_TYPE => 'application/json', CONTENT_LENGTH => 12, HTTP_AUTHORIZATION => "Bearer $shop->{token}" });
    my $busy;
    ok wait_until(10, sub { ($busy) = grep { $_->{state} eq 'busy' } @{ status()->{workers} }; $busy && $busy->{tenant} }), 'one is busy';
    is_deeply [@$busy{qw(tenant route pool)}], ['shop', 'POST /api/brands', 'main'], '... with what, for whom, in which pool';
    ok wait_until(10, sub { (grep { $_->{state} eq 'busy' } @{ status()->{workers} })[0]{busy_ms} > 200 }), '... and for how long';
    my (undef, $text) = $erp->erpctl('status');
    like $text, qr/busy +shop +POST \/api\/brands/, 'in text';
    like $text, qr/The watcher lives/, '... the watcher';
    like $text, qr/registry cache: [\d.]+ % of \d+ look-ups/, '... cache hit rates';
    syswrite $socket, Erp::Fcgi::body('{"name":"x"}') . Erp::Fcgi::end();
    1 while sysread $socket, my $rest, 4096;
    is_deeply [sort map { "$_->{pool} $_->{state}" } @{ status()->{workers} }], ['login idle', ('main idle') x 3], 'all idle';
    my $all = status();
    cmp_ok $all->{caches}{registry_hit_rate}, '>', 0, 'registry hit rate';
    cmp_ok $all->{caches}{registry_hit_rate}, '<', 1, '... of which some missed';
    ok $all->{watcher_alive}, 'the watcher lives';
    is_deeply $all->{breakers}, [], 'no breaker';
};

subtest 'a breaker and its tenants' => sub {
    my $port = free_port();
    my $dead = $erp->seed_tenant(slug => 'dead', entry => { db_uri => "mongodb://127.0.0.1:$port/" });
    my $token = $erp->login($dead->{email}, $dead->{password})->{access_token};
    is($erp->get('/api/brands', token => $token)->status, 503, 'its database is away');
    my $breakers = status()->{breakers};
    is scalar @$breakers, 1, 'one breaker';
    is_deeply $breakers->[0]{tenants}, ['dead'], '... says whose';
    like $breakers->[0]{state}, qr/^(?:open|probing)$/, '... and that it is open';
    cmp_ok of('dead')->{failed}, '>=', 1, 'its failures are counted';
    like +($erp->erpctl('status'))[1], qr/Cluster [0-9a-f]{16} is (?:open|probing) .* dead$/m, 'in text';
    like $erp->get('/metrics')->body, qr/^erpd_breaker_open\{cluster="\Q$breakers->[0]{cluster}\E"\} 1$/m, 'in the metrics';
};

# The text format, line by line (prometheus.io, "Exposition formats", version 0.0.4).
sub parse {
    my ($text) = @_;
    my (%type, %help, %value, %closed, @bad);
    my $now = '';
    push @bad, 'no line feed at the end' if $text !~ /\n\z/;
    for my $line (split /\n/, $text) {
        if ($line =~ /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (?:[^\\]|\\\\|\\n)+$/) {
            push @bad, "HELP twice: $1" if $help{$1}++;
            next;
        }
        if ($line =~ /^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram|summary|untyped)$/) {
            push @bad, "TYPE twice: $1" if $type{$1};
            push @bad, "TYPE before HELP: $1" if !$help{$1};
            $closed{$now} = 1;
            ($now, $type{$1}) = ($1, $2);
            next;
        }
        my ($name, $labels, $number) = $line =~ /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/
            or push @bad, "no sample: $line" and next;
        my $base = $name;
        $base =~ s/_(?:bucket|sum|count)$// if ($type{ $name =~ s/_(?:bucket|sum|count)$//r } // '') eq 'histogram';
        push @bad, "outside its family: $line" if $base ne $now || $closed{$base};
        push @bad, "no number: $line" if $number !~ /^(?:[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?|NaN|[+-]Inf)$/;
        push @bad, "a counter's name: $name" if $type{$base} eq 'counter' && $name !~ /_total$/;
        push @bad, "below zero: $line" if $type{$base} eq 'counter' && $number !~ /^[+]?[\d.e+]+$/;
        my %l;
        my $rest = $labels // '';
        while ($rest =~ s/^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)//) {
            push @bad, "label twice: $line" if exists $l{$1};
            $l{$1} = $2;
        }
        push @bad, "labels: $line" if $rest ne '';
        my $key = join ',', $name, map { "$_=$l{$_}" } sort keys %l;
        push @bad, "series twice: $line" if exists $value{$key};
        $value{$key} = $number;
    }
    return (\%value, \%type, @bad);
}

subtest 'metrics' => sub {
    my $res = $erp->get('/metrics');
    is $res->status, 200, 'served';
    is $res->header('Content-Type'), 'text/plain; version=0.0.4; charset=utf-8', 'as what a collector expects';
    my ($value, $type, @bad) = parse($res->body);
    is_deeply \@bad, [], 'a strict parser has nothing to say';
    is $value->{'erpd_tenant_requests_total,tenant=shop'}, of('shop')->{requests}, 'requests of a tenant, as erpctl says';
    is $value->{'erpd_tenant_errors_total,class=4xx,tenant=shop'}, 3, '... errors';
    is $value->{'erpd_watcher_up'}, 1, 'the watcher';
    is $value->{'erpd_workers,pool=main,state=busy'}, 1, 'the worker that answers is busy';
    is $value->{'erpd_workers,pool=main,state=idle'}, 2, '... the others idle';
    is $type->{erpd_request_duration_seconds}, 'histogram', 'durations';
    my @buckets = map { $value->{"erpd_request_duration_seconds_bucket,le=$_"} } qw(0.005 0.025 0.1 0.5 2.5 +Inf);
    is_deeply \@buckets, [sort { $a <=> $b } @buckets], '... rise';
    is $buckets[-1], $value->{erpd_request_duration_seconds_count}, '... up to all';
    is_deeply [grep { /_total$/ && $type->{$_} ne 'counter' } keys %$type], [], 'totals are counters';
    my ($later) = parse($erp->get('/metrics')->body);
    is_deeply [grep { /_total\b/ && ($later->{$_} // -1) < $value->{$_} } keys %$value], [], 'counters never fall';
    unlike $res->body, qr/mongodb|127\.0\.0\.1|\@/, 'no address, no person';
    is($erp->request('HEAD', '/metrics')->status, 200, 'HEAD');
    isnt($erp->post('/metrics', {})->status, 200, 'POST is nothing');
    is($erp->get('/api/metrics')->status, 404, 'not part of the interface');
    unlike $erp->get('/api/openapi.json')->body, qr/metrics/, '... nor of its description';
    is_problem($erp->get('/metrics', curl => ['--interface', '127.0.0.2']), 403, 'forbidden', 'another address is refused');
    is($erp->get('/api/health/live', curl => ['--interface', '127.0.0.2'])->status, 200, '... and only there');
    is_problem($erp->get('/api/../metrics', curl => ['--interface', '127.0.0.2']), 403, 'forbidden', '... by no detour');
};

# The lines of a request in the workers' log.
sub lines {
    my ($res) = @_;
    my $id = $res->header('X-Request-Id');
    return grep { /request_id=\Q$id\E\b/ } split /\n/, slurp("$erp->{log}/main.log");
}

subtest 'one tenant in detail' => sub {
    is scalar(grep { /level=debug/ } lines($erp->get('/api/brands', @as))), 0, 'as usual: no details';
    is +($erp->erpctl('log', 'shop', 'debug', '--for', '5'))[0], 0, 'switched on';
    my @lines = lines($erp->get('/api/brands', @as));
    my ($db) = grep { /level=debug event=db .*collection=brands/ } @lines;
    like $db, qr/ db=\Q$shop->{db_name}\E command=find collection=brands ms=[\d.]+/, 'database, command, time';
    ok +(grep { /event=registry_cache .*key=shop result=(?:hit|miss)/ } @lines), 'what the registry cache had';
    ok +(grep { /event=client_cache .*result=(?:hit|miss)/ } @lines), '... and the clients';
    is scalar(grep { !/event=/ } @lines), 0, 'whole lines';
    is scalar(grep { /level=debug/ } lines($erp->get('/api/brands', token => $calm->{token}))), 0, 'others are logged as usual';
    my $secret = 'a-secret-name-7351';
    my $res = $erp->post('/api/brands', { name => $secret }, @as);
    is $res->status, 200, 'a write';
    ok +(grep { /event=db .*command=insert .*txn=yes/ } lines($res)), '... is logged';
    unlike join("\n", lines($res), lines($erp->get("/api/brands?q=$secret", @as))), qr/\Q$secret\E|mongodb:|Bearer|eyJ/, '... without values or secrets';
    my (undef, $list) = $erp->erpctl('log', '--json');
    is_deeply [map { $_->{slug} } @{ from_json($list) }], ['shop'], 'the list';
    $erp->kill_worker('KILL', ($erp->pids('main'))[0]);
    ok +(grep { /level=debug/ } lines($erp->get('/api/brands', @as))), 'outlives workers';
    is +($erp->erpctl('log', 'shop', 'off'))[0], 0, 'switched off';
    is scalar(grep { /level=debug/ } lines($erp->get('/api/brands', @as))), 0, '... at once';
    is_deeply from_json(($erp->erpctl('log', '--json'))[1]), [], '... and from the list';
    is +($erp->erpctl('log', @$_))[0], 64, "refused: @$_"
        for ['shop'], ['Shop!', 'debug'], ['shop', 'trace'], ['shop', 'debug', '--for', '0'], ['shop', 'debug', '--for', '1441'], ['shop', 'off', '--for', '3'];
    is +($erp->erpctl('log', 'nobody', 'debug'))[0], 1, 'no such tenant';
    is_deeply from_json(($erp->erpctl('log', '--json'))[1]), [], '... takes no place';
    is +($erp->erpctl('log', 'default', $_))[0], 0, "the shared database: $_" for 'debug', 'off';
    my @told = $erp->mongo_all('admin_audit', doc(find => 'audit_log', filter => { action => { '$in' => [qw(log_debug log_off)] } }, sort => { id => 1 }));
    is_deeply [map { "$_->{action} $_->{record_id}" } @told], ['log_debug shop', 'log_off shop', 'log_debug default', 'log_off default'], 'who asked is written down';
    $erp->mongo_insert('admin', 'tenants_registry', map { { slug => $_, tenant_id => Erp::Test::uuid(), status => 'active', db_name => $_ } } 'one-more', map { "biz-$_" } 1 .. 32);
    is +($erp->erpctl('log', "biz-$_", 'debug'))[0], 0, "tenant $_" for 1 .. 32;
    is +($erp->erpctl('log', 'one-more', 'debug'))[0], 1, 'no more than 32 at a time';
    is +($erp->erpctl('log', 'biz-9', 'off'))[0], 0, 'one less';
    is +($erp->erpctl('log', 'one-more', 'debug'))[0], 0, '... makes room';
};

done_testing;
