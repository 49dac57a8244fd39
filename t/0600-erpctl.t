# erpctl: tenants and users as an operator handles them, and that running workers follow at once.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Erp::Test;

my $erp = Erp::Test->start(workers => 3, login_workers => 2, env => { ERP_TENANT_TTL => 3600 });
my $email = 'owner@newbiz.example';

sub ctl { return $erp->ctl(@_) }

sub sign_in {
    my ($who, $password) = @_;
    return $erp->post('/api/auth/login', { email => $who, password => $password });
}

# --- a tenant
my @add = ('tenant', 'add', 'newbiz', '--name', 'New Business Inc', '--type', 'grocery', '--admin-email', $email,
           '--db-name', $erp->db('newbiz'), '--features', 'pos,inventory', '--max-users', 5);
my ($status, $made, $err) = ctl(@add, '--generate');
is($status, 0, 'a tenant is added') or diag $err;
is($made->{db_name}, $erp->db('newbiz'), 'its database is stored');
my $password = $made->{password};
cmp_ok(length($password // ''), '>=', 16, 'the made-up password is shown once');
my $token = sign_in($email, $password)->json->{access_token};
ok($token, 'its admin signs in');
is($erp->get('/api/health/tenant', token => $token)->json->{database_name}, $erp->db('newbiz'), 'and works in its database');
($status, undef, $err) = ctl(@add, '--generate');
is($status, 1, 'not twice');
like($err, qr/already|exists/, 'and says so');
my ($list) = (ctl('tenant', 'list'))[1];
is_deeply([ map { $_->{slug} } @$list ], ['newbiz'], 'the registry is as it was');

# --- wrong arguments change nothing
for my $bad ([ 'tenant', 'add', 'Bad_Slug', '--name', 'x', '--type', 'y', '--admin-email', 'a@b.example' ],
             [ 'tenant', 'add', 'x' ], [ 'tenant', 'add' ], [ 'nonsense' ], [ 'tenant' ], [ 'user', 'list', '--nope' ],
             [ 'tenant', 'add', 'ok-slug', '--name', 'x', '--type', 'y', '--admin-email', 'none' ],
             [ 'tenant', 'add', 'ok-slug', '--name', 'x', '--type', 'y', '--admin-email', 'a@b.example', '--max-users', 'many' ],
             [ 'user', 'add', 'a@b.example', '--role', 'king', '--name', 'x' ],
             [ 'user', 'add', 'a@b.example', '--role', 'staff', '--name', 'x' ]) {
    ($status, undef, $err) = $erp->erpctl(@$bad);
    is($status, 64, "refused: @$bad") or diag $err;
    like($err, qr/\S/, 'and says why');
}
is(scalar @{ (ctl('tenant', 'list'))[1] }, 1, 'nothing was added');

# --- no secret is shown
my $all = join '', map { (ctl(@$_))[3] } [ 'tenant', 'list' ], [ 'tenant', 'show', 'newbiz' ], [ 'user', 'list' ], ['check'];
my ($db_password) = $ENV{ERP_TEST_MONGO_URL} =~ m{//[^:]+:([^@]+)@};
ok(defined $db_password, 'the database has a password');
is(index($all, $db_password), -1, 'it is not shown');
unlike($all, qr/\$2b\$/, 'no password hash is shown');

# --- suspend and activate: every worker follows at once, though entries are cached for an hour
sub statuses { return join ' ', map { $erp->get('/api/products', token => $token)->status } 1 .. 12 }
is(statuses(), join(' ', (200) x 12), 'all workers have the entry');
is((ctl('tenant', 'suspend', 'newbiz', '--reason', 'invoice'))[0], 0, 'suspended');
is(statuses(), join(' ', (403) x 12), 'refused by all workers, at once');
like($erp->get('/api/products', token => $token)->json->{detail}, qr/suspended/, 'and says why');
is_problem(sign_in($email, $password), 403, 'tenant_inactive', 'nobody signs in');
is((ctl('tenant', 'show', 'newbiz'))[1]{status_reason}, 'invoice', 'the reason is kept');
is((ctl('tenant', 'activate', 'newbiz'))[0], 0, 'active again');
is(statuses(), join(' ', (200) x 12), 'all workers follow');
is((ctl('tenant', 'suspend', 'nobody'))[0], 1, 'an unknown tenant');

# --- a change by hand is seen after cache clear, at once
$erp->mongo('admin', doc(update => 'tenants_registry', updates => [
    doc(q => { slug => 'newbiz' }, u => { '$set' => { status => 'inactive' } }) ]));
my ($cleared) = (ctl('cache', 'clear', 'newbiz'))[1];
is($cleared->{workers}, 5, 'cache clear reaches the workers of both pools');
is(statuses(), join(' ', (403) x 12), 'all workers read it anew');
like((ctl('check'))[3], qr/is inactive/, 'erpctl check names the fault');
ctl('tenant', 'activate', 'newbiz');
is((ctl('check'))[0], 0, 'erpctl check: all well');
is((ctl('check', 'newbiz'))[1]{db_name}, $erp->db('newbiz'), 'erpctl check SLUG connects');

# --- users
($status, undef, $err) = ctl('user', 'add', 'Staff@NewBiz.example', '--tenant', 'newbiz', '--role', 'staff', '--name', 'A Person',
    { input => "short\n" });
is($status, 1, 'a weak password is refused');
($status) = ctl('user', 'add', 'Staff@NewBiz.example', '--tenant', 'newbiz', '--role', 'staff', '--name', 'A Person',
    { input => "a long enough phrase\n" });
is($status, 0, 'a user is added');
my $staff = sign_in('staff@newbiz.example', 'a long enough phrase')->json->{access_token};
ok($staff, 'who signs in');
is($erp->get('/api/auth/me', token => $staff)->json->{tenant_slug}, 'newbiz', 'into the tenant');
is((ctl('user', 'disable', 'staff@newbiz.example'))[0], 0, 'disabled');
is($erp->get('/api/auth/me', token => $staff)->status, 403, 'its token ends at once') for 1 .. 4;
is((ctl('user', 'enable', 'staff@newbiz.example'))[0], 0, 'enabled');
ok($staff = sign_in('staff@newbiz.example', 'a long enough phrase')->json->{access_token}, 'signs in again');
is((ctl('user', 'password', 'staff@newbiz.example', { input => "another long phrase\n" }))[0], 0, 'a new password');
is($erp->get('/api/auth/me', token => $staff)->status, 401, 'older tokens end');
is(sign_in('staff@newbiz.example', 'a long enough phrase')->status, 401, 'the old password ends');
is(sign_in('staff@newbiz.example', 'another long phrase')->status, 200, 'the new one works');
is(scalar @{ (ctl('user', 'list', '--tenant', 'newbiz'))[1] }, 2, 'user list');

# --- limits and branches
($status, undef, $err) = ctl('user', 'add', 'b@newbiz.example', '--tenant', 'newbiz', '--role', 'cashier', '--name', 'B',
    '--branch', Erp::Test::uuid(), '--generate');
is($status, 1, 'a branch that the tenant does not have');
my $branch = $erp->post('/api/branches', { name => 'Main', address => 'Here', contact_phone => '0170000000' }, token => $token)
    ->json->{id};
is((ctl('user', 'add', 'b@newbiz.example', '--tenant', 'newbiz', '--role', 'cashier', '--name', 'B', '--branch', $branch,
    '--generate'))[0], 0, 'one that it has');
is((ctl('user', 'add', "more$_\@newbiz.example", '--tenant', 'newbiz', '--role', 'tenant_admin', '--name', 'M', '--generate'))[0],
    $_ < 3 ? 0 : 1, "user $_ of the licence's 5") for 1 .. 3;

# --- databases that may not be a tenant's
my @other = ('tenant', 'add', 'other', '--name', 'Other', '--type', 'grocery', '--admin-email', 'o@other.example', '--generate');
for my $bad ([ $erp->db('newbiz'), 'newbiz' ], [ $erp->db('users'), 'platform' ], [ $erp->db('admin'), 'platform' ]) {
    ($status, undef, $err) = ctl(@other, '--db-name', $bad->[0]);
    is($status, 1, "refused: the database of $bad->[1]");
    like($err, qr/$bad->[1]/, 'and says whose it is');
}
for my $uri ('mongodb://169.254.169.254/', 'mongodb://db.example/?tlsCAFile=/etc/passwd', 'mongodb://db.example/?w=0') {
    ($status, undef, $err) = ctl(@other, '--uri', $uri);
    is($status, 1, "refused: $uri");
}
ok(!(grep { $_->{slug} eq 'other' } @{ (ctl('tenant', 'list'))[1] }), 'nothing was added');

# --- what fails half-way serves nobody, and the same again finishes it
my @half = (@other, '--db-name', $erp->db('other'));
$erp->mongo('users', doc(collMod => 'users', validator => { email => { '$ne' => 'o@other.example' } }));
isnt((ctl(@half))[0], 0, 'the admin cannot be stored');
is((ctl('tenant', 'show', 'other'))[1]{status}, 'provisioning', 'so the tenant is not active');
$erp->mongo('users', doc(collMod => 'users', validator => {}));
($status, $made, $err) = ctl(@half);
is($status, 0, 'the same again, at once') or diag $err;
is((ctl('tenant', 'show', 'other'))[1]{status}, 'active', 'finishes it');

# --- from the shared database to one of its own
my $old_id = Erp::Test::uuid();
$erp->seed_user(email => 'Old@legacy.example', password => 'an older password', role => 'tenant_admin', tenant_id => $old_id);
$erp->seed_user(email => 'clerk@legacy.example', password => 'a clerk password', role => 'staff', tenant_id => $old_id);
my $shared = $erp->login('old@legacy.example', 'an older password')->{access_token};
is($erp->get('/api/health/tenant', token => $shared)->json->{tenant_slug}, 'default', 'works in the shared database');
($status, $made, $err) = ctl('tenant', 'add', 'legacy', '--name', 'Legacy', '--type', 'grocery', '--admin-email', 'old@legacy.example',
    '--db-name', $erp->db('legacy'));
is($status, 0, 'a tenant is made for a user who is there') or diag $err;
is($made->{tenant_id}, $old_id, 'with the tenant_id of its records');
is(sign_in('old@legacy.example', 'an older password')->json->{user}{tenant_slug}, 'legacy', 'who signs in with the old password');
is((ctl('user', 'link', 'clerk@legacy.example', '--tenant', 'legacy'))[0], 0, 'a colleague is linked');
is(sign_in('clerk@legacy.example', 'a clerk password')->json->{user}{tenant_slug}, 'legacy', 'and works there too');
is((ctl('user', 'link', 'clerk@legacy.example', '--tenant', 'newbiz'))[0], 1, 'for good');

# --- entries made by hand: check names what is missing, and changes nothing
my $hand = $erp->seed_tenant(slug => 'byhand', entry => { license_type => undef, max_users => undef, features_enabled => undef });
$erp->mongo_insert('admin', 'tenants_registry', { slug => 'empty', status => 'active' },
    { slug => 'twin', status => 'active', tenant_id => Erp::Test::uuid(), db_uri => $ENV{ERP_TEST_MONGO_URL}, db_name => $erp->db('newbiz') });
($status, my $faults) = ctl('check');
is($status, 1, 'erpctl check finds faults');
my %fault;
push @{ $fault{ $_->{where} } }, $_->{fault} for @$faults;
like("@{ $fault{empty} }", qr/no db_uri.*no usable db_name.*no tenant_id/, 'an empty entry');
like("@{ $fault{twin} }", qr/database of newbiz/, 'a database that two have');
like("@{ $fault{byhand} }", qr/no tenant_id/, 'an entry whose admin has not signed in');
is((ctl('tenant', 'show', 'byhand'))[1]{tenant_id}, undef, 'which is as it was');
is((ctl('check', 'byhand'))[0], 0, 'its database answers');
is((ctl('user', 'add', 'x@byhand.example', '--tenant', 'byhand', '--role', 'tenant_admin', '--name', 'X', '--generate'))[0], 0,
    'a user is added');
is((ctl('tenant', 'show', 'byhand'))[1]{tenant_id}, $hand->{tenant_id}, 'which gives the entry its id');

# --- what was done stands in the tenant's audit log
my %seen = map { $_->{action} => 1 } grep { $_->{actor} eq 'erpctl' }
    $erp->mongo_all($erp->db('newbiz_audit'), doc(find => 'audit_log'));
ok($seen{$_}, "audited: $_") for qw(tenant_add suspended active user_add user_disable user_enable user_password);

# --- status
my ($state) = (ctl('status'))[1];
is(scalar @{ $state->{workers} }, 5, 'status: every worker');
cmp_ok($state->{counters}{requests}, '>', 40, 'status: counters');
ok(exists $state->{watcher_alive}, 'status: whether the watcher lives');

my ($indexes) = (ctl('indexes'))[1];
ok((grep { $_->{collection} eq 'sales' && $_->{name} =~ /^tenant_id_1/ } @$indexes), 'indexes: by collection');

# --- help and the manual come from the tables
my ($overview) = ($erp->erpctl('help'))[1];
for my $name ($overview =~ /^  ([a-z]+(?: [a-z-]+)?)(?= )/mg) {
    ($status, my $text) = $erp->erpctl('help', split / /, $name);
    is($status, 0, "help $name");
    is(($erp->erpctl((split / /, $name), '--help'))[1], $text, "$name --help");
}
is(($erp->erpctl('cache', 'clear', { env => { ERP_BOARD => '/nonexistent/board' } }))[0], 73, 'exit status 73 without a board');
is(($erp->erpctl('tenant', 'list', { env => { MONGO_URL_FILE => '/nonexistent' } }))[0], 78, 'exit status 78 for a wrong setting');
my ($manual) = ($erp->erpctl('--man-commands'))[1];
like($manual, qr/^\.B tenant add .*?\\-\\-admin\\-email/ms, 'the manual has commands with their options');
like($manual, qr/^\.SH EXIT STATUS\n(?:.*\n)*\.B 78$/m, 'and exit codes');

# --- a database that is away
($status, undef, $err) = $erp->erpctl('tenant', 'list',
    { env => { MONGO_URL_FILE => '', MONGO_URL => 'mongodb://127.0.0.1:1/' } });
is($status, 69, 'exit status 69 when the database is away') or diag $err;
done_testing;
