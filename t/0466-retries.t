# A transaction that meets another's lock in any of its commands is run again as a whole, also where
# the command writes to a database beside the one of the record.
use Erp::Test;
use Erp::OwnMongo;
use Erp::Proc qw(random_text);

my $own = Erp::OwnMongo->new(failpoints => 1);
@ENV{qw(ERP_TEST_MONGO_URL ERP_TEST_MONGO_ROOT_URL)} = @$own{qw(url root_url)};    # of the accounts, too
my $erp = Erp::Test->start(workers => 1);
my $shop = $erp->seed_tenant(slug => 'shop');
my $token = $erp->login($shop->{email}, $shop->{password})->{access_token};
my $ATTEMPTS = 5;

sub person {
    return $erp->post('/api/users', { email => random_text(8) . '@people.example', password => 'lantern-orbit-47',
        full_name => 'New Person', role => 'staff' }, token => $token);
}
sub brand { return $erp->post('/api/brands', { name => random_text(8) }, token => $token) }

# The next `n` insertions into a collection meet a lock (code 24, LockTimeout).
sub meet {
    my ($n, $where) = @_;
    return $own->failpoint({ times => $n }, failCommands => ['insert'], errorCode => 24,
        errorLabels => ['TransientTransactionError'], namespace => $where);
}

sub users { return $erp->mongo('users', doc(count => 'users', query => { tenant_id => $shop->{tenant_id} }))->{n} }

is(person()->status, 200, 'an account');
is(brand()->status, 200, 'a brand');
my $log = "$shop->{db_name}_audit.audit_log";
for my $case (['an account, at its log', \&person, $log], ['an account, at its record', \&person, $erp->db('users') . '.users'],
    ['a brand, at its log', \&brand, $log], ['a brand, at its record', \&brand, "$shop->{db_name}.brands"]) {
    my ($what, $do, $where) = @$case;
    my $before = users();
    meet($ATTEMPTS - 1, $where);
    my $res = $do->();
    is $res->status, 200, "$what: a conflict is met again and again, and it is stored" or diag $res->brief;
    my $stored = users();
    is $stored - $before, $do == \&person ? 1 : 0, '... once';
    meet($ATTEMPTS, $where);
    is_problem($do->(), 503, 'try_again', '... and no more often than that');
    $own->failpoint('off');
    is users(), $stored, '... which leaves nothing behind';
}

done_testing;
