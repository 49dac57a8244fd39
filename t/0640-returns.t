# Returns: asked for, approved or rejected; never more comes back than was sold, never more money
# than it came to, however many ask and decide at once; and what it leaves of sale, due and stock.
use Erp::Test;
use Erp::AtOnce qw(statuses_at_once);
use Erp::Json qw(from_json);

my $erp = Erp::Test->start(workers => 4, login_workers => 1, env => { ERP_TENANT_SHARE => 100 });
my $shop = $erp->seed_tenant(slug => 'back');
my @as = (token => $erp->login($shop->{email}, $shop->{password})->{access_token});

sub made {
    my ($path, $body) = @_;
    my $r = $erp->post($path, $body, @as);
    is $r->status, 200, "POST $path" or diag $r->brief;
    return $r->json;
}
sub user {
    my ($role, $branch) = @_;
    my $email = "$role-" . ($branch ? substr $branch, -6 : 'all') . '@back.example';
    $erp->seed_user(email => $email, password => 'back-password', role => $role, tenant_id => $shop->{tenant_id},
        user => { tenant_slug => 'back', $branch ? (branch_id => $branch) : () });
    return (token => $erp->login($email, 'back-password')->{access_token});
}
sub one { my ($collection, $filter) = @_; my @all = $erp->mongo_all($shop->{db_name}, doc(find => $collection, filter => $filter)); return wantarray ? @all : $all[0] }
sub sale { return $erp->get("/api/sales/$_[0]", @as)->json }
sub stock { return $erp->get("/api/products/$_[0]", @as)->json->{stock} }
sub ask { my ($body, @who) = @_; return $erp->post('/api/returns', $body, @who ? @who : @as) }
sub decide { my ($id, $how, $body, @who) = @_; return $erp->patch("/api/returns/$id/$how", $body, @who ? @who : @as) }

# Everything that a return touches, as it is.
sub state {
    my %all = map { $_ => [one($_, {})] } qw(sales returns payments customer_dues customers products stock_ledger counters notifications);
    $all{audit} = $erp->mongo("$shop->{db_name}_audit", doc(count => 'audit_log', query => { kind => 'data' }))->{n};
    return \%all;
}

my $rice = made('/api/products', { name => 'Rice', price => 10, stock => 1000 })->{id};
my $oil = made('/api/products', { name => 'Oil', price => 4, stock => 1000 })->{id};
my %who = (customer_name => 'Karim', customer_phone => '01711-222333');
sub sell {
    my (%more) = @_;
    return made('/api/sales', { items => [{ product_id => $rice, quantity => 3, price => 10 }], %who, %more });
}
sub wanted { my ($sale, %more) = @_; return { sale_id => $sale->{id}, product_id => $rice, reason => 'Damaged', refund_amount => 10, %more } }

subtest 'paid goods come back' => sub {
    my $s = sell(payment_method => 'bkash');
    my $had = stock($rice);
    my ($customer) = $erp->get("/api/customers/$s->{customer_id}", @as)->json;
    my $r = ask(wanted($s));
    is $r->status, 200, 'asked for' or diag $r->brief;
    my $asked = $r->json;
    is_deeply [@$asked{qw(return_number status quantity line refund_amount reason sale_number approved_by created_by)}],
        ['RET-000001', 'pending', 1, 0, 10, 'Damaged', $s->{sale_number}, undef, $shop->{email}], 'as it is shown';
    like $r->header('location'), qr{^/api/returns/\Q$asked->{id}\E$}, 'Location';
    is_deeply $erp->get('/api/returns', @as)->json, [$asked], 'it is listed';
    is stock($rice), $had, 'nothing came back yet';
    is sale($s->{id})->{total}, 30, '... and the sale is what it was';
    $r = decide($asked->{id}, 'approve');
    is $r->status, 200, 'approved' or diag $r->brief;
    my $done = $r->json;
    is_deeply [@$done{qw(return_id refund_amount paid_back new_balance_due payment_status)}, $done->{restocked} ? 1 : 0],
        [$asked->{id}, 10, 10, 0, 'paid', 1], 'says so';
    is stock($rice), $had + 1, 'the stock is back';
    my $row = one('stock_ledger', { document_id => $asked->{id} });
    is_deeply [@$row{qw(kind delta document_number)}], ['return', 1, 'RET-000001'], '... by the ledger too';
    my $now = sale($s->{id});
    is_deeply [@$now{qw(total amount_paid balance_due payment_status refunded_amount subtotal)}], [20, 20, 0, 'paid', 10, 30], 'the sale is worth less';
    is_deeply [@{ $now->{items}[0] }{qw(quantity returned_quantity return_pending)}], [3, 1, 0], '... and its item says why';
    is_deeply [map { "$_->{method} $_->{amount} " . ($_->{reference} // '') } @{ $erp->get("/api/sales/$s->{id}/invoice", @as)->json->{payments} }],
        ['bkash 30 ', 'bkash -10 RET-000001'], 'a negative payment';
    my $kept = $erp->get("/api/returns/$asked->{id}", @as)->json;
    is_deeply [@$kept{qw(status approved_by paid_back refund_method payment_id)}],
        ['approved', $shop->{email}, 10, 'bkash', $done->{payment_id}], 'the return knows it all';
    ok $kept->{approved_at}, '... and when';
    my $after = $erp->get("/api/customers/$s->{customer_id}", @as)->json;
    is_deeply [$after->{total_purchases}, $after->{due_amount}], [$customer->{total_purchases} - 10, $customer->{due_amount}], 'the customer bought less';
    my @audit = $erp->mongo_all("$shop->{db_name}_audit", doc(find => 'audit_log', filter => { collection => 'returns' }, sort => { id => 1 }));
    is_deeply [map { $_->{action} } @audit], ['create', 'approve'], 'audit entries';
    my $before = state();
    for my $how (qw(approve reject)) {
        is_problem(decide($asked->{id}, $how), 409, 'illegal_transition', "$how: it is decided");
        is_problem(decide('none', $how), 404, 'not_found', "$how: no such return");
    }
    is_deeply state(), $before, 'and nothing has changed';
};

subtest 'what is due' => sub {
    my $s = sell(paid_amount => 5);
    my $owed = $erp->get("/api/customers/$s->{customer_id}", @as)->json->{due_amount};
    my $done = decide(ask(wanted($s))->json->{id}, 'approve')->json;
    is_deeply [@$done{qw(paid_back new_balance_due payment_status)}], [5, 20, 'unpaid'], 'what was paid goes back, the rest is not due';
    is_deeply [@{ sale($s->{id}) }{qw(total amount_paid balance_due)}], [20, 0, 20], 'the sale follows';
    my $due = one('customer_dues', { sale_id => $s->{id} });
    is_deeply [(map { $due->{$_}{'$numberDecimal'} // $due->{$_} } qw(total_amount paid_amount due_amount)), $due->{status}],
        ['20.00', '0.00', '20.00', 'open'], '... and what is due';
    is $erp->get("/api/customers/$s->{customer_id}", @as)->json->{due_amount}, $owed - 5, '... and what the customer owes';
    $done = decide(ask(wanted($s, quantity => 2, refund_amount => 20))->json->{id}, 'approve')->json;
    is_deeply [@$done{qw(paid_back payment_id new_balance_due payment_status)}], [0, undef, 0, 'paid'], 'all of it came back: no money, nothing due';
    $due = one('customer_dues', { sale_id => $s->{id} });
    is $due->{status}, 'settled', 'the due is closed';
    is scalar(my @told = one('notifications', { type => 'unpaid_invoice', sale_id => $s->{id}, is_read => \0 })), 0, '... and nobody is reminded';
};

subtest 'how it is approved' => sub {
    my $s = sell();
    my $had = stock($rice);
    my $done = decide(ask(wanted($s))->json->{id}, 'approve?restock=false&refund=card')->json;
    ok !$done->{restocked}, 'broken goods stay out';
    is stock($rice), $had, '... of the stock';
    is one('payments', { id => $done->{payment_id} })->{method}, 'card', 'money goes back in another way';
    $done = decide(ask(wanted($s))->json->{id}, 'approve', { restock => \0, refund => 'Nagad' })->json;
    is stock($rice), $had, 'the same in the body';
    is one('payments', { id => $done->{payment_id} })->{method}, 'nagad', '... with its method';
    my $id = ask(wanted($s, refund_amount => 0))->json->{id};
    my $before = state();
    is_problem(decide($id, 'approve', { refund => 'gold' }), 422, 'validation', 'an unknown method');
    is_problem(decide($id, 'approve', { restock => 'x' }), 422, 'validation', 'no yes or no');
    is_problem(decide($id, 'approve?restock=x'), 400, 'bad_query', '... in the query');
    is_deeply state(), $before, 'and nothing has changed';
    $done = decide($id, 'approve')->json;
    is_deeply [@$done{qw(refund_amount paid_back payment_id)}], [0, 0, undef], 'goods may come back for nothing';
    is stock($rice), $had + 1, '... to the stock';
};

subtest 'rejecting' => sub {
    my $s = sell();
    my $id = ask(wanted($s, quantity => 3, refund_amount => 30))->json->{id};
    is_problem(ask(wanted($s)), 422, 'validation', 'all of it is asked for');
    my $had = stock($rice);
    my $r = decide($id, 'reject', { reason => 'Used' });
    is_deeply [$r->status, $r->json->{return_id}], [200, $id], 'rejected';
    is_deeply [@{ $erp->get("/api/returns/$id", @as)->json }{qw(status rejected_by rejection_reason)}], ['rejected', $shop->{email}, 'Used'], 'by whom and why';
    is_deeply [stock($rice), sale($s->{id})->{total}], [$had, 30], 'the sale stays as it was';
    is(ask(wanted($s, quantity => 3, refund_amount => 30))->status, 200, 'it can be asked for again');
};

subtest 'shares to the last minor unit' => sub {
    my $s = made('/api/sales', { items => [{ product_id => $oil, quantity => 3, price => 4 }, { product_id => $rice, quantity => 1, price => 10 },
        { product_id => $oil, quantity => 2, price => 4, discount => 1 }], discount => 3, %who });
    my ($first, undef, $last) = map { sprintf '%.0f', 100 * $_->{total} } @{ $s->{items} };
    my $back = 0;
    for my $k (1 .. 3) {
        my $most = sprintf '%.2f', (int($first * $k / 3 + 0.5) - int($first * ($k - 1) / 3 + 0.5)) / 100;
        my $r = ask(wanted($s, product_id => $oil, line => 0, refund_amount => $most + 0.01));
        is_problem($r, 422, 'validation', "piece $k: not a cent more than $most");
        is $r->json->{errors}[0]{field}, 'refund_amount', '... is said';
        $r = ask(wanted($s, product_id => $oil, line => 0, refund_amount => $most + 0));
        is $r->status, 200, '... but that' or diag $r->brief;
        is(decide($r->json->{id}, 'approve')->status, 200, '... approved');
        $back += 100 * $most;
    }
    is sprintf('%.0f', $back), $first, 'the line to the last cent';
    my $r = ask(wanted($s, product_id => $oil, quantity => 2, refund_amount => $last / 100));
    is $r->json->{line}, 2, 'the first line that has enough left';
    is(decide($r->json->{id}, 'approve')->status, 200, '... approved');
    is sprintf('%.2f', sale($s->{id})->{total}), sprintf('%.2f', $s->{items}[1]{total}), 'the other line is left';
};

subtest 'refusals' => sub {
    my $s = sell();
    my $gone = sell(paid_amount => 0);
    my $late = ask(wanted($gone))->json->{id};
    is($erp->patch("/api/sales/$gone->{id}/cancel", undef, @as)->status, 200, 'a sale is cancelled');
    my $before = state();
    for my $bad ([{ sale_id => 'none' }, 'sale_id', 'no such sale'], [{ product_id => 'none' }, 'product_id', 'not a product of the sale'],
        [{ product_id => $oil }, 'product_id', 'another product'], [{ line => 1 }, 'line', 'no such line'],
        [{ quantity => 4, refund_amount => 0 }, 'quantity', 'more than was sold'], [{ quantity => 0 }, 'quantity', 'none of it'],
        [{ quantity => 1.5 }, 'quantity', 'half a piece'], [{ refund_amount => 10.01 }, 'refund_amount', 'more than it came to'],
        [{ refund_amount => -1 }, 'refund_amount', 'less than nothing'], [{ refund_amount => 1.001 }, 'refund_amount', 'a third decimal'],
        [{ reason => undef }, 'reason', 'no reason'], [{ reason => 'x' x 501 }, 'reason', 'a novel']) {
        my $r = ask(wanted($s, %{ $bad->[0] }));
        is_problem($r, 422, 'validation', $bad->[2]);
        is $r->json->{errors}[0]{field}, $bad->[1], "... at $bad->[1]";
    }
    is_problem(ask(wanted($gone)), 409, 'illegal_transition', 'a cancelled sale');
    is_problem(decide($late, 'approve'), 409, 'illegal_transition', '... takes nothing back that was asked for');
    is_deeply state(), $before, 'and nothing has changed';
    is(decide($late, 'reject')->status, 200, 'it can be rejected');
};

subtest 'branches and roles' => sub {
    my %branch = map { $_ => made('/api/branches', { name => $_, address => 'x', contact_phone => '1' })->{id} } qw(north south);
    my $there = made('/api/product-branches', { product_id => $rice, branch_id => $branch{north}, stock_quantity => 10 })->{id};
    my @cashier = user('cashier', $branch{north});
    my @manager = user('branch_manager', $branch{north});
    my @other = user('branch_manager', $branch{south});
    my $s = $erp->post('/api/sales', { items => [{ product_id => $rice, quantity => 3, price => 10 }] }, @cashier)->json;
    my $had = stock($rice);
    is_problem(ask(wanted($s), @other), 422, 'validation', 'another branch does not know the sale');
    my $id = ask(wanted($s), @cashier)->json->{id};
    for my $how (qw(approve reject)) {
        is_problem(decide($id, $how, undef, @cashier), 403, 'role_forbidden', "a cashier does not $how");
        is_problem(decide($id, $how, undef, @other), 404, 'not_found', "... nor does another branch");
    }
    is_deeply $erp->get('/api/returns', @other)->json, [], 'it does not see it';
    is(decide($id, 'approve', undef, @manager)->status, 200, 'its manager approves');
    is $erp->get("/api/product-branches/$there", @as)->json->{stock_quantity}, 8, 'the stock of the branch is back';
    is stock($rice), $had, '... and not that of the product';
    my @told = map { $_->{metadata}{activity_subtype} } one('notifications', { type => 'activity' });
    is_deeply [grep { /^return/ } @told], ['return_requested', 'return_approved'], 'the administrator is told';
};

subtest 'many at once' => sub {
    my $s = sell();
    my $had = stock($rice);
    is_deeply statuses_at_once(8, sub { ask(wanted($s)) }), { 200 => 3, 422 => 5 }, 'eight ask for one of three each';
    my @asked = map { $_->{id} } @{ $erp->get("/api/returns?sale_id=$s->{id}", @as)->json };
    is scalar(@asked), 3, 'three are there';
    is_deeply statuses_at_once(8, sub { decide($asked[0], 'approve') }), { 200 => 1, 409 => 7 }, 'eight approve the same';
    is stock($rice), $had + 1, 'one is back';
    is_deeply statuses_at_once(8, sub { decide($asked[1 + $_[0] % 2], $_[0] % 4 < 2 ? 'approve' : 'reject') }), { 200 => 2, 409 => 6 }, 'approved and rejected at once';
    my @back = grep { $_->{status} eq 'approved' } @{ $erp->get("/api/returns?sale_id=$s->{id}", @as)->json };
    my $now = sale($s->{id});
    is stock($rice), $had + @back, 'what was approved is back';
    is_deeply [@{ $now->{items}[0] }{qw(returned_quantity return_pending)}], [scalar @back, 0], '... by the sale too';
    is_deeply [@$now{qw(total amount_paid balance_due)}], [30 - 10 * @back, 30 - 10 * @back, 0], '... and its money';
    my $sum = 0;
    $sum += $_->{amount} for @{ $erp->get("/api/payments?sale_id=$s->{id}", @as)->json };
    is $sum, $now->{amount_paid}, 'its payments add up to it';
};

subtest 'those of an earlier system' => sub {
    my $s = sell();
    my %old = (tenant_id => $shop->{tenant_id}, sale_id => $s->{id}, product_id => $rice, reason => 'x', status => 'pending',
        created_at => '2024-01-01T00:00:00', updated_at => '2024-01-01T00:00:00');
    $erp->mongo_insert($shop->{db_name}, 'returns', { %old, id => 'old-1', refund_amount => 9.5 }, { %old, id => 'old-2', refund_amount => 10.5 });
    is_problem(decide('old-2', 'approve'), 422, 'validation', 'too much is refused when it is approved');
    is(decide('old-1', 'approve')->status, 200, 'what is right is done');
    is_deeply [@{ $erp->get('/api/returns/old-1', @as)->json }{qw(status quantity line)}], ['approved', 1, 0], 'of one piece';
    is_deeply [@{ sale($s->{id})->{items}[0] }{qw(returned_quantity return_pending)}], [1, 0], '... and counted';
    is(decide('old-2', 'reject')->status, 200, 'the other is rejected');
    is_deeply [@{ sale($s->{id})->{items}[0] }{qw(returned_quantity return_pending)}], [1, 0], '... which was not';
};

subtest 'once a key' => sub {
    my $s = sell();
    my @key = (headers => { 'Idempotency-Key' => 'return-1' });
    my $first = ask(wanted($s), @as, @key);
    is $first->status, 200, 'asked for' or diag $first->brief;
    my $before = state();
    is(ask(wanted($s), @as, @key)->body, $first->body, 'asked again: the same reply');
    is_deeply state(), $before, '... and nothing more is done';
};

my ($status, $out) = $erp->erpctl('stock', 'reconcile', 'back', '--json');
is_deeply [$status, from_json($out)->{faults}], [0, 0], 'the ledger adds up';

done_testing;
