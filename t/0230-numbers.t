# Numbers that people see are unique and without gaps, whatever happens between; nobody is booked
# twice for one time; sums and dates are the server's.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Erp::Test;
use Erp::AtOnce qw(at_once patiently);

my $erp = Erp::Test->start(workers => 4, login_workers => 1);
my $shop = $erp->seed_tenant(slug => 'numbers');
my $other = $erp->seed_tenant(slug => 'numbers-two');
my %token = map { $_->{slug} => $erp->login($_->{email}, $_->{password})->{access_token} } $shop, $other;
my @as = (token => $token{numbers});
my %ticket = (customer_name => 'x', customer_phone => '1', device_model => 'x', issue_description => 'x', estimated_cost => 1);

sub post_patiently { my ($path, $body) = @_; return patiently(sub { $erp->post($path, $body, @as) }) }

subtest 'numbers' => sub {
    is($erp->post('/api/repairs', \%ticket, @as)->json->{ticket_number}, 'REP-00001', 'the first');
    is($erp->post('/api/repairs', { %ticket, customer_phone => 'x' }, @as)->status, 422, 'what is refused');
    is($erp->post('/api/repairs', { %ticket, ticket_number => 'REP-00099' }, @as)->json->{ticket_number}, 'REP-00002', '... takes none, nor can one be chosen');
    is($erp->post('/api/repairs', \%ticket, token => $token{'numbers-two'})->json->{ticket_number}, 'REP-00001', 'another business counts for itself');
    my @got = at_once(4, sub {
        map { (post_patiently('/api/repairs', \%ticket)->json || {})->{ticket_number} // 'none' } 1 .. 10;
    });
    is_deeply [sort @got], [map { sprintf 'REP-%05d', $_ } 3 .. 42], 'forty from four at once: each once, no gap';
    my $r = $erp->get('/api/repairs?ticket_number=REP-00007', @as);
    is scalar @{ $r->json }, 1, 'found by its number';
};

subtest 'records of an earlier system' => sub {
    my $old = $erp->seed_tenant(slug => 'numbers-old');
    $erp->mongo_insert($old->{db_name}, 'repairs', { id => "old-$_", tenant_id => $old->{tenant_id}, ticket_number => $_ })
        for qw(REP-00007 REP-99999 REP-100000 REP-draft);
    my $token = $erp->login($old->{email}, $old->{password})->{access_token};
    is($erp->post('/api/repairs', \%ticket, token => $token)->json->{ticket_number}, 'REP-100001', 'are followed');
};

subtest 'appointments' => sub {
    my $service = $erp->post('/api/services', { name => 'Cut', duration_minutes => 30, price => 1 }, @as)->json->{id};
    my %slot = (customer_name => 'x', customer_phone => '1', service_id => $service, appointment_date => '2026-03-01', appointment_time => '10:00');
    my @got = at_once(4, sub { post_patiently('/api/appointments', { %slot, staff_id => 'mina' })->status });
    is join(' ', sort @got), '200 409 409 409', 'of four for one time one gets it';
    my ($mine) = @{ $erp->get('/api/appointments?staff_id=mina', @as)->json };
    is($erp->post('/api/appointments', { %slot, staff_id => 'mina', appointment_time => '10:30' }, @as)->status, 200, 'another time');
    is($erp->post('/api/appointments', { %slot, staff_id => 'rina' }, @as)->status, 200, 'another person');
    is($erp->post('/api/appointments', \%slot, @as)->status, 200, 'nobody') for 1 .. 2;
    is($erp->request('PATCH', "/api/appointments/$mine->{id}/status?status=cancelled", @as)->status, 200, 'cancelled');
    is($erp->post('/api/appointments', { %slot, staff_id => 'mina' }, @as)->status, 200, '... the time is free again');
};

subtest 'sums and dates' => sub {
    my $ship = $erp->post('/api/cnf/shipments', { shipment_number => 'S1', customer_name => 'x', consignee => 'x', origin_country => 'x',
        destination => 'x', shipping_line => 'x', bl_number => 'x', cargo_description => 'x', weight => 1, arrival_date => '2026-01-01' }, @as)->json->{id};
    my $job = $erp->post('/api/cnf/jobs', { job_number => 'J1', shipment_id => $ship, map { $_ => 'x' } qw(client_name importer_name
        exporter_name port_of_loading port_of_discharge commodity) }, @as)->json->{id};
    my $bill = $erp->post('/api/cnf/billing', { job_file_id => $job, client_name => 'x', cnf_charges => 0.1, transport_charges => 0.2,
        documentation_charges => 10, port_charges => 5.05, discount => 0.35, subtotal => 1, total_amount => 1 }, @as);
    is $bill->json->{invoice_number}, 'INV-CNF-00001', 'an invoice has a number';
    like $bill->body, qr/"subtotal":15\.35,/, '... the sum of its charges';
    like $bill->body, qr/"total_amount":15\.00[,}]/, '... less the discount, not what was sent';
    my $product = $erp->post('/api/products', { name => 'x', price => 1 }, @as)->json->{id};
    my %warranty = (product_id => $product, serial_number => 'x', customer_name => 'x', customer_phone => '1');
    for my $case (['2026-01-31', 1, '2026-02-28'], ['2024-01-31', 1, '2024-02-29'], ['2026-12-15', 13, '2028-01-15'], ['2026-08-31', 0, '2026-08-31']) {
        my ($from, $months, $until) = @$case;
        my $r = $erp->post('/api/warranties', { %warranty, purchase_date => $from, warranty_period_months => $months }, @as);
        is $r->json->{expiry_date}, $until, "$months months from $from";
        is($erp->patch("/api/warranties/" . $r->json->{id}, { warranty_period_months => 24 }, @as)->json->{expiry_date},
            ($from =~ s/^(\d+)/$1 + 2/er), '... and 24');
    }
};

done_testing;
