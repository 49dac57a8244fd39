# A worker that dies before or after any command of one request (t/crash_worker.c), and what must be
# true then: everything of the request is there once, or nothing.
#
#     my $crash = Erp::Crash->new;                 an instance of one worker, and a business
#     $crash->everywhere(name => 'a brand', adds => { brands => 1, … }, request => sub { … });
#
# Everything that a business has is summed up as numbers: how many documents of each collection,
# and what their amounts add up to. What one undisturbed request changes in them is measured, and
# the same must follow each time it was sent again after a death.
package Erp::Crash;
use strict;
use warnings;
use File::Temp qw(tempdir);
use Test::More import => [qw(ok fail is is_deeply diag note subtest)];
use Erp::Json qw(doc);
use Erp::Say qw(slurp spew);

# Members that are added up, by collection. Of dotted ones, those of the items.
my %AMOUNTS = (
    sales            => [qw(total amount_paid balance_due items.returned_quantity items.return_pending)],
    payments         => [qw(amount)],
    customer_dues    => [qw(due_amount paid_amount)],
    customers        => [qw(total_purchases due_amount)],
    stock_ledger     => [qw(delta)],
    products         => [qw(stock unit_cost)],
    product_branches => [qw(stock_quantity purchase_price)],
    counters         => [qw(value sale_number invoice_no)],
    stock_transfers  => [qw(quantity)],
    purchases        => [qw(total_amount)],
);
# Members of which each value counts apart.
my %KINDS = (
    sales         => [qw(status payment_status)],
    returns       => [qw(status)],
    purchases     => [qw(stock_status)],
    notifications => [qw(type is_read)],
    stock_ledger  => [qw(kind)],
    stock_transfers => [qw(status)],
);

sub new {
    my ($class, %opt) = @_;
    my $dir = tempdir(CLEANUP => 1);
    my $erp = Erp::Test->start(kept => 1, workers => 1, login_workers => 1, watch => 1, erpd => "$ENV{ERP_TEST_DEVEL_BIN}/t/crash-worker",
        env => { ERP_TENANT_SHARE => 100, CRASH_PLAN => "$dir/plan" });
    my $shop = $erp->seed_tenant(slug => 'crash');
    return bless { erp => $erp, shop => $shop, plan => "$dir/plan", deaths => 0, longest => 0 }, $class;
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
    return $self->{erp}->request(@$r{qw(method path)}, %{ $r->{options} });
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
    is_deeply $self->state, $all, "$name: ... it is there once" or diag explain(_difference($all, $self->state));
    $self->{longest} = $again->took if $again->took > $self->{longest};
    return $where;
}

# A subtest: dies before and after each command of a request. Options: name; request, a sub that
# prepares one anew and returns { method, path, options }; adds, a part of what it changes; done,
# status and code of a request that is sent again although it was done (200, when it carries an
# Idempotency-Key); trips, how many commands it is said to cost; beside, a command in another scope
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

1;
