# What of a token is believed, what ends it, how keys are rotated; and one's own password.
use Erp::Test;
use Digest::SHA qw(hmac_sha256 hmac_sha512 sha256_hex);
use MIME::Base64 qw(encode_base64url decode_base64url);
use Erp::Json qw(to_json from_json);
use Erp::Proc qw(random_text);
use Erp::Say qw(spew);

my $erp = Erp::Test->start(workers => 2, login_workers => 1, env => { ERP_TENANT_TTL => 1, JWT_EXPIRY => 3600 });
my $shop = $erp->seed_tenant(slug => 'shop');
$erp->login($shop->{email}, $shop->{password});    # its admin gives the entry its tenant_id
my $n = 0;

sub person {
    my (%opt) = @_;
    my %user = (email => 'p' . $n++ . '@shop.example', password => 'correct horse', role => 'staff',
        tenant_id => $shop->{tenant_id}, user => { tenant_slug => 'shop' }, %opt);
    $user{id} = $erp->seed_user(%user)->{id};
    return \%user;
}

sub try_login { my ($email, $password) = @_; return $erp->post('/api/auth/login', { email => $email, password => $password }) }
sub token_of  { my ($user) = @_; return $erp->login($user->{email}, $user->{password})->{access_token} }
sub me        { my ($token) = @_; return $erp->get('/api/auth/me', token => $token) }

sub set_user {
    my ($id, $set) = @_;
    return $erp->mongo('users', doc(update => 'users', updates => [doc(q => { id => $id }, u => { '$set' => $set })]));
}

sub claims { my ($token) = @_; return from_json(decode_base64url((split /\./, $token)[1])) }
sub header { my ($token) = @_; return (split /\./, $token)[0] }

# A token: the header in base64url as it is sent, the payload as hash or text.
sub forge {
    my ($head, $claims, $key) = @_;
    my $text = $head . '.' . encode_base64url(ref $claims ? to_json($claims) : $claims);
    return $text . '.' . encode_base64url(hmac_sha256($text, $key // $erp->{jwt_secret}));
}

my $user = person();
my $good = token_of($user);
my ($head, $payload, $signature) = split /\./, $good;

subtest 'tokens that are none' => sub {
    my $c = claims($good);
    my $key = $erp->{jwt_secret};
    my $with = sub { return { %$c, @_ } };
    my $without = sub { my %c = %$c; delete $c{ $_[0] }; return \%c };
    my $json = to_json($c);
    my $other_head = sub { return encode_base64url(ref $_[0] ? to_json($_[0]) : $_[0]) };
    my $kid = from_json(decode_base64url($head))->{kid};
    my $signed512 = sub { my $t = $_[0] . '.' . $payload; return $t . '.' . encode_base64url(hmac_sha512($t, $key)) };
    is(me(forge($head, $c))->status, 200, 'a token forged with our own key: the others below differ in one thing');
    my %bad = (
        'alg none'             => $other_head->({ alg => 'none', typ => 'JWT', kid => $kid }) . ".$payload.",
        'alg none, signed'     => forge($other_head->({ alg => 'none', typ => 'JWT', kid => $kid }), $c),
        'alg None'             => $other_head->({ alg => 'None', typ => 'JWT' }) . ".$payload.",
        'HS512'                => $signed512->($other_head->({ alg => 'HS512', kid => $kid, typ => 'JWT' })),
        'hs256'                => forge($other_head->({ alg => 'hs256', kid => $kid, typ => 'JWT' }), $c),
        'unknown kid'          => forge($other_head->({ alg => 'HS256', kid => '00000000', typ => 'JWT' }), $c),
        'no kid'               => forge($other_head->({ alg => 'HS256', typ => 'JWT' }), $c),
        'one more in the head' => forge($other_head->({ alg => 'HS256', kid => $kid, typ => 'JWT', jku => 'x' }), $c),
        'alg twice'            => forge($other_head->(qq({"alg":"HS256","alg":"none","kid":"$kid","typ":"JWT"})), $c),
        'no signature'         => "$head.$payload.",
        'signature cut'        => substr($good, 0, -2),
        'signature of another' => "$head." . encode_base64url(to_json($with->(role => 'tenant_admin'))) . ".$signature",
        'another key'          => forge($head, $c, random_text(32)),
        'an empty key'         => forge($head, $c, ''),
        'padding'              => forge($head, $c) . '=',
        'a fourth part'        => "$good.x",
        'two parts'            => "$head.$payload",
        'plus and slash'       => $good =~ tr{-_}{+/}r . '+/',
        '3,000 bytes'          => forge($head, $with->(business_name => 'x' x 2100)),
        'claims twice'         => forge($head, $json =~ s/\}$/,"role":"tenant_admin"}/r),
        'sub twice'            => forge($head, $json =~ s/^\{/{"sub":"$shop->{user_id}",/r),
        'exp missing'          => forge($head, $without->('exp')),
        'exp a float'          => forge($head, $json =~ s/"exp":(\d+)/"exp":$1.5/r),
        'exp as 1e10'          => forge($head, $json =~ s/"exp":\d+/"exp":1e10/r),
        'exp as text'          => forge($head, $json =~ s/"exp":(\d+)/"exp":"$1"/r),
        'exp true'             => forge($head, $json =~ s/"exp":\d+/"exp":true/r),
        'exp too far'          => forge($head, $with->(exp => $c->{iat} + 3601)),
        'exp of 64 bits'       => forge($head, $json =~ s/"exp":\d+/"exp":9223372036854775807/r),
        'exp negative'         => forge($head, $with->(exp => -1)),
        'iat missing'          => forge($head, $without->('iat')),
        'nbf missing'          => forge($head, $without->('nbf')),
        'nbf ahead'            => forge($head, $with->(nbf => time + 120)),
        'iat ahead'            => forge($head, $with->(iat => time + 120, exp => time + 300)),
        'sub missing'          => forge($head, $without->('sub')),
        'sub empty'            => forge($head, $with->(sub => '')),
        'sub an object'        => forge($head, $with->(sub => { '$ne' => undef })),
        'iss of another'       => forge($head, $with->(iss => 'other')),
        'aud of another'       => forge($head, $with->(aud => 'other')),
        'aud missing'          => forge($head, $without->('aud')),
        'jti missing'          => forge($head, $without->('jti')),
        'a role of no kind'    => forge($head, $with->(role => 'root')),
        'no JSON'              => forge($head, 'x' x 40),
        'JSON and more'        => forge($head, "$json x"),
        'an array'             => forge($head, "[$json]"),
        'not UTF-8'            => forge($head, $json =~ s/^\{/{"x":"\xff",/r),
        'rubbish'              => 'rubbish', 'dots' => '..', 'more dots' => '.' x 100, 'a space' => "$head .$payload.$signature",
    );
    my %details;
    for my $what (sort keys %bad) {
        my $res = me($bad{$what});
        is_problem($res, 401, 'token_invalid', $what);
        like $res->header('WWW-Authenticate') // '', qr/^Bearer\b/, '... WWW-Authenticate';
        $details{ $res->json->{detail} }++;
    }
    is scalar keys %details, 1, 'nobody learns what was wrong';
    is_problem(me(forge($head, $with->(iat => time - 4000, nbf => time - 4000, exp => time - 400))), 401, 'token_expired', 'expired');
    for my $value (undef, '', 'Basic YTpi', 'Bearer', "Token $good", "Bearer\t$good", $good) {
        is_problem($erp->get('/api/auth/me', headers => { Authorization => $value }), 401, 'token_missing',
            'Authorization: ' . (defined $value ? substr $value, 0, 12 : 'none'));
    }
    is($erp->get('/api/auth/me', headers => { Authorization => "bearer $good" })->status, 200, 'the scheme in any case');
    is_problem($erp->get("/api/auth/me?access_token=$good&token=$good"), 401, 'token_missing', 'not from the query');
    is_problem($erp->get('/api/auth/me', headers => { Cookie => "token=$good; access_token=$good" }), 401,
        'token_missing', 'not from a cookie');
    my $soon = forge($head, $with->(iat => time - 900, nbf => time - 900, exp => time - 57));
    is(me($soon)->status, 200, 'within the 60 s of leeway');
    ok wait_until(8, sub { me($soon)->status == 401 }), 'after it the same token is refused, by each worker';
    is_problem(me($soon), 401, 'token_expired', '... as expired') for 1 .. 4;
};

subtest 'the record decides' => sub {
    my $staff = person();
    my $token = token_of($staff);
    my $create = sub { $erp->post('/api/brands', { name => "Brand $_[0]" }, token => $token) };
    is_problem($create->(1), 403, 'role_forbidden', 'staff');
    is_problem($erp->post('/api/brands', { name => 'x' }, token => forge($head, { %{ claims($token) }, role => 'tenant_admin' })),
        403, 'role_forbidden', 'a role that only the token says');
    set_user($staff->{id}, { role => 'tenant_admin' });
    is(($erp->erpctl('cache', 'clear'))[0], 0, 'erpctl cache clear');
    is($create->($_)->status, 200, 'promoted: the old token may now') for 2 .. 5;
    set_user($staff->{id}, { role => 'cashier' });
    my $in_a_row = 0;
    ok wait_until(6, sub { $in_a_row = $create->(random_text(4))->status == 403 ? $in_a_row + 1 : 0; $in_a_row >= 8 }),
        'and demoted, after ERP_TENANT_TTL at most';
    set_user($staff->{id}, { is_active => \0 });
    $erp->erpctl('cache', 'clear');
    is_problem(me($token), 403, 'user_disabled', 'disabled');
    set_user($staff->{id}, { is_active => \1, allowed_routes => ['customers'] });
    $erp->erpctl('cache', 'clear');
    is_problem($erp->get('/api/brands', token => $token), 403, 'module_forbidden', 'narrowed to other modules');
    is($erp->get('/api/customers', token => $token)->status, 200, 'and not from these');
    $erp->mongo('users', doc(delete => 'users', deletes => [doc(q => { id => $staff->{id} }, limit => 1)]));
    $erp->erpctl('cache', 'clear');
    is_problem(me($token), 401, 'token_revoked', 'deleted');
};

subtest 'one\'s own password' => sub {
    my $who = person();
    my ($here, $there) = (token_of($who), token_of($who));
    my $change = sub { my ($old, $new) = @_;
        return $erp->post('/api/auth/change-password', { old_password => $old, new_password => $new }, token => $here) };
    is_problem($change->('wrong', 'a fine new password'), 401, 'bad_credentials', 'the old one is wrong');
    my %bad = (too_short => 'short', too_long => 'x1' x 40, common => 'password1234', email => uc $who->{email});
    for my $what (sort keys %bad) {
        my $res = $change->($who->{password}, $bad{$what});
        is_problem($res, 422, 'validation', "new one: $what");
        is_deeply [map { $_->{field} } @{ $res->json->{errors} }], ['new_password'], '... the field';
    }
    is_problem($change->('correct horse', "twelve \x{e9}\x{e9}\x{e9}\x{e9}"), 422, 'validation', 'characters count, not bytes');
    my $res = $erp->post('/api/auth/change-password', {}, token => $here);
    is_problem($res, 422, 'validation', 'nothing');
    is_deeply [sort map { $_->{field} } @{ $res->json->{errors} }], [qw(new_password old_password)], '... both are named';
    is_problem($erp->post('/api/auth/change-password', { old_password => 'a', new_password => 'b' }), 401, 'token_missing', 'no token');
    is(me($there)->status, 200, 'nothing of this ended a token');
    $res = $change->('correct horse', 'a fine new password');
    is $res->status, 200, 'changed' or diag $res->brief;
    is_problem(me($_), 401, 'token_revoked', 'older tokens end, in every worker') for $here, $there, $here, $there;
    is(me($res->json->{access_token})->status, 200, 'the new one of the reply works');
    is_problem(try_login($who->{email}, 'correct horse'), 401, 'bad_credentials', 'the old password is none');
    is(try_login($who->{email}, 'a fine new password')->status, 200, 'the new one is');
    $here = $res->json->{access_token};
    is($erp->post('/api/auth/change-password', { current_password => 'a fine new password', new_password => random_text(36) },
        token => $here)->status, 200, 'current_password is understood as well; 72 bytes fit');
    my $guess = person();
    my $token = token_of($guess);
    my @status = map { $erp->post('/api/auth/change-password', { old_password => "guess $_",
        new_password => 'a fine new password' }, token => $token)->status } 1 .. 6;
    is_deeply \@status, [401, 401, 401, 401, 401, 429], 'guessing the old one is delayed as sign-ins are';
};

subtest 'signing out' => sub {
    my $who = person();
    my ($a, $b, $c) = map { token_of($who) } 1 .. 3;
    my $res = $erp->request('POST', '/api/auth/logout', token => $a);
    is $res->status, 200, 'without a body';
    ok length $res->json->{message}, '... a message';
    is_problem(me($a), 401, 'token_revoked', 'that token is ended, in every worker') for 1 .. 4;
    is_problem($erp->request('POST', '/api/auth/logout', token => $a), 401, 'token_revoked', 'and cannot end again');
    is(me($_)->status, 200, 'the others go on') for $b, $c;
    is_problem($erp->post('/api/auth/logout', { everywhere => 'yes' }, token => $b), 422, 'validation', 'everywhere of a wrong type');
    is(me($b)->status, 200, '... ends nothing');
    is($erp->post('/api/auth/logout', { everywhere => \0 }, token => $b)->status, 200, 'everywhere: false');
    is(me($c)->status, 200, '... ends this one alone');
    is($erp->post('/api/auth/logout', { everywhere => \1 }, token => $c)->status, 200, 'everywhere: true');
    is_problem(me($c), 401, 'token_revoked', '... ends all') for 1 .. 4;
    my $next = token_of($who);
    is(me($next)->status, 200, 'a new sign-in works');
    my $many = sub { my %c = %{ claims($next) }; $c{jti} =~ s/.{4}$/sprintf '%04x', $_[0]/e; forge($head, \%c) };
    is($erp->request('POST', '/api/auth/logout', token => $many->($_))->status, 200, "signed out $_ times") for 1 .. 32;
    is(me($next)->status, 200, 'a list of 32 is kept');
    is($erp->request('POST', '/api/auth/logout', token => $many->(33))->status, 200, 'one more');
    is_problem(me($many->($_)), 401, 'token_revoked', "token $_ does not come to life again") for 1, 16, 33;
};

subtest 'rotating the keys' => sub {
    my ($old, $new) = ($erp->{jwt_secret}, random_text(32));
    my $before = token_of($user);
    spew("$erp->{dir}/JWT_SECRET_KEY", "$new $old\n", 0600);
    ok $erp->reload, 'workers replaced';
    is(me($before)->status, 200, 'the old key still verifies');
    my $after = token_of($user);
    is(from_json(decode_base64url(header($after)))->{kid}, substr(sha256_hex($new), 0, 8), 'the newest signs');
    is(me($after)->status, 200, '... and verifies');
    is_problem(me(forge(header($after), claims($before), $old)), 401, 'token_invalid', 'a key is no good under another\'s id');
    is_problem(me(forge(header($before), claims($before), $new)), 401, 'token_invalid', '... either way round');
    spew("$erp->{dir}/JWT_SECRET_KEY", "$new\n", 0600);
    ok $erp->reload, 'workers replaced';
    is_problem(me($before), 401, 'token_invalid', 'the dropped key is nothing any more');
    is(me($after)->status, 200, 'the new one works on');
};

done_testing;
