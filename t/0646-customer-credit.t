# What customers owe: one payment for many sales, the oldest first, and of many at once one is accepted; the
# account entry by entry; and a limit that no number of sales at once passes.
use Erp::Test;
use Erp::AtOnce qw(statuses_at_once);
use Erp::Json qw(from_json to_json);
use Erp::Say qw(slurp);
use Time::HiRes qw(time);

my $erp = Erp::Test->start(workers => 4, login_workers => 1, env => { ERP_TENANT_SHARE => 100 });
my $shop = $erp->seed_tenant(slug => 'owe');
my @as = (token => $erp->login($shop->{email}, $shop->{password})->{access_token});

sub made {
    my ($path, $body, @who) = @_;
    my $r = $erp->post($path, $body, @who ? @who : @as);
    is $r->status, 200, "POST $path" or diag $r->brief;
    return $r->json;
}
sub user {
    my ($role, $branch) = @_;
    my $email = "$role-" . ($branch ? substr $branch, -6 : 'all') . '@owe.example';
    $erp->seed_user(email => $email, password => 'owe-password', role => $role, tenant_id => $shop->{tenant_id},
        user => { tenant_slug => 'owe', $branch ? (branch_id => $branch) : () });
    return (token => $erp->login($email, 'owe-password')->{access_token});
}
sub all { my ($collection, $filter) = @_; return $erp->mongo_all($shop->{db_name}, doc(find => $collection, filter => $filter, sort => { id => 1 })) }
sub pay { my ($customer, $body, @who) = @_; return $erp->post("/api/customers/$customer/payments", $body, @who ? @who : @as) }
sub sale { return $erp->get("/api/sales/$_[0]", @as)->json }
sub owes { return $erp->get("/api/customers/$_[0]", @as)->json->{due_amount} }

# Everything that a payment or a sale touches, as it is.
sub state {
    my %all = map { $_ => [all($_, {})] } qw(sales payments customer_dues customers products stock_ledger counters notifications);
    $all{audit} = $erp->mongo("$shop->{db_name}_audit", doc(count => 'audit_log', query => { kind => 'data' }))->{n};
    return \%all;
}

# How many round trips to the database a reply took, by the log.
sub trips {
    my ($id) = ($_[0]->header('X-Request-Id'));
    my $found;
    wait_until(10, sub {
        ($found) = map { /\Q$id\E.*\bdb=(\d+)/ || /\bdb=(\d+).*\Q$id\E/ ? $1 : () } map { split /\n/, slurp($_) // '' } glob "$erp->{log}/*.log";
        return defined $found;
    });
    return $found;
}

my $rice = made('/api/products', { name => 'Rice', price => 10, stock => 100_000 })->{id};
my $people = 0;
sub customer { return made('/api/customers', { name => 'Person ' . ++$people, phone => sprintf '0171%07d', $people })->{id} }
sub credit {
    my ($customer, $quantity, %more) = @_;
    return made('/api/sales', { items => [{ product_id => $rice, quantity => $quantity, price => 10 }], customer_id => $customer, paid_amount => 0, %more });
}

subtest 'the oldest first' => sub {
    my $who = customer();
    my @sales = map { credit($who, $_) } 1, 2, 3;
    is owes($who), 60, 'three sales are due';
    my $r = pay($who, { amount => 25.5, method => 'Bkash', reference => 'T-1' });
    is $r->status, 200, 'a part is paid' or diag $r->brief;
    is_deeply [@{ $r->json }{qw(customer_id amount due_amount)}], [$who, 25.5, 34.5], 'says so';
    is_deeply [map { [@$_{qw(sale_id sale_number amount new_balance_due payment_status)}] } @{ $r->json->{payments} }],
        [[@{ $sales[0] }{qw(id sale_number)}, 10, 0, 'paid'], [@{ $sales[1] }{qw(id sale_number)}, 15.5, 4.5, 'partially_paid']], '... and where it went';
    is_deeply [map { [@{ sale($_->{id}) }{qw(amount_paid balance_due payment_status)}] } @sales], [[10, 0, 'paid'], [15.5, 4.5, 'partially_paid'], [0, 30, 'unpaid']], 'the sales follow';
    is_deeply [map { [@$_{qw(sale_id paid_amount due_amount status)}] } @{ $erp->get("/api/customer-dues?customer_id=$who", @as)->json }],
        [[$sales[1]{id}, 15.5, 4.5, 'open'], [$sales[2]{id}, 0, 30, 'open']], '... and what is due';
    is_deeply [map { [@$_{qw(sale_id paid_amount status)}, defined $_->{closed_at}] } @{ $erp->get("/api/customer-dues/history?customer_id=$who", @as)->json }],
        [[$sales[0]{id}, 10, 'settled', 1]], '... and what was';
    is owes($who), 34.5, '... and what the customer owes';
    is_deeply [map { [@$_{qw(id sale_id invoice_no amount method reference received_by)}] } @{ $erp->get("/api/payments?customer_id=$who", @as)->json }],
        [map { [$r->json->{payments}[$_]{payment_id}, @{ $sales[$_] }{qw(id invoice_no)}, (10, 15.5)[$_], 'bkash', 'T-1', $shop->{email}] } 0, 1], 'a payment a sale';
    my @told = all('notifications', { type => 'payment_received' });
    is scalar(@told), 1, 'one notification';
    like $told[0]{message}, qr/25\.50 received from Person/, '... of the whole';
    is_deeply [map { scalar(() = all('notifications', { type => 'unpaid_invoice', sale_id => $_->{id}, is_read => \0 })) } @sales], [0, 1, 1], 'what is paid is no reminder any more';
    my @audit = $erp->mongo_all("$shop->{db_name}_audit", doc(find => 'audit_log', filter => { action => 'pay' }, sort => { id => 1 }));
    is_deeply [map { "$_->{collection} $_->{record_id}" } @audit], ["sales $sales[0]{id}", "sales $sales[1]{id}", "customers $who"], 'audit entries of all that changed';
    $r = pay($who, { amount => 34.5, method => 'cash' });
    is_deeply [$r->status, $r->json->{due_amount}, scalar @{ $r->json->{payments} }], [200, 0, 2], 'the rest';
    is_deeply $erp->get("/api/customer-dues?customer_id=$who", @as)->json, [], 'nothing is due';
    is_problem(pay($who, { amount => 1, method => 'cash' }), 409, 'illegal_transition', 'and nothing more is taken');
};

subtest 'refusals change nothing' => sub {
    my $who = customer();
    credit($who, 2);
    my $cancelled = credit($who, 5);
    is $erp->patch("/api/sales/$cancelled->{id}/cancel", undef, @as)->status, 200, 'a sale is cancelled';
    my $before = state();
    for my $bad ([{ amount => 20.01 }, 'amount', 'more than is due'], [{ amount => 0 }, 'amount', 'nothing'], [{ amount => -1 }, 'amount', 'less than nothing'],
        [{ amount => 1.001 }, 'amount', 'a third decimal'], [{ method => 'gold' }, 'method', 'an unknown method'], [{ method => undef }, 'method', 'no method'],
        [{ reference => 'x' x 201 }, 'reference', 'a novel']) {
        my $r = pay($who, { amount => 1, method => 'cash', %{ $bad->[0] } });
        is_problem($r, 422, 'validation', $bad->[2]);
        is $r->json->{errors}[0]{field}, $bad->[1], "... at $bad->[1]";
    }
    like pay($who, { amount => 21, method => 'cash' })->json->{errors}[0]{detail}, qr/20\.00/, 'says how much is due';
    is_problem(pay('none', { amount => 1, method => 'cash' }), 404, 'not_found', 'no such customer');
    is_deeply state(), $before, 'and nothing has changed';
    $erp->mongo($shop->{db_name}, doc(update => 'sales', updates => [{ q => { customer_id => $who, status => 'completed' }, u => { '$set' => { balance_due => 7 } } }]));
    $before = state();
    is_problem(pay($who, { amount => 5, method => 'cash' }), 409, 'conflict', 'a due that its sale knows nothing of');
    is_deeply state(), $before, '... is not paid by guess';
};

subtest 'many at once' => sub {
    my $who = customer();
    credit($who, $_) for 1 .. 4;
    is_deeply statuses_at_once(20, sub { pay($who, { amount => 100, method => 'cash' }) }), { 200 => 1, 409 => 19 }, 'twenty pay all of it';
    is owes($who), 0, 'nothing is owed';
    is_deeply [map { "$_->{amount}" } @{ $erp->get("/api/payments?customer_id=$who", @as)->json }], [10, 20, 30, 40], 'each sale is paid once';
    my $sale = credit($who, 3);
    credit($who, 2);
    my $said = statuses_at_once(12, sub { $_[0] % 2 ? pay($who, { amount => 10, method => 'cash' }) : $erp->post("/api/sales/$sale->{id}/payments", { amount => 10, method => 'cash' }, @as) });
    is $said->{200}, 5, 'parts of it by both ways, until all is paid' or diag to_json($said);
    is_deeply [map { sale($_)->{balance_due} } map { $_->{sale_id} } all('payments', { customer_id => $who })], [(0) x 9], 'nothing is due';
    is owes($who), 0, '... nor owed';
    my $key = { 'Idempotency-Key' => 'pay-once' };
    credit($who, 3);
    my @same = map { $erp->post("/api/customers/$who/payments", { amount => 10, method => 'cash' }, @as, headers => $key)->body } 1, 2;
    is $same[0], $same[1], 'sent again with its key it is one';
    is owes($who), 20, '... and paid once';
};

subtest 'branches' => sub {
    my %branch = map { $_ => made('/api/branches', { name => $_, address => 'x', contact_phone => '1' })->{id} } qw(north south);
    made('/api/product-branches', { product_id => $rice, branch_id => $_, stock_quantity => 100 }) for values %branch;
    my $who = customer();
    my @cashier = user('cashier', $branch{north});
    credit($who, 3, branch_id => $branch{south});
    my $here = credit($who, 2, branch_id => $branch{north});
    is_problem(pay($who, { amount => 21, method => 'cash' }, @cashier), 422, 'validation', 'a branch takes what is due there, and no more');
    my $r = pay($who, { amount => 20, method => 'cash' }, @cashier);
    is_deeply [map { $_->{sale_id} } @{ $r->json->{payments} }], [$here->{id}], 'its own sale is paid' or diag $r->brief;
    is $r->json->{due_amount}, 30, '... the other is still owed';
    is_deeply [map { "$_->{kind} $_->{balance}" } @{ $erp->get("/api/customers/$who/ledger", @cashier)->json }], ['sale 20', 'payment 0'], 'a branch sees its own account';
    is_deeply [map { "$_->{kind} $_->{balance}" } @{ $erp->get("/api/customers/$who/ledger", @as)->json }], ['sale 30', 'sale 50', 'payment 30'], '... the office all of it';
    is((all('payments', { sale_id => $here->{id} }))[0]{branch_id}, $branch{north}, 'the payment is the branch\'s');
    my ($told) = all('notifications', { type => 'activity', 'metadata.activity_subtype' => 'payment_added' });
    ok $told, 'the administrator is told';
};

sub ledger { my ($who, $query, @as_who) = @_; return $erp->get("/api/customers/$who/ledger" . ($query // ''), @as_who ? @as_who : @as) }
# Kind, document, debit, credit and balance of each entry.
sub told { return [map { join ' ', map { $_ // '-' } @$_{qw(kind document_number debit credit balance)} } @{ $_[0]->json }] }

subtest 'the ledger' => sub {
    my $who = customer();
    is_deeply ledger($who)->json, [], 'nothing yet';
    my $first = credit($who, 3, paid_amount => 5, payment_method => 'card');
    my $second = credit($who, 2);
    my $third = credit($who, 1);
    made("/api/sales/$third->{id}/payments", { amount => 4, method => 'cash', reference => 'R-4' });
    my $back = made('/api/returns', { sale_id => $first->{id}, product_id => $rice, quantity => 1, reason => 'x', refund_amount => 10 });
    is $erp->patch("/api/returns/$back->{id}/approve", undef, @as)->status, 200, 'a piece comes back';
    is $erp->patch("/api/sales/$second->{id}/cancel", undef, @as)->status, 200, 'a sale is cancelled';
    made("/api/customers/$who/payments", { amount => 23.5, method => 'nagad', reference => 'R-5' });
    my $r = ledger($who);
    is_deeply told($r), [
        "sale $first->{sale_number} 30 0 30", 'payment - 0 5 25', "sale $second->{sale_number} 20 0 45", "sale $third->{sale_number} 10 0 55",
        'payment R-4 0 4 51', "refund $back->{return_number} 5 0 56", "return $back->{return_number} 0 10 46", "cancellation $second->{sale_number} 0 20 26",
        'payment R-5 0 20 6', 'payment R-5 0 3.5 2.5'], 'every entry, with what is owed after it' or diag $r->brief;
    is owes($who), 2.5, 'the last balance is what is owed';
    is_deeply [map { $_->{method} } @{ $r->json }[1, 4, 5, 8]], [qw(card cash card nagad)], 'how it was paid';
    is_deeply [map { $_->{sale_id} } @{ $r->json }[0, 6, 7, 9]], [$first->{id}, $first->{id}, $second->{id}, $third->{id}], '... and of which sale';
    my @at = map { $_->{at} } @{ $r->json };
    is_deeply \@at, [sort @at], 'in the order of their time';
    is trips($r), 2, 'in two round trips';
    my (@paged, @pages);
    for (my $next = "/api/customers/$who/ledger?limit=4"; $next; ($next) = ($pages[-1]->header('Link') // '') =~ /<([^>]+)>/) {
        push @pages, $erp->get($next, @as);
        push @paged, @{ $pages[-1]->json };
    }
    is_deeply [map { scalar @{ $_->json } } @pages], [4, 4, 2], 'three pages';
    is_deeply \@paged, $r->json, '... of the same';
    my $other = customer();
    my ($cursor) = $pages[0]->header('Link') =~ /after=([^>]+)>/;
    is_problem(ledger($other, "?after=$cursor"), 400, 'bad_query', 'a cursor is of one customer');
    is_problem(ledger($who, "?$_"), 400, 'bad_query', $_) for qw(limit=0 limit=1001 limit=x after=x skip=1);
    is_problem(ledger('none'), 404, 'not_found', 'no such customer');
};

sub limit { my ($who, $limit, @more) = @_; return $erp->patch("/api/customers/$who/credit-limit", { credit_limit => $limit }, @more ? @more : @as) }
sub try { my ($who, $quantity, $more, @as_who) = @_; return $erp->post('/api/sales', { items => [{ product_id => $rice, quantity => $quantity, price => 10 }], customer_id => $who, paid_amount => 0, %{ $more // {} } }, @as_who ? @as_who : @as) }

subtest 'a credit limit' => sub {
    my $who = customer();
    is $erp->get("/api/customers/$who", @as)->json->{credit_limit}, 0, 'there is none at first';
    credit($who, 3);
    my $r = limit($who, 50);
    is_deeply [$r->status, @{ $r->json }{qw(credit_limit due_amount)}], [200, 50, 30], 'one is set';
    is_problem($erp->patch("/api/customers/$who/credit-limit", { credit_limit => 60 }, @as, headers => { 'If-Match' => '"0-0"' }), 412, 'precondition_failed', '... of this version alone');
    $erp->patch("/api/customers/$who", { credit_limit => 1_000_000 }, @as);
    is $erp->get("/api/customers/$who", @as)->json->{credit_limit}, 50, '... and not by the record itself';
    my $before = state();
    $r = try($who, 3);
    is_problem($r, 409, 'credit_limit', 'more than that is not due');
    like $r->json->{detail}, qr/limit of Person.* is 50\.00: 30\.00 is owed, and 30\.00 would be due/, '... with its figures';
    my ($name) = map { @$_{qw(name)} } $erp->get("/api/customers/$who", @as)->json;
    my ($phone) = map { @$_{qw(phone)} } $erp->get("/api/customers/$who", @as)->json;
    is_problem(try($who, 3, { customer_id => undef, customer_name => $name, customer_phone => $phone }), 409, 'credit_limit', '... nor found by phone');
    is_deeply state(), $before, 'and nothing has changed';
    is(try($who, 2)->status, 200, 'up to the limit');
    is(try($who, 5, { paid_amount => 50 })->status, 200, 'what is paid has none');
    is_problem(try($who, 1, { paid_amount => 9.99 }), 409, 'credit_limit', 'not a cent beyond');
    pay($who, { amount => 10, method => 'cash' });
    is(try($who, 1)->status, 200, 'what is paid back can be owed again');
    my %branch = map { $_ => made('/api/branches', { name => $_, address => 'x', contact_phone => '1' })->{id} } qw(hill);
    made('/api/product-branches', { product_id => $rice, branch_id => $branch{hill}, stock_quantity => 100 });
    my @cashier = user('cashier', $branch{hill});
    my @manager = user('branch_manager', $branch{hill});
    $r = try($who, 1, { over_credit_limit => \1 }, @cashier);
    is_problem($r, 422, 'validation', 'a cashier does not pass it');
    is $r->json->{errors}[0]{field}, 'over_credit_limit', '... says what';
    $r = try($who, 1, { over_credit_limit => \1 }, @manager);
    is $r->status, 200, 'a manager does' or diag $r->brief;
    like $r->json->{credit_override_by}, qr/^branch_manager/, '... and is noted';
    is owes($who), 60, '... and it is owed';
    is(try($who, 1, { paid_amount => 10, over_credit_limit => \1 }, @manager)->json->{credit_override_by}, undef, 'nobody is, where nothing was passed');
    is_problem(limit($who, 1000, @$_), 403, 'role_forbidden', 'neither of them sets it') for [@cashier], [@manager];
    is(limit($who, 5)->status, 200, 'it may be below what is owed');
    is_problem(try($who, 1), 409, 'credit_limit', '... which then is too much already');
    is(limit($who, 0)->status, 200, 'it is lifted');
    is(try($who, 50)->status, 200, '... and nothing is too much');
    is_problem(limit($who, $_), 422, 'validation', 'no limit: ' . to_json([$_])) for -1, 1.001, undef, 'much';
    is_problem(limit('none', 1), 404, 'not_found', 'no such customer');
};

subtest 'sums of past days' => sub {
    my $who = customer();
    my @sales = map { credit($who, 1) } 1 .. 3;
    for my $i (0 .. $#sales) {    # one of today, one of each of two days of last year
        next if !$i;
        my $at = { '$date' => "2025-03-0${i}T10:00:00Z" };
        $erp->mongo($shop->{db_name}, doc(update => 'sales', updates => [{ q => { id => $sales[$i]{id} }, u => { '$set' => { created_at => $at } } }]));
    }
    is $erp->get('/api/dashboard/stats', @as)->status, 200, 'the days are added up';
    $erp->mongo_insert($shop->{db_name}, 'sales_days', { tenant_id => $shop->{tenant_id}, day => { '$date' => '2025-03-01T00:00:00Z' }, branches => [] })
        if !all('sales_days', { day => { '$date' => '2025-03-01T00:00:00Z' } });
    my $r = pay($who, { amount => 30, method => 'cash' });
    is $r->status, 200, 'sales of three days are paid' or diag $r->brief;
    my @days = $erp->mongo_all($shop->{db_name}, doc(find => 'sales_days', filter => { open => \1, day => { '$in' => [map { { '$date' => "2025-03-0${_}T00:00:00Z" } } 1, 2] } }));
    is scalar(@days), 2, 'the two that are past are open again';
    is_deeply [grep { exists $_->{branches} } @days], [], '... without their sums';
    cmp_ok trips($r), '<=', 15, '... in three round trips more';
};

subtest 'many sales at once' => sub {
    my $who = customer();
    limit($who, 70);
    my $said = statuses_at_once(16, sub { try($who, 1 + $_[0] % 2, { paid_amount => 0.5 }) });
    is $said->{200} + $said->{409}, 16, 'sixteen sell on credit' or diag to_json($said);
    my $due = 0;
    $due += $_->{due_amount} for @{ $erp->get("/api/customer-dues?customer_id=$who", @as)->json };
    is $due, owes($who), 'what is due is what is owed';
    cmp_ok $due, '<=', 70, '... and never more than the limit';
    cmp_ok $due, '>', 70 - 9.5, '... which is used';
    is ledger($who)->json->[-1]{balance}, $due, '... by the ledger too';
};

subtest 'a due request beyond the limit' => sub {
    my $who = customer();
    limit($who, 15);
    my $id = made('/api/due-requests', { customer_name => 'X', customer_id => $who, total_amount => 20, paid_amount => 0, due_amount => 20, items => [{ product_id => $rice, quantity => 2, price => 10 }] })->{id};
    is_problem($erp->patch("/api/due-requests/$id/approve", undef, @as), 409, 'credit_limit', 'is not approved');
    my $r = $erp->patch("/api/due-requests/$id/approve", { over_credit_limit => \1 }, @as);
    is $r->status, 200, '... but for one who says so' or diag $r->brief;
    is sale($r->json->{sale_id})->{credit_override_by}, $shop->{email}, '... and is noted';
};

subtest 'a hundred dues, and their round trips' => sub {
    my $who = customer();
    credit($who, 1);
    my $one = trips(pay($who, { amount => 5, method => 'cash' }));
    is $one, 11, 'a payment of one';
    # As many as a till would make in a year, made by the database itself.
    my $i = { '$toString' => { '$add' => [1_000_000, '$$i'] } };
    my %common = (tenant_id => $shop->{tenant_id}, customer_id => $who, created_at => '$$NOW', updated_at => '$$NOW', _rev => { '$toLong' => 1 });
    my %rows = (
        sales => { %common, id => { '$concat' => ['many-', $i] }, sale_number => { '$concat' => ['OLD-', $i] }, total => { '$toDecimal' => 2 }, amount_paid => { '$toDecimal' => 0 }, balance_due => { '$toDecimal' => 2 },
            status => 'completed', payment_status => 'unpaid', items => [] },
        customer_dues => { %common, id => { '$concat' => ['due-', $i] }, sale_id => { '$concat' => ['many-', $i] }, sale_number => { '$concat' => ['OLD-', $i] }, total_amount => { '$toDecimal' => 2 }, paid_amount => { '$toDecimal' => 0 },
            due_amount => { '$toDecimal' => 2 }, status => 'open', transaction_date => { '$add' => ['$$NOW', { '$multiply' => ['$$i', 1000] }] } });
    for my $collection (sort keys %rows) {
        $erp->mongo($shop->{db_name}, doc(aggregate => 1, cursor => {}, pipeline => [{ '$documents' => { '$map' => { input => { '$range' => [0, 120] }, as => 'i', in => $rows{$collection} } } },
            { '$merge' => { into => $collection } }]));
    }
    my $r = pay($who, { amount => 204, method => 'cash' });
    is_problem($r, 422, 'validation', 'more than a hundred dues come to');
    like $r->json->{errors}[0]{detail}, qr/oldest dues come to.*203\.00/, '... says how much one payment takes';
    $r = pay($who, { amount => 203, method => 'cash' });
    is_deeply [$r->status, scalar @{ $r->json->{payments} }], [200, 100], 'a hundred are paid at once' or diag $r->brief;
    is trips($r), $one + 1, '... in one round trip more: what is settled is no reminder any more';
    is scalar(() = all('customer_dues', { customer_id => $who, due_amount => { '$gt' => 0 } })), 21, 'the rest is due';
};

subtest 'what is open is found by itself' => sub {
    my $old = { '$map' => { input => { '$range' => [0, 3000] }, as => 'i', in => { id => { '$concat' => ['0-old-', { '$toString' => '$$i' }] }, tenant_id => $shop->{tenant_id}, due_amount => { '$toDecimal' => 0 }, status => 'settled' } } };
    $erp->mongo($shop->{db_name}, doc(aggregate => 1, cursor => {}, pipeline => [{ '$documents' => $old }, { '$merge' => { into => 'customer_dues' } }]));
    my ($line) = grep { /"resource":"customer_due","kind":"list"/ } split /\n/, ($erp->run_program($erp->{erpd}, ['--queries']))[1];
    my ($command) = $line =~ /"command":(.*)\}$/;
    my $plan = $erp->_eval->run($shop->{db_name}, sprintf '{"explain":%s,"verbosity":"executionStats"}', $command =~ s/"TENANT"/"$shop->{tenant_id}"/r);
    my $did = $plan->{executionStats};
    cmp_ok $did->{nReturned}, '>', 20, 'the list of what is open';
    is $did->{totalDocsExamined}, $did->{nReturned}, '... looks at nothing that is closed';
    unlike to_json($plan->{queryPlanner}{winningPlan}), qr/"(?:SORT|COLLSCAN)"/, '... and sorts nothing';
};

subtest 'the daily check' => sub {
    my $other = $erp->seed_tenant(slug => 'daily');
    my @boss = (token => $erp->login($other->{email}, $other->{password})->{access_token});
    my $db = $other->{db_name};
    my $told = sub { return $erp->mongo_all($db, doc(find => 'notifications', filter => { @_ }, sort => { id => 1 })) };
    my $check = sub {
        my $r = $erp->post('/api/notifications/scheduled-check', undef, @boss);
        is $r->status, 200, 'a check' or diag $r->brief;
        return [@{ $r->json }{qw(notifications_created low_stock_products overdue_invoices daily_due_reminders)}];
    };
    is_deeply $check->(), [0, 0, 0, 0], 'nothing yet';
    my ($few, $many) = map { $erp->post('/api/products', $_, @boss)->json->{id} } { name => 'Few', price => 10, stock => 5 }, { name => 'Many', price => 10, stock => 6 };
    is_deeply $check->(), [1, 1, 0, 0], 'five are few, six are not';
    is_deeply $check->(), [0, 1, 0, 0], 'once told, it is told';
    my ($low) = $told->(type => 'low_stock');
    is_deeply [$low->{reference_id}, $low->{message}], [$few, 'Few: only 5 left'], 'it says of which';
    is $erp->patch("/api/notifications/$low->{id}/read", undef, @boss)->status, 200, 'it is read';
    is_deeply $check->(), [1, 1, 0, 0], '... and told again';
    my @sales = map { $erp->post('/api/sales', { items => [{ product_id => $many, quantity => 1, price => 10 }], customer_name => "C$_", customer_phone => "0171$_", paid_amount => $_ }, @boss)->json } 0, 4, 10;
    is_deeply $check->(), [2, 2, 0, 2], 'two of three sales are due; of the product, the sale told';
    is_deeply $check->(), [0, 2, 0, 0], '... once in a day';
    my @daily = $told->('metadata.daily' => \1);
    is_deeply [map { [@$_{qw(type sale_id message)}] } @daily], [['unpaid_invoice', $sales[0]{id}, "C0 owes \x{9f3}10.00 of sale $sales[0]{sale_number}"], ['unpaid_invoice', $sales[1]{id}, "C4 owes \x{9f3}6.00 of sale $sales[1]{sale_number}"]], 'with who owes what';
    my $yesterday = sub {
        $erp->mongo($db, doc(update => 'customer_dues', updates => [{ q => {}, u => [{ '$set' => { reminded_at => { '$subtract' => ['$reminded_at', 86_400_001] } } }], multi => \1 }]));
    };
    $yesterday->();
    is_deeply $check->(), [2, 2, 0, 2], '... and again the next day';
    is scalar(() = $told->('metadata.daily' => \1, is_read => \0)), 2, '... in the place of the last ones';
    $erp->mongo($db, doc(update => 'sales', updates => [{ q => {}, u => [{ '$set' => { created_at => { '$subtract' => ['$created_at', 7 * 86_400_000 + 1] } } }], multi => \1 }]));
    is_deeply $check->(), [0, 2, 2, 0], 'two are overdue, of which an unread notification tells';
    $erp->patch("/api/notifications/$_->{id}/read", undef, @boss) for $told->(type => 'unpaid_invoice', is_read => \0, 'metadata.daily' => undef);
    is_deeply $check->(), [2, 2, 2, 0], '... when that is read, another does';
    my ($late) = $told->(type => 'unpaid_invoice', sale_id => $sales[0]{id}, is_read => \0, is_sticky => \1);
    like $late->{message}, qr/^Overdue invoice INV-0+1: \x{9f3}10\.00/, '... which sticks and says so';
    is_deeply $check->(), [0, 2, 2, 0], '... once';
    is $erp->post("/api/sales/$sales[0]{id}/payments", { amount => 10, method => 'cash' }, @boss)->status, 200, 'one is paid';
    is scalar(() = $told->(sale_id => $sales[0]{id}, type => 'unpaid_invoice', is_read => \0)), 0, 'nothing reminds of it any more';
    is_deeply $check->(), [0, 2, 1, 0], '... nor counts it';
    $yesterday->();
    $erp->patch("/api/notifications/$_->{id}/read", undef, @boss) for $told->(is_read => \0);
    my $had = scalar(() = $told->());
    is_deeply statuses_at_once(8, sub { $erp->post('/api/notifications/scheduled-check', undef, @boss) }), { 200 => 8 }, 'eight checks at once';
    is scalar(() = $told->()) - $had, 4, 'each is told of once: two products, an invoice, a due';
    my ($entry) = $erp->mongo_all("${db}_audit", doc(find => 'audit_log', filter => { action => 'scheduled_check' }));
    is $entry->{actor}, $other->{user_id}, 'an audit entry says who had it made';
    my $r = $erp->post('/api/notifications/scheduled-check', undef, @boss);
    is trips($r), 6, 'six round trips where nothing is to be told';
};

done_testing;
