# Clearing and forwarding: invoices whose totals the server works out, their payment, the summary.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Erp::Case;
use Erp::Say qw(slurp);
use Erp::Test;

my $erp = Erp::Test->start(workers => 2, login_workers => 1);
my $shop = $erp->seed_tenant(slug => 'cnf');
my $other = $erp->seed_tenant(slug => 'cnf-two');
my @as = (token => $erp->login($shop->{email}, $shop->{password})->{access_token});
my @other = (token => $erp->login($other->{email}, $other->{password})->{access_token});
my %path = map { my ($noun, $path) = split /=/; ($noun => "/api/cnf/$path") }
    qw(shipment=shipments job_file=jobs cnf_billing=billing transport=transport);
my %any;

sub made {
    my ($noun, $more, @who) = @_;
    my $body = Erp::Case::fill({ %{ Erp::Case::least($noun) }, %{ $more // {} } },
        sub { $any{ "@who$_[0]" } //= made($_[0], undef, @who)->{id} });
    my $r = $erp->post($path{$noun}, $body, @who);
    die "no $noun: " . $r->brief if $r->status != 200;
    return $r->json;
}

sub summary { return $erp->get('/api/cnf/reports/summary', @{ $_[0] // \@as }) }

my %nothing = map { $_ => 0 } qw(total_shipments active_shipments total_jobs active_jobs total_transports
    active_transports total_revenue pending_payments);
is_deeply summary()->json, \%nothing, 'nothing at first, and no collection needed';

my %charges = (cnf_charges => 100.10, transport_charges => 200.20, documentation_charges => 0.05, port_charges => 10,
    other_charges => 4.65, discount => 15);
my $bill = made('cnf_billing', { %charges, subtotal => 1, total_amount => 1, invoice_number => 'mine' }, @as);

subtest 'totals are the server\'s' => sub {
    is $bill->{subtotal}, 315, 'the subtotal';
    is $bill->{total_amount}, 300, 'the total';
    like $bill->{invoice_number}, qr/^INV-CNF-\d{5}$/, 'the number';
    is $bill->{payment_status}, 'pending', 'waits for its payment';
    my ($stored) = $erp->mongo_all($shop->{db_name}, doc(find => 'cnf_billing', filter => { id => $bill->{id} }));
    is_deeply $stored->{total_amount}, { '$numberDecimal' => '300.00' }, 'stored as a decimal';
    my $r = $erp->post($path{cnf_billing}, { job_file_id => $bill->{job_file_id}, client_name => 'C', %charges, discount => 315.01 }, @as);
    is_problem($r, 422, 'validation', 'a discount over the charges');
};

subtest 'the payment' => sub {
    my $one = made('cnf_billing', \%charges, @as);
    my $url = "$path{cnf_billing}/$one->{id}/payment";
    my $r = $erp->request('PATCH', "$url?payment_status=paid&payment_date=2026-02-03", @as);
    is $r->status, 200, 'in the query' or diag $r->body;
    is_deeply [@{ $r->json }{qw(payment_status payment_date)}], ['paid', '2026-02-03'], 'is noted';
    $r = $erp->request('PATCH', "$url?payment_status=cancelled", @as);
    is_problem($r, 409, 'illegal_transition', 'a paid one is not cancelled');
    like $r->json->{detail}, qr/\bpending\b/, '... and what is allowed is named';
    my $two = made('cnf_billing', \%charges, @as);
    $r = $erp->request('PATCH', "$path{cnf_billing}/$two->{id}/payment", json => { payment_status => 'cancelled' }, @as);
    is $r->json->{payment_status}, 'cancelled', 'in a body';
};

subtest 'the summary' => sub {
    $erp->request('PATCH', "$path{shipment}/" . made('shipment', undef, @as)->{id} . "/status?status=in_transit", @as);
    my $gone = made('shipment', undef, @as)->{id};
    $erp->request('PATCH', "$path{shipment}/$gone/status?status=$_", @as) for qw(in_transit at_port customs_clearance cleared delivered);
    $erp->request('PATCH', "$path{job_file}/" . made('job_file', undef, @as)->{id} . '/status?status=cancelled', @as);
    my $lorry = made('transport', undef, @as)->{id};
    $erp->request('PATCH', "$path{transport}/$lorry/status?status=$_", @as) for qw(in_transit delivered);
    made('transport', undef, @as);
    # Of an earlier system: no states, an amount as a double.
    $erp->mongo_insert($shop->{db_name}, 'cnf_shipments', { id => 'old', tenant_id => $shop->{tenant_id}, shipment_number => 'old' });
    $erp->mongo_insert($shop->{db_name}, 'cnf_billing', { id => 'old', tenant_id => $shop->{tenant_id}, invoice_number => 'old', total_amount => 0.1 });
    made($_, undef, @other) for qw(transport cnf_billing);
    my $r = summary();
    is $r->status, 200, 'is there' or diag $r->body;
    my $sum = $r->json;
    is_deeply [@$sum{qw(total_shipments active_shipments)}], [4, 3], 'shipments';
    is_deeply [@$sum{qw(total_jobs active_jobs)}], [2, 1], 'job files';
    is_deeply [@$sum{qw(total_transports active_transports)}], [2, 1], 'transports';
    is_deeply [@$sum{qw(total_revenue pending_payments)}], [600.1, 300.1], 'money: without the cancelled invoice';
    is_deeply [sort keys %$sum], [sort keys %nothing], 'and nothing else';
    my $id = $r->header('X-Request-Id');
    my ($trips) = map { /request_id=\Q$id\E\b.*? db=(\d+)|db=(\d+).*?request_id=\Q$id\E\b/ ? $1 // $2 : () }
        map { split /\n/, slurp($_) } glob "$erp->{log}/*.log";
    is $trips, 1, 'in one round trip';
    is_deeply [@{ summary(\@other)->json }{qw(total_shipments total_jobs total_transports)}], [1, 1, 1], 'another business sees its own';
};

subtest 'who' => sub {
    my $branch = $erp->post('/api/branches', { name => 'B', address => 'x', contact_phone => '1' }, @as)->json->{id};
    for my $case (['cashier', 403], ['staff', 200]) {
        my ($role, $status) = @$case;
        $erp->seed_user(email => "$role\@cnf.example", password => 'cnf-password', role => $role,
            tenant_id => $shop->{tenant_id}, user => { tenant_slug => 'cnf', branch_id => $branch });
        my $token = $erp->login("$role\@cnf.example", 'cnf-password')->{access_token};
        is summary([token => $token])->status, $status, $role;
    }
};

done_testing;
