# The same while the primary of a replica set of three is killed: nothing that was acknowledged is
# lost, nothing is there twice.
use Erp::Test;
use Time::HiRes qw(time);
use Erp::MongoEval;
use Erp::OwnSet;
use Erp::Rush;

my $set = Erp::OwnSet->new;
my $erp = Erp::Test->start(workers => 4, login_workers => 1, env => { ERP_TENANT_SHARE => 100 });
my $shop = $erp->seed_tenant(slug => 'failover', entry => { db_uri => $set->{url} });
my $eval;
my $rush = Erp::Rush->new(erp => $erp, shop => $shop, clients => 8, each => 12, units => 50, pause => 0.2,
    token => $erp->login($shop->{email}, $shop->{password})->{access_token},
    all => sub { ($eval //= Erp::MongoEval->new($ENV{ERP_TEST_EVAL}, $set->{root_url}))->batch(@_) });

my $product = $rush->product('Rush');
my ($began, $killed) = (time);
my @said = $rush->run('c', $product, sub { $killed //= $set->kill_primary if time - $began > 0.8 });
ok $killed, 'the primary was killed';
diag sprintf '%d attempts in %.1f s', scalar @said, time - $began;
$rush->check(1, $product, @said);

done_testing;
