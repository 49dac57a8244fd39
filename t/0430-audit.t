# The audit log: what is entered where, who may do what with it, the chain over it, and that every
# kind of tampering is found and named.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Erp::Test;
use Erp::Json qw(from_json to_json);
use Erp::MongoEval;
use POSIX ();
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

# The newest entry of an action, once it is there: what is no write is entered after the reply.
sub newest { my ($db, $action, %filter) = @_;
    my $found;
    wait_until(20, sub { ($found) = reverse entries($db, action => $action, %filter); $found });
    return $found;
}

subtest 'signing in and out' => sub {
    my $person = $erp->seed_user(email => 'ann@shop.example', password => 'pass-word-1', role => 'staff', tenant_id => $shop->{tenant_id},
        user => { tenant_slug => 'shop', branch_id => 'b1' });
    my $token = $erp->login('ann@shop.example', 'pass-word-1')->{access_token};
    my $in = newest($log, 'sign_in', actor_email => 'ann@shop.example');
    is_deeply [ @$in{qw(kind actor_role tenant_id)} ], [ 'access', 'staff', $shop->{tenant_id} ], 'a sign-in, in the log of the business';
    like $in->{remote_addr}, qr/^127\./, '... from where';
    ok length $in->{request_id}, '... by which request';
    $erp->post('/api/auth/login', { email => 'ann@shop.example', password => 'not-the-password' });
    my $failed = newest($log, 'sign_in_failed');
    is_deeply [ @$failed{qw(actor code)} ], [ $in->{actor}, 'bad_credentials' ], 'a failed one';
    $erp->post('/api/auth/login', { email => 'nobody@shop.example', password => 'not-the-password' });
    my $nobody = newest('admin_audit', 'sign_in_failed');
    ok $nobody && !exists $nobody->{actor}, 'of an account that is not there: in the platform\'s log';
    unlike to_json($nobody), qr/nobody\@/, '... without what was typed';
    is($erp->post('/api/auth/change-password', { old_password => 'pass-word-1', new_password => 'another long phrase' }, token => $token)->status, 200, 'a new password');
    is newest($log, 'password_change')->{actor}, $in->{actor}, '... is entered';
    $token = $erp->login('ann@shop.example', 'another long phrase')->{access_token};
    $erp->post('/api/auth/logout', {}, token => $token);
    is newest($log, 'sign_out')->{actor}, $in->{actor}, 'signing out';
    $erp->mongo('users', doc(update => 'users', updates => [ doc(q => { email => 'ann@shop.example' }, u => { '$set' => { disabled => \1 } }) ]));
    is($erp->post('/api/auth/login', { email => 'ann@shop.example', password => 'another long phrase' })->status, 403, 'a disabled account');
    is newest($log, 'sign_in_refused')->{code}, 'user_disabled', '... is refused, which is entered';
    $erp->seed_user(email => 'root@erp.example', password => 'pass-word-1', role => 'super_admin');
    $erp->login('root@erp.example', 'pass-word-1');
    is newest('admin_audit', 'sign_in')->{actor_email}, 'root@erp.example', 'a super_admin, in the platform\'s log';
    $erp->seed_user(email => 'old@old.example', password => 'pass-word-1', role => 'tenant_admin', tenant_id => 'old-one');
    $erp->login('old@old.example', 'pass-word-1');
    is newest('users_audit', 'sign_in')->{tenant_id}, 'old-one', 'the shared database\'s log, by tenant';
};

subtest 'refusals' => sub {
    $erp->seed_user(email => 'bob@shop.example', password => 'pass-word-1', role => 'cashier', tenant_id => $shop->{tenant_id},
        user => { tenant_slug => 'shop', branch_id => 'b1' });
    my $token = $erp->login('bob@shop.example', 'pass-word-1')->{access_token};
    is($erp->delete("/api/products/$ids[0]", token => $token)->status, 403, 'a cashier deletes nothing');
    my $refused = newest($log, 'refused');
    is_deeply [ @$refused{qw(actor_email actor_role route code)} ],
        [ 'bob@shop.example', 'cashier', 'DELETE /api/products/{id}', 'role_forbidden' ], '... which is entered: who, what, why';
    $erp->delete("/api/products/$ids[0]", token => $token) for 1 .. 120;
    my $n = scalar entries($log, action => 'refused');
    cmp_ok $n, '<=', 60, 'no more than ten a minute and worker';    # two minutes may have begun
    cmp_ok $n, '>', 5, '... but those';
};

subtest 'GET /api/audit-log' => sub {
    my $list = sub { my ($query, %o) = @_; my $res = $erp->get("/api/audit-log$query", %o ? %o : @as); is $res->status, 200, $query or diag $res->brief; return @{ $res->json } };
    my @all = $list->('');
    is_deeply [ sort map { $_->{tenant_id} } @all ], [ ($shop->{tenant_id}) x @all ], 'one\'s own entries';
    is_deeply [ map { $_->{at} } @all ], [ reverse sort map { $_->{at} } @all ], '... the newest first';
    is_deeply [ grep { exists $all[0]{$_} } qw(created_at updated_at _id) ], [], '... as they are';
    my ($one) = $list->("?collection=products&record_id=$ids[2]");
    is_deeply [ @$one{qw(action kind actor_email record_id)} ], [ 'create', 'data', $shop->{email}, $ids[2] ], 'of one record';
    is scalar($list->('?action=refused')), scalar(entries($log, action => 'refused')), 'of an action';
    is_deeply [ grep { $_->{actor} ne $one->{actor} } $list->("?actor=$one->{actor}") ], [], 'of an actor';
    is_deeply [ grep { $_->{kind} ne 'access' } $list->('?kind=access') ], [], 'of a kind';
    my @part = $list->("?at.gte=$all[-1]{at}&at.lte=$one->{at}");
    ok @part && !(grep { $_->{at} gt $one->{at} } @part), 'of a time';
    my (@paged, $next);
    for (my $url = '/api/audit-log?limit=7'; $url; $url = $next) {
        my $res = $erp->get($url, @as);
        push @paged, @{ $res->json };
        ($next) = ($res->header('link') // '') =~ /<([^>]+)>/;
    }
    is_deeply [ map { $_->{id} } @paged ], [ map { $_->{id} } @all ], 'page by page it is the same';
    is_problem($erp->get('/api/audit-log?request_id=x', @as), 400, 'bad_query', 'what has no index is no filter');
    is_problem($erp->get('/api/audit-log?sort=id', @as), 400, 'bad_query', '... and no order');
    my $token = $erp->login('bob@shop.example', 'pass-word-1')->{access_token};
    is_problem($erp->get('/api/audit-log', token => $token), 403, 'role_forbidden', 'a cashier does not read it');
    is_deeply [ grep { $_->{tenant_id} ne $calm->{tenant_id} } $list->('', token => $calm->{token}) ], [], 'another tenant reads its own';
    my $plan = $erp->mongo($log, doc(explain => doc(find => 'audit_log', filter => doc(tenant_id => $shop->{tenant_id}, actor => 'x'), sort => doc(at => -1, id => -1)),
        verbosity => 'queryPlanner'));
    unlike to_json($plan->{queryPlanner}{winningPlan}), qr/COLLSCAN/, 'by an index';
    for my $method (qw(post put patch delete)) {
        my $res = $erp->request(uc $method, '/api/audit-log', @as, json => {});
        is $res->status, 405, "no $method";
    }
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
    is_deeply [ sort map { $_->{log} } @{ $report->{logs} } ], [qw(calm platform shared/old-one shop)], '... with the platform\'s own, and who has none';
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

subtest 'the tenant\'s own account at the database' => sub {
    my $root = $erp->_eval;
    my $name = "erpd_$shop->{db_name}";
    $root->run('admin', doc(createRole => $name, roles => [], privileges => [
        doc(resource => doc(db => $shop->{db_name}, collection => ''), actions => [qw(find insert update remove createCollection createIndex listIndexes listCollections)]),
        doc(resource => doc(db => $log, collection => ''), actions => [qw(find insert createCollection createIndex listIndexes listCollections changeStream)]) ]));
    $root->run('admin', doc(createUser => $name, pwd => 'tenant-secret', roles => [$name]));
    my $ok = eval {
        (my $uri = $ENV{ERP_TEST_MONGO_URL}) =~ s{//[^\@]+\@}{//$name:tenant-secret\@};
        my $own = Erp::MongoEval->new($ENV{ERP_TEST_EVAL}, $uri);
        my $one = doc(q => {}, limit => 1);
        is $own->try($log, doc(find => 'audit_log', limit => 1))->{ok}, 1, 'reads its log';
        is $own->try($log, doc(insert => 'audit_log', documents => [ { tenant_id => $shop->{tenant_id}, id => 'own' } ]))->{ok}, 1, 'adds to it';
        is $own->try($log, doc(update => 'audit_log', updates => [ doc(q => {}, u => { '$set' => { actor => 'x' } }) ]))->{codeName}, 'Unauthorized', 'changes nothing';
        is $own->try($log, doc(findAndModify => 'audit_log', query => {}, update => { '$set' => { actor => 'x' } }))->{codeName}, 'Unauthorized', '... in no way';
        is $own->try($log, doc(delete => 'audit_log', deletes => [$one]))->{codeName}, 'Unauthorized', 'removes nothing';
        is $own->try($log, doc(drop => 'audit_log'))->{codeName}, 'Unauthorized', '... at all';
        is $own->try($erp->db('admin'), doc(find => 'audit_chain', limit => 1))->{codeName}, 'Unauthorized', 'does not see the chain';
        # As the workers and the auditor use it: writes go on, in the transaction, by this account.
        $erp->mongo('admin', doc(update => 'tenants_registry', updates => [ doc(q => { slug => 'shop' }, u => { '$set' => { db_uri => $uri } }) ]));
        $erp->erpctl('cache', 'clear', 'shop');
        is($erp->post('/api/products', { name => 'By its own account', price => 1 }, @as)->status, 200, 'and writes are entered by it');
        my ($status, $found) = verify('shop');
        is_deeply [ map { [ @$_{qw(fault id)} ] } @{ $found->{found} } ], [ [ 'inserted', 'own' ] ], 'what it adds by hand is found';
        $erp->mongo($log, doc(delete => 'audit_log', deletes => [ doc(q => { id => 'own' }, limit => 1) ]));
        1;
    };
    my $why = $@;
    $root->run('admin', doc(dropUser => $name));
    $root->run('admin', doc(dropRole => $name));
    $erp->mongo('admin', doc(update => 'tenants_registry', updates => [ doc(q => { slug => 'shop' }, u => { '$set' => { db_uri => $ENV{ERP_TEST_MONGO_URL} } }) ]));
    $erp->erpctl('cache', 'clear', 'shop');
    ok $ok, 'the rest' or diag $why;
};

subtest 'operators' => sub {
    is(($erp->erpctl('seal', 'shop'))[0], 0, 'erpctl seal');
    is newest('admin_audit', 'seal')->{record_id}, 'shop', '... is entered in the platform\'s log';
    is(($erp->erpctl('tenant', 'suspend', 'calm'))[0], 0, 'erpctl tenant suspend');
    is newest("$calm->{db_name}_audit", 'suspended')->{actor}, 'erpctl', '... in the tenant\'s';
};

# An auditor that is killed at any moment leaves a whole chain, and one that writes go past.
subtest 'killed in the middle' => sub {
    for my $round (1 .. 4) {
        my $pid = $erp->spawn_erpctl('killed', 'audit', 'chain');
        ok wait_until(60, sub { $erp->mongo_all('admin', doc(find => 'leases', filter => { _id => 'auditor' })) }), 'an auditor is at work';
        my $until = time + 3 * rand;
        while (time < $until) { product("K$round") }
        kill 'KILL', $pid;
        waitpid $pid, 0;
        is $? & 127, 9, '... until it is killed';
        is((verify('shop'))[0], 0, 'killed: the chain is whole');
        $erp->mongo('admin', doc(delete => 'leases', deletes => [ doc(q => { _id => 'auditor' }, limit => 1) ])) if $round < 4;
    }
    my ($busy) = chain_once();
    is $busy, 2, 'the lease of one that is gone holds others off';
    $erp->mongo('admin', doc(update => 'leases', updates => [ doc(q => { _id => 'auditor' }, u => { '$set' => { until => { '$date' => { '$numberLong' => '1' } } } }) ]));
    sleep 1.2;
    is((chain_once())[0], 0, '... until it has run out');
    my ($status, $one) = verify('shop');
    is "$status $one->{pending}", '0 0', 'everything is chained, once' or diag to_json($one);
};

subtest 'the watcher runs it' => sub {
    my $watch = Erp::Test->start(workers => 1, login_workers => 1, watch => 1, env => { ERP_AUDIT_DELAY => 1 });
    my $t = $watch->seed_tenant(slug => 'watched');
    my $token = $watch->login($t->{email}, $t->{password})->{access_token};
    $watch->post('/api/products', { name => 'A', price => 1 }, token => $token);
    ok wait_until(90, sub { $watch->mongo_all('admin', doc(find => 'audit_chain', filter => { audit_db => "$t->{db_name}_audit" })) }),
        'entries are chained by themselves';
    is(($watch->erpctl('audit', 'verify', 'watched'))[0], 0, '... well');
};

done_testing;
