# ?expand=: the records that references name, in one query a reference and page; what the caller may not
# read stays unread.
use Erp::Test;
use Erp::Say qw(slurp);

my $erp = Erp::Test->start(workers => 2);
my $shop = $erp->seed_tenant(slug => 'expand');
my $boss = { email => $shop->{email}, password => $shop->{password} };
my @as = (token => $erp->login($shop->{email}, $shop->{password})->{access_token});

sub made {
    my ($path, $body) = @_;
    my $r = $erp->post($path, $body, @as);
    is $r->status, 200, "POST $path" or diag $r->body;
    return $r->json;
}

sub account {
    my ($name, $role, %user) = @_;
    $erp->seed_user(email => "$name\@expand.example", password => "$name-password", role => $role,
        tenant_id => $shop->{tenant_id}, user => { tenant_slug => 'expand', %user });
    return (token => $erp->login("$name\@expand.example", "$name-password")->{access_token});
}

# How many commands a request sent to the database, as the log says.
sub trips {
    my ($res) = @_;
    my ($id, $found) = $res->header('X-Request-Id');
    wait_until(5, sub {
        ($found) = map { /\Q$id\E.*\bdb=(\d+)/ ? $1 : () } map { split /\n/, slurp($_) // '' } glob "$erp->{log}/*.log";
        return defined $found;
    });
    return $found;
}

my ($north, $south) = map { made('/api/branches', { name => $_, address => 'x', contact_phone => '1' }) } qw(North South);
my ($grain, $drink) = map { made('/api/categories', { name => $_ }) } qw(Grain Drink);
my $brand = made('/api/brands', { name => 'Mill' });
my $rice = made('/api/products', { name => 'Rice', price => 12.5, category => 'text', category_id => $grain->{id}, brand_id => $brand->{id}, branch_id => $north->{id} });
my $tea = made('/api/products', { name => 'Tea', price => 4, category_id => $drink->{id}, branch_id => $south->{id} });

subtest 'one record' => sub {
    my $r = $erp->get("/api/products/$rice->{id}?expand=category_id,brand_id", @as);
    is $r->status, 200, 'read' or diag $r->body;
    my $json = $r->json;
    is_deeply delete $json->{expanded}, { category_id => $grain, brand_id => $brand }, 'with what it names, as it is read by itself';
    is_deeply $json, $rice, '... and the record as it is';
    ok $r->header('ETag'), '... with the record\'s entity tag';
    is $erp->get("/api/products/$rice->{id}?expand=category_id", @as, headers => { 'If-None-Match' => $r->header('ETag') })->status, 200,
        '... which says nothing of the others';
    $r = $erp->get("/api/products/$tea->{id}?expand=brand_id,category_id,brand_id", @as);
    is_deeply $r->json->{expanded}, { brand_id => undef, category_id => $drink }, 'a reference to nothing is null';
    is_deeply $erp->get("/api/products/$tea->{id}?expand=", @as)->json, $tea, 'nothing asked, nothing added';
};

subtest 'lists' => sub {
    my $list = $erp->get('/api/products?sort=name&expand=category_id', @as)->json;
    is_deeply [map { $_->{expanded}{category_id}{name} } @$list], [qw(Grain Drink)], 'each with its own';
    $list = $erp->get('/api/products?sort=name&fields=name&expand=category_id', @as)->json;
    is_deeply $list, [map { { id => $_->[0]{id}, name => $_->[0]{name}, expanded => { category_id => $_->[1] } } } [$rice, $grain], [$tea, $drink]],
        'without the field itself';
    my $page = $erp->get('/api/products?sort=name&limit=1&expand=category_id', @as);
    my ($next) = ($page->header('Link') // '') =~ /<([^>]+)>; rel="next"/;
    like $next // '', qr/expand=category_id/, 'the next page is asked alike';
    is $erp->get($next, @as)->json->[0]{expanded}{category_id}{name}, 'Drink', '... and has it';
    is $erp->get('/api/products/low-stock?expand=branch_id', @as)->json->[0]{expanded}{branch_id}{name}, 'North', 'in a view';
    $erp->mongo($shop->{db_name}, doc(delete => 'categories', deletes => [doc(q => { id => $drink->{id} }, limit => 1)]));
    is $erp->get('/api/products?q=tea&expand=category_id', @as)->json->[0]{expanded}{category_id}, undef, 'what is gone is null';
};

subtest 'what is refused' => sub {
    for my $name ('price', 'nosuch', 'id', 'category_id,nosuch') {
        for my $path ('/api/products', "/api/products/$rice->{id}") {
            my $r = $erp->get("$path?expand=$name", @as);
            is_problem($r, 422, 'validation', "$name of $path");
            is $r->json->{errors}[0]{field}, 'expand', '... is named';
        }
    }
    is_problem($erp->get('/api/brands?expand=name', @as), 422, 'validation', 'where there is no reference');
    my @clerk = account('clerk', 'head_office', allowed_routes => ['inventory', 'catalogue']);
    is $erp->get('/api/products?expand=category_id', @clerk)->status, 200, 'who may use the module';
    my $device = made('/api/customers', { name => 'Amina', phone => '0170000001' });
    made('/api/device-history', { customer_id => $device->{id}, device_type => 'laptop', device_brand => 'HP', device_model => '250', serial_number => 'S1', purchase_date => '2025-06-01', warranty_expiry => '2027-06-01' });
    is $erp->get('/api/device-history?expand=customer_id', @as)->json->[0]{expanded}{customer_id}{name}, 'Amina', 'another module\'s record';
    my ($row) = grep { $_->{path} eq '/api/device-history' && $_->{method} eq 'GET' } @{ Erp::Json::from_json(($erp->run_program($erp->{erpd}, ['--routes', '--json']))[1]) };
    my @narrow = account('narrow', 'head_office', allowed_routes => [$row->{module}]);
    is $erp->get('/api/device-history', @narrow)->status, 200, 'who may use its own module alone';
    is_problem($erp->get('/api/device-history?expand=customer_id', @narrow), 403, 'module_forbidden', '... does not see the other\'s');
};

subtest 'branches and tenants' => sub {
    my @north = account('north', 'branch_manager', branch_id => $north->{id});
    my $variant = made('/api/tier-pricing', { tier_name => 'Dealer', min_quantity => 1, discount_percentage => 5, product_id => $_->{id} }) for $rice, $tea;
    my $seen = sub { [map { $_->{expanded}{product_id} && $_->{expanded}{product_id}{name} } @{ $erp->get('/api/tier-pricing?expand=product_id', @north)->json }] };
    is_deeply $seen->(), [undef, undef], 'what is not assigned to the branch is null';
    made('/api/product-branches', { product_id => $rice->{id}, branch_id => $north->{id}, stock_quantity => 4, sale_price => 13 });
    is_deeply $seen->(), ['Rice', undef], '... also beside one that is';
    for my $who (\@north, \@as) {
        my ($tier) = @{ $erp->get('/api/tier-pricing?expand=product_id', @$who)->json };
        is_deeply $tier->{expanded}{product_id}, $erp->get("/api/products/$rice->{id}", @$who)->json, '... which is shown as it is read by itself';
    }
    my $other = $erp->seed_tenant(slug => 'stranger');
    my @other = (token => $erp->login($other->{email}, $other->{password})->{access_token});
    my $theirs = $erp->post('/api/brands', { name => 'Theirs' }, @other)->json->{id};
    $erp->mongo($shop->{db_name}, doc(insert => 'brands', documents => [{ id => $theirs, tenant_id => $other->{tenant_id}, name => 'Theirs' }]));
    $erp->mongo($shop->{db_name}, doc(update => 'products', updates => [doc(q => { id => $tea->{id} }, u => { '$set' => { brand_id => $theirs } })]));
    is $erp->get("/api/products/$tea->{id}?expand=brand_id", @as)->json->{expanded}{brand_id}, undef, 'another tenant\'s, though in the same collection';
};

subtest 'round trips' => sub {
    my @ids = map { made('/api/categories', { name => "C $_" })->{id} } 1 .. 20;
    my $r = $erp->post('/api/products/bulk', { records => [map { { name => "P $_", price => 1, category_id => $ids[$_ % 20], brand_id => $brand->{id} } } 1 .. 200] }, @as);
    is $r->json->{done}, 200, '200 products';
    my $path = '/api/products?q=p&fields=name';    # with all fields, branches' numbers cost one more
    my $one = $erp->get("$path&limit=1&expand=category_id,brand_id", @as);
    my $all = $erp->get("$path&limit=200&expand=category_id,brand_id", @as);
    is scalar(grep { $_->{expanded}{category_id}{name} =~ /^C / && $_->{expanded}{brand_id}{name} eq 'Mill' } @{ $all->json }), 200, 'each of 200 with both';
    is trips($one), 3, 'one row: the page and each reference';
    is trips($all), 3, '200 rows: the same';
    is trips($erp->get("$path&limit=200", @as)), 1, 'and one without';
    $r = $erp->post('/api/tier-pricing/bulk', { records => [map { { tier_name => "T $_->{name}", min_quantity => 1, discount_percentage => 5, product_id => $_->{id} } } @{ $all->json }] }, @as);
    is $r->json->{done}, 200, '200 records that name products';
    $path = '/api/tier-pricing?expand=product_id';
    is trips($erp->get("$path&limit=$_", @as)), 3, "$_ of them: the page, the products and what branches have of them" for 1, 200;
};

subtest 'described' => sub {
    my $api = $erp->get('/api/openapi.json')->json;
    for my $path ('/api/products', '/api/products/{id}') {
        my ($param) = grep { ($_->{name} // '') eq 'expand' } @{ $api->{paths}{$path}{get}{parameters} };
        is_deeply $param && $param->{schema}{items}{enum}, [qw(category_id branch_id brand_id)], "$path names what can be asked for";
    }
    is_deeply [grep { ($_->{name} // '') eq 'expand' } @{ $api->{paths}{'/api/brands'}{get}{parameters} }], [], 'and nothing where there is none';
    is_deeply [sort keys %{ $api->{components}{schemas}{Product}{properties}{expanded}{properties} }], [qw(branch_id brand_id category_id)], 'the member is described';
};

done_testing;
