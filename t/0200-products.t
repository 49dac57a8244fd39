# Products, the first descriptor: every operation, paging, sorting, searching, and what is refused.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Erp::Test;

my $erp = Erp::Test->start(workers => 2, login_workers => 1);
my $t = $erp->seed_tenant(slug => 'goods', business_type => 'grocery');
my @as = (token => $erp->login($t->{email}, $t->{password})->{access_token});

sub post { return $erp->post('/api/products', $_[0], @as) }

# --- create and read
my $r = post({ name => 'Miniket rice 5 kg', price => 12.5, sku => 'RICE-5' });
is($r->status, 200, 'a product is made') or diag $r->body;
my $rice = $r->json;
like($rice->{id}, qr/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/, 'id: UUID v7');
is($rice->{tenant_id}, $t->{tenant_id}, 'tenant_id');
like($rice->{created_at}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'created_at: RFC 3339 with milliseconds');
is($rice->{stock}, 0, 'stock begins at its default');
is($rice->{include_warranty_terms}, JSON::PP::false, 'a default of false');
ok(exists $rice->{category_id}, 'absent fields are shown as null');
ok(!grep({ /^_/ } keys %$rice), 'nothing internal is shown');
like($r->body, qr/"price":12\.50,/, 'money has the currency\'s decimals');
is($r->header('location'), "/api/products/$rice->{id}", 'Location');
my $etag = $r->header('etag');
ok($etag, 'ETag');
$r = $erp->get("/api/products/$rice->{id}", @as);
is_deeply($r->json, $rice, 'read back the same');
is($r->header('etag'), $etag, 'the same entity tag');
$r = $erp->get("/api/products/$rice->{id}", @as, headers => { 'If-None-Match' => $etag });
is($r->status, 304, 'not modified');
is($r->body, '', 'without a body');

# --- unknown and read-only members
$r = post({ name => 'Salt', price => 1, id => 'mine', tenant_id => 'theirs', is_admin => 1 });
is($r->status, 200, 'whole records may be sent back');
is_deeply([ sort split /, /, $r->header('x-ignored-fields') // '' ], [qw(id is_admin tenant_id)],
          'what was ignored is named');
isnt($r->json->{id}, 'mine', 'the id is ours');
is($r->json->{tenant_id}, $t->{tenant_id}, 'the tenant is ours');
my $salt = $r->json;
$r = $erp->post('/api/products', { name => 'x', price => 1, is_admin => 1 }, @as,
                headers => { Prefer => 'handling=strict' });
is($r->status, 422, 'strict: refused');
is($r->json->{errors}[0]{field}, 'is_admin', 'strict: named');

# --- refusals name every field and store nothing
my $before = scalar @{ $erp->get('/api/products', @as)->json };
$r = post({ price => 1.005, stock => 'many', expiry_date => '2026-02-30', imei => 5 });
is_problem($r, 422, 'validation', 'a bad body');
is_deeply([ sort map { $_->{field} } @{ $r->json->{errors} } ], [qw(expiry_date imei name price stock)],
          'every fault is reported at once');
$r = post({ name => 'Rice again', price => 1, sku => 'RICE-5' });
is_problem($r, 409, 'duplicate', 'the SKU is taken');
like($r->json->{detail}, qr/sku/, 'the field is named');
is_problem(post({ name => 'x', price => 1, '$where' => '1' }), 422, 'validation', 'an operator as a name');
is_problem(post({ name => { '$gt' => '' }, price => 1 }), 422, 'validation', 'an operator as a value');
is(scalar @{ $erp->get('/api/products', @as)->json }, $before, 'nothing was stored');

# --- replace, patch, delete
$r = $erp->put("/api/products/$rice->{id}", { name => 'Rice', price => 13 }, @as);
is($r->status, 200, 'replaced') or diag $r->body;
is($r->json->{sku}, undef, 'what is left out goes back to its default');
isnt($r->header('etag'), $etag, 'the entity tag changed');
is_problem($erp->put("/api/products/$rice->{id}", { name => 'Late', price => 13 }, @as,
           headers => { 'If-Match' => $etag }), 412, 'precondition_failed', 'a stale If-Match');
$r = $erp->patch("/api/products/$rice->{id}", { stock => 7, description => "two\nlines" }, @as,
                 headers => { 'If-Match' => $r->header('etag') });
is($r->status, 200, 'patched') or diag $r->body;
is($r->json->{stock}, 7, 'the new stock');
is($r->json->{name}, 'Rice', 'the rest stays');
$r = $erp->put("/api/products/$rice->{id}", { name => 'Rice', price => 13 }, @as);
is($r->json->{stock}, 7, 'a replacement without stock keeps the stock');
is_problem($erp->patch("/api/products/$rice->{id}", { name => undef }, @as), 422, 'validation',
           'a required field cannot be taken away');
is($erp->delete("/api/products/$rice->{id}", @as)->status, 200, 'deleted');
is_problem($erp->get("/api/products/$rice->{id}", @as), 404, 'not_found', 'gone');
is_problem($erp->delete("/api/products/$rice->{id}", @as), 404, 'not_found', 'not twice');
is_problem($erp->patch("/api/products/$rice->{id}", { stock => 1 }, @as), 404, 'not_found', 'no patch');

# --- references
$r = $erp->post('/api/categories', { name => 'Spices' }, @as);
my $cat = $r->json->{id};
is(post({ name => 'Turmeric', price => 3, category_id => $cat })->status, 200, 'a reference');
$r = post({ name => 'Cumin', price => 3, category_id => '00000000-0000-7000-8000-000000000000' });
is_problem($r, 422, 'validation', 'a reference to nothing');
is($r->json->{errors}[0]{field}, 'category_id', 'names the field');

# --- lists: 60 numbered products
for my $i (1 .. 60) {
    post({ name => sprintf('Tea %02d', $i), price => $i, stock => $i % 10, brand => $i % 2 ? 'Ispahani' : 'Finlay' });
}
my (@seen, $path, $pages);
for ($path = '/api/products?limit=7&sort=-price&price.gte=1&price.lte=60&q=tea'; $path; ) {
    $r = $erp->get($path, @as);
    is($r->status, 200, 'a page') or last;
    push @seen, map { $_->{name} } @{ $r->json };
    $pages++;
    ($path) = ($r->header('link') // '') =~ /^<([^>]+)>; rel="next"$/;
    last if $pages > 12;
}
is_deeply(\@seen, [ map { sprintf 'Tea %02d', $_ } reverse 1 .. 60 ], 'pages: all, once, in order');
# ... also where many have the same value, or none
$erp->mongo($t->{db_name}, doc(update => 'products', updates => [doc(q => { price => { '$gte' => 45 } }, u => { '$unset' => { stock => 1 } }, multi => \1)]));
for my $sort ('stock', '-stock') {
    my ($url, @paged) = "/api/products?limit=7&sort=$sort&fields=stock";
    while ($url && @paged < 200) {
        $r = $erp->get($url, @as);
        push @paged, @{ $r->json };
        ($url) = ($r->header('link') // '') =~ /^<([^>]+)>; rel="next"$/;
    }
    my $whole = $erp->get("/api/products?sort=$sort&fields=stock", @as)->json;
    ok @$whole >= 60 && keys(%{ { map { $_->{id} => 1 } @paged } }) == @paged, "pages of equal ones: each once, by $sort";
    is_deeply \@paged, $whole, '... as in the whole list';
}
$r = $erp->get('/api/products?limit=5&q=tea', @as, headers => { Prefer => 'count=exact' });
is($r->header('x-total-count'), 60, 'X-Total-Count when asked');
is(scalar @{ $r->json }, 5, 'limit');
ok(!$erp->get('/api/products?limit=5', @as)->header('x-total-count'), 'not otherwise');
$r = $erp->get('/api/products?fields=name,price&limit=1', @as);
is_deeply([ sort keys %{ $r->json->[0] } ], [qw(id name price)], 'fields');
is(scalar @{ $erp->get("/api/products?category_id=$cat", @as)->json }, 1, 'a filter');
is(scalar @{ $erp->get('/api/products?q=finl', @as)->json }, 30, 'q: beginnings of words, any case');
is(scalar @{ $erp->get('/api/products?q=TEA%2007', @as)->json }, 1, 'q: every word counts');
is(scalar @{ $erp->get('/api/products?q=.*', @as)->json }, 0, 'q is no pattern');
is(scalar @{ $erp->get('/api/products?q=tea&search=07', @as)->json }, 1, 'q and search: both count');
my ($stocks) = [ map { $_->{stock} } @{ $erp->get('/api/products/low-stock', @as)->json } ];
ok(@$stocks && !grep({ $_ > 5 } @$stocks), 'low stock: five or fewer');
is_deeply($stocks, [ sort { $a <=> $b } @$stocks ], 'low stock: the lowest first');
for my $bad ('limit=0', 'limit=1001', 'limit=x', 'sort=description', 'fields=secret', 'nope=1', 'after=abc',
             'price.gte=x', 'q=' . 'a' x 65, 'q=&search=' . 'a' x 65,
             'limit=1&limit=2', 'sort=', 'category_id=', 'name.gte=a', 'q=%ff') {
    is_problem($erp->get("/api/products?$bad", @as), 400, 'bad_query', "?$bad");
}

# --- a cursor is bound to its list
$r = $erp->get('/api/products?limit=2', @as);
my ($after) = $r->header('link') =~ /after=([^>&]+)/;
is_problem($erp->get("/api/categories?after=$after", @as), 400, 'bad_query', 'a cursor of another list');
is_problem($erp->get("/api/products?sort=price&after=$after", @as), 400, 'bad_query', 'a cursor of another order');

# --- the documented index is there
my $indexes = $erp->mongo($t->{db_name}, doc(listIndexes => 'products'));
ok(grep({ join(',', sort keys %{ $_->{key} }) eq 'branch_id,tenant_id' } @{ $indexes->{cursor}{firstBatch} }),
   'products {tenant_id, branch_id}');

done_testing;
