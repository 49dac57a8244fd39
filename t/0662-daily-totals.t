# Sums of past days are kept, and reports must never show it: whatever happens to sales, in every
# time zone, they say what a plain look at all sales says. Days are changed while others add them up,
# and workers die at it.
use Erp::Test;
use POSIX qw(strftime);
use Time::Local qw(timegm);
use Time::HiRes qw(time sleep);

my $erp = Erp::Test->start(workers => 4, login_workers => 1, env => { ERP_TENANT_SHARE => 100 },
    erpd => "$ENV{ERP_TEST_DEVEL_BIN}/erpd");    # a worker with sanitizers starts too slowly to be killed so often
my $shop = $erp->seed_tenant(slug => 'totals');
my @as = (token => $erp->login($shop->{email}, $shop->{password})->{access_token});
my $db = $shop->{db_name};
srand 662;

sub done {
    my ($method, $path, $body, @more) = @_;
    my $r = $erp->request($method, $path, json => $body, @as, @more);
    is $r->status, 200, "$method $path" or diag $r->brief;
    return $r->json;
}
my @branches = map { done(POST => '/api/branches', { name => $_, address => 'Road 1', contact_phone => '01711-000000' })->{id} } qw(East West);
my $rice = done(POST => '/api/products', { name => 'Rice', price => 10, stock => 1_000_000 })->{id};
sub staff {
    my ($branch) = @_;
    my $email = "staff-$branch\@totals.example";
    $erp->seed_user(email => $email, password => 'totals-password', role => 'cashier', tenant_id => $shop->{tenant_id},
        user => { tenant_slug => 'totals', branch_id => $branch });
    return (token => $erp->login($email, 'totals-password')->{access_token});
}
my @east = staff($branches[0]);

# ---- sales of more than a year, some of them as earlier systems left them
my $now = time;
my $made = 0;
sub decimal { return { '$numberDecimal' => sprintf '%.2f', $_[0] } }
sub instant { return { '$date' => strftime('%Y-%m-%dT%H:%M:%S', gmtime $_[0]) . sprintf('.%03dZ', rand 1000) } }
sub sale {
    my ($at, %more) = @_;
    my $n = ++$made;
    my $quantity = 1 + int rand 5;
    my $paid = $n % 3 ? 0 : 10 * $quantity;
    return { id => "old-$n", tenant_id => $shop->{tenant_id}, sale_number => "OLD-$n", invoice_no => "OLDI-$n", created_at => $at, updated_at => instant($now),
        branch_id => (undef, @branches)[rand 3], status => 'completed', _rev => 1, subtotal => decimal(10 * $quantity), discount => decimal(0),
        tax => decimal(rand 3), tax_included => decimal(rand 1), total => decimal(10 * $quantity), amount_paid => decimal($paid), balance_due => decimal(10 * $quantity - $paid),
        payment_status => $paid ? 'paid' : 'unpaid', payment_method => 'cash',
        items => [{ product_id => $rice, quantity => $quantity, price => decimal(10), total => decimal(10 * $quantity), unit_cost => rand() < 0.2 ? undef : decimal(7) }], %more };
}
my @old = map { sale(instant($now - rand($_ % 2 ? 400 * 86400 : 12 * 86400))) } 1 .. 300;
push @old, map { sale(strftime('%Y-%m-%dT%H:%M:%S', gmtime $now - $_ * 86400)) } 1 .. 5;    # days as text
push @old, sale(undef), sale(instant($now - 86400 * 30), status => 'cancelled'), sale(instant(-86400 * 3 - 5), status => 'draft'), sale(instant(-86400 * 3 - 5));
delete $old[-5]{created_at};
push @old, sale(instant($now + 3600));    # of a clock that went ahead
$erp->mongo_insert($db, 'sales', @old);

# ---- the plain look
sub seconds { my ($y, $m, $d, @time) = @_; return timegm(reverse(@time), $d, $m - 1, $y) }
sub number { my ($v) = @_; return ref $v ? $v->{'$numberDecimal'} // $v->{'$numberLong'} // $v->{'$numberInt'} // die 'no number' : $v // 0 }
sub cents { return sprintf '%.0f', 100 * number($_[0]) }
my @kept;    # what the last look saw, where nothing happens in between
sub sales {
    return @kept = $erp->mongo_all($db, doc(find => 'sales', filter => {}, batchSize => 100_000, projection => { _id => 0, map { $_ => 1 } qw(id branch_id
        created_at status total subtotal discount tax tax_included amount_paid balance_due items.quantity items.returned_quantity items.discarded_quantity items.unit_cost) }));
}
sub counted { return grep { ($_->{status} // '') !~ /^(?:cancelled|draft)$/ } @_ }
sub ms_of {
    my ($at) = @_;
    return undef if ref $at ne 'HASH';
    my $d = $at->{'$date'};
    return $d->{'$numberLong'} if ref $d;
    my @t = $d =~ /^(-?\d+)-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?Z$/ or die "no date: $d";
    return 1000 * seconds(@t[0 .. 5]) + substr(($t[6] // 0) . '000', 0, 3);
}

# Hours ahead of Greenwich at a moment.
my %zone = (UTC => sub { 0 }, 'Asia/Dhaka' => sub { 6 }, 'Asia/Kathmandu' => sub { 5.75 }, 'Pacific/Kiritimati' => sub { 14 },
    'Pacific/Pago_Pago' => sub { -11 }, 'America/New_York' => \&new_york);
sub new_york {
    my ($ms) = @_;
    my $year = 1900 + (gmtime $ms / 1000)[5];
    return -5 if $year < 2007;
    my $sunday = sub {
        my ($month, $nth) = @_;
        my $first = seconds($year, $month, 1, 0, 0, 0);
        return $first + 86400 * ((7 - (gmtime $first)[6]) % 7 + 7 * ($nth - 1));
    };
    return $ms / 1000 >= $sunday->(3, 2) + 7 * 3600 && $ms / 1000 < $sunday->(11, 1) + 6 * 3600 ? -4 : -5;
}
my $zone = 'Asia/Dhaka';
sub day { my ($ms) = @_; return strftime('%Y-%m-%d', gmtime POSIX::floor($ms / 1000) + 3600 * $zone{$zone}->($ms)) }

sub sum { my ($name, @of) = @_; my $sum = 0; $sum += cents($_->{$name}) for @of; return $sum }
sub pieces { my ($s) = @_; my $n = 0; $n += number($_->{quantity}) - number($_->{returned_quantity}) for @{ $s->{items} }; return $n }
sub costs { my ($s) = @_; my $n = 0; $n += cents($_->{unit_cost}) * (number($_->{quantity}) - number($_->{returned_quantity}) + number($_->{discarded_quantity})) for @{ $s->{items} }; return $n }

sub report {
    my ($path, @who) = @_;
    my $r = $erp->get("/api/$path", @who ? @who : @as);
    is $r->status, 200, $path or diag $r->brief;
    return $r->json;
}
sub stats_are {
    my ($name, $branch, @who) = @_;
    sales() if !$branch;
    my ($today, $stats);
    do { $today = day(1000 * time); $stats = report('dashboard/stats', @who) } while day(1000 * time) ne $today;
    my @mine = grep { !$branch || ($_->{branch_id} // '') eq $branch } counted(@kept);
    my @dated = grep { defined ms_of($_->{created_at}) } @mine;
    is_deeply [map { cents($_) } @$stats{qw(total_sales total_orders today_sales monthly_sales)}], [sum(total => @mine), 100 * @mine,
        sum(total => grep { day(ms_of($_->{created_at})) ge $today } @dated), sum(total => grep { substr(day(ms_of($_->{created_at})), 0, 7) ge substr $today, 0, 7 } @dated)],
        "$name: $zone";
    return;
}
sub range_is {
    my ($from, $to) = @_;
    my $query = join '&', $from ? "start_date=$from" : (), $to ? "end_date=$to" : ();
    my @in = grep { my $ms = ms_of($_->{created_at}); !$query || defined $ms && (!$from || day($ms) ge $from) && (!$to || day($ms) le $to) } counted(@kept);
    my $got = report("reports/branch-sales?$query");
    my (%by, %is);
    push @{ $by{ $_->{branch_id} // 'unassigned' } }, $_ for @in;
    my $line = sub { my $n = 0; $n += pieces($_) for @_; return join ' ', scalar @_, $n, map { sum($_ => @_) } qw(total subtotal discount tax amount_paid) };
    is_deeply { map { my $b = $_; $b->{branch_id} => join ' ', @$b{qw(sales_count items_sold)}, map { cents($b->{$_}) } qw(total_sales subtotal discount tax payments_received) } @{ $got->{branches} } },
        { map { $_ => $line->(@{ $by{$_} }) } keys %by }, "branches of '$query', $zone";
    is cents($got->{overall}{total_sales}), sum(total => @in), '... and all of them';
    my $p = report("reports/profit-loss?$query");
    my ($cost, $without) = (0, 0);
    for my $s (@in) { $cost += costs($s); $without += grep { !defined $_->{unit_cost} } @{ $s->{items} } }
    is_deeply [map({ cents($p->{$_}) } qw(revenue taxes cost_of_goods)), $p->{items_without_cost}],
        [sum(total => @in), sum(tax => @in) + sum(tax_included => @in), $cost, $without], '... and profit and loss';
    return;
}
sub some_day { return day(1000 * ($now - rand 410 * 86400)) }
sub all_is {
    my ($name) = @_;
    stats_are($name, undef);
    stats_are("$name, one branch", $branches[0], @east);
    my ($from, $to) = sort(some_day(), some_day());
    range_is($from, $to);
    range_is($from, undef);
    range_is(undef, $to);
    range_is($to, $to);
    range_is();
    return;
}
sub days { return $erp->mongo_all($db, doc(find => 'sales_days', filter => { @_ }, batchSize => 10_000)) }

subtest 'the first look' => sub {
    stats_are('before anything is kept', undef);
    cmp_ok scalar(days(open => \0)), '>', 100, 'days are added up';
    all_is('after it');
};

subtest 'sums are used' => sub {
    my ($before) = report('dashboard/stats');
    my ($one) = grep { ref $_->{day} } days(open => \0);
    my $add = sub { $erp->mongo($db, doc(update => 'sales_days', updates => [{ q => { _id => $one->{_id} }, u => { '$inc' => { 'branches.0.total' => $_[0] } } }])) };
    $add->(1000);
    is cents(report('dashboard/stats')->{total_sales}), cents($before->{total_sales}) + 100_000, 'what is kept is what is shown';
    $add->(-1000);
    is cents(report('dashboard/stats')->{total_sales}), cents($before->{total_sales}), '... and nothing else';
};

subtest 'zones' => sub {
    for my $name (sort keys %zone) {
        done(PATCH => '/api/settings', { time_zone => $name });
        $zone = $name;
        all_is('kept by another zone');
    }
    $zone = 'America/New_York';
    done(PATCH => '/api/settings', { time_zone => $zone });
    my $year = 1900 + (gmtime $now)[5];
    for my $y ($year - 1, $year) {
        for my $change ([3, 2], [11, 1]) {
            my $first = seconds($y, $change->[0], 1, 0, 0, 0);
            my $at = $first + 86400 * ((7 - (gmtime $first)[6]) % 7 + 7 * ($change->[1] - 1));
            my ($before, $on, $after) = map { strftime('%Y-%m-%d', gmtime $at + $_ * 86400) } -1 .. 1;
            range_is($before, $after);
            range_is($on, $on);
        }
    }
};

# One thing that happens to a sale; false when it was refused.
sub happen {
    my ($sale) = @_;
    my $id = $sale->{id};
    my $kind = int rand 4;
    return done(POST => '/api/sales', { items => [{ product_id => $rice, quantity => 1 + int rand 3, price => 10 }], rand() < 0.5 ? (paid_amount => 0, customer_name => 'Karim', customer_phone => '01711-222333') : () }) if $kind == 0;
    my $due = cents($sale->{balance_due}) / 100;
    if ($sale->{status} eq 'completed' && $kind == 1 && $due > 0) {
        return done(POST => "/api/sales/$id/payments", { amount => rand() < 0.5 ? $due : 1, method => 'cash' });
    }
    if ($sale->{status} eq 'completed' && $kind == 2 && !cents($sale->{amount_paid})) {
        return done(PATCH => "/api/sales/$id/cancel", { reason => 'x' });
    }
    if ($sale->{status} eq 'completed' && $kind == 3 && pieces($sale) > 0 && cents($sale->{total}) >= 1000) {
        my $r = $erp->post('/api/returns', { sale_id => $id, product_id => $rice, quantity => 1, reason => 'x', refund_amount => int rand 10 }, @as);
        return 0 if $r->status == 422;
        is $r->status, 200, 'asked for' or diag $r->brief;
        return done(PATCH => '/api/returns/' . $r->json->{id} . '/approve', {});
    }
    return 0;
}

subtest 'whatever happens' => sub {
    my ($happened, $opened) = (0, 0);
    for my $round (1 .. 4) {
        if ($round % 3 == 0) {
            $zone = (sort keys %zone)[rand keys %zone];
            done(PATCH => '/api/settings', { time_zone => $zone });
        }
        for (1 .. 12) {
            my @sales = grep { ref $_->{items} } sales();
            $happened++ if happen($sales[rand @sales]);
        }
        $opened += days(open => \1);
        all_is("round $round");
        is scalar(days(open => \1, day => { '$ne' => 'upto' })), 0, 'nothing is left open';
    }
    cmp_ok $happened, '>', 12, 'things happened';
    cmp_ok $opened, '>', 8, 'days were opened by them';
};

sub id_of { return ref $_[0] ? $_[0]{'$oid'} : $_[0] }
subtest 'written by others' => sub {
    $erp->mongo_insert($db, 'sales', map { sale(instant($now - 86400 * 40 * $_)) } 1 .. 9);
    $erp->mongo($db, doc(delete => 'sales', deletes => [{ q => { id => 'old-7' }, limit => 1 }]));
    my ($status, $out) = $erp->erpctl('sales', 'totals', 'totals', '--json');
    is $status, 0, 'erpctl sales totals' or diag $out;
    is Erp::Json::from_json($out)->{days}, scalar(days(open => \0)), '... adds up the days';
    all_is('afterwards');
    ($status) = $erp->erpctl('sales', 'totals', 'nobody');
    is $status, 1, 'no such tenant';
};

subtest 'today writes nothing' => sub {
    my $before = join ' ', sort map { id_of($_->{_id}) . ' ' . number($_->{changes} // 0) } days();
    my $sale = done(POST => '/api/sales', { items => [{ product_id => $rice, quantity => 1, price => 10 }], paid_amount => 0, customer_name => 'Rahim', customer_phone => '01711-333222' });
    done(POST => "/api/sales/$sale->{id}/payments", { amount => 4, method => 'cash' });
    is join(' ', sort map { id_of($_->{_id}) . ' ' . number($_->{changes} // 0) } days()), $before, 'a sale of today, and its payment';
    stats_are('with them', undef);
};

subtest 'while writes are held' => sub {
    my $rule = sub { $erp->mongo("${db}_audit", doc(collMod => 'audit_log', validator => @_)) };
    my ($one) = grep { ref $_->{day} } days(open => \0);
    $erp->mongo($db, doc(update => 'sales_days', updates => [{ q => { _id => $one->{_id} }, u => { '$set' => { open => \1 }, '$unset' => { branches => 1 } } }]));
    $rule->({ tenant_id => { '$nin' => [ $shop->{tenant_id} ] } });
    all_is('nothing is added up');
    is scalar(days(open => \1, day => { '$ne' => 'upto' })), 1, '... nor stored';
    $rule->({});
    all_is('released');
    is scalar(days(open => \1, day => { '$ne' => 'upto' })), 0, 'it is added up again';
};

subtest 'who has no tenant' => sub {
    $erp->seed_user(email => 'old@legacy.example', password => 'legacy-password', role => 'tenant_admin', tenant_id => 'legacy', user => { tenant_slug => undef });
    my @old = (token => $erp->login('old@legacy.example', 'legacy-password')->{access_token});
    my $add = sub { $erp->mongo_insert('users', 'sales', map { sale(instant($now - 86400 * (5 + $_)), tenant_id => 'legacy', total => decimal(5)) } 1 .. 4) };
    for my $n (1 .. 2) {
        $add->();
        is cents(report('dashboard/stats', @old)->{total_sales}), $n * 2000, 'what an earlier system writes is seen at once';
    }
    is scalar(() = $erp->mongo_all('users', doc(find => 'sales_days', filter => {}))), 0, '... for nothing is kept';
};

# Runs each of @code in a process of its own, and $meanwhile until they are done; what they say.
sub together {
    my ($meanwhile, @code) = @_;
    my (@out, %running);
    for my $code (@code) {
        pipe my $read, my $write or die "pipe: $!\n";
        my $pid = fork // die "fork: $!\n";
        if (!$pid) {
            syswrite $write, join '', map { "$_\n" } eval { $code->() }, $@ ? "died: $@" : ();
            POSIX::_exit(0);
        }
        close $write;
        push @out, $read;
        $running{$pid} = 1;
    }
    while (%running) {
        $meanwhile->();
        delete @running{ grep { waitpid($_, POSIX::WNOHANG()) > 0 } keys %running };
    }
    return map { my $file = $_; chomp(my @lines = <$file>); [@lines] } @out;
}

# 60 sales of 10.00, on few days, that are cancelled one after the other.
sub sixty {
    my ($name) = @_;
    my @sixty = map { sale(instant($now - 86400 * (2 + $_ % 4)), id => "$name-$_", sale_number => "$name-$_", invoice_no => "$name-i-$_", branch_id => undef,
        map({ $_ => decimal(10) } qw(subtotal total balance_due)), amount_paid => decimal(0), payment_status => 'unpaid',
        items => [{ product_id => $rice, quantity => 1, price => decimal(10), total => decimal(10) }]) } 1 .. 60;
    $erp->mongo_insert($db, 'sales', @sixty);
    $erp->mongo($db, doc(delete => 'sales_days', deletes => [{ q => {}, limit => 0 }]));
    return map { $_->{id} } @sixty;
}
sub patiently {
    my ($code) = @_;
    my $r;
    for (1 .. 300) {
        $r = $code->();
        last if $r->status == 200 || $r->status == 409;
        sleep 0.03;
    }
    return $r;
}

subtest 'eight who look while sales are cancelled' => sub {
    my @ids = sixty('many');
    my $whole = cents(report('dashboard/stats')->{total_sales});
    my @cancels = map { my $k = $_; sub { map { $erp->patch("/api/sales/$ids[$_]/cancel", { reason => 'x' }, @as)->status } grep { $_ % 2 == $k } 0 .. $#ids } } 0, 1;
    my @readers = map { sub { map { my $r = $erp->get('/api/dashboard/stats', @as); $r->status . ' ' . cents(($r->json || {})->{total_sales}) } 1 .. 25 } } 1 .. 8;
    my ($one, $two, @seen) = together(sub { sleep 0.05 }, @cancels, @readers);
    is_deeply [@$one, @$two], [(200) x 60], 'all are cancelled';
    my @bad;
    for my $seen (@seen) {
        my $last = $whole;
        for (@$seen) {
            my ($sum) = /^200 (\d+)$/;
            push @bad, "$_ after $last of $whole" if !defined $sum || $sum > $last || $sum < $whole - 60_000 || ($whole - $sum) % 1000;
            $last = $sum // $last;
        }
    }
    is_deeply \@bad, [], 'everybody saw them go, one by one, and none come back';
    is cents(report('dashboard/stats')->{total_sales}), $whole - 60_000, 'and all of them are gone';
    all_is('afterwards');
};

subtest 'while workers are killed' => sub {
    my @ids = sixty('killed');
    my $kills = 0;
    my @cancels = map { my $k = $_; sub { map { my $id = $ids[$_]; patiently(sub { $erp->patch("/api/sales/$id/cancel", { reason => 'x' }, @as) })->status } grep { $_ % 2 == $k } 0 .. $#ids } } 0, 1;
    my @readers = map { sub { map { patiently(sub { $erp->get('/api/dashboard/stats', @as) })->status } 1 .. 25 } } 1 .. 4;
    my ($one, $two, @seen) = together(sub {
        sleep 0.15;
        my @pids = grep { $_ } $erp->pids('main');
        $kills += $erp->kill_worker('KILL', $pids[rand @pids]) if @pids && $kills < 15;
    }, @cancels, @readers);
    cmp_ok $kills, '>', 5, 'workers were killed';
    is_deeply [grep { !/^(?:200|409)$/ } @$one, @$two, map { @$_ } @seen], [], 'everybody got an answer in the end';
    my %status = map { $_->{id} => $_->{status} } sales();
    is_deeply [grep { $status{$_} ne 'cancelled' } @ids], [], 'all are cancelled';
    all_is('afterwards');
};

done_testing;
