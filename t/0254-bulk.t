# Many records in one request: each row as if it had been a request of its own, all or none when asked,
# and in a number of round trips that does not grow with the rows.
use Erp::Test;
use Erp::Say qw(slurp);
use Time::HiRes qw(time);

my $erp = Erp::Test->start(workers => 2);
my $shop = $erp->seed_tenant(slug => 'bulk', entry => { max_branches => 3 });
my @as = (token => $erp->login($shop->{email}, $shop->{password})->{access_token});

sub bulk { my ($method, $path, $body, @more) = @_; return $erp->request($method, "$path/bulk", json => $body, @as, @more) }
sub count { my ($collection, %query) = @_; return $erp->mongo($shop->{db_name}, doc(count => $collection, query => \%query))->{n} }
sub audits { my (%query) = @_; return $erp->mongo("$shop->{db_name}_audit", doc(count => 'audit_log', query => \%query))->{n} }

# What the log says of a request.
sub trips {
    my ($res) = @_;
    my ($id, $found) = $res->header('X-Request-Id');
    wait_until(5, sub {
        ($found) = map { /\Q$id\E.*\bdb=(\d+)/ || /\bdb=(\d+).*\Q$id\E/ ? $1 : () } map { split /\n/, slurp($_) // '' } glob "$erp->{log}/*.log";
        return defined $found;
    });
    return $found;
}

my $category = $erp->post('/api/categories', { name => 'Grain' }, @as)->json->{id};
my @made;

subtest 'create' => sub {
    my $res = bulk(POST => '/api/products', { records => [
        { name => 'Rice', price => 12.5, sku => 'B-1', category_id => $category },
        { name => '',     price => 'x' },
        { name => 'Salt', price => 3, sku => 'B-1' },
        { name => 'Tea',  price => 4, category_id => 'nobody' },
        { name => 'Oil',  price => 5, sku => 'B-2', unknown => 1 },
        'no record',
    ] });
    is $res->status, 200, 'answered' or diag $res->body;
    my $all = $res->json;
    is "$all->{done} $all->{refused}", '2 4', 'two stored, four refused';
    is join(' ', map { $_->{index} } @{ $all->{rows} }), '0 1 2 3 4 5', 'an entry a row, in order';
    is join(' ', map { $_->{status} } @{ $all->{rows} }), '200 422 409 422 200 422', '... with its status';
    is join(' ', sort map { $_->{field} } @{ $all->{rows}[1]{errors} }), 'name price', '... its fields';
    is $all->{rows}[2]{code}, 'duplicate', '... a value that an earlier row has';
    like $all->{rows}[2]{detail}, qr/^sku already exists/, '... is named';
    is_deeply [map { "$_->{field} $_->{code}" } @{ $all->{rows}[3]{errors} }], ['category_id reference'], '... a reference to nothing';
    is_deeply $all->{rows}[4]{ignored}, ['unknown'], '... what was ignored';
    @made = map { $_->{id} } @{ $all->{rows} }[0, 4];
    my $read = $erp->get("/api/products/$made[0]", @as);
    is $read->json->{name}, 'Rice', 'a record as any other';
    is $read->header('ETag'), $all->{rows}[0]{etag}, '... with the entity tag that was told';
    is $erp->get('/api/products?q=ric', @as)->json->[0]{id}, $made[0], '... found by its words';
    is count('products'), 2, 'no more than that';
    is audits(action => 'create', collection => 'products'), 2, 'an audit entry each';
    $res = bulk(POST => '/api/products', { records => [{ name => 'Again', price => 1, sku => 'B-2' }, { name => 'New', price => 1, sku => 'B-3' }] });
    is join(' ', map { $_->{status} } @{ $res->json->{rows} }), '409 200', 'a value that a stored record has';
};

subtest 'change' => sub {
    my ($rice, $oil) = map { $erp->get("/api/products/$_", @as) } @made;
    my $res = bulk(PATCH => '/api/products', { records => [
        { id => $made[0], price => 13, if_match => $rice->header('ETag') },
        { id => $made[1], name => 'Oil 1 l', if_match => '"0-0"' },
        { id => 'nobody', price => 1 },
        { id => $made[0], price => 14 },
        { price => 1 },
        { id => $made[1], if_match => 5 },
    ] });
    is $res->status, 200, 'answered' or diag $res->body;
    is join(' ', map { $_->{status} } @{ $res->json->{rows} }), '200 412 404 422 422 422', 'each with its status';
    my $now = $erp->get("/api/products/$made[0]", @as);
    is $now->json->{price}, 13, 'changed';
    is $now->json->{sku}, 'B-1', '... and nothing else of it';
    is $now->header('ETag'), $res->json->{rows}[0]{etag}, '... with the new entity tag';
    is $erp->get("/api/products/$made[1]", @as)->header('ETag'), $oil->header('ETag'), 'what was refused is as it was';
    is audits(action => 'patch', collection => 'products'), 1, 'an audit entry for what was changed';
    $res = bulk(PATCH => '/api/products', { records => [{ id => $made[1], sku => 'B-1' }, { id => $made[0], sku => 'B-1', name => 'Rice, long' }] });
    is join(' ', map { $_->{status} } @{ $res->json->{rows} }), '409 200', 'a unique value is kept, and one\'s own may stay';
    is $erp->get('/api/products?q=long', @as)->json->[0]{id}, $made[0], 'the words follow';
};

subtest 'delete' => sub {
    my $res = bulk(DELETE => '/api/categories', { ids => [$category, 'nobody', $erp->post('/api/categories', { name => 'Empty' }, @as)->json->{id}, 7] });
    is $res->status, 200, 'answered' or diag $res->body;
    is join(' ', map { $_->{status} } @{ $res->json->{rows} }), '409 404 200 422', 'one is used, one is not there, one goes, one is no id';
    is $res->json->{rows}[0]{code}, 'in_use', '... and why';
    is count('categories'), 1, 'the used one stays';
    is audits(action => 'delete', collection => 'categories'), 1, 'an audit entry';
};

subtest 'all or none' => sub {
    my ($before, $entries) = (count('products'), audits());
    my $res = bulk(POST => '/api/products', { records => [] });
    is $res->json->{done}, 0, 'nothing is nothing';
    my $bad = { records => [{ name => 'One', price => 1 }, { name => 'Two', price => -1 }, { name => 'Three', price => 1, sku => 'B-1' }] };
    $res = $erp->post('/api/products/bulk?atomic=true', $bad, @as);
    is_problem($res, 422, 'validation', 'refused as a whole');
    is_deeply [map { "$_->{field} $_->{code}" } @{ $res->json->{errors} }], ['records[1].price range', 'records[2] duplicate'], '... for these rows';
    is count('products') . ' ' . audits(), "$before $entries", '... and nothing was stored';
    pop @{ $bad->{records} };
    $bad->{records}[1]{price} = 2;
    is $erp->post('/api/products/bulk?atomic=true', $bad, @as)->json->{done}, 2, 'repaired: all';
    is_problem($erp->post('/api/products/bulk?atomic=yes', $bad, @as), 400, 'bad_query', 'a word that is neither');
};

subtest 'bodies' => sub {
    my %record = (name => 'x', price => 1);
    is_problem(bulk(POST => '/api/products', { records => [(\%record) x 1001] }), 422, 'validation', '1,001 rows');
    is_problem(bulk(POST => '/api/products', { record => [] }), 422, 'validation', 'another member');
    is_problem(bulk(POST => '/api/products', { records => {} }), 422, 'validation', 'no list');
    is_problem(bulk(POST => '/api/products', { records => [{ %record, description => 'x' x 4_300_000 }] }), 413, 'too_large', 'over 4 MiB');
    my $res = bulk(POST => '/api/products', { records => [map { { %record, description => 'y' x 4000 } } 1 .. 400] });
    is $res->status, 200, 'over 1 MiB is taken';
    is $res->json->{done}, 400, '... whole';
    $res = bulk(POST => '/api/products', { records => [{ %record, nosuch => 1 }] }, headers => { Prefer => 'handling=strict' });
    is $res->json->{rows}[0]{status}, 422, 'strict handling is a row\'s as well';
};

subtest 'limits and numbers' => sub {
    my @branches = map { { name => "Branch $_", address => 'Road', contact_phone => '0170000000' } } 1 .. 5;
    my $res = bulk(POST => '/api/branches', { records => \@branches });
    is join(' ', map { $_->{status} } @{ $res->json->{rows} }), '200 200 200 403 403', 'as many branches as the licence allows';
    is $res->json->{rows}[4]{code}, 'limit_reached', '... and the reason';
    my %repair = (customer_name => 'A', customer_phone => '0170000000', device_model => 'M', issue_description => 'dead', estimated_cost => 1);
    my $first = $erp->post('/api/repairs', \%repair, @as)->json->{ticket_number};
    $res = bulk(POST => '/api/repairs', { records => [\%repair, { %repair, estimated_cost => -1 }, \%repair] });
    is join(' ', map { $_->{status} } @{ $res->json->{rows} }), '200 422 200', 'one of three is refused';
    my @numbers = sort map { $erp->get("/api/repairs/$_->{id}", @as)->json->{ticket_number} } grep { $_->{status} == 200 } @{ $res->json->{rows} };
    my $last = $erp->post('/api/repairs', \%repair, @as)->json->{ticket_number};
    is "$first @numbers $last", 'REP-00001 REP-00002 REP-00003 REP-00004', 'and leaves no gap in the numbers';
};

subtest 'with a key, and roles' => sub {
    my @key = (headers => { 'Idempotency-Key' => 'k-1' });
    my $body = { records => [{ name => 'Keyed', price => 1, sku => 'K-1' }, { name => 'Keyed', price => 1, sku => 'K-1' }] };
    my $first = bulk(POST => '/api/products', $body, @key);
    is $first->status, 200, 'done' or diag $first->body;
    my $again = bulk(POST => '/api/products', $body, @key);
    is $again->body, $first->body, 'the same again';
    is $again->header('Idempotency-Replayed'), 'true', '... and says so';
    is count('products', name => 'Keyed'), 1, '... once';
    my $user = $erp->seed_user(email => 'staff@bulk.example', password => 'staff-password', role => 'staff',
        tenant_id => $shop->{tenant_id}, user => { tenant_slug => 'bulk', branch_id => $erp->get('/api/branches', @as)->json->[0]{id} });
    my @staff = (token => $erp->login($user->{email}, 'staff-password')->{access_token});
    is_problem($erp->request($_, '/api/products/bulk', json => {}, @staff), 403, 'role_forbidden', "$_ by who may not write") for qw(POST PATCH DELETE);
};

subtest 'users of a branch' => sub {
    my ($mine) = map { $_->{id} } @{ $erp->get('/api/branches', @as)->json };
    my $user = $erp->seed_user(email => 'boss@bulk.example', password => 'boss-password', role => 'branch_manager',
        tenant_id => $shop->{tenant_id}, user => { tenant_slug => 'bulk', branch_id => $mine });
    my @boss = (token => $erp->login($user->{email}, 'boss-password')->{access_token});
    my $before = count('products');
    is_problem($erp->post('/api/products/bulk', { records => [{ name => 'M', price => 1 }] }, @boss), 403, 'role_forbidden', 'split what they make one by one');
    is_problem($erp->request(PATCH => '/api/products/bulk', json => { records => [{ id => $made[0], price => 1 }] }, @boss), 403, 'role_forbidden', '... and what they change');
    is count('products'), $before, 'nothing was stored';
    my $res = $erp->post('/api/brands/bulk', { records => [{ name => 'Theirs' }] }, @boss);
    is $res->json->{done}, 1, 'what is of no branch they write as others do' or diag $res->body;
    my $assigned = $erp->post('/api/product-branches', { product_id => $made[0], branch_id => $mine, stock_quantity => 1 }, @as);
    is $assigned->status, 200, 'a product is assigned to the branch' or diag $assigned->body;
    my @tiers = map { { tier_name => 'Dealer', min_quantity => 1, discount_percentage => 5, product_id => $_ } } @made[0, 1], 'nobody';
    is join(' ', map { $erp->post('/api/tier-pricing', $_, @boss)->status } @tiers), '200 422 422', 'one by one it may be referred to, and no other';
    $res = $erp->post('/api/tier-pricing/bulk', { records => \@tiers }, @boss);
    is join(' ', map { $_->{status} } @{ $res->json->{rows} }), '200 422 422', '... and many at once are held to the same' or diag $res->body;
    my $table = "tier_name,min_quantity,discount_percentage,product_id\n" . join '', map { "Trade,2,7,$_\n" } @made[0, 1];
    $res = $erp->request(POST => '/api/tier-pricing/import?dry_run=true', body => $table, type => 'text/csv', @boss);
    is $res->json->{created} . ' ' . join(' ', map { "$_->{line}:$_->{field}" } @{ $res->json->{errors} }), '1 3:product_id',
        '... and so is a table' or diag $res->body;
};

subtest 'several references of a row' => sub {
    my %record = (name => 'Tea', price => 1, category_id => 'nobody', brand_id => 'nobody');
    my @named = map { join ' ', sort map { $_->{field} } @{ $_ } }
        $erp->post('/api/products', \%record, @as)->json->{errors},
        bulk(POST => '/api/products', { records => [\%record] })->json->{rows}[0]{errors};
    is_deeply \@named, [('brand_id category_id') x 2], 'each that names nothing is told, for one and for many';
};

subtest 'round trips' => sub {
    my %used;
    for my $n (2, 1000) {
        my $begun = time;
        my $res = bulk(POST => '/api/products', { records => [map { { name => "P $_", price => $_, sku => "T-$n-$_", category_id => $category } } 1 .. $n] });
        my $took = time - $begun;
        is $res->json->{done}, $n, "$n stored" or diag substr $res->body, 0, 500;
        diag sprintf '%d rows in %.2f s', $n, $took if $n > 2;
        $used{create}{$n} = trips($res);
        my @ids = map { $_->{id} } @{ $res->json->{rows} };
        my @some = grep { defined } @ids[0 .. 299];
        $res = bulk(PATCH => '/api/products', { records => [map { { id => $_, price => 7 } } @some] });
        is $res->json->{done}, @some, @some . ' changed' or diag substr $res->body, 0, 500;
        $used{patch}{$n} = trips($res);
        $res = bulk(DELETE => '/api/products', { ids => \@ids });
        is $res->json->{done}, $n, "$n deleted" or diag substr $res->body, 0, 500;
        $used{delete}{$n} = trips($res);
    }
    for my $what (qw(create patch delete)) {
        my $most = $used{$what}{2} + ($what eq 'patch' ? 1 : 0);    # an update for each 250
        cmp_ok $used{$what}{1000}, '<=', $most, "$what: $used{$what}{1000} for many rows, $used{$what}{2} for 2";
    }
    cmp_ok $used{create}{1000}, '<=', 8, 'create: references, unique values, records, audit, commit';
};

subtest 'at once' => sub {
    my @pids;
    for my $client (1 .. 4) {
        my $pid = fork // die "fork: $!\n";
        if (!$pid) {
            my $res = bulk(POST => '/api/products', { records => [map { { name => "C $_", price => 1, sku => "C-$_" } } 1 .. 50] });
            POSIX::_exit($res->status == 200 ? $res->json->{done} : 99);
        }
        push @pids, $pid;
    }
    my $sum = 0;
    for my $pid (@pids) {
        waitpid $pid, 0;
        $sum += $? >> 8 == 99 ? 0 : $? >> 8;
    }
    is $sum, 50, 'who stores the same values at once: each is stored once';
    is count('products', sku => { '$regex' => '^C-' }), 50, '... as the database says';
};

done_testing;
