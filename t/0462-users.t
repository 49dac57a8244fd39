# Accounts over the wire: who may make, change and remove whose, and what of it takes effect at once.
use Erp::Test;
use Erp::Proc qw(random_text);

my $erp = Erp::Test->start(workers => 3, login_workers => 2);
my $SECRET = 'lantern-orbit-47';
my $made = 0;

sub token_of { my ($who) = @_; return $erp->login($who->{email}, $who->{password} // $SECRET)->{access_token} }

# A body for a new account; what is undef is left out.
sub person {
    my (%more) = @_;
    my %body = (email => sprintf('p%d-%s@people.example', ++$made, random_text(4)), password => $SECRET,
        full_name => 'New Person', role => 'staff', %more);
    return { map { defined $body{$_} ? ($_ => $body{$_}) : () } keys %body };
}

sub hire {
    my ($by, %more) = @_;
    my $res = $erp->post('/api/users', person(%more), token => $by);
    die 'hire: ' . $res->brief . "\n" if $res->status != 200;
    return $res->json;
}

my $shop  = $erp->seed_tenant(slug => 'shop');
my $other = $erp->seed_tenant(slug => 'other');
my $old_id = Erp::Test::uuid();
$erp->seed_user(email => 'boss@old.example', password => 'old-boss-password', role => 'tenant_admin', tenant_id => $old_id);
$erp->seed_user(email => 'root@platform.example', password => 'root-password-1', role => 'super_admin');
my $boss = token_of($shop);
my $rival = token_of($other);
my $legacy = token_of({ email => 'boss@old.example', password => 'old-boss-password' });
my $root = token_of({ email => 'root@platform.example', password => 'root-password-1' });
my $branch = $erp->post('/api/branches', { name => 'One', address => 'Road 1', contact_phone => '0170000000' }, token => $boss)->json;

subtest 'made for one\'s own business' => sub {
    my $body = person(email => 'Ann.Lee@People.Example', username => 'ann', role => 'cashier', branch_id => $branch->{id}, allowed_routes => ['sales']);
    my $res = $erp->post('/api/users', { %$body, tenant_id => $other->{tenant_id}, hashed_password => 'x', token_version => 9, is_super => \1 }, token => $boss);
    is $res->status, 200, 'an account' or diag $res->brief;
    my $user = $res->json;
    is_deeply [@$user{qw(email username full_name role tenant_id tenant_slug branch_id is_active)}],
        ['ann.lee@people.example', 'ann', 'New Person', 'cashier', $shop->{tenant_id}, 'shop', $branch->{id}, JSON::PP::true()], 'as it was said';
    is_deeply [sort split /, /, $res->header('X-Ignored-Fields')], [qw(hashed_password is_super tenant_id token_version)], 'what was left out is named';
    is $res->header('Location'), "/api/users/$user->{id}", 'where it is';
    unlike $res->body, qr/password|\$2/, 'nothing of the password';
    my ($record) = $erp->mongo_all('users', doc(find => 'users', filter => { id => $user->{id} }));
    like $record->{hashed_password}, qr/^\$2b\$/, 'a hash is stored';
    is_deeply $erp->get("/api/users/$user->{id}", token => $boss)->json, $user, 'and can be read';
    my $signed = $erp->login('ann.lee@people.example', $SECRET);
    is $signed->{user}{tenant_slug}, 'shop', 'signs in, there';
    is_problem($erp->post('/api/users', { %$body, is_super => \1 }, token => $boss, headers => { Prefer => 'handling=strict' }), 422, 'validation', 'strict');
    is_problem($erp->post('/api/users', $body, token => $boss), 409, 'duplicate', 'the email is taken');
    is_problem($erp->post('/api/users', { %$body, email => 'ANN.LEE@people.example' }, token => $rival), 409, 'duplicate', '... whatever its case, for everybody');
    is_problem($erp->post('/api/users', person(username => 'ANN'), token => $boss), 409, 'duplicate', 'the username is taken, whatever its case');
    is($erp->post('/api/users', person(username => 'ann'), token => $rival)->status, 200, '... in one business');
};

subtest 'refused by name' => sub {
    my %bad = (
        'no email'           => [{ email => undef }, 'email', 'required'],     'no address' => [{ email => 'nobody' }, 'email', 'format'],
        'no password'        => [{ password => undef }, 'password', 'required'], 'a short one' => [{ password => 'abc' }, 'password', 'too_short'],
        'a known one'        => [{ password => 'password12345' }, 'password', undef], 'a number' => [{ password => 12 }, 'password', 'type'],
        'no such role'       => [{ role => 'owner' }, 'role', undef],          'no role' => [{ role => undef }, 'role', 'required'],
        'no such branch'     => [{ branch_id => Erp::Test::uuid() }, 'branch_id', 'reference'],
        'a module too long'  => [{ allowed_routes => ['x' x 32] }, 'allowed_routes', 'too_long'],
        'a name too long'    => [{ full_name => "\x{e0}\x{a6}\x{95}" x 100 }, 'full_name', 'too_long'],
        'modules as text'    => [{ allowed_routes => 'sales' }, 'allowed_routes', 'type'],
    );
    for my $what (sort keys %bad) {
        my ($change, $field, $code) = @{ $bad{$what} };
        my $res = $erp->post('/api/users', person(%$change), token => $boss);
        is_problem($res, 422, 'validation', $what);
        my ($error) = grep { $_->{field} eq $field } @{ ($res->json || {})->{errors} || [] };
        ok $error && (!defined $code || $error->{code} eq $code), "... names $field" or diag $res->brief;
    }
    is_problem($erp->post('/api/users', [], token => $boss), 422, 'validation', 'a list');
};

subtest 'never one above, never oneself, never elsewhere' => sub {
    my $mate = hire($boss);
    my $me = "/api/users/$shop->{user_id}";
    is_problem($erp->post('/api/users', person(role => 'super_admin'), token => $boss), 403, 'forbidden', 'a tenant_admin makes no super_admin');
    is_problem($erp->put("/api/users/$mate->{id}", { role => 'super_admin' }, token => $boss), 403, 'forbidden', '... and turns nobody into one');
    is_problem($erp->put($me, { full_name => 'Me' }, token => $boss), 403, 'forbidden', 'not one\'s own account');
    is_problem($erp->patch($me, { role => 'staff' }, token => $boss), 403, 'forbidden', '... not its role');
    is_problem($erp->delete($me, token => $boss), 403, 'forbidden', '... nor its end');
    my ($root_id) = map { $_->{id} } $erp->mongo_all('users', doc(find => 'users', filter => { role => 'super_admin' }));
    for my $case (['another business', $mate->{id}, $rival], ['the shared database', $mate->{id}, $legacy], ['a super_admin', $root_id, $boss]) {
        my ($what, $id, $token) = @$case;
        is_problem($erp->get("/api/users/$id", token => $token), 404, 'not_found', "$what: GET");
        is_problem($erp->put("/api/users/$id", { full_name => 'x' }, token => $token), 404, 'not_found', "$what: PUT");
        is_problem($erp->delete("/api/users/$id", token => $token), 404, 'not_found', "$what: DELETE");
    }
    is_deeply [grep { $_->{tenant_id} ne $shop->{tenant_id} } @{ $erp->get('/api/users', token => $boss)->json }], [], 'a list is of one business';
    is_deeply [map { $_->{email} } @{ $erp->get('/api/users', token => $legacy)->json }], ['boss@old.example'], '... in the shared database too';
    my @roles = qw(head_office branch_manager staff cashier technician);
    for my $role (@roles) {
        my $user = hire($boss, role => $role);
        my $token = token_of($user);
        is_problem($erp->get('/api/users', token => $token), 403, 'role_forbidden', "$role: no list");
        is_problem($erp->post('/api/users', person(), token => $token), 403, 'role_forbidden', "$role: no new ones");
    }
};

subtest 'takes effect at once' => sub {
    my $user = hire($boss, role => 'staff', branch_id => $branch->{id});
    my $path = "/api/users/$user->{id}";
    my $token = token_of($user);
    my $works = sub { $erp->get('/api/products', token => $token) };
    is $works->()->status, 200, 'works';
    is($erp->put($path, { branch_id => undef }, token => $boss)->status, 200, 'taken from its branch');
    is_problem($works->(), 403, 'branch_required', '... sees nothing any more');
    is($erp->put($path, { role => 'head_office' }, token => $boss)->status, 200, 'another role');
    is $works->()->status, 200, '... sees everything';
    is($erp->patch($path, { allowed_routes => ['sales'] }, token => $boss)->status, 200, 'narrowed to a module');
    is_problem($works->(), 403, 'module_forbidden', '... no products');
    is($erp->get('/api/sales', token => $token)->status, 200, '... but sales');
    is($erp->put($path, { allowed_routes => undef, is_active => \0 }, token => $boss)->json->{is_active}, JSON::PP::false(), 'disabled');
    is $works->()->status, 403, '... refused';
    is($erp->put($path, { disabled => \0 }, token => $boss)->json->{is_active}, JSON::PP::true(), 'enabled');
    is_problem($works->(), 401, 'token_revoked', '... the token has ended');
    $token = token_of($user);
    is($erp->put($path, { password => 'another-orbit-48' }, token => $boss)->status, 200, 'a new password');
    is_problem($works->(), 401, 'token_revoked', '... ends the token');
    is_problem($erp->post('/api/auth/login', { email => $user->{email}, password => $SECRET }), 401, 'bad_credentials', '... the old one is no good');
    $token = token_of({ email => $user->{email}, password => 'another-orbit-48' });
    my $back = $erp->get($path, token => $boss)->json;
    my $res = $erp->put($path, { %$back, full_name => 'Sent Back' }, token => $boss);
    is $res->status, 200, 'a record may be sent back whole' or diag $res->brief;
    is $res->json->{full_name}, 'Sent Back', '... with a change';
    is $works->()->status, 200, '... which ends nothing';
    is_problem($erp->put($path, { is_active => \1, disabled => \1 }, token => $boss), 422, 'validation', 'a contradiction');
    is($erp->delete($path, token => $boss)->status, 200, 'removed');
    is_problem($works->(), 401, 'token_revoked', '... its token has ended');
    is_problem($erp->get($path, token => $boss), 404, 'not_found', '... and is not there');
    my %seen = map { ($_->{action} => 1) } $erp->mongo_all(audit_db($shop->{db_name}), doc(find => 'audit_log', filter => { record_id => $user->{id} }));
    is_deeply [sort keys %seen], [qw(user_add user_change user_disable user_enable user_password user_remove)], 'all of it is in the log of the business';
};

# Where a business's log is.
sub audit_db {
    my ($name) = @_;
    my $names = $erp->_eval->run('admin', doc(listDatabases => 1, nameOnly => \1, filter => { name => "${name}_audit" }));
    return @{ $names->{databases} } ? "${name}_audit" : $name;
}

subtest 'the last administrator' => sub {
    my $t = $erp->seed_tenant(slug => 'last');
    my $token = token_of($t);
    my $second = hire($token, role => 'tenant_admin');
    my $path = "/api/users/$t->{user_id}";
    is($erp->put($path, { role => 'staff' }, token => token_of($second))->status, 200, 'one of two may be demoted');
    is_problem($erp->put("/api/users/$second->{id}", { role => 'staff' }, token => $root), 409, 'last_admin', 'the last one not, by nobody');
    is_problem($erp->put("/api/users/$second->{id}", { is_active => \0 }, token => $root), 409, 'last_admin', '... not disabled');
    is_problem($erp->delete("/api/users/$second->{id}", token => $root), 409, 'last_admin', '... not removed');
    is($erp->put("/api/users/$second->{id}", { full_name => 'Still Here' }, token => $root)->status, 200, '... but changed');
};

subtest 'a super_admin' => sub {
    my @all = @{ $erp->get('/api/users', token => $root)->json };
    cmp_ok scalar(grep { ($_->{tenant_id} // '') eq $other->{tenant_id} } @all), '>', 0, 'sees everybody';
    my @some = @{ $erp->get("/api/users?tenant_id=$other->{tenant_id}", token => $root)->json };
    is_deeply [grep { $_->{tenant_id} ne $other->{tenant_id} } @some], [], '... or one business';
    my $res = $erp->get('/api/users?limit=2', token => $root);
    my ($next) = ($res->header('Link') // '') =~ /^<([^>]+)>; rel="next"/;
    is scalar @{ $res->json }, 2, 'in pages';
    my @pages = @{ $res->json };
    while ($next) {
        $res = $erp->get($next, token => $root);
        push @pages, @{ $res->json };
        ($next) = ($res->header('Link') // '') =~ /^<([^>]+)>; rel="next"/;
    }
    is_deeply [map { $_->{id} } @pages], [map { $_->{id} } @all], '... that are everything';
    my $user = hire($root, tenant_id => $other->{tenant_id}, role => 'tenant_admin');
    is $user->{tenant_slug}, 'other', 'makes accounts of a business';
    is hire($root, tenant_id => $old_id)->{tenant_id}, $old_id, '... of the shared database';
    is_problem($erp->post('/api/users', person(tenant_id => Erp::Test::uuid()), token => $root), 404, 'tenant_not_found', '... not of none');
    is_problem($erp->post('/api/users', person(), token => $root), 422, 'validation', '... which has to be named');
    my $second = hire($root, role => 'super_admin');
    is $second->{tenant_id}, undef, 'makes a super_admin';
    is_problem($erp->put("/api/users/$second->{id}", { role => 'staff' }, token => $root), 422, 'validation', '... who is one for good');
    is($erp->delete("/api/users/$second->{id}", token => $root)->status, 200, '... or is removed');
    is_problem($erp->put("/api/users/$user->{id}", { role => 'super_admin' }, token => $root), 422, 'validation', 'nobody of a business becomes one');
};

subtest 'register' => sub {
    my $res = $erp->post('/api/auth/register', person(role => 'cashier'), token => $boss);
    is $res->status, 200, 'an account and its token' or diag $res->brief;
    is $res->json->{user}{role}, 'cashier', '... of the new one';
    is($erp->get('/api/auth/me', token => $res->json->{access_token})->json->{email}, $res->json->{user}{email}, '... which works');
    is_problem($erp->post('/api/auth/register', person()), 401, 'token_missing', 'not by strangers');
};

subtest 'a lapsed business' => sub {
    my $t = $erp->seed_tenant(slug => 'lapsed', entry => { subscription_status => 'suspended' });
    my $token = token_of($t);
    is($erp->get('/api/auth/me', token => $token)->status, 200, 'its administrator sees who he is');
    is_problem($erp->post('/api/users', person(), token => $token), 402, 'subscription_lapsed', '... and makes no accounts');
};

subtest 'signing up' => sub {
    my %body = (name => 'Corner Shop', email => 'Owner@Corner.example', business_type => 'shop', admin_password => $SECRET);
    is_problem($erp->post('/api/auth/signup', \%body), 403, 'signup_off', 'is off unless it is switched on');
    my $open = Erp::Test->start(workers => 1, login_workers => 1, env => { ERP_SIGNUP => 'on' });
    my $res = $open->post('/api/auth/signup', \%body);
    is $res->status, 200, 'a business and its administrator' or diag $res->brief;
    my ($token, $user) = @{ $res->json }{qw(access_token user)};
    is_deeply [@$user{qw(email full_name role tenant_slug)}], ['owner@corner.example', 'Corner Shop Admin', 'tenant_admin', undef], 'who that is';
    is($open->post('/api/brands', { name => 'Ours' }, token => $token)->status, 200, '... works in the shared database');
    my ($record) = $open->mongo_all('users', doc(find => 'tenants', filter => { id => $user->{tenant_id} }));
    is_deeply [@$record{qw(name email business_type)}, @{ $record->{modules_enabled} }], ['Corner Shop', 'owner@corner.example', 'shop', 'shop'], 'its record';
    is_problem($open->post('/api/auth/signup', \%body), 409, 'duplicate', 'the email is taken');
    is_problem($open->post('/api/auth/signup', { %body, email => 'b@corner.example', admin_password => 'short' }), 422, 'validation', 'a poor password');
    is_problem($open->post('/api/auth/signup', { %body, email => 'b@corner.example', business_type => 'A Shop' }), 422, 'validation', 'no type');
    is_problem($open->post('/api/auth/signup', {}), 422, 'validation', 'nothing');
    # An entry that an operator has just written by hand belongs to the first who signs in with its address.
    $open->mongo_insert('admin', 'tenants_registry', { slug => 'by-hand', db_uri => $ENV{ERP_TEST_MONGO_URL}, db_name => $open->db('byhand'),
        admin_email => 'Boss@By-Hand.example', status => 'active' });
    is_problem($open->post('/api/auth/signup', { %body, email => 'boss@by-hand.example' }), 409, 'duplicate', 'nobody signs up as the administrator of a registered business');
    is_problem($open->post('/api/users', person(email => 'boss@by-hand.example'), token => $token), 409, 'duplicate', '... or is made it from the shared database');
    my $staff = $open->post('/api/users', person(), token => $token)->json;
    is_problem($open->put("/api/users/$staff->{id}", { email => 'boss@by-hand.example' }, token => $token), 409, 'duplicate', '... or becomes it');
    $open->stop;
    my $alone = Erp::Test->start(workers => 1, login_workers => 1, env => { ERP_SIGNUP => 'on', ERP_LEGACY => 'off' });
    is_problem($alone->post('/api/auth/signup', \%body), 403, 'signup_off', 'nor without the shared database');
    $alone->stop;
};

done_testing;
