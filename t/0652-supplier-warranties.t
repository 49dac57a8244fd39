# What a supplier answers for: of a purchase, for calendar months, claimed once, and named by the
# warranties of what was sold on.
use Erp::Test;

my $erp = Erp::Test->start(workers => 3, login_workers => 1);
my $shop = $erp->seed_tenant(slug => 'backed');
my @as = (token => $erp->login($shop->{email}, $shop->{password})->{access_token});

sub made {
    my ($path, $body) = @_;
    my $r = $erp->post($path, $body, @as);
    is $r->status, 200, "POST $path" or diag $r->brief;
    return $r->json;
}
my $supplier = made('/api/suppliers', { name => 'Maker', contact_person => 'A', phone => '01711-000000' })->{id};
my $phone = made('/api/products', { name => 'Phone', price => 100, stock => 20, warranty_months => 12 });
my $radio = made('/api/products', { name => 'Radio', price => 30, stock => 20, warranty_months => 6 });
sub bought { my ($date, @ids) = @_; return made('/api/purchases', { supplier_id => $supplier, total_amount => 10, date => $date, items => [map { { product_id => $_, quantity => 1, price => 5, warranty_serial => 'S-' . substr $_, -4 } } @ids] }) }
sub back { my ($purchase, $body) = @_; return $erp->post("/api/purchases/$purchase->{id}/supplier-warranties", $body, @as) }

my $one = bought('2024-01-31', $phone->{id});
my $r = back($one, { warranty_months => 1, terms => 'Carry in' });
is $r->status, 200, 'one is noted' or diag $r->brief;
my $w = $r->json;
like $w->{code}, qr/^SW-2024-0000001$/, 'its number has the year in which it begins';
is_deeply [@$w{qw(purchase_id purchase_number supplier_id supplier_name product_id product_name serial_number warranty_months terms)}],
    [$one->{id}, $one->{purchase_number}, $supplier, 'Maker', $phone->{id}, 'Phone', 'S-' . substr($phone->{id}, -4), 1, 'Carry in'], 'of what, and whose';
is_deeply [@$w{qw(start_date expiry_date status)}], ['2024-01-30T18:00:00.000Z', '2024-02-28T18:00:00.000Z', 'expired'],
    'with the purchase, for a calendar month: from 31 January to 29 February where the business is';
is $r->header('location'), "/api/supplier-warranties/$w->{id}", 'Location';
is_deeply $erp->get("/api/supplier-warranties/$w->{id}", @as)->json, $w, 'it is read as it was answered';
my $second = back($one, { start_date => '2026-11-01', serial_number => 'X-1' })->json;
is_deeply [@$second{qw(start_date warranty_months expiry_date serial_number)}], ['2026-10-31T18:00:00.000Z', 12, '2027-10-31T18:00:00.000Z', 'X-1'], 'a day of its own, twelve months by default';
is_deeply [map { $_->{id} } @{ $erp->get("/api/purchases/$one->{id}/supplier-warranties", @as)->json }], [$w->{id}, $second->{id}], 'listed by the purchase';
is_deeply $erp->get("/api/purchases/$one->{id}", @as)->json->{supplier_warranty_refs}, [$w->{id}, $second->{id}], 'which names them';
is_deeply $erp->get('/api/supplier-warranties', @as)->json, [$w, $second], 'the plain list shows them alike';
for my $status (qw(active expired)) {
    is_deeply $erp->get("/api/supplier-warranties?status=$status", @as)->json, [grep { $_->{status} eq $status } $w, $second], "... those that are $status, by the clock";
}
my @log = $erp->mongo_all("$shop->{db_name}_audit", doc(find => 'audit_log', filter => { action => 'add_supplier_warranty' }));
is scalar @log, 2, 'with audit entries';

my $two = bought('2026-11-01', $phone->{id}, $radio->{id});
for my $case ([product_id => {}], [product_id => { product_id => 'none' }], [warranty_months => { product_id => $radio->{id}, warranty_months => 0 }], [warranty_months => { product_id => $radio->{id}, warranty_months => 1201 }],
    [start_date => { product_id => $radio->{id}, start_date => '2026-02-30' }]) {
    my $got = back($two, $case->[1]);
    is_problem $got, 422, 'validation', "refused: $case->[0]";
    is $got->json->{errors}[0]{field}, $case->[0], '... is named';
}
is_deeply $erp->get("/api/purchases/$two->{id}/supplier-warranties", @as)->json, [], 'nothing of that is stored';
is_problem back({ id => 'none' }, {}), 404, 'not_found', 'no such purchase';
is_problem $erp->get('/api/purchases/none/supplier-warranties', @as), 404, 'not_found', '... to list';
my $third = back($two, { product_id => $radio->{id} })->json;

# --- claimed of the supplier
my $path = "/api/supplier-warranties/$w->{id}/file-claim";
$r = $erp->post($path, { claim_details => { issue => 'dead', count => 2 }, notes => 'sent' }, @as);
is $r->status, 200, 'claimed, late as it is' or diag $r->brief;
is_deeply [@{ $r->json }{qw(status claim_details claim_notes claim_filed_by)}], ['claim_filed', { issue => 'dead', count => 2 }, 'sent', $shop->{email}], 'with what was said';
like $r->json->{claim_filed_at}, qr/^\d{4}-/, '... and when';
my $again = $erp->post($path, undef, @as);
is_problem $again, 409, 'illegal_transition', 'once';
like $again->json->{detail}, qr/claim_filed cannot become claim_filed/, '... and says why';
is $erp->post("/api/supplier-warranties/$second->{id}/file-claim", undef, @as)->json->{status}, 'claim_filed', 'without a word';
is_problem $erp->post('/api/supplier-warranties/none/file-claim', {}, @as), 404, 'not_found', 'none';

# --- behind a warranty of ours
my $sale = made('/api/sales', { items => [{ product_id => $phone->{id}, quantity => 1, price => 100 }] });
my ($ours) = @{ $erp->get("/api/sales/$sale->{id}/invoice", @as)->json->{warranties} };
my $link = "/api/warranty/$ours->{id}/link-supplier";
$r = $erp->post("$link?supplier_warranty_id=$second->{id}", undef, @as);
is $r->status, 200, 'linked' or diag $r->brief;
is $r->json->{supplier_warranty_id}, $second->{id}, '... and shown';
is_deeply [map { $_->{event_type} } @{ $erp->get("/api/warranty/$ours->{id}", @as)->json->{events} }], ['supplier_action_recorded'], '... with an event';
for my $bad ("?supplier_warranty_id=$third->{id}", '?supplier_warranty_id=none', '') {
    $r = $erp->post("$link$bad", undef, @as);
    is_problem $r, 422, 'validation', "refused: '$bad'";
    is $r->json->{errors}[0]{field}, 'supplier_warranty_id', '... is named';
}

my $other = $erp->seed_tenant(slug => 'else');
my @there = (token => $erp->login($other->{email}, $other->{password})->{access_token});
is $erp->get("/api/supplier-warranties/$w->{id}", @there)->status, 404, 'nothing for another business';
is $erp->get("/api/purchases/$one->{id}/supplier-warranties", @there)->status, 404, '... of the purchase';
is_deeply $erp->get('/api/supplier-warranties', @there)->json, [], '... in the list';

done_testing;
