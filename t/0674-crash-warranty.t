# A worker that dies before or after any command to the database (t/0670-crash-steps.t), from the sale
# that makes a warranty to what the supplier does about it; and while a shift at the till is closed.
use Erp::Test;
use Erp::Crash;
use Erp::Http;
use Erp::Json qw(to_json);

my $crash = Erp::Crash->new;
my $erp = $crash->{erp};
my $phone = $crash->made('/api/products', { name => 'Phone', price => 100, stock => 100_000, warranty_months => 12, serial_number => 'SN-1' })->{id};

sub phones { my ($n, %more) = @_; return { items => [{ product_id => $phone, quantity => $n, price => 100 }], customer_name => 'Rahim', customer_phone => '01711-000009', %more } }

# A warranty that nobody has claimed.
my @unclaimed;
sub unit {
    @unclaimed = @{ $erp->get('/api/sales/' . $crash->made('/api/sales', phones(100))->{id} . '/invoice', @{ $crash->{as} })->json->{warranties} } if !@unclaimed;
    return shift @unclaimed;
}
# What moves it, as one sends it; and one that was moved so far.
sub claim { my ($w) = @_; return ("/api/warranty/$w->{id}/claim", { warranty_token => $w->{token}, reported_issue => 'It does not start' }) }
sub start { my ($w) = @_; return ("/api/warranty/$w->{id}/inspection/start", undef) }
sub found { my ($w) = @_; return ("/api/warranty/$w->{id}/inspect", { inspection_result => 'valid' }) }
sub moved { my (@steps) = @_; my $w = unit(); $crash->made($_->($w)) for @steps; return $w }

$crash->everywhere(
    name    => 'a sale with warranties',
    trips   => 13,
    request => sub { return $crash->posted('/api/sales', phones(3)) },
    adds    => { sales => 1, 'sales sum_total' => 300, warranty_records => 3, 'warranty_records of_current_status active' => 3, 'counters sum_value' => 3,
        payments => 1, 'products sum_stock' => -3, 'audit entries' => 1, idempotency_keys => 1 });

$crash->everywhere(
    name    => 'a sale with warranties that is cancelled',
    trips   => 14,
    request => sub { return $crash->patched('/api/sales/' . $crash->made('/api/sales', phones(2, paid_amount => 0))->{id} . '/cancel') },
    done    => [409, 'illegal_transition'],
    adds    => { 'sales of_status cancelled' => 1, 'warranty_records of_current_status active' => -2, 'warranty_records of_current_status closed' => 2,
        'warranty_events of_event_type status_changed' => 2, 'products sum_stock' => 2, stock_ledger => 1, 'customers sum_total_purchases' => -200,
        'customer_dues sum_due_amount' => -200, 'notifications of_type sale_cancelled' => 1, 'audit entries' => 1 });

my $png = "\x89PNG\r\n\x1a\n" . 'p' x 300;
$crash->everywhere(
    name    => 'a picture of a warranty',
    trips   => 5,
    request => sub {
        my ($body, $type) = Erp::Http::form([file => $png, 'x.png']);
        return { method => 'POST', path => '/api/upload-image', query => 'warranty_token=' . unit()->{token}, options => { body => $body, type => $type } };
    },
    twice => 1,
    adds  => { 'audit entries' => 1 });

$crash->everywhere(
    name    => 'a warranty that is claimed',
    trips   => 6,
    request => sub { my ($path, $body) = claim(unit()); return { method => 'POST', path => $path, options => { json => $body } } },
    done    => [409, 'illegal_transition'],
    adds    => { 'warranty_records of_current_status active' => -1, 'warranty_records of_current_status claimed' => 1,
        'warranty_events of_event_type status_changed' => 1, 'warranty_events of_event_type claim_registered' => 1, 'audit entries' => 1 });

$crash->everywhere(
    name    => 'an inspection that begins',
    trips   => 7,
    request => sub { return $crash->posted(start(moved(\&claim))) },
    adds    => { 'warranty_records of_current_status claimed' => -1, 'warranty_records of_current_status under_inspection' => 1,
        'warranty_events of_event_type inspection_started' => 1, 'audit entries' => 1, idempotency_keys => 1 });

$crash->everywhere(
    name    => 'what an inspection found',
    trips   => 7,
    request => sub { return $crash->posted(found(moved(\&claim, \&start))) },
    adds    => { 'warranty_records of_current_status under_inspection' => -1, 'warranty_records of_current_status replacement_pending' => 1,
        'warranty_events of_event_type inspection_passed' => 1, 'warranty_events of_event_type supplier_action_requested' => 1, 'audit entries' => 1,
        idempotency_keys => 1 });

sub supplier { my ($w, %body) = @_; return $crash->posted("/api/warranty/$w->{id}/supplier-action", \%body) }

$crash->everywhere(
    name    => 'a supplier who sends another one',
    trips   => 9,
    request => sub { return supplier(moved(\&claim, \&start, \&found), action_type => 'replacement_sent', action_details => { replacement_serial => 'NEW-' . $crash->number }) },
    adds    => { warranty_records => 1, 'warranty_records of_current_status replacement_pending' => -1, 'warranty_records of_current_status replaced' => 1,
        'warranty_records of_current_status active' => 1, 'supplier_actions of_action_type replacement_sent' => 1,
        'warranty_events of_event_type supplier_action_recorded' => 1, 'audit entries' => 1, idempotency_keys => 1 });

$crash->everywhere(
    name    => 'a supplier who pays back',
    trips   => 9,
    request => sub { return supplier(moved(\&claim, \&start, \&found), action_type => 'cash_refund_offered', action_details => { amount => 90.5 }) },
    adds    => { 'warranty_records of_current_status replacement_pending' => -1, 'warranty_records of_current_status refunded' => 1, financial_transactions => 1,
        'financial_transactions sum_amount' => 90.5, 'supplier_actions of_action_type cash_refund_offered' => 1, 'audit entries' => 1, idempotency_keys => 1 });

my @clerk = $crash->clerk;
$crash->everywhere(
    name    => 'a shift that is closed, with cash missing',
    trips   => 9,
    beside  => 'find users',    # of the administrators who shall know, in the users' database
    request => sub {
        my $shift = $crash->made('/api/till/shifts', { opening_float => 50 }, @clerk);
        $crash->made('/api/sales', { items => [{ product_id => $crash->{rice}, quantity => 1, price => 10 }] }, @clerk);
        return $crash->posted("/api/till/shifts/$shift->{id}/close", { counted_cash => 55 }, @clerk);
    },
    adds => { 'shifts of_status open' => -1, 'shifts of_status closed' => 1, 'shifts sum_expected_cash' => 60, 'shifts sum_variance' => -5,
        'counters sum_value' => 1, 'notifications of_type activity' => 1, 'audit entries' => 1, idempotency_keys => 1 });

subtest 'after all of them' => sub {
    $crash->adds_up;
    my @actions = $erp->mongo_all($crash->{shop}{db_name}, doc(find => 'supplier_actions', batchSize => 5000, filter => { action_type => 'replacement_sent' }));
    my %new = map { $_->{replaces_warranty_id} => $_->{id} } $erp->mongo_all($crash->{shop}{db_name}, doc(find => 'warranty_records', batchSize => 5000, filter => { replaces_warranty_id => { '$type' => 'string' } }));
    my @closed = sort { $a <=> $b } map { $_->{z_number} } $erp->mongo_all($crash->{shop}{db_name}, doc(find => 'shifts', batchSize => 5000, filter => { status => 'closed' }));
    is_deeply \@closed, [1 .. @closed], 'Z reports of a branch without a gap, none twice';
    is_deeply { map { @$_{qw(warranty_id replacement_warranty_id)} } @actions }, \%new, 'each action names the warranty that it made';
};

subtest 'pictures without a warranty' => sub {
    $crash->files_swept('evidence', ['warranty_records', 'evidence'], 'pictures without a warranty');
    # As the clock asks it (platform/sweep.c), and who gives a picture out (actions/record_file.c).
    for my $how ({ '$in' => ['x.png'] }, { '$eq' => 'x.png' }) {
        my $asked = doc(find => 'warranty_records', filter => doc(tenant_id => $crash->{shop}{tenant_id}, 'evidence.filename' => { '$type' => 'string', %$how }));
        my $plan = $erp->mongo($crash->{shop}{db_name}, doc(explain => $asked, verbosity => 'queryPlanner'))->{queryPlanner}{winningPlan};
        like to_json($plan), qr/"indexName":"tenant_id_1_evidence\.filename_1"/,
            'which of a million warranties names one is asked of an index';
    }
};

done_testing;
