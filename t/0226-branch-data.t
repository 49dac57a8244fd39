# Products as branches have them: what is assigned, at the branch's price, in the branch's stock; what
# a branch comes to; and what has to be gone before a branch goes.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Erp::Say qw(slurp);
use Erp::Test;

my $erp = Erp::Test->start(workers => 3, login_workers => 1);
my $shop = $erp->seed_tenant(slug => 'chain');
my @as = (token => $erp->login($shop->{email}, $shop->{password})->{access_token});

sub made {
    my ($path, $body, @who) = @_;
    my $r = $erp->post($path, $body, @who ? @who : @as);
    die "POST $path: " . $r->brief if $r->status != 200;
    return $r->json;
}

sub person {
    my ($name, $role, $branch) = @_;
    $erp->seed_user(email => "$name\@chain.example", password => 'chain-password', role => $role,
        tenant_id => $shop->{tenant_id}, user => { tenant_slug => 'chain', branch_id => $branch });
    return (token => $erp->login("$name\@chain.example", 'chain-password')->{access_token});
}

# Round trips of a request, as its line in the log says.
sub trips {
    my ($r) = @_;
    my $id = $r->header('X-Request-Id');
    for my $line (map { split /\n/, slurp($_) } glob "$erp->{log}/*.log") {
        return $1 if $line =~ /request_id=\Q$id\E\b/ && $line =~ / db=(\d+)/;
    }
    return;
}

sub names { return [map { $_->{name} } @{ $_[0]->json }] }

my %branch = map { $_ => made('/api/branches', { name => $_, address => 'x', contact_phone => '1' })->{id} } qw(north south empty);
my @staff = person('staff', 'staff', $branch{north});
my @manager = person('manager', 'branch_manager', $branch{north});
my @south = person('south', 'branch_manager', $branch{south});
my $category = made('/api/categories', { name => 'Tea' })->{id};

my %product;
$product{$_->[0]} = made('/api/products', { name => $_->[0], sku => "S-$_->[0]", price => $_->[1], stock => 100, brand => $_->[2], category_id => $category })
    for ['Assam', 30, 'Finlay'], ['Black', 20, 'Finlay'], ['Ceylon', 10, 'Ispahani'], ['Darjeeling', 5, 'Ispahani'];

sub assign {
    my ($name, $branch, %more) = @_;
    return made('/api/product-branches', { product_id => $product{$name}{id}, branch_id => $branch{$branch}, %more });
}
my %at = (
    Assam  => assign('Assam', 'north', stock_quantity => 3, purchase_price => 2.5, sale_price => 8.5),
    Black  => assign('Black', 'north', stock_quantity => 7, purchase_price => 10, reorder_level => 7),
    Ceylon => assign('Ceylon', 'north', stock_quantity => 50, purchase_price => 0.1, sale_price => 40, reorder_level => 2),
);
assign('Assam', 'south', stock_quantity => 9);
my $south = assign('Darjeeling', 'south', stock_quantity => 0, sale_price => 6);

subtest 'a list of a branch' => sub {
    my $r = $erp->get('/api/products', @staff);
    is $r->status, 200, 'is there' or diag $r->body;
    is_deeply names($r), [qw(Assam Black Ceylon)], 'what is assigned, and nothing else';
    is_deeply [map { $_->{price} } @{ $r->json }], [8.5, 20, 40], 'at the branch\'s price where it has one';
    is_deeply [map { $_->{stock} } @{ $r->json }], [3, 7, 50], 'in the branch\'s stock';
    is_deeply [map { $_->{branch_stock} } @{ $r->json }], [map { { $branch{north} => $_ } } 3, 7, 50], 'branch_stock: its own';
    is_deeply [map { $_->{branch_sale_prices} } @{ $r->json }], [{ $branch{north} => 8.5 }, {}, { $branch{north} => 40 }], 'branch_sale_prices: those there are';
    is $r->json->[0]{brand}, 'Finlay', 'the rest is the product\'s';
    is trips($r), 1, 'one round trip';
};

subtest 'sorted, filtered and searched by what is shown' => sub {
    my %want = ('sort=price' => [qw(Assam Black Ceylon)], 'sort=-price' => [qw(Ceylon Black Assam)],
        'sort=stock' => [qw(Assam Black Ceylon)], 'sort=-stock' => [qw(Ceylon Black Assam)],
        'sort=-name' => [qw(Ceylon Black Assam)], 'sort=-id' => [qw(Ceylon Black Assam)], 'sort=-created_at' => [qw(Ceylon Black Assam)],
        'price.gte=15' => [qw(Black Ceylon)], 'price.lte=20&sort=name' => [qw(Assam Black)], 'stock.gte=7&stock.lte=49' => ['Black'],
        'q=finl' => [qw(Assam Black)], 'q=finl&price.lte=10' => ['Assam'], 'sku=S-Ceylon' => ['Ceylon'], 'sku=S-Darjeeling' => [],
        "category_id=$category&sort=-price" => [qw(Ceylon Black Assam)], "category_id=$category&price.gte=10&sort=-stock" => [qw(Ceylon Black)],
        'q=ceylon&stock.gte=51' => []);
    is_deeply names($erp->get("/api/products?$_", @staff)), $want{$_}, $_ for sort keys %want;
    my $r = $erp->get('/api/products?fields=name,price', @staff);
    is_deeply [sort keys %{ $r->json->[0] }], [qw(id name price)], 'only some fields';
    is $r->json->[0]{price}, 8.5, '... with the branch\'s price';
    $r = $erp->get('/api/products?limit=1&price.gte=10', @staff, headers => { Prefer => 'count=exact' });
    is $r->header('X-Total-Count'), 2, 'counted';
    is_deeply names($erp->get('/api/products/low-stock', @staff)), ['Assam'], 'low stock is the branch\'s';
    is_problem($erp->get('/api/products?sort=branch_stock', @staff), 400, 'bad_query', 'no sorting by a map');
};

subtest 'page by page' => sub {
    for my $query ('', 'sort=price&', 'sort=-stock&', 'sort=-name&', 'q=a&') {
        my (@seen, $path);
        for ($path = "/api/products?${query}limit=1"; $path; ) {
            my $r = $erp->get($path, @staff);
            push @seen, @{ names($r) };
            ($path) = ($r->header('Link') // '') =~ /^<([^>]+)>; rel="next"$/;
            last if @seen > 5;
        }
        my $whole = names($erp->get('/api/products?' . ($query =~ s/&$//r), @staff));
        is_deeply \@seen, $whole, "the same as in one: $query";
    }
};

subtest 'as CSV' => sub {
    my @csv = (headers => { Accept => 'text/csv' });
    my $r = $erp->get('/api/products?fields=name,price,stock&sort=-price', @staff, @csv);
    is $r->status, 200, 'is given' or diag $r->body;
    is_deeply [map { [(split /,/)[1 .. 3]] } split /\r?\n/, $r->body],
        [[qw(name price stock)], [qw(Ceylon 40.00 50)], [qw(Black 20.00 7)], [qw(Assam 8.50 3)]], 'of the branch alone, in its numbers';
    $r = $erp->get('/api/products?fields=name,branch_stock', @as, @csv);
    is scalar(() = $r->body =~ /"/g) > 0, 1, 'with the stock of all branches, as JSON';
    like $r->body, qr/Assam,.*$branch{north}.*3/, '... of each product';
};

subtest 'one product' => sub {
    my $r = $erp->get("/api/products/$product{Assam}{id}", @staff);
    is_deeply [@{ $r->json }{qw(price stock branch_stock)}], [8.5, 3, { $branch{north} => 3 }], 'as in the list' or diag $r->body;
    is_problem($erp->get("/api/products/$product{Darjeeling}{id}", @staff), 404, 'not_found', 'not one of another branch');
    is($erp->get("/api/products/$product{Assam}{id}", @staff, headers => { 'If-None-Match' => $r->header('ETag') })->status, 304, 'the same still');
    $erp->patch("/api/product-branches/$at{Assam}{id}", { stock_quantity => 4 }, @as);
    my $new = $erp->get("/api/products/$product{Assam}{id}", @staff, headers => { 'If-None-Match' => $r->header('ETag') });
    is $new->status, 200, 'not when the branch\'s stock changed';
    is $new->json->{stock}, 4, '... which is shown';
    is($erp->patch("/api/products/$product{Assam}{id}", { brand => 'Finlay' }, @as,
        headers => { 'If-Match' => $erp->get("/api/products/$product{Assam}{id}", @as)->header('ETag') })->status, 200, 'its ETag is good for a change');
    $erp->patch("/api/product-branches/$at{Assam}{id}", { stock_quantity => 3 }, @as);
};

subtest 'for the whole business' => sub {
    my $r = $erp->get('/api/products', @as);
    is_deeply names($r), [qw(Assam Black Ceylon Darjeeling)], 'all products';
    my ($assam, undef, undef, $darjeeling) = @{ $r->json };
    is_deeply [@$assam{qw(price stock)}], [30, 100], 'with their own price and stock';
    is_deeply $assam->{branch_stock}, { $branch{north} => 3, $branch{south} => 9 }, 'the stock of all branches';
    is_deeply $assam->{branch_sale_prices}, { $branch{north} => 8.5 }, 'the prices of those that have one';
    is_deeply $darjeeling->{branch_stock}, { $branch{south} => 0 }, 'nothing is a number too';
    is trips($r), 2, 'two round trips';
    is_deeply $erp->get("/api/products/$assam->{id}", @as)->json, $assam, 'one is shown alike';
    is trips($erp->get('/api/products?fields=name', @as)), 1, 'one where they are not asked for';
    is_deeply $erp->patch("/api/products/$assam->{id}", { description => 'x' }, @as)->json->{branch_stock}, $assam->{branch_stock}, 'also after a change';
    my ($stored) = $erp->mongo_all($shop->{db_name}, doc(find => 'products', filter => { id => $assam->{id} }));
    ok !exists $stored->{branch_stock}, 'nothing of it is stored';
};

subtest 'what a branch writes' => sub {
    my $own = made('/api/products', { name => 'Mine', price => 9, stock => 2 }, @manager);
    is_deeply [@$own{qw(branch_id price stock)}], [$branch{north}, 9, 2], 'a product of its own';
    is_deeply $own->{branch_stock}, { $branch{north} => 2 }, 'is assigned to it';
    my ($row) = grep { $_->{product_id} eq $own->{id} } @{ $erp->get('/api/product-branches', @manager)->json };
    $erp->patch("/api/product-branches/$row->{id}", { sale_price => 11, stock_quantity => 1 }, @manager);
    my $r = $erp->get("/api/products/$own->{id}", @manager);
    is_deeply [@{ $r->json }{qw(price stock)}], [11, 1], 'its numbers are those of the assignment';
    $r = $erp->put("/api/products/$own->{id}", { %{ $r->json }, name => 'Mine too' }, @manager);
    is $r->status, 200, 'sent back as it was shown' or diag $r->body;
    is $r->json->{name}, 'Mine too', '... it is renamed';
    my ($stored) = $erp->mongo_all($shop->{db_name}, doc(find => 'products', filter => { id => $own->{id} }));
    is_deeply [$stored->{price}{'$numberDecimal'}, $stored->{stock}], ['9.00', 0], '... and the business\'s numbers stay';
    like $r->header('X-Ignored-Fields'), qr/\bprice\b/, '... which is said';
    is($erp->delete("/api/product-branches/$row->{id}", @as)->status, 200, 'taken from it');
    is($erp->delete("/api/products/$own->{id}", @as)->status, 200, '... and gone');
    is_problem($erp->patch("/api/products/$product{Black}{id}", { name => 'x' }, @manager), 403, 'forbidden', 'what is the whole business\'s is not a branch\'s to change');
    is_problem($erp->patch("/api/products/$product{Darjeeling}{id}", { name => 'x' }, @manager), 404, 'not_found', 'and what it does not have is not there');
    is_problem($erp->delete("/api/product-branches/$at{Black}{id}", @manager), 403, 'role_forbidden', 'assignments are taken away by the office');
    is_problem($erp->patch("/api/product-branches/$south->{id}", { stock_quantity => 1 }, @manager), 404, 'not_found', 'another branch\'s is not written');
    my $tier = { tier_name => 'Dealer', min_quantity => 1, discount_percentage => 5, product_id => $product{Black}{id} };
    is($erp->post('/api/tier-pricing', $tier, @manager)->status, 200, 'what is assigned can be referred to');
    is_problem($erp->post('/api/tier-pricing', { %$tier, product_id => $product{Darjeeling}{id} }, @manager), 422, 'validation', 'what is not cannot');
};

subtest 'new stock is told of' => sub {
    my @told = $erp->mongo_all($shop->{db_name}, doc(find => 'notifications', filter => { reference_id => $product{Ceylon}{id} }));
    is scalar @told, 2, 'one for each of the branch\'s people';
    my %for = map { $_->{user_id} => $_ } @told;
    is scalar keys %for, 2, 'each has their own';
    my ($one) = @told;
    is_deeply [@$one{qw(type title)}], ['activity', 'New Stock Available'], 'what it is';
    is $one->{message}, 'Ceylon: 50 in your branch', 'what it says';
    is $one->{metadata}{activity_subtype}, 'stock_assigned', 'and of what kind';
    my $before = $erp->mongo($shop->{db_name}, doc(count => 'notifications'))->{n};
    $erp->post('/api/product-branches', { product_id => $product{Ceylon}{id}, branch_id => $branch{north}, stock_quantity => 1 }, @as);
    is $erp->mongo($shop->{db_name}, doc(count => 'notifications'))->{n}, $before, 'not of what was refused';
    my $loose = made('/api/products', { name => 'Loose', price => 1, branch_id => $branch{north} });
    my $own = made('/api/product-branches', { product_id => $loose->{id}, branch_id => $branch{north}, stock_quantity => 0 }, @manager);
    @told = $erp->mongo_all($shop->{db_name}, doc(find => 'notifications', filter => { reference_id => $loose->{id} }));
    is_deeply [map { $_->{metadata}{actor_name} } @told], ['Test Person'], 'who assigns it is not told';
    is($erp->delete($_, @as)->status, 200, 'taken away') for "/api/product-branches/$own->{id}", "/api/products/$loose->{id}";
};

subtest 'a pair is there once' => sub {
    my $body = { product_id => $product{Black}{id}, branch_id => $branch{north}, stock_quantity => 1 };
    is_problem($erp->post('/api/product-branches', $body, @as), 409, 'duplicate', 'by an index');
    is_problem($erp->delete("/api/products/$product{Black}{id}", @as), 409, 'in_use', 'a product stays while it is assigned');
};

subtest 'what a branch comes to' => sub {
    my $r = $erp->get("/api/branches/$branch{north}/stats", @manager);
    is $r->status, 200, 'its manager may know' or diag $r->body;
    is_deeply $r->json, { branch_id => $branch{north}, total_products => 3, total_stock => 60, total_value => 82.5, low_stock_items => 2 }, 'the sums';
    is trips($r), 1, 'one round trip';
    is_problem($erp->get("/api/branches/$branch{south}/stats", @manager), 404, 'not_found', 'of its own branch alone');
    is_problem($erp->get("/api/branches/$branch{north}/stats", @staff), 403, 'role_forbidden', 'not its staff');
    is_problem($erp->get('/api/branches/none/stats', @as), 404, 'not_found', 'no such branch');
    is_deeply $erp->get("/api/branches/$branch{empty}/stats", @as)->json,
        { branch_id => $branch{empty}, total_products => 0, total_stock => 0, total_value => 0, low_stock_items => 0 }, 'an empty one';
};

subtest 'a branch goes' => sub {
    my $url = "/api/branches/$branch{south}";
    my $r = $erp->delete($url, @as);
    is_problem($r, 409, 'in_use', 'not while it has users');
    like $r->json->{detail}, qr/1 users/, '... which is said';
    $erp->mongo('users', doc(delete => 'users', deletes => [doc(q => { email => 'south@chain.example' }, limit => 1)]));
    $r = $erp->delete($url, @as);
    is_problem($r, 409, 'in_use', 'not while it has stock');
    like $r->json->{detail}, qr/\b1 products of branches\b.*stock_quantity/, '... which is said';
    my ($row) = grep { $_->{product_id} eq $product{Assam}{id} } @{ $erp->get("/api/product-branches?branch_id=$branch{south}", @as)->json };
    $erp->patch("/api/product-branches/$row->{id}", { stock_quantity => 0 }, @as);
    $erp->mongo_insert($shop->{db_name}, 'sales', { id => 'sold', tenant_id => $shop->{tenant_id}, sale_number => 'SALE-000001', branch_id => $branch{south} });
    $r = $erp->delete($url, @as);
    is_problem($r, 409, 'in_use', 'not while it has sales');
    like $r->json->{detail}, qr/\bsales\b/, '... which is said';
    is scalar @{ $erp->get("/api/product-branches?branch_id=$branch{south}", @as)->json }, 2, 'its assignments are there still';
    $erp->mongo($shop->{db_name}, doc(delete => 'sales', deletes => [doc(q => { id => 'sold' }, limit => 1)]));
    is_problem($erp->delete($url, @manager), 403, 'role_forbidden', 'a manager closes no branch');
    is($erp->delete($url, @as)->status, 200, 'then it goes');
    is_deeply $erp->get("/api/product-branches?branch_id=$branch{south}", @as)->json, [], 'and its assignments with it';
    is scalar @{ $erp->get("/api/product-branches?branch_id=$branch{north}", @as)->json }, 3, 'not those of another';
};

subtest 'five hundred products cost the round trips of three' => sub {
    my @more = map { { id => sprintf('p%05d', $_), tenant_id => $shop->{tenant_id}, name => sprintf('Box %03d', $_), price => $_, stock => 1, _q => ['box', sprintf('%03d', $_)] } } 1 .. 500;
    $erp->mongo_insert($shop->{db_name}, 'products', @more);
    $erp->mongo_insert($shop->{db_name}, 'product_branches', map { { id => "a$_->{id}", tenant_id => $shop->{tenant_id}, product_id => $_->{id},
        branch_id => $branch{north}, stock_quantity => 1 + $_->{price}, sale_price => $_->{price} % 2 ? 1000 - $_->{price} : 0 } } @more);
    # One that is assigned, but of which the product is gone.
    $erp->mongo_insert($shop->{db_name}, 'product_branches', { id => 'lost', tenant_id => $shop->{tenant_id}, product_id => 'p00010x', branch_id => $branch{north}, stock_quantity => 11 });
    my $r = $erp->get('/api/products', @staff);
    is scalar @{ $r->json }, 503, 'of a branch';
    is trips($r), 1, '... one';
    for my $query ('sort=price', 'sort=-stock', 'q=box&sort=-price', 'price.gte=100&price.lte=300&sort=name') {
        my $r = $erp->get("/api/products?$query", @staff);
        is trips($r), 1, "... one: $query";
        my ($field) = $query =~ /sort=-?(\w+)/;
        my @got = map { $_->{$field} } @{ $r->json };
        my @sorted = $field eq 'name' ? sort @got : sort { $a <=> $b } @got;
        @sorted = reverse @sorted if $query =~ /sort=-/;
        is_deeply \@got, \@sorted, '... in order';
    }
    my $csv = $erp->get('/api/products?fields=name', @staff, headers => { Accept => 'text/csv' });
    is scalar(split /\r?\n/, $csv->body), 504, '... as CSV: all of them and a head';
    $r = $erp->get('/api/products', @as);
    is scalar @{ $r->json }, 504, 'of the business';
    is trips($r), 2, '... two';
    my (@seen, $path);
    for my $query ('', 'sort=stock&', 'sort=-price&', 'q=box&') {
        @seen = ();
        for ($path = "/api/products?${query}limit=40"; $path; ) {
            my $r = $erp->get($path, @staff);
            push @seen, map { $_->{id} } @{ $r->json };
            ($path) = ($r->header('Link') // '') =~ /^<([^>]+)>; rel="next"$/;
            last if @seen > 600;
        }
        is_deeply \@seen, [map { $_->{id} } @{ $erp->get('/api/products?' . ($query =~ s/&$//r), @staff)->json }], "pages hold all, once: $query";
    }
};

subtest 'on indexes' => sub {
    my %t = (tenant_id => $shop->{tenant_id});
    for my $case ([{ %t, branch_id => $branch{north} }, { product_id => 1 }], [{ %t, branch_id => $branch{north} }, { stock_quantity => 1, product_id => 1 }]) {
        my ($match, $sort) = @$case;
        my $plan = Erp::Json::to_json($erp->mongo($shop->{db_name}, doc(explain => doc(find => 'product_branches', filter => doc(%$match),
            sort => doc(map { $_ => 1 } sort { $b cmp $a } keys %$sort)), verbosity => 'queryPlanner'))->{queryPlanner}{winningPlan});
        like $plan, qr/IXSCAN/, 'an index scan';
        unlike $plan, qr/COLLSCAN|"SORT"/, '... in the order of the index';
    }
};

done_testing;
