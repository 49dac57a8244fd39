# State machines: each is walked state by state, every legal move
# is made once and every other one is refused with what would be allowed.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Erp::Case;
use Erp::Json qw(from_json);
use Erp::Test;

my $erp = Erp::Test->start(workers => 3, login_workers => 1);
my $shop = $erp->seed_tenant(slug => 'states');
my @as = (token => $erp->login($shop->{email}, $shop->{password})->{access_token});

my (undef, $listing) = $erp->run_program($erp->{erpd}, ['--routes', '--json']);
my @routes = @{ from_json($listing) };
my %path = map { $_->{resource} => $_->{path} } grep { $_->{resource} && $_->{method} eq 'POST' && $_->{path} !~ m{\{|/(?:bulk|import)$} } @routes;
# Transfers of stock, which are not made by plain writing, are walked by 0642.
my %segment = map { $_->{resource} => $_->{path} =~ m{\{id\}/(\w+)$} }
    grep { $_->{resource} && $path{ $_->{resource} } && ($_->{in} // '') =~ /Transition$/ } @routes;

my %any;
sub any_id {
    my ($noun) = @_;
    return $any{$noun} //= made($noun)->{id};
}

sub made {
    my ($noun) = @_;
    my $r = $erp->post($path{$noun}, Erp::Case::fill(Erp::Case::least($noun), \&any_id), @as);
    die "no $noun: " . $r->brief if $r->status != 200;
    return $r->json;
}

sub move {
    my ($noun, $id, $query, %o) = @_;
    return $erp->request('PATCH', "$path{$noun}/$id/$segment{$noun}$query", @as, %o);
}

# noun => [field, argument, { state => [where it may go] }]: what is promised to the frontends.
my %machine = (
    appointment => ['status', 'status', { pending => [qw(confirmed cancelled)], confirmed => [qw(completed cancelled)],
        completed => [], cancelled => [] }],
    repair => ['status', 'status', { received => ['in_repair'], in_repair => ['ready'], ready => [qw(in_repair delivered)], delivered => [] }],
    table => ['status', 'status', { available => [qw(occupied reserved)], reserved => [qw(occupied available)], occupied => ['available'] }],
    online_order => ['order_status', 'status', { processing => [qw(shipped cancelled)], shipped => [qw(delivered returned)],
        delivered => ['returned'], returned => [], cancelled => [] }],
    job_card => ['status', 'status', { pending => [qw(in_progress cancelled)], in_progress => [qw(completed cancelled)],
        completed => [qw(in_progress delivered)], delivered => [], cancelled => [] }],
    shipment => ['status', 'status', { pending => ['in_transit'], in_transit => ['at_port'], at_port => ['customs_clearance'],
        customs_clearance => ['cleared'], cleared => ['delivered'], delivered => [] }],
    job_file => ['status', 'status', { created => [qw(in_progress cancelled)], in_progress => [qw(documentation cancelled)],
        documentation => [qw(clearance cancelled)], clearance => [qw(completed cancelled)], completed => [], cancelled => [] }],
    transport => ['status', 'status', { scheduled => [qw(in_transit cancelled)], in_transit => [qw(delivered cancelled)],
        delivered => [], cancelled => [] }],
    cnf_billing => ['payment_status', 'payment_status', { pending => [qw(unpaid partial paid overdue cancelled)],
        unpaid => [qw(partial paid overdue cancelled)], partial => [qw(paid overdue)], overdue => [qw(partial paid cancelled)],
        paid => ['pending'], cancelled => [] }],
);
is_deeply [sort keys %machine], [sort keys %segment], 'every resource with states is walked here';

for my $noun (sort keys %machine) {
    my ($field, $argument, $moves) = @{ $machine{$noun} };
    subtest $noun => sub {
        my $start = made($noun)->{$field};
        my %way = ($start => []);    # how to get to each state
        my @todo = ($start);
        while (defined(my $from = shift @todo)) {
            for my $to (@{ $moves->{$from} }) {
                next if $way{$to};
                $way{$to} = [@{ $way{$from} }, $to];
                push @todo, $to;
            }
        }
        is_deeply [sort keys %way], [sort keys %$moves], 'every state can be reached';
        for my $from (sort keys %way) {
            my $id = made($noun)->{id};
            is(move($noun, $id, "?$argument=$_")->status, 200, "to $_") for @{ $way{$from} };
            my %legal = map { $_ => 1 } @{ $moves->{$from} };
            for my $to (grep { !$legal{$_} } sort keys %way) {
                my $r = move($noun, $id, '', json => { $argument => $to });
                is_problem($r, 409, 'illegal_transition', "$from to $to");
                is join(' ', grep { $r->json->{detail} !~ /\b$_\b/ } keys %legal), '', '... names what is allowed';
            }
            for my $to (sort keys %legal) {
                my $one = made($noun)->{id};
                move($noun, $one, "?$argument=$_") for @{ $way{$from} };
                my $r = move($noun, $one, '', json => { $argument => $to });
                is $r->status, 200, "$from to $to" or diag $r->brief;
                is $r->json->{$field}, $to, '... shown';
            }
        }
        my $id = made($noun)->{id};
        is_problem(move($noun, $id, "?$argument=nonsense"), 422, 'validation', 'no state');
        is_problem(move($noun, $id, ''), 422, 'validation', 'nothing asked');
        is_problem(move($noun, $id, '', json => { $argument => { '$ne' => '' } }), 422, 'validation', 'no text');
        is_problem(move($noun, '00000000-0000-7000-8000-000000000000', "?$argument=nonsense"), 404, 'not_found', 'no record');
        my ($other) = grep { $_ ne $start } sort keys %way;
        if (grep { $_->{method} eq 'PATCH' && $_->{path} eq "$path{$noun}/{id}" } @routes) {
            my $r = $erp->patch("$path{$noun}/$id", { $field => $other }, @as);
            is $r->json->{$field}, $start, 'not by a plain change';
            like $r->header('X-Ignored-Fields') // '', qr/\b$field\b/, '... which says so';
        }
    };
}

subtest 'what moves stamp' => sub {
    my $today = qr/^\d{4}-\d\d-\d\dT/;
    my $card = made('job_card');
    like $card->{received_date}, $today, 'a job card is received';
    move('job_card', $card->{id}, '?status=in_progress');
    like(move('job_card', $card->{id}, '?status=completed')->json->{completion_date}, $today, 'completed');
    like(move('job_card', $card->{id}, '?status=delivered')->json->{delivery_date}, $today, 'delivered');
    my $ship = made('shipment');
    move('shipment', $ship->{id}, "?status=$_") for qw(in_transit at_port customs_clearance);
    like(move('shipment', $ship->{id}, '', json => { status => 'cleared' })->json->{clearance_date}, $today, 'a shipment is cleared');
    is(move('shipment', $ship->{id}, '', json => { status => 'delivered', delivery_date => '2026-03-22' })->json->{delivery_date}, '2026-03-22', '... and delivered, on the day that the body says');
    my $file = made('job_file')->{id};
    move('job_file', $file, "?status=$_") for qw(in_progress documentation clearance);
    like(move('job_file', $file, '?status=completed')->json->{completion_date}, $today, 'a job file is completed');
    my $lorry = made('transport')->{id};
    move('transport', $lorry, '?status=in_transit');
    is_problem(move('transport', $lorry, '?status=delivered&actual_delivery_date=soon'), 422, 'validation', 'no date');
    is(move('transport', $lorry, '?status=delivered&actual_delivery_date=2026-03-21')->json->{actual_delivery_date}, '2026-03-21', 'the date that is said');
    my $bill = made('cnf_billing')->{id};
    is(move('cnf_billing', $bill, '?payment_status=paid&payment_date=2026-04-01')->json->{payment_date}, '2026-04-01', 'paid');
};

subtest 'who' => sub {
    my $user = $erp->seed_user(email => 'tech@states.example', password => 'tech-password', role => 'technician',
        tenant_id => $shop->{tenant_id}, user => { tenant_slug => 'states', branch_id => any_id('branch') });
    my @tech = (token => $erp->login($user->{email}, 'tech-password')->{access_token});
    my $card = made('job_card')->{id};
    is_problem($erp->request('PATCH', "/api/job-cards/$card/status?status=cancelled", @tech), 403, 'role_forbidden', 'a technician cancels nothing');
    is($erp->request('PATCH', "/api/job-cards/$card/status?status=in_progress", @tech)->status, 200, '... but begins');
    my $staff = $erp->seed_user(email => 'staff@states.example', password => 'staff-password', role => 'staff',
        tenant_id => $shop->{tenant_id}, user => { tenant_slug => 'states', branch_id => any_id('branch') });
    my @staff = (token => $erp->login($staff->{email}, 'staff-password')->{access_token});
    for my $case ([job_file => 'in_progress'], [transport => 'in_transit'], [online_order => 'shipped', 'delivered']) {
        my ($noun, @way) = @$case;
        my $id = made($noun)->{id};
        is($erp->request('PATCH', "$path{$noun}/$id/$segment{$noun}?status=$_", @staff)->status, 200, "$noun: staff may do $_") for @way;
        my $to = $noun eq 'online_order' ? 'returned' : 'cancelled';
        is_problem($erp->request('PATCH', "$path{$noun}/$id/$segment{$noun}?status=$to", @staff), 403, 'role_forbidden', "... but not $to");
    }
    my $shut = made('repair')->{id};
    is($erp->request('PATCH', "/api/repairs/$shut/status?status=in_repair", @staff)->status, 200, 'a repair: staff');
    is_problem($erp->request('PATCH', "/api/repairs/$shut/status?status=delivered", @staff), 409, 'illegal_transition', '... along the states');
};

subtest 'of two at once one wins' => sub {
    my $table = made('table')->{id};
    my $r = move('table', $table, '?status=occupied');
    is_problem(move('table', $table, '?status=occupied'), 409, 'illegal_transition', 'it is taken');
    is_problem(move('table', $table, '?status=available', headers => { 'If-Match' => '"0-0"' }), 412, 'precondition_failed', 'If-Match');
    is(move('table', $table, '?status=available', headers => { 'If-Match' => $r->header('ETag') })->status, 200, '... of the last reply');
};

subtest 'an offer is switched off and on' => sub {
    my $id = made('offer')->{id};
    is($erp->request('PATCH', "/api/offers/$id/toggle", @as)->json->{is_active}, JSON::PP::false(), 'off');
    is($erp->request('PATCH', "/api/offers/$id/toggle", @as)->json->{is_active}, JSON::PP::true(), 'on');
};

done_testing;
