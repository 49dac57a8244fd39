# ./dev bench: the server through TLS, beside a bare loop on the database driver that runs the same
# commands on the same server, in turn, in one run. Machines differ and are noisy: the ratio counts.
package Erp::Bench;
use strict;
use warnings;
use File::Path qw(remove_tree);
use File::Temp qw(tempdir);
use POSIX qw(strftime);
use Erp::BenchDashboard;
use Erp::BenchImport;
use Erp::BenchLists;
use Erp::BenchSales;
use Erp::BenchTenants;
use Erp::Build;
use Erp::Cert;
use Erp::Json qw(doc);
use Erp::Mongo;
use Erp::Say qw(step note fail slurp);
use Erp::TestRun;

my $SECONDS = $ENV{ERP_BENCH_SECONDS} || 4;
my $ROUNDS  = $ENV{ERP_BENCH_ROUNDS}  || 3;
my $CLIENTS = 16;
my $WORKERS = 4;
my $LOOPS   = 4;      # processes of the bare loop
my $RECORDS = 1000;
my $COLD    = 40;     # tenants that nobody has asked for yet

# name, path, mode of the loop (edge: nginx alone, without a worker), round trips to the database a request,
# copies of a document between the driver's buffer and the reply, goal.
my @CASES = (
    [ 'trivial reply',        '/api/health/live',         'edge',   0, 0, '20,000/s; the loop: nginx alone, a static page' ],
    [ 'one product by id',    '/api/products/{id}',       'get',    2, 3, '5,000/s' ],
    [ '100 products',         '/api/products?limit=100',  'list',   2, 2, '2,700/s, 0.5 of the loop' ],
    [ 'health of the tenant', '/api/health/tenant',       'health', 2, 0, '3,500/s' ],
);

# Names of cases choose some, "import", "sales", "lists", "dashboard" and "tenants" what Erp::BenchImport,
# Erp::BenchSales, Erp::BenchLists, Erp::BenchDashboard and Erp::BenchTenants measure; returns the exit status.
sub run {
    my ($opt, @wanted) = @_;
    my ($root, $run) = @$opt{qw(root run)};
    step('Building');
    my $plain = Erp::Build::make($root, $run, 'plain');
    Erp::Build::make($root, $run, 'plain', 't/bench/driver_loop', 't/bench/sale_loop', 't/bench/import_loop', 't/mongo-eval');
    my $dir = tempdir('erpd-bench.XXXXXX', TMPDIR => 1);
    my $mongo;
    local $SIG{INT} = local $SIG{TERM} = sub { die "interrupted\n" };
    my $status = eval {
        Erp::Cert::ensure("$dir/tls", "$run/log/bench.log");
        $mongo = Erp::TestRun::start_mongo($dir, "$plain/t/mongo-eval", $run);
        local %ENV = (%ENV, Erp::TestRun::environment($opt, $dir, $plain, $plain, $mongo));
        require Erp::Test;
        _measure($plain, $mongo, @wanted) if !@wanted || grep { !/^(?:tenants|sales|lists|dashboard|import)$/ } @wanted;
        Erp::BenchImport::run(bin => $plain, url => $mongo->{url}, start => sub { Erp::Test->start(@_) })
            if !@wanted || grep { $_ eq 'import' } @wanted;
        Erp::BenchSales::run(bin => $plain, url => $mongo->{url}, start => sub { Erp::Test->start(@_) })
            if !@wanted || grep { $_ eq 'sales' } @wanted;
        Erp::BenchLists::run(start => sub { Erp::Test->start(@_) })
            if !@wanted || grep { $_ eq 'lists' } @wanted;
        Erp::BenchDashboard::run(start => sub { Erp::Test->start(@_) })
            if !@wanted || grep { $_ eq 'dashboard' } @wanted;
        Erp::BenchTenants::run(url => $mongo->{url}, start => sub { Erp::Test->start(@_) })
            if !@wanted || grep { $_ eq 'tenants' } @wanted;
        0;
    };
    print STDERR "dev: $@" if !defined $status;
    Erp::Mongo::stop($mongo->{pidfile}) if $mongo;
    remove_tree($dir);
    return $status // 1;
}

sub _measure {
    my ($bin, $mongo, @wanted) = @_;
    my $erp = Erp::Test->start(workers => $WORKERS, login_workers => 1,
        env => { ERP_LOG_LEVEL => 'warn', ERP_TENANT_SHARE => 100 });
    my $ok = eval { _cases($erp, $bin, $mongo, @wanted); 1 };
    my $why = $@;
    my @troubles = $erp->finish;
    die $why if !$ok;
    die "the workers had troubles: @troubles\n" if @troubles;
    return;
}

sub _cases {
    my ($erp, $bin, $mongo, @wanted) = @_;
    my $shop = _shop($erp);
    step("$CLIENTS clients over TLS, $WORKERS workers; the loop has $LOOPS processes; "
        . "$ROUNDS rounds of $SECONDS s, medians");
    printf "%-22s %9s %8s %8s   %9s %8s %8s   %6s   %s\n", '', 'req/s', 'p50 ms', 'p99 ms',
        'loop/s', 'p50 ms', 'p99 ms', 'ratio', 'round trips, copies; goal';
    for my $case (@CASES) {
        next if @wanted && !grep { index($case->[0], $_) >= 0 } @wanted;
        _case($erp, $shop, $bin, $mongo, @$case);
    }
    _cold($erp, $bin, $mongo, $shop) if !@wanted || grep { 'cold tenant' =~ /\Q$_/ } @wanted;
    return;
}

# A tenant with products as they are stored: made through the API once, then multiplied.
sub _shop {
    my ($erp) = @_;
    my $shop = $erp->seed_tenant(slug => 'bench');
    $shop->{token} = $erp->login($shop->{email}, $shop->{password})->{access_token};
    my $res = $erp->post('/api/products', {
        name => 'Amoxicillin 500 mg capsule', sku => 'AMX-500', category => 'Antibiotics', price => 12.5,
        stock => 120, description => 'A strip of ten capsules, kept dry and below 30 degrees',
        supplier_name => 'Padma Medical Supplies', generic_name => 'Amoxicillin', brand => 'Square',
        batch_number => 'B-2026-11', expiry_date => '2028-06-30' }, token => $shop->{token});
    die 'the first product: ' . $res->brief . "\n" if $res->status != 200;
    $shop->{id} = $res->json->{id};
    $erp->mongo($shop->{db_name}, doc(aggregate => 'products', cursor => {}, pipeline => [
        { '$match' => { id => $shop->{id} } },
        { '$set' => { n => { '$range' => [ 1001, 1000 + $RECORDS ] } } }, { '$unwind' => '$n' },
        { '$set' => { id => { '$concat' => [ '$id', '-', { '$toString' => '$n' } ] },
                      sku => { '$concat' => [ 'AMX-', { '$toString' => '$n' } ] } } },
        { '$unset' => [ '_id', 'n' ] }, { '$merge' => { into => 'products' } } ]));
    my $count = @{ $erp->get('/api/products', token => $shop->{token})->json };
    die "there are $count products\n" if $count != $RECORDS;
    note("$RECORDS products; the reply with 100 of them has "
        . length($erp->get('/api/products?limit=100', token => $shop->{token})->body) . ' bytes');
    return $shop;
}

sub _case {
    my ($erp, $shop, $bin, $mongo, $name, $path, $mode, $trips, $copies, $goal) = @_;
    my (@ours, @loop);
    $path =~ s/\{id\}/$shop->{id}/;
    _wrk($erp, $shop, $path, 1);    # warm
    for (1 .. $ROUNDS) {
        push @ours, _wrk($erp, $shop, $path, $SECONDS);
        push @loop, $mode eq 'edge' ? _wrk($erp, $shop, '/', $SECONDS)
            : _loop($bin, $mongo, $shop, $mode, $SECONDS);
    }
    my @a = _medians(@ours);
    my @b = _medians(@loop);
    printf "%-22s %9.0f %8.2f %8.2f   %9.0f %8.2f %8.2f   %6.2f   %s\n", $name, @a, @b,
        $a[0] / $b[0], "$trips, $copies; $goal";
    return;
}

# What the first request of a tenant costs more than its second, beside what a new client costs
# the bare driver. Every tenant has a URI of its own, so none finds a client in the cache.
sub _cold {
    my ($erp, $bin, $mongo, $shop) = @_;
    my (@first, @second);
    for my $n (1 .. $COLD) {
        my $t = $erp->seed_tenant(slug => "cold-$n", password => 'bench-password',
            entry => { db_uri => _with_option($mongo->{url}, "connectTimeoutMS=$n" . '00') });
        my $token = $erp->login($t->{email}, $t->{password})->{access_token};
        my @auth = (token => $token);
        push @first,  _curl_time($erp, '/api/products?limit=1', $token);
        push @second, _curl_time($erp, '/api/products?limit=1', $token) for 1 .. $WORKERS;
    }
    my @loop = _loop($bin, $mongo, $shop, 'cold', $SECONDS, 1);
    my ($f, $s) = map { my @s = sort { $a <=> $b } @$_; $s[ @s / 2 ] * 1000 } \@first, \@second;
    printf "%-22s first request %.2f ms, later ones %.2f ms: %.2f ms more; a new client and command of "
        . "the loop: p50 %.2f ms, p99 %.2f ms (medians of %d tenants)\n", 'cold tenant',
        $f, $s, $f - $s, $loop[0][1], $loop[0][2], $COLD;
    return;
}

sub _with_option {
    my ($url, $option) = @_;
    return $url . ($url =~ /\?/ ? '&' : '?') . $option;
}

# Seconds from the request's last byte to the reply's first one.
sub _curl_time {
    my ($erp, $path, $token) = @_;
    my $res = $erp->get($path, token => $token,
        curl => [ '-w', "\n%{time_pretransfer} %{time_starttransfer}" ]);
    die 'a cold tenant: ' . $res->brief . "\n" if $res->status != 200;
    my ($before, $after) = $res->body =~ /\n([\d.]+) ([\d.]+)\z/;
    return $after - $before;
}

# [requests/s, p50 ms, p99 ms]
sub _wrk {
    my ($erp, $shop, $path, $seconds) = @_;
    my $url = $erp->{client}->base . $path;
    my $out = '';
    open my $pipe, '-|', 'wrk', '-t2', "-c$CLIENTS", "-d${seconds}s", '--latency',
        '-H', "Authorization: Bearer $shop->{token}", $url or die "wrk: $!\n";
    $out .= $_ while <$pipe>;
    close $pipe;
    my ($rate) = $out =~ m{Requests/sec:\s+([\d.]+)};
    my %at = $out =~ /^\s+(50|99)%\s+(\S+)/mg;
    die "wrk failed for $path:\n$out" if !defined $rate || $out =~ /Non-2xx|Socket errors/;
    return [ $rate, map { _ms($at{$_}) } 50, 99 ];
}

sub _ms {
    my ($text) = @_;
    my ($n, $unit) = $text =~ /^([\d.]+)(us|ms|s)$/ or die "wrk: a time of $text\n";
    return $n * { us => 0.001, ms => 1, s => 1000 }->{$unit};
}

sub _loop {
    my ($bin, $mongo, $shop, $mode, $seconds, $loops) = @_;
    local $ENV{MONGO_URL} = $mongo->{url};
    my $out = '';
    open my $pipe, '-|', "$bin/t/bench/driver_loop", $mode, $seconds, $loops // $LOOPS,
        $shop->{db_name}, 'products', $shop->{tenant_id}, $shop->{id} or die "driver_loop: $!\n";
    $out .= $_ while <$pipe>;
    close $pipe or die "the bare loop failed\n";
    return [ split ' ', $out ];
}

sub _medians {
    my (@rows) = @_;
    return map { my $i = $_; my @s = sort { $a <=> $b } map { $_->[$i] } @rows; $s[ @s / 2 ] } 0 .. 2;
}

1;
