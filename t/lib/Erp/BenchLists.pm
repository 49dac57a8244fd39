# ./dev bench lists: a page of 100 of every kind of record, beside a page of products in the same run;
# and a page out of very many products beside the same page out of a thousand.
package Erp::BenchLists;
use strict;
use warnings;
use Erp::Case;
use Erp::Json qw(doc from_json);
use Erp::Kept;
use Erp::Say qw(step note);
use Time::HiRes qw(time);

my $ROUNDS = $ENV{ERP_BENCH_ROUNDS} || 3;
my $TIMES  = 60;    # requests a round
my $PAGE   = 100;
my $FEW    = 1_000;
my $BLOCKS = 50;    # thousands of records that one command stores

# Options: start (makes an instance), short (true: of little), print (as printf; else to standard output).
sub run {
    my (%opt) = @_;
    my $print = $opt{print} || sub { my $format = shift; printf "$format\n", @_ };
    my $erp = $opt{start}->(workers => 1, login_workers => 1, env => { ERP_LOG_LEVEL => 'warn', ERP_TENANT_SHARE => 100 });
    my $figures = eval { _measure($erp, $print, $opt{short} ? (10_000, 5) : (1_000_000, $TIMES)) };
    my $why = $@;
    my @troubles = $erp->finish;
    die $why if !$figures;
    die "the workers had troubles: @troubles\n" if @troubles;
    return $figures;
}

sub _measure {
    my ($erp, $print, $many, $times) = @_;
    my $http = Erp::Kept->new(base => $erp->url, cacert => $erp->{cert});
    my $on = { erp => $erp, http => $http, times => $times };
    my %figures;
    _kinds($on, $print, \%figures);
    _pages($on, $print, $many, \%figures);
    return \%figures;
}

sub _business {
    my ($erp, $slug) = @_;
    my $t = $erp->seed_tenant(slug => $slug, password => 'bench-password', entry => { max_branches => 500 });
    $t->{token} = $erp->login($t->{email}, $t->{password})->{access_token};
    return $t;
}

# The seconds of the fastest half of some requests, one after the other; their mean.
sub _time {
    my ($on, $t, $path) = @_;
    my @took;
    for (1 .. $on->{times}) {
        my $res = $on->{http}->get($path, token => $t->{token});
        die "$path: " . $res->brief . "\n" if $res->status != 200;
        push @took, $res->took;
    }
    @took = sort { $a <=> $b } @took;
    my @half = @took[ 0 .. $#took / 2 ];
    my $sum = 0;
    $sum += $_ for @half;
    return $sum / @half;
}

sub _median { my @s = sort { $a <=> $b } @_; return $s[ $#s / 2 ] }

# Copies of one record, as they are stored, with ids and unique texts of their own; unique lists are taken away.
sub _multiply {
    my ($erp, $t, $collection, $id, $count) = @_;
    my ($indexes) = $erp->mongo($t->{db_name}, doc(listIndexes => $collection));
    my %unique = map { $_ => 1 } grep { !/^(?:tenant_id|id|_id)$/ }
        map { keys %{ $_->{key} } } grep { $_->{unique} } @{ $indexes->{cursor}{firstBatch} };
    my $blocks = $count > 1000 ? $count / 1000 : 1;
    for (my $from = 0; $from < $blocks; $from += $BLOCKS) {    # no command takes longer than a socket waits
        my $to = $from + $BLOCKS < $blocks ? $from + $BLOCKS : $blocks;
        $erp->mongo($t->{db_name}, doc(aggregate => $collection, cursor => {}, pipeline => [
            { '$match' => { id => $id } },
            { '$set' => { n => { '$range' => [ 1, $count > 1000 ? 1000 : $count ] } } }, { '$unwind' => '$n' },
            { '$set' => { m => { '$range' => [ $from, $to ] } } }, { '$unwind' => '$m' },
            { '$set' => { n => { '$concat' => [ '-', { '$toString' => { '$add' => [ { '$multiply' => [ '$m', 1000 ] }, '$n', 1_000_000 ] } } ] } } },
            { '$set' => { id => { '$concat' => [ '$id', '$n' ] }, map { ($_ => _own($_)) } sort keys %unique } },
            { '$unset' => [ '_id', 'n', 'm' ] }, { '$merge' => { into => $collection } } ]));
    }
    return;
}

sub _own {
    my ($name) = @_;
    return { '$switch' => { default => "\$$name", branches => [
        { case => { '$eq' => [ { '$type' => "\$$name" }, 'string' ] }, then => { '$concat' => [ "\$$name", '$n' ] } },
        { case => { '$isArray' => "\$$name" }, then => '$$REMOVE' } ] } };
}

# A list of each kind, all of one business.
sub _kinds {
    my ($on, $print, $figures) = @_;
    my $erp = $on->{erp};
    my $t = _business($erp, 'kinds');
    my @rows = @{ from_json(($erp->run_program($erp->{erpd}, [ '--routes', '--json' ]))[1]) };
    my %path = map { $_->{resource} => $_->{path} }
        grep { $_->{method} eq 'POST' && $_->{resource} && $_->{body} eq 'json' && $_->{path} !~ /\{|bulk$/ } @rows;
    my (%made, %any);
    my $make;
    $make = sub {
        my ($noun, $body) = @_;
        my $res = $on->{http}->post($path{$noun}, Erp::Case::fill($body, sub { $any{ $_[0] } //= $make->($_[0], Erp::Case::least($_[0])) }),
            token => $t->{token});
        die "$noun: " . $res->brief . "\n" if $res->status != 200;
        return $res->json->{id};
    };
    for my $noun (grep { Erp::Case::least($_) } sort keys %path) {
        my ($full) = grep { $_->[0] eq 'ok-everything' } Erp::Case::read_all($noun, 'ok');
        $made{$noun} = $make->($noun, $full ? $full->[1] : Erp::Case::least($noun));
    }
    for my $noun (sort keys %made) {
        my $id = $made{$noun};
        my ($row) = grep { $_->{method} eq 'GET' && $_->{path} eq $path{$noun} } @rows;
        _multiply($erp, $t, $row->{collection}, $id, $PAGE + 1);
        $made{$noun} = "$path{$noun}?limit=$PAGE";
    }
    step("Pages of $PAGE, one request at a time, one worker; means of the faster half of $on->{times}, medians of $ROUNDS rounds");
    $print->('%-18s %8s %8s %10s %12s', '', 'ms', 'KiB', 'us a KiB', 'of products');
    my (%ms, %size);
    for (1 .. $ROUNDS) {
        push @{ $ms{$_} }, 1000 * _time($on, $t, $made{$_}) for sort keys %made;
    }
    $size{$_} = length($on->{http}->get($made{$_}, token => $t->{token})->body) / 1024 for keys %made;
    my ($p, $s) = (_median(@{ $ms{product} }), $size{product});
    for my $noun (sort keys %made) {
        my $m = _median(@{ $ms{$noun} });
        $figures->{kinds}{$noun} = $m / $p;
        $print->('%-18s %8.2f %8.1f %10.1f %12s', $noun, $m, $size{$noun}, 1000 * $m / $size{$noun},
            sprintf '%.2f of it', $m / $p);
    }
    return;
}

# The first page and one from the middle, by name, of a thousand products and of very many.
sub _pages {
    my ($on, $print, $many, $figures) = @_;
    my @shops = map { _business($on->{erp}, "pages-$_") } 'few', 'many';
    my @counts = ($FEW, $many);
    for my $i (0, 1) {
        my $res = $on->{http}->post('/api/products', { name => 'Amoxicillin 500 mg capsule', category => 'Antibiotics', price => 12.5,
            stock => 120, description => 'A strip of ten capsules, kept dry and below 30 degrees' }, token => $shops[$i]{token});
        die 'the first product: ' . $res->brief . "\n" if $res->status != 200;
        my $began = time;
        _multiply($on->{erp}, $shops[$i], 'products', $res->json->{id}, $counts[$i]);
        note(sprintf '%d products, stored in %.0f s', $counts[$i], time - $began);
    }
    my %pages = ('first page' => sub { "/api/products?limit=$PAGE" },
        'page by name'  => sub { "/api/products?limit=$PAGE&sort=name" },
        'page from the middle' => sub { _middle($on, $_[0]) });
    for my $name (sort keys %pages) {
        my @paths = map { $pages{$name}->($_) } @shops;
        my @ms = ([], []);
        for (1 .. $ROUNDS) { push @{ $ms[$_] }, 1000 * _time($on, $shops[$_], $paths[$_]) for 0, 1 }
        my ($few, $lots) = map { _median(@$_) } @ms;
        $figures->{pages}{$name} = $lots / $few;
        $print->('%-22s %8.2f ms out of %d, %8.2f ms out of %d: %.2f of it; goal: 1.50', $name, $few, $FEW, $lots, $many, $lots / $few);
    }
    return;
}

# The page after a record in the middle: a cursor of the list itself leads there.
sub _middle {
    my ($on, $t) = @_;
    my $path = '/api/products?limit=450&fields=id';
    my $res = $on->{http}->get($path, token => $t->{token});
    my ($after) = ($res->header('Link') // '') =~ /[?&]after=([^&>]+)/ or die "no next page: " . $res->brief . "\n";
    return "/api/products?limit=$PAGE&after=$after";
}

1;
