# ./dev bench dashboard: dashboards and reports of a business with a million sales in three years,
# each beside a plain look at the sales that it is about, by the same server in the same run.
package Erp::BenchDashboard;
use strict;
use warnings;
use POSIX qw(strftime);
use Time::HiRes qw(time);
use Erp::Json qw(doc);
use Erp::Kept;
use Erp::Say qw(step note);

my $DAYS     = 1096;
my $BRANCHES = 5;
my $PRODUCTS = 200;
my $BLOCK    = 50_000;    # sales of one command

# Options: start (makes an instance), short (true: of little), print (as printf; else to standard output).
sub run {
    my (%opt) = @_;
    my $print = $opt{print} || sub { my $format = shift; printf "$format\n", @_ };
    my $erp = $opt{start}->(workers => 1, login_workers => 1, env => { ERP_LOG_LEVEL => 'warn', ERP_TENANT_SHARE => 100 });
    my $figures = eval { _measure($erp, $print, $opt{short} ? (2_000, 3, 1) : ($ENV{ERP_BENCH_SALES} || 1_000_000, 20, 3)) };
    my $why = $@;
    my @troubles = $erp->finish;
    die $why if !$figures;
    die "the workers had troubles: @troubles\n" if @troubles;
    return $figures;
}

sub _median { my @s = sort { $a <=> $b } @_; return $s[ @s / 2 ] }

sub _ask {
    my ($on, $method, $path, @body) = @_;
    my $res = $on->{http}->$method($path, @body, token => $on->{token}, timeout => 60);
    die "$path: " . $res->brief . "\n" if $res->status != 200;
    return $res;
}

# One sale through the API, as it is stored; then copies of it, all over the days, branches and products.
sub _fill {
    my ($on, $count) = @_;
    my $erp = $on->{erp};
    my @branches = map { _ask($on, post => '/api/branches', { name => "Branch $_", address => 'Road 1', contact_phone => '01711-000000' })->json->{id} } 1 .. $BRANCHES;
    my @products = map { _ask($on, post => '/api/products', { name => "Article $_", sku => "A-$_", price => 12.5, stock => 100_000, unit_cost => 9 })->json->{id} } 1 .. $PRODUCTS;
    my $first = _ask($on, post => '/api/sales', { items => [ map { { product_id => $products[$_], quantity => $_, price => 12.5 } } 1 .. 2 ] })->json->{id};
    my $began = time;
    my $pick = sub { my ($of, $every) = @_; return { '$arrayElemAt' => [ $of, { '$mod' => [ { '$floor' => { '$divide' => [ '$n', $every ] } }, scalar @$of ] } ] } };
    for (my $from = 0; $from < $count; $from += $BLOCK) {
        my $to = $from + $BLOCK < $count ? $from + $BLOCK : $count;
        $erp->mongo($on->{db}, doc(aggregate => 'sales', cursor => {}, pipeline => [
            { '$match' => { id => $first } },
            { '$set' => { n => { '$range' => [ $from + 1, $to + 1 ] } } }, { '$unwind' => '$n' },
            { '$set' => { id => { '$concat' => [ '$id', '-', { '$toString' => '$n' } ] }, branch_id => $pick->(\@branches, 1),
                (map { $_ => { '$concat' => [ "\$$_", '-', { '$toString' => '$n' } ] } } qw(sale_number invoice_no)),
                created_at => { '$dateSubtract' => { startDate => '$created_at', unit => 'second', amount => { '$toLong' => { '$floor' => { '$multiply' => [ '$n', 86400 * $DAYS / $count ] } } } } },
                items => { '$map' => { input => '$items', as => 'i', in => { '$mergeObjects' => [ '$$i', { product_id => $pick->(\@products, 7) } ] } } } } },
            { '$unset' => [ '_id', 'n' ] }, { '$merge' => { into => 'sales' } } ]));
    }
    note(sprintf '%d sales in %d days, %d branches, %d products, stored in %.0f s', $count, $DAYS, $BRANCHES, $PRODUCTS, time - $began);
    return;
}

# What a report without kept sums asks the database.
my %LINES = do {
    my $left = { '$subtract' => [ '$$i.quantity', { '$ifNull' => [ '$$i.returned_quantity', 0 ] } ] };
    my $each = sub { return { '$sum' => { '$sum' => { '$map' => { input => '$items', as => 'i', in => $_[0] } } } } };
    ('dashboard' => [ '/api/dashboard/stats', 0, { _id => undef, a => { '$sum' => '$total' }, b => { '$sum' => 1 } } ],
        'chart of a week' => [ '/api/dashboard/sales-chart', 7, { _id => { '$dateTrunc' => { date => '$created_at', unit => 'day' } }, a => { '$sum' => '$total' } } ],
        'branches, a month' => [ '/api/reports/branch-sales', 30, { _id => '$branch_id', a => { '$sum' => '$total' }, b => { '$sum' => '$tax' }, c => $each->($left) } ],
        'products, a month' => [ '/api/reports/top-products', 30, undef ],
        'profit, a year' => [ '/api/reports/profit-loss', 365, { _id => undef, a => { '$sum' => '$total' }, c => $each->({ '$multiply' => [ '$$i.unit_cost', $left ] }) } ]);
};

sub _plain {
    my ($on, $days, $group) = @_;
    my @stages = ({ '$match' => { tenant_id => $on->{tenant}, status => { '$nin' => [ 'cancelled', 'draft' ] },
        $days ? (created_at => { '$gte' => { '$date' => strftime('%Y-%m-%dT00:00:00Z', gmtime $on->{now} - $days * 86400) } }) : () } });
    push @stages, $group ? { '$group' => $group } : ({ '$unwind' => '$items' },
        { '$group' => { _id => '$items.product_id', a => { '$sum' => { '$multiply' => [ '$items.price', '$items.quantity' ] } } } });
    my $began = time;
    $on->{erp}->mongo($on->{db}, doc(aggregate => 'sales', pipeline => \@stages, cursor => {}));
    return 1000 * (time - $began);
}

sub _measure {
    my ($erp, $print, $count, $times, $plain) = @_;
    my $t = $erp->seed_tenant(slug => 'dashboard', password => 'bench-password', entry => { max_branches => 500 });
    my $on = { erp => $erp, http => Erp::Kept->new(base => $erp->url, cacert => $erp->{cert}), db => $t->{db_name}, tenant => $t->{tenant_id},
        now => time, token => $erp->login($t->{email}, $t->{password})->{access_token} };
    _fill($on, $count);
    my %figures;
    my $began = time;
    my ($status, $out) = $erp->erpctl('sales', 'totals', 'dashboard');
    die "erpctl sales totals: $out\n" if $status;
    $print->('past days added up in %.1f s: %s', time - $began, $out =~ /(\d+ days)/);
    step("One request at a time, one worker; medians of $times, beside a plain look at the same sales, medians of $plain");
    $print->('%-20s %9s %9s %9s   %9s   %s', '', 'p50 ms', 'least', 'most', 'plain ms', 'ratio');
    for my $name (sort keys %LINES) {
        my ($path, $days, $group) = @{ $LINES{$name} };
        $path .= '?start_date=' . strftime('%Y-%m-%d', gmtime $on->{now} - $days * 86400) if $path =~ /reports/;
        my (@ms, @plain);
        _ask($on, get => $path);
        push @ms, map { 1000 * _ask($on, get => $path)->took } 1 .. $times;
        push @plain, map { _plain($on, $days, $group) } 1 .. $plain;
        @ms = sort { $a <=> $b } @ms;
        my ($ours, $theirs) = (_median(@ms), _median(@plain));
        $figures{ms}{$name} = $ours;
        $print->('%-20s %9.1f %9.1f %9.1f   %9.1f   %6.3f of it%s', $name, $ours, @ms[ 0, -1 ], $theirs, $ours / $theirs,
            $name eq 'dashboard' ? '; goal: 150 ms' : '');
    }
    return \%figures;
}

1;
