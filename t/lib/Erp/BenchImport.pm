# ./dev bench import: tables of new products, and the same tables again, which change nothing; beside a bare
# loop that inserts the very documents that came of each table, under the same indexes, in the same run.
package Erp::BenchImport;
use strict;
use warnings;
use Erp::Say qw(step);
use Time::HiRes qw(time);

my $ROUNDS = $ENV{ERP_BENCH_ROUNDS} || 3;
my $BATCH  = 1000;    # of a transaction

# Options: start (makes an instance), bin (where the loop is), url (of the database), rows (of a table), print
# (as printf; else to standard output).
sub run {
    my (%opt) = @_;
    my $print = $opt{print} || sub { my $format = shift; printf "$format\n", @_ };
    my $erp = $opt{start}->(workers => 1, login_workers => 1, env => { ERP_LOG_LEVEL => 'warn', ERP_TENANT_SHARE => 100 });
    my $figures = eval { _measure($erp, $print, %opt) };
    my $why = $@;
    my @troubles = $erp->finish;
    die $why if !$figures;
    die "the workers had troubles: @troubles\n" if @troubles;
    return $figures;
}

sub _measure {
    my ($erp, $print, %opt) = @_;
    my $rows = $opt{rows} || 10_000;
    my $shop = $erp->seed_tenant(slug => 'imports');
    $shop->{token} = $erp->login($shop->{email}, $shop->{password})->{access_token};
    _import($erp, $shop, _table('warm', 10));    # collections and indexes
    my %rate;
    for my $round (1 .. $ROUNDS) {
        my $table = _table($round, $rows);
        my $since = int(1000 * time);
        push @{ $rate{new} },  $rows / _import($erp, $shop, $table);
        push @{ $rate{same} }, $rows / _import($erp, $shop, $table);
        push @{ $rate{loop} }, _loop($shop, $since, %opt);
    }
    my %is = map { my @s = sort { $a <=> $b } @{ $rate{$_} }; ($_ => $s[ $#s / 2 ]) } keys %rate;
    step("Tables of $rows products, one after the other, one worker; medians of $ROUNDS");
    $print->('%-18s %8.0f rows/s; the loop: %.0f, ratio %.2f; goal: 5,000', 'import, new', @is{qw(new loop)}, $is{new} / $is{loop});
    $print->('%-18s %8.0f rows/s, %.1f of new ones', 'import, the same', $is{same}, $is{same} / $is{new});
    return \%is;
}

sub _table {
    my ($round, $rows) = @_;
    return "sku,name,price,stock,category,description\n" . join '',
        map { "IM-$round-$_,Article $_,$_.50,$_,Imported,Some words about article $_\n" } 1 .. $rows;
}

# Seconds.
sub _import {
    my ($erp, $shop, $table) = @_;
    my $res = $erp->request('POST', '/api/products/import', body => $table, type => 'text/csv', token => $shop->{token}, timeout => 60);
    die 'an import: ' . $res->brief . "\n" if $res->status != 200;
    return $res->took;
}

sub _loop {
    my ($shop, $since, %opt) = @_;
    local $ENV{MONGO_URL} = $opt{url};
    open my $pipe, '-|', "$opt{bin}/t/bench/import_loop", $shop->{db_name}, "$shop->{db_name}_loop", $shop->{tenant_id}, $since, $BATCH
        or die "import_loop: $!\n";
    my $rate = <$pipe>;
    close $pipe or die "the bare loop failed\n";
    return 0 + $rate;
}

1;
