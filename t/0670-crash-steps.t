# A worker that dies before or after any command to the database: of a sale, a return, a purchase
# and others everything is there or nothing, sending it again makes it whole, and nobody waits for
# what the dead had locked.
use Erp::Test;
use Erp::Crash;
use Erp::Http;
use Erp::Json qw(from_json to_json);
use Erp::Say qw(spew);

my $crash = Erp::Crash->new;
my ($erp, $shop) = @$crash{qw(erp shop)};
my @as = (token => $erp->login($shop->{email}, $shop->{password})->{access_token});
my $n = 0;

sub made {
    my ($path, $body) = @_;
    my $r = $erp->post($path, $body, @as);
    $r->status == 200 or die "POST $path: " . $r->brief . "\n";
    return $r->json;
}
sub changed { my ($path, $body) = @_; my $r = $erp->patch($path, $body, @as); $r->status == 200 or die "PATCH $path: " . $r->brief . "\n"; return }
sub key { return (headers => { 'Idempotency-Key' => 'crash-' . ++$n }) }
sub posted { my ($path, $body, @who) = @_; return { method => 'POST', path => $path, options => { json => $body, @who ? @who : @as, key() } } }
sub form {
    my ($path, @parts) = @_;
    my ($body, $type) = Erp::Http::form(@parts);
    return { method => 'POST', path => $path, options => { body => $body, type => $type, @as, key() } };
}
sub read_all { $erp->mongo($shop->{db_name}, doc(update => 'notifications', updates => [{ q => {}, u => { '$set' => { is_read => \1 }, '$unset' => { once => '' } }, multi => \1 }])); return }
sub files { return map { m{([^/]+)$} } grep { -f } glob "$erp->{dir}/files/$shop->{tenant_id}/receipts/*" }

my ($north, $south) = map { made('/api/branches', { name => $_, address => 'x', contact_phone => '1' })->{id} } qw(North South);
my ($rice, $oil) = map { made('/api/products', { name => $_, price => 12.5, stock => 5000 })->{id} } qw(Rice Oil);
my ($there, $few) = map { made('/api/product-branches', { product_id => $_->[0], branch_id => $north, stock_quantity => $_->[1], sale_price => 10 })->{id} } [$rice, 5000], [$oil, 5];
made('/api/product-branches', { product_id => $rice, branch_id => $south, stock_quantity => 0 });
my $supplier = made('/api/suppliers', { name => 'Mill', contact_person => 'Rahim', phone => '01711-000000' })->{id};
my %who = (customer_name => 'Karim', customer_phone => '01711-222333');
my $clerk = $erp->seed_user(email => 'clerk@crash.example', password => 'clerk-password', role => 'cashier', tenant_id => $shop->{tenant_id},
    user => { tenant_slug => 'crash', branch_id => $north });
my @clerk = (token => $erp->login($clerk->{email}, 'clerk-password')->{access_token});
sub sold { my (%more) = @_; return made('/api/sales', { items => [{ product_id => $rice, quantity => 3, price => 12.5 }], %who, %more }) }

$crash->everywhere(
    name    => 'a sale of a branch',
    trips   => 15,
    beside  => 'find users',    # of the administrators who shall know, in the users' database
    request => sub {
        changed("/api/product-branches/$few", { stock_quantity => 5 });
        read_all();
        return posted('/api/sales', { %who, items => [map { { product_id => $_, quantity => 2, price => 10 } } $rice, $oil],
            payments => [{ method => 'cash', amount => 10 }, { method => 'card', amount => 5 }] }, @clerk);
    },
    adds => { sales => 1, 'sales sum_total' => 40, 'sales sum_balance_due' => 25, 'counters sum_sale_number' => 1, 'counters sum_invoice_no' => 1,
        payments => 2, 'payments sum_amount' => 15, customer_dues => 1, 'customer_dues sum_due_amount' => 25, 'customers sum_total_purchases' => 40,
        'customers sum_due_amount' => 25, stock_ledger => 2, 'stock_ledger sum_delta' => -4, 'product_branches sum_stock_quantity' => -4,
        'notifications of_type low_stock' => 1, 'notifications of_type unpaid_invoice' => 1, 'notifications of_type activity' => 1,
        'audit entries' => 1, idempotency_keys => 1 });

$crash->everywhere(
    name    => 'a return that is approved',
    trips   => 13,
    request => sub {
        my $back = made('/api/returns', { sale_id => sold()->{id}, product_id => $rice, reason => 'Damaged', quantity => 1, refund_amount => 12.5 });
        return { method => 'PATCH', path => "/api/returns/$back->{id}/approve", options => {@as} };
    },
    done => [409, 'illegal_transition'],
    adds => { 'returns of_status pending' => -1, 'returns of_status approved' => 1, payments => 1, 'payments sum_amount' => -12.5, 'sales sum_total' => -12.5,
        'sales sum_items_returned_quantity' => 1, 'sales sum_items_return_pending' => -1, 'products sum_stock' => 1, stock_ledger => 1,
        'customers sum_total_purchases' => -12.5, 'audit entries' => 2 });

my $pdf = "%PDF-1.7\n" . 'p' x 500;
$crash->everywhere(
    name    => 'a purchase with its receipt',
    trips   => 12,
    request => sub {
        my $items = [{ product_id => $rice, quantity => 2, price => 8 }, { product_name => "New $n", quantity => 1, price => 3 }];
        return form('/api/purchases', [supplier_id => $supplier], [items => to_json($items)], [total_amount => '19.00'], [receipt => $pdf, 'bill.pdf']);
    },
    adds => { purchases => 1, 'purchases sum_total_amount' => 19, products => 1, 'counters sum_value' => 1, 'audit entries' => 2, idempotency_keys => 1 });

$crash->everywhere(
    name    => 'a purchase that goes on the shelf',
    trips   => 11,
    request => sub {
        my $bought = made('/api/purchases', { supplier_id => $supplier, total_amount => 16, items => [{ product_id => $oil, quantity => 2, price => 8 }] });
        return posted("/api/purchases/$bought->{id}/apply-stock", {});
    },
    adds => { 'purchases of_stock_status pending' => -1, 'purchases of_stock_status applied' => 1, 'products sum_stock' => 2, stock_ledger => 1,
        'audit entries' => 1, idempotency_keys => 1 });

$crash->everywhere(
    name    => 'a payment',
    trips   => 11,
    request => sub { return posted('/api/sales/' . sold(paid_amount => 0)->{id} . '/payments', { amount => 37.5, method => 'cash' }) },
    adds    => { payments => 1, 'payments sum_amount' => 37.5, 'sales sum_balance_due' => -37.5, 'customer_dues sum_due_amount' => -37.5,
        'customers sum_due_amount' => -37.5, 'sales of_payment_status paid' => 1, 'audit entries' => 1, idempotency_keys => 1 });

$crash->everywhere(
    name    => 'a sale that is cancelled',
    trips   => 12,
    request => sub { return { method => 'PATCH', path => '/api/sales/' . sold(paid_amount => 0)->{id} . '/cancel', options => {@as} } },
    done    => [409, 'illegal_transition'],
    adds    => { 'sales of_status cancelled' => 1, 'products sum_stock' => 3, stock_ledger => 1, 'customers sum_total_purchases' => -37.5,
        'customer_dues sum_due_amount' => -37.5, 'notifications of_type sale_cancelled' => 1, 'audit entries' => 1 });

$crash->everywhere(
    name    => 'a transfer between branches',
    trips   => 10,
    request => sub { return posted('/api/stock-transfers', { product_id => $rice, from_branch_id => $north, to_branch_id => $south, quantity => 5 }) },
    adds    => { stock_transfers => 1, stock_ledger => 2, 'counters sum_value' => 1, 'audit entries' => 1, idempotency_keys => 1 });

$crash->everywhere(
    name    => 'a transfer that arrives',
    trips   => 8,
    request => sub {
        my $sent = made('/api/stock-transfers', { product_id => $rice, from_branch_id => $north, to_branch_id => $south, quantity => 5, stepwise => \1 });
        changed("/api/stock-transfers/$sent->{id}/status", { status => 'in_transit' });
        return { method => 'PATCH', path => "/api/stock-transfers/$sent->{id}/status", options => { json => { status => 'received' }, @as } };
    },
    done => [409, 'illegal_transition'],
    adds => { stock_ledger => 1, 'product_branches sum_stock_quantity' => 5, 'stock_transfers of_status received' => 1, 'audit entries' => 1 });

$crash->everywhere(
    name    => 'a plain record',
    trips   => 5,
    request => sub { return posted('/api/brands', { name => "Brand $n" }) },
    adds    => { brands => 1, 'audit entries' => 1, idempotency_keys => 1 });

subtest 'after all of them' => sub {
    my ($status, $out) = $erp->erpctl('stock', 'reconcile', 'crash', '--json');
    is_deeply [$status, from_json($out)->{faults}], [0, 0], 'the ledger adds up';
    my @sales = sort map { $_->{sale_number} } $erp->mongo_all($shop->{db_name}, doc(find => 'sales', batchSize => 5000, projection => { sale_number => 1 }));
    is_deeply \@sales, [map { sprintf 'SALE-%06d', $_ } 1 .. @sales], 'numbers without a gap, none twice';
    my @named = map { map { $_->{filename} } @{ $_->{receipt_files} } } $erp->mongo_all($shop->{db_name}, doc(find => 'purchases', batchSize => 5000));
    my %there = map { $_ => 1 } files();
    is_deeply [grep { !$there{$_} } @named], [], 'every receipt that a purchase names is there';
    delete @there{@named};
    cmp_ok scalar keys %there, '>', 0, 'and some that none names: workers died between the file and the purchase';
    my $folder = "$erp->{dir}/files/$shop->{tenant_id}/receipts";
    spew("$folder/.new-$named[0]", 'not whole');
    my $jobs = sub { return from_json(($erp->erpctl('jobs', '--json', @_))[1])->{rows} };
    is_deeply $jobs->(), [], 'they are left alone while a worker might be at it';
    utime time - 2 * 86400, time - 2 * 86400, glob("$folder/*"), "$folder/.new-$named[0]";
    my @due = map { "$_->{job} $_->{tenant} $_->{outcome}" } @{ $jobs->('--dry-run') };
    is_deeply \@due, ['files crash ' . (1 + keys %there) . ' receipts without a purchase'], 'a day later they are due';
    is scalar(files()), @named + keys %there, '... of which the dry run only tells';
    is scalar @{ $jobs->() }, 1, 'and then they go';
    is_deeply [sort(files())], [sort @named], '... they alone';
    ok !-e "$folder/.new-$named[0]", '... with what was never whole';
    is_deeply $jobs->(), [], 'nothing is left to do';
    diag sprintf '%d deaths; sending it again took %.2f s at most', @$crash{qw(deaths longest)};
    cmp_ok $crash->{longest}, '<', 5, 'nobody waited for what the dead had locked';
};

subtest 'erpd itself has nothing of this' => sub {
    my %has = map { my $file = "$ENV{ERP_TEST_DEVEL_BIN}/$_";
        my $symbols = `nm '$file'`; my $text = do { local (@ARGV, $/) = $file; <> };
        ($_ => ($symbols =~ /__wrap_/ ? 1 : 0) + ($text =~ /CRASH_PLAN/ ? 1 : 0)) } qw(erpd erpctl t/crash-worker);
    is_deeply \%has, { erpd => 0, erpctl => 0, 't/crash-worker' => 2 }, 'no symbol, no setting';
    my ($installed) = grep { /^sbin_PROGRAMS/ } split /\n/, do { local (@ARGV, $/) = "$ENV{ERP_TEST_ROOT}/Makefile.am"; <> };
    unlike $installed, qr/crash/, 'and the other is not installed';
};

done_testing;
