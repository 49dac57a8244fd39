# When a tenant was last written: by its own changes alone, not by reads, refusals or neighbours.
# The shapes, and databases that are away, are looked at in 0170-health.t and 0130-away.t.
use Erp::Test;
use Time::HiRes qw(time);
use Erp::Json qw(to_json from_json);

my $erp = Erp::Test->start(workers => 3, login_workers => 1);
my ($shop, $calm) = map { my $t = $erp->seed_tenant(slug => $_);
    $t->{token} = $erp->login($t->{email}, $t->{password})->{access_token}; $t } qw(shop calm);
my @as = (token => $shop->{token});

sub last_activity {
    my ($token) = @_;
    my %seen = map { to_json([$erp->get('/api/health/tenant', token => $token // $shop->{token})->json->{last_activity}]) => 1 } 1 .. 4;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is scalar keys %seen, 1, 'every worker says the same';
    return from_json((keys %seen)[0])->[0];
}

# Seconds since the epoch of RFC 3339 text.
sub seconds {
    my ($text) = @_;
    my ($date, $h, $m, $s) = ($text // '') =~ /^(\d{4}-\d\d-\d\d)T(\d\d):(\d\d):(\d\d\.\d{3})Z$/ or return -1;
    chomp(my $day = `date -u -d $date +%s`);
    return $day + $h * 3600 + $m * 60 + $s;
}

# Does something, which must (or must not) move the time of the last write to now.
my $before;

sub moves {
    my ($what, $status, $do) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $began = time;
    my $res = $do->();
    my $ended = time;
    is $res->status, $status, $what or diag $res->brief;
    my $after = last_activity();
    my $at = seconds($after);
    ok $at >= int($began * 1000) / 1000 && $at <= $ended + 0.001, '... moves it to that moment' or diag "$began $after $ended";
    $before = $after;
    return $res;
}

sub keeps {
    my ($what, $status, $do) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $res = $do->();
    is $res->status, $status, $what or diag $res->brief;
    is last_activity(), $before, '... leaves it';
    return $res;
}

is last_activity(), undef, 'a tenant that was never written: null';
keeps('the first read of the settings', 200, sub { $erp->get('/api/settings', @as) });
is_deeply [map { "$_->{kind} $_->{action}" } $erp->mongo_all('shop_audit', doc(find => 'audit_log', filter => { collection => 'settings' }))],
    ['service create'], 'makes the record of defaults, as the service, and that is written down';
moves('changed settings', 200, sub { $erp->patch('/api/settings', { website_name => 'Shop' }, @as) });

my $made = moves('a record is made', 200, sub { $erp->post('/api/products', { name => 'A', price => 1 }, @as) })->json;
my $path = "/api/products/$made->{id}";

subtest 'reads' => sub {
    my (undef, $listing) = $erp->run_program($erp->{erpd}, ['--routes', '--json']);
    for my $row (grep { $_->{method} eq 'GET' } @{ from_json($listing) }) {
        (my $address = $row->{path}) =~ s/\{[^}]+\}/($row->{resource} \/\/ '') eq 'product' ? $made->{id} : 'none'/e;
        my $may = $row->{auth} eq 'public' || grep { $_ eq 'tenant_admin' } @{ $row->{roles} };
        my $asks = grep { $_->{required} } @{ $row->{query} || [] };
        keeps("GET $address", !$may ? 403 : $asks ? 400 : $address =~ m{\bnone\b|/subscription\z} ? 404 : 200, sub { $erp->get($address, @as) });
    }
};

subtest 'refusals' => sub {
    keeps('a body that is refused', 422, sub { $erp->post('/api/products', { name => 7 }, @as) });
    keeps('no JSON', 400, sub { $erp->request('POST', '/api/products', @as, body => '{') });
    keeps('a record that is not there', 404, sub { $erp->delete('/api/products/none', @as) });
    keeps('a stale If-Match', 412, sub { $erp->patch($path, { name => 'B' }, @as, headers => { 'If-Match' => '"x"' }) });
    keeps('no token', 401, sub { $erp->delete($path) });
    keeps('another tenant', 404, sub { $erp->delete($path, token => $calm->{token}) });
    keeps('a sign-in', 200, sub { $erp->post('/api/auth/login', { email => $shop->{email}, password => $shop->{password} }) });
};

subtest 'neighbours' => sub {
    is($erp->post('/api/products', { name => 'Calm', price => 1 }, token => $calm->{token})->status, 200, 'another tenant writes');
    is last_activity(), $before, '... its own time moves, not this one';
    my ($a, $b) = map {
        $erp->seed_user(email => "$_\@old.example", password => 'old-password', role => 'tenant_admin', tenant_id => "old-$_");
        $erp->login("$_\@old.example", 'old-password')->{access_token} } qw(a b);
    is($erp->post('/api/products', { name => 'Old', price => 1 }, token => $a)->status, 200, 'in the shared database as well');
    like last_activity($a), qr/^\d{4}-/, '... one has written';
    is last_activity($b), undef, '... the other has not';
};

moves('PATCH', 200, sub { $erp->patch($path, { name => 'B' }, @as) });
moves('PUT', 200, sub { $erp->put($path, { name => 'C', price => 2 }, @as) });
moves('DELETE', 200, sub { $erp->delete($path, @as) });
is_deeply $erp->get('/api/products', @as)->json, [], 'nothing is left, but when that was is known';

subtest 'who may look' => sub {
    $erp->seed_user(email => "$_\@shop.example", password => 'pass-word-1', role => $_, tenant_id => $shop->{tenant_id},
        user => { tenant_slug => 'shop' }) for qw(staff cashier technician branch_manager head_office);
    for my $role (qw(staff cashier technician branch_manager head_office)) {
        my $token = $erp->login("$role\@shop.example", 'pass-word-1')->{access_token};
        is($erp->get("/api/health/tenant$_", token => $token)->status, 200, "$role: /api/health/tenant$_") for '', '/collections';
    }
    $erp->mongo('admin', doc(update => 'tenants_registry',
        updates => [doc(q => { slug => 'shop' }, u => { '$set' => { status => 'suspended' } })]));
    $erp->erpctl('cache', 'clear', 'shop');
    is_problem($erp->get("/api/health/tenant$_", @as), 403, 'tenant_inactive', "suspended: /api/health/tenant$_") for '', '/collections';
};

done_testing;
