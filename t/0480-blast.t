# One tenant's trouble is nobody else's: B's server hangs, is killed, B floods; A's 99th percentile
# stays within 10 % or 5 ms of what it is without. Both are measured in turn in one run, round by
# round, and the medians of the rounds' percentiles are compared; machines are noisy, so where they
# differ by more, up to MORE rounds are added before it counts as a failure. That the flood would be
# felt is measured too, with the bulkhead off.
use Erp::Test;
use Time::HiRes qw(time sleep);
use Erp::Json qw(from_json);
use Erp::OwnMongo;
use Erp::Say qw(slurp spew);

my ($ROUNDS, $MORE, $SECONDS, $WORKERS) = (3, 6, 3, 4);
my $own = Erp::OwnMongo->new(failpoints => 1);
my %env = (ERP_DB_PATIENCE_MS => undef, ERP_LOG_LEVEL => 'info');
my $erp = Erp::Test->start(workers => $WORKERS, login_workers => 1, env => \%env);

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
# one that ends it; both get nothing. Returns A's requests that failed (bad), its disturbed percentile
# (hit), what that may be (limit), and what B got while it lasted (b).
sub compare {
    my ($what, $on, $calm_one, $with, $trouble, $over) = @_;
    my (@calm, @hit, @b, $limit);
    my ($bad, $last) = (0, $ROUNDS + $MORE);
    for my $round (1 .. $last) {
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
        $limit = $usual + ($usual / 10 > 5 ? $usual / 10 : 5);
        last if $bad || ($round >= $ROUNDS && quantile(0.5, @hit) <= $limit) || quantile(0.5, @hit) > 2000;
    }
    my $hit = quantile(0.5, @hit);
    note sprintf '%s: p99 of A %.1f ms undisturbed (%s), %.1f ms disturbed (%s), limit %.1f ms', $what,
        quantile(0.5, @calm), join(' ', map { sprintf '%.1f', $_ } @calm),
        $hit, join(' ', map { sprintf '%.1f', $_ } @hit), $limit;
    return { bad => $bad, hit => $hit, limit => $limit, b => \@b };
}

sub not_felt {
    my ($what, $seen) = @_;
    is $seen->{bad}, 0, "$what: every request of A is served";
    cmp_ok $seen->{hit}, '<=', $seen->{limit}, "$what: A does not feel it";
    return @{ $seen->{b} };
}

sub works { return $erp->get('/api/brands', token => $away->{token})->status == 200 }

# What the workers' log says of a tenant's requests after byte $from: [status, code, ms] each.
sub told {
    my ($on, $slug, $from) = @_;
    return map { my ($status) = / status=(\d+)/; my ($code) = / code=(\S+)/; my ($ms) = / ms=([\d.]+)/; [$status, $code // '', $ms] }
        grep { /event=request .* tenant=\Q$slug\E / } split /\n/, substr slurp("$on->{log}/main.log"), $from;
}

for my $fault (['frozen', 'freeze', 'thaw'], ['killed', 'kill', 'start']) {
    my ($what, $break, $repair) = @$fault;
    subtest "B's server is $what under load" => sub {
        my $from = -s "$erp->{log}/main.log";
        my @back;
        my @b = not_felt($what, compare($what, $erp, $calm,
            sub { callers($erp, $away, 6, 5, $SECONDS) },
            sub { $own->$break },
            sub {
                $own->$repair;
                my $began = time;
                wait_until(30, \&works);
                push @back, time - $began;
                wait_until(30, sub { works() && works() && works() && works() });
            }));
        my @open = grep { $_->[1] eq 'database_unavailable' } told($erp, 'away', $from);
        my $probes = () = substr(slurp("$erp->{log}/main.log"), $from) =~ /event=breaker_probe/g;
        cmp_ok scalar(@open), '>', 20, "B's callers are told that its database is away (" . @open . ' times)';
        cmp_ok quantile(0.5, map { $_->[2] } @open), '<', 20, '... in a moment';
        # Who tries whether it is back waits for it; and so did those who came before anyone knew: two a round.
        my $waited = $probes + 2 * @back;
        my $slow = grep { $_->[2] >= 100 } @open;
        cmp_ok $slow, '<=', $waited, "... the others within 100 ms in the worker ($slow were not, $probes probes)";
        my @away = grep { $_->[0] == 503 } @b;
        $slow = grep { $_->[1] >= 100 } @away;
        cmp_ok $slow, '<=', $waited + @away / 50, "... and as they see it ($slow of " . @away . ' were not)';
        is scalar(grep { $_->[2] !~ /^[1-9]\d?$/ } @away), 0, '... with Retry-After';
        is_deeply [grep { $_->[0] !~ /^(?:200|429|503)$/ } @b], [], '... and nothing else';
        note sprintf '%s: B works again after %s s', $what, join ' ', map { sprintf '%.1f', $_ } @back;
        cmp_ok quantile(1, @back), '<=', 5, 'B works again within 5 s, each time';
    };
}

# 200 connections of B, each of which asks again half a second after its answer, on workers whose
# edge limits nothing; and B's server thinks for $THINK ms about each, so that what B is granted holds a
# worker and no processor. Returns what compare does, and what B was told.
my ($CONNECTIONS, $THINK) = (200, 150);
sub flood {
    my ($what, $share) = @_;
    my $on = Erp::Test->start(workers => $WORKERS, login_workers => 1, env => { %env, ERP_TENANT_SHARE => $share });
    my $trickle = tenant($on, slug => 'trickle');
    my $flooder = tenant($on, slug => 'flood', entry => { db_uri => $own->url });
    spew("$on->{dir}/pace.lua", "function delay() return math.random(400, 1200) end\n");
    my ($from, $began, $took) = (-s "$on->{log}/main.log", 0, 0);
    my $seen = compare($what, $on, $trickle, sub {
        my ($disturbed) = @_;
        return if !$disturbed;
        $began = time;
        open my $out, '-|', 'wrk', '-t1', "-c$CONNECTIONS", '-d' . ($SECONDS + 2) . 's', '--timeout', '30s', '-s',
            "$on->{dir}/pace.lua", '-H', "Authorization: Bearer $flooder->{token}", $on->url . '/api/brands' or die "wrk: $!\n";
        sleep 1.5;    # all are connected
        return ($out, callers($on, $flooder, 1, 10, $SECONDS));
    }, sub { $own->failpoint('alwaysOn', failCommands => ['find'], blockConnection => \1, blockTimeMS => $THINK) }, sub {
        wait_until(30, sub { !grep { ($_->{tenant} // '') eq 'flood' } @{ from_json(($on->erpctl('status', '--json'))[1])->{workers} } });
        $took += time - $began;
        $own->failpoint('off');
    });
    $seen->{told} = [told($on, 'flood', $from)];
    $seen->{seconds} = $took;
    is($on->get('/api/brands', token => $flooder->{token})->status, 200, 'B is served afterwards');
    $on->stop;
    return $seen;
}

subtest 'B floods while A trickles' => sub {
    my $seen = flood('flood', 50);
    my @b = not_felt('flood', $seen);
    my @told = @{ $seen->{told} };
    my @busy = grep { $_->[0] == 429 } @told;
    cmp_ok scalar(@busy), '>', 100 * $seen->{seconds}, 'B was refused more than a hundred times a second: ' . @busy;
    is_deeply [grep { $_->[1] ne 'tenant_busy' } @busy], [], '... by the bulkhead';
    cmp_ok quantile(0.99, map { $_->[2] } @busy), '<', 100, '... at once, in the worker';
    my @refused = grep { $_->[0] == 429 } @b;
    cmp_ok quantile(0.9, map { $_->[1] } @refused), '<', 100, '... and as B sees it (' . @refused . ' times)';
    is_deeply [grep { $_->[2] ne '1' } @refused], [], '... with Retry-After';
    is_deeply [grep { $_->[0] !~ /^(?:200|429)$/ } @told], [], '... or served, and nothing else';
    my $served = grep { $_->[0] == 200 } @told;
    my $most = $WORKERS / 2 * $seen->{seconds} * 1000 / $THINK;
    note sprintf '%d refused, %d served in %.1f s; half of the workers could serve %.0f', scalar @busy, $served, $seen->{seconds}, $most;
    cmp_ok $served, '<=', $most, 'it held no more than its half of the workers';
    cmp_ok $served, '>', $most / 3, '... and used it';
};

# The same with the bulkhead off: if A did not feel this, the test above would prove nothing.
subtest 'the bulkhead is what protects A' => sub {
    ($ROUNDS, $MORE) = (1, 0);
    my $seen = flood('flood, no bulkhead', 100);
    ok $seen->{bad} || $seen->{hit} > 10 * $seen->{limit}, sprintf 'A feels it: %d failed, p99 %.0f ms of at most %.0f', @$seen{qw(bad hit limit)};
    is_deeply [grep { $_->[1] eq 'tenant_busy' } @{ $seen->{told} }], [], '... and B is never refused by it';
};

done_testing;
