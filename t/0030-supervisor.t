# The pools under load: a worker killed at any moment costs at most the request in its hand, the
# pool is whole again within a second, and a rolling restart costs nothing.
use Erp::Test;
use Erp::Proc qw(alive);
use Erp::Say qw(slurp);
use Time::HiRes qw(time sleep);

my $WORKERS = 4;
my $erp = Erp::Test->start(
    erpd => "$ENV{ERP_TEST_DEVEL_BIN}/t/echo-worker", workers => $WORKERS, login_workers => 1);

# Starts `clients` that ask `requests` times each over one connection; gives a sub that waits for
# them and returns what they got: how often each status came, and the bodies of other than 200.
sub load {
    my ($clients, $requests, $query) = @_;
    my @pids;
    for my $client (1 .. $clients) {
        my $base = "$erp->{dir}/load.$client";
        my $pid = fork // die "fork: $!\n";
        if ($pid == 0) {
            open STDOUT, '>', "$base.out";
            open STDERR, '>', "$base.err";
            exec 'curl', '-q', '-sS', '--noproxy', '*', '--cacert', $erp->{cert}, '-m', 60, '-o', "$base.body.#1",
                '-w', "%{http_code}\n", $erp->url . "/api/echo?$query&n=[1-$requests]" or exit 127;
        }
        push @pids, $pid;
    }
    return sub {
        waitpid $_, 0 for @pids;
        my (%seen, @others);
        for my $client (1 .. $clients) {
            my $n = 0;
            for my $status (split /\n/, slurp("$erp->{dir}/load.$client.out")) {
                $n++;
                $seen{$status}++;
                push @others, slurp("$erp->{dir}/load.$client.body.$n") if $status ne '200';
            }
            diag(slurp("$erp->{dir}/load.$client.err")) if -s "$erp->{dir}/load.$client.err";
        }
        unlink glob "$erp->{dir}/load.*";
        return (\%seen, @others);
    };
}

sub whole {
    my @pids = $erp->pids('main');
    return @pids == $WORKERS && @pids == grep { $_ && alive($_) } @pids;
}

subtest 'kill -9 under load' => sub {
    my $kills = 12;
    my $end = load(6, 500, 'ms=3');
    my $slowest = 0;
    sleep 0.3;
    for my $round (1 .. $kills) {
        my @pids = $erp->pids('main');
        my $victim = $pids[$round % @pids];
        $erp->kill_worker('KILL', $victim);
        my $began = time;
        wait_until(5, sub { !(grep { $_ == $victim } $erp->pids('main')) && whole() });
        my $took = time - $began;
        $slowest = $took if $took > $slowest;
        sleep 0.05;
    }
    my ($seen, @lost) = $end->();
    cmp_ok $slowest, '<', 1, sprintf 'whole again after each of %d kills, at the latest after %.2f s', $kills, $slowest;
    cmp_ok scalar @lost, '<=', $kills, 'lost requests: ' . @lost . ', at most one a kill';
    is $seen->{200} + @lost, 3000, 'every other request was answered';
    is $seen->{502} // 0, scalar @lost, 'what was lost is a 502';
    is scalar(grep { !/"code":"worker_lost"/ || !/"request_id":"[0-9a-f]{32}"/ } @lost), 0, '... in problem+json';
};

subtest 'rolling restart under load' => sub {
    my %old = map { $_ => 1 } $erp->pids('main'), $erp->pids('login');
    my $end = load(6, 400, 'ms=3');
    sleep 0.2;
    ok $erp->reload(30), 'all workers were replaced';
    is scalar(grep { $old{$_} } $erp->pids('main'), $erp->pids('login')), 0, 'none of the old ones is left';
    my ($seen, @lost) = $end->();
    is $seen->{200}, 2400, 'every request was answered';
};

subtest 'a worker is told to end' => sub {
    my $end = load(1, 1, 'ms=600');
    sleep 0.3;
    my @pids = $erp->pids('main');
    kill 'TERM', @pids;
    my ($seen) = $end->();
    is $seen->{200}, 1, 'it finishes the request in its hand';
    ok wait_until(5, \&whole), 'the pool is whole again';
};

subtest 'the end' => sub {
    my @all = grep { $_ } map { $erp->pids($_) } qw(main login nginx);
    my $end = load(1, 1, 'ms=600');
    sleep 0.3;
    kill 'TERM', $erp->running;
    my ($seen) = $end->();
    is $seen->{200}, 1, 'the request in hand is answered';
    ok wait_until(10, sub { !$erp->running }), 'the supervisor ends';
    is scalar(grep { alive($_) } @all), 0, 'nothing of it is left';
    is_deeply [glob "$erp->{dir}/*.sock"], [], 'no socket is left';
    $erp->stop;
};

subtest 'a worker that cannot start' => sub {
    my $hopeless = Erp::Test->start(erpd => '/bin/false', workers => 1, login_workers => 1, wait => 0);
    my $log = "$hopeless->{log}/supervisor.log";
    ok wait_until(20, sub { (() = (slurp($log) // '') =~ /pool=main/g) >= 8 }), 'is tried again and again';
    ok $hopeless->running, 'the supervisor does not give up';
    ok wait_until(10, sub { $hopeless->get('/')->status == 200 }), 'nginx serves meanwhile';
    my $pid = $hopeless->running;
    close delete $hopeless->{life};
    ok wait_until(10, sub { !alive($pid) }), 'all ends when the starter is gone';
    $hopeless->stop;
};

done_testing;
