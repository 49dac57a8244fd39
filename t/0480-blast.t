# One tenant's trouble is nobody else's: B's server hangs, is killed, B floods; A's 99th percentile
# stays what it was within 10 % or 5 ms. Machines are noisy, so both are measured in turn in one
# run, round by round, and the medians of the rounds' percentiles are compared; where they differ
# by more, up to MORE rounds are added before it counts as a failure, and what the undisturbed
# rounds differ among themselves (half of their range) is allowed as well. With the bulkhead off
# (ERP_TEST_BLAST_SHARE=100 in the environment of this test) A's percentile becomes seconds.
use Erp::Test;
use Time::HiRes qw(time sleep);
use Erp::Json qw(from_json);
use Erp::OwnMongo;
use Erp::Say qw(slurp spew);

my ($ROUNDS, $MORE, $SECONDS) = (3, 6, 3);
my $own = Erp::OwnMongo->new;
my %env = (ERP_LOG_LEVEL => 'info', ($ENV{ERP_TEST_BLAST_SHARE} ? (ERP_TENANT_SHARE => $ENV{ERP_TEST_BLAST_SHARE}) : ()));
my $erp = Erp::Test->start(workers => 4, login_workers => 1, env => \%env);

sub tenant {
    my ($on, %opt) = @_;
    my $t = $on->seed_tenant(%opt);
    $t->{token} = $on->login($t->{email}, $t->{password})->{access_token};
    is($on->post('/api/brands', { name => 'Kept' }, token => $t->{token})->status, 200, "$opt{slug} works");
    $on->get('/api/brands', token => $t->{token}) for 1 .. 8;    # each worker has its client
    return $t;
}

my $calm = tenant($erp, slug => 'calm');
my $away = tenant($erp, slug => 'away', entry => { db_uri => $own->url });

# Callers who each ask $rate times a second for $seconds, each on a connection of its own.
sub callers {
    my ($on, $t, $n, $rate, $seconds, @curl) = @_;
    my $count = $rate * $seconds;
    return map {
        open my $out, '-|', 'curl', '-q', '-s', '--http1.1', '--noproxy', '*', '--cacert', $on->{cert}, '-m', 15,
            '-H', "Authorization: Bearer $t->{token}", '-o', '/dev/null', '--rate', "$rate/s", @curl,
            '-w', '%{http_code} %{time_pretransfer} %{time_starttransfer} %header{retry-after}\n',
            $on->url . "/api/brands?limit=[1-$count]" or die "curl: $!\n";
        $out } 1 .. $n;
}

# What they got: [status, ms, Retry-After] each.
sub results {
    my (@pipes) = @_;
    my @all;
    for my $pipe (@pipes) {
        while (<$pipe>) {
            next if !/^\d{3} /;    # of a flood nobody keeps the books
            my ($status, $from, $to, $retry) = split ' ';
            push @all, [$status, ($to - $from) * 1000, $retry // ''];
        }
        close $pipe;
    }
    return @all;
}

sub quantile { my ($q, @v) = @_; @v = sort { $a <=> $b } @v; return $v[ int($q * $#v + 0.5) ] // -1 }
sub p99 { return quantile(0.99, map { $_->[1] } @_) }

# A's percentiles without and with the trouble, round by round. `$trouble` is a coderef that begins it, $over
# one that ends it; both get nothing. Returns what B got while it lasted.
sub compare {
    my ($what, $on, $calm_one, $with, $trouble, $over) = @_;
    my (@calm, @hit, @b, $limit);
    my $bad = 0;
    for my $round (1 .. $ROUNDS + $MORE) {
        for my $disturbed (0, 1) {
            $trouble->() if $disturbed;
            my @others = $with->($disturbed);
            my @got = results(callers($on, $calm_one, 2, 20, $SECONDS, '--interface', '127.0.0.2'));
            my @theirs = results(@others);
            $bad += grep { $_->[0] != 200 } @got;
            push @{ $disturbed ? \@hit : \@calm }, p99(@got);
            push @b, @theirs if $disturbed;
            $over->() if $disturbed;
        }
        my $usual = quantile(0.5, @calm);
        my $range = (quantile(1, @calm) - quantile(0, @calm)) / 2;
        $limit = $usual + (sort { $b <=> $a } $usual / 10, 5, $range)[0];
        last if $bad || ($round >= $ROUNDS && quantile(0.5, @hit) <= $limit) || quantile(0.5, @hit) > 2000;
    }
    note sprintf '%s: p99 of A %.1f ms undisturbed (%s), %.1f ms disturbed (%s), limit %.1f ms', $what,
        quantile(0.5, @calm), join(' ', map { sprintf '%.1f', $_ } @calm),
        quantile(0.5, @hit), join(' ', map { sprintf '%.1f', $_ } @hit), $limit;
    is $bad, 0, "$what: every request of A is served";
    cmp_ok quantile(0.5, @hit), '<=', $limit, "$what: A does not feel it";
    return @b;
}

sub works { return $erp->get('/api/brands', token => $away->{token})->status == 200 }

# What the workers' log says of B's refusals: [code, ms] each, after byte $from.
sub refusals {
    my ($from) = @_;
    my $log = substr slurp("$erp->{log}/main.log"), $from;
    return (scalar(() = $log =~ /event=breaker_probe/g),
        map { my ($code) = /code=(\S+)/; my ($ms) = / ms=([\d.]+)/; [$code, $ms] } grep { /event=request .* tenant=away/ && /status=(?:503|429)/ } split /\n/, $log);
}

for my $fault (['frozen', 'freeze', 'thaw'], ['killed', 'kill', 'start']) {
    my ($what, $break, $repair) = @$fault;
    subtest "B's server is $what under load" => sub {
        my $from = -s "$erp->{log}/main.log";
        my @back;
        my @b = compare($what, $erp, $calm,
            sub { callers($erp, $away, 6, 5, $SECONDS) },
            sub { $own->$break },
            sub {
                $own->$repair;
                my $began = time;
                wait_until(30, \&works);
                push @back, time - $began;
                wait_until(30, sub { works() && works() && works() && works() });
            });
        my ($probes, @refused) = refusals($from);
        my @open = grep { $_->[0] eq 'database_unavailable' } @refused;
        cmp_ok scalar(@open), '>', 20, "B's callers are told that its database is away (" . @open . ' times)';
        cmp_ok quantile(0.5, map { $_->[1] } @open), '<', 20, '... in a moment';
        # Who tries whether it is back waits for it; and so did those who came before anyone knew: two a round.
        my $slow = grep { $_->[1] >= 100 } @open;
        cmp_ok $slow, '<=', $probes + 3 * @back, "... the others within 100 ms ($slow were not, $probes probes)";
        is scalar(grep { $_->[0] == 503 && $_->[2] !~ /^\d+$/ } @b), 0, '... with Retry-After';
        is_deeply [grep { $_->[0] !~ /^(?:200|429|503)$/ } @b], [], '... and nothing else';
        note sprintf '%s: B works again after %s s', $what, join ' ', map { sprintf '%.1f', $_ } @back;
        cmp_ok quantile(0.5, @back), '<=', 5, 'B works again within 5 s';
    };
}

# The limits of a real edge, which the tests' instances do without: 200 connections of one address and one token, 500
# requests a second. The flood is made on the machine that it meets: so in the undisturbed rounds the same 200 connections
# ask nginx for a page, and B asks for what the edge grants it. What is compared is what the flood adds to that.
subtest 'B floods while A trickles' => sub {
    my $edge = Erp::Test->start(workers => 4, login_workers => 1, env => \%env, nginx => {
        API_RATE => '50r/s', API_BURST => 100, CONNECTIONS => 300 });
    my $trickle = tenant($edge, slug => 'trickle');
    my $flooder = tenant($edge, slug => 'flood');
    spew("$edge->{dir}/pace.lua", "function delay() return math.random(200, 600) end\n");
    my $flood = sub {
        my ($disturbed) = @_;
        open my $out, '-|', 'wrk', '-t1', '-c200', '-d' . ($SECONDS + 2) . 's', '-s', "$edge->{dir}/pace.lua",
            '-H', "Authorization: Bearer $flooder->{token}", $edge->url . ($disturbed ? '/api/brands' : '/') or die "wrk: $!\n";
        sleep 1.5;    # the burst that a token may have is over
        return ($out, $disturbed ? () : callers($edge, $flooder, 2, 22, $SECONDS));
    };
    compare("flood", $edge, $trickle, $flood, sub { }, sub { });
    my ($row) = grep { ($_->{tenant} // '') eq 'flood' } @{ from_json(($edge->erpctl('status', '--json'))[1])->{tenants} };
    cmp_ok $row->{requests}, '>', 100, 'what the edge let through of it was looked at';
    is($edge->get('/api/brands', token => $flooder->{token}, curl => ['--retry', 3])->status, 200, 'B is served afterwards');
    $edge->stop;
};

done_testing;
