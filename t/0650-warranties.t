# Warranties: one a unit that is sold, with it or not at all; the customer's code, claims, what staff
# and suppliers do about them, and that of many at once one wins.
use Erp::Test;
use Erp::Json qw(from_json);
use Erp::Say ();
use POSIX ();

my $erp = Erp::Test->start(workers => 4, login_workers => 1, env => { ERP_TENANT_SHARE => 100 });
my $shop = $erp->seed_tenant(slug => 'phones');
my @as = (token => $erp->login($shop->{email}, $shop->{password})->{access_token});

sub made {
    my ($path, $body) = @_;
    my $r = $erp->post($path, $body, @as);
    is $r->status, 200, "POST $path" or diag $r->brief;
    return $r->json;
}
sub user {
    my ($name, $role, $branch) = @_;
    my $user = $erp->seed_user(email => "$name\@phones.example", password => "$name-password", role => $role,
        tenant_id => $shop->{tenant_id}, user => { tenant_slug => 'phones', branch_id => $branch });
    return (token => $erp->login($user->{email}, "$name-password")->{access_token});
}
sub sell { my ($lines, %more) = @_; return made('/api/sales', { items => $lines, %more }) }
sub line { my ($product, $n, %more) = @_; return { product_id => $product->{id}, quantity => $n, price => $product->{price}, %more } }
sub records { my ($filter) = @_; return $erp->mongo_all($shop->{db_name}, doc(find => 'warranty_records', filter => $filter, sort => doc(id => 1), batchSize => 2000)) }
sub of_sale { return @{ $erp->get("/api/sales/$_[0]{id}/invoice", @as)->json->{warranties} } }
sub events { return $erp->mongo_all($shop->{db_name}, doc(find => 'warranty_events', filter => { warranty_id => $_[0] }, sort => doc(id => 1))) }
sub round_trips {
    my $id = $_[0]->header('X-Request-Id');
    my ($n) = map { /request_id=\Q$id\E\b/ && / db=(\d+)/ ? $1 : () } map { split /\n/, Erp::Say::slurp($_) } glob "$erp->{log}/*.log";
    return $n;
}

my $phone = made('/api/products', { name => 'Phone', price => 100, stock => 2000, warranty_months => 12, imei => 'IMEI-1', supplier_name => 'Maker' });
my $radio = made('/api/products', { name => 'Radio', price => 30, stock => 50, warranty_months => 6, serial_number => 'SN-9' });
my $case = made('/api/products', { name => 'Case', price => 5, stock => 50 });

subtest 'one a unit' => sub {
    my $sale = sell([line($phone, 2), line($phone, 1, serial_number => 'L-3'), line($radio, 1), line($case, 4)],
        customer_name => 'Karim', customer_phone => '01711-000001');
    my @w = of_sale($sale);
    is scalar @w, 4, 'as many as there are units of products with a warranty';
    my $year = (gmtime)[5] + 1900;
    like $w[0]{warranty_code}, qr/^W-\d{4}-0000001$/, 'the first number';
    is_deeply [map { $_->{warranty_code} =~ /-0*(\d+)$/ } @w], [1 .. 4], 'numbers without a gap';
    is_deeply [map { [@$_{qw(product_name serial_number line unit warranty_period_months)}] } @w],
        [['Phone', 'IMEI-1', 0, 0, 12], ['Phone', 'IMEI-1', 0, 1, 12], ['Phone', 'L-3', 1, 0, 12], ['Radio', 'SN-9', 2, 0, 6]],
        'the serial number is the line\'s, else the product\'s';
    is_deeply [@{ $w[0] }{qw(current_status customer_name customer_phone supplier_name sale_id invoice_no transferable created_by)}],
        ['active', 'Karim', '01711-000001', 'Maker', $sale->{id}, $sale->{invoice_no}, \0, $shop->{email}], 'with what was known';
    like $w[0]{token}, qr/^[\w-]{100,}\.[\w-]{43}$/, 'a code for the customer';
    my %tokens = map { $_->{token} => 1 } @w;
    is scalar keys %tokens, 4, '... of its own each';
    is scalar(() = of_sale(sell([line($case, 1)]))), 0, 'none for what has no warranty';
    my $plain = $erp->post('/api/sales', { items => [line($case, 1)] }, @as);
    my $with = $erp->post('/api/sales', { items => [line($phone, 3), line($radio, 1)] }, @as);
    my ($few, $more) = map { round_trips($_) } $plain, $with;
    ok defined $few && defined $more, 'round trips are logged' or return;
    is $more, $few + 2, 'two round trips more, whatever their number';
};

subtest 'a bound' => sub {
    my $before = records({});
    my $r = $erp->post('/api/sales', { items => [line($phone, 300), line($phone, 201)] }, @as);
    is_problem $r, 422, 'validation', 'more than 500 units with a warranty in one sale';
    is $r->json->{errors}[0]{field}, 'items[1].quantity', '... names the line that is too much';
    is $erp->get("/api/products/$phone->{id}", @as)->json->{stock}, 2000 - 6, '... and nothing is sold';
    my $sale = sell([line($phone, 500)]);
    is scalar(records({ sale_id => $sale->{id} })), 500, 'as many as that go';
    is $erp->get("/api/sales/$sale->{id}/invoice", @as)->status, 200, '... and are shown';
};

subtest 'what is sold no more' => sub {
    my $sale = sell([line($phone, 2)], customer_name => 'Due', customer_phone => '01711-000002', paid_amount => 0);
    my $r = $erp->patch("/api/sales/$sale->{id}/cancel", { reason => 'error' }, @as);
    is $r->status, 200, 'a sale is cancelled' or diag $r->brief;
    is_deeply [map { $_->{current_status} } of_sale($sale)], ['closed', 'closed'], 'its warranties are closed';
    my ($event) = events((of_sale($sale))[0]{id});
    is_deeply [@$event{qw(event_type actor_type note)}], ['status_changed', 'system', 'The sale was cancelled'], '... and say why';
    is_deeply $event->{meta}, { from => 'active', to => 'closed' }, '... and from what';

    $sale = sell([line($radio, 1), line($phone, 3)]);
    my $back = made('/api/returns', { sale_id => $sale->{id}, product_id => $phone->{id}, reason => 'dead', refund_amount => 200, quantity => 2 });
    is_deeply [map { $_->{current_status} } of_sale($sale)], [('active') x 4], 'asking for a return changes nothing';
    $r = $erp->patch("/api/returns/$back->{id}/approve", {}, @as);
    is $r->status, 200, 'two units come back' or diag $r->brief;
    is_deeply [map { $_->{current_status} } of_sale($sale)], ['active', 'active', 'closed', 'closed'], 'two of that line are closed, the last ones';
};

subtest 'a business without the module' => sub {
    my $plain = $erp->seed_tenant(slug => 'plain', entry => { features_enabled => ['sales', 'pos', 'inventory'] });
    my @there = (token => $erp->login($plain->{email}, $plain->{password})->{access_token});
    my $thing = $erp->post('/api/products', { name => 'Thing', price => 1, stock => 2000, warranty_months => 12 }, @there)->json;
    my $r = $erp->post('/api/sales', { items => [line($thing, 1000)] }, @there);
    is $r->status, 200, 'sells as many as it likes' or diag $r->brief;
    is_deeply [$erp->mongo_all($plain->{db_name}, doc(find => 'warranty_records'))], [], '... without a warranty';
};

done_testing;
