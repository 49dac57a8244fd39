# What is added to records: installments of orders, parts of job cards, repairs of devices.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Erp::Case;
use Erp::Test;

my $erp = Erp::Test->start(workers => 4, login_workers => 1);
my $shop = $erp->seed_tenant(slug => 'adds');
my @as = (token => $erp->login($shop->{email}, $shop->{password})->{access_token});

my %path = (customer => '/api/customers', custom_order => '/api/custom-orders', job_card => '/api/job-cards',
    device_history => '/api/device-history', product => '/api/products');
my %any;

sub made {
    my ($noun, %more) = @_;
    my $body = Erp::Case::fill({ %{ Erp::Case::least($noun) }, %more }, sub { $any{ $_[0] } //= made($_[0])->{id} });
    my $r = $erp->post($path{$noun}, $body, @as);
    die "no $noun: " . $r->brief if $r->status != 200;
    return $r->json;
}

# Audit entries of an operation on a record.
sub audited {
    my ($id, $action) = @_;
    return scalar $erp->mongo_all("$shop->{db_name}_audit",
        doc(find => 'audit_log', filter => { record_id => $id, action => $action }));
}

subtest 'an installment' => sub {
    my $order = made('custom_order', total_amount => 1000, advance_payment => 200.25);
    is $order->{balance_amount}, 799.75, 'the balance is worked out';
    is $order->{paid_amount}, 200.25, '... and what is paid';
    my $url = "/api/custom-orders/$order->{id}";
    my $r = $erp->post("$url/installment", { amount => 300.5, method => 'bkash', receipt => 'R-1', id => 'mine' }, @as);
    is $r->status, 200, 'is paid' or diag $r->body;
    is $r->json->{balance_amount}, 499.25, 'the balance is less by it';
    is $r->json->{paid_amount}, 500.75, 'what is paid is more by it';
    is $r->json->{advance_payment}, 200.25, 'the advance stays';
    my ($row) = @{ $r->json->{installments} };
    is_deeply [@$row{qw(amount method receipt added_by)}], [300.5, 'bkash', 'R-1', $shop->{email}], 'the row';
    like $row->{id}, qr/^[0-9a-f-]{36}$/, '... has an id of the server';
    like $row->{added_at}, qr/^\d{4}-\d\d-\d\dT/, '... and a time';
    is $r->header('ETag'), $erp->get($url, @as)->header('ETag'), 'the new ETag';
    is audited($order->{id}, 'installment'), 1, 'is in the audit log';

    my $before = $erp->get($url, @as)->body;
    my %bad = ('more than the balance' => [{ amount => 499.26 }, 'range'], nothing => [{ amount => 0 }, 'range'],
        negative => [{ amount => -1 }, 'range'], none => [{}, 'required'], 'no number' => [{ amount => '5' }, 'type'],
        'too many decimals' => [{ amount => 0.001 }, 'decimals']);
    for my $name (sort keys %bad) {
        $r = $erp->post("$url/installment", $bad{$name}[0], @as);
        is_problem($r, 422, 'validation', $name);
        is_deeply [map { @$_{qw(field code)} } @{ $r->json->{errors} }], ['amount', $bad{$name}[1]], '... for this reason';
    }
    like $erp->post("$url/installment", { amount => 499.26 }, @as)->json->{detail} . $r->body, qr/499\.25|amount/, 'says the balance';
    is_problem($erp->post("$url/installment", { amount => 1, '$set' => 1 }, @as), 422, 'validation', 'no operators');
    is_problem($erp->post("$url/installment", { amount => 1 }, @as, headers => { 'If-Match' => '"0-0"' }), 412, 'precondition_failed', 'If-Match');
    is_problem($erp->post('/api/custom-orders/none/installment', { amount => 1 }, @as), 404, 'not_found', 'no such order');
    is $erp->get($url, @as)->body, $before, 'none of them changed anything';

    is($erp->post("$url/installment", { amount => 499.25 }, @as)->json->{balance_amount}, 0, 'the last one');
    is_problem($erp->post("$url/installment", { amount => 0.01 }, @as), 422, 'validation', 'nothing is left to pay');
};

subtest 'the balance follows the order' => sub {
    my $order = made('custom_order', total_amount => 1000, advance_payment => 100);
    my $url = "/api/custom-orders/$order->{id}";
    $erp->post("$url/installment", { amount => 400 }, @as);
    my $r = $erp->patch($url, { total_amount => 1200, balance_amount => 1, installments => [] }, @as);
    is $r->json->{balance_amount}, 700, 'a new total';
    is scalar @{ $r->json->{installments} }, 1, 'installments are not written away';
    $r = $erp->patch($url, { total_amount => 499 }, @as);
    is_problem($r, 422, 'validation', 'less than what is paid');
    is_problem($erp->post('/api/custom-orders', { %{ Erp::Case::least('custom_order') }, advance_payment => 70000 }, @as),
        422, 'validation', 'an advance over the total');
    $erp->patch($url, { status => 'cancelled' }, @as);
    is_problem($erp->post("$url/installment", { amount => 1 }, @as), 409, 'illegal_transition', 'nothing for a cancelled one');
};

subtest 'an order of an earlier system, whose balance never moved' => sub {
    $erp->mongo_insert($shop->{db_name}, 'custom_orders', { id => 'old-order', tenant_id => $shop->{tenant_id},
        order_number => 'CO-000900', customer_name => 'Old', customer_phone => '1', total_amount => 500.1, advance_payment => 100,
        balance_amount => 400.1, delivery_date => '2025-01-01', status => 'pending', installments => [{ amount => 150 }] });
    my $r = $erp->post('/api/custom-orders/old-order/installment', { amount => 50.1 }, @as);
    is $r->status, 200, 'is paid on' or diag $r->body;
    is $r->json->{balance_amount}, 200, 'from what its rows say';
    is $r->json->{paid_amount}, 300.1, '... and so is what is paid';
};

subtest 'sixteen at once' => sub {
    my $order = made('custom_order', total_amount => 500, advance_payment => 0);
    my @pids;
    for (1 .. 16) {
        my $pid = fork // die "fork: $!";
        if (!$pid) {
            my $http = $erp->http;
            my $r;
            for (1 .. 60) {
                $r = $http->post("/api/custom-orders/$order->{id}/installment", { amount => 100 }, @as);
                last if $r->status !~ /^(?:429|503)$/;
            }
            POSIX::_exit($r->status == 200 ? 0 : $r->status == 422 ? 1 : 2);
        }
        push @pids, $pid;
    }
    my @end = (0, 0, 0);
    waitpid($_, 0), $end[$? >> 8]++ for @pids;
    is_deeply \@end, [5, 11, 0], 'five of a hundred each fit';
    my $now = $erp->get("/api/custom-orders/$order->{id}", @as)->json;
    is $now->{balance_amount}, 0, 'the balance is nothing';
    is scalar @{ $now->{installments} }, 5, 'five rows';
};

subtest 'a key pays once' => sub {
    my $url = '/api/custom-orders/' . made('custom_order')->{id} . '/installment';
    my @key = (headers => { 'Idempotency-Key' => 'pay-once' });
    my $first = $erp->post($url, { amount => 100 }, @as, @key);
    my $again = $erp->post($url, { amount => 100 }, @as, @key);
    is $again->body, $first->body, 'the same reply';
    is $again->header('Idempotency-Replayed'), 'true', 'replayed';
};

subtest 'a part of a job card' => sub {
    my $card = made('job_card');
    my $url = "/api/job-cards/$card->{id}";
    my $part = made('product', stock => 3);
    my $r = $erp->post("$url/add-part", { cost => 120.5, name => 'Fan', product_id => $part->{id}, quantity => 2 }, @as);
    is $r->status, 200, 'is added' or diag $r->body;
    is $r->json->{actual_cost}, 120.5, 'its cost is added';
    $r = $erp->post("$url/add-part", { cost => 0 }, @as);
    is $r->json->{actual_cost}, 120.5, 'one for nothing';
    is_deeply [map { $_->{name} } @{ $r->json->{parts_used} }], ['Fan', undef], 'both are listed';
    is $r->json->{parts_used}[0]{quantity}, 2, 'how many';
    is_problem($erp->post("$url/add-part", { name => 'Fan' }, @as), 422, 'validation', 'without its cost');
    $r = $erp->post("$url/add-part", { cost => 1, product_id => 'none' }, @as);
    is_problem($r, 422, 'validation', 'an unknown product');
    is $r->json->{errors}[0]{field}, 'product_id', '... is named';
    is_problem($erp->post("$url/add-part", { cost => 1, more => { map { $_ => 1 } 1 .. 65 } }, @as), 422, 'validation', 'too large');
    is audited($card->{id}, 'add-part'), 2, 'two entries in the audit log';
    $erp->request('PATCH', "$url/status?status=$_", @as) for qw(in_progress completed delivered);
    is_problem($erp->post("$url/add-part", { cost => 1 }, @as), 409, 'illegal_transition', 'nothing for a delivered one');
};

subtest 'a part that is a product' => sub {
    my $card = made('job_card');
    my $url = "/api/job-cards/$card->{id}/add-part";
    my $part = made('product', name => 'Key', stock => 4);
    my $ledger = sub { return map { join ' ', $_->{kind}, $_->{branch_id} ? 'branch' : 'own', @$_{qw(before delta after document_number)} }
        grep { $_->{kind} ne 'adjust' } @{ $erp->get("/api/stock-ledger?product_id=$part->{id}", @as)->json } };
    my $stock = sub { return $erp->get("/api/products/$part->{id}", @as)->json->{stock} };
    is $erp->post($url, { cost => 5, product_id => $part->{id} }, @as)->status, 200, 'is added';
    is $stock->(), 3, 'one goes off the shelf';
    is $erp->post($url, { cost => 5, product_id => $part->{id}, quantity => 3 }, @as)->status, 200, 'as many as are said';
    is $stock->(), 0, '... go';
    is_deeply [$ledger->()], ["job own 4 -1 3 $card->{job_number}", "job own 3 -3 0 $card->{job_number}"], 'the stock ledger says for which job';
    my $r = $erp->post($url, { cost => 5, product_id => $part->{id} }, @as);
    is_problem($r, 409, 'insufficient_stock', 'what is not there');
    is scalar @{ $erp->get("/api/job-cards/$card->{id}", @as)->json->{parts_used} }, 2, '... is not added';
    my $branch = $erp->post('/api/branches', { name => 'North', address => 'x', contact_phone => '1' }, @as)->json->{id};
    is $erp->post('/api/product-branches', { product_id => $part->{id}, branch_id => $branch, stock_quantity => 2 }, @as)->status, 200, 'a branch has some';
    $erp->seed_user(email => 'tech@adds.example', password => 'tech-password', role => 'staff', tenant_id => $shop->{tenant_id},
        user => { tenant_slug => 'adds', branch_id => $branch });
    my @tech = (token => $erp->login('tech@adds.example', 'tech-password')->{access_token});
    is $erp->post($url, { cost => 5, product_id => $part->{id} }, @tech)->status, 200, 'a technician of the branch';
    is_deeply [($ledger->())[2]], ["job branch 2 -1 1 $card->{job_number}"], '... takes of what it has';
    is(($erp->erpctl('stock', 'reconcile', 'adds'))[0], 0, 'the rows add up to the stock');
};

subtest 'a list has an end' => sub {
    my $card = made('job_card');
    $erp->mongo($shop->{db_name}, doc(update => 'job_cards', updates => [
        doc(q => { id => $card->{id} }, u => { '$set' => { parts_used => [map { { cost => 1 } } 1 .. 200] } })]));
    is_problem($erp->post("/api/job-cards/$card->{id}/add-part", { cost => 1 }, @as), 409, 'conflict', 'of two hundred');
};

subtest 'a repair of a device' => sub {
    my $card = made('job_card');
    my $device = made('device_history');
    my $url = "/api/device-history/$device->{id}/add-repair";
    my $r = $erp->request('POST', "$url?job_card_id=$card->{id}", @as);
    is $r->status, 200, 'is noted' or diag $r->body;
    is_deeply $r->json->{repair_history}, [$card->{id}], 'in the history';
    $r = $erp->post($url, { job_card_id => $card->{id} }, @as);
    is $r->status, 200, 'again, in a body';
    is_deeply $r->json->{repair_history}, [$card->{id}], '... it is there once';
    is audited($device->{id}, 'add-repair'), 1, '... and written once';
    $r = $erp->request('POST', "$url?job_card_id=none", @as);
    is_problem($r, 422, 'validation', 'no such job card');
    is $r->json->{errors}[0]{field}, 'job_card_id', '... is named';
    is_problem($erp->request('POST', $url, @as), 422, 'validation', 'none at all');
    is_problem($erp->request('POST', "$url?job=1", @as), 400, 'bad_query', 'an unknown parameter');
    is_problem($erp->request('POST', "/api/device-history/none/add-repair?job_card_id=$card->{id}", @as), 404, 'not_found', 'no such device');
};

done_testing;
