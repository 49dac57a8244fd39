# The till: one open shift a user, every payment in its shift, movements of cash, X and Z reports; what
# is closed stays as it was to the last minor unit, also while others sell.
use Erp::Test;
use Erp::AtOnce qw(at_once patiently);
use Erp::Json qw(from_json);
use POSIX ();

my $erp = Erp::Test->start(workers => 6, login_workers => 1, env => { ERP_TENANT_SHARE => 100 });
my $shop = $erp->seed_tenant(slug => 'till');
my @boss = (token => $erp->login($shop->{email}, $shop->{password})->{access_token});

sub made {
    my ($path, $body, @who) = @_;
    my $r = $erp->post($path, $body, @who ? @who : @boss);
    is $r->status, 200, "POST $path" or diag $r->brief;
    return $r->json;
}
sub user {
    my ($name, $role, $branch) = @_;
    my $user = $erp->seed_user(email => "$name\@till.example", password => 'till-password', role => $role,
        tenant_id => $shop->{tenant_id}, user => { tenant_slug => 'till', $branch ? (branch_id => $branch) : () });
    return ($user->{id}, token => $erp->login($user->{email}, 'till-password')->{access_token});
}
sub one { my ($collection, $filter) = @_; my @all = $erp->mongo_all($shop->{db_name}, doc(find => $collection, filter => $filter)); return wantarray ? @all : $all[0] }
sub audit { return map { $_->{action} } $erp->mongo_all("$shop->{db_name}_audit", doc(find => 'audit_log', filter => { collection => 'shifts', record_id => $_[0] }, sort => { created_at => 1, id => 1 })) }

my ($north, $south) = map { made('/api/branches', { name => $_, address => 'x', contact_phone => '1' })->{id} } qw(North South);
my $tea = made('/api/products', { name => 'Tea', price => 3.35, stock => 100_000 })->{id};
made('/api/product-branches', { product_id => $tea, branch_id => $_, stock_quantity => 10_000 }) for $north, $south;
my ($anna_id, @anna) = user('anna', 'cashier', $north);
my ($ben_id, @ben) = user('ben', 'cashier', $north);
my ($mira_id, @mira) = user('mira', 'branch_manager', $north);
my ($omar_id, @omar) = user('omar', 'branch_manager', $south);
my (undef, @tech) = user('tech', 'technician', $north);

sub opened { my ($body, @who) = @_; return $erp->post('/api/till/shifts', $body, @who) }
sub ask { my ($shift, $what, @who) = @_; return $erp->get("/api/till/shifts/$shift/$what", @who) }
sub move { my ($shift, $kind, $amount, @who) = @_; return $erp->post("/api/till/shifts/$shift/movements", { kind => $kind, amount => $amount, reason => 'Why' }, @who) }
sub shut { my ($shift, $body, @who) = @_; return $erp->post("/api/till/shifts/$shift/close", $body, @who) }
sub sold { my ($n, $more, @who) = @_; return made('/api/sales', { items => [{ product_id => $tea, quantity => $n, price => 3.35 }], %$more }, @who) }
sub shift_of { return $erp->get("/api/till/shifts/$_[0]", @boss)->json }
sub listed { my ($query, @who) = @_; return [map { $_->{shift_number} } @{ $erp->get("/api/till/shifts$query", @who)->json }] }

# Another host of the same businesses: it has a board of its own, so nobody there waits for a turn here.
my $host = Erp::Test->start(workers => 3, login_workers => 1, env => { ERP_TENANT_SHARE => 100, JWT_SECRET_KEY => $erp->{jwt_secret},
    SECRET_KEY => $erp->{secret_key}, map { $_ => $erp->{env}{$_} } qw(ADMIN_DB_NAME DB_NAME) });

my $day;
my $anna;    # her shift

subtest 'without a shift' => sub {
    my $sale = sold(2, {}, @anna);
    is $sale->{shift_id}, undef, 'selling works as ever';
    is one('payments', { sale_id => $sale->{id} })->{shift_id}, undef, '... and the payment is in none';
};

subtest 'opening' => sub {
    my $r = opened({ opening_float => 50.05, till => 'Front' }, @anna);
    is $r->status, 200, 'open' or diag $r->body;
    $anna = $r->json;
    is_deeply [@$anna{qw(shift_number status branch_id till user_id opened_by opening_float payments movements z_number expected_cash)}],
        ['SHIFT-000001', 'open', $north, 'Front', $anna_id, 'anna@till.example', 50.05, 0, [], undef, undef], 'as it was asked for';
    like $day = $anna->{day}, qr/^\d{4}-\d\d-\d\d$/, 'of a day';
    is $r->header('Location'), "/api/till/shifts/$anna->{id}", 'its address';
    is_deeply $erp->get("/api/till/shifts/$anna->{id}", @anna)->json, $anna, '... shows it';
    is_problem opened({}, @anna), 409, 'conflict', 'nobody has two';
    is_problem opened({ till => 'Front' }, @ben), 409, 'conflict', 'nor has a drawer';
    is_problem opened({ branch_id => $south }, @ben), 403, 'forbidden', 'in another branch than their own';
    is_problem opened({ branch_id => 'nowhere' }, @boss), 422, 'validation', 'where there is no branch';
    is_problem opened({ opening_float => $_ }, @ben), 422, 'validation', "a float of $_" for -1, '1.001', 'x';
    is_problem opened({}, @tech), 403, 'role_forbidden', 'a technician has no till';
    is_deeply [audit($anna->{id})], ['open'], 'an audit entry';
};

subtest 'eight at once open one' => sub {
    my @said = at_once(8, sub { patiently(sub { opened({}, @ben) })->status });
    is_deeply [sort @said], [200, (409) x 7], 'one did';
    is scalar(my @open = one('shifts', { user_id => $ben_id, status => 'open' })), 1, 'there is one';
    is $open[0]{shift_number}, 'SHIFT-000002', 'refused ones left no gap';
};

subtest 'money goes into the shift' => sub {
    my $paid = sold(10, { discount => 0.5 }, @anna);    # 33.00 cash
    is $paid->{shift_id}, $anna->{id}, 'a sale names it';
    my $split = sold(10, { payments => [{ method => 'card', amount => 30 }, { method => 'cash', amount => 1.25 }], paid_amount => 31.25 }, @anna);    # 2.25 due
    is_deeply [map { $_->{shift_id} } one('payments', { sale_id => $split->{id} })], [($anna->{id}) x 2], 'and so does each tender';
    my $others = sold(1, { paid_amount => 0 }, @mira);
    is $others->{shift_id}, undef, 'who has none sells outside';
    is $erp->post("/api/sales/$split->{id}/payments", { amount => 2.25, method => 'cash' }, @anna)->status, 200, 'a later payment';
    is $erp->post("/api/sales/$others->{id}/payments", { amount => 3.35, method => 'bkash' }, @anna)->status, 200, '... of a sale of somebody else';
    is one('payments', { sale_id => $others->{id} })->{shift_id}, $anna->{id}, '... is in hers';
    my $void = sold(2, { paid_amount => 0 }, @anna);
    is $erp->patch("/api/sales/$void->{id}/cancel", {}, @mira)->status, 200, 'a sale that is cancelled';
    is shift_of($anna->{id})->{payments}, 5, 'the shift counts payments';
    is scalar @{ $erp->get("/api/payments?shift_id=$anna->{id}", @mira)->json }, 5, '... which can be listed';
    is scalar @{ $erp->get("/api/sales?shift_id=$anna->{id}", @mira)->json }, 3, '... and so can its sales';

    my $back = made('/api/returns', { sale_id => $paid->{id}, product_id => $tea, reason => 'Stale', refund_amount => 3.30 }, @anna);
    my $mira = opened({ opening_float => 10 }, @mira)->json;
    is $erp->patch("/api/returns/$back->{id}/approve", {}, @mira)->status, 200, 'a refund';
    is one('payments', { reference => $back->{return_number} })->{shift_id}, $mira->{id}, 'is in the shift of who gives the money';
    my $x = ask($mira->{id}, 'x', @mira)->json;
    is_deeply [@$x{qw(refunds_count refunds_total cash_refunded expected_cash sales_count payments_count)}], [1, 3.30, 3.30, 6.70, 0, 0], 'and off its cash';
    is_deeply $x->{methods}, [{ method => 'cash', received => 0, refunded => 3.3, net => -3.3, payments => 0, refunds => 1 }], '... by method';
    is shut($mira->{id}, { counted_cash => 6.70 }, @mira)->json->{z_number}, 1, 'closed: the first of the branch';
};

subtest 'cash without a sale' => sub {
    my $before = shift_of($anna->{id});
    is move($anna->{id}, 'pay_in', 20, @anna)->status, 200, 'in';
    is move($anna->{id}, 'pay_out', 5.55, @anna)->status, 200, 'out';
    my $r = move($anna->{id}, 'drop', 30, @mira);
    is $r->status, 200, 'a manager takes some to the safe' or diag $r->body;
    is_deeply [map { [@$_{qw(kind amount reason by)}] } @{ $r->json->{movements} }], [['pay_in', 20, 'Why', 'anna@till.example'], ['pay_out', 5.55, 'Why', 'anna@till.example'],
        ['drop', 30, 'Why', 'mira@till.example']], 'all three are written down';
    is_problem move($anna->{id}, 'drop', 1, @ben), 404, 'not_found', 'not by another cashier';
    is_problem move($anna->{id}, 'drop', 1, @omar), 404, 'not_found', '... nor by the manager of another branch';
    for my $bad ({ kind => 'gift', amount => 1, reason => 'x' }, { kind => 'drop', amount => 0, reason => 'x' }, { kind => 'drop', amount => -1, reason => 'x' },
        { kind => 'drop', amount => 1 }, { kind => 'drop', reason => 'x' }, { kind => 'drop', amount => 1, reason => 'x' x 501 }) {
        is_problem $erp->post("/api/till/shifts/$anna->{id}/movements", $bad, @anna), 422, 'validation', join ' ', 'refused:', map { "$_ " . substr $bad->{$_}, 0, 9 } sort keys %$bad;
    }
    is scalar @{ shift_of($anna->{id})->{movements} }, 3, 'nothing was added';
    is_deeply [audit($anna->{id})], [qw(open pay_in pay_out drop)], 'audit entries';
};

# 50.05 + 33.00 + 1.25 + 2.25 + 20 - 5.55 - 30
my %figures = (sales_count => 2, sales_total => 66.50, discount => 0.5, tax => 0, payments_count => 5, payments_total => 69.85, refunds_count => 0, refunds_total => 0,
    opening_float => 50.05, cash_received => 36.50, cash_refunded => 0, pay_ins => 20, pay_outs => 5.55, drops => 30, expected_cash => 71);

subtest 'the X report' => sub {
    my $before = shift_of($anna->{id});
    my $r = ask($anna->{id}, 'x', @anna);
    is $r->status, 200, 'to be had' or diag $r->body;
    my $x = $r->json;
    is_deeply { map { $_ => $x->{$_} } keys %figures }, \%figures, 'its figures';
    is_deeply $x->{methods}, [{ method => 'bkash', received => 3.35, refunded => 0, net => 3.35, payments => 1, refunds => 0 },
        { method => 'card', received => 30, refunded => 0, net => 30, payments => 1, refunds => 0 }, { method => 'cash', received => 36.5, refunded => 0, net => 36.5, payments => 3, refunds => 0 }], 'by method';
    is_deeply [@$x{qw(status z_number counted_cash variance)}], ['open', undef, undef, undef], 'nothing is counted yet';
    is_deeply shift_of($anna->{id}), $before, 'it changes nothing';
    my $csv = ask($anna->{id}, 'x', @anna, headers => { Accept => 'text/csv' });
    like $csv->header('Content-Type'), qr{^text/csv}, 'as a table';
    like $csv->body, qr/^shift_id,shift_number,.*expected_cash/, '... with a row of names';
    like $csv->body, qr/\n[^\n]*,71\.00,/, '... and one of figures';
    is_problem ask($anna->{id}, 'z', @anna), 409, 'illegal_transition', 'a Z report there is not yet';
    is_problem ask($anna->{id}, 'x', @ben), 404, 'not_found', 'another cashier does not see it';
    is ask($anna->{id}, 'x', @mira)->status, 200, 'the manager does';
    is_problem ask('none', 'x', @mira), 404, 'not_found', 'no shift';
    my $plan = $erp->mongo($shop->{db_name}, doc(explain => doc(find => 'shifts', filter => doc(tenant_id => $shop->{tenant_id}, user_id => $anna_id, status => 'open')), verbosity => 'executionStats'))->{executionStats};
    is $plan->{totalDocsExamined}, 1, 'what a sale asks is found by its index';
    for my $of (qw(payments sales)) {
        $plan = $erp->mongo($shop->{db_name}, doc(explain => doc(find => $of, filter => doc(tenant_id => $shop->{tenant_id}, shift_id => $anna->{id})), verbosity => 'executionStats'))->{executionStats};
        is $plan->{totalDocsExamined}, $plan->{nReturned}, "$of are found by their shift";
    }
};

subtest 'who sees what' => sub {
    is_deeply listed('', @anna), ['SHIFT-000001'], 'a cashier her own';
    is_deeply listed("?user_id=$ben_id", @anna), [], '... whatever she asks';
    is_deeply listed('', @mira), [map { "SHIFT-00000$_" } 1 .. 3], 'the manager all of the branch';
    is_deeply listed("?user_id=$ben_id", @mira), ['SHIFT-000002'], '... or of one';
    is_deeply listed('?status=closed', @mira), ['SHIFT-000003'], '... or those closed';
    is_deeply listed("?day=$day&status=open", @mira), ['SHIFT-000001', 'SHIFT-000002'], '... or of a day';
    is_deeply listed('?day=2001-01-01', @mira), [], '... of which there may be none';
    is_deeply listed('', @omar), [], 'another branch nothing';
    is scalar @{ listed('', @boss) }, 3, 'the office everything';
    is scalar(my @rows = split /\n/, $erp->get('/api/till/shifts', @anna, headers => { Accept => 'text/csv' })->body), 2, 'the same as a table';
    is_problem $erp->get("/api/till/shifts/$anna->{id}", @ben), 404, 'not_found', 'nor one by one';
    is_problem $erp->get('/api/till/shifts', @tech), 403, 'role_forbidden', 'a technician none';
};

my $z;
subtest 'closing' => sub {
    for my $bad ({}, { counted_cash => -1 }, { counted_cash => '1.001' }, { denominations => [{ value => 0, count => 1 }] }, { denominations => [{ value => 1 }] },
        { denominations => [{ value => 50, count => 1 }], counted_cash => 51 }, { denominations => [(({ value => 1, count => 1 }) x 51)] },
        { denominations => [{ value => 100_000_000_000, count => 1_000_000 }] }, { counted_cash => 1, note => 'x' x 501 }) {
        is_problem shut($anna->{id}, $bad, @anna), 422, 'validation', 'refused: ' . join ' ', %$bad;
    }
    is_problem shut($anna->{id}, { counted_cash => 1 }, @ben), 404, 'not_found', 'another cashier closes it not';
    is shift_of($anna->{id})->{status}, 'open', 'it is open';
    my $r = shut($anna->{id}, { denominations => [{ value => 20, count => 3 }, { value => 0.05, count => 219 }], note => 'Short' }, @anna);
    is $r->status, 200, 'closed by what lies there' or diag $r->body;
    $z = $r->json;
    is_deeply { map { $_ => $z->{$_} } keys %figures }, \%figures, 'the figures of before';
    is_deeply [@$z{qw(status z_number counted_cash variance closed_by note shift_number)}], ['closed', 2, 70.95, -0.05, 'anna@till.example', 'Short', 'SHIFT-000001'], 'and what is missing';
    is_deeply ask($anna->{id}, 'z', @anna)->json, $z, 'the Z report is just that';
    my $shift = shift_of($anna->{id});
    is_deeply [@$shift{qw(status z_number expected_cash counted_cash variance closed_by note)}, scalar @{ $shift->{denominations} }],
        ['closed', 2, 71, 70.95, -0.05, 'anna@till.example', 'Short', 2], 'the record says so';
    is_problem shut($anna->{id}, { counted_cash => 1 }, @anna), 409, 'illegal_transition', 'once';
    is_problem move($anna->{id}, 'drop', 1, @anna), 409, 'illegal_transition', 'nothing leaves it now';
    is_problem ask($anna->{id}, 'x', @anna), 409, 'illegal_transition', 'no X report any more';
    is_deeply [audit($anna->{id})], [qw(open pay_in pay_out drop close)], 'audit entries';
    my ($told) = one('notifications', { type => 'activity', message => { '$regex' => 'SHIFT-000001' } });
    is $told->{user_id}, $shop->{user_id}, 'the administrator is told' or diag explain $told;
    like $told->{message}, qr/-0\.05: 70\.95 counted, 71\.00 expected/, '... of how much';
    is scalar(my @all = one('notifications', { type => 'activity', title => 'Cash variance' })), 1, '... and not where all is there';
};

subtest 'what is closed stays' => sub {
    my ($sale) = one('sales', { shift_id => $anna->{id}, sale_number => 'SALE-000002' });
    my $back = made('/api/returns', { sale_id => $sale->{id}, product_id => $tea, reason => 'Stale', refund_amount => 3.30 }, @anna);
    is $erp->patch("/api/returns/$back->{id}/approve", {}, @mira)->status, 200, 'some of it comes back later';
    is sold(1, {}, @anna)->{shift_id}, undef, 'she sells on, in no shift';
    is_deeply ask($anna->{id}, 'z', @mira)->json, $z, 'the Z report is what it was';
    my $again = opened({ opening_float => 70.95, till => 'Front' }, @anna)->json;
    is $again->{status}, 'open', 'user and drawer are free again';
    is sold(1, {}, @anna)->{shift_id}, $again->{id}, '... and the next sale is in the new one';
    my $r = shut($again->{id}, { counted_cash => 74.30 }, @mira);
    is_deeply [@{ $r->json }{qw(variance closed_by opened_by z_number)}], [0, 'mira@till.example', 'anna@till.example', 3], 'a manager closes it for her';
    is_deeply [audit($again->{id})], [qw(open close_for_another)], '... which is noted';
    is_problem $erp->request($_, "/api/till/shifts/$anna->{id}", @boss, $_ eq 'DELETE' ? () : (json => { note => 'x' })), 405, 'method_not_allowed', "no $_" for qw(PUT PATCH DELETE);
};

subtest 'one winner, and numbers without a gap' => sub {
    my $south = opened({ branch_id => $south }, @boss)->json;
    is shut($south->{id}, { counted_cash => 0 }, @boss)->json->{z_number}, 1, 'each branch has its own';
    my $ben = one('shifts', { user_id => $ben_id, status => 'open' });
    my @said = at_once(8, sub { my ($i) = @_; patiently(sub { shut($ben->{id}, { counted_cash => 0 }, $i % 2 ? @ben : @mira) })->status });
    is_deeply [sort @said], [200, (409) x 7], 'one closed it';
    is shift_of($ben->{id})->{z_number}, 4, '... with the next number';
};

subtest 'where payments need a shift' => sub {
    my $owed = sold(1, { paid_amount => 1 }, @anna);
    my $back = made('/api/returns', { sale_id => $owed->{id}, product_id => $tea, reason => 'Stale', refund_amount => 3.35 }, @anna);
    is $erp->patch('/api/settings', { till_required => \1 }, @boss)->status, 200, 'the business says so';
    my $count = sub { return [map { scalar(my @all = one($_, {})) } qw(sales payments)] };
    my $before = $count->();
    is_problem $erp->post('/api/sales', { items => [{ product_id => $tea, quantity => 1, price => 3.35 }] }, @anna), 409, 'conflict', 'no sale that is paid';
    is_problem $erp->post("/api/sales/$owed->{id}/payments", { amount => 1, method => 'cash' }, @anna), 409, 'conflict', 'no payment';
    is_problem $erp->patch("/api/returns/$back->{id}/approve", {}, @mira), 409, 'conflict', 'no refund';
    is_deeply $count->(), $before, 'nothing was stored';
    is sold(1, { paid_amount => 0 }, @anna)->{balance_due}, 3.35, 'a sale on credit takes no money';
    my $shift = opened({}, @anna)->json;
    is $erp->post("/api/sales/$owed->{id}/payments", { amount => 1, method => 'cash' }, @anna)->status, 200, 'in a shift there is a payment';
    is shut($shift->{id}, { counted_cash => 1 }, @anna)->json->{variance}, 0, '... and it is there';
    is $erp->patch('/api/settings', { till_required => \0 }, @boss)->status, 200, 'no longer';
    is sold(1, {}, @anna)->{shift_id}, undef, 'selling works without';
};

subtest 'a customer pays for many sales' => sub {
    my ($first, undef) = map { sold(2, { paid_amount => 0, customer_name => 'Cora', customer_phone => '0199' }, @anna) } 1, 2;
    my $pay = sub { return $erp->post("/api/customers/$first->{customer_id}/payments", { amount => $_[0], method => 'cash' }, @anna) };
    is $pay->(0.40)->status, 200, 'outside of a shift' or return;
    is $erp->patch('/api/settings', { till_required => \1 }, @boss)->status, 200, 'where payments need one';
    is_problem $pay->(1), 409, 'conflict', '... not without';
    my $shift = opened({}, @anna)->json;
    is $pay->(8)->status, 200, 'in a shift';
    is_deeply [map { $_->{amount}{'$numberDecimal'} } one('payments', { shift_id => $shift->{id} })], ['6.30', '1.70'], '... both payments are its own';
    my $x = ask($shift->{id}, 'x', @anna)->json;
    is_deeply [@$x{qw(sales_count payments_count cash_received expected_cash)}], [0, 2, 8, 8], '... and their cash';
    is shut($shift->{id}, { counted_cash => 8 }, @anna)->json->{variance}, 0, '... to the end';
    is $erp->patch('/api/settings', { till_required => \0 }, @boss)->status, 200, 'no longer';
};

subtest 'till and shift while others sell' => sub {
    my $total = sub { my ($id) = @_; my ($n, $cash, $all) = (0, 0, 0);
        for (one('payments', { shift_id => $id })) { my $units = $_->{amount}{'$numberDecimal'} * 100; $n++; $all += sprintf '%.0f', $units; $cash += sprintf '%.0f', $units if $_->{method} eq 'cash' }
        return [$n, $all, $cash] };
    my $minor = sub { sprintf '%.0f', $_[0] * 100 };
    for my $round (1 .. 3) {
        my $shift = opened({ opening_float => 100 }, @ben)->json;
        my @said = at_once(5, sub { my ($i) = @_;
            if ($i == 1) {    # closes once some were sold, while others are being sold
                wait_until(30, sub { (ask($shift->{id}, 'x', @ben)->json->{payments_count} // 0) >= 8 });
                return 'closed ' . patiently(sub { $host->post("/api/till/shifts/$shift->{id}/close", { counted_cash => 100 }, @ben) })->status;
            }
            my @out;
            my $at = $i % 2 ? $host : $erp;
            for my $k (1 .. 12) {
                my $r = patiently(sub { $at->post('/api/sales', { items => [{ product_id => $tea, quantity => $k, price => 3.35 }],
                    $k % 3 ? (payment_method => $k % 2 ? 'cash' : 'card') : (paid_amount => 3.35) }, @ben) });
                push @out, 'sold ' . $r->status;
                next if $k % 3;
                my $p = patiently(sub { $at->post("/api/sales/" . $r->json->{id} . '/payments', { amount => 0.1, method => 'cash' }, @ben) });
                push @out, 'paid ' . $p->status;
            }
            return @out;
        });
        my %said;
        $said{$_}++ for @said;
        is_deeply \%said, { 'closed 200' => 1, 'sold 200' => 48, 'paid 200' => 16 }, 'all was sold, paid and closed';
        my $z = ask($shift->{id}, 'z', @ben)->json;
        my ($n, $all, $cash) = @{ $total->($shift->{id}) };
        is_deeply [$z->{payments_count}, $minor->($z->{payments_total}), $minor->($z->{cash_received})], [$n, $all, $cash], "the Z report has all $n payments of the shift";
        is shift_of($shift->{id})->{payments}, $n, '... as many as it counted';
        is $minor->($z->{expected_cash}), 10_000 + $cash, 'float and cash are what is expected';
        is $z->{sales_count}, scalar(my @sales = one('sales', { shift_id => $shift->{id} })), '... and all its sales';
        my ($late) = grep { ($_->{shift_id} // '') eq $shift->{id} && $_->{created_at}{'$date'} gt $z->{closed_at} } one('payments', {});
        is $late, undef, 'none came later';
    }
    my @numbers = sort { $a <=> $b } map { $_->{z_number} } @{ $erp->get("/api/till/shifts?branch_id=$north&status=closed", @boss)->json };
    is_deeply \@numbers, [1 .. 9], 'Z numbers of the branch have no gap';
};

done_testing;
