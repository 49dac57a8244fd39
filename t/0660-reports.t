# Dashboards and reports: every figure is worked out a second time here, from the sales that were put
# into the database; days begin where the business's time zone says.
use Erp::Test;
use Encode qw(encode_utf8);
use POSIX qw(strftime);

my $erp = Erp::Test->start(workers => 2, login_workers => 1);
my $shop = $erp->seed_tenant(slug => 'figures');
my @as = (token => $erp->login($shop->{email}, $shop->{password})->{access_token});
my $empty = $erp->seed_tenant(slug => 'nothing');
my @nothing = (token => $erp->login($empty->{email}, $empty->{password})->{access_token});

sub made {
    my ($path, $body) = @_;
    my $r = $erp->post($path, $body, @as);
    is $r->status, 200, "POST $path" or diag $r->brief;
    return $r->json;
}
my $users = 0;
sub user {
    my ($role, $branch) = @_;
    my $email = "$role-" . $users++ . '@figures.example';
    $erp->seed_user(email => $email, password => 'figures-password', role => $role, tenant_id => $shop->{tenant_id},
        user => { tenant_slug => 'figures', $branch ? (branch_id => $branch) : () });
    return (token => $erp->login($email, 'figures-password')->{access_token});
}
sub report {
    my ($path, @who) = @_;
    my $r = $erp->get("/api/$path", @who ? @who : @as);
    is $r->status, 200, "GET $path" or diag $r->brief;
    return $r->json;
}
sub csv {
    my ($path, @who) = @_;
    my $r = $erp->get("/api/$path", @who ? @who : @as, headers => { Accept => 'text/csv' });
    is $r->status, 200, "GET $path as CSV" or diag $r->brief;
    like $r->header('Content-Type'), qr{^text/csv}, '... its type';
    return map { [split /,/, $_, -1] } split /\r\n/, $r->body;
}
# Amounts are cents here and numbers there.
sub amount { return sprintf '%d.%02d', $_[0] < 0 ? die 'negative' : (int $_[0] / 100, $_[0] % 100) }
sub shown { my ($of, @names) = @_; return { map { $_ => defined $of->{$_} ? sprintf '%.2f', $of->{$_} : undef } @names } }
sub decimal { return { '$numberDecimal' => amount($_[0]) } }
sub date { return { '$date' => strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $_[0]) } }

my %branch = map { $_ => made('/api/branches', { name => $_, address => 'Road 1', contact_phone => '01711-000000' })->{id} } qw(North South);
my @products = map { made('/api/products', { name => "P$_", sku => "S-$_", price => 5, stock => $_ + 2 }) } 1 .. 4;
my @id = map { $_->{id} } @products;

# ---- sales of every kind, over two months
srand 660;
my $now = time;
my @sales;
for my $n (1 .. 160) {
    my %s = (at => $now - int rand 60 * 86400, branch => (undef, values %branch)[$n % 3], status => ('completed') x 1);
    $s{status} = $n % 10 == 0 ? 'cancelled' : $n % 17 == 0 ? 'draft' : $n % 13 == 0 ? undef : 'completed';
    $s{at} = $now - int rand 9 * 86400 if $n % 2;
    for my $i (0 .. int rand 3) {
        push @{ $s{items} }, { product => $id[int rand 4], quantity => 1 + int rand 5, price => 100 + int rand 9999,
            cost => rand() < 0.2 ? undef : int rand 5000, back => 0 };
    }
    $s{subtotal} += $_->{quantity} * $_->{price} for @{ $s{items} };
    $s{discount} = int rand 100;
    for my $i (@{ $s{items} }) {    # which every line has its own part of
        $s{tax} += $i->{tax} = int rand 500;
        $s{included} += $i->{included} = int rand 50;
        ($i->{back}, $i->{broken}) = (1 + int rand $i->{quantity}, $n % 2) if rand() < 0.25;
    }
    $s{total} = $s{subtotal} - $s{discount} + $s{tax};
    $s{paid} = int rand $s{total};
    $s{credit} = $n % 6 ? 0 : $s{paid} - 100;    # of what is paid: no money, or what went there
    $s{money} = $s{paid} - $s{credit};
    push @sales, \%s;
}
sub document {
    my ($n, $s, $tenant) = @_;
    return {
        id => "sale-$n", tenant_id => $tenant, sale_number => "X-$n", invoice_no => "Y-$n", created_at => date($s->{at}), updated_at => date($s->{at}),
        branch_id => $s->{branch}, defined $s->{status} ? (status => $s->{status}) : (),
        (map { $_ => decimal($s->{$_}) } qw(subtotal discount tax total)), tax_included => decimal($s->{included}), amount_paid => decimal($s->{paid}),
        $s->{credit} ? (credit_paid => { '$numberDecimal' => sprintf '%.2f', $s->{credit} / 100 }) : (),
        items => [map { +{ product_id => $_->{product}, quantity => $_->{quantity}, price => decimal($_->{price}),
            unit_cost => defined $_->{cost} ? decimal($_->{cost}) : undef, $_->{back} ? (returned_quantity => $_->{back}) : (),
            tax => decimal($_->{tax}), tax_included => decimal($_->{included}), $_->{broken} ? (discarded_quantity => 1) : () } } @{ $s->{items} }],
    };
}
$erp->mongo_insert($shop->{db_name}, 'sales', map { document($_, $sales[$_], $shop->{tenant_id}) } 0 .. $#sales);
# Somebody else's in the same database: never seen.
$erp->mongo_insert($shop->{db_name}, 'sales', map { document("other-$_", $sales[$_], 'somebody-else') } 0 .. 9);
$erp->mongo_insert($shop->{db_name}, $_->[0], { id => "$_->[0]-other", tenant_id => 'somebody-else', %{ $_->[1] } })
    for ['products', { stock => 1 }], ['expenses', { amount => decimal(777), date => '2026-01-01' }], ['purchases', { total_amount => decimal(888) }];

# ---- the same figures, by other means
my $ahead = 6 * 3600;    # of Greenwich, in Dhaka
sub day { return strftime('%Y-%m-%d', gmtime $_[0] + $ahead) }
sub counts { return grep { !defined $_->{status} || $_->{status} eq 'completed' } @sales }
sub of { my ($branch) = @_; return grep { !defined $branch || ($_->{branch} // '') eq $branch } counts() }
sub sum { my ($name, @of) = @_; my $sum = 0; $sum += $_->{$name} for @of; return $sum }
sub left { return $_[0]{quantity} - $_[0]{back} }
# Of what came back: of each line its part, rounded.
sub tax_back { my ($i) = @_; return int((2 * ($i->{tax} + $i->{included}) * $i->{back} + $i->{quantity}) / (2 * $i->{quantity})) }
sub in_days { my ($from, $to, @of) = @_; return grep { day($_->{at}) ge $from && day($_->{at}) le $to } @of }

# Runs $code->(today) until no midnight was in between.
sub on_one_day {
    my ($code) = @_;
    my ($day, @got);
    do { $day = day(time); @got = $code->() } while day(time) ne $day;
    return ($day, @got);
}
sub dashboard_is {
    my ($name, $branch, @who) = @_;
    my ($today, $stats, $chart) = on_one_day(sub { return (report('dashboard/stats', @who), report('dashboard/sales-chart', @who)) });
    my @mine = of($branch);
    is_deeply shown($stats, qw(total_sales today_sales monthly_sales)), {
        total_sales => amount(sum(total => @mine)), today_sales => amount(sum(total => grep { day($_->{at}) ge $today } @mine)),
        monthly_sales => amount(sum(total => grep { substr(day($_->{at}), 0, 7) eq substr $today, 0, 7 } @mine)),
    }, "$name: sums";
    is_deeply [@$stats{qw(total_orders total_products low_stock_items)}], [scalar @mine, 4, 2], '... and counts';
    my ($y, $m, $d) = split /-/, $today;
    my $noon = POSIX::mktime(0, 0, 12, $d, $m - 1, $y - 1900);
    my @days = map { strftime('%Y-%m-%d', localtime $noon - $_ * 86400) } reverse 0 .. 6;
    is_deeply [map { "$_->{date} " . sprintf '%.2f', $_->{sales} } @$chart],
        [map { "$_ " . amount(sum(total => in_days($_, $_, @mine))) } @days], '... and the last seven days';
    return ($stats, $chart);
}
$ENV{TZ} = 'UTC';
POSIX::tzset();

sub branches_are {
    my ($name, $query, $got, $branch, @mine) = @_;
    my %by;
    push @{ $by{ $_->{branch} // 'unassigned' } }, $_ for @mine;
    my @rows = map {
        my @of = @{ $by{$_} };
        my ($items) = (0);
        for my $s (@of) { $items += left($_) for @{ $s->{items} } }
        +{ id => $_, raw => sum(total => @of), total_sales => amount(sum(total => @of)), sales_count => scalar @of, subtotal => amount(sum(subtotal => @of)),
            discount => amount(sum(discount => @of)), tax => amount(sum(tax => @of)), items_sold => $items, payments_received => amount(sum(money => @of)) }
    } keys %by;
    @rows = sort { $b->{raw} <=> $a->{raw} } @rows;
    my $line = sub { my ($r) = @_; return join ' ', map { /\./ ? sprintf '%.2f', $_ : $_ } map { $_ // 'undef' } @$r{qw(sales_count items_sold)}, map { sprintf '%.2f', $_ } @$r{qw(total_sales subtotal discount tax payments_received)} };
    is_deeply [map { "$_->{branch_id} " . $line->($_) } @{ $got->{branches} }], [map { "$_->{id} " . $line->($_) } @rows], "$name: branches";
    my %name = reverse %branch;
    is_deeply [map { $_->{branch_name} } @{ $got->{branches} }], [map { $name{ $_->{id} } } @rows], '... by name';
    my %all;
    for my $m (qw(sales_count items_sold total_sales subtotal discount tax payments_received)) { $all{$m} += $_->{$m} for @rows; $all{$m} //= 0 }
    is $line->($got->{overall}), $line->(\%all), '... overall';
    is $got->{overall}{branch_count}, scalar @rows, '... their number';
    is_deeply $got->{filters}, { start_date => undef, end_date => undef, branch_id => $branch, %$query }, '... of what was asked';
    return;
}

subtest 'the dashboard' => sub {
    my ($stats, $chart) = dashboard_is('all', undef);
    my @rows = csv('dashboard/stats');
    is_deeply $rows[0], [qw(total_sales total_orders total_products low_stock_items today_sales monthly_sales)], 'the columns';
    is_deeply [map { sprintf '%.2f', $_ } @{ $rows[1] }], [map { sprintf '%.2f', $_ } @$stats{ @{ $rows[0] } }], 'the same in CSV';
    @rows = csv('dashboard/sales-chart');
    is_deeply [map { $_->[0] } @rows], ['date', map { $_->{date} } @$chart], 'the chart in CSV';
    for my $name (sort keys %branch) {
        my @who = user('cashier', $branch{$name});
        dashboard_is("a cashier in $name", $branch{$name}, @who);
    }
    dashboard_is('head office', undef, user('head_office'));
};

subtest 'zones' => sub {
    for my $zone (['Pacific/Kiritimati', 14], ['Pacific/Pago_Pago', -11], ['UTC', 0], ['Asia/Dhaka', 6]) {
        my $r = $erp->patch('/api/settings', { time_zone => $zone->[0] }, @as);
        is $r->status, 200, $zone->[0] or diag $r->brief;
        $ahead = $zone->[1] * 3600;
        dashboard_is($zone->[0], undef);
    }
    my $before = $erp->get('/api/settings', @as)->json;
    is $before->{time_zone}, 'Asia/Dhaka', 'the zone is a setting';
    for my $bad ('Mars/Base', '+06:00', '', 'Asia/Dhaka ', 'Asia/Nowhere', '$name', 7, 'A' x 65) {
        my $r = $erp->patch('/api/settings', { time_zone => $bad, website_name => 'Changed' }, @as);
        is_problem($r, 422, 'validation', "refused: '$bad'");
        is $r->json->{errors}[0]{field}, 'time_zone', '... by name';
    }
    is_deeply $erp->get('/api/settings', @as)->json, $before, 'nothing changed';
};

subtest 'a day of 23 hours' => sub {
    my %at = ('2026-03-08T04:59:59Z' => 0, '2026-03-08T05:00:00Z' => 1, '2026-03-09T03:59:59Z' => 1, '2026-03-09T04:00:00Z' => 0);
    my $n = 0;
    for my $when (sort keys %at) {
        my $doc = document('dst-' . $n++, $sales[1], $empty->{tenant_id});
        $doc->{created_at} = { '$date' => $when };
        $erp->mongo_insert($empty->{db_name}, 'sales', $doc);
    }
    is $erp->patch('/api/settings', { time_zone => 'America/New_York' }, @nothing)->status, 200, 'New York';
    my $got = report('reports/branch-sales?start_date=2026-03-08&end_date=2026-03-08', @nothing);
    is $got->{overall}{sales_count}, 2, 'begins and ends when it does there';
    is report('reports/branch-sales?end_date=2026-03-07', @nothing)->{overall}{sales_count}, 1, 'until the day before';
    is report('reports/branch-sales?start_date=2026-03-09', @nothing)->{overall}{sales_count}, 1, 'since the day after';
    # By other means than ours, so what was added up has to go too.
    $erp->mongo($empty->{db_name}, doc(delete => $_, deletes => [{ q => {}, limit => 0 }])) for qw(sales sales_days);
};

subtest 'branches' => sub {
    branches_are('all', {}, report('reports/branch-sales'), undef, counts());
    my ($from, $to) = (day($now - 20 * 86400), day($now - 3 * 86400));
    branches_are('some days', { start_date => $from, end_date => $to }, report("reports/branch-sales?start_date=$from&end_date=$to"), undef, in_days($from, $to, counts()));
    branches_are('one day', { start_date => $to, end_date => $to }, report("reports/branch-sales?start_date=$to&end_date=$to"), undef, in_days($to, $to, counts()));
    branches_are('since', { start_date => $from }, report("reports/branch-sales?start_date=$from"), undef, in_days($from, '9999', counts()));
    for my $role (qw(branch_manager staff)) {
        branches_are("a $role", {}, report('reports/branch-sales', user($role, $branch{South})), $branch{South}, of($branch{South}));
    }
    my @rows = csv('reports/branch-sales');
    is_deeply $rows[0], [qw(branch_id branch_name total_sales sales_count subtotal discount tax items_sold payments_received)], 'the columns';
    my $json = report('reports/branch-sales')->{branches};
    is_deeply [map { $_->[0] } @rows[1 .. $#rows]], [map { $_->{branch_id} } @$json], 'the same branches in CSV';
    is_deeply [map { sprintf '%.2f', $_->[2] } @rows[1 .. $#rows]], [map { sprintf '%.2f', $_->{total_sales} } @$json], '... and totals';
    for my $bad (['start_date=2026-02-30', 'start_date'], ['end_date=2026-2-03', 'end_date'], ['start_date=x', 'start_date'], ['start_date=', 'start_date'],
        ['end_date=1899-12-31', 'end_date'], ['end_date=3000-01-01', 'end_date'], ['start_date=2026-02-02&end_date=2026-02-01', 'end_date'],
        ['start_date=2026-02-02T00:00:00Z', 'start_date']) {
        for my $path (qw(branch-sales profit-loss top-products)) {
            my $r = $erp->get("/api/reports/$path?$bad->[0]", @as);
            is_problem($r, 422, 'validation', "$path refuses $bad->[0]");
            is $r->json->{errors}[0]{field}, $bad->[1], '... by name';
        }
    }
    is report("reports/branch-sales?start_date=1900-01-01&end_date=2999-12-31")->{overall}{sales_count}, scalar(counts()), 'the longest time';
    is_problem($erp->get('/api/reports/branch-sales?from=2026-01-01', @as), 400, 'bad_query', 'an unknown parameter');
};

sub top_is {
    my ($name, $got, $limit, @mine) = @_;
    my %p;
    for my $s (@mine) { for (@{ $s->{items} }) { $p{ $_->{product} }{quantity} += left($_); $p{ $_->{product} }{revenue} += left($_) * $_->{price} } }
    my @ids = sort { $p{$b}{revenue} <=> $p{$a}{revenue} } keys %p;
    splice @ids, $limit if @ids > $limit;
    my %known = map { $_->{id} => $_ } @products;
    is_deeply [map { join ' ', @$_{qw(product_id name sku quantity)}, sprintf '%.2f', $_->{revenue} } @$got],
        [map { join ' ', $_, @{ $known{$_} }{qw(name sku)}, $p{$_}{quantity}, amount($p{$_}{revenue}) } @ids], $name;
    return;
}

subtest 'products' => sub {
    top_is('what sold best', report('reports/top-products'), 10, counts());
    top_is('the first two', report('reports/top-products?limit=2'), 2, counts());
    my $from = day($now - 5 * 86400);
    top_is('of some days', report("reports/top-products?start_date=$from"), 10, in_days($from, '9999', counts()));
    top_is('of one branch', report('reports/top-products', user('technician', $branch{North})), 10, of($branch{North}));
    is_problem($erp->get("/api/reports/top-products?limit=$_", @as), 400, 'bad_query', "no limit '$_'") for 0, 1001, -1, 'x';
    my @rows = csv('reports/top-products?limit=1');
    is_deeply $rows[0], [qw(product_id name sku quantity revenue)], 'the columns';
    is scalar @rows, 2, 'one row in CSV';
};

subtest 'profit and loss' => sub {
    made('/api/expenses', { category => 'Rent', amount => 120.55, description => 'x', date => $_ }) for '2026-01-31', '2026-02-01T10:00:00Z', '2026-02-02';
    $erp->mongo_insert($shop->{db_name}, 'purchases',
        map { +{ id => "buy-$_->[0]", tenant_id => $shop->{tenant_id}, total_amount => decimal($_->[1]), status => $_->[2], created_at => { '$date' => $_->[3] } } }
        [1, 1010, 'completed', '2026-01-31T17:59:59Z'], [2, 2021, 'completed', '2026-01-31T18:00:00Z'], [3, 4042, 'cancelled', '2026-02-01T00:00:00Z']);
    my $expect = sub {
        my ($expenses, $purchases, @mine) = @_;
        my ($cost, $without, $revenue, $taxes) = (0, 0, sum(total => @mine), sum(tax => @mine) + sum(included => @mine));
        for my $s (@mine) {
            for (@{ $s->{items} }) {
                defined $_->{cost} ? ($cost += (left($_) + ($_->{broken} // 0)) * $_->{cost}) : $without++;
                $taxes -= tax_back($_);
            }
        }
        my $profit = $revenue - $expenses - $purchases;
        my %e = (revenue => $revenue, expenses => $expenses, purchases => $purchases, profit => $profit, taxes => $taxes, cost_of_goods => $cost,
            gross_profit => $revenue - $taxes - $cost, net_profit => $revenue - $taxes - $cost - $expenses);
        return { (map { $_ => sprintf '%.2f', $e{$_} / 100 } keys %e), items_without_cost => $without,
            profit_margin => sprintf '%.4f', $revenue ? $profit / $revenue * 100 : 0 };
    };
    my $got = sub {
        my $p = report("reports/profit-loss$_[0]");
        my @money = grep { !/margin|without/ } keys %$p;
        return { %{ shown($p, @money) }, items_without_cost => $p->{items_without_cost}, profit_margin => sprintf '%.4f', $p->{profit_margin} };
    };
    is_deeply $got->(''), $expect->(36165, 3031, counts()), 'of all time';
    is_deeply $got->('?start_date=2026-02-01&end_date=2026-02-01'), $expect->(12055, 2021, in_days('2026-02-01', '2026-02-01', counts())), 'of one day';
    is_deeply $got->('?end_date=2026-01-31'), $expect->(12055, 1010, in_days('0', '2026-01-31', counts())), 'until a day: a loss';
    my @rows = csv('reports/profit-loss');
    my %row;
    @row{ @{ $rows[0] } } = @{ $rows[1] };
    is sprintf('%.2f', $row{profit}), $expect->(36165, 3031, counts())->{profit}, 'in CSV';
    is_problem($erp->get('/api/reports/profit-loss', user($_, $branch{North})), 403, 'role_forbidden', "not for a $_") for qw(branch_manager cashier);
};

subtest 'as they are described' => sub {
    my $paths = $erp->get('/api/openapi.json')->json->{paths};
    for my $name (qw(branch-sales profit-loss top-products)) {
        my $op = $paths->{"/api/reports/$name"}{get};
        is_deeply [map { $_->{schema}{format} } grep { ($_->{name} // '') =~ /_date$/ } @{ $op->{parameters} }], [qw(date date)], "$name takes days";
        ok $op->{responses}{422}, '... and refuses others';
        ok $op->{responses}{200}{content}{'text/csv'}, '... and is to be had as CSV';
    }
};

subtest 'who' => sub {
    my @stray = user('staff');
    is_problem($erp->get("/api/$_", @stray), 403, 'branch_required', "no branch, no $_") for qw(dashboard/stats dashboard/sales-chart reports/top-products reports/branch-sales);
    my $bare = $erp->seed_tenant(slug => 'bare', entry => { features_enabled => ['pos'] });
    my @bare = (token => $erp->login($bare->{email}, $bare->{password})->{access_token});
    is_problem($erp->get("/api/$_", @bare), 403, 'module_forbidden', "without the module, no $_") for qw(dashboard/stats reports/profit-loss);
};

subtest 'nothing' => sub {
    my ($stats, $chart) = (report('dashboard/stats', @nothing), report('dashboard/sales-chart', @nothing));
    is_deeply [map { $_ + 0 } @$stats{qw(total_sales total_orders total_products low_stock_items today_sales monthly_sales)}], [(0) x 6], 'no sales';
    is_deeply [map { $_->{sales} + 0 } @$chart], [(0) x 7], 'seven empty days';
    my $p = report('reports/profit-loss', @nothing);
    is_deeply { map { $_ => $p->{$_} + 0 } keys %$p }, { map { $_ => 0 } qw(revenue expenses purchases profit profit_margin taxes cost_of_goods items_without_cost gross_profit net_profit) }, 'no profit, no loss';
    is_deeply report('reports/top-products', @nothing), [], 'no products';
    my $b = report('reports/branch-sales', @nothing);
    is_deeply [$b->{branches}, $b->{overall}{branch_count}, $b->{overall}{total_sales} + 0], [[], 0, 0], 'no branches';
    is scalar(csv('reports/branch-sales', @nothing)), 1, 'a head alone';
    is_deeply report('dashboard/alerts', @nothing), { total_unread => 0, sticky_alerts => 0, recent => [],
        by_type => { unpaid_invoices => 0, low_stock => 0, payment_received => 0, sale_cancelled => 0 } }, 'no alerts';
};

subtest 'what came back' => sub {
    my $profit = sub {
        my $p = report('reports/profit-loss', @nothing);
        return join ' ', map { sprintf '%.2f', $p->{$_} } qw(revenue taxes cost_of_goods gross_profit);
    };
    my $back = sub {
        my ($sale, $quantity, $refund, $how) = @_;
        my $r = $erp->post('/api/returns', { sale_id => $sale->{id}, product_id => $sale->{items}[0]{product_id}, quantity => $quantity,
            refund_amount => $refund, reason => 'x' }, @nothing);
        is $r->status, 200, "$quantity asked for" or diag $r->brief;
        $r = $erp->patch('/api/returns/' . $r->json->{id} . '/approve', $how, @nothing);
        is $r->status, 200, '... and approved' or diag $r->brief;
    };
    my $tea = $erp->post('/api/products', { name => 'Tea', price => 1, stock => 7, tax_rate => 33.33 }, @nothing)->json->{id};
    my $r = $erp->post('/api/sales', { items => [{ product_id => $tea, quantity => 7, price => 1, unit_cost => 0.6 }] }, @nothing);
    is $r->status, 200, 'seven are sold' or diag $r->brief;
    is $profit->(), '9.33 2.33 4.20 2.80', 'with tax';
    $back->($r->json, 3, 4, {});
    is $profit->(), '5.33 1.33 2.40 1.60', 'three of seven come back: their tax is 0.9986, and 1.00';
    $back->($r->json, 1, 1.33, { restock => \0 });
    is $profit->(), '4.00 1.00 2.40 0.60', 'a broken one: its cost is lost, its tax is not due';
    $back->($r->json, 3, 4, {});
    is $profit->(), '0.00 0.00 0.60 -0.60', 'all of it: no tax is left, but what is broken';
    $erp->mongo($empty->{db_name}, doc(delete => $_, deletes => [{ q => {}, limit => 0 }])) for qw(sales products returns payments notifications);
};

subtest 'a sale at the till' => sub {
    $erp->patch('/api/settings', { time_zone => undef }, @nothing);
    my $rice = $erp->post('/api/products', { name => 'Rice', price => 12.34, stock => 7 }, @nothing)->json->{id};
    my $sale = $erp->post('/api/sales', { items => [{ product_id => $rice, quantity => 3, price => 12.34, unit_cost => 10 }], customer_name => 'Karim',
        customer_phone => '01711-222333', paid_amount => 0 }, @nothing);
    is $sale->status, 200, 'made' or diag $sale->brief;
    is sprintf('%.2f', report('dashboard/stats', @nothing)->{total_sales}), '37.02', 'it is in the sums';
    is sprintf('%.2f', report('reports/profit-loss', @nothing)->{cost_of_goods}), '30.00', 'at what it cost';
    my $a = report('dashboard/alerts', @nothing);
    is_deeply [@$a{qw(total_unread sticky_alerts)}, @{ $a->{by_type} }{qw(unpaid_invoices low_stock)}], [2, 1, 1, 1], 'unpaid, and little left';
    is_deeply [sort map { $_->{type} } @{ $a->{recent} }], [qw(low_stock unpaid_invoice)], 'the newest';
    my @rows = csv('dashboard/alerts', @nothing);
    is_deeply shift @rows, [qw(kind count id created_at type title message sale_id reference_id is_sticky)], 'as a table: its columns';
    is_deeply [map { [@$_[0, 1]] } splice @rows, 0, 6], [map { [$_, $a->{$_} // $a->{by_type}{$_}] } qw(total_unread sticky_alerts unpaid_invoices low_stock payment_received sale_cancelled)], '... a row a count';
    is_deeply [map { [@$_[0 .. 4, 7 .. 9]] } @rows], [map { ['recent', '', @$_{qw(id created_at type)}, map({ $_ // '' } @$_{qw(sale_id reference_id)}), $_->{is_sticky} ? 'true' : 'false'] } @{ $a->{recent} }], '... and one a notification';
    is_deeply [map { $_->[6] } @rows], [map { encode_utf8($_->{message}) } @{ $a->{recent} }], '... with what it says';
    is $erp->patch('/api/sales/' . $sale->json->{id} . '/cancel', { reason => 'x' }, @nothing)->status, 200, 'cancelled';
    my ($stats, $p) = (report('dashboard/stats', @nothing), report('reports/profit-loss', @nothing));
    is_deeply [map { $_ + 0 } @$stats{qw(total_sales total_orders today_sales)}, @$p{qw(revenue cost_of_goods)}], [(0) x 5], 'and gone from them';
    is_deeply report('reports/top-products', @nothing), [], '... and from the products';
    is report('dashboard/alerts', @nothing)->{by_type}{sale_cancelled}, 1, 'which is told';
};

done_testing;
