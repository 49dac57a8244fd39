# What an operator meets on a bad day: records written by hand that are not sound, servers that are
# away, commands that were killed or given something else the second time. One bad record costs the
# others nothing, a failure says what it is to programs too, and nothing is lost.
use Erp::Test;
use Erp::Proc qw(free_port);
use Erp::Say qw(slurp);
use File::Temp qw(tempdir);
use IO::Socket::INET;

my $erp = Erp::Test->start(workers => 2, login_workers => 1);
my $dir = tempdir('erpd-bad.XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $nowhere = 'mongodb://127.0.0.1:' . free_port() . '/';

sub ctl { return $erp->ctl(@_) }
sub entry { return ($erp->mongo_all('admin', doc(find => 'tenants_registry', filter => { slug => $_[0] })))[0] }
sub set_entry { my ($slug, $set) = @_;
    $erp->mongo('admin', doc(update => 'tenants_registry', updates => [doc(q => { slug => $slug }, u => { '$set' => $set })]));
    return $erp->erpctl('cache', 'clear', $slug) }
sub audited { my ($db, %filter) = @_; return $erp->mongo_all("${db}_audit", doc(find => 'audit_log', filter => \%filter)) }

my $shop = $erp->seed_tenant(slug => 'shop', entry => { tenant_id => undef });
my $token = $erp->login($shop->{email}, $shop->{password})->{access_token};
my $root = $erp->seed_user(email => 'root@platform.example', password => 'root-password-1', role => 'super_admin');
my $super = $erp->login('root@platform.example', 'root-password-1')->{access_token};

subtest 'every exit code, for programs too' => sub {
    my @cases = (
        [1, 'tenant_not_found', 'tenant', 'show', 'nobody'],
        [1, 'tenant_not_found', 'tenant', 'show', "caf\xe9"],
        [1, 'validation', 'tenant', 'verify-isolation', 'shop', '--url', $erp->url, { env => { JWT_SECRET_KEY_FILE => "$erp->{dir}/JWT_SECRET_KEY" } }],
        [64, 'usage', 'tenant', 'show'],
        [64, 'usage', 'tenant', 'list', '--nope'],
        [64, undef, 'nonsense'],
        [64, 'usage', 'seal', 'shop', '--all'],
        [69, undef, 'tenant', 'list', { env => { MONGO_URL_FILE => undef, MONGO_URL => $nowhere } }],
        [73, 'board', 'tenant', 'list', { env => { ERP_BOARD => "$dir/no/such/folder/board" } }],
        [78, 'settings', 'tenant', 'list', { env => { MONGO_URL_FILE => undef } }],
        [78, undef, 'tenant', 'list', { env => { ERP_TENANT_TTL => 'soon' } }],
        [78, 'database_not_configured', 'seal', 'shop', { env => { SECRET_KEY_FILE => undef } }]);
    for my $case (@cases) {
        my ($want, $name, @args) = @$case;
        my ($code, $result, $err) = ctl(@args);
        my @shown = map { ref $_ ? join ' ', sort keys %{ $_->{env} } : $_ } @args;
        is $code, $want, "@shown: exit code $want" or diag $err;
        my $error = ref $result eq 'HASH' ? $result->{error} : {};
        is $error->{exit}, $want, '... is in the JSON';
        is $error->{code}, $name, '... with the name of the error' if defined $name;
        like $error->{detail} // '', qr/\S \S/, '... and a sentence';
    }
    my ($code, $result) = ctl(qw(tenant add fields --name Fields --type Grocery! --admin-email a@fields.example));
    is_deeply [map { $_->{field} } @{ $result->{error}{fields} }], [qw(business_type db_name)], 'and the fields that are refused' or diag explain $result;
    ($code, $result) = ctl('tenant', 'list');
    is ref $result, 'ARRAY', 'a result is the result';
};

subtest 'no password in the list of processes' => sub {
    my $deaf = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1') or die $!;
    my $uri = 'mongodb://somebody:unheard-of-9321@127.0.0.1:' . $deaf->sockport . '/';
    for my $how (["--uri=$uri"], ['--uri', $uri]) {
        my $pid = $erp->spawn_erpctl('ps', qw(tenant add deaf --name Deaf --type grocery --admin-email a@deaf.example --any-uri), @$how);
        my $line = '';
        wait_until(20, sub { $line = slurp("/proc/$pid/cmdline") // ''; $line =~ /xxxxx/ || !-e "/proc/$pid/fd" });
        like $line, qr/tenant\0add\0deaf.*x{20}/s, 'the command is there';
        unlike $line, qr/unheard/, '... its password is not';
        like slurp("/proc/$pid/limits") // '', qr/^Max core file size +0 +0 /m, '... and would not be in a core file';
        kill 'KILL', $pid;
        waitpid $pid, 0;
    }
};

subtest 'what is half there serves nobody' => sub {
    my @add = ('tenant', 'add', 'half', '--name', 'Half', '--type', 'grocery', '--admin-email', 'owner@half.example', '--db-name', $erp->db('half'));
    ctl(@add, { env => { ERP_STOP_AFTER => 'account' } });
    is entry('half')->{status}, 'provisioning', 'killed on the way';
    is +(ctl('tenant', $_, 'half'))[0], 1, "$_ is no way to go on" for 'activate', 'suspend';
    is +(ctl('tenant', 'move', 'half', '--uri', $ENV{ERP_TEST_MONGO_URL}, '--db-name', $erp->db('elsewhere')))[0], 1, 'nor does it move';
    is entry('half')->{status}, 'provisioning', '... and changes nothing';
    is entry('half')->{db_name}, $erp->db('half'), '... nor its place';
    for my $other (['name', '--name', 'Other'], ['licence', '--license', 'pro'], ['limit', '--max-users', 3], ['limit', '--max-branches', 3],
                   ['list of modules', '--features', 'pos'], ['type', '--type', 'pharmacy', '--features', 'pos,inventory,analytics,dues,returns,expenses,offers,pricing,grocery'],
                   ['administrator', '--admin-email', 'another@half.example']) {
        my ($what, @more) = @$other;
        my ($code, $result) = ctl(@add, @more);
        is $code, 1, "another $what is not the same";
        like $result->{error}{detail}, qr/another $what/, '... and is told so';
    }
    my ($code, $made, $err) = ctl(@add);
    is $code, 0, 'the same again finishes' or diag $err;
    ok $made->{resumed}, '... what was begun';
    my $res = $erp->post('/api/tenants', { name => 'Null ' . $erp->{prefix}, business_type => 'grocery', email => 'n@null.example', features_enabled => undef }, token => $super);
    is $res->status, 200, 'a list of modules that is null' or diag $res->brief;
    cmp_ok scalar @{ $res->json->{modules_enabled} }, '>', 3, '... is none: those of the type';
    $erp->_eval->run($res->json->{database_name} . $_, '{"dropDatabase":1}') for '', '_audit';
    $erp->_eval->run('admin', doc("drop$_" => "erpd_" . $res->json->{database_name})) for qw(User Role);
    ctl('tenant', 'delete', $_->{slug}, '--yes', '--no-export') for $res->json;
};

subtest 'accounts that are no business\'s' => sub {
    my $odd = $erp->seed_tenant(slug => 'odd', entry => { tenant_id => undef });
    $erp->login($odd->{email}, $odd->{password});
    my $boss = $erp->seed_user(email => 'boss@platform.example', password => 'boss-password-1', role => 'super_admin', tenant_id => $odd->{tenant_id});
    $erp->seed_user(email => 'norole@odd.example', password => 'no-role-at-all', tenant_id => $odd->{tenant_id}, user => { role => undef });
    $erp->mongo_insert('users', 'users', { id => Erp::Test::uuid(), tenant_id => $odd->{tenant_id}, full_name => 'Nobody' });
    $erp->mongo_insert($odd->{db_name}, 'many', map { { _id => $_, tenant_id => $odd->{tenant_id}, text => 'x' x 100 } } 1 .. 5000);
    my ($code, $made, $err) = ctl('tenant', 'export', 'odd', "$dir/odd.tar");
    is $code, 0, 'exported' or diag $err;
    is $made->{users}, 3, '... with the accounts of the business alone';
    ($code, undef, $err) = ctl('tenant', 'verify', "$dir/odd.tar");
    is $code, 0, 'and the archive can be used' or diag $err;
    unlike slurp("$dir/odd.tar"), qr/boss\@platform/, '... without the super_admin';
    is +(ctl('tenant', 'delete', 'odd', '--yes', '--no-export'))[0], 0, 'deleted';
    is +(ctl('tenant', 'purge', 'odd', '--now', '--yes'))[1][0]{users}, 3, 'purged';
    is scalar($erp->mongo_all('users', doc(find => 'users', filter => { tenant_id => $odd->{tenant_id} }))), 1, 'the super_admin stays';
    ok $erp->login('boss@platform.example', 'boss-password-1')->{access_token}, '... and signs in';
    ($code, undef, $err) = ctl('tenant', 'import', "$dir/odd.tar");
    is $code, 0, 'the archive brings the business back' or diag $err;
    ok $erp->login($odd->{email}, $odd->{password})->{access_token}, '... its administrator signs in';

    # Who begins an import anew takes away what another one brings.
    ctl('tenant', 'delete', 'odd', '--yes', '--no-export');
    ctl('tenant', 'purge', 'odd', '--now', '--yes');
    my @pids = map { $erp->spawn_erpctl("import$_", 'tenant', 'import', "$dir/odd.tar", '--json') } 1, 2;
    my @codes = map { waitpid $_, 0; $? >> 8 } @pids;
    is_deeply [sort @codes], [0, 1], 'of two who import at once one does it';
    is $erp->mongo($odd->{db_name}, doc(count => 'many'))->{n}, 5000, '... and everything is there';
    is scalar($erp->mongo_all('users', doc(find => 'users', filter => { tenant_id => $odd->{tenant_id} }))), 4, '... once';
};

subtest 'an archive of a newer version' => sub {
    my $new = $erp->seed_tenant(slug => 'newer', entry => { schema_version => 99, tenant_id => undef });
    $erp->login($new->{email}, $new->{password});
    is +(ctl('tenant', 'export', 'newer', "$dir/newer.tar"))[0], 0, 'exported';
    is +(ctl('tenant', 'verify', "$dir/newer.tar"))[0], 0, '... it is whole';
    my ($code, $result) = ctl('tenant', 'restore', "$dir/newer.tar", '--as', 'older', '--admin-email', 'boss@older.example', '--db-name', $erp->db('older'), '--generate');
    is_deeply [$code, $result->{error}{code}], [1, 'schema_newer'], 'not restored by what does not know it' or diag explain $result;
    is entry('older'), undef, '... and nothing was begun';
    set_entry('newer', { schema_version => 1 });
};

subtest 'a cluster that is away keeps nobody from suspending' => sub {
    my $away = $erp->seed_tenant(slug => 'away');
    set_entry('away', { tenant_id => $away->{tenant_id}, db_uri => $nowhere });
    my $path = "/api/super/tenants/$away->{tenant_id}/status";
    my $res = $erp->patch($path, { status => 'suspended', reason => 'invoice 7' }, token => $super);
    is $res->status, 200, 'over the wire' or diag $res->brief;
    is entry('away')->{status}, 'suspended', '... done';
    my ($log) = audited('admin', action => 'suspended', record_id => 'away');
    is_deeply [@$log{qw(actor note)}], [$root->{id}, 'invoice 7'], '... and in the log of the platform';
    my ($code, undef, $err) = ctl('tenant', 'activate', 'away');
    is $code, 2, 'by erpctl: done, but for the log of the business' or diag $err;
    is entry('away')->{status}, 'active', '... done';
    is scalar(audited('admin', action => 'active', record_id => 'away')), 1, '... and in the log of the platform';
    is +(ctl('user', 'disable', 'boss@platform.example'))[0], 0, 'a super_admin is disabled';
    is scalar(audited('admin', action => 'user_disable')), 1, '... which is in the log of the platform';
    ($code, undef, $err) = ctl('user', 'disable', $away->{email});
    is $code, 2, 'a user of the business that is away: done, but for its log' or diag $err;
    is scalar(audited('admin', action => 'user_disable')), 2, '... so it is in that of the platform';
};

subtest 'one database in two entries' => sub {
    (my $uri = $ENV{ERP_TEST_MONGO_URL}) .= '&appName=other';
    $erp->seed_tenant(slug => 'twin', db_name => $shop->{db_name}, entry => { db_uri => $uri });
    my ($code, $faults) = ctl('check');
    is $code, 1, 'is a fault';
    ok scalar(grep { $_->{where} eq 'twin' && $_->{fault} eq 'has the database of shop' } @$faults), '... that is named' or diag explain $faults;
    is +(ctl('tenant', 'delete', 'twin', '--yes', '--no-export'))[0], 0, 'one is deleted';
    my (undef, $result) = ctl('tenant', 'purge', 'twin', '--now', '--yes');
    like $result->{error}{detail}, qr/is that of tenant shop/, '... and its database stays the other\'s';
    is $erp->get('/api/products', token => $token)->status, 200, '... who works on';
};

subtest 'verify-isolation among tenants that cannot take part' => sub {
    $erp->seed_tenant(slug => 'south', entry => { tenant_id => undef });
    $erp->login('admin@south.example', 'south-password');
    $erp->seed_tenant(slug => 'wrong', entry => { max_users => 'many' });
    $erp->mongo_insert('admin', 'tenants_registry', { slug => 17, status => 'active' });
    my @verify = ('tenant', 'verify-isolation', '--url', $erp->url, '--cacert', $erp->{cert});
    my ($code, $found, $err) = ctl(@verify);
    is $code, 2, 'done but for some' or diag $err;
    is_deeply $found->{leaks}, [], 'no leak among the others';
    my %why = map { $_->{tenant} => $_->{why} // '' } @{ $found->{not_judged} };
    like $why{$_} // '', qr/\S \S/, "why $_ took no part" for qw(away wrong ?);
    cmp_ok $found->{tenants}, '>=', 2, 'the others did';
    set_entry('away', { status => 'suspended' });
    my (undef, $text) = $erp->erpctl(@verify, qw(shop south away nobody));
    like $text, qr/^not judged: $_: - .*\S \S/m, "$_, which was named, is told" for qw(away nobody);
    is_deeply [$erp->mongo_all('users', doc(find => 'users', filter => { isolation_check => \1 }))], [], 'nothing is left behind';
};

subtest 'a canary that was left behind is nobody' => sub {
    my $south = entry('south');
    set_entry('south', { max_users => 2 });
    my $admin = $erp->login('admin@south.example', 'south-password');
    my $south_token = $admin->{access_token};
    my $left = $erp->seed_user(email => 'isolation-0@check.invalid', password => 'never-used-at-all', role => 'tenant_admin', tenant_id => $south->{tenant_id},
        user => { tenant_slug => 'south', isolation_check => \1, created_at => { '$date' => '2020-01-01T00:00:00Z' } });
    is_deeply [map { $_->{email} } @{ $erp->get('/api/users', token => $south_token)->json }], ['admin@south.example'], 'not shown';
    is_problem($erp->delete("/api/users/$left->{id}", token => $south_token), 404, 'not_found', 'nor found');
    my $res = $erp->post('/api/users', { email => 'two@south.example', password => 'a long enough phrase', full_name => 'Two', role => 'tenant_admin' }, token => $south_token);
    is $res->status, 200, 'it takes no place of the licence' or diag $res->brief;
    is_problem($erp->post('/api/users', { email => 'three@south.example', password => 'a long enough phrase', full_name => 'Three', role => 'staff' }, token => $south_token),
        403, 'limit_reached', '... which has no more of them');
    my $two = $erp->login('two@south.example', 'a long enough phrase')->{access_token};
    is $erp->delete("/api/users/$admin->{user}{id}", token => $two)->status, 200, 'one of two administrators goes';
    is_problem($erp->patch("/api/users/" . $res->json->{id}, { role => 'staff' }, token => $two), 403, undef, 'the last one stays');
    my $acting = $erp->post("/api/super/tenants/$south->{tenant_id}/impersonate", { reason => 'support' }, token => $super);
    is $acting->json->{user}{email}, 'two@south.example', 'and is whom a super_admin acts as' or diag $acting->brief;
    my @ttl = grep { ($_->{key}{isolation_until} // 0) == 1 } $erp->mongo_all('users', doc(listIndexes => 'users'));
    is $ttl[0]{expireAfterSeconds}, 0, 'what a killed run leaves goes by itself';
};

subtest 'upgrades among entries that are not sound' => sub {
    my ($code, $result, $err) = ctl('tenant', 'upgrade', '--all', '--canary', 'shop');
    is $code, 2, 'done but for some' or diag $err;
    ok scalar(grep { $_ eq 'shop' } @{ $result->{upgraded} // [] }), 'the canary and others' or diag explain $result;
    ok scalar(grep { $_ eq 'wrong' } @{ $result->{failed} // [] }), 'the one that is not sound is named';
    like $err, qr/without a sound slug/, 'as far as it has a name';
    ($code, $result, $err) = ctl('backup', '--all', '--dir', "$dir/backup");
    is $code, 2, 'a backup of all is done but for some';
    is_deeply [sort map { $_->{slug} } grep { $_->{status} eq 'failed' } @$result], ['away', 'wrong'], '... that are named' or diag explain $result;
    like $err, qr/without a sound slug/, '... as far as they have a name';
};

subtest 'jobs among records that clash' => sub {
    my $t = $erp->seed_tenant(slug => 'due', entry => { tenant_id => undef });
    $erp->login($t->{email}, $t->{password});
    is $erp->post('/api/super/subscriptions', { tenant_id => $t->{tenant_id}, plan_id => 'basic' }, token => $super)->status, 200, 'a subscription';
    $erp->mongo('users', doc(dropIndexes => 'users', index => 'users_email'));
    $erp->seed_user(email => $_, password => 'the same person', role => 'staff', tenant_id => $t->{tenant_id}) for 'twice@due.example', 'TWICE@due.example';
    my ($code, $report, $err) = ctl('jobs', '--now', '2099-01-01T00:00:00Z');
    is $code, 2, 'done, but an index cannot be made' or diag $err;
    like $err, qr/users_email/, '... which is named';
    is entry('due')->{subscription_status}, 'suspended', 'what is due is done' or diag explain $report;
    is_problem($erp->post('/api/auth/login', { email => 'twice@due.example', password => 'the same person' }), 401, 'bad_credentials', 'who is there twice is not let in');
};

done_testing;
