# Purchases: a form with its receipt, products found or made, and the shelf filled exactly once.
use Erp::Test;
use Erp::Http;
use Erp::Json qw(from_json to_json);
use POSIX ();

my $erp = Erp::Test->start(workers => 4, login_workers => 1, env => { ERP_TENANT_SHARE => 100 });
my $shop = $erp->seed_tenant(slug => 'buying');
my @as = (token => $erp->login($shop->{email}, $shop->{password})->{access_token});

sub made {
    my ($path, $body) = @_;
    my $r = $erp->post($path, $body, @as);
    is $r->status, 200, "POST $path" or diag $r->brief;
    return $r->json;
}
sub user {
    my ($name, $role, $branch) = @_;
    my $user = $erp->seed_user(email => "$name\@buying.example", password => "$name-password", role => $role,
        tenant_id => $shop->{tenant_id}, user => { tenant_slug => 'buying', branch_id => $branch });
    return (token => $erp->login($user->{email}, "$name-password")->{access_token});
}
sub form {
    my ($path, $parts, @who) = @_;
    my ($body, $type) = Erp::Http::form(@$parts);
    return $erp->request('POST', $path, body => $body, type => $type, @who ? @who : @as);
}
sub product { return $erp->get("/api/products/$_[0]", @as)->json }
sub cost {
    my ($one) = $erp->mongo_all($shop->{db_name}, doc(find => 'products', filter => { id => $_[0] }));
    my $cost = $one->{unit_cost};
    return ref $cost eq 'HASH' ? $cost->{'$numberDecimal'} : $cost;
}
sub apply { my ($id, $body, @who) = @_; return $erp->post("/api/purchases/$id/apply-stock", $body // {}, @who ? @who : @as) }
sub files { return grep { -f } glob "$erp->{dir}/files/$shop->{tenant_id}/receipts/*" }

my $supplier = made('/api/suppliers', { name => 'Mill', contact_person => 'Rahim', phone => '01711-000000' })->{id};
my $rice = made('/api/products', { name => 'Rice', price => 20 })->{id};
sub bought { return { supplier_id => $supplier, total_amount => 100, items => [@_] } }
sub line { my ($id, $n, $price) = @_; return { product_id => $id, quantity => $n, price => $price } }

my $pdf = "%PDF-1.7\n" . 'p' x 500;
my ($first, $salt);

subtest 'a form with its receipt' => sub {
    my $items = [{ product_name => 'rICE', quantity => 10, price => 8 },
        { product_name => 'Salt', quantity => 4, price => 1.5, has_warranty => \1, warranty_months => 6, sale_price => 2.25 }, { product_name => 'SALT', quantity => 2, price => 1.5 }];
    my $r = form('/api/purchases', [[supplier_id => $supplier], [items => to_json($items)], [total_amount => '89.00'],
        [payment_status => 'paid'], [include_warranty_terms => 'true'], [warranty_terms => 'Keep dry'], [receipt => $pdf, '../bill.pdf']]);
    is $r->status, 200, 'it is stored' or diag $r->body;
    $first = $r->json;
    is_deeply [@$first{qw(purchase_number supplier_id supplier_name total_amount payment_status status stock_status warranty_terms)}],
        ['PO-000001', $supplier, 'Mill', 89, 'paid', 'completed', 'pending', 'Keep dry'], 'as it was sent';
    is $first->{items}[0]{product_id}, $rice, 'a name in other case is the product';
    $salt = $first->{items}[1]{product_id};
    is $first->{items}[2]{product_id}, $salt, 'two lines of one new name are one new product';
    my $new = product($salt);
    is_deeply [@$new{qw(name price stock warranty_months include_warranty_terms warranty_terms)}], ['Salt', 2.25, 0, 6, \1, 'Keep dry'], 'which has no stock yet, and its own price';
    like $new->{serial_number}, qr/^SN-[0-9a-f]+-[0-9a-f]{6}$/, '... and a serial number';
    is product($rice)->{warranty_terms}, 'Keep dry', 'the terms are on the other too';
    is product($rice)->{stock}, 0, 'nothing is on the shelf';
    my ($file) = @{ $first->{receipt_files} };
    like $file->{filename}, qr/^[0-9a-f]{32}\.pdf$/, 'the receipt has a name of ours';
    is $file->{uploaded_by}, $shop->{email}, '... and who brought it';
    is $erp->get($file->{url})->status, 401, 'without a token it is not to be had';
    my $got = $erp->get($file->{url}, @as);
    is $got->body, $pdf, 'with one it is, byte by byte';
    is $got->header('Content-Type'), 'application/pdf', '... as what it is';
    my $other = $erp->seed_tenant(slug => 'other');
    is $erp->get($file->{url}, token => $erp->login($other->{email}, $other->{password})->{access_token})->status, 404, 'for another business there is none';
    is $erp->get("/uploads/receipts/$file->{filename}")->status, 404, 'nor at a public address';
    is_deeply [map { $_->{id} } @{ $erp->get('/api/purchases', @as)->json }], [$first->{id}], 'it is listed';
};

subtest 'more receipts' => sub {
    my $path = "/api/purchases/$first->{id}/receipts";
    my $r = form($path, [[file => "GIF89a" . 'g' x 50, 'x.gif']]);
    is $r->status, 200, 'one more' or diag $r->body;
    is scalar @{ $r->json->{receipt_files} }, 2, '... stands beside the other';
    my @before = files();
    is_problem form($path, [[file => '<html>', 'x.pdf']]), 422, 'validation', 'what is no receipt, whatever its name';
    is_problem form($path, [[file => "%PDF-" . 'p' x (10 << 20), 'x.pdf']]), 413, 'too_large', 'one over 10 MB';
    is_problem form('/api/purchases/none/receipts', [[file => $pdf, 'x.pdf']]), 404, 'not_found', 'one of nothing';
    is_problem form('/api/purchases', [[supplier_id => $supplier], [items => '[{"product_id":"none","quantity":1,"price":1}]'], [total_amount => 1], [receipt => $pdf, 'x.pdf']]),
        422, 'validation', 'one of a purchase that is refused';
    is_deeply [files()], \@before, '... leave no file';
};

subtest 'on the shelf, once' => sub {
    my $r = apply($first->{id});
    is $r->status, 200, 'applied' or diag $r->body;
    is_deeply $r->json, { success => \1, message => 'Created 0 new product(s) and Updated stock for 3 item(s)', stock_status => 'applied', products_created => [],
        items_updated => [{ product_id => $rice, quantity_added => 10 }, { product_id => $salt, quantity_added => 4 }, { product_id => $salt, quantity_added => 2 }] }, 'what was done';
    is_deeply [product($rice)->{stock}, product($salt)->{stock}], [10, 6], 'it is there';
    is_deeply apply($first->{id})->json, { success => \1, message => 'Stock already applied', stock_status => 'applied', items_updated => [], products_created => [] }, 'again: nothing';
    is product($rice)->{stock}, 10, '... is added';
    my @rows = grep { $_->{kind} eq 'purchase' } @{ $erp->get("/api/stock-ledger?product_id=$rice", @as)->json };
    is_deeply [map { [@$_{qw(before delta after document_number)}] } @rows], [[0, 10, 10, 'PO-000001']], 'a row of the ledger';
    my $now = $erp->get("/api/purchases/$first->{id}", @as)->json;
    is_deeply [@$now{qw(stock_status stock_applied_by stock_branch_id)}], ['applied', $shop->{email}, undef], 'the purchase says so';
    my @entries = $erp->mongo_all("$shop->{db_name}_audit", doc(find => 'audit_log', filter => { collection => 'purchases' }));
    is_deeply [map { $_->{action} } @entries], [qw(create add_receipt apply_stock)], 'audit entries';
};

subtest 'what it costs' => sub {
    is cost($rice), '8.00', 'the first price';
    is product($rice)->{price}, 20, 'not what it is sold for';
    is apply(made('/api/purchases', bought(line($rice, 5, 11), line($rice, 5, 0)))->{id})->status, 200, 'more of it, some for nothing';
    is cost($rice), '9.00', '10 for 8 and 5 for 11 are 15 for 9';
    is product($rice)->{stock}, 20, 'all are there';
    is apply(made('/api/purchases', bought(line($rice, 1, 10)))->{id})->status, 200, 'one more';
    is cost($rice), '9.05', 'rounded to the last minor unit';
    is product($rice)->{price}, 20, 'the price has not moved';
};

subtest 'eight at once add once' => sub {
    my $id = made('/api/purchases', bought(line($rice, 9, 9)))->{id};
    my $before = product($rice)->{stock};
    my @children = map { my $pid = open my $child, '-|';
        die "fork: $!" if !defined $pid;
        if (!$pid) {
            my $r;
            for (1 .. 50) {
                $r = apply($id);
                last if $r->status !~ /^(?:429|503)$/;
            }
            print join(' ', $r->status, $r->json->{message}), "\n";
            close STDOUT;
            POSIX::_exit(0);
        }
        $child } 1 .. 8;
    my @said = map { my $line = readline $_; close $_; chomp $line; $line } @children;
    is_deeply [sort @said], ['200 Created 0 new product(s) and Updated stock for 1 item(s)', ('200 Stock already applied') x 7], 'one did it';
    is product($rice)->{stock}, $before + 9, 'it is there once';
};

subtest 'of a branch' => sub {
    my ($north, $south) = map { made('/api/branches', { name => $_, address => 'x', contact_phone => '1' })->{id} } qw(North South);
    my @north = user('north', 'branch_manager', $north);
    my @south = user('south', 'staff', $south);
    my $r = $erp->post('/api/purchases', bought(line($rice, 3, 7)), @north);
    is $r->status, 200, 'its manager buys' or diag $r->body;
    my $id = $r->json->{id};
    is $r->json->{branch_id}, $north, '... for the branch';
    is_problem $erp->post('/api/purchases', { %{ bought(line($rice, 3, 7)) }, branch_id => $south }, @north), 403, 'forbidden', '... and no other';
    is_deeply $erp->get('/api/purchases', @south)->json, [], 'another branch does not see it';
    is_problem apply($id, {}, @south), 404, 'not_found', '... nor apply it';
    my $own = product($rice)->{stock};
    is apply($id, {}, @north)->status, 200, 'the branch gets it';
    my ($there) = @{ $erp->get("/api/product-branches?branch_id=$north", @as)->json };
    is_deeply [@$there{qw(product_id stock_quantity purchase_price sale_price)}], [$rice, 3, 7, 0], '... as stock of its own, at its cost';
    is product($rice)->{stock}, $own, 'the other stock is as it was';
    my $more = made('/api/purchases', bought(line($rice, 1, 1)))->{id};
    is_problem apply($more, { branch_id => 'nowhere' }), 422, 'validation', 'a branch that is not there';
    is $erp->get("/api/purchases/$more", @as)->json->{stock_status}, 'pending', '... leaves it as it was';
    is_problem $erp->post('/api/purchases', bought(line($rice, 1, 1)), user('till', 'cashier', $north)), 403, 'role_forbidden', 'a cashier buys nothing';
};

subtest 'from before' => sub {
    $erp->mongo_insert($shop->{db_name}, 'purchases', { id => 'old-1', tenant_id => $shop->{tenant_id}, purchase_number => 'PO-000100', supplier_id => 'x', status => 'completed', stock_status => 'pending',
        items => [{ product_name => 'Oil', quantity => 7, price => 3.5 }, { product_id => 'gone', product_name => 'salt', quantity => 1, price => 2 }, { product_id => $rice, quantity => 0, price => 1 }] });
    my $was = product($salt)->{stock};
    my $r = apply('old-1');
    is $r->status, 200, 'applied' or diag $r->body;
    my ($oil) = @{ $r->json->{products_created} };
    is_deeply [@$oil{qw(product_name quantity)}], ['Oil', 7], 'a line without a product gets one';
    is_deeply $r->json->{items_updated}, [{ product_id => $oil->{product_id}, quantity_added => 7, created => \1 }, { product_id => $salt, quantity_added => 1 }], '... and one whose product is gone, that of its name';
    is product($oil->{product_id})->{stock}, 7, 'it has what was bought';
    is product($salt)->{stock}, $was + 1, '... and so has the other';
    is $erp->get('/api/purchases/old-1', @as)->json->{items}[0]{product_id}, $oil->{product_id}, 'the purchase names it now';
};

subtest 'what is refused stores nothing' => sub {
    my $all = sub { return scalar @{ $erp->get('/api/purchases', @as)->json } };
    my ($n, $products) = ($all->(), scalar @{ $erp->get('/api/products', @as)->json });
    my $new = { product_name => 'Never', quantity => 1, price => 1 };
    for my $case (['items', []], ['items[0].product_name', [{ quantity => 1, price => 1 }]], ['items[1].product_id', [$new, line('none', 1, 1)]],
        ['items[0].quantity', [line($rice, 0, 1)]], ['items[0].quantity', [line($rice, 1.5, 1)]], ['items[0].price', [line($rice, 1, -1)]], ['items[0].price', [line($rice, 1, 'x')]]) {
        my $r = $erp->post('/api/purchases', bought(@{ $case->[1] }), @as);
        is_problem $r, 422, 'validation', $case->[0];
        is $r->json->{errors}[0]{field}, $case->[0], '... is named';
    }
    is_problem form('/api/purchases', [[supplier_id => $supplier], [items => 'rice'], [total_amount => 1]]), 422, 'validation', 'items that are no JSON';
    is_problem form('/api/purchases', [[supplier_id => $supplier], [items => to_json([$new])], [total_amount => 'much']]), 422, 'validation', 'no amount';
    is_problem $erp->request('POST', '/api/purchases', @as, body => 'x=1', type => 'application/x-www-form-urlencoded'), 415, 'unsupported_media_type', 'another kind of form';
    is_problem apply('none'), 404, 'not_found', 'no purchase';
    is $all->(), $n, 'no purchase';
    is scalar @{ $erp->get('/api/products', @as)->json }, $products, '... and no product was made';
    is made('/api/purchases', { %{ bought(line($rice, 1, 1)) }, supplier_id => 'gone' })->{supplier_name}, 'Unknown', 'a supplier that nobody knows';
};

my ($status, $out) = $erp->erpctl('stock', 'reconcile', 'buying', '--json');
is $status, 0, 'the ledger explains all stock';
is_deeply from_json($out)->{found}, [], '... everywhere';

done_testing;
