# Store credit: what comes back may stay for the customer to spend, never below zero, whoever spends
# at once; it is a payment, and no money.
use Erp::Test;
use Erp::Json qw(from_json);

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

# Runs $code->(n) in so many processes at once; how often each status came.
sub at_once {
    my ($n, $code) = @_;
    my @out;
    for my $i (1 .. $n) {
        my $pid = open my $child, '-|';
        die "fork: $!" if !defined $pid;
        if (!$pid) {
            my $r;
            for (1 .. 60) {
                $r = $code->($i);
                last if $r->status != 429 && $r->status != 503;
                select undef, undef, undef, 0.1;
            }
            print $r->status, "\n";
            close STDOUT;
            POSIX::_exit(0);
        }
        push @out, $child;
    }
    my %said;
    $said{ <$_> * 1 }++ for @out;
    close $_ for @out;
    return \%said;
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
    is_deeply at_once(20, sub { pay($sales[$_[0] - 1], { amount => 10, method => 'store_credit' }) }), { 200 => 1, 422 => 19 }, 'one of twenty payments';
    is has($who), '0.00', 'none is left';
    $who = credited(3);
    is_deeply at_once(8, sub { $erp->post('/api/sales', { items => [{ product_id => $rice, quantity => 1, price => 10 }], customer_id => $who, payment_method => 'store_credit' }, @as) }),
        { 200 => 3, 422 => 5 }, 'three of eight sales';
    is has($who), '0.00', 'none is left';
    holds('after it');
};

subtest 'who sees it' => sub {
    my %branch = map { $_ => made('/api/branches', { name => $_, address => 'x', contact_phone => '1' })->{id} } qw(north south);
    is_deeply $erp->get('/api/store-credits', user('cashier', $branch{north}))->json, [], 'a branch sees none of others';
};

done_testing;
