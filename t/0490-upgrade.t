# Tenants' data from version to version: steps in order, resumed after whatever ended them, one
# failure stops nobody else, and a worker writes to no tenant that is newer than itself.
use Erp::Test;
use POSIX ();
use Erp::Json qw(from_json);
use Erp::Proc qw(free_port);
use Erp::Say qw(slurp);

my $CURRENT = 7;
my $erp = Erp::Test->start(workers => 2, login_workers => 1);

sub upgrade { my ($code, $out, $err) = $erp->erpctl('tenant', 'upgrade', @_, '--json'); return ($code, from_json($out), $err) }
sub entry { my ($slug) = @_; return ($erp->mongo_all('admin', doc(find => 'tenants_registry', filter => { slug => $slug })))[0] }
sub set_entry { my ($slug, $update) = @_;
    $erp->mongo('admin', doc(update => 'tenants_registry', updates => [doc(q => { slug => $slug }, u => $update)]));
    return $erp->erpctl('cache', 'clear', $slug) }
sub states { my ($code, $rows) = upgrade("--list"); is $code, 0, "the list"; return { map { $_->{slug} => "$_->{version} $_->{state}" } @$rows } }

# A tenant as an earlier system leaves it: records without what this one adds.
sub old {
    my ($slug, $n, %opt) = @_;
    my $t = $erp->seed_tenant(slug => $slug, %opt);
    my @made = map { { id => "$slug-$_", tenant_id => $t->{tenant_id}, name => "Paracetamol $_", price => { '$numberDecimal' => '1.50' } } } 1 .. $n;
    while (my @some = splice @made, 0, 2000) { $erp->mongo_insert($t->{db_name}, 'products', @some) }
    return $t;
}

sub without_words { my ($t) = @_;
    return $erp->mongo($t->{db_name}, doc(count => 'products', query => { _q => { '$exists' => \0 } }))->{n} }

my $shop = old('shop', 3);
# A sale has the ids of what it sold alone; of the second item a name is known, the last product is gone.
$erp->mongo_insert($shop->{db_name}, 'sales', { id => 'old-sale', tenant_id => $shop->{tenant_id}, sale_number => 'SALE-1', status => 'completed', items => [
    { product_id => 'shop-2', quantity => 1 }, { product_id => 'shop-1', quantity => 2, product_name => 'As it was', product_sku => 'W' }, { product_id => 'gone', quantity => 3 }] });
# A customer's sale, a payment and a due of it: the sale alone says whose they are, and nobody added up what is owed.
my %at = (created_at => { '$date' => '2024-03-01T08:00:00Z' }, updated_at => { '$date' => '2024-03-01T08:00:00Z' });
my %of = (tenant_id => $shop->{tenant_id}, %at);
$erp->mongo_insert($shop->{db_name}, 'customers', { %of, id => 'karim', name => 'Karim', phone => '01711-1', total_purchases => 100.5 }, { %of, id => 'rahim', name => 'Rahim', phone => '01711-2' });
$erp->mongo_insert($shop->{db_name}, 'sales', { %of, id => 'owed', sale_number => 'SALE-2', invoice_no => 'INV-2', customer_id => 'karim', status => 'completed', payment_status => 'partially_paid',
    total => 100.5, amount_paid => 40.25, balance_due => 60.25, items => [{ product_id => 'shop-2', quantity => 1 }] });
$erp->mongo_insert($shop->{db_name}, 'payments', { %of, id => 'part', sale_id => 'owed', amount => 40.25, method => 'cash', received_at => { '$date' => '2024-03-01T08:00:01Z' } },
    { %of, id => 'lost', sale_id => 'nowhere', amount => 1, method => 'cash' });
$erp->mongo_insert($shop->{db_name}, 'branches', { %of, id => $_, name => $_, address => 'x', contact_phone => '1' }) for qw(north south);
$erp->mongo_insert($shop->{db_name}, 'sales', { %of, id => 'northern', sale_number => 'SALE-3', branch_id => 'north', status => 'completed', total => 10, items => [{ product_id => 'shop-2', quantity => 1 }] });
$erp->mongo_insert($shop->{db_name}, 'returns', { %of, id => 'back', sale_id => 'northern', product_id => 'shop-2', reason => 'x', refund_amount => 1, status => 'pending' });
$erp->mongo_insert($shop->{db_name}, 'stock_transfers', { %of, id => 'moved', transfer_number => 'ST-1', product_id => 'shop-2', from_branch_id => 'north', to_branch_id => 'south', quantity => 1, status => 'completed' });
$erp->mongo_insert($shop->{db_name}, 'warranty_records', map { { %of, id => $_->[0], warranty_code => "W-$_->[0]", current_status => 'active', sale_id => 'northern', expiry_date => $_->[1], start_date => '2020-01-31T08:00:00.123456' } }
    ['over', '2021-01-31T08:00:00.123456'], ['good', '2999-01-31T14:00:00+06:00'], ['odd', 'soon']);
$erp->mongo_insert($shop->{db_name}, 'customer_dues', { %of, id => 'due', customer_name => 'Karim', sale_id => 'owed', sale_number => 'SALE-2', total_amount => 100.5, paid_amount => 40.25, due_amount => 60.25,
    transaction_date => { '$date' => '2024-03-01T08:00:00Z' } });
$erp->mongo($shop->{db_name}, doc(update => 'products', updates => [doc(q => { id => 'shop-2' }, u => { '$set' => { sku => 'P-2' } })]));

subtest 'one tenant' => sub {
    my $token = $erp->login($shop->{email}, $shop->{password})->{access_token};
    is_deeply $erp->get('/api/products?q=paracetamol', token => $token)->json, [], 'old records are not found by their words';
    is states()->{shop}, '0 behind', 'listed as behind';
    my ($code, $result, $err) = upgrade('shop');
    is $code, 0, 'upgraded' or diag $err;
    is_deeply $result, { slug => 'shop', from => 0, to => $CURRENT }, '... from, to';
    like $err, qr/shop: step 1, .*\n(?:.*\n)*.*shop: step 2, .*\n(?:.*\n)*.*shop: step 3, .*\n(?:.*\n)*.*shop: step 5, /, '... step by step';
    is scalar @{ $erp->get('/api/products?q=paracetamol', token => $token)->json }, 3, 'they are found now';
    my %index = map { $_->{name} => 1 } $erp->mongo_all($shop->{db_name}, doc(listIndexes => 'products'));
    my $items = $erp->get('/api/sales/old-sale', token => $token)->json->{items};
    is_deeply [map { [@$_{qw(product_id quantity product_name product_sku)}] } @$items],
        [['shop-2', 1, 'Paracetamol 2', 'P-2'], ['shop-1', 2, 'As it was', 'W'], ['gone', 3, undef, undef]], 'what was sold has its name';
    my $owed = sub { return [map { $erp->get("/api/customers/$_", token => $token)->json->{due_amount} } qw(karim rahim)] };
    is_deeply $owed->(), [60.25, 0], 'what customers owe is added up';
    my $ledger = $erp->get('/api/customers/karim/ledger', token => $token)->json;
    is_deeply [map { [@$_{qw(kind sale_number debit credit balance)}] } @$ledger], [['sale', 'SALE-2', 100.5, 0, 100.5], ['payment', 'SALE-2', 0, 40.25, 60.25]], '... as the account says';
    my $paid = $erp->post('/api/customers/karim/payments', { amount => 60.25, method => 'cash' }, token => $token);
    is $paid->status, 200, '... and can be paid' or diag $paid->brief;
    is_deeply [$owed->(), $erp->get('/api/sales/owed', token => $token)->json->{payment_status}], [[0, 0], 'paid'], '... in full';
    my %seen = (north => [['back'], ['moved']], south => [[], ['moved']]);
    for my $branch (sort keys %seen) {
        $erp->seed_user(email => "$branch\@shop.example", password => 'shop-password', role => 'branch_manager', tenant_id => $shop->{tenant_id}, user => { tenant_slug => 'shop', branch_id => $branch });
        my $there = $erp->login("$branch\@shop.example", 'shop-password')->{access_token};
        is_deeply [map { [map { $_->{id} } @{ $erp->get("/api/$_", token => $there)->json }] } qw(returns stock-transfers)], $seen{$branch}, "people of the branch $branch see what is theirs";
    }
    my $are = sub { return [sort map { $_->{id} } @{ $erp->get("/api/warranty?current_status=$_[0]", token => $token)->json }] };
    is_deeply [map { $are->($_) } qw(active expired)], [['good', 'odd'], ['over']], 'warranties end when their day has come';
    my $figures = $erp->get('/api/warranty/stats/dashboard', token => $token)->json;
    is_deeply [@$figures{qw(active expired)}], [2, 1], '... by the figures too';
    is_deeply [@{ $erp->get('/api/warranty/good', token => $token)->json->{warranty} }{qw(start_date expiry_date)}], ['2020-01-31T08:00:00.123Z', '2999-01-31T08:00:00.000Z'], '... which is a date now';
    ok $index{tenant_id_1__q_1} && $index{tenant_id_1_id_1}, 'with their indexes' or diag join ' ', sort keys %index;
    is_deeply [@{ entry('shop') }{qw(schema_version schema_upgrade)}], [$CURRENT, undef], 'the entry says so';
    is_deeply +(upgrade('shop'))[1], { slug => 'shop', from => $CURRENT, to => $CURRENT }, 'again: nothing to do';
    is +(upgrade('nobody'))[0], 1, 'no such tenant';
    is +(upgrade(@$_))[0], 64, "refused: @$_" for [], ['shop', '--all'], ['--jobs', '2', 'shop'], ['--all', '--jobs', '0'], ['--list', '--canary', 'shop'];
    my @add = qw(tenant add fresh --name Fresh --type other --admin-email fresh@example.com --generate);
    is +($erp->erpctl(@add))[0], 0, 'a new tenant';
    is entry('fresh')->{schema_version}, $CURRENT, '... is current from the start';
};

my $dead_uri = 'mongodb://127.0.0.1:' . free_port() . '/';
my %t = map { $_ => old($_, 2) } qw(alpha beta gamma);
old('dead', 0, entry => { db_uri => $dead_uri });

subtest 'the canary' => sub {
    is +(upgrade('--all', '--canary', 'nobody'))[0], 1, 'one that is not there';
    my ($code, $result) = upgrade('--all', '--canary', 'dead');
    is $code, 1, 'fails';
    is_deeply $result, { version => $CURRENT, upgraded => [], failed => ['dead'], newer => [], stopped_at => 'dead' }, '... and says so';
    my $states = states();
    is_deeply [@$states{qw(alpha beta gamma)}], [('0 behind') x 3], 'nobody else was touched';
    is $states->{dead}, '0 failed', 'it is listed as failed';
    my ($row) = grep { $_->{slug} eq 'dead' } @{ (upgrade('--list'))[1] };
    like $row->{error}, qr/\S \S/, '... with a reason';
    unlike $row->{error}, qr/127\.0\.0\.1|mongodb/, '... that shows no address';
};

subtest 'all, of which one fails' => sub {
    my ($code, $result, $err) = upgrade('--all', '--jobs', '3', '--canary', 'alpha');
    is $code, 2, 'done but for one' or diag $err;
    is_deeply [sort @{ $result->{upgraded} }], [qw(alpha beta gamma)], 'the others';
    is_deeply $result->{failed}, ['dead'], 'the one';
    is without_words($_), 0, 'their data' for values %t;
    set_entry('dead', { '$set' => { db_uri => $ENV{ERP_TEST_MONGO_URL} } });
    ($code, $result) = upgrade('--all');
    is $code, 0, 'repaired: the next run';
    is_deeply $result->{upgraded}, ['dead'], '... does what is left';
    is entry('dead')->{schema_upgrade}, undef, '... and forgets the failure';
};

sub children { my ($pid) = @_; return map { (slurp($_) // '') =~ /^(\d+) .*\) \S $pid / ? $1 : () } glob '/proc/[0-9]*/stat' }

subtest 'killed in the middle' => sub {
    my $big = old('big', 12000);
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) { my ($code) = upgrade('--all', '--jobs', '2'); POSIX::_exit($code) }
    ok wait_until(240, sub { my $left = without_words($big); $left < 11980 }), 'it is at work';
    my ($parent) = children($pid);
    my ($child) = children($parent // 0);
    ok $child, 'by a program of its own';
    kill 'KILL', $child if $child;
    waitpid $pid, 0;
    is $? >> 8, 2, 'the run tells that one failed';
    my $left = without_words($big);
    cmp_ok $left, '>', 0, "killed in the middle of a step ($left records to do)";
    is states()->{big}, '1 interrupted', 'listed as interrupted, after its first step';
    my $token = $erp->login($big->{email}, $big->{password})->{access_token};
    is($erp->post('/api/products', { name => 'Made meanwhile', price => 1 }, token => $token)->status, 200, 'it works meanwhile');
    my ($code, $result, $err) = upgrade('--all');
    is $code, 0, 'the next run' or diag $err;
    is_deeply $result->{upgraded}, ['big'], '... resumes it';
    unlike $err, qr/big: step 1/, '... where it was';
    is without_words($big), 0, 'nothing is left to do';
    is states()->{big}, "$CURRENT current", 'and it says so';
};

subtest 'newer than the workers' => sub {
    my $token = $erp->login($shop->{email}, $shop->{password})->{access_token};
    set_entry('shop', { '$set' => { schema_version => $CURRENT + 1 } });
    my $res = $erp->post('/api/products', { name => 'x', price => 1 }, token => $token);
    is_problem($res, 503, 'schema_newer', 'a write is refused');
    like $res->header('Retry-After'), qr/^\d+$/, '... for now';
    is_problem($erp->request($_, '/api/products/shop-1', token => $token, json => {}), 503, 'schema_newer', "$_ too") for qw(PUT PATCH DELETE);
    is($erp->get('/api/products', token => $token)->status, 200, 'reads are served');
    is($erp->get('/api/health/tenant', token => $token)->status, 200, 'health too');
    is +(upgrade('shop'))[0], 1, 'there is no way back';
    is_deeply +(upgrade('--all'))[1]{newer}, ['shop'], 'it is listed';
    is entry('shop')->{schema_version}, $CURRENT + 1, '... and left alone';
    set_entry('shop', { '$set' => { schema_version => 'two' } });
    is($erp->get('/api/products', token => $token)->status, 403, 'a version that is none is doubt');
    set_entry('shop', { '$set' => { schema_version => $CURRENT } });
    is($erp->post('/api/products', { name => 'x', price => 1 }, token => $token)->status, 200, 'as new as the workers: served');
};

done_testing;
