# A worker that dies before or after any command to the database (t/0670-crash-steps.t), while goods
# are exchanged, credit is given and spent, and dues are asked for and paid.
use Erp::Test;
use Erp::Crash;

my $crash = Erp::Crash->new;
my ($rice, $oil) = @$crash{qw(rice oil)};

# A return of one bag of rice of a sale, that nobody has decided on.
sub asked {
    my ($sale, %more) = @_;
    return $crash->made('/api/returns', { sale_id => $sale->{id}, product_id => $rice, reason => 'Too much', quantity => 1, refund_amount => 12.5, %more });
}

$crash->everywhere(
    name    => 'an exchange, of which a part is paid and a part is due',
    trips   => 25,
    request => sub {
        return $crash->posted('/api/returns/' . asked($crash->sold)->{id} . '/exchange',
            { items => [{ product_id => $oil, quantity => 3, price => 12.5 }], payments => [{ method => 'cash', amount => 10 }] });
    },
    adds => { 'returns of_status pending' => -1, 'returns of_status approved' => 1, sales => 1, 'sales sum_total' => 25, 'sales sum_amount_paid' => 10,
        'sales sum_refunded_amount' => 12.5, 'sales sum_balance_due' => 15, 'sales sum_items_returned_quantity' => 1, 'counters sum_sale_number' => 1,
        'counters sum_invoice_no' => 1, payments => 3, 'payments sum_amount' => 10, 'payments of_method exchange' => 2, 'payments of_method cash' => 1,
        customer_dues => 1, 'customer_dues sum_due_amount' => 15, 'customers sum_total_purchases' => 25, 'customers sum_due_amount' => 15,
        'products sum_stock' => -2, stock_ledger => 2, 'notifications of_type unpaid_invoice' => 1, 'audit entries' => 3, idempotency_keys => 1 });

$crash->everywhere(
    name    => 'an exchange for less, of which the rest stays',
    trips   => 25,
    request => sub {
        return $crash->posted('/api/returns/' . asked($crash->sold, quantity => 3, refund_amount => 37.5)->{id} . '/exchange',
            { items => [{ product_id => $oil, quantity => 1, price => 12.5 }], refund => 'store_credit' });
    },
    adds => { 'returns of_status approved' => 1, sales => 1, 'sales sum_total' => -25, 'payments of_method exchange' => 2, 'payments of_method store_credit' => 1,
        store_credits => 1, 'store_credits sum_amount' => 25, 'customers sum_store_credit' => 25, 'customers sum_total_purchases' => -25,
        'products sum_stock' => 2, 'audit entries' => 3, idempotency_keys => 1 });

$crash->everywhere(
    name    => 'a return into store credit',
    trips   => 15,
    request => sub { return $crash->patched('/api/returns/' . asked($crash->sold)->{id} . '/approve', { refund => 'store_credit' }) },
    done    => [409, 'illegal_transition'],
    adds    => { 'returns of_status pending' => -1, 'returns of_status approved' => 1, payments => 1, 'payments of_method store_credit' => 1,
        'payments sum_amount' => -12.5, 'sales sum_total' => -12.5, 'sales sum_credit_paid' => -12.5, store_credits => 1, 'store_credits sum_amount' => 12.5,
        'customers sum_store_credit' => 12.5, 'customers sum_total_purchases' => -12.5, 'products sum_stock' => 1, stock_ledger => 1, 'audit entries' => 2 });

my $rich = $crash->sold(items => [{ product_id => $rice, quantity => 300, price => 12.5 }], customer_name => 'Nila', customer_phone => '01711-444555');
$crash->changed('/api/returns/' . asked($rich, quantity => 300, refund_amount => 3750)->{id} . '/approve', { refund => 'store_credit' });
$crash->everywhere(
    name    => 'a sale that is paid by store credit',
    trips   => 13,
    request => sub {
        return $crash->posted('/api/sales', { items => [{ product_id => $rice, quantity => 1, price => 12.5 }], customer_id => $rich->{customer_id}, payment_method => 'store_credit' });
    },
    adds => { sales => 1, 'sales sum_total' => 12.5, 'sales sum_credit_paid' => 12.5, payments => 1, 'payments of_method store_credit' => 1,
        'payments sum_amount' => 12.5, store_credits => 1, 'store_credits sum_amount' => -12.5, 'customers sum_store_credit' => -12.5,
        'customers sum_total_purchases' => 12.5, 'products sum_stock' => -1, stock_ledger => 1, 'audit entries' => 1, idempotency_keys => 1 });

$crash->everywhere(
    name    => 'a payment of a customer, of two dues',
    trips   => 14,
    request => sub {
        my $n = $crash->number;
        my $who = $crash->sold(customer_name => "Person $n", customer_phone => sprintf('0171%07d', $n), paid_amount => 0)->{customer_id};
        $crash->made('/api/sales', { items => [{ product_id => $rice, quantity => 2, price => 12.5 }], customer_id => $who, paid_amount => 0 });
        return $crash->posted("/api/customers/$who/payments", { amount => 50, method => 'cash' });
    },
    adds => { payments => 2, 'payments sum_amount' => 50, 'sales sum_amount_paid' => 50, 'sales sum_balance_due' => -50, 'sales of_payment_status paid' => 1,
        'sales of_payment_status partially_paid' => 1, 'sales of_payment_status unpaid' => -2, 'customer_dues sum_due_amount' => -50,
        'customer_dues of_status settled' => 1, 'customer_dues of_status open' => -1, 'customers sum_due_amount' => -50,
        'notifications of_type payment_received' => 1, 'audit entries' => 3, idempotency_keys => 1 });

$crash->everywhere(
    name    => 'a due request that is approved',
    trips   => 16,
    request => sub {
        my $asked = $crash->made('/api/due-requests', { customer_name => 'Karim', customer_phone => '01711-222333', total_amount => 25, paid_amount => 5, due_amount => 20,
            items => [{ product_id => $rice, quantity => 2, price => 12.5 }] });
        return $crash->patched("/api/due-requests/$asked->{id}/approve");
    },
    done => [409, 'illegal_transition'],
    adds => { 'due_requests of_status pending' => -1, 'due_requests of_status approved' => 1, sales => 1, 'sales sum_total' => 25, 'sales sum_balance_due' => 20,
        payments => 1, 'payments sum_amount' => 5, customer_dues => 1, 'customer_dues sum_due_amount' => 20, 'customers sum_due_amount' => 20,
        'products sum_stock' => -2, stock_ledger => 1, 'notifications of_type due_request_approved' => 1, 'notifications of_type unpaid_invoice' => 1,
        'audit entries' => 2 });

subtest 'after all of them' => sub { $crash->adds_up };

done_testing;
