# A super_admin in the place of a business's administrator: short, for a reason, written down where the
# business can read it, and over at the moment when the super_admin is one no more.
use Erp::Test;
use Erp::Json qw(from_json);
use MIME::Base64 qw(decode_base64url);

my $erp = Erp::Test->start(workers => 3, login_workers => 1);
my $shop = $erp->seed_tenant(slug => 'shop');
my %root = map { $_ => $erp->seed_user(email => "$_\@platform.example", password => "$_-root-password", role => 'super_admin') } qw(ann ben cid dan);
my $late = $erp->seed_user(email => 'late@shop.example', password => 'late-password', role => 'tenant_admin', tenant_id => $shop->{tenant_id},
    user => { tenant_slug => 'shop', created_at => { '$date' => '2099-01-01T00:00:00Z' } });
$erp->login($shop->{email}, $shop->{password});    # which links the account

sub root_token { my ($name) = @_; return $erp->login("$name\@platform.example", "$name-root-password")->{access_token} }
sub claims { return from_json(decode_base64url((split /\./, $_[0])[1])) }
sub ask { my ($token, $body, $id) = @_; return $erp->post('/api/super/tenants/' . ($id // $shop->{tenant_id}) . '/impersonate', $body, token => $token) }
sub act {
    my ($token, %more) = @_;
    my $res = ask($token, { reason => 'Till does not print', %more });
    die 'impersonate: ' . $res->brief . "\n" if $res->status != 200;
    return $res->json->{access_token};
}
sub works { my ($token) = @_; return $erp->get('/api/products', token => $token) }
sub entries { my ($db, %filter) = @_; return $erp->mongo_all($db . '_audit', doc(find => 'audit_log', filter => \%filter)) }

my $ann = root_token('ann');

subtest 'asked for' => sub {
    is_problem(ask($ann, {}), 422, 'validation', 'no reason');
    is_problem(ask($ann, { reason => '  ' }), 422, 'validation', 'an empty one');
    is_problem(ask($ann, { reason => 'support', minutes => 481 }), 422, 'validation', 'longer than 8 hours');
    is_problem(ask($ann, { reason => 'support', minutes => 0 }), 422, 'validation', 'no time at all');
    is_problem(ask($ann, { reason => 'support' }, Erp::Test::uuid()), 404, 'tenant_not_found', 'no such business');
    is_problem(ask($erp->login($shop->{email}, $shop->{password})->{access_token}, { reason => 'support' }), 403, 'role_forbidden', 'by a tenant_admin');
    my $empty = $erp->seed_tenant(slug => 'empty', user => { disabled => \1 });
    is_problem(ask($ann, { reason => 'support' }, $empty->{tenant_id}), 404, 'not_found', 'a business whose only administrator is disabled');
};

subtest 'what it is' => sub {
    my $res = ask($ann, { reason => 'Till does not print' });
    is $res->status, 200, 'a token' or diag $res->brief;
    is $res->json->{user}{id}, $shop->{user_id}, 'of the first administrator';
    my $claims = claims($res->json->{access_token});
    is_deeply [@$claims{qw(sub tenant_slug tenant_id role impersonated_by impersonation_started)}],
        [$shop->{user_id}, 'shop', $shop->{tenant_id}, 'tenant_admin', $root{ann}{id}, $claims->{iat}], 'its claims';
    is $claims->{exp} - $claims->{iat}, 8 * 3600, 'eight hours';
    is works($res->json->{access_token})->status, 200, 'it works there';
    my $short = claims(act($ann, minutes => 5));
    is $short->{exp} - $short->{iat}, 300, 'or as long as was asked';
    my $own = claims($ann);
    my $ending = $erp->forge_token(header => decode_base64url((split /\./, $ann)[0]), claims => { %$own, exp => time + 100 });
    my $bound = claims(act($ending));
    cmp_ok $bound->{exp}, '<=', time + 101, 'never beyond the token that asked';
    my $old_id = Erp::Test::uuid();
    my $old = $erp->seed_user(email => 'boss@old.example', password => 'old-boss-password', role => 'tenant_admin', tenant_id => $old_id);
    $res = ask($ann, { reason => 'support' }, $old_id);
    is $res->json->{user}{id}, $old->{id}, 'in the shared database too' or diag $res->brief;
    is claims($res->json->{access_token})->{tenant_slug}, undef, '... without a slug';
    is works($res->json->{access_token})->status, 200, '... and works';
};

subtest 'seen by the business' => sub {
    my $token = act($ann);
    my $me = $erp->get('/api/auth/me', token => $token);
    is $me->json->{impersonated_by}, 'ann@platform.example', 'me says who';
    like $me->json->{$_}, qr/^20\d\d-.*Z$/, "... $_" for qw(impersonation_started impersonation_ends);
    is $me->header('X-Impersonated-By'), 'ann@platform.example', 'every reply says it';
    is(works($token)->header('X-Impersonated-By'), 'ann@platform.example', '... of records too');
    my $plain = $erp->get('/api/auth/me', token => $erp->login($shop->{email}, $shop->{password})->{access_token});
    is $plain->header('X-Impersonated-By'), undef, 'not to the user in person';
    is $plain->json->{impersonated_by}, undef, '... nor in me';
    my $brand = $erp->post('/api/brands', { name => 'Made for them' }, token => $token)->json;
    my ($entry) = entries($shop->{db_name}, record_id => $brand->{id});
    is_deeply [@$entry{qw(actor impersonated_by)}], [$shop->{user_id}, $root{ann}{id}], 'what was done carries both';
    my @began = entries($shop->{db_name}, action => 'impersonate');
    cmp_ok scalar @began, '>=', 3, 'each beginning is in the business\'s log';
    is_deeply [@{ $began[-1] }{qw(actor record_id note tenant_id)}], [$root{ann}{id}, $shop->{user_id}, 'Till does not print', $shop->{tenant_id}], '... with the reason';
    is scalar(entries('admin', action => 'impersonate', record_id => $shop->{user_id})), scalar @began, '... and in the platform\'s';
};

subtest 'what it may not' => sub {
    my $token = act($ann);
    is_problem($erp->post('/api/auth/change-password', { old_password => $shop->{password}, new_password => 'lantern-orbit-47' }, token => $token),
        403, 'impersonation_forbidden', 'change the password');
    is_problem($erp->post('/api/users', { email => 'x@x.example', password => 'lantern-orbit-47', full_name => 'X', role => 'staff' }, token => $token),
        403, 'impersonation_forbidden', 'make an account');
    is_problem($erp->put("/api/users/$late->{id}", { password => 'lantern-orbit-47' }, token => $token), 403, 'impersonation_forbidden', 'change one');
    is_problem($erp->delete("/api/users/$late->{id}", token => $token), 403, 'impersonation_forbidden', 'remove one');
    is($erp->get('/api/users', token => $token)->status, 200, '... but see them');
    is_problem(ask($token, { reason => 'support' }), 403, 'role_forbidden', 'impersonate on');
    is_problem($erp->post('/api/auth/logout', { everywhere => \1 }, token => $token), 403, 'impersonation_forbidden', 'end the user\'s own tokens');
    is works($token)->status, 200, 'it goes on';
    is($erp->post('/api/auth/logout', {}, token => $token)->status, 200, 'signing out of it');
    is_problem(works($token), 401, 'token_revoked', '... ends it');
};

subtest 'only to look' => sub {
    my $token = act($ann, read_only => \1);
    is works($token)->status, 200, 'reads';
    is($erp->get('/api/auth/me', token => $token)->json->{read_only}, JSON::PP::true(), 'me says so');
    is_problem($erp->post('/api/brands', { name => 'No' }, token => $token), 403, 'impersonation_forbidden', 'writes nothing');
    is($erp->post('/api/auth/logout', {}, token => $token)->status, 200, 'but signs out');
    is_problem(works($token), 401, 'token_revoked', '... and is over');
};

subtest 'over at once' => sub {
    my %end = (
        'the super_admin signs out'      => sub { is($erp->post('/api/auth/logout', {}, token => $_[0])->status, 200, 'signed out') },
        'signs out everywhere'           => sub { is($erp->post('/api/auth/logout', { everywhere => \1 }, token => $_[0])->status, 200, 'signed out') },
        'changes the password'           => sub { is($erp->post('/api/auth/change-password', { old_password => 'ben-root-password', new_password => 'ben-root-passwords' }, token => $_[0])->status, 200, 'changed') },
    );
    for my $what ('the super_admin signs out', 'signs out everywhere', 'changes the password') {
        my $ben = root_token('ben');
        my $token = act($ben);
        is works($token)->status, 200, "$what: before";
        $end{$what}->($ben);
        is_problem(works($token), 401, 'token_revoked', "$what: after");
    }
    my $cid = root_token('cid');
    my $token = act($cid);
    is($erp->put("/api/users/$root{cid}{id}", { is_active => \0 }, token => $ann)->status, 200, 'disabled');
    is works($token)->status, 403, '... over';
    my $dan = root_token('dan');
    $token = act($dan);
    is(($erp->erpctl('user', 'disable', 'dan@platform.example'))[0], 0, 'disabled by the operator');
    is works($token)->status, 403, '... over';
    $erp->erpctl('user', 'enable', 'dan@platform.example');
    $dan = root_token('dan');
    $token = act($dan);
    $erp->mongo('users', doc(update => 'users', updates => [doc(q => { id => $root{dan}{id} }, u => { '$set' => { role => 'tenant_admin', tenant_id => $shop->{tenant_id} } })]));
    $erp->erpctl('cache', 'clear');
    wait_until(10, sub { works($token)->status != 200 });
    is_problem(works($token), 403, 'forbidden', 'a super_admin no more: over');
    $token = act($ann);
    is($erp->delete('/api/users/' . claims($token)->{sub}, token => $ann)->status, 200, 'the administrator is removed');
    is_problem(works($token), 401, 'token_revoked', '... over as well');
};

done_testing;
