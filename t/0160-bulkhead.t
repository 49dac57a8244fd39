# No business holds more than its share of the pool: beyond it 429 at once, and others are served.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Erp::Fcgi;
use Erp::Json qw(from_json);
use Erp::Test;

# 40 % of 5 workers are 2; those of the other pool do not count.
my $erp = Erp::Test->start(workers => 5, login_workers => 4, env => { ERP_TENANT_SHARE => 40 });
my %t;
for my $slug (qw(busy calm)) {
    my $t = $t{$slug} = $erp->seed_tenant(slug => $slug);
    $t->{as} = [ token => $erp->login($t->{email}, $t->{password})->{access_token} ];
    is($erp->get('/api/products', @{ $t->{as} })->status, 200, "$slug is served");
}

my $pool = Erp::Fcgi->pool($erp, 'main');

# A body that does not come holds its worker behind the gate.
sub hold {
    my $socket = $pool->connect;
    syswrite $socket, Erp::Fcgi::begin({
        REQUEST_METHOD => 'POST', DOCUMENT_URI => '/api/products', CONTENT_TYPE => 'application/json',
        CONTENT_LENGTH => 26, HTTP_AUTHORIZATION => "Bearer $t{busy}{as}[1]" });
    return $socket;
}

my @held = map { hold() } 1, 2;
my $res;
ok(wait_until(10, sub { ($res = $erp->get('/api/products', @{ $t{busy}{as} }))->status != 200 }),
    'the share is used up');
is_problem($res, 429, 'tenant_busy', 'one more of the same business');
is($res->header('Retry-After'), 1, 'with Retry-After');
is($erp->get('/api/products', @{ $t{calm}{as} })->status, 200, 'another business is served');
is($erp->get('/api/health/live')->status, 200, 'and who has none');

for my $i (0, 1) {
    syswrite $held[$i], Erp::Fcgi::body('{"name":"Salt","price":10}') . Erp::Fcgi::end();
    my ($status, $body) = $pool->reply($held[$i]);
    is($status, 200, 'what was held is done') or diag $body;
}
is($erp->get('/api/products', @{ $t{busy}{as} })->status, 200, 'served again');

# A worker that was killed holds nothing.
@held = map { hold() } 1, 2;
ok(wait_until(10, sub { $erp->get('/api/products', @{ $t{busy}{as} })->status == 429 }), 'used up again');
my @busy = map { $_->{state} eq 'busy' ? $_->{pid} : () } @{ from_json(($erp->erpctl('status', '--json'))[1])->{workers} };
is(scalar @busy, 2, 'two workers are held');
$erp->kill_worker('KILL', $_) for @busy;
is($erp->get('/api/products', @{ $t{busy}{as} })->status, 200, 'killed workers free their share');

done_testing;
