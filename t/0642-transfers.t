# Transfers between branches: both sides move or neither, to the last unit, and the ledger knows.
use Erp::Test;
use Erp::Json qw(from_json);
use POSIX ();

my $erp = Erp::Test->start(workers => 4, login_workers => 1, env => { ERP_TENANT_SHARE => 100 });
my $shop = $erp->seed_tenant(slug => 'moving');
my @as = (token => $erp->login($shop->{email}, $shop->{password})->{access_token});

sub made {
    my ($path, $body) = @_;
    my $r = $erp->post($path, $body, @as);
    is $r->status, 200, "POST $path" or diag $r->brief;
    return $r->json;
}
sub user {
    my ($name, $role, $branch) = @_;
    my $user = $erp->seed_user(email => "$name\@moving.example", password => "$name-password", role => $role,
        tenant_id => $shop->{tenant_id}, user => { tenant_slug => 'moving', branch_id => $branch });
    return (token => $erp->login($user->{email}, "$name-password")->{access_token});
}

my %branch = map { ($_ => made('/api/branches', { name => $_, address => 'x', contact_phone => '1' })->{id}) } qw(north south east);
my $rice = made('/api/products', { name => 'Rice', price => 10 })->{id};
my %there = map { ($_ => made('/api/product-branches',
    { product_id => $rice, branch_id => $branch{$_}, stock_quantity => $_ eq 'north' ? 20 : 3 })->{id}) } qw(north south);

sub stock { my ($name) = @_; return $erp->get("/api/product-branches/$there{$name}", @as)->json->{stock_quantity} }
sub both { return [stock('north'), stock('south')] }
sub body { return { product_id => $rice, from_branch_id => $branch{north}, to_branch_id => $branch{south}, quantity => 5, @_ } }
sub move { my ($body, @who) = @_; return $erp->post('/api/stock-transfers', $body, @who ? @who : @as) }
sub listed { my ($query, @who) = @_; return [map { $_->{transfer_number} } @{ $erp->get("/api/stock-transfers$query", @who ? @who : @as)->json }] }

subtest 'one' => sub {
    my $r = move(body(reference_note => 'By van'));
    is $r->status, 200, 'it is made' or diag $r->brief;
    my $t = $r->json;
    is_deeply [@$t{qw(transfer_number product_id from_branch_id to_branch_id quantity reference_note status transferred_by)}],
        ['ST-000001', $rice, $branch{north}, $branch{south}, 5, 'By van', 'completed', $shop->{email}], 'as it was asked for';
    is_deeply both(), [15, 8], 'both sides moved';
    is_deeply $erp->get($r->header('Location'), @as)->json, $t, 'its address shows it';
    my @rows = grep { $_->{kind} eq 'transfer' } @{ $erp->get("/api/stock-ledger?product_id=$rice", @as)->json };
    is_deeply { map { ($_->{branch_id} => [@$_{qw(before delta after document_id document_number)}]) } @rows },
        { $branch{north} => [20, -5, 15, $t->{id}, 'ST-000001'], $branch{south} => [3, 5, 8, $t->{id}, 'ST-000001'] }, 'a row a side in the ledger';
    my @entries = $erp->mongo_all("$shop->{db_name}_audit", doc(find => 'audit_log', filter => { collection => 'stock_transfers' }));
    is_deeply [map { [@$_{qw(action record_id)}] } @entries], [['create', $t->{id}]], 'an audit entry';
};

subtest 'what is refused moves nothing' => sub {
    my $r = move(body(quantity => 16));
    is_problem $r, 409, 'insufficient_stock', 'more than is there';
    like $r->json->{detail}, qr/Rice\. Available: 15, Requested: 16/, '... with both numbers';
    is_problem move(body(from_branch_id => $branch{east})), 404, 'not_found', 'a source that does not have it';
    is_problem move(body(to_branch_id => $branch{east})), 404, 'not_found', 'a destination that does not have it';
    is_problem move(body(to_branch_id => 'nowhere')), 404, 'not_found', '... that is no branch';
    is_problem move(body(product_id => 'nothing')), 404, 'not_found', 'no such product';
    for my $case ([quantity => 0], [quantity => -1], [quantity => 1.5], [quantity => '3'], [quantity => undef],
        [to_branch_id => $branch{north}], [from_branch_id => undef], [reference_note => 'x' x 501], [product_id => '']) {
        my $bad = move(body(@$case));
        is_problem $bad, 422, 'validation', "$case->[0] " . substr($case->[1] // 'null', 0, 9);
        is $bad->json->{errors}[0]{field}, $case->[0], '... which is named';
    }
    is_deeply both(), [15, 8], 'nothing moved';
    is_deeply listed(''), ['ST-000001'], 'no record, and no number lost:';
    is move(body(quantity => 1))->json->{transfer_number}, 'ST-000002', 'the next one has the next';
    for my $method (qw(PUT PATCH DELETE)) {
        is_problem $erp->request($method, "/api/stock-transfers/x", @as, $method eq 'DELETE' ? () : (json => { quantity => 1 })), 405, 'method_not_allowed', $method;
    }
};

subtest 'who' => sub {
    my @north = user('north', 'branch_manager', $branch{north});
    my @south = user('south', 'branch_manager', $branch{south});
    my @east = user('east', 'branch_manager', $branch{east});
    is move(body(quantity => 1), @north)->status, 200, 'a manager sends what the branch has';
    is_problem move(body(quantity => 1), @south), 403, 'forbidden', '... and no other\'s';
    is_problem move(body(quantity => 1), user('till', 'cashier', $branch{north})), 403, 'role_forbidden', 'a cashier does not';
    is move(body(quantity => 2, from_branch_id => $branch{south}, to_branch_id => $branch{north}))->status, 200, 'back again';
    my @all = map { "ST-00000$_" } 1 .. 4;
    is_deeply [sort @{ listed('') }], \@all, 'the office sees all';
    is_deeply [sort @{ listed('', @north) }], \@all, 'either end sees them';
    is_deeply [sort @{ listed('', @south) }], \@all, '... the other one too';
    is_deeply listed('', @east), [], 'a third branch sees none';
    is_deeply listed("?branch_id=$branch{north}", @east), [], '... nor by asking';
    is_deeply [sort @{ listed("?branch_id=$branch{south}") }], \@all, 'by branch';
    is_deeply listed("?branch_id=$branch{east}"), [], '... that has none';
    is_deeply listed("?from_branch_id=$branch{south}"), ['ST-000004'], 'by the branch that sent';
    is_problem $erp->get('/api/stock-transfers?branch_id=', @as), 400, 'bad_query', 'by nothing';
};

subtest 'eight at once for the last five' => sub {
    is $erp->patch("/api/product-branches/$there{north}", { stock_quantity => 5 }, @as)->status, 200, 'five are left';
    my $south = stock('south');
    my @children = map { my $n = $_;
        my $pid = open my $child, '-|';
        die "fork: $!" if !defined $pid;
        if (!$pid) {
            my $r;
            for (1 .. 50) {
                $r = $erp->post('/api/stock-transfers', body(quantity => 1), @as, headers => { 'Idempotency-Key' => "last-$n" });
                last if $r->status !~ /^(?:429|503)$/ && !($r->status == 409 && $r->json->{code} eq 'idempotency_in_flight');
            }
            print join(' ', $r->status, $r->json->{transfer_number} // $r->json->{code}), "\n";
            close STDOUT;
            POSIX::_exit(0);
        }
        $child } 1 .. 8;
    my @said = map { my $line = readline $_; close $_; chomp $line; $line } @children;
    is_deeply [sort @said], [(map { "200 ST-00000$_" } 5 .. 9), ('409 insufficient_stock') x 3], 'five of them are done, numbered without a gap';
    is_deeply both(), [0, $south + 5], 'nothing was made or lost';
    my ($status, $out) = $erp->erpctl('stock', 'reconcile', 'moving', '--json');
    is $status, 0, 'the ledger explains all stock';
    is_deeply from_json($out)->{found}, [], '... everywhere';
};

subtest 'sent again with its key' => sub {
    my @key = (@as, headers => { 'Idempotency-Key' => 'once' });
    my $back = body(from_branch_id => $branch{south}, to_branch_id => $branch{north}, quantity => 2);
    my $first = $erp->post('/api/stock-transfers', $back, @key);
    is $first->status, 200, 'once';
    is_deeply $erp->post('/api/stock-transfers', $back, @key)->json, $first->json, 'the same reply';
    is stock('north'), 2, '... and moved once';
};

done_testing;
