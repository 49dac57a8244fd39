# A worker that dies before or after any command to the database: of a sale, a return, a purchase
# and others everything is there or nothing, sending it again makes it whole, and nobody waits for
# what the dead had locked.
use Erp::Test;
use Erp::Crash;
use Erp::Json qw(to_json);

my $crash = Erp::Crash->new;
my ($erp, $shop, $north, $south, $rice, $oil, $few) = @$crash{qw(erp shop north south rice oil few)};
my @clerk = $crash->clerk;
my $supplier = $crash->made('/api/suppliers', { name => 'Mill', contact_person => 'Rahim', phone => '01711-000000' })->{id};
sub read_all { $erp->mongo($shop->{db_name}, doc(update => 'notifications', updates => [{ q => {}, u => { '$set' => { is_read => \1 }, '$unset' => { once => '' } }, multi => \1 }])); return }

$crash->everywhere(
    name    => 'a sale of a branch',
    trips   => 15,
    beside  => 'find users',    # of the administrators who shall know, in the users' database
    request => sub {
        $crash->changed("/api/product-branches/$few", { stock_quantity => 5 });
        read_all();
        return $crash->posted('/api/sales', { customer_name => 'Karim', customer_phone => '01711-222333', items => [map { { product_id => $_, quantity => 2, price => 10 } } $rice, $oil],
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
        my $back = $crash->made('/api/returns', { sale_id => $crash->sold->{id}, product_id => $rice, reason => 'Damaged', quantity => 1, refund_amount => 12.5 });
        return $crash->patched("/api/returns/$back->{id}/approve");
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
        my $items = [{ product_id => $rice, quantity => 2, price => 8 }, { product_name => 'New ' . $crash->number, quantity => 1, price => 3 }];
        return $crash->form('/api/purchases', [supplier_id => $supplier], [items => to_json($items)], [total_amount => '19.00'], [receipt => $pdf, 'bill.pdf']);
    },
    adds => { purchases => 1, 'purchases sum_total_amount' => 19, products => 1, 'counters sum_value' => 1, 'audit entries' => 2, idempotency_keys => 1 });

$crash->everywhere(
    name    => 'a purchase that goes on the shelf',
    trips   => 11,
    request => sub {
        my $bought = $crash->made('/api/purchases', { supplier_id => $supplier, total_amount => 16, items => [{ product_id => $oil, quantity => 2, price => 8 }] });
        return $crash->posted("/api/purchases/$bought->{id}/apply-stock", {});
    },
    adds => { 'purchases of_stock_status pending' => -1, 'purchases of_stock_status applied' => 1, 'products sum_stock' => 2, stock_ledger => 1,
        'audit entries' => 1, idempotency_keys => 1 });

$crash->everywhere(
    name    => 'a payment',
    trips   => 11,
    request => sub { return $crash->posted('/api/sales/' . $crash->sold(paid_amount => 0)->{id} . '/payments', { amount => 37.5, method => 'cash' }) },
    adds    => { payments => 1, 'payments sum_amount' => 37.5, 'sales sum_balance_due' => -37.5, 'customer_dues sum_due_amount' => -37.5,
        'customers sum_due_amount' => -37.5, 'sales of_payment_status paid' => 1, 'audit entries' => 1, idempotency_keys => 1 });

$crash->everywhere(
    name    => 'a sale that is cancelled',
    trips   => 12,
    request => sub { return $crash->patched('/api/sales/' . $crash->sold(paid_amount => 0)->{id} . '/cancel') },
    done    => [409, 'illegal_transition'],
    adds    => { 'sales of_status cancelled' => 1, 'products sum_stock' => 3, stock_ledger => 1, 'customers sum_total_purchases' => -37.5,
        'customer_dues sum_due_amount' => -37.5, 'notifications of_type sale_cancelled' => 1, 'audit entries' => 1 });

$crash->everywhere(
    name    => 'a transfer between branches',
    trips   => 10,
    request => sub { return $crash->posted('/api/stock-transfers', { product_id => $rice, from_branch_id => $north, to_branch_id => $south, quantity => 5 }) },
    adds    => { stock_transfers => 1, stock_ledger => 2, 'counters sum_value' => 1, 'audit entries' => 1, idempotency_keys => 1 });

$crash->everywhere(
    name    => 'a transfer that arrives',
    trips   => 8,
    request => sub {
        my $sent = $crash->made('/api/stock-transfers', { product_id => $rice, from_branch_id => $north, to_branch_id => $south, quantity => 5, stepwise => \1 });
        $crash->changed("/api/stock-transfers/$sent->{id}/status", { status => 'in_transit' });
        return $crash->patched("/api/stock-transfers/$sent->{id}/status", { status => 'received' });
    },
    done => [409, 'illegal_transition'],
    adds => { stock_ledger => 1, 'product_branches sum_stock_quantity' => 5, 'stock_transfers of_status received' => 1, 'audit entries' => 1 });

$crash->everywhere(
    name    => 'a plain record',
    trips   => 5,
    request => sub { return $crash->posted('/api/brands', { name => 'Brand ' . $crash->number }) },
    adds    => { brands => 1, 'audit entries' => 1, idempotency_keys => 1 });

subtest 'after all of them' => sub { $crash->adds_up };

subtest 'files without a purchase' => sub { $crash->files_swept('receipts', ['purchases', 'receipt_files'], 'receipts without a purchase') };

subtest 'erpd itself has nothing of this' => sub {
    my %has = map { my $file = "$ENV{ERP_TEST_DEVEL_BIN}/$_";
        my $symbols = `nm '$file'`; my $text = do { local (@ARGV, $/) = $file; <> };
        ($_ => ($symbols =~ /__wrap_/ ? 1 : 0) + ($text =~ /CRASH_PLAN/ ? 1 : 0)) } qw(erpd erpctl t/crash-worker);
    is_deeply \%has, { erpd => 0, erpctl => 0, 't/crash-worker' => 2 }, 'no symbol, no setting';
    my ($installed) = grep { /^sbin_PROGRAMS/ } split /\n/, do { local (@ARGV, $/) = "$ENV{ERP_TEST_ROOT}/Makefile.am"; <> };
    unlike $installed, qr/crash/, 'and the other is not installed';
};

done_testing;
