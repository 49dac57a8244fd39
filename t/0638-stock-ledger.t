# The stock ledger: whatever changes stock leaves a row, and the rows add up to the stock.
use Erp::Test;
use Erp::Json qw(from_json);
use POSIX ();

my $erp = Erp::Test->start(workers => 2, login_workers => 1);
my $shop = $erp->seed_tenant(slug => 'ledger');
my @as = (token => $erp->login($shop->{email}, $shop->{password})->{access_token});

sub made {
    my ($path, $body) = @_;
    my $r = $erp->post($path, $body, @as);
    is $r->status, 200, "POST $path" or diag $r->brief;
    return $r->json;
}
sub rows {
    my ($product, $query) = @_;
    return @{ $erp->get("/api/stock-ledger?product_id=$product" . ($query // ''), @as)->json };
}
sub brief { return map { join ' ', $_->{kind}, $_->{branch_id} ? 'branch' : 'own', @$_{qw(before delta after)} } @_ }
sub reconcile {
    my ($status, $out) = $erp->erpctl('stock', 'reconcile', 'ledger', '--json');
    return { status => $status, %{ from_json($out) } };
}

my $rice;

subtest 'plain writes' => sub {
    $rice = made('/api/products', { name => 'Rice', price => 10, stock => 7 })->{id};
    is_deeply [brief(rows($rice))], ['adjust own 0 7 7'], 'made with stock';
    is((rows($rice))[0]{created_by}, $shop->{email}, '... by whom');
    is($erp->patch("/api/products/$rice", { stock => 5 }, @as)->status, 200, 'a patch');
    is($erp->patch("/api/products/$rice", { name => 'Rice 5 kg' }, @as)->status, 200, '... of something else');
    is($erp->put("/api/products/$rice", { name => 'Rice', price => 11, stock => 12 }, @as)->status, 200, 'a replacement');
    is($erp->put("/api/products/$rice", { name => 'Rice', price => 12 }, @as)->status, 200, '... that keeps the stock');
    is_deeply [brief(rows($rice))], ['adjust own 0 7 7', 'adjust own 7 -2 5', 'adjust own 5 7 12'], 'one row a change, in order';
    my $salt = made('/api/products', { name => 'Salt', price => 1 })->{id};
    is_deeply [rows($salt)], [], 'without stock, without a row';
    is_problem($erp->patch("/api/products/$rice", { stock => 'many' }, @as), 422, 'validation', 'what is refused');
    is scalar(rows($rice)), 3, '... leaves none';
};

subtest 'assignments' => sub {
    my $branch = made('/api/branches', { name => 'North', address => 'x', contact_phone => '1' })->{id};
    my $there = made('/api/product-branches', { product_id => $rice, branch_id => $branch, stock_quantity => 4 })->{id};
    is($erp->patch("/api/product-branches/$there", { stock_quantity => 9 }, @as)->status, 200, 'changed');
    is_deeply [brief(rows($rice, "&branch_id=$branch"))], ['adjust branch 0 4 4', 'adjust branch 4 5 9'], 'rows of the branch';
    my $user = $erp->seed_user(email => 'north@ledger.example', password => 'north-password', role => 'staff',
        tenant_id => $shop->{tenant_id}, user => { tenant_slug => 'ledger', branch_id => $branch });
    my @north = (token => $erp->login($user->{email}, 'north-password')->{access_token});
    is_deeply [brief(@{ $erp->get('/api/stock-ledger', @north)->json })], ['adjust branch 0 4 4', 'adjust branch 4 5 9'], 'its staff see them alone';
    my $seen = $erp->get("/api/products/$rice/stock", @north)->json;
    is_deeply [@$seen{qw(stock branches)}], [undef, [{ branch_id => $branch, stock_quantity => 9 }]], '... and their stock';
    is($erp->delete("/api/product-branches/$there", @as)->status, 200, 'removed');
    is_deeply [brief((rows($rice, "&branch_id=$branch"))[2])], ['adjust branch 9 -9 0'], '... and so is what it had';
};

subtest 'nobody changes the ledger' => sub {
    my ($row) = rows($rice);
    for my $method (qw(PUT PATCH DELETE)) {
        is_problem($erp->request($method, "/api/stock-ledger/$row->{id}", @as, $method eq 'DELETE' ? () : (json => { delta => 1 })), 405, 'method_not_allowed', $method);
    }
    is_problem($erp->post('/api/stock-ledger', { product_id => $rice, delta => 1 }, @as), 405, 'method_not_allowed', 'POST');
    is($erp->get("/api/stock-ledger/$row->{id}", @as)->json->{delta}, 7, 'one row can be read');
};

subtest 'as of' => sub {
    my @rows = grep { !$_->{branch_id} } rows($rice);
    for my $i (0 .. $#rows) {
        my $seen = $erp->get("/api/products/$rice/stock?as_of=$rows[$i]{created_at}", @as)->json;
        is $seen->{stock}, $rows[$i]{after}, "after row $i";
    }
    my $now = $erp->get("/api/products/$rice/stock", @as);
    is $now->status, 200, 'now';
    is $now->json->{stock}, 12, '... what the product shows';
    is $now->json->{product_id}, $rice, '... of the product';
    is $now->json->{known_since}, $rows[0]{created_at}, '... since the first row';
    is($erp->get("/api/products/$rice/stock?as_of=2001-01-01", @as)->json->{stock}, 0, 'before it was made: nothing');
    is_problem($erp->get("/api/products/$rice/stock?as_of=yesterday", @as), 400, 'bad_query', 'no instant');
    is_problem($erp->get('/api/products/none/stock', @as), 404, 'not_found', 'no product');
};

subtest 'from before there was a ledger' => sub {
    $erp->mongo_insert($shop->{db_name}, 'products', { id => 'old-1', tenant_id => $shop->{tenant_id}, name => 'Old', price => 5, stock => 30 });
    is_deeply [rows('old-1')], [], 'no rows';
    is($erp->get('/api/products/old-1/stock', @as)->json->{stock}, 30, 'what it has now is known');
    is($erp->get('/api/products/old-1/stock?as_of=2020-01-01', @as)->json->{stock}, undef, '... and nothing of before');
    my $r = reconcile();
    is_deeply [@$r{qw(status faults unopened)}], [0, 0, 1], 'it is no fault';
    is($erp->patch('/api/products/old-1', { stock => 28 }, @as)->status, 200, 'the next write');
    is_deeply [brief(rows('old-1'))], ['opening own 0 30 30', 'adjust own 30 -2 28'], '... opens it';
    is($erp->patch('/api/products/old-1', { name => 'Older' }, @as)->status, 200, 'another one');
    is scalar(rows('old-1')), 2, '... opens it no more';
    is($erp->get('/api/products/old-1/stock?as_of=2020-01-01', @as)->json->{stock}, undef, 'before the opening nothing is known');
};

subtest 'deleted' => sub {
    my $id = made('/api/products', { name => 'Gone', price => 1, stock => 3 })->{id};
    is($erp->delete("/api/products/$id", @as)->status, 200, 'deleted');
    is_deeply [brief(rows($id))], ['adjust own 0 3 3', 'adjust own 3 -3 0'], 'its rows stay';
};

subtest 'erpctl stock reconcile' => sub {
    my $r = reconcile();
    is_deeply [@$r{qw(status faults unopened found)}], [0, 0, 0, []], 'all adds up';
    cmp_ok $r->{rows}, '>=', 9, '... over all rows';
    $erp->mongo($shop->{db_name}, doc(update => 'products', updates => [{ q => { id => $rice }, u => { '$inc' => { stock => 1 } } }]));
    $r = reconcile();
    is $r->{status}, 1, 'changed by hand';
    is_deeply [@{ $r->{found}[0] }{qw(product_id branch_id stock ledger)}], [$rice, undef, 13, 12], '... is found';
    my ($status, $out) = $erp->erpctl('stock', 'reconcile', 'ledger');
    is $status, 1, 'as text: the same exit code';
    like $out, qr/\Q$rice\E.*13.*12/, '... and the place';
    $erp->mongo($shop->{db_name}, doc(update => 'products', updates => [{ q => { id => $rice }, u => { '$inc' => { stock => -1 } } }]));
    is reconcile()->{status}, 0, 'put right';
    ($status) = $erp->erpctl('stock', 'reconcile', 'nobody');
    is $status, 1, 'no such tenant';
};

subtest 'while sales are made' => sub {
    my $salt = made('/api/products', { name => 'Salt', price => 10, stock => 1000 })->{id};
    my $sale = { items => [{ product_id => $salt, quantity => 1, price => 10 }] };
    my %selling = map {
        my $pid = fork // die "fork: $!\n";
        if (!$pid) {
            $erp->post('/api/sales', $sale, @as) for 1 .. 40;
            POSIX::_exit(0);
        }
        $pid => 1;
    } 1, 2;
    my @faults;
    while (%selling) {
        my $r = reconcile();
        push @faults, @{ $r->{found} };
        delete @selling{ grep { waitpid($_, POSIX::WNOHANG()) > 0 } keys %selling };
    }
    is_deeply \@faults, [], 'stock and ledger are those of one moment';
    cmp_ok $erp->get("/api/products/$salt", @as)->json->{stock}, '<', 1000, '... and sales were made';
};

done_testing;
