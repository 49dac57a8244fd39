# Store credit: what comes back may stay for the customer to spend, never below zero, whoever spends
# at once; it is a payment, and no money. Exchange: goods for goods, and the difference, or nothing.
use Erp::Test;
use Erp::AtOnce qw(statuses_at_once);
use Erp::Json qw(from_json);
use Erp::Say qw(slurp);

my $erp = Erp::Test->start(workers => 4, login_workers => 1, env => { ERP_TENANT_SHARE => 100 });
my $shop = $erp->seed_tenant(slug => 'swap');
my @as = (token => $erp->login($shop->{email}, $shop->{password})->{access_token});

sub made {
    my ($path, $body) = @_;
    my $r = $erp->post($path, $body, @as);
    is $r->status, 200, "POST $path" or diag $r->brief;
    return $r->json;
}
sub user {
    my ($role, $branch) = @_;
    my $email = "$role-" . ($branch ? substr $branch, -6 : 'all') . '@swap.example';
    $erp->seed_user(email => $email, password => 'swap-password', role => $role, tenant_id => $shop->{tenant_id},
        user => { tenant_slug => 'swap', $branch ? (branch_id => $branch) : () });
    return (token => $erp->login($email, 'swap-password')->{access_token});
}
sub one { my ($collection, $filter) = @_; my @all = $erp->mongo_all($shop->{db_name}, doc(find => $collection, filter => $filter)); return wantarray ? @all : $all[0] }
sub got { my ($path) = @_; return $erp->get("/api/$path", @as)->json }
sub sale { return got("sales/$_[0]") }
sub stock { return got("products/$_[0]")->{stock} }
sub has { my ($customer) = @_; return sprintf '%.2f', got("customers/$customer")->{store_credit} }

# Everything that is touched here, as it is.
sub state {
    my %all = map { $_ => [one($_, {})] } qw(sales returns payments store_credits customer_dues customers products stock_ledger counters notifications);
    $all{audit} = $erp->mongo("$shop->{db_name}_audit", doc(count => 'audit_log', query => { kind => 'data' }))->{n};
    return \%all;
}

# What always holds: payments add up to what each sale says, rows of store credit to what each customer
# has, and of what was paid the sales know how much is no money.
sub holds {
    my ($name) = @_;
    my (%paid, %credit, %left);
    for my $p (one('payments', {})) {
        my $amount = $p->{amount}{'$numberDecimal'};
        $paid{ $p->{sale_id} } += $amount;
        $credit{ $p->{sale_id} } += $amount if $p->{method} =~ /^(?:store_credit|exchange)$/;
    }
    $left{ $_->{customer_id} } += $_->{amount}{'$numberDecimal'} for one('store_credits', {});
    my @off = grep { abs($_->{amount_paid}{'$numberDecimal'} - ($paid{ $_->{id} } // 0)) > 0.001
            || abs(($_->{credit_paid} ? $_->{credit_paid}{'$numberDecimal'} : 0) - ($credit{ $_->{id} } // 0)) > 0.001
            || abs($_->{total}{'$numberDecimal'} - $_->{amount_paid}{'$numberDecimal'} - $_->{balance_due}{'$numberDecimal'}) > 0.001 } one('sales', {});
    is_deeply [map { $_->{sale_number} } @off], [], "$name: sales and payments agree";
    my %bought;
    for my $s (grep { $_->{customer_id} && $_->{status} ne 'cancelled' } one('sales', {})) {
        $bought{ $s->{customer_id} }[0] += $s->{total}{'$numberDecimal'};
        $bought{ $s->{customer_id} }[1] += $s->{balance_due}{'$numberDecimal'};
    }
    my @wrong = grep { my $c = $_; my $b = $bought{ $c->{id} } // [0, 0];
        abs(($c->{store_credit} ? $c->{store_credit}{'$numberDecimal'} : 0) - ($left{ $c->{id} } // 0)) > 0.001
            || abs($c->{total_purchases}{'$numberDecimal'} - $b->[0]) > 0.001 || abs($c->{due_amount}{'$numberDecimal'} - $b->[1]) > 0.001 } one('customers', {});
    is_deeply [map { $_->{name} } @wrong], [], '... and customers';
    my ($status, $out) = $erp->erpctl('stock', 'reconcile', 'swap', '--json');
    is_deeply [$status, from_json($out)->{faults}], [0, 0], '... and the stock';
    return;
}

my $rice = made('/api/products', { name => 'Rice', price => 10, stock => 1000 })->{id};
my $oil = made('/api/products', { name => 'Oil', price => 4, stock => 1000 })->{id};
my $customers = 0;
sub somebody { my $n = ++$customers; return (customer_name => "Customer $n", customer_phone => '01711-' . (100000 + $n)) }
sub sell { my (%more) = @_; return made('/api/sales', { items => [{ product_id => $rice, quantity => 3, price => 10 }], %more }) }
sub asked {
    my ($sale, %more) = @_;
    return made('/api/returns', { sale_id => $sale->{id}, product_id => $rice, reason => 'Too much', refund_amount => 10, %more });
}
sub approve { my ($return, $body, @who) = @_; return $erp->patch("/api/returns/$return->{id}/approve", $body, @who ? @who : @as) }
# A customer with so many tens of credit.
sub credited {
    my ($tens) = @_;
    my $s = sell(somebody());
    my $r = approve(asked($s, quantity => $tens, refund_amount => 10 * $tens), { refund => 'store_credit' });
    is $r->status, 200, 'a customer has ' . 10 * $tens or diag $r->brief;
    return $s->{customer_id};
}
sub pay { my ($sale, $body) = @_; return $erp->post("/api/sales/$sale->{id}/payments", $body, @as) }
sub received { return sprintf '%.2f', got('reports/branch-sales')->{overall}{payments_received} }

subtest 'given and spent' => sub {
    my $s = sell(somebody(), payment_method => 'card');
    my $who = $s->{customer_id};
    is has($who), '0.00', 'nobody has any';
    my $money = received();
    my $return = asked($s);
    my $done = approve($return, { refund => 'Store_Credit' })->json;
    is_deeply [@$done{qw(refund_amount paid_back new_balance_due payment_status)}], [10, 10, 0, 'paid'], 'a refund that stays';
    is has($who), '10.00', 'the customer has it';
    is_deeply [@{ sale($s->{id}) }{qw(total amount_paid credit_paid balance_due)}], [20, 20, -10, 0], 'the sale is worth less, and none of its money is gone';
    is_deeply [map { "$_->{method} $_->{amount}" } @{ got("payments?sale_id=$s->{id}") }], ['card 30', 'store_credit -10'], 'a negative payment';
    is got("returns/$return->{id}")->{refund_method}, 'store_credit', 'the return knows it';
    is received(), $money, 'no money went out, by the report';
    my $row = got("store-credits?customer_id=$who")->[0];
    is_deeply [@$row{qw(before amount after sale_id reference created_by)}], [0, 10, 10, $s->{id}, $return->{return_number}, $shop->{email}], 'its row';

    my $buy = made('/api/sales', { items => [{ product_id => $oil, quantity => 2, price => 4 }], customer_id => $who, payment_method => 'store_credit' });
    is_deeply [@$buy{qw(total amount_paid credit_paid balance_due payment_status payment_method)}], [8, 8, 8, 0, 'paid', 'store_credit'], 'it pays a sale';
    is has($who), '2.00', '... and is less';
    is received(), $money, '... which is no money that came in';
    my $split = made('/api/sales', { items => [{ product_id => $oil, quantity => 2, price => 4 }], customer_id => $who,
        payments => [{ method => 'store_credit', amount => 1.5 }, { method => 'cash', amount => 5 }] });
    is_deeply [@$split{qw(amount_paid credit_paid balance_due)}], [6.5, 1.5, 1.5], 'or a part of one';
    is_deeply pay($split, { amount => 0.5, method => 'store_credit' })->json->{new_balance_due}, 1, 'or what is still due';
    is_deeply [@{ sale($split->{id}) }{qw(amount_paid credit_paid balance_due)}], [7, 2, 1], '... of it';
    is has($who), '0.00', 'all is spent';
    is received(), sprintf('%.2f', $money + 5), 'five came in';
    is_deeply [map { [@$_{qw(before amount after)}] } @{ got("store-credits?customer_id=$who") }], [[0, 10, 10], [10, -8, 2], [2, -1.5, 0.5], [0.5, -0.5, 0]], 'a row each';
    my $back = approve(made('/api/returns', { sale_id => $buy->{id}, product_id => $oil, reason => 'x', refund_amount => 4 }))->json;
    is $back->{paid_back}, 4, 'what was paid with it comes back';
    is has($who), '4.00', '... as what it was';
    is sale($buy->{id})->{credit_paid}, 4, '... by the sale too';
    holds('after it');
};

subtest 'what is not paid goes nowhere' => sub {
    my $s = sell(somebody(), paid_amount => 4);
    my $done = approve(asked($s), { refund => 'store_credit' })->json;
    is_deeply [@$done{qw(paid_back new_balance_due)}], [4, 20], 'what was paid stays, the rest is not due';
    is has($s->{customer_id}), '4.00', '... for the customer';
    approve(asked($s), { refund => 'store_credit' });
    is has($s->{customer_id}), '4.00', 'nothing was paid, nothing stays';
    holds('after it');
};

subtest 'refusals' => sub {
    my $who = credited(1);
    my $open = made('/api/sales', { items => [{ product_id => $rice, quantity => 3, price => 10 }], customer_id => $who, paid_amount => 0 });
    my $stranger = sell(paid_amount => 0);
    my $unknown = asked(sell());
    my $before = state();
    my %cart = (items => [{ product_id => $rice, quantity => 3, price => 10 }]);
    my $refused = sub {
        my ($r, $field, $text, $name) = @_;
        is_problem $r, 422, 'validation', $name;
        is $r->json->{errors}[0]{field}, $field, "... at $field";
        like $r->json->{errors}[0]{detail}, $text, '... why';
    };
    $refused->($erp->post('/api/sales', { %cart, customer_id => $who, payment_method => 'store_credit' }, @as), 'payment_method', qr/store credit of 10\.00/, 'a sale over it');
    $refused->($erp->post('/api/sales', { %cart, customer_id => $who, payments => [map { +{ method => 'store_credit', amount => 6 } } 1, 2] }, @as),
        'payments', qr/store credit of 10\.00/, '... in two parts');
    $refused->($erp->post('/api/sales', { %cart, payment_method => 'store_credit' }, @as), 'payment_method', qr/customer/, 'without a customer');
    $refused->($erp->post('/api/sales', { %cart, somebody(), payment_method => 'store_credit' }, @as), 'payment_method', qr/store credit of 0\.00/, 'a new customer');
    $refused->(pay($open, { amount => 10.01, method => 'store_credit' }), 'method', qr/store credit of 10\.00/, 'a payment over it');
    $refused->(pay($stranger, { amount => 1, method => 'store_credit' }), 'method', qr/customer/, '... without a customer');
    $refused->(approve($unknown, { refund => 'store_credit' }), 'refund', qr/customer/, 'a refund to nobody');
    is_deeply state(), $before, 'and nothing has changed';
    is_problem $erp->post('/api/store-credits', { customer_id => $who, amount => 5 }, @as), 405, 'method_not_allowed', 'nobody writes rows';
    my $r = $erp->patch("/api/customers/$who", { store_credit => 999 }, @as);
    is has($who), '10.00', '... or the sum';
    is_problem $erp->request('DELETE', "/api/customers/$who", @as), 409, 'in_use', 'the customer stays';
};

subtest 'twenty spend the same at once' => sub {
    my $who = credited(1);
    my @sales = map { made('/api/sales', { items => [{ product_id => $rice, quantity => 1, price => 10 }], customer_id => $who, paid_amount => 0 }) } 1 .. 20;
    is_deeply statuses_at_once(20, sub { pay($sales[$_[0] - 1], { amount => 10, method => 'store_credit' }) }), { 200 => 1, 422 => 19 }, 'one of twenty payments';
    is has($who), '0.00', 'none is left';
    $who = credited(3);
    is_deeply statuses_at_once(8, sub { $erp->post('/api/sales', { items => [{ product_id => $rice, quantity => 1, price => 10 }], customer_id => $who, payment_method => 'store_credit' }, @as) }),
        { 200 => 3, 422 => 5 }, 'three of eight sales';
    is has($who), '0.00', 'none is left';
    holds('after it');
};

sub swap { my ($return, $items, $more, @who) = @_; return $erp->post("/api/returns/$return->{id}/exchange", { items => $items, %{ $more // {} } }, @who ? @who : @as) }
sub swapped {
    my $r = swap(@_);
    is $r->status, 200, 'exchanged' or diag $r->brief;
    return $r->json;
}
sub paid_by { my ($sale) = @_; return join ', ', map { "$_->{method} $_->{amount}" } @{ got("payments?sale_id=$sale->{id}") } }
sub oil { return [{ product_id => $oil, quantity => $_[0], price => 4 }] }

subtest 'goods for goods' => sub {
    my ($rices, $oils) = (stock($rice), stock($oil));
    my $s = sell(somebody(), payment_method => 'card');
    my $return = asked($s, quantity => 2, refund_amount => 20);
    my $money = received();
    my $r = swap($return, oil(5));
    is $r->status, 200, 'of the same worth' or diag $r->brief;
    my $done = $r->json;
    is_deeply [@$done{qw(return_id refund_amount exchanged given_back)}, $done->{restocked} ? 1 : 0], [$return->{id}, 20, 20, 0, 1], 'says so';
    my $new = $done->{sale};
    is $r->header('location'), "/api/sales/$new->{id}", 'Location';
    is_deeply sale($new->{id}), $new, 'the new sale is there';
    is_deeply [@$new{qw(total amount_paid credit_paid balance_due payment_status payment_method customer_id exchange_of)}],
        [20, 20, 20, 0, 'paid', 'exchange', $s->{customer_id}, $return->{id}], '... paid with goods';
    is_deeply [@{ sale($s->{id}) }{qw(total amount_paid credit_paid balance_due)}], [10, 10, -20, 0], 'the old one is worth less';
    is_deeply [paid_by($s), paid_by($new)], ['card 30, exchange -20', 'exchange 20'], 'what one gives the other gets';
    is_deeply [@{ got("returns/$return->{id}") }{qw(status refund_method paid_back approved_by)}], ['approved', 'exchange', 20, $shop->{email}], 'the return is approved';
    is_deeply [stock($rice), stock($oil)], [$rices - 1, $oils - 5], 'the stock of both';
    is received(), $money, 'no money came or went';
    holds('after it');
};

subtest 'the difference' => sub {
    my $s = sell(somebody());
    my $money = received();
    my $new = swapped(asked($s), oil(3), { payment_method => 'bkash' })->{sale};
    is_deeply [@$new{qw(total amount_paid credit_paid balance_due payment_method)}], [12, 12, 10, 0, 'split'], 'is paid';
    is paid_by($new), 'exchange 10, bkash 2', '... in a way';
    is received(), sprintf('%.2f', $money + 2), 'two came in';
    $new = swapped(asked($s), oil(4), { payments => [{ method => 'cash', amount => 1 }, { method => 'card', amount => 2 }] })->{sale};
    is_deeply [@$new{qw(total amount_paid balance_due payment_status)}], [16, 13, 3, 'partially_paid'], 'or a part of it';
    is paid_by($new), 'exchange 10, cash 1, card 2', '... in several';
    is one('customer_dues', { sale_id => $new->{id} })->{due_amount}{'$numberDecimal'}, '3.00', 'the rest is due';
    is pay($new, { amount => 3, method => 'cash' })->status, 200, '... and paid';
    $money = received();
    my $done = swapped(asked($s), oil(1));
    is_deeply [@$done{qw(exchanged given_back)}], [10, 6], 'or it is given back';
    is_deeply [@{ $done->{sale} }{qw(total amount_paid credit_paid balance_due)}], [4, 4, 10, 0], '... by the new sale';
    is paid_by($done->{sale}), 'exchange 10, cash -6', '... as the old one was paid';
    is received(), sprintf('%.2f', $money - 6), 'six went out';
    holds('after it');
    $s = sell(somebody());
    $done = swapped(asked($s), oil(1), { refund => 'store_credit' });
    is paid_by($done->{sale}), 'exchange 10, store_credit -6', '... or stays';
    is has($s->{customer_id}), '6.00', '... for the customer';
    $new = swapped(asked($s), oil(4), { payment_method => 'store_credit' })->{sale};
    is paid_by($new), 'exchange 10, store_credit 6', 'who pays the next with it';
    is_deeply [@$new{qw(total amount_paid credit_paid)}, has($s->{customer_id})], [16, 16, 16, '0.00'], '... all of it without money';
    $s = sell(somebody(), paid_amount => 4);
    $done = swapped(asked($s), oil(1));
    is_deeply [@$done{qw(refund_amount exchanged given_back)}], [10, 4, 0], 'what was not paid is not worth anything';
    is_deeply [sale($s->{id})->{balance_due}, paid_by($done->{sale})], [20, 'exchange 4'], '... but not due any more';
    $s = sell(somebody(), paid_amount => 0);
    is paid_by(swapped(asked($s), oil(1))->{sale}), 'cash 4', 'nothing paid: it is a return and a sale';
    holds('after it');
};

subtest 'the same again' => sub {
    my $last = made('/api/products', { name => 'Lamp', price => 10, stock => 2 })->{id};
    my $s = made('/api/sales', { items => [{ product_id => $last, quantity => 2, price => 10 }], somebody() });
    my $return = sub { return made('/api/returns', { sale_id => $s->{id}, product_id => $last, reason => 'x', refund_amount => 10 }) };
    my $lamp = [{ product_id => $last, quantity => 1, price => 10 }];
    my $broken = $return->();
    my $before = state();
    is_problem swap($broken, $lamp, { restock => \0 }), 409, 'insufficient_stock', 'there is no other for a broken one';
    is_deeply state(), $before, '... and nothing has changed';
    swapped($broken, $lamp, { restock => undef, payments => undef, refund => undef, paid_amount => undef });
    is stock($last), 0, 'what comes back may go out again';
};

subtest 'all or nothing' => sub {
    my $s = sell(somebody());
    my $return = asked($s);
    my $old = approve(asked($s)) && got('returns?status=approved&sort=-id&limit=1')->[0];
    my $before = state();
    for my $case ([{ items => [] }, 'items'], [{ items => oil(0) }, 'items[0].quantity'], [{ items => [{ product_id => 'none', quantity => 1, price => 4 }] }, 'items[0].product_id'],
        [{ payment_method => 'exchange' }, 'payment_method'], [{ refund => 'gold' }, 'refund'], [{ refund => 'exchange' }, 'refund'],
        [{ paid_amount => 2.01 }, 'paid_amount'], [{ payments => [{ method => 'cash', amount => 3 }] }, 'payments'],
        [{ items => oil(1), paid_amount => 1 }, 'paid_amount'], [{ payment_method => 'store_credit' }, 'payment_method'], [{ discount => 13 }, 'discount'],
        [{ restock => 'x' }, 'restock']) {
        my ($more, $field) = @$case;
        my $r = swap($return, oil(3), $more);
        is_problem $r, 422, 'validation', "refused: $field";
        is $r->json->{errors}[0]{field}, $field, '... by name';
    }
    is_problem swap($return, oil(100000)), 409, 'insufficient_stock', 'more than is there';
    is_problem swap($old, oil(1)), 409, 'illegal_transition', 'a return that is decided';
    is_problem swap({ id => 'none' }, oil(1)), 404, 'not_found', 'no return';
    is_problem swap(asked(sell()), oil(1), { refund => 'store_credit' }), 422, 'validation', 'credit for nobody';
    my $after = state();
    is scalar @{ $after->{$_} }, scalar @{ $before->{$_} } + ($_ =~ /^(?:sales|returns|payments|stock_ledger)$/ ? 1 : 0), "$_: but what was made for it" for qw(sales returns payments store_credits stock_ledger);
    is_deeply $after->{customers}, $before->{customers}, 'nothing has changed';
    holds('after it');
    my @key = (@as, headers => { 'Idempotency-Key' => 'swap-1' });
    my $first = swap($return, oil(3), {}, @key);
    is $first->status, 200, 'once' or diag $first->brief;
    $before = state();
    is swap($return, oil(3), {}, @key)->body, $first->body, 'sent again: the same reply';
    is_deeply state(), $before, '... and nothing more is done';
};

subtest 'many exchange at once' => sub {
    my $s = sell(somebody());
    my ($rices, $oils) = (stock($rice), stock($oil));
    my @asked = map { asked($s) } 1 .. 3;
    is_deeply statuses_at_once(9, sub { my $return = $asked[$_[0] % 3]; $_[0] <= 6 ? swap($return, oil(2)) : approve($return) }), { 200 => 3, 409 => 6 }, 'three of nine';
    is_deeply [@{ sale($s->{id})->{items}[0] }{qw(quantity returned_quantity return_pending)}], [3, 3, 0], 'all came back, and no more';
    is stock($rice), $rices + 3, '... to the stock';
    my $swaps = grep { ($_->{exchange_of} // '') ne '' && $_->{customer_id} eq $s->{customer_id} } one('sales', {});
    is stock($oil), $oils - 2 * $swaps, 'and as much went out as was sold for it';
    holds('after it');
};

subtest 'branches and roles' => sub {
    my %branch = map { $_ => made('/api/branches', { name => $_, address => 'x', contact_phone => '1' })->{id} } qw(east west);
    my %there = map { my $p = $_; map { ("$p $_" => made('/api/product-branches', { product_id => $p, branch_id => $branch{$_}, stock_quantity => 10 })->{id}) } keys %branch } $rice, $oil;
    my @cashier = user('cashier', $branch{east});
    my @manager = user('branch_manager', $branch{east});
    my $s = $erp->post('/api/sales', { items => [{ product_id => $rice, quantity => 3, price => 10 }], somebody() }, @cashier)->json;
    my @asked = map { asked($s) } 1 .. 2;
    is_problem swap($asked[0], oil(1), {}, @cashier), 403, 'role_forbidden', 'a cashier does not exchange';
    is_problem swap($asked[0], oil(1), {}, user('branch_manager', $branch{west})), 404, 'not_found', '... nor does another branch';
    my $r = swap($asked[0], oil(2), {}, @manager);
    is $r->status, 200, 'its manager does' or diag $r->brief;
    is_deeply [map { got("product-branches/$there{$_}")->{stock_quantity} } "$rice east", "$oil east", "$oil west"], [8, 8, 10], 'in the branch';
    is swapped($asked[1], oil(1))->{sale}{branch_id}, $branch{east}, '... for the office too';
    is_deeply [sort map { $_->{metadata}{activity_subtype} } grep { ($_->{metadata}{activity_subtype} // '') =~ /exchange/ } one('notifications', { type => 'activity' })], ['return_exchanged'], 'the administrator is told once';
    holds('after it');
};

subtest 'who sees it' => sub {
    my %branch = map { $_ => made('/api/branches', { name => $_, address => 'x', contact_phone => '1' })->{id} } qw(north south);
    is_deeply $erp->get('/api/store-credits', user('cashier', $branch{north}))->json, [], 'a branch sees none of others';
};

# Round trips of a request, as its line in the log says.
sub trips {
    my ($r) = @_;
    my $id = $r->header('X-Request-Id');
    for my $line (map { split /\n/, slurp($_) } glob "$erp->{log}/*.log") {
        return $1 if $line =~ /request_id=\Q$id\E\b/ && $line =~ / db=(\d+)/;
    }
    return;
}

# Every worker makes the indexes once, so it is the least of a few that counts.
subtest 'round trips' => sub {
    my %least;
    my $count = sub { my ($name, $r) = @_; is $r->status, 200, $name or diag $r->brief; my $n = trips($r); $least{$name} = $n if !defined $least{$name} || $n < $least{$name}; return $r->json };
    for (1 .. 10) {
        my $s = sell(somebody());
        $count->('approved', approve(asked($s)));
        $count->('approved for credit', approve(asked($s), { refund => 'store_credit' }));
        my %of = (items => oil(1), customer_id => $s->{customer_id});
        $count->('sold', $erp->post('/api/sales', \%of, @as));
        $count->('sold for credit', $erp->post('/api/sales', { %of, payment_method => 'store_credit' }, @as));
        $count->('exchanged', swap(asked($s), oil(5)));
    }
    my ($back, $sold) = @least{qw(approved sold)};
    is_deeply \%least, { approved => $back, 'approved for credit' => $back + 2, sold => $sold, 'sold for credit' => $sold + 2, exchanged => $back + $sold - 1 },
        'as few as it says';
};

done_testing;
