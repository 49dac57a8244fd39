# Everybody at the last fifty, with workers that die: what was acknowledged exists once, nothing
# twice, and stock and numbers are exact.
use Erp::Test;
use Time::HiRes qw(time);
use Erp::Rush;

my $erp = Erp::Test->start(workers => 8, login_workers => 1, env => { ERP_TENANT_SHARE => 100 },
    erpd => "$ENV{ERP_TEST_DEVEL_BIN}/erpd");    # a worker with sanitizers starts too slowly to be killed so often
my $shop = $erp->seed_tenant(slug => 'rush');
my $rush = Erp::Rush->new(erp => $erp, shop => $shop, clients => 16, each => 25, units => 50,
    token => $erp->login($shop->{email}, $shop->{password})->{access_token});

subtest 'at the last fifty' => sub {
    my $product = $rush->product('Rush');
    my $began = time;
    my @said = $rush->run('a', $product);
    diag sprintf '%d attempts in %.1f s', scalar @said, time - $began;
    $rush->check(1, $product, @said);
};

subtest 'while workers are killed' => sub {
    my $product = $rush->product('Rush again');
    my $kills = 0;
    my $began = time;
    my @said = $rush->run('b', $product, sub {
        my @pids = grep { $_ } $erp->pids('main');
        $kills += $erp->kill_worker('KILL', $pids[rand @pids]) if @pids;
    });
    diag sprintf '%d attempts in %.1f s, %d workers killed', scalar @said, time - $began, $kills;
    cmp_ok $kills, '>', 5, 'workers were killed';
    $rush->check(51, $product, @said);
};

done_testing;
