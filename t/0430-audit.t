# The audit log: what is entered where, who may do what with it, the chain over it, and that every
# kind of tampering is found and named.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Erp::Test;
use Erp::Json qw(from_json to_json);
use Erp::MongoEval;
use Time::HiRes qw(time sleep);

my $erp = Erp::Test->start(workers => 3, login_workers => 2, env => { ERP_AUDIT_DELAY => 1 });
my ($shop, $calm) = map { my $t = $erp->seed_tenant(slug => $_);
    $t->{token} = $erp->login($t->{email}, $t->{password})->{access_token}; $t } qw(shop calm);
my $log = "$shop->{db_name}_audit";
my @as = (token => $shop->{token});

sub entries { my ($db, %filter) = @_; return $erp->mongo_all($db, doc(find => 'audit_log', filter => \%filter, sort => doc(at => 1, id => 1), batchSize => 10000)) }
sub records { return $erp->mongo_all('admin', doc(find => 'audit_chain', filter => { audit_db => $_[0] }, sort => { seq => 1 }, batchSize => 10000)) }
sub chain_once { my ($status, $out, $err) = $erp->erpctl('audit', 'chain', '--once', '--json', @_); return ($status, eval { from_json($out) }, $err) }

sub verify {
    my ($status, $out, $err) = $erp->erpctl('audit', 'verify', @_, '--json');
    my $all = eval { from_json($out) } or diag "$status $out $err";
    return ($status, $all->{logs}[0], $all);
}

sub product { return $erp->post('/api/products', { name => $_[0], price => 1 }, @as)->json->{id} }

# An entry as erpd writes it, made by somebody with the database's root account.
sub forge {
    my ($db, %o) = @_;
    my $at = $o{at} // time;
    $erp->mongo_insert($db, 'audit_log', doc(id => $o{id} // sprintf('0%07x-0000-7000-8000-%012x', int(rand(2**27)), int(rand(2**40))),
        tenant_id => $o{tenant_id} // $shop->{tenant_id}, at => { '$date' => { '$numberLong' => sprintf '%d', $at * 1000 } },
        kind => 'data', action => 'create', collection => 'products', actor => 'x'));
    return;
}

my @ids = map { product("P$_") } 1 .. 5;

subtest 'where entries are' => sub {
    my @made = entries($log, kind => 'data', collection => 'products');
    is scalar @made, 5, 'an entry a write, in the database beside';
    is_deeply [ map { $_->{record_id} } @made ], \@ids, '... in order';
    ok !(grep { $_ eq 'audit_log' } @{ $erp->get('/api/health/tenant/collections', @as)->json->{collections} }),
        'none of it in the tenant\'s own database';
};

subtest 'chaining' => sub {
    my ($status, $one) = verify('shop');
    is $status, 0, 'nothing is chained yet: no fault';
    cmp_ok $one->{pending}, '>=', 5, '... all pending';
    sleep 1.2;
    my ($done, $out, $err) = chain_once();
    is $done, 0, 'a round' or diag $err;
    cmp_ok $out->{chained}, '>=', 5, '... chains what is old enough';
    is((chain_once())[1]{chained}, 0, '... once');
    ($status, $one) = verify('shop');
    is $status, 0, 'whole' or diag to_json($one);
    is $one->{pending}, 0, '... nothing pending';
    is $one->{records}, 1, '... one record for all of them';
    like $one->{hash}, qr/^[0-9a-f]{64}$/, '... and its hash';
    my ($record) = records($log);
    is scalar @{ $record->{entries} }, $one->{entries}, 'every entry is named in it';
    is((verify('calm'))[0], 0, 'another tenant has its own chain');
    my ($all, undef, $report) = verify('--all');
    is $all, 0, 'all of them' or diag to_json($report);
    is_deeply [ sort map { $_->{log} } @{ $report->{logs} } ], [qw(calm platform shop)], '... with the platform\'s own';
    for my $wrong ([], [ 'shop', '--all' ], [ 'shop', 'calm' ]) {
        is((verify(@$wrong))[0], 64, "refused: audit verify @$wrong");
    }
    is((verify('nobody'))[0], 1, 'an unknown tenant');
};

subtest 'late commits' => sub {
    product('Later');
    sleep 1.2;
    chain_once();
    forge($log, at => time - 40);    # visible 40 s after it was made
    my ($status, $one) = verify('shop');
    is $status, 0, 'an entry that became visible late is no fault';
    is $one->{pending}, 1, '... but pending';
    is((chain_once())[1]{chained}, 1, '... and chained by looking back');
    ($status, $one) = verify('shop');
    is "$status $one->{pending}", '0 0', '... then whole';
    is((chain_once())[1]{chained}, 0, '... and not again');
};

# Does something to the log as root, expects verify to name it, and puts things back.
sub tampered {
    my ($what, $fault, $key, $do, $undo) = @_;
    my $want = $do->();
    my ($status, $one) = verify('shop');
    is $status, 1, "$what: found";
    is_deeply [ map { [ $_->{fault}, $_->{$key} ] } @{ $one->{found} } ], [ map { [ $fault, $_ ] } ref $want ? @$want : $want ], '... and named'
        or diag to_json($one);
    my (undef, $text) = $erp->erpctl('audit', 'verify', 'shop');
    like $text, qr/^shop: $fault /m, '... in text too';
    chain_once();
    is((verify('shop'))[0], 1, '... also after another round');
    $undo->();
    is((verify('shop'))[0], 0, "... and gone when it is undone ($what)");
    return;
}

sub root_update { my ($db, $c, $q, $u) = @_; $erp->mongo($db, doc(update => $c, updates => [ doc(q => $q, u => $u) ])); return }

subtest 'tampering' => sub {
    my @made = entries($log, collection => 'products');
    my $one = $made[1];
    my $back = sub { my ($f) = @_; return sub { root_update($log, 'audit_log', { id => $one->{id} }, { '$set' => { $f => $one->{$f} } }) } };
    tampered('an entry that was changed', 'changed', 'id',
        sub { root_update($log, 'audit_log', { id => $one->{id} }, { '$set' => { actor => 'somebody' } }); $one->{id} }, $back->('actor'));
    tampered('an entry that was moved in time', 'changed', 'id',
        sub { root_update($log, 'audit_log', { id => $one->{id} }, { '$set' => { at => $made[3]{at} } }); $one->{id} }, $back->('at'));
    tampered('an entry that was given to another tenant', 'removed', 'id',
        sub { root_update($log, 'audit_log', { id => $one->{id} }, { '$set' => { tenant_id => 'other' } }); $one->{id} }, $back->('tenant_id'));
    # Copied by the server, so that what comes back is the same to the byte.
    my $copy = sub { $erp->mongo($log, doc(aggregate => $_[0], pipeline => [ { '$out' => $_[1] } ], cursor => {})) };
    tampered('an entry that was removed', 'removed', 'id',
        sub { $copy->('audit_log', 'kept'); $erp->mongo($log, doc(delete => 'audit_log', deletes => [ doc(q => { id => $one->{id} }, limit => 1) ])); $one->{id} },
        sub { $copy->('kept', 'audit_log') });
    my $id = '00000000-0000-7000-8000-00000000beef';
    tampered('an entry that was smuggled in', 'inserted', 'id', sub { forge($log, id => $id, at => time - 86400); $id },
        sub { $erp->mongo($log, doc(delete => 'audit_log', deletes => [ doc(q => { id => $id }, limit => 1) ])) });
    tampered('two of one id', 'inserted', 'id', sub { forge($log, id => $one->{id}, at => time - 86400); $one->{id} },
        sub { $erp->mongo($log, doc(delete => 'audit_log', deletes => [ doc(q => { id => $one->{id}, actor => 'x' }, limit => 1) ])) });
    my ($first, $second) = records($log);
    tampered('a record of the chain that was changed', 'broken', 'seq',
        sub { root_update('admin', 'audit_chain', { audit_db => $log, seq => $first->{seq} }, { '$set' => { at => { '$date' => { '$numberLong' => '0' } } } }); 1 },
        sub { root_update('admin', 'audit_chain', { audit_db => $log, seq => $first->{seq} }, { '$set' => { at => $first->{at} } }) });
    tampered('a record that follows another', 'broken', 'seq',
        sub { root_update('admin', 'audit_chain', { audit_db => $log, seq => $second->{seq} }, { '$set' => { prev => 'a' x 64 } }); [ 2, 2 ] },
        sub { root_update('admin', 'audit_chain', { audit_db => $log, seq => $second->{seq} }, { '$set' => { prev => $second->{prev} } }) });
};

subtest 'two auditors' => sub {
    product("Q$_") for 1 .. 20;
    sleep 1.2;
    my $before = scalar records($log);
    my @pids = map {
        my $pid = fork // die "fork: $!\n";
        if (!$pid) { my ($status) = chain_once(); POSIX::_exit($status) }
        $pid;
    } 1 .. 4;
    my %status;
    for (@pids) { waitpid $_, 0; $status{ $? >> 8 }++ }
    is_deeply [ grep { $_ != 0 && $_ != 2 } keys %status ], [], 'each worked, or said that another one does' or diag to_json(\%status);
    cmp_ok $status{0} // 0, '>=', 1, '... one did';
    my ($ok, $one) = verify('shop');
    is $ok, 0, 'the chain is whole' or diag to_json($one);
    is $one->{pending}, 0, '... nothing is left';
    is scalar(records($log)), $before + 1, '... and nothing was chained twice';
};

done_testing;
