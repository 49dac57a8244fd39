# Due requests: staff ask for a sale on credit, an administrator decides, and of many at once one does; an
# approved one is a sale like any other, with all that belongs to it.
use Erp::Test;
use Erp::AtOnce qw(statuses_at_once);

my $erp = Erp::Test->start(workers => 4, login_workers => 1, env => { ERP_TENANT_SHARE => 100 });
my $shop = $erp->seed_tenant(slug => 'due');
my @as = (token => $erp->login($shop->{email}, $shop->{password})->{access_token});

sub made {
    my ($path, $body) = @_;
    my $r = $erp->post($path, $body, @as);
    is $r->status, 200, "POST $path" or diag $r->brief;
    return $r->json;
}
sub user {
    my ($name, $role, $branch) = @_;
    my $made = $erp->seed_user(email => "$name\@due.example", password => 'due-password', role => $role, tenant_id => $shop->{tenant_id},
        user => { tenant_slug => 'due', full_name => ucfirst $name, $branch ? (branch_id => $branch) : () });
    return { id => $made->{id}, as => [token => $erp->login($made->{email}, 'due-password')->{access_token}] };
}
sub all { my ($collection, $filter) = @_; return $erp->mongo_all($shop->{db_name}, doc(find => $collection, filter => $filter, sort => { id => 1 })) }
sub stock { my ($branch) = @_; return (all('product_branches', { branch_id => $branch }))[0]{stock_quantity} }
sub ask { my ($body, @who) = @_; return $erp->post('/api/due-requests', $body, @who ? @who : @as) }
sub decide { my ($id, $how, $body, @who) = @_; return $erp->patch("/api/due-requests/$id/$how", $body, @who ? @who : @as) }
sub waiting { return $erp->get('/api/due-requests/pending-count', @_ ? @_ : @as)->json->{count} }

# Everything that a request touches, as it is.
sub state {
    my %all = map { $_ => [all($_, {})] } qw(due_requests sales payments customer_dues customers products product_branches stock_ledger counters notifications);
    $all{audit} = $erp->mongo("$shop->{db_name}_audit", doc(count => 'audit_log', query => { kind => 'data' }))->{n};
    return \%all;
}

my %branch = map { $_ => made('/api/branches', { name => ucfirst $_, address => 'x', contact_phone => '1' })->{id} } qw(north south);
my $lamp = made('/api/products', { name => 'Lamp', price => 20, stock => 5, warranty_terms => 'One year', include_warranty_terms => \1 })->{id};
made('/api/product-branches', { product_id => $lamp, branch_id => $branch{$_}, stock_quantity => 10 }) for qw(north south);
my $staff = user('nila', 'staff', $branch{north});
my $other = user('omar', 'staff', $branch{north});
my $manager = user('mina', 'branch_manager', $branch{north});
my $south = user('sara', 'branch_manager', $branch{south});
sub wanted {
    return { customer_name => 'Karim', customer_phone => '01711-222333', customer_address => 'Road 7', total_amount => 40, paid_amount => 10, due_amount => 30,
        items => [{ product_id => $lamp, name => 'Desk lamp', quantity => 2, price => 20 }], @_ };
}

subtest 'asking' => sub {
    my $r = ask(wanted(notes => "Good man\nPays on Friday"), @{ $staff->{as} });
    is $r->status, 200, 'asked for' or diag $r->brief;
    my $asked = $r->json;
    is_deeply [@$asked{qw(request_number status customer_name customer_phone due_amount total_amount paid_amount discount tax branch_id branch_name requested_by
        requested_by_name approved_by sale_id notes include_warranty_terms)}],
        ['DUE-000001', 'pending', 'Karim', '01711-222333', 30, 40, 10, 0, undef, $branch{north}, 'North', $staff->{id}, 'Nila', undef, undef,
        "Good man\nPays on Friday", JSON::PP::false()], 'as it is shown';
    is_deeply [@{ $asked->{items}[0] }{qw(product_id product_name quantity price)}], [$lamp, 'Desk lamp', 2, 20], '... its items by the name that was sent';
    like $r->header('location'), qr{^/api/due-requests/\Q$asked->{id}\E$}, 'Location';
    is_deeply $erp->get("/api/due-requests/$asked->{id}", @{ $staff->{as} })->json, $asked, 'it is there';
    is stock($branch{north}), 10, 'nothing is sold';
    my ($told, @more) = all('notifications', { type => 'due_request' });
    is scalar(@more), 0, 'one notification';
    ok $told->{is_sticky}, '... which sticks';
    is_deeply [@$told{qw(reference_id branch_id)}, @{ $told->{metadata} }{qw(due_request_id request_number customer_name)}],
        [$asked->{id}, $branch{north}, $asked->{id}, 'DUE-000001', 'Karim'], '... and says which';
    is $erp->get('/api/notifications?type=due_request', @as)->json->{notifications}[0]{metadata}{due_amount}, 30, '... and how much, to the administrator';
    is waiting(), 1, 'one waits';
    is waiting(@{ $_->{as} }), 0, '... to be decided by administrators' for $staff, $manager;
    my @audit = $erp->mongo_all("$shop->{db_name}_audit", doc(find => 'audit_log', filter => { collection => 'due_requests' }));
    is_deeply [map { "$_->{action} $_->{actor}" } @audit], ["create $staff->{id}"], 'an audit entry';
};

subtest 'approving' => sub {
    my ($asked) = @{ $erp->get('/api/due-requests?status=pending', @as)->json };
    my $before = state();
    is_problem(decide($asked->{id}, $_, undef, @{ $manager->{as} }), 403, 'role_forbidden', "a manager does not $_") for qw(approve reject);
    is_deeply state(), $before, 'and nothing has changed';
    my $r = decide($asked->{id}, 'approve');
    is $r->status, 200, 'approved' or diag $r->brief;
    my $sale = $erp->get('/api/sales/' . $r->json->{sale_id}, @as)->json;
    is_deeply [@{ $r->json }{qw(status invoice_no)}], ['approved', $sale->{invoice_no}], 'says so';
    is_deeply [@$sale{qw(created_by reference payment_method branch_id customer_name customer_address total amount_paid balance_due payment_status warranty_terms)}],
        ['nila@due.example', 'Due Request: DUE-000001', 'cash', $branch{north}, 'Karim', 'Road 7', 40, 10, 30, 'partially_paid', 'One year'], 'the sale is hers';
    is stock($branch{north}), 8, 'the stock of her branch is sold';
    my ($due) = @{ $erp->get('/api/customer-dues', @as)->json };
    is_deeply [@$due{qw(sale_id due_amount)}], [$sale->{id}, 30], 'it is due';
    is $erp->get("/api/customers/$sale->{customer_id}", @as)->json->{due_amount}, 30, '... by the customer';
    is_deeply [map { "$_->{method} $_->{amount}" } @{ $erp->get("/api/sales/$sale->{id}/invoice", @as)->json->{payments} }], ['cash 10'], 'what was paid';
    my $now = $erp->get("/api/due-requests/$asked->{id}", @{ $staff->{as} })->json;
    is_deeply [@$now{qw(status approved_by sale_id invoice_no)}], ['approved', $shop->{user_id}, $sale->{id}, $sale->{invoice_no}], 'the request knows it all';
    ok $now->{decided_at}, '... and when';
    my ($told) = all('notifications', { type => 'due_request' });
    ok $told->{is_read} && !$told->{is_sticky}, 'the administrator is done with it';
    my ($mine) = @{ $erp->get('/api/notifications?type=due_request_approved', @{ $staff->{as} })->json->{notifications} };
    is_deeply [$mine->{user_id}, $mine->{reference_id}, @{ $mine->{metadata} }{qw(sale_id invoice_no)}],
        [$staff->{id}, $asked->{id}, $sale->{id}, $sale->{invoice_no}], 'whoever asked is told';
    is_deeply $erp->get('/api/notifications?type=due_request_approved', @{ $other->{as} })->json->{notifications}, [], '... and nobody else';
    is waiting(), 0, 'none waits';
    my @audit = $erp->mongo_all("$shop->{db_name}_audit", doc(find => 'audit_log', filter => { record_id => { '$in' => [$asked->{id}, $sale->{id}] } }, sort => { id => 1 }));
    is_deeply [map { "$_->{collection} $_->{action}" } @audit], ['due_requests create', 'sales create', 'due_requests approve'], 'audit entries of both';
    $before = state();
    is_problem(decide($asked->{id}, $_), 409, 'illegal_transition', "$_: it is decided") for qw(approve reject);
    is_problem(decide('none', $_), 404, 'not_found', "$_: no such request") for qw(approve reject);
    is_deeply state(), $before, 'and nothing has changed';
};

subtest 'rejecting' => sub {
    my %id = map { $_ => ask(wanted(), @{ $staff->{as} })->json->{id} } qw(body query none);
    is(decide($id{body}, 'reject', { reason => 'Owes too much' })->status, 200, 'with a reason in the body');
    is(decide("$id{query}", 'reject?reason=No')->json->{status}, 'rejected', '... in the query');
    is(decide($id{none}, 'reject')->status, 200, '... without one');
    is_deeply [map { $erp->get("/api/due-requests/$id{$_}", @as)->json->{rejection_reason} } qw(body query none)], ['Owes too much', 'No', undef], 'it is kept';
    my $now = $erp->get("/api/due-requests/$id{body}", @as)->json;
    is_deeply [@$now{qw(status approved_by sale_id)}], ['rejected', $shop->{user_id}, undef], 'with whoever decided';
    my ($told) = all('notifications', { type => 'due_request_rejected', reference_id => $id{body} });
    is $told->{user_id}, $staff->{id}, 'whoever asked is told';
    like $told->{message}, qr/Owes too much/, '... why';
    is scalar(() = all('notifications', { type => 'due_request', is_sticky => \1 })), 0, 'nothing sticks';
    is stock($branch{north}), 8, 'nothing was sold';
    is_problem(decide($id{body}, 'approve'), 409, 'illegal_transition', 'it stays rejected');
};

subtest 'whose they are' => sub {
    my $hers = ask(wanted(), @{ $other->{as} })->json;
    my $far = ask(wanted(), @{ $south->{as} })->json;
    is_deeply [map { $_->{request_number} } @{ $erp->get('/api/due-requests', @as)->json }], [map { sprintf 'DUE-%06d', $_ } reverse 1 .. 6], 'the newest first';
    is_deeply [map { $_->{id} } @{ $erp->get('/api/due-requests?status=pending', @as)->json }], [$far->{id}, $hers->{id}], 'by status';
    is_deeply [map { $_->{requested_by} } @{ $erp->get('/api/due-requests', @{ $staff->{as} })->json }], [($staff->{id}) x 4], 'staff see their own';
    is_deeply $erp->get("/api/due-requests?requested_by=$other->{id}", @{ $staff->{as} })->json, [], '... whatever they ask for';
    is_problem($erp->get("/api/due-requests/$hers->{id}", @{ $staff->{as} }), 404, 'not_found', '... one by one too');
    my $table = $erp->get('/api/due-requests?fields=requested_by', @{ $staff->{as} }, headers => { Accept => 'text/csv' })->body;
    unlike $table, qr/\Q$other->{id}\E/, '... and as a table';
    is scalar @{ $erp->get('/api/due-requests', @{ $manager->{as} })->json }, 5, 'a manager sees the branch\'s';
    is_problem($erp->get("/api/due-requests/$far->{id}", @{ $manager->{as} }), 404, 'not_found', '... and no other');
    is_problem(ask(wanted(branch_id => $branch{south}), @{ $staff->{as} }), 403, 'forbidden', 'nobody asks for another branch');
    is(decide($_->{id}, 'reject')->status, 200, 'rejected') for $hers, $far;
};

subtest 'refusals change nothing' => sub {
    my $gone = made('/api/products', { name => 'Gone', price => 1 })->{id};
    my $before = state();
    my @item = (product_id => $lamp, quantity => 2, price => 20);
    for my $bad (
        [{ customer_name => undef }, 'customer_name', 'nobody'], [{ customer_name => '  ' }, 'customer_name', 'a blank'], [{ items => [] }, 'items', 'an empty cart'],
        [{ items => undef }, 'items', 'no cart'], [{ items => [{ @item, product_id => 'none' }] }, 'items[0].product_id', 'no such product'],
        [{ items => [{ @item, product_id => $gone }] }, 'items[0].product_id', 'a product that the branch does not have'],
        [{ items => [{ @item, quantity => 0 }] }, 'items[0].quantity', 'none of it'], [{ items => [{ @item, price => -1 }] }, 'items[0].price', 'a price below 0'],
        [{ items => [{ @item, discount => 41 }] }, 'items[0].discount', 'a discount over the price'],
        [{ total_amount => 41, due_amount => 31 }, 'total_amount', 'another total'], [{ due_amount => 29 }, 'due_amount', 'another due'],
        [{ discount => 5 }, 'total_amount', 'a discount that the total does not have'], [{ discount => 50 }, 'discount', 'a discount over the subtotal'],
        [{ tax => 1 }, 'total_amount', 'a tax that the total does not have'], [{ paid_amount => 50, due_amount => 1 }, 'paid_amount', 'more paid than it costs'],
        [{ paid_amount => 40, due_amount => 0 }, 'due_amount', 'nothing due'], [{ paid_amount => -1 }, 'paid_amount', 'less than nothing paid'],
        [{ customer_id => 'none' }, 'customer_id', 'no such customer'], [{ notes => 'x' x 1001 }, 'notes', 'a novel'], [{ total_amount => 40.001 }, 'total_amount', 'a third decimal'],
    ) {
        my $r = ask(wanted(branch_id => $branch{north}, %{ $bad->[0] }));
        is_problem($r, 422, 'validation', $bad->[2]);
        is $r->json->{errors}[0]{field}, $bad->[1], "... at $bad->[1]";
    }
    is_problem(ask(wanted(branch_id => 'none')), 422, 'validation', 'no such branch');
    is_problem(ask(wanted(items => [({ @item }) x 501])), 422, 'validation', '501 items');
    is_deeply state(), $before, 'and nothing has changed';
};

subtest 'what it comes to' => sub {
    my $r = ask(wanted(discount => 4, tax => 1.5, total_amount => 37.5, paid_amount => 0, due_amount => 37.5, items => [{ product_id => $lamp, product_name => 'Lamp', quantity => 2, price => 20 }]));
    is $r->status, 200, 'discount and tax are part of it' or diag $r->brief;
    is_deeply [@{ $r->json }{qw(discount tax branch_id)}], [4, 1.5, undef], '... and kept';
    my $sale = $erp->get('/api/sales/' . decide($r->json->{id}, 'approve')->json->{sale_id}, @as)->json;
    is_deeply [@$sale{qw(subtotal discount tax total amount_paid balance_due branch_id)}], [40, 4, 1.5, 37.5, 0, 37.5, undef], 'the sale has them';
    is $erp->get("/api/products/$lamp", @as)->json->{stock}, 3, 'without a branch the product\'s own stock is sold';
    $r = ask(wanted(total_amount => 30, paid_amount => 10, due_amount => 20, items => [{ product_id => $lamp, quantity => 2, price => 15 }]), @{ $staff->{as} });
    is $r->status, 200, 'staff may ask for another price' or diag $r->brief;
    is $r->json->{items}[0]{product_name}, 'Lamp', 'an item without a name has the product\'s';
    $sale = $erp->get('/api/sales/' . decide($r->json->{id}, 'approve')->json->{sale_id}, @as)->json;
    is_deeply [@{ $sale->{items}[0] }{qw(price list_price price_set_by)}], [15, 20, $shop->{email}], '... which is the administrator\'s when it is approved';
    my $id = ask(wanted(), @{ $staff->{as} })->json->{id};
    is $erp->put('/api/settings', { tax_rate => 10 }, @as)->status, 200, 'there is a tax now';
    my $before = state();
    is_problem(decide($id, 'approve'), 409, 'conflict', 'the cart comes to something else');
    is_deeply state(), $before, 'and nothing has changed';
    is $erp->put('/api/settings', { tax_rate => 0 }, @as)->status, 200, 'there is none any more';
    is(decide($id, 'approve', {})->status, 200, 'approved');
};

subtest 'not enough on the shelf' => sub {
    my $left = stock($branch{north});
    my $many = $left + 1;
    my $id = ask(wanted(total_amount => 20 * $many, paid_amount => 0, due_amount => 20 * $many, items => [{ product_id => $lamp, quantity => $many, price => 20 }]), @{ $staff->{as} })->json->{id};
    my $before = state();
    my $r = decide($id, 'approve');
    is_problem($r, 409, 'insufficient_stock', 'refused');
    like $r->json->{detail}, qr/Lamp.*Available: $left, Requested: $many/, '... by name and number';
    is_deeply state(), $before, 'and nothing has changed';
    is $erp->get("/api/due-requests/$id", @as)->json->{status}, 'pending', 'it still waits';
};

subtest 'many at once' => sub {
    my $had = stock($branch{south});
    my $id = ask(wanted(), @{ $south->{as} })->json->{id};
    is_deeply statuses_at_once(8, sub { decide($id, 'approve') }), { 200 => 1, 409 => 7 }, 'eight approve the same';
    my $number = $erp->get("/api/due-requests/$id", @as)->json->{request_number};
    is scalar(() = all('sales', { reference => "Due Request: $number" })), 1, 'one sale';
    is stock($branch{south}), $had - 2, '... of its stock';
    my $both = ask(wanted(), @{ $south->{as} })->json->{id};
    is_deeply statuses_at_once(8, sub { decide($both, $_[0] % 2 ? 'approve' : 'reject') }), { 200 => 1, 409 => 7 }, 'approved and rejected at once';
    my $now = $erp->get("/api/due-requests/$both", @as)->json;
    is stock($branch{south}), $had - 2 - ($now->{status} eq 'approved' ? 2 : 0), 'what it says is so';
    is_deeply statuses_at_once(8, sub { ask(wanted(), @{ $south->{as} }) }), { 200 => 8 }, 'eight ask';
    my @numbers = sort map { $_->{request_number} } all('due_requests', {});
    is_deeply \@numbers, [map { sprintf 'DUE-%06d', $_ } 1 .. @numbers], 'their numbers: each once, no gap';
    my $key = { 'Idempotency-Key' => 'once' };
    my @same = map { $erp->post('/api/due-requests', wanted(), @as, headers => $key)->json } 1, 2;
    is $same[0]{id}, $same[1]{id}, 'sent again with its key it is one';
};

subtest 'those of an earlier system' => sub {
    my %old = (tenant_id => $shop->{tenant_id}, customer_name => 'Old', total_amount => 20.0, paid_amount => 0, due_amount => 20.0, status => 'pending',
        request_number => 'DUE-009000', requested_by => $staff->{id}, branch_id => $branch{south}, created_at => '2024-01-01T00:00:00', updated_at => '2024-01-01T00:00:00');
    $erp->mongo_insert($shop->{db_name}, 'due_requests', { %old, id => 'old-1', items => [{ product_id => $lamp, name => 'Lamp', quantity => 1, price => 20.0 }] },
        { %old, id => 'old-2', request_number => 'DUE-009001', items => [] }, { %old, id => 'old-3', request_number => 'DUE-009002', items => [{ product_id => $lamp, quantity => -1, price => 20.0 }] });
    is(decide('old-1', 'approve')->status, 200, 'what is sound is sold');
    is_problem(decide($_, 'approve'), 409, 'illegal_transition', "$_ cannot be") for qw(old-2 old-3);
    is(decide($_, 'reject')->status, 200, '... but be rejected') for qw(old-2 old-3);
};

done_testing;
