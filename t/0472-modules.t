# Modules, licence and limits of a business: what may be written, by whom, and that workers follow.
use Erp::Test;
use Erp::Json qw(from_json);

my $erp = Erp::Test->start(workers => 2, login_workers => 1);
$erp->seed_user(email => 'root@platform.example', password => 'root-password-1', role => 'super_admin');
my $root = $erp->login('root@platform.example', 'root-password-1')->{access_token};
my %id = map { $_ => Erp::Test::uuid() } qw(plain gone);
my $shop = $erp->seed_tenant(slug => 'shop');
my $boss = $erp->login($shop->{email}, $shop->{password})->{access_token};

sub toggle { my ($id, $module, $token) = @_; return $erp->patch("/api/tenants/$id/toggle-module?module=$module", undef, token => $token // $root) }
sub entry { my ($e) = $erp->mongo_all('admin', doc(find => 'tenants_registry', filter => { slug => $_[0] })); return $e }

subtest 'switched on and off' => sub {
    my @without = grep { $_ ne 'analytics' } @{ entry('shop')->{features_enabled} };
    my $res = toggle($shop->{tenant_id}, 'analytics');
    is $res->status, 200, 'off' or diag $res->brief;
    is_deeply [@{ $res->json }{qw(module enabled)}], ['analytics', JSON::PP::false()], '... it says so';
    is_deeply entry('shop')->{features_enabled}, \@without, '... in the entry';
    is_deeply toggle($shop->{tenant_id}, 'analytics')->json->{modules_enabled}, [@without, 'analytics'], 'and on';
    my $plain = $erp->seed_tenant(slug => 'plain', tenant_id => $id{plain}, entry => { tenant_id => $id{plain}, features_enabled => undef, business_type => 'pharmacy' });
    my $has = toggle($plain->{tenant_id}, 'offers')->json->{modules_enabled};
    is_deeply [grep { /^(?:pos|prescriptions|offers|repairs)$/ } @$has], [qw(pos prescriptions offers)], 'an entry without a list begins with those of its type';
    my @log = $erp->mongo_all('admin_audit', doc(find => 'audit_log', filter => { action => 'toggle_module', record_id => 'shop' }));
    is_deeply [map { $_->{note} } @log], [qw(analytics analytics)], 'each is in the platform\'s log';
};

subtest 'a new business' => sub {
    my @add = ('tenant', 'add', 'corner', '--name', 'Corner', '--type', 'grocery', '--admin-email', 'owner@corner.example', '--db-name', $erp->db('corner'));
    is(($erp->erpctl(@add, '--password-file', '/dev/stdin', { input => 'corner-password-1' }))[0], 0, 'made');
    my $has = entry('corner')->{features_enabled};
    is_deeply [grep { /^(?:pos|pricing|grocery|repairs|tables)$/ } @$has], [qw(pos pricing grocery)], 'its entry lists the modules of its trade';
    my $token = $erp->login('owner@corner.example', 'corner-password-1')->{access_token};
    my $names = $erp->get('/api/auth/me', token => $token)->json->{modules_enabled};
    is_deeply [grep { !/^(?:core|catalogue|customers|branches|settings|sales|users)$/ } @$names], $has, 'me names them';
    is scalar @$names, 7 + @$has, '... and those that everybody has';
    is_problem($erp->get('/api/tables', token => $token), 403, 'module_forbidden', 'another is refused');
    my $root_sees = $erp->get('/api/auth/me', token => $root)->json;
    ok exists $root_sees->{modules_enabled} && !defined $root_sees->{modules_enabled}, 'a super_admin has none';
};

subtest 'refused' => sub {
    is_problem(toggle($shop->{tenant_id}, 'cows'), 400, 'bad_query', 'no such module');
    is_problem(toggle($shop->{tenant_id}, 'sales'), 400, 'bad_query', 'one that everybody has');
    is_problem(toggle($shop->{tenant_id}, ''), 400, 'bad_query', 'none');
    is_problem($erp->patch("/api/tenants/$shop->{tenant_id}/toggle-module", undef, token => $root), 400, 'bad_query', 'not said');
    is_problem(toggle(Erp::Test::uuid(), 'pos'), 404, 'tenant_not_found', 'no such business');
    is_problem(toggle($shop->{tenant_id}, 'pos', $boss), 403, 'role_forbidden', 'not by the business itself');
    my $gone = $erp->seed_tenant(slug => 'gone', tenant_id => $id{gone}, entry => { tenant_id => $id{gone}, status => 'deleted' });
    is_problem(toggle($gone->{tenant_id}, 'pos'), 409, 'illegal_transition', 'a deleted one');
};

subtest 'erpctl tenant set' => sub {
    my ($code, $out, $err) = $erp->erpctl('tenant', 'set', 'shop', '--license', 'free', '--features', 'pos,offers', '--name', 'Shop & Sons', '--json');
    is $code, 0, 'set' or diag $err;
    is from_json($out)->{slug}, 'shop', '... as JSON';
    is_deeply [@{ entry('shop') }{qw(business_name license_type max_users max_branches features_enabled)}], ['Shop & Sons', 'free', 2, 1, [qw(pos offers)]], 'the licence brings its limits';
    is(($erp->erpctl('tenant', 'set', 'shop', '--license', 'pro', '--max-users', '7'))[0], 0, 'with another limit');
    is_deeply [@{ entry('shop') }{qw(license_type max_users max_branches)}], ['pro', 7, 10], '... which counts';
    is(($erp->erpctl('tenant', 'set', 'shop', '--max-branches=-1'))[0], 0, 'no limit');
    is_deeply [@{ entry('shop') }{qw(max_users max_branches)}], [7, -1], '... the other stays';
    is(($erp->erpctl('tenant', 'set', 'shop', @$_))[0], 64, "wrong: @$_") for ['--license', 'gold'], ['--max-users', 'many'], [], ['--max-users=-2'], ['--name', ''];
    ($code, undef, $err) = $erp->erpctl('tenant', 'set', 'shop', '--features', 'pos,cows');
    is $code, 1, 'no such module';
    like $err, qr/cows/, '... is named';
    is(($erp->erpctl('tenant', 'set', 'nobody', '--name', 'X'))[0], 1, 'no such tenant');
    is_deeply entry('shop')->{features_enabled}, [qw(pos offers)], 'nothing of it is written';
    is(($erp->erpctl('tenant', 'set', 'plain', '--type', 'clinic'))[0], 0, 'another type');
    is entry('plain')->{business_type}, 'clinic', '... is stored';
    ok +(grep { $_ eq 'prescriptions' } @{ entry('plain')->{features_enabled} }), '... the modules stay';
    is(($erp->erpctl('tenant', 'set', 'plain', '--type', 'A Clinic'))[0], 1, 'no type');
    is entry('plain')->{business_type}, 'clinic', '... is not';
    is(($erp->erpctl('tenant', 'set', 'shop', '--license', 'free'))[0], 0, 'one branch');
    my @branch = map { $erp->post('/api/branches', { name => "B$_", address => 'Road 1', contact_phone => '0170000000' }, token => $boss)->status } 1 .. 2;
    is_deeply \@branch, [200, 403], 'enforced at once';
};

done_testing;
