# Promises that a second look found broken once: each is asked for here by what a client sees of it.
use Erp::Test;
use Erp::Http;

my $erp = Erp::Test->start(workers => 2, login_workers => 1);
my $shop = $erp->seed_tenant(slug => 'second');
my @as = (token => $erp->login($shop->{email}, $shop->{password})->{access_token});

sub made {
    my ($path, $body, @who) = @_;
    my $r = $erp->post("/api/$path", $body, @who ? @who : @as);
    is $r->status, 200, "POST $path" or diag $r->brief;
    return $r->json;
}
sub user {
    my ($name, $role, $branch) = @_;
    $erp->seed_user(email => "$name\@second.example", password => 'second-password', role => $role, tenant_id => $shop->{tenant_id},
        user => { tenant_slug => 'second', branch_id => $branch });
    return (token => $erp->login("$name\@second.example", 'second-password')->{access_token});
}
sub read_one { my ($path) = @_; return $erp->get("/api/$path", @as) }

my $rice = made('products', { name => 'Rice', price => 10, stock => 1000 })->{id};
my %who = (customer_name => 'Karim', customer_phone => '01711-222333', customer_address => 'Dhaka');
sub sell { my (%more) = @_; return made('sales', { items => [{ product_id => $rice, quantity => 3, price => 10 }], %who, %more }) }

subtest 'an older version of what is decided' => sub {
    my $old = { 'If-Match' => '"0-0"' };
    my %ask = (
        'sales/%s/items' => [PATCH => sub { sell() }, { items => [{ product_id => $rice, serial_number => 'S-1' }] }],
        'sales/%s/cancel' => [PATCH => sub { sell(paid_amount => 0) }, { reason => 'x' }],
        'sales/%s/payments' => [POST => sub { sell(paid_amount => 0) }, { amount => 1, method => 'cash' }],
        (map { ("returns/%s/$_" => [$_ eq 'exchange' ? 'POST' : 'PATCH', sub { made('returns', { sale_id => sell()->{id}, product_id => $rice, reason => 'x', refund_amount => 10 }) },
            $_ eq 'exchange' ? { items => [{ product_id => $rice, quantity => 1, price => 10 }] } : {}]) } qw(approve reject exchange)),
        (map { ("due-requests/%s/$_" => [PATCH => sub { made('due-requests', { %who, total_amount => 10, paid_amount => 0, due_amount => 10,
            items => [{ product_id => $rice, quantity => 1, price => 10 }] }) }, {}]) } qw(approve reject)),
    );
    for my $path (sort keys %ask) {
        my ($method, $make, $body) = @{ $ask{$path} };
        my $id = $make->()->{id};
        my $one = (split m{/}, $path)[0] . "/$id";
        my $before = read_one($one);
        my $do = sub { return $erp->request($method, '/api/' . sprintf($path, $id), @as, json => $body, headers => { 'If-Match' => $_[0] }) };
        is_problem $do->($old->{'If-Match'}), 412, 'precondition_failed', "$method $path of an older version";
        is read_one($one)->body, $before->body, '... changes nothing';
        is $do->($before->header('ETag'))->status, 200, '... of this one it is done';
        my $op = $erp->get('/api/openapi.json')->json->{paths}{ '/api/' . sprintf $path, '{id}' }{ lc $method };
        ok $op->{responses}{412}, '... and described';
    }
};

subtest 'money that went elsewhere is not cancelled away' => sub {
    my $taken = sub { return read_one('reports/branch-sales')->json->{overall}{payments_received} };
    for my $how ('store_credit', 'exchange') {
        my $sale = sell();
        my $had = $taken->();
        my $back = made('returns', { sale_id => $sale->{id}, product_id => $rice, reason => 'x', quantity => 3, refund_amount => 30 });
        my $r = $how eq 'exchange' ? $erp->post("/api/returns/$back->{id}/exchange", { items => [{ product_id => $rice, quantity => 3, price => 10 }] }, @as)
            : $erp->patch("/api/returns/$back->{id}/approve", { refund => $how }, @as);
        is $r->status, 200, "all of it comes back: $how" or diag $r->brief;
        is $taken->(), $had, '... and the money stays';
        is_problem $erp->patch("/api/sales/$sale->{id}/cancel", {}, @as), 409, 'illegal_transition', '... so the sale stays too';
        is $taken->(), $had, '... with what was taken for it';
    }
};

subtest 'a customer who is named by id' => sub {
    my $customer = made('customers', { name => 'Rahim', phone => '01711-999', address => 'Uttara' });
    my $phone = made('products', { name => 'Phone', price => 100, stock => 9, warranty_months => 12 })->{id};
    my $sale = made('sales', { items => [{ product_id => $phone, quantity => 1, price => 100 }], customer_id => $customer->{id} });
    is_deeply [@$sale{qw(customer_name customer_phone customer_address)}], ['Rahim', '01711-999', 'Uttara'], 'is on the sale';
    my $found = $erp->get('/api/warranty/list?customer_phone=01711-999', @as)->json;
    is_deeply [map { [@$_{qw(sale_id customer_name customer_phone)}] } @{ $found->{warranties} }], [[$sale->{id}, 'Rahim', '01711-999']], '... and found by the warranty';
    $sale = made('sales', { items => [{ product_id => $rice, quantity => 1, price => 10 }], customer_id => $customer->{id}, customer_phone => '01711-888' });
    is_deeply [@$sale{qw(customer_name customer_phone customer_address)}], ['Rahim', '01711-888', 'Uttara'], 'what is said goes before it';
};

subtest 'what people are told is in their money' => sub {
    my $other = $erp->seed_tenant(slug => 'yen', entry => { currency => 'JPY' });
    my @there = (token => $erp->login($other->{email}, $other->{password})->{access_token});
    my $tea = made('products', { name => 'Tea', price => 1500, stock => 50 }, @there)->{id};
    my $sale = made('sales', { items => [{ product_id => $tea, quantity => 1, price => 1500 }], %who, paid_amount => 0 }, @there);
    my $told = sub { return [sort map { $_->{message} } grep { $_->{type} eq $_[0] } @{ $erp->get('/api/notifications', @there)->json->{notifications} }] };
    is_deeply $told->('unpaid_invoice'), ["Invoice $sale->{invoice_no} has outstanding balance: JPY 1500"], 'what is due';
    is $erp->post("/api/sales/$sale->{id}/payments", { amount => 1500, method => 'cash' }, @there)->status, 200, 'it is paid';
    is_deeply $told->('payment_received'), ["Payment of JPY 1500 received for Invoice $sale->{invoice_no}"], '... and said so';
};

subtest 'a product that a branch does not have' => sub {
    my $branch = made('branches', { name => 'North', address => 'x', contact_phone => '1' })->{id};
    my @staff = user('north', 'staff', $branch);
    is_problem $erp->get("/api/products/$rice", @staff), 404, 'not_found', 'is not there';
    is_problem $erp->get("/api/products/$rice/stock", @staff), 404, 'not_found', '... nor is its stock';
    made('product-branches', { product_id => $rice, branch_id => $branch, stock_quantity => 4 });
    is $erp->get("/api/products/$rice/stock", @staff)->json->{branches}[0]{stock_quantity}, 4, 'once it has it, it is';
};

subtest "another branch's files" => sub {
    my %branch = map { $_ => made('branches', { name => $_, address => 'x', contact_phone => '1' })->{id} } qw(East West);
    my @east = user('east', 'branch_manager', $branch{East});
    my @west = user('west', 'branch_manager', $branch{West});
    my $png = "\x89PNG\r\n\x1a\n" . 'p' x 300;
    my $form = sub { return Erp::Http::form([file => $png, 'x.png']) };
    my $supplier = made('suppliers', { name => 'Maker', contact_person => 'A', phone => '1' })->{id};
    my $radio = made('products', { name => 'Radio', price => 30, stock => 9, warranty_months => 12 })->{id};
    my $bought = made('purchases', { supplier_id => $supplier, total_amount => 5, items => [{ product_id => $rice, quantity => 1, price => 5 }] }, @east);
    my ($body, $type) = $form->();
    my $r = $erp->request('POST', "/api/purchases/$bought->{id}/receipts", @east, body => $body, type => $type);
    is $r->status, 200, 'a receipt' or diag $r->brief;
    my %url = (receipt => $r->json->{receipt_files}[0]{url});
    made('product-branches', { product_id => $radio, branch_id => $branch{East}, stock_quantity => 4 });
    my $sale = made('sales', { items => [{ product_id => $radio, quantity => 1, price => 30 }] }, @east);
    my ($w) = @{ $erp->get("/api/sales/$sale->{id}/invoice", @as)->json->{warranties} };
    ($body, $type) = $form->();
    $r = $erp->request('POST', "/api/upload-image?warranty_token=$w->{token}", body => $body, type => $type);
    is $r->status, 200, 'a picture of a warranty' or diag $r->brief;
    $url{picture} = $r->json->{url};
    for my $what (sort keys %url) {
        is $erp->get($url{$what}, @as)->body, $png, "the office sees the $what";
        is $erp->get($url{$what}, @east)->body, $png, '... and its branch';
        is_problem $erp->get($url{$what}, @west), 404, 'not_found', '... but no other';
    }
};

done_testing;
