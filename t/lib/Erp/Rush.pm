# Many clients who all want the last units of one product, each with an Idempotency-Key and the
# patience to ask again; and what must be true afterwards, whatever died meanwhile.
package Erp::Rush;
use strict;
use warnings;
use POSIX ();
use Test::More import => [qw(is is_deeply)];
use Time::HiRes qw(sleep);
use Erp::Json qw(doc from_json);

# Options: erp (an instance), shop (as seed_tenant gives it), token, clients, each (attempts of a
# client), units, pause (s, between two attempts), all (documents of a find or aggregate in a
# database: by default the instance's own server).
sub new {
    my ($class, %opt) = @_;
    $opt{all} //= sub { $opt{erp}->mongo_all(@_) };
    return bless { pause => 0, %opt }, $class;
}

# A product with so many units.
sub product {
    my ($self, $name) = @_;
    return $self->{erp}->post('/api/products', { name => $name, price => 2.5, stock => $self->{units} },
        token => $self->{token})->json->{id};
}

# One client: each attempt is repeated until the service has decided. A line each: status, numbers
# and id of the sale, or the code of the refusal.
sub _client {
    my ($self, $round, $product, $n) = @_;
    my @said;
    for my $i (1 .. $self->{each}) {
        my $r;
        for (1 .. 600) {
            $r = $self->{erp}->post('/api/sales', { items => [ { product_id => $product, quantity => 1, price => 2.5 } ] },
                token => $self->{token}, headers => { 'Idempotency-Key' => "$round-$n-$i" });
            last if $r->status == 200 || ($r->status == 409 && ($r->json || {})->{code} eq 'insufficient_stock');
            sleep 0.03 + rand 0.05;
        }
        push @said, $r->status == 200 ? join(' ', 200, @{ $r->json }{qw(sale_number invoice_no id)})
            : join ' ', $r->status, ($r->json || {})->{code} // $r->brief;
        sleep $self->{pause} if $self->{pause};
    }
    return @said;
}

# All clients at once; $meanwhile (may be undef) runs every 200 ms until they are done.
sub run {
    my ($self, $round, $product, $meanwhile) = @_;
    my (@out, %running);
    for my $n (1 .. $self->{clients}) {
        pipe my $read, my $write or die "pipe: $!\n";
        my $pid = fork // die "fork: $!\n";
        if (!$pid) {
            syswrite $write, join '', map { "$_\n" } $self->_client($round, $product, $n);
            POSIX::_exit(0);
        }
        close $write;
        push @out, $read;
        $running{$pid} = 1;
    }
    while (%running) {
        sleep 0.2;
        $meanwhile->() if $meanwhile;
        delete @running{ grep { waitpid($_, POSIX::WNOHANG()) > 0 } keys %running };
    }
    return map { my $file = $_; my @lines = <$file>; chomp @lines; @lines } @out;
}

# How many documents match.
sub _count {
    my ($self, $db, $collection, $filter) = @_;
    my ($one) = $self->{all}->($db, doc(aggregate => $collection, cursor => {},
        pipeline => [ { '$match' => $filter }, { '$count' => 'n' } ]));
    return $one ? $one->{n} : 0;
}

# Every acknowledged sale exists once, none twice; stock, numbers, payments, ledger and audit log
# are exact. `first` is the number of the first of these sales.
sub check {
    my ($self, $first, $product, @said) = @_;
    my ($erp, $units, $db) = ($self->{erp}, $self->{units}, $self->{shop}{db_name});
    my @sold = grep { /^200 / } @said;
    is scalar @said, $self->{clients} * $self->{each}, 'every attempt was decided';
    is scalar @sold, $units, "exactly $units sales";
    is_deeply [ grep { !/^(?:200 |409 insufficient_stock)/ } @said ], [], 'the others were told that nothing is left';
    is $erp->get("/api/products/$product", token => $self->{token})->json->{stock}, 0, 'the shelf is empty';
    my @numbers = map { sprintf '%06d', $_ } $first .. $first + $units - 1;
    is_deeply [ sort map { (split)[1] } @sold ], [ map { "SALE-$_" } @numbers ], 'their numbers: each once, no gap';
    is_deeply [ sort map { (split)[2] } @sold ], [ map { "INV-$_" } @numbers ], '... those of the invoices too';
    my @ids = map { $_->{id} } $self->{all}->($db, doc(find => 'sales', filter => { 'items.product_id' => $product }));
    is_deeply [ sort @ids ], [ sort map { (split)[3] } @sold ], 'what was acknowledged is there, and nothing else';
    is $self->_count($db, 'payments', { sale_id => { '$in' => \@ids } }), $units, 'a payment each';
    is $self->_count($db, 'stock_ledger', { product_id => $product, kind => 'sale' }), $units, 'a row of the ledger each';
    is $self->_count("${db}_audit", 'audit_log', { collection => 'sales', record_id => { '$in' => \@ids } }), $units, 'an audit entry each';
    my ($status, $out) = $erp->erpctl('stock', 'reconcile', $self->{shop}{slug}, '--json');
    is_deeply [ $status, from_json($out)->{faults} ], [ 0, 0 ], 'the ledger adds up';
    return;
}

1;
