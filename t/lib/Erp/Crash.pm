# A worker that dies before or after any command of one request (t/crash_worker.c), and what must be
# true then: everything of the request is there once, or nothing.
#
#     my $crash = Erp::Crash->new;                 an instance of one worker, and a business
#     $crash->everywhere(name => 'a brand', trips => 5, adds => { brands => 1, … },
#         request => sub { return $crash->posted('/api/brands', { name => 'Brand ' . $crash->number }) });
#     $crash->adds_up;                             in a subtest, after all of them
#     done_testing;
#
# The business has two branches, rice and oil in its stock and in that of the northern branch, and
# none of the rice in the southern one's: $crash->{north}, {south}, {rice}, {oil} are their ids;
# {few} is that of the assignment of oil, of which there are five. {as} signs in its administrator.
#
# Everything that a business has is summed up as numbers: how many documents of each collection,
# and what their amounts add up to. What one undisturbed request changes in them is measured, and
# the same must follow each time it was sent again after a death.
package Erp::Crash;
use strict;
use warnings;
use File::Temp qw(tempdir);
use Test::More import => [qw(ok fail is is_deeply cmp_ok diag note subtest)];
use Erp::Http;
use Erp::Json qw(doc from_json);
use Erp::Say qw(slurp spew);

# Members that are added up, by collection. Of dotted ones, those of the items.
my %AMOUNTS = (
    sales            => [qw(total amount_paid credit_paid refunded_amount balance_due items.returned_quantity items.return_pending)],
    payments         => [qw(amount)],
    customer_dues    => [qw(due_amount paid_amount)],
    customers        => [qw(total_purchases due_amount store_credit)],
    stock_ledger     => [qw(delta)],
    products         => [qw(stock unit_cost)],
    product_branches => [qw(stock_quantity purchase_price)],
    counters         => [qw(value sale_number invoice_no)],
    stock_transfers  => [qw(quantity)],
    purchases        => [qw(total_amount)],
    store_credits    => [qw(amount)],
    shifts           => [qw(payments expected_cash variance)],
    financial_transactions => [qw(amount)],
);
# Members of which each value counts apart.
my %KINDS = (
    sales         => [qw(status payment_status)],
    returns       => [qw(status)],
    purchases     => [qw(stock_status)],
    notifications => [qw(type is_read)],
    stock_ledger  => [qw(kind)],
    stock_transfers => [qw(status)],
    payments        => [qw(method)],
    customer_dues   => [qw(status)],
    due_requests    => [qw(status)],
    shifts          => [qw(status)],
    warranty_records => [qw(current_status)],
    warranty_events  => [qw(event_type)],
    supplier_actions => [qw(action_type)],
);
# Numbers that are given without a gap, and none twice.
my %NUMBERS = (
    sales            => 'sale_number',
    returns          => 'return_number',
    purchases        => 'purchase_number',
    due_requests     => 'request_number',
    shifts           => 'shift_number',
    stock_transfers  => 'transfer_number',
    warranty_records => 'warranty_code',
);

sub new {
    my ($class, %opt) = @_;
    my $dir = tempdir(CLEANUP => 1);
    my $erp = Erp::Test->start(kept => 1, workers => 1, login_workers => 1, watch => 1, erpd => "$ENV{ERP_TEST_DEVEL_BIN}/t/crash-worker",
        env => { ERP_TENANT_SHARE => 100, CRASH_PLAN => "$dir/plan" });
    my $shop = $erp->seed_tenant(slug => 'crash');
    my $self = bless { erp => $erp, shop => $shop, plan => "$dir/plan", deaths => 0, longest => 0, number => 0 }, $class;
    $self->{as} = [token => $erp->login($shop->{email}, $shop->{password})->{access_token}];
    $self->_stock;
    return $self;
}

sub _stock {
    my ($self) = @_;
    my $id = sub { return $self->made(@_)->{id} };
    @$self{qw(north south)} = map { $id->('/api/branches', { name => $_, address => 'x', contact_phone => '1' }) } qw(North South);
    @$self{qw(rice oil)} = map { $id->('/api/products', { name => $_, price => 12.5, stock => 5000 }) } qw(Rice Oil);
    my ($rice, $oil) = @$self{qw(rice oil)};
    $id->('/api/product-branches', { product_id => $rice, branch_id => $self->{north}, stock_quantity => 5000, sale_price => 10 });
    $self->{few} = $id->('/api/product-branches', { product_id => $oil, branch_id => $self->{north}, stock_quantity => 5, sale_price => 10 });
    $id->('/api/product-branches', { product_id => $rice, branch_id => $self->{south}, stock_quantity => 0 });
    return;
}

# ---- what goes before ----

# How a cashier of the northern branch signs in.
sub clerk {
    my ($self) = @_;
    my ($erp, $shop) = @$self{qw(erp shop)};
    my $clerk = $erp->seed_user(email => 'clerk@crash.example', password => 'clerk-password', role => 'cashier',
        tenant_id => $shop->{tenant_id}, user => { tenant_slug => 'crash', branch_id => $self->{north} });
    return (token => $erp->login($clerk->{email}, 'clerk-password')->{access_token});
}

# One that was not there before.
sub number { return ++$_[0]{number} }

# Requests that must succeed, as the administrator or another; the first gives what it made.
sub _done {
    my ($self, $method, $path, $body, @who) = @_;
    my $r = $self->{erp}->$method($path, $body, @who ? @who : @{ $self->{as} });
    $r->status == 200 or die uc($method) . " $path: " . $r->brief . "\n";
    return $r->json;
}
sub made    { my $self = shift; return $self->_done('post', @_) }
sub changed { my $self = shift; $self->_done('patch', @_); return }

# A sale of three bags of rice, 37.50 in all.
sub sold {
    my ($self, %more) = @_;
    return $self->made('/api/sales', { items => [{ product_id => $self->{rice}, quantity => 3, price => 12.5 }],
        customer_name => 'Karim', customer_phone => '01711-222333', %more });
}

# Requests to be sent: a POST, with a key of its own; a PATCH, which takes none; a form.
sub posted {
    my ($self, $path, $body, @who) = @_;
    return { method => 'POST', path => $path,
        options => { defined $body ? (json => $body) : (), @who ? @who : @{ $self->{as} }, headers => { 'Idempotency-Key' => 'crash-' . $self->number } } };
}

sub patched {
    my ($self, $path, $body) = @_;
    return { method => 'PATCH', path => $path, options => { $body ? (json => $body) : (), @{ $self->{as} } } };
}

sub form {
    my ($self, $path, @parts) = @_;
    my $r = $self->posted($path);
    @{ $r->{options} }{qw(body type)} = Erp::Http::form(@parts);
    return $r;
}

# ---- the state ----

# An amount as a whole number: thousandths, of which sums in the database are exact.
sub _thousandths {
    my ($value) = @_;
    $value = $value->{'$numberDecimal'} if ref $value eq 'HASH';
    my ($minus, $whole, $part) = ($value // 0) =~ /^(-?)(\d+)(?:\.(\d{1,3}))?\d*$/ or die "no number: $value\n";
    return "${minus}1" * ($whole * 1000 + substr(($part // '') . '000', 0, 3));
}

sub _facets {
    my ($collection) = @_;
    my %facets = (n => [{ '$count' => 'n' }]);
    for my $path (@{ $AMOUNTS{$collection} || [] }) {
        (my $name = $path) =~ tr/./_/;
        my ($list) = $path =~ /^(\w+)\./;
        $facets{"sum_$name"} = [$list ? { '$unwind' => "\$$list" } : (),
            { '$group' => { _id => undef, n => { '$sum' => "\$$path" } } }];
    }
    $facets{"of_$_"} = [{ '$group' => { _id => { '$toString' => "\$$_" }, n => { '$sum' => 1 } } }] for @{ $KINDS{$collection} || [] };
    return \%facets;
}

# Everything there is, by name, without zeros.
sub state {
    my ($self) = @_;
    my ($erp, $db) = ($self->{erp}, $self->{shop}{db_name});
    my %state;
    for my $c (map { $_->{name} } $erp->mongo_all($db, doc(listCollections => 1, nameOnly => \1))) {
        my ($all) = $erp->mongo_all($db, doc(aggregate => $c, cursor => {}, pipeline => [{ '$facet' => _facets($c) }]));
        for my $facet (keys %$all) {
            $state{ join ' ', $c, $facet eq 'n' ? () : $facet, $_->{_id} // () } = _thousandths($_->{n}) for @{ $all->{$facet} };
        }
    }
    $state{'audit entries'} = 1000 * $erp->mongo("${db}_audit", doc(count => 'audit_log', query => { kind => 'data' }))->{n};
    delete @state{ grep { !$state{$_} } keys %state };
    return \%state;
}

sub _difference {
    my ($from, $to) = @_;
    my %by = map { $_ => ($to->{$_} // 0) - ($from->{$_} // 0) } keys %$from, keys %$to;
    delete @by{ grep { !$by{$_} } keys %by };
    return \%by;
}

sub _sum {
    my ($from, $by) = @_;
    my %to = map { $_ => ($from->{$_} // 0) + ($by->{$_} // 0) } keys %$from, keys %$by;
    delete @to{ grep { !$to{$_} } keys %to };
    return \%to;
}

# ---- one request ----

sub _send {
    my ($self, $r) = @_;
    my $path = $r->{path} . (defined $r->{query} ? "?$r->{query}" : '');
    return $self->{erp}->request($r->{method}, $path, %{ $r->{options} });
}

sub _plan {
    my ($self, $r, $step, $when) = @_;
    unlink "$self->{plan}.died", "$self->{plan}.sent";
    spew($self->{plan}, "$r->{method} $r->{path} $step $when\n");
    return;
}

# Did the worker read again what it knew of the tenant or the user? Without the watcher it would
# every few seconds, which on a busy machine is in every request.
sub _refreshed {
    my ($op, @commands) = @_;
    return grep { $_ eq 'find tenants_registry' || ($_ eq 'find users' && $op->{beside} ne $_) } @commands;
}

# The commands of an undisturbed request, and what it changes.
sub _measure {
    my ($self, $op) = @_;
    my $first = $self->_send($op->{request}->());    # with what a fresh worker asks once
    is $first->status, 200, 'it works' or diag $first->brief;
    my ($before, @commands);
    for (1 .. 10) {
        my $r = $op->{request}->();
        $before = $self->state;
        $self->_plan($r, 0, 'none');
        my $again = $self->_send($r);
        $again->status == 200 or return fail('it works again') || diag $again->brief;
        unlink $self->{plan};
        @commands = split /\n/, slurp("$self->{plan}.sent") // '';
        last if @commands == $op->{trips} && !_refreshed($op, @commands);
    }
    my ($logged) = (slurp("$self->{erp}{log}/main.log") // '') =~ /.*event=request .*?\bdb=(\d+)/s;
    is $logged, scalar(grep { $_ ne $op->{beside} } @commands), 'the log counts them' or diag explain(\@commands);
    my $by = _difference($before, $self->state);
    my %adds = map { $_ => 1000 * $op->{adds}{$_} } keys %{ $op->{adds} };
    is_deeply { map { $_ => $by->{$_} } keys %adds }, \%adds, 'its effect' or diag explain($by);
    note join ', ', @commands;
    return ($by, @commands);
}

sub explain { return map { "  $_" } Test::More::explain(@_) }

# One death: what is there right after it, and when the request was sent again. Gives the command at
# which it was.
sub _die_at {
    my ($self, $op, $by, $step, $when, $command) = @_;
    my $r = $op->{request}->();
    my $before = $self->state;
    my $all = _sum($before, $by);
    my $name = "$when $step $command";
    $self->_plan($r, $step, $when);
    my $status = $self->_send($r)->status;
    my ($pid, $committed, $where) = split / /, slurp("$self->{plan}.died") // '', 3;
    ok $pid, "$name: the worker died" or diag("status $status");
    return '' if !$pid;
    chomp $where;
    $self->{erp}{killed}{$pid} = 1;
    $self->{deaths}++;
    is $status, 502, "$name: nobody answered";
    is_deeply $self->state, $committed ? $all : $before, "$name: " . ($committed ? 'all of it is there' : 'nothing of it is there')
        or diag explain(_difference($before, $self->state));
    my $again = $self->_send($r);
    my @want = $committed && $op->{done} ? @{ $op->{done} } : (200);
    is_deeply [$again->status, $want[1] ? $again->json->{code} : ()], \@want, "$name: sent again" or diag $again->brief;
    my $once = $committed && $op->{twice} ? _sum($all, $by) : $all;
    is_deeply $self->state, $once, "$name: ... it is there once" or diag explain(_difference($once, $self->state));
    $self->{longest} = $again->took if $again->took > $self->{longest};
    return $where;
}

# A subtest: dies before and after each command of a request. Options: name; request, a sub that
# prepares one anew and returns { method, path, query, options }; adds, a part of what it changes; done,
# status and code of a request that is sent again although it was done (200, when it carries an
# Idempotency-Key); twice, true where it is then done once more; trips, how many commands it is said to cost; beside, a command in another scope
# than the request's, which its log line does not count.
sub everywhere {
    my ($self, %op) = @_;
    $op{beside} //= '';
    subtest $op{name} => sub {
        my ($by, @commands) = $self->_measure(\%op);
        is scalar @commands, $op{trips}, 'as many commands as the documents say' or diag explain(\@commands);
        for my $step (1 .. @commands) {
            for my $when (qw(before after)) {
                for (1 .. 3) {    # what was refreshed in front of it moves the steps by one
                    last if $self->_die_at(\%op, $by, $step, $when, $commands[$step - 1]) eq $commands[$step - 1];
                }
            }
        }
    };
    return;
}

# ---- after all of them ----

sub _all {
    my ($self, $collection, @members) = @_;
    return $self->{erp}->mongo_all($self->{shop}{db_name},
        doc(find => $collection, batchSize => 5000, projection => { map { $_ => 1 } @members }));
}

# Tests of what holds however often workers died.
sub adds_up {
    my ($self) = @_;
    my ($status, $out) = $self->{erp}->erpctl('stock', 'reconcile', 'crash', '--json');
    is_deeply [$status, from_json($out)->{faults}], [0, 0], 'the ledger adds up';
    for my $collection (sort keys %NUMBERS) {
        my @numbers = sort { $a <=> $b } map { ($_->{ $NUMBERS{$collection} } // '') =~ /-(\d+)$/ ? 0 + $1 : () } $self->_all($collection, $NUMBERS{$collection});
        is_deeply \@numbers, [1 .. @numbers], "numbers of $collection without a gap, none twice";
    }
    diag sprintf '%d deaths; sending it again took %.2f s at most', @$self{qw(deaths longest)};
    cmp_ok $self->{longest}, '<', 8, 'nobody waited for what the dead had locked';    # 10 s and more
    return;
}

sub files { my ($self, $room) = @_; return map { m{([^/]+)$} } grep { -f } glob "$self->{erp}{dir}/files/$self->{shop}{tenant_id}/$room/*" }

# Tests of the files that workers left which died between a file and its record: erpctl jobs removes
# them, and none that a record names. $of: [collection, member] where they are named; $what: as the
# job calls them.
sub files_swept {
    my ($self, $room, $of, $what) = @_;
    my ($collection, $list) = @$of;
    my @named = map { map { $_->{filename} } @{ $_->{$list} || [] } } $self->_all($collection, $list);
    my %there = map { $_ => 1 } $self->files($room);
    cmp_ok scalar @named, '>', 0, "$collection name files";
    is_deeply [grep { !$there{$_} } @named], [], 'every file that is named is there';
    delete @there{@named};
    cmp_ok scalar keys %there, '>', 0, 'and some that none names: workers died between the file and the record';
    my $folder = "$self->{erp}{dir}/files/$self->{shop}{tenant_id}/$room";
    spew("$folder/.new-$named[0]", 'not whole');
    my $jobs = sub { return [grep { $_->{job} eq 'files' } @{ from_json(($self->{erp}->erpctl('jobs', '--json', @_))[1])->{rows} }] };
    is_deeply $jobs->(), [], 'they are left alone while a worker might be at it';
    utime time - 2 * 86400, time - 2 * 86400, glob("$folder/*"), "$folder/.new-$named[0]";
    my @due = map { "$_->{job} $_->{tenant} $_->{outcome}" } @{ $jobs->('--dry-run') };
    is_deeply \@due, ['files crash ' . (1 + keys %there) . " $what"], 'a day later they are due';
    is scalar($self->files($room)), @named + keys %there, '... of which the dry run only tells';
    is scalar @{ $jobs->() }, 1, 'and then they go';
    is_deeply [sort($self->files($room))], [sort @named], '... they alone';
    ok !-e "$folder/.new-$named[0]", '... with what was never whole';
    is_deeply $jobs->(), [], 'nothing is left to do';
    return;
}

1;
