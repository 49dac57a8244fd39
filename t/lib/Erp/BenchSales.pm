# ./dev bench sales: sales a second through TLS, of one business and of sixteen, beside a bare loop
# of the same commands in the same transactions, in turn, in one run.
package Erp::BenchSales;
use strict;
use warnings;
use File::Temp;
use Erp::Json qw(doc to_json);
use Erp::Say qw(step note);

my $SECONDS = $ENV{ERP_BENCH_SECONDS} || 4;
my $ROUNDS  = $ENV{ERP_BENCH_ROUNDS}  || 3;
my $CLIENTS = 16;
my $WORKERS = 4;

# Options: bin (where the loop is), url (of the server), start (makes an instance).
sub run {
    my (%opt) = @_;
    my $erp = $opt{start}->(workers => $WORKERS, login_workers => 1,
        env => { ERP_LOG_LEVEL => 'warn', ERP_TENANT_SHARE => 100 });
    my $ok = eval {
        step("$CLIENTS clients over TLS, $WORKERS workers; the loop with as many processes as there are workers, and "
            . "with one; $ROUNDS rounds of $SECONDS s, medians");
        printf "%-22s %9s %8s %8s   %9s %8s %8s   %9s   %6s %6s   %s\n", '', 'sales/s', 'p50 ms', 'p99 ms',
            'loop/s', 'p50 ms', 'p99 ms', 'one/s', 'ratio', 'to one', 'refused; attempts of the loop that began again';
        my @shops = map { _shop($erp, "sell-$_") } 1 .. $CLIENTS;
        _case($erp, \%opt, 'sale, one tenant', $shops[0]);
        _case($erp, \%opt, 'sale, 16 tenants', @shops);
        1;
    };
    my $why = $@;
    my @troubles = $erp->finish;
    die $why if !$ok;
    die "the workers had troubles: @troubles\n" if @troubles;
    return;
}

# A business with one product of which there is enough; its first sale has been made.
sub _shop {
    my ($erp, $slug) = @_;
    my $shop = $erp->seed_tenant(slug => $slug, password => 'bench-password');
    $shop->{token} = $erp->login($shop->{email}, $shop->{password})->{access_token};
    my $res = $erp->post('/api/products', { name => 'Rice 5 kg', sku => 'R-5', price => 12.5, stock => 900_000_000 },
        token => $shop->{token});
    die 'the product: ' . $res->brief . "\n" if $res->status != 200;
    $shop->{product} = $res->json->{id};
    $res = $erp->post('/api/sales', _sale($shop), token => $shop->{token});
    die 'the first sale: ' . $res->brief . "\n" if $res->status != 200;
    $erp->mongo($shop->{db_name}, doc(createIndexes => 'bench_counters',
        indexes => [ { key => { tenant_id => 1 }, name => 'tenant_id_1' } ]));
    return $shop;
}

sub _sale {
    my ($shop) = @_;
    return { items => [ { product_id => $shop->{product}, quantity => 1, price => 12.5 } ] };
}

sub _case {
    my ($erp, $opt, $name, @shops) = @_;
    my (@ours, @loop, @one);
    my $script = _script(@shops);
    _wrk($erp, $script, 1);    # warm
    for (1 .. $ROUNDS) {
        push @ours, _wrk($erp, $script, $SECONDS);
        push @loop, _loop($opt, $WORKERS, @shops);
        push @one,  _loop($opt, 1, @shops) if @shops == 1;
    }
    my @a = _medians(@ours);
    my @b = _medians(@loop);
    my @c = @one ? _medians(@one) : ();
    printf "%-22s %9.0f %8.2f %8.2f   %9.0f %8.2f %8.2f   %9s   %6.2f %6s   %d; %d\n", $name, @a[0 .. 2], @b[0 .. 2],
        @c ? sprintf('%.0f', $c[0]) : '-', $a[0] / $b[0], @c ? sprintf('%.2f', $a[0] / $c[0]) : '-', $a[3], $b[3];
    return;
}

# What wrk sends: sales of each business in turn.
sub _script {
    my (@shops) = @_;
    my $file = File::Temp->new(SUFFIX => '.lua');
    printf $file "local shops = {\n%s}\nlocal n = 0\n", join '', map {
        sprintf "  { token = [[Bearer %s]], body = [[%s]] },\n", $_->{token}, to_json(_sale($_)) } @shops;
    print $file <<'LUA';
function request()
  n = n + 1
  local shop = shops[n % #shops + 1]
  return wrk.format("POST", "/api/sales", { Authorization = shop.token, ["Content-Type"] = "application/json" }, shop.body)
end
LUA
    close $file;
    return $file;
}

# [sales/s, p50 ms, p99 ms, refused]
sub _wrk {
    my ($erp, $script, $seconds) = @_;
    my $out = '';
    open my $pipe, '-|', 'wrk', '-t2', "-c$CLIENTS", "-d${seconds}s", '--latency', '-s', $script->filename,
        $erp->{client}->base or die "wrk: $!\n";
    $out .= $_ while <$pipe>;
    close $pipe;
    my ($all, $took) = $out =~ /(\d+) requests in ([\d.]+)s/ or die "wrk failed:\n$out";
    my ($refused) = $out =~ /Non-2xx or 3xx responses: (\d+)/;
    my %at = $out =~ /^\s+(50|99)%\s+(\S+)/mg;
    die "wrk failed:\n$out" if $out =~ /Socket errors/;
    $refused //= 0;
    return [ ($all - $refused) / $took, (map { _ms($at{$_}) } 50, 99), $refused ];
}

sub _ms {
    my ($text) = @_;
    my ($n, $unit) = $text =~ /^([\d.]+)(us|ms|s)$/ or die "wrk: a time of $text\n";
    return $n * { us => 0.001, ms => 1, s => 1000 }->{$unit};
}

# [sales/s, p50 ms, p99 ms, attempts that began again]
sub _loop {
    my ($opt, $processes, @shops) = @_;
    local $ENV{MONGO_URL} = $opt->{url};
    my $out = '';
    open my $pipe, '-|', "$opt->{bin}/t/bench/sale_loop", $SECONDS, $processes,
        map { @$_{qw(db_name tenant_id product)} } @shops or die "sale_loop: $!\n";
    $out .= $_ while <$pipe>;
    close $pipe or die "the bare loop failed\n";
    return [ split ' ', $out ];
}

sub _medians {
    my (@rows) = @_;
    return map { my $i = $_; my @s = sort { $a <=> $b } map { $_->[$i] } @rows; $s[ @s / 2 ] } 0 .. 3;
}

1;
