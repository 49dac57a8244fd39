# References: checked when written, kept while somebody refers to them.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Erp::Test;

my $erp = Erp::Test->start(workers => 2, login_workers => 1);
my $shop = $erp->seed_tenant(slug => 'refs');
my @as = (token => $erp->login($shop->{email}, $shop->{password})->{access_token});

sub made {
    my ($path, $body, @who) = @_;
    my $r = $erp->post($path, $body, @who ? @who : @as);
    is $r->status, 200, "POST $path" or diag $r->brief;
    return $r->json;
}

my %branch = map { $_ => made('/api/branches', { name => $_, address => 'x', contact_phone => '1' })->{id} } qw(north south);
my %product = map { $_ => made('/api/products', { name => $_, price => 1, branch_id => $branch{$_} })->{id} } qw(north south);
my $tier = { tier_name => 'Dealer', min_quantity => 1, discount_percentage => 5 };

subtest 'inside the branch' => sub {
    my $user = $erp->seed_user(email => 'north@refs.example', password => 'north-password', role => 'branch_manager',
        tenant_id => $shop->{tenant_id}, user => { tenant_slug => 'refs', branch_id => $branch{north} });
    my @north = (token => $erp->login($user->{email}, 'north-password')->{access_token});
    made('/api/tier-pricing', { %$tier, product_id => $product{north} }, @north);
    my $r = $erp->post('/api/tier-pricing', { %$tier, product_id => $product{south} }, @north);
    is_problem($r, 422, 'validation', 'another branch\'s product');
    is $r->json->{errors}[0]{field}, 'product_id', '... is named';
};

subtest 'still in use' => sub {
    my $supplier = made('/api/suppliers', { name => 'S', contact_person => 'P', phone => '1' })->{id};
    my $order = made('/api/purchase-orders', { supplier_id => $supplier, items => [], total_amount => 0, expected_delivery => '2026-01-01' })->{id};
    my $r = $erp->delete("/api/suppliers/$supplier", @as);
    is_problem($r, 409, 'in_use', 'a supplier with an order stays');
    like $r->json->{detail}, qr/purchase orders/, '... and it is said why';
    is($erp->get("/api/suppliers/$supplier", @as)->status, 200, '... it is there');
    is($erp->delete("/api/purchase-orders/$order", @as)->status, 200, 'without the order');
    is($erp->delete("/api/suppliers/$supplier", @as)->status, 200, '... it goes');
    is_problem($erp->delete("/api/branches/$branch{south}", @as), 409, 'in_use', 'a branch with products stays');
};

done_testing;
