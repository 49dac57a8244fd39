# The MongoDB account of a tenant, as the server itself sees it.
package Erp::Account;
use strict;
use warnings;
use Exporter qw(import);
use JSON::PP ();
use Erp::MongoEval;
use Erp::Proc qw(wait_until);
use Erp::Test;

our @EXPORT_OK = qw(account_exists isolated_account tidy_accounts);

# Does user or role of a database exist at the server of this evaluator (root)?
sub account_exists {
    my ($eval, $db) = @_;
    return @{ $eval->run('admin', doc(usersInfo => "erpd_$db"))->{users} } + @{ $eval->run('admin', doc(rolesInfo => "erpd_$db"))->{roles} };
}

# Proves, as a subtest, that the tenant of database $db works with an account of its own, and that
# whoever has that account's role is refused by the server everywhere else. $url is any address of
# the server, $eval an evaluator of its root.
sub isolated_account {
    my ($eval, $url, $db, @others) = @_;
    my ($role, $probe) = ("erpd_$db", "probe_$db");
    my ($user) = @{ $eval->run('admin', doc(usersInfo => $role))->{users} };
    is_deeply([ map { $_->{role} } @{ $user->{roles} || [] } ], [$role], "$db: its account has its role, and no other") or return;
    ok(wait_until(10, sub { grep { grep { $_->{user} eq $role } @{ $_->{effectiveUsers} || [] } }
                $eval->batch('admin', doc(aggregate => 1, cursor => { batchSize => 10000 },
                    pipeline => [ { '$currentOp' => { allUsers => JSON::PP::true(), idleConnections => JSON::PP::true() } } ])) }), '... which workers use');
    $eval->run('admin', doc(createUser => $probe, pwd => 'known', roles => [ { role => $role, db => 'admin' } ]));
    (my $as = $url) =~ s{//(?:[^@/]*@)?([^/?]+).*}{//$probe:known\@$1/?authSource=admin};
    my $tenant = Erp::MongoEval->new($ENV{ERP_TEST_EVAL}, $as);
    my @wrong;
    for my $other (@others, map({ "${_}_audit" } @others), 'admin', 'local') {
        my %try = (
            find   => doc(find => 'products'),
            insert => doc(insert => 'x', documents => [ { a => 1 } ]),
            update => doc(update => 'products', updates => [ doc(q => {}, u => { '$set' => { a => 2 } }) ]),
            delete => doc(delete => 'products', deletes => [ doc(q => {}, limit => 0) ]),
            drop   => doc(dropDatabase => 1),
        );
        push @wrong, map { "$other: $_" } grep { ($tenant->try($other, $try{$_})->{code} // 0) != 13 } sort keys %try;
    }
    is_deeply(\@wrong, [], '... and the server refuses it every other database');
    ok($tenant->try($db, doc(find => 'products'))->{ok}, '... but not its own');
    is($tenant->try("${db}_audit", doc(delete => 'audit_log', deletes => [ doc(q => {}, limit => 0) ]))->{code}, 13, '... nor may it remove what is written down');
    $tenant->close;
    $eval->run('admin', doc(dropUser => $probe));
    return;
}

# Removes the accounts of a test's databases from the run's server.
sub tidy_accounts {
    my ($erp) = @_;
    for my $kind ([ usersInfo => 'users', 'dropUser', 'user' ], [ rolesInfo => 'roles', 'dropRole', 'role' ]) {
        my ($info, $list, $drop, $key) = @$kind;
        $erp->_eval->run('admin', doc($drop => $_->{$key}))
            for grep { index($_->{$key}, "erpd_$erp->{prefix}") == 0 } @{ $erp->_eval->run('admin', doc($info => 1))->{$list} };
    }
    return;
}

1;
