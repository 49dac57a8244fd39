# A server that takes its time, with indexes of a new business for one, is not away: while some wait
# for it, nobody else is refused.
use Erp::Test;
use Time::HiRes qw(time sleep);
use Erp::OwnMongo;
use Erp::Proc qw(random_text);

my $SLOW = 2.0;    # s
my $own = Erp::OwnMongo->new(failpoints => 1);
# Two are slow, four look whether anybody hangs.
my $erp = Erp::Test->start(workers => 6, env => { ERP_TENANT_SHARE => 100 });
my $shop = $erp->seed_tenant(slug => 'shop', entry => { db_uri => $own->url });
my $token = $erp->login($shop->{email}, $shop->{password})->{access_token};

sub brand { return $erp->post('/api/brands', { name => random_text(8) }, token => $token) }
sub list  { return $erp->get('/api/brands', token => $token) }

# What `do` says in a process of its own: a list of statuses.
sub beside {
    my ($do) = @_;
    pipe my $read, my $write or die "pipe: $!\n";
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        syswrite $write, join ' ', $do->();
        POSIX::_exit(0);
    }
    close $write;
    return sub { local $/; my $said = <$read>; waitpid $pid, 0; return split / /, $said };
}

is(brand()->status, 200, 'all is well') for 1 .. 2;
is(list()->status, 200, 'for every worker') for 1 .. 20;
$own->failpoint('alwaysOn', failCommands => ['insert'], blockConnection => \1, blockTimeMS => $SLOW * 1000);
my @slow = map { beside(sub { brand()->status }) } 1 .. 2;
sleep 0.3;    # they are on their way: nobody has had an answer since
my $until = time + $SLOW - 0.5;
sleep 0.6;    # longer than an answer may take unsuspected
my @quick = map { beside(sub {
    my @said;
    push @said, list()->status while time < $until;
    return @said;
}) } 1 .. 4;
my %said;
$said{$_}++ for map { $_->() } @quick;
cmp_ok $said{200} // 0, '>=', 4, 'others are served' or diag explain \%said;
is_deeply [grep { $_ != 200 } keys %said], [], '... all of them';
is_deeply [map { $_->() } @slow], [200, 200], 'the slow ones end well';

done_testing;
