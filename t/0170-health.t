# Health: of a worker, of the registry's database, and of the caller's own, in its documented shape.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Erp::Proc qw(free_port);
use Erp::Test;

my $erp = Erp::Test->start(workers => 2, login_workers => 1);

# --- without a token
is_deeply($erp->get('/api/health/live')->json, { status => 'ok' }, 'live');
is_deeply($erp->get('/api/health/ready')->json, { status => 'ok' }, 'ready');
is_problem($erp->get("/api/health/$_"), 401, 'token_missing', $_) for qw(tenant tenant/collections);

# --- a tenant's own database
my $t = $erp->seed_tenant(slug => 'hale');
my @as = (token => $erp->login($t->{email}, $t->{password})->{access_token});
my $res = $erp->get('/api/health/tenant', @as);
is($res->status, 200, 'a new business');
is_deeply($res->json, {
    tenant_slug => 'hale', database_name => $t->{db_name}, database_connected => JSON::PP::true,
    collections_count => 0, last_activity => undef }, 'nothing is there, and nothing was done');

is($erp->post('/api/products', { name => 'Salt', price => 10 }, @as)->status, 200, 'a product is made');
$res = $erp->get('/api/health/tenant', @as)->json;
my $last = $res->{last_activity};
like($last, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'last activity');
is($erp->get('/api/products', @as)->status, 200, 'reading');
is($erp->get('/api/health/tenant', @as)->json->{last_activity}, $last, 'is no activity');

$erp->mongo_insert($t->{db_name}, $_, { x => 1 }) for qw(zebra Alpha);
my $list = $erp->get('/api/health/tenant/collections', @as)->json;
is_deeply([ sort keys %$list ], [qw(collections database_name tenant_slug total_collections)], 'members of the list');
is("$list->{tenant_slug} $list->{database_name}", "hale $t->{db_name}", 'whose it is');
is_deeply([ grep { /^(?:zebra|Alpha|products)$/ } @{ $list->{collections} } ], [qw(Alpha products zebra)], 'the names');
is_deeply($list->{collections}, [ sort @{ $list->{collections} } ], 'sorted');
is($list->{total_collections}, scalar @{ $list->{collections} }, 'counted');
is($erp->get('/api/health/tenant', @as)->json->{collections_count}, $list->{total_collections}, 'the same count');

# --- the shared database of accounts without a tenant
my $old = $erp->seed_user(email => 'old@shop.example', password => 'old-password', role => 'tenant_admin',
    tenant_id => 'old-shop');
my $shared = $erp->get('/api/health/tenant',
    token => $erp->login('old@shop.example', 'old-password')->{access_token})->json;
is("$shared->{tenant_slug} $shared->{database_name}", 'default ' . $erp->db('users'), 'legacy: slug default');

# --- the platform's own account has none
$erp->seed_user(email => 'root@platform.example', password => 'root-password', role => 'super_admin');
my $super = $erp->login('root@platform.example', 'root-password')->{access_token};
is_problem($erp->get('/api/health/tenant', token => $super), 403, 'tenant_required', 'super_admin: no tenant');

# --- a database that is away: told in the same shape, at once from the second time on
my $port = free_port();
my $dead = $erp->seed_tenant(slug => 'away', entry => { db_uri => "mongodb://127.0.0.1:$port/" });
@as = (token => $erp->login($dead->{email}, $dead->{password})->{access_token});
for my $round (1 .. 3) {
    my $r = $erp->get('/api/health/tenant', @as);
    is($r->status, 503, "away: 503 ($round)");
    is_deeply($r->json, {
        tenant_slug => 'away', database_name => $dead->{db_name}, database_connected => JSON::PP::false,
        collections_count => undef, last_activity => undef }, 'and said so');
    ok($r->header('Retry-After'), 'with Retry-After');
}
is_problem($erp->get('/api/health/tenant/collections', @as), 503, 'database_unavailable', 'its collections');
is($erp->get('/api/auth/me', @as)->status, 200, 'one may still see who one is');
is($erp->get('/api/health/ready')->status, 200, 'the platform is ready all the same');

# --- the registry's database away
my $alone = Erp::Test->start(workers => 1, login_workers => 1, wait => 0,
    env => { MONGO_URL => "mongodb://127.0.0.1:$port/" });
ok(wait_until(30, sub { $alone->get('/api/health/live')->status == 200 }), 'a worker lives without a database');
is_problem($alone->get('/api/health/ready'), 503, 'registry_unavailable', 'and is not ready');
is_problem($alone->post('/api/auth/login', { email => 'a@b.example', password => 'secret-secret' }),
    503, undef, 'nobody can sign in');

done_testing;
