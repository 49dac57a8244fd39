# Payments of a sale, what is due of it, and cancelling it: one of many at once wins, and what is
# settled stays as history.
use Erp::Test;
use Erp::AtOnce qw(at_once patiently);
use Erp::Json qw(from_json);

my $erp = Erp::Test->start(workers => 4, login_workers => 1, env => { ERP_TENANT_SHARE => 100 });
my $shop = $erp->seed_tenant(slug => 'pay');
my @as = (token => $erp->login($shop->{email}, $shop->{password})->{access_token});

sub made {
    my ($path, $body) = @_;
    my $r = $erp->post($path, $body, @as);
    is $r->status, 200, "POST $path" or diag $r->brief;
    return $r->json;
}
sub one { my ($collection, $filter) = @_; return $erp->mongo_all($shop->{db_name}, doc(find => $collection, filter => $filter)) }
sub pay { my ($sale, $body) = @_; return $erp->post("/api/sales/$sale/payments", $body, @as) }
sub sale { return $erp->get("/api/sales/$_[0]", @as)->json }
sub stock { return $erp->get("/api/products/$_[0]", @as)->json->{stock} }

my $rice = made('/api/products', { name => 'Rice', price => 12.5, stock => 100 })->{id};
my %who = (customer_name => 'Karim', customer_phone => '01711-222333');
sub credit { return made('/api/sales', { items => [{ product_id => $rice, quantity => 2, price => 12.5 }], %who, paid_amount => $_[0] // 0 }) }

subtest 'bit by bit' => sub {
    my $s = credit(5);
    my $r = pay($s->{id}, { amount => 8.25, method => 'card', reference => 'X' });
    is $r->status, 200, 'a part' or diag $r->brief;
    my $said = $r->json;
    is_deeply [@$said{qw(new_balance_due payment_status)}], [11.75, 'partially_paid'], 'what is left';
    my ($due) = @{ $erp->get('/api/customer-dues', @as)->json };
    is_deeply [@$due{qw(paid_amount due_amount status)}], [13.25, 11.75, 'open'], 'the due follows';
    is_deeply [@{ sale($s->{id}) }{qw(amount_paid balance_due payment_status)}], [13.25, 11.75, 'partially_paid'], '... and the sale';
    for my $bad ([{ amount => 0, method => 'cash' }, 'amount'], [{ amount => -1, method => 'cash' }, 'amount'], [{ amount => 11.76, method => 'cash' }, 'amount'],
        [{ amount => 1, method => 'gold' }, 'method'], [{ amount => 1 }, 'method'], [{ method => 'cash' }, 'amount'], [{ amount => 1.001, method => 'cash' }, 'amount']) {
        $r = pay($s->{id}, $bad->[0]);
        is_problem($r, 422, 'validation', 'refused: ' . join ' ', map { $_ // '-' } @{ $bad->[0] }{qw(amount method)});
        is $r->json->{errors}[0]{field}, $bad->[1], "... at $bad->[1]";
    }
    is_problem(pay('none', { amount => 1, method => 'cash' }), 404, 'not_found', 'no such sale');
    $r = pay($s->{id}, { amount => 11.75, method => 'Cash' });
    is_deeply [@{ $r->json }{qw(new_balance_due payment_status)}], [0, 'paid'], 'the rest';
    is_deeply $erp->get('/api/customer-dues', @as)->json, [], 'nothing is due';
    ($due) = @{ $erp->get('/api/customer-dues/history', @as)->json };
    is_deeply [@$due{qw(sale_id due_amount paid_amount status)}], [$s->{id}, 0, 25, 'settled'], '... and what was is history';
    ok $due->{closed_at}, '... with its end';
    my ($told) = one('notifications', { type => 'unpaid_invoice', sale_id => $s->{id} });
    is_deeply [map { $_ ? 1 : 0 } @$told{qw(is_read is_sticky)}], [1, 0], 'nobody is reminded any more';
    ($told) = one('notifications', { type => 'payment_received', sale_id => $s->{id} });
    is $told->{message}, "Payment of \x{9f3}11.75 received for Invoice $s->{invoice_no}", 'but told';
    is_problem(pay($s->{id}, { amount => 1, method => 'cash' }), 409, 'illegal_transition', 'no more can be paid');
    is_deeply [map { "$_->{method} $_->{amount}" } @{ $erp->get("/api/sales/$s->{id}/invoice", @as)->json->{payments} }],
        ['cash 5', 'card 8.25', 'cash 11.75'], 'all payments';
    is($erp->get("/api/customers/$s->{customer_id}", @as)->json->{due_amount}, 0, 'the customer owes nothing');
};

subtest 'twenty full payments at once' => sub {
    my $s = credit();
    my %said;
    $said{$_}++ for at_once(20, sub { patiently(sub { pay($s->{id}, { amount => 25, method => 'cash' }) })->status });
    is_deeply \%said, { 200 => 1, 409 => 19 }, 'one is accepted';
    is_deeply [@{ sale($s->{id}) }{qw(amount_paid balance_due payment_status)}], [25, 0, 'paid'], 'paid once';
    is scalar(my @payments = one('payments', { sale_id => $s->{id} })), 1, 'one payment is stored';
    is($erp->get("/api/customers/$s->{customer_id}", @as)->json->{due_amount}, 0, 'the customer owes nothing');
};

subtest 'many parts at once' => sub {
    my $s = credit();
    my %said;
    $said{$_}++ for at_once(10, sub { patiently(sub { pay($s->{id}, { amount => 4, method => 'cash' }) })->status });
    is_deeply \%said, { 200 => 6, 422 => 4 }, 'as many as fit';
    is_deeply [@{ sale($s->{id}) }{qw(amount_paid balance_due)}], [24, 1], '... and no more';
};

subtest 'cancelling' => sub {
    my $had = stock($rice);
    my $s = credit();
    is stock($rice), $had - 2, 'sold';
    my ($bought) = $erp->get("/api/customers/$s->{customer_id}", @as)->json;
    my $r = $erp->patch("/api/sales/$s->{id}/cancel?reason=mistake", undef, @as);
    is $r->status, 200, 'cancelled' or diag $r->brief;
    is_deeply { %{ $r->json }, message => 1 }, { message => 1, sale_id => $s->{id}, stock_restored => 1 }, 'says so';
    is stock($rice), $had, 'the stock is back';
    my ($row) = one('stock_ledger', { document_id => $s->{id}, kind => 'cancel' });
    is_deeply [@$row{qw(delta document_number)}], [2, $s->{sale_number}], '... by the ledger too';
    my $now = sale($s->{id});
    is_deeply [@$now{qw(status cancelled_by cancellation_reason)}], ['cancelled', $shop->{user_id}, 'mistake'], 'by whom and why';
    ok $now->{cancelled_at}, '... and when';
    my ($due) = one('customer_dues', { sale_id => $s->{id} });
    is $due->{status}, 'cancelled', 'nothing is due of it';
    my $customer = $erp->get("/api/customers/$s->{customer_id}", @as)->json;
    is $customer->{total_purchases}, $bought->{total_purchases} - 25, 'the customer has not bought it';
    is $customer->{due_amount}, $bought->{due_amount} - 25, '... and does not owe it';
    is scalar(my @told = one('notifications', { type => 'sale_cancelled', sale_id => $s->{id} })), 1, 'people are told';
    is scalar(@told = one('notifications', { type => 'unpaid_invoice', sale_id => $s->{id}, is_read => \0 })), 0, '... and not reminded';
    is_problem($erp->patch("/api/sales/$s->{id}/cancel", undef, @as), 409, 'illegal_transition', 'once');
    is_problem(pay($s->{id}, { amount => 1, method => 'cash' }), 409, 'illegal_transition', 'it takes no payment');
    is_problem($erp->patch('/api/sales/none/cancel', undef, @as), 404, 'not_found', 'no such sale');
    my $paid = credit(1);
    $r = $erp->patch("/api/sales/$paid->{id}/cancel", { reason => 'x' }, @as);
    is_problem($r, 409, 'illegal_transition', 'with a payment');
    like $r->json->{detail}, qr/process a return/, '... says what to do';
    my $user = $erp->seed_user(email => 'c@pay.example', password => 'pay-password', role => 'cashier', tenant_id => $shop->{tenant_id},
        user => { tenant_slug => 'pay', branch_id => 'b' });
    is_problem($erp->patch("/api/sales/$paid->{id}/cancel", undef, token => $erp->login('c@pay.example', 'pay-password')->{access_token}),
        403, 'role_forbidden', 'not by a cashier');
};

subtest 'cancelled and paid at once' => sub {
    for my $round (1 .. 5) {
        my $s = credit();
        my $had = stock($rice);
        my @said = at_once(4, sub {
            my ($i) = @_;
            return 'pay ' . patiently(sub { pay($s->{id}, { amount => 25, method => 'cash' }) })->status if $i % 2;
            return 'cancel ' . patiently(sub { $erp->patch("/api/sales/$s->{id}/cancel", undef, @as) })->status;
        });
        is scalar(grep { / 200$/ } @said), 1, "round $round: one wins" or diag "@said";
        my $now = sale($s->{id});
        is $now->{status} eq 'cancelled' ? $now->{amount_paid} : $now->{balance_due}, 0, '... and the sale is one of both';
        is stock($rice), $had + ($now->{status} eq 'cancelled' ? 2 : 0), '... as is the stock';
    }
};

my ($status, $out) = $erp->erpctl('stock', 'reconcile', 'pay', '--json');
is_deeply [$status, from_json($out)->{faults}], [0, 0], 'the ledger adds up';

done_testing;
