# Sales at the till: what is stored and shown, what is refused and why, and that a refusal changes
# nothing at all.
use Erp::Test;
use Erp::Json qw(from_json);

my $erp = Erp::Test->start(workers => 2, login_workers => 1);
my $shop = $erp->seed_tenant(slug => 'till');
my @as = (token => $erp->login($shop->{email}, $shop->{password})->{access_token});

sub made {
    my ($path, $body, @who) = @_;
    my $r = $erp->post($path, $body, @who ? @who : @as);
    is $r->status, 200, "POST $path" or diag $r->brief;
    return $r->json;
}
sub user {
    my ($role, $branch) = @_;
    my $email = "$role-" . ($branch ? substr $branch, -6 : 'all') . '@till.example';
    $erp->seed_user(email => $email, password => 'till-password', role => $role, tenant_id => $shop->{tenant_id},
        user => { tenant_slug => 'till', $branch ? (branch_id => $branch) : () });
    return (token => $erp->login($email, 'till-password')->{access_token});
}
sub sell { my ($body, @who) = @_; return $erp->post('/api/sales', $body, @who ? @who : @as) }
sub stock { return $erp->get("/api/products/$_[0]", @as)->json->{stock} }
sub one { my ($collection, $filter) = @_; my @all = $erp->mongo_all($shop->{db_name}, doc(find => $collection, filter => $filter)); return wantarray ? @all : $all[0] }

# How many documents there are in everything that a sale touches.
sub counts {
    my %n = map { $_ => $erp->mongo($shop->{db_name}, doc(count => $_))->{n} }
        qw(sales payments customer_dues customers stock_ledger notifications);
    $n{audit} = $erp->mongo("$shop->{db_name}_audit", doc(count => 'audit_log', query => { kind => 'data' }))->{n};
    $n{numbers} = join ' ', map { join '/', @$_{qw(sale_number invoice_no)} } one('counters', { _id => { '$regex' => 'sales' } });
    $n{stock} = join ' ', map { $_->{stock} } one('products', {});
    return \%n;
}

my %id;
$id{rice} = made('/api/products', { name => 'Rice', sku => 'R-5', price => 12.5, stock => 20 })->{id};
$id{oil} = made('/api/products', { name => 'Oil', price => 3.99, stock => 6 })->{id};
my $line = { product_id => $id{rice}, quantity => 2, price => 12.5 };

subtest 'a plain sale' => sub {
    my $r = sell({ items => [{ %$line, unit_cost => 10, serial_number => 'S1', custom_description => 'sack' }], discount => 1, tax => 0.5 });
    is $r->status, 200, 'made' or diag $r->brief;
    my $s = $r->json;
    is $s->{sale_number}, 'SALE-000001', 'the first number';
    is $s->{invoice_no}, 'INV-000001', 'of both series';
    is_deeply [@$s{qw(subtotal discount tax total amount_paid balance_due)}], [25, 1, 0.5, 24.5, 24.5, 0], 'the amounts';
    is_deeply [@$s{qw(status payment_status payment_method created_by branch_id customer_id)}],
        ['completed', 'paid', 'cash', $shop->{email}, undef, undef], 'paid, in cash';
    my $i = $s->{items}[0];
    is_deeply [@$i{qw(product_id quantity price unit_cost serial_number custom_description product_name product_sku)}],
        [$id{rice}, 2, 12.5, 10, 'S1', 'sack', 'Rice', 'R-5'], 'the item as it was sent, with names';
    is $i->{total}, 24.5, '... and what it comes to';
    like $r->header('location'), qr{^/api/sales/\Q$s->{id}\E$}, 'Location';
    is stock($id{rice}), 18, 'the stock is less';
    my ($row) = grep { $_->{kind} eq 'sale' } @{ $erp->get("/api/stock-ledger?product_id=$id{rice}", @as)->json };
    is_deeply [@$row{qw(delta before after document_id document_number)}], [-2, 20, 18, $s->{id}, 'SALE-000001'], '... and the ledger knows why';
    my $p = $erp->get("/api/payments?sale_id=$s->{id}", @as)->json;
    is_deeply [map { [@$_{qw(amount method)}] } @$p], [[24.5, 'cash']], 'one payment';
    is scalar(one('customer_dues', {})), undef, 'nothing due';
    is_deeply $erp->get("/api/sales/$s->{id}", @as)->json, $s, 'it is read as it was answered';
    my $listed = $erp->get('/api/sales', @as)->json;
    is_deeply [map { [@$_{qw(product_name product_sku)}] } @{ $listed->[0]{items} }], [['Rice', 'R-5']], 'the list shows names and codes';
    my ($audit) = $erp->mongo_all("$shop->{db_name}_audit", doc(find => 'audit_log', filter => { collection => 'sales' }));
    is_deeply [@$audit{qw(action record_id actor_email)}], ['create', $s->{id}, $shop->{email}], 'an audit entry';
};

subtest 'discounts and taxes' => sub {
    my $s = sell({ items => [
        { %$line, discount_percent => 10 }, { product_id => $id{oil}, quantity => 1, price => 3.99, discount => 0.99 } ],
        discount_percent => 5 })->json;
    is_deeply [@$s{qw(subtotal discount tax total)}], [28.99, 4.77, 0, 24.22], 'a percentage of a line, an amount of another, a percentage of all';
    my ($sum, $cents) = (0, 0);
    $cents += sprintf '%.0f', 100 * $_->{total} for @{ $s->{items} };
    is $cents, 2422, 'the lines are the total';
    is($erp->put('/api/settings', { tax_rate => 7.5 }, @as)->status, 200, 'a tax rate');
    $s = sell({ items => [$line] })->json;
    is_deeply [@$s{qw(subtotal tax tax_included total)}], [25, 1.88, 0, 26.88], 'added, half a cent up';
    $s = sell({ items => [$line], tax => 1.88 })->json;
    is $s->{tax}, 1.88, 'the same said by the client';
    my $r = sell({ items => [$line], tax => 1.87 });
    is_problem($r, 422, 'validation', 'another tax');
    is $r->json->{errors}[0]{field}, 'tax', '... is named';
    is($erp->patch('/api/settings', { tax_rate => 15, prices_include_tax => \1 }, @as)->status, 200, 'prices that include it');
    $s = sell({ items => [{ product_id => $id{oil}, quantity => 2, price => 3.99 }] })->json;
    is_deeply [@$s{qw(subtotal tax tax_included total)}], [7.98, 0, 1.04, 7.98], 'found in them';
    is($erp->patch("/api/products/$id{oil}", { tax_rate => 0 }, @as)->status, 200, 'a product without tax');
    is(sell({ items => [{ product_id => $id{oil}, quantity => 1, price => 3.99 }] })->json->{tax_included}, 0, '... has none');
    is($erp->patch('/api/settings', { tax_rate => 0, prices_include_tax => \0 }, @as)->status, 200, 'as before');
    is($erp->patch("/api/products/$id{oil}", { tax_rate => undef, stock => 6 }, @as)->status, 200, 'the product too');
    is($erp->patch("/api/products/$id{rice}", { stock => 20 }, @as)->status, 200, 'and the shelf');
};

subtest 'customers and what is due' => sub {
    my %who = (customer_name => 'Karim', customer_phone => '01711-222333', customer_address => 'Dhaka');
    my $s = sell({ items => [$line], %who, paid_amount => 10, payment_method => 'bKash', reference => 'T1' })->json;
    is_deeply [@$s{qw(payment_status amount_paid balance_due payment_method)}], ['partially_paid', 10, 15, 'bkash'], 'paid in part';
    my $c = $erp->get("/api/customers/$s->{customer_id}", @as)->json;
    is_deeply [@$c{qw(name phone address total_purchases due_amount)}], ['Karim', '01711-222333', 'Dhaka', 25, 15], 'a new customer';
    my $dues = $erp->get('/api/customer-dues', @as)->json;
    is_deeply [map { [@$_{qw(customer_name sale_id sale_number total_amount paid_amount due_amount)}] } @$dues],
        [['Karim', $s->{id}, $s->{sale_number}, 25, 10, 15]], 'a due';
    is_deeply $erp->get("/api/customer-dues/$dues->[0]{id}", @as)->json, $dues->[0], '... to be read';
    my $told = one('notifications', { type => 'unpaid_invoice', sale_id => $s->{id} });
    is $told->{message}, "Invoice $s->{invoice_no} has outstanding balance: \x{9f3}15.00", 'people are told';
    ok $told->{is_sticky}, '... until it is done';
    my $again = sell({ items => [$line], customer_name => 'K. Rahman', customer_phone => '01711-222333', paid_amount => 0 })->json;
    is $again->{customer_id}, $s->{customer_id}, 'found by phone';
    is $again->{payment_status}, 'unpaid', 'nothing paid';
    is scalar @{ $erp->get("/api/payments?sale_id=$again->{id}", @as)->json }, 0, '... and no payment';
    my $named = sell({ items => [$line], customer_name => 'Karim', customer_address => 'Uttara' })->json;
    is $named->{customer_id}, $s->{customer_id}, 'found by name';
    $c = $erp->get("/api/customers/$s->{customer_id}", @as)->json;
    is_deeply [@$c{qw(name address total_purchases due_amount)}], ['Karim', 'Uttara', 75, 40], 'with what was bought and is owed';
    is(sell({ items => [$line], customer_name => 'Passer-by' })->json->{customer_id}, undef, 'a name alone makes no customer');
    my $byid = sell({ items => [$line], customer_id => $s->{customer_id} })->json;
    is_deeply [@$byid{qw(customer_id customer_name)}], [$s->{customer_id}, 'Karim'], 'by id';
    is scalar(my @all = one('customers', {})), 1, 'one customer in all';
};

subtest 'split tenders' => sub {
    my $s = sell({ items => [$line], payments => [{ method => 'cash', amount => 5 }, { method => 'CARD', amount => 20 }] })->json;
    is_deeply [@$s{qw(payment_status payment_method amount_paid)}], ['paid', 'split', 25], 'paid by both';
    is_deeply [map { "$_->{method} $_->{amount}" } @{ $erp->get("/api/sales/$s->{id}/invoice", @as)->json->{payments} }],
        ['cash 5', 'card 20'], 'two payments';
    $s = sell({ items => [$line], payments => [{ method => 'nagad', amount => 7.5 }] })->json;
    is_deeply [@$s{qw(payment_status payment_method balance_due)}], ['partially_paid', 'nagad', 17.5], 'one, in part';
};

subtest 'warranty terms' => sub {
    my $tv = made('/api/products', { name => 'TV', price => 100, stock => 9, include_warranty_terms => \1, warranty_terms => 'One year' })->{id};
    my $s = sell({ items => [$line, { product_id => $tv, quantity => 1, price => 100 }] })->json;
    is_deeply [@$s{qw(include_warranty_terms warranty_terms)}], [JSON::PP::true(), 'One year'], 'of the first product that has any';
    $s = sell({ items => [{ product_id => $tv, quantity => 1, price => 100 }], warranty_terms => 'Two years' })->json;
    is_deeply [@$s{qw(include_warranty_terms warranty_terms)}], [JSON::PP::false(), 'Two years'], 'those that are said';
};

my $before;

sub refused {
    my ($body, $status, $code, $field, $name, @who) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $r = sell($body, @who);
    is_problem($r, $status, $code, $name);
    is $r->json->{errors}[0]{field}, $field, "... at $field" if defined $field;
    is_deeply counts(), $before, '... and nothing has changed';
    return $r->json;
}

subtest 'refusals' => sub {
    $before = counts();
    refused({ items => [] }, 422, 'validation', 'items', 'an empty cart');
    refused({}, 422, 'validation', 'items', 'no cart');
    refused({ items => [{ %$line, product_id => 'none' }] }, 422, 'validation', 'items[0].product_id', 'an unknown product');
    refused({ items => [$line, { %$line, quantity => 0 }] }, 422, 'validation', 'items[1].quantity', 'a quantity below 1');
    refused({ items => [{ %$line, quantity => 1.5 }] }, 422, 'validation', 'items[0].quantity', 'half a piece');
    refused({ items => [{ %$line, price => -1 }] }, 422, 'validation', 'items[0].price', 'a negative price');
    refused({ items => [{ %$line, price => 1.005 }] }, 422, 'validation', 'items[0].price', 'a third decimal');
    refused({ items => [$line], discount => 25.01 }, 422, 'validation', 'discount', 'a discount over the subtotal');
    refused({ items => [{ %$line, discount => 25.01 }] }, 422, 'validation', 'items[0].discount', '... of a line');
    refused({ items => [$line], discount => 1, discount_percent => 1 }, 422, 'validation', 'discount_percent', 'both kinds of a discount');
    refused({ items => [$line], discount_percent => 101 }, 422, 'validation', 'discount_percent', 'more than all of it');
    refused({ items => [$line], paid_amount => -1 }, 422, 'validation', 'paid_amount', 'paid below 0');
    refused({ items => [$line], paid_amount => 25.01 }, 422, 'validation', 'paid_amount', 'paid over the total');
    refused({ items => [$line], tax => -1 }, 422, 'validation', 'tax', 'a negative tax');
    refused({ items => [$line], payment_method => 'gold' }, 422, 'validation', 'payment_method', 'an unknown method');
    refused({ items => [$line], payments => [{ method => 'gold', amount => 1 }] }, 422, 'validation', 'payments[0].method', '... among several');
    refused({ items => [$line], payments => [{ method => 'cash', amount => 26 }] }, 422, 'validation', 'payments', 'several over the total');
    refused({ items => [$line], payments => [{ method => 'cash', amount => 5 }], paid_amount => 6 }, 422, 'validation', 'paid_amount', 'a sum that is none');
    refused({ items => [$line], customer_id => 'none' }, 422, 'validation', 'customer_id', 'an unknown customer');
    refused({ items => [$line], branch_id => 'none' }, 422, 'validation', 'items[0].product_id', 'a branch that does not sell it');
    refused({ items => [{ %$line, quantity => 1000000, price => 9999999999 }] }, 422, 'validation', 'items', 'more than money can be');
    my $r = refused({ items => [$line, { product_id => $id{oil}, quantity => 4, price => 3.99 }, { product_id => $id{oil}, quantity => 3, price => 3.99 }] },
        409, 'insufficient_stock', undef, 'more than there is, over two lines');
    is $r->{detail}, 'Insufficient stock for Oil. Available: 6, Requested: 7', '... says of what';
    $r = refused({ items => [{ %$line, quantity => 0 }, { %$line, product_id => '' }], discount => 'x' }, 422, 'validation', undef, 'several faults');
    is_deeply [sort map { $_->{field} } @{ $r->{errors} }], ['discount'], '... of the whole first';
};

subtest 'another price needs a manager' => sub {
    my @cashier = user('cashier', undef);
    my $branch = made('/api/branches', { name => 'North', address => 'x', contact_phone => '1' })->{id};
    @cashier = user('cashier', $branch);
    my @manager = user('branch_manager', $branch);
    made('/api/product-branches', { product_id => $id{rice}, branch_id => $branch, stock_quantity => 10, sale_price => 13, purchase_price => 9 });
    $before = counts();
    my $r = refused({ items => [{ %$line, price => 12.5 }] }, 422, 'validation', 'items[0].price', "the product's, where the branch has its own", @cashier);
    like $r->{errors}[0]{detail}, qr/13\.00/, '... which is said';
    my $s = sell({ items => [{ %$line, price => 13 }] }, @cashier)->json;
    is_deeply [@$s{qw(branch_id total)}], [$branch, 26], "the branch's, in the branch";
    is $s->{items}[0]{unit_cost}, 9, '... at its cost';
    ok !exists $s->{items}[0]{list_price}, '... with nothing noted';
    $s = sell({ items => [{ %$line, price => 11 }] }, @manager)->json;
    is_deeply [@{ $s->{items}[0] }{qw(price list_price)}], [11, 13], 'a manager may; it is noted';
    like $s->{items}[0]{price_set_by}, qr/^branch_manager-/, '... with the name';
    my ($there) = @{ $erp->get("/api/product-branches?product_id=$id{rice}", @as)->json };
    is $there->{stock_quantity}, 6, "the branch's stock is less";
    my $other = made('/api/branches', { name => 'South', address => 'x', contact_phone => '1' })->{id};
    is_problem(sell({ items => [{ %$line, price => 13 }], branch_id => $other }, @cashier), 403, 'forbidden', 'not in another branch');
    my $south = made('/api/products', { name => 'South only', price => 1, stock => 5, branch_id => $other })->{id};
    $before = counts();
    refused({ items => [{ product_id => $south, quantity => 1, price => 1 }] }, 422, 'validation', 'items[0].product_id', "another branch's product", @cashier);
    my @south = user('staff', $other);
    is_deeply $erp->get('/api/sales', @south)->json, [], 'its people see none of these sales';
    is_problem($erp->get("/api/sales/$s->{id}/invoice", @south), 404, 'not_found', '... nor their invoices');
    is scalar @{ $erp->get('/api/sales', @cashier)->json }, 2, 'those of the branch do';
    my @activity = one('notifications', { type => 'activity' });
    is scalar(grep { $_->{metadata}{activity_subtype} eq 'pos_sale_created' } @activity), 2, 'the administrator is told of both';
};

subtest 'low stock' => sub {
    is(sell({ items => [{ product_id => $id{oil}, quantity => 1, price => 3.99 }] })->status, 200, 'five are left');
    is(sell({ items => [{ product_id => $id{oil}, quantity => 1, price => 3.99 }] })->status, 200, 'four');
    is scalar(my @told = one('notifications', { type => 'low_stock', reference_id => $id{oil} })), 1, 'told once';
};

subtest 'items and invoice' => sub {
    my $s = sell({ items => [$line, { product_id => $id{oil}, quantity => 1, price => 3.99 }, $line] })->json;
    my $r = $erp->patch("/api/sales/$s->{id}/items", { items => [{ product_id => $id{rice}, serial_number => 'A-1', custom_description => 'one' }] }, @as);
    is $r->status, 200, 'written' or diag $r->brief;
    is_deeply [map { $_->{serial_number} } @{ $r->json->{items} }], ['A-1', undef, 'A-1'], 'on every line of the product';
    is_deeply [map { $_->{total} } @{ $r->json->{items} }], [25, 3.99, 25], '... and nothing else';
    $r = $erp->patch("/api/sales/$s->{id}/items", { items => [{ product_id => 'none' }] }, @as);
    is_problem($r, 422, 'validation', 'a product that was not sold');
    is $r->json->{errors}[0]{field}, 'items[0].product_id', '... is named';
    is_problem($erp->patch('/api/sales/none/items', { items => [{ product_id => $id{rice} }] }, @as), 404, 'not_found', 'no such sale');
    my $invoice = $erp->get("/api/sales/$s->{id}/invoice", @as)->json;
    is $invoice->{sale}{id}, $s->{id}, 'the invoice: the sale';
    is_deeply [map { $_->{amount} } @{ $invoice->{payments} }], [53.99], '... its payments';
    is_deeply $invoice->{warranties}, [], '... its warranties';
};

subtest 'once a key' => sub {
    is($erp->patch("/api/products/$id{rice}", { stock => 20 }, @as)->status, 200, 'the shelf is filled');
    my @key = (headers => { 'Idempotency-Key' => 'sale-1' });
    my $first = sell({ items => [$line] }, @as, @key);
    is $first->status, 200, 'made' or diag $first->brief;
    my $n = counts();
    is(sell({ items => [$line] }, @as, @key)->body, $first->body, 'asked again: the same reply');
    is_deeply counts(), $n, '... and nothing more is done';
};

my ($status, $out) = $erp->erpctl('stock', 'reconcile', 'till', '--json');
is_deeply [$status, from_json($out)->{faults}], [0, 0], 'the ledger adds up';

done_testing;
