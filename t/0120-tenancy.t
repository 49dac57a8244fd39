# Whose data: which tenant a user belongs to, what of the registry is believed, the shared database
# for those who belong to none. Doubt is always a refusal, and never another database.
use Erp::Test;
use Erp::Http;
use Erp::Json qw(to_json from_json);
use Erp::Proc qw(random_text);

my $erp = Erp::Test->start(workers => 3, login_workers => 2, env => { ERP_TENANT_TTL => 2 });
my $uri = $ENV{ERP_TEST_MONGO_URL};

sub try_login { my ($t) = @_; return $erp->post('/api/auth/login', { email => $t->{email}, password => $t->{password} }) }
sub token_of  { my ($t) = @_; return $erp->login($t->{email}, $t->{password})->{access_token} }
sub list      { my ($token) = @_; return $erp->get('/api/brands', token => $token) }
sub entry     { my ($slug) = @_; return ($erp->mongo_all('admin', doc(find => 'tenants_registry', filter => { slug => $slug })))[0] }
sub record    { my ($id) = @_; return ($erp->mongo_all('users', doc(find => 'users', filter => { id => $id })))[0] }

sub set_entry {
    my ($slug, $set) = @_;
    return $erp->mongo('admin', doc(update => 'tenants_registry',
        updates => [doc(q => { slug => $slug }, u => { '$set' => $set })]));
}

sub clear_cache { is(($erp->erpctl('cache', 'clear', @_))[0], 0, "erpctl cache clear @_"); return }

# A user without a hand-made entry: slug and tenant_id as given.
sub user {
    my ($name, %opt) = @_;
    my %user = (email => "$name\@users.example", password => "$name-password", role => 'tenant_admin', %opt);
    return { %user, user_id => $erp->seed_user(%user)->{id} };
}

# The names of all databases of this test, to see that none came into being.
sub databases {
    # Sign-ins that are refused leave entries beside the shared database: of what kind is looked at below.
    return sort grep { !/_users_audit$/ } map { $_->{name} } @{ $erp->_eval->run('admin', doc(listDatabases => 1, nameOnly => \1,
        filter => { name => { '$regex' => "^\Q$erp->{prefix}\E" } }))->{databases} };
}

subtest 'an entry made by hand, with no optional field' => sub {
    my $id = Erp::Test::uuid();
    $erp->mongo_insert('admin', 'tenants_registry', { slug => 'by-hand', db_uri => $uri, db_name => $erp->db('byhand'),
        admin_email => 'Boss@By-Hand.Example', status => 'active' });
    my $boss = user('boss', email => 'boss@by-hand.example', tenant_id => $id);
    my $staff = user('staff', tenant_id => $id, role => 'staff');
    my @pids = map {
        pipe my $out, my $in;
        my $pid = fork // die "fork: $!\n";
        if ($pid == 0) { print {$in} try_login($boss)->status . "\n"; close $in; POSIX::_exit(0) }
        close $in;
        [$pid, $out];
    } 1 .. 4;
    my @status = map { my $out = $_->[1]; chomp(my $line = <$out> // ''); waitpid $_->[0], 0; $line } @pids;
    is_deeply \@status, [(200) x 4], 'its admin signs in, four times at once';
    is entry('by-hand')->{tenant_id}, $id, 'the entry has the tenant_id of its admin';
    is record($boss->{user_id})->{tenant_slug}, 'by-hand', 'the admin is linked';
    my $res = try_login($staff);
    is $res->status, 200, 'staff with the tenant_id alone' or diag $res->brief;
    is $res->json->{user}{tenant_slug}, 'by-hand', '... work there';
    is record($staff->{user_id})->{tenant_slug}, 'by-hand', '... and are linked';
    is_deeply [map { $res->json->{user}{$_} } qw(business_name business_type subscription_status)], [(undef) x 3], 'what is absent is null';
    is($erp->post('/api/brands', { name => 'Mine' }, token => token_of($boss))->status, 200, 'it can be written');
    my @brands = $erp->mongo_all('byhand', doc(find => 'brands', filter => {}));
    is_deeply [map { [$_->{name}, $_->{tenant_id}] } @brands], [['Mine', $id]], '... in the database of the entry, with the tenant_id';
    my $other = user('other', tenant_id => Erp::Test::uuid(), user => { tenant_slug => 'by-hand' });
    is_problem(try_login($other), 403, 'tenant_mismatch', 'a user linked to the slug with another tenant_id');
    is entry('by-hand')->{tenant_id}, $id, '... changes nothing';
};

subtest 'doubt' => sub {
    $erp->mongo('admin', doc(dropIndexes => 'tenants_registry', index => '*'));
    my $twin = $erp->seed_tenant(slug => 'twin');
    my $token = token_of($twin);
    my %copy = %{ entry('twin') };
    delete @copy{qw(_id tenant_id created_at updated_at)};
    $erp->mongo_insert('admin', 'tenants_registry', { %copy, db_name => $erp->db('other') });
    clear_cache('twin');
    is_problem(list($token), 403, 'tenant_mismatch', 'two entries of one slug: the token is no good');
    is_problem(try_login($twin), 403, 'tenant_mismatch', '... and nobody signs in');
    my $one = $erp->seed_tenant(slug => 'one-admin');
    $erp->mongo_insert('admin', 'tenants_registry', { %copy, slug => 'one-admin-too', admin_email => uc $one->{email} });
    is_problem(try_login($one), 403, 'tenant_mismatch', 'two entries of one admin_email');
    my $id = Erp::Test::uuid();
    $erp->mongo_insert('admin', 'tenants_registry', { %copy, slug => "same-$_", tenant_id => $id, admin_email => "$_\@same.example" }) for 1, 2;
    is_problem(try_login(user('same', tenant_id => $id)), 403, 'tenant_mismatch', 'two entries of one tenant_id');
    my $none = user('no-id', email => 'no-id@users.example');
    $erp->mongo_insert('admin', 'tenants_registry', { %copy, slug => 'no-id', admin_email => 'no-id@users.example' });
    is_problem(try_login($none), 403, 'tenant_mismatch', 'an admin without tenant_id');
    my %odd = (status => 'Active', slug => 'Odd_Slug', max_users => 'many', features_enabled => 'pos', currency => 'QQQ',
        tenant_id => 7, db_uri => 7, license_type => 'x' x 40, subscription_status => ['trial'], business_name => { a => 1 });
    for my $field (sort keys %odd) {
        my $t = $erp->seed_tenant(slug => 'odd-' . ($field =~ tr/_/-/r), entry => { $field => $odd{$field} });
        is_problem(try_login($t), 403, 'tenant_mismatch', "$field is " . to_json($odd{$field}));
    }
    my $quiet = $erp->seed_tenant(slug => 'no-status', entry => { status => undef });
    is_problem(try_login($quiet), 403, 'tenant_inactive', 'an entry without status is not active');
};

subtest 'where the data is' => sub {
    my @before = databases();
    my %bad = (
        'no db_uri'    => [{ db_uri => undef }, qr/^No database URI configured/], 'empty db_uri' => [{ db_uri => '' }, qr/^No database URI configured/],
        'no db_name'   => [{ db_name => undef }, qr/^No database name configured/],
        'admin'        => [{ db_name => 'admin' }], 'config' => [{ db_name => 'config' }], 'LOCAL' => [{ db_name => 'LOCAL' }],
        '../x'         => [{ db_name => '../x' }], 'too long' => [{ db_name => 'x' x 64 }], 'a space' => [{ db_name => 'a b' }],
        'a dollar'     => [{ db_name => '$cmd' }], 'a dot' => [{ db_name => 'a.b' }], 'a number' => [{ db_name => 1 }],
        'a NUL'        => [{ db_name => "a\0b" }], 'the users' => [{ db_name => $erp->db('users') }],
        'the registry' => [{ db_name => uc $erp->db('admin') }], 'no URI' => [{ db_uri => 'http://db.example/secret-host' }],
        'a bad port'   => [{ db_uri => 'mongodb://secret-host:99999/' }], 'a bad option' => [{ db_uri => 'mongodb://secret-host/?replicaSet=' }],
    );
    my $n = 0;
    for my $what (sort keys %bad) {
        my ($entry, $detail) = @{ $bad{$what} };
        my $t = $erp->seed_tenant(slug => 'bad-' . $n++, entry => $entry);
        my $res = try_login($t);
        $res = list($res->json->{access_token}) if $res->status == 200;
        my ($status, $code) = ($res->status, $res->json->{code});
        ok(($status == 403 && $code eq 'tenant_mismatch') || ($status == 503 && $code eq 'database_not_configured'),
            "$what is refused") or diag $res->brief;
        is_problem($res, $status, $code, '... as a problem');
        like $res->json->{detail}, $detail, '... in these words' if $detail;
        unlike $res->body, qr/secret-host|mongodb:/, '... without the address';
    }
    is_deeply [databases()], \@before, 'no database came into being';
    my @kinds = map { $_->{kind} } $erp->mongo_all('users_audit', doc(find => 'audit_log', filter => {}));
    ok scalar(@kinds), "the shared database's audit log has entries";
    is_deeply [grep { $_ ne 'access' } @kinds], [], '... of sign-ins and refusals alone';
};

subtest 'staff of an entry made by hand, before its admin was there' => sub {
    my $id = Erp::Test::uuid();
    my $boss = user('late-boss', tenant_id => $id, user => { email => 'Late-Boss@Users.example' });
    my $staff = user('early', tenant_id => $id, role => 'staff');
    my $token = token_of($staff);
    is $erp->get('/api/health/tenant', token => $token)->json->{tenant_slug}, 'default', 'while there is no entry: the shared database';
    $erp->mongo_insert('admin', 'tenants_registry', { slug => 'slow-start', db_uri => $uri, db_name => $erp->db('slowstart'),
        admin_email => 'late-boss@users.example', status => 'active' });
    clear_cache();
    is_problem(try_login($staff), 403, 'tenant_mismatch', 'once there is one: nowhere, rather than in the shared database');
    is($erp->get('/api/brands', token => $token)->status, 403, '... with an older token neither');
    is entry('slow-start')->{tenant_id}, undef, '... and nothing is claimed';
    is(try_login($boss)->status, 200, 'its admin signs in');
    is try_login($staff)->json->{user}{tenant_slug}, 'slow-start', 'now staff work there';
};

subtest 'the shared database' => sub {
    my ($a, $b) = map { user("legacy-$_", tenant_id => "legacy-$_", user => { tenant_slug => undef }) } qw(a b);
    my ($token, $other) = map { token_of($_) } $a, $b;
    my $me = $erp->get('/api/auth/me', token => $token);
    is_deeply [map { $me->json->{$_} } qw(tenant_id tenant_slug)], ['legacy-a', undef], 'me: a tenant_id, no slug';
    my %shown = %{ $me->json };
    delete @shown{qw(impersonated_by impersonation_started impersonation_ends read_only modules_enabled)};
    is_deeply \%shown, try_login($a)->json->{user}, '... as at the sign-in';
    my $health = $erp->get('/api/health/tenant', token => $token)->json;
    is_deeply [@$health{qw(tenant_slug database_name database_connected)}], ['default', $erp->db('users'), \1], 'health: slug and database'
        or diag to_json($health);
    my $made = $erp->post('/api/brands', { name => 'Shared A', tenant_id => 'legacy-b' }, token => $token);
    is $made->status, 200, 'a record is made';
    is $made->json->{tenant_id}, 'legacy-a', '... of one\'s own tenant, whatever the body says';
    my $id = $made->json->{id};
    is_deeply [map { $_->{name} } @{ list($token)->json }], ['Shared A'], 'its maker sees it';
    is_deeply list($other)->json, [], 'the other does not';
    for my $try (['GET'], ['PUT', { name => 'Taken' }], ['PATCH', { name => 'Taken' }], ['DELETE']) {
        my ($method, $body) = @$try;
        is_problem($erp->request($method, "/api/brands/$id", token => $other, $body ? (json => $body) : ()), 404, 'not_found', "nor $method it");
    }
    is_deeply [map { $_->{name} } $erp->mongo_all('users', doc(find => 'brands', filter => {}))], ['Shared A'], 'it is there, unchanged';
    my $users = $erp->get("/api/brands?name=" . 'Shared%20A', token => $other);
    isnt $users->body, list($token)->body, 'nor by a filter';
    my $t = $erp->seed_tenant(slug => 'grown-up', tenant_id => 'legacy-a', email => 'grown@up.example', entry => { tenant_id => 'legacy-a' });
    clear_cache();
    is_problem(list($token), 403, 'tenant_mismatch', 'a tenant_id that has a database of its own now: the old token ends');
    my $moved = try_login($a);
    is $moved->json->{user}{tenant_slug}, 'grown-up', 'a new sign-in goes there';
    is_deeply list($moved->json->{access_token})->json, [], '... and not to the shared one';
    is_problem($erp->get('/api/brands', token => token_of(user('super', role => 'super_admin'))), 403, 'tenant_required',
        'a super_admin has no business\'s data');
    is_problem(try_login(user('nobody')), 403, 'tenant_required', 'a user without tenant_id');
};

subtest 'never back to the shared database' => sub {
    my $t = $erp->seed_tenant(slug => 'leaver');
    my $token = token_of($t);
    is list($token)->status, 200, 'a tenant\'s user';
    $erp->mongo('admin', doc(delete => 'tenants_registry', deletes => [doc(q => { slug => 'leaver' }, limit => 1)]));
    clear_cache();
    is_problem(list($token), 404, 'tenant_not_found', 'its entry is gone: not found');
    is_problem(try_login($t), 404, 'tenant_not_found', '... nor at sign-in');
    $erp->mongo('users', doc(update => 'users', updates => [doc(q => { id => $t->{user_id} }, u => { '$unset' => { tenant_slug => 1 } })]));
    clear_cache();
    is_problem(try_login($t), 403, 'tenant_mismatch', 'unlinked by hand: it was linked once');
    is_problem(list($token), 403, 'tenant_mismatch', '... and its token is no good');
    is_problem(try_login(user('former', tenant_id => 'legacy-b', user => { former_tenant_slug => 'leaver' })), 403, 'tenant_mismatch',
        'a former tenant counts as well');
};

subtest 'changes of the registry are seen' => sub {
    my $t = $erp->seed_tenant(slug => 'moving');
    my $token = token_of($t);
    is(list($token)->status, 200, 'active') for 1 .. 9;
    set_entry('moving', { status => 'suspended' });
    clear_cache('moving');
    is_problem(list($token), 403, 'tenant_inactive', "suspended, cache cleared: by worker at once, $_") for 1 .. 9;
    set_entry('moving', { status => 'active' });
    my $seen = 0;
    ok wait_until(8, sub { $seen = list($token)->status == 200 ? $seen + 1 : 0; $seen >= 12 }), 'active again: after the TTL, without a word';
    $erp->post('/api/brands', { name => 'Before the move' }, token => $token);
    set_entry('moving', { db_name => $erp->db('moved') });
    clear_cache('moving');
    is_deeply list($token)->json, [], "another database: at once, $_" for 1 .. 9;
    my $late = $erp->seed_tenant(slug => 'late', tenant_id => Erp::Test::uuid(), entry => { slug => 'late-x' });
    my $linked = user('linked', tenant_id => $late->{tenant_id}, user => { tenant_slug => 'late' });
    is_problem(try_login($linked), 404, 'tenant_not_found', 'a slug that is not there');
    $erp->mongo('admin', doc(update => 'tenants_registry', updates => [doc(q => { slug => 'late-x' },
        u => { '$set' => { slug => 'late', tenant_id => $late->{tenant_id} } })]));
    ok wait_until(8, sub { try_login($linked)->status == 200 }), '... is remembered as absent for the TTL at most';
};

subtest 'few clients, many tenants' => sub {
    my $small = Erp::Test->start(workers => 1, login_workers => 1, env => { ERP_CLIENT_CACHE => 2 });
    my @tenants = map { my $t = $small->seed_tenant(slug => "lru-$_", entry => { db_uri => "$uri&localThresholdMS=1$_" });
        $t->{token} = $small->login($t->{email}, $t->{password})->{access_token}; $t } 1 .. 6;
    $small->post('/api/brands', { name => "Brand of $_->{slug}" }, token => $_->{token}) for @tenants;
    my ($pid) = $small->pids('main');
    my (@wrong, @sockets);
    for my $t (map { (@tenants, reverse @tenants) } 1 .. 4) {
        my $got = $small->get('/api/brands', token => $t->{token});
        push @wrong, $got->brief if $got->status != 200 || $got->json->[0]{name} ne "Brand of $t->{slug}" || @{ $got->json } != 1;
        $small->get('/api/health/live');    # when it answers, what the other closed is closed
        push @sockets, scalar grep { (readlink($_) // '') =~ /^socket:/ } glob "/proc/$pid/fd/*";
    }
    is_deeply \@wrong, [], '48 requests in turn: each tenant has its own data';
    my ($most) = sort { $b <=> $a } @sockets;
    # Three in the cache, two that the last look-ups of user and registry still hold, the listening socket.
    cmp_ok $most, '<=', 3 + 2 + 1, 'few connections at any time';
    is_deeply [$small->pids('main')], [$pid], 'by one worker all the time';
    $small->stop;
};

subtest 'the shared database switched off' => sub {
    my $strict = Erp::Test->start(workers => 1, login_workers => 1, env => { ERP_LEGACY => 'off' });
    my $t = $strict->seed_tenant(slug => 'fine');
    $strict->seed_user(email => 'old@users.example', password => 'old-password', role => 'staff', tenant_id => 'legacy-c');
    my $res = $strict->post('/api/auth/login', { email => 'old@users.example', password => 'old-password' });
    is_problem($res, 403, 'legacy_off', 'who belongs to no tenant');
    is($strict->post('/api/auth/login', { email => $t->{email}, password => $t->{password} })->status, 200, 'a tenant\'s user');
    is_deeply [map { $_->{name} } @{ $strict->mongo('users', doc(listCollections => 1, nameOnly => \1,
        filter => { name => 'brands' }))->{cursor}{firstBatch} }], [], 'nothing came into being there';
    $strict->stop;
};

done_testing;
