# Signing in and out, passwords, delays, and what of a token is believed.
use JSON::PP ();
use Erp::Test;
use Digest::SHA qw(hmac_sha256 sha256_hex);
use MIME::Base64 qw(encode_base64url decode_base64url);
use Time::HiRes qw(time);
use Erp::Json qw(to_json from_json);
use Erp::Proc qw(random_text);
use Erp::Say qw(spew);

# The cost is one above that of seed_user, so that its hashes are made anew at the first sign-in.
my $erp = Erp::Test->start(workers => 2, login_workers => 2,
    env => { ERP_TENANT_TTL => 1, ERP_BCRYPT_COST => 11, JWT_EXPIRY => 3600 });
my $shop = $erp->seed_tenant(slug => 'shop', email => 'Admin@Shop.Example', entry => {
    subscription_status => 'trial', subscription_plan => 'pro',
    subscription_expires_at => { '$date' => '2031-02-03T04:05:06Z' } });
my $n = 0;

# A user of the shop: email, password, id.
sub person {
    my (%opt) = @_;
    my %user = (email => 'p' . $n++ . '@shop.example', password => 'correct horse', role => 'staff',
        tenant_id => $shop->{tenant_id}, %opt);
    $user{user}{tenant_slug} //= 'shop' if !exists $user{user}{tenant_slug};
    $user{id} = $erp->seed_user(%user)->{id};
    return \%user;
}

sub try_login { my ($email, $password) = @_; return $erp->post('/api/auth/login', { email => $email, password => $password }) }
sub token_of  { my ($user) = @_; return $erp->login($user->{email}, $user->{password})->{access_token} }
sub me        { my ($token) = @_; return $erp->get('/api/auth/me', token => $token) }
sub record    { my ($id) = @_; return ($erp->mongo_all('users', doc(find => 'users', filter => { id => $id })))[0] }

sub set_user {
    my ($id, $set) = @_;
    return $erp->mongo('users', doc(update => 'users', updates => [doc(q => { id => $id }, u => { '$set' => $set })]));
}

sub set_status {
    my ($slug, $status) = @_;
    return $erp->mongo('admin', doc(update => 'tenants_registry',
        updates => [doc(q => { slug => $slug }, u => { '$set' => { status => $status } })]));
}

sub claims { my ($token) = @_; return from_json(decode_base64url((split /\./, $token)[1])) }

# The body without what differs between any two replies.
sub but_id { my ($res) = @_; my %body = %{ $res->json }; delete $body{request_id}; return \%body }

subtest 'a sign-in' => sub {
    my $before = time;
    my $res = try_login('aDMIN@shop.EXAMPLE', $shop->{password});
    is $res->status, 200, 'by the email in any case';
    is $res->header('Cache-Control'), 'no-store', 'kept by nobody';
    is_deeply [sort keys %{ $res->json }], [qw(access_token token_type user)], 'members of the reply';
    is $res->json->{token_type}, 'bearer', 'token_type';
    my $user = $res->json->{user};
    my %same = (id => $shop->{user_id}, email => 'Admin@Shop.Example', full_name => 'Test Person',
        role => 'tenant_admin', tenant_id => $shop->{tenant_id}, tenant_slug => 'shop', branch_id => undef,
        business_type => 'computer_shop', business_name => 'Shop', subscription_status => 'trial',
        subscription_plan => 'pro', subscription_expires_at => '2031-02-03T04:05:06.000Z', is_active => \1);
    is_deeply { map { $_ => $user->{$_} } grep { $_ ne 'is_active' } keys %same },
        { map { $_ => $same{$_} } grep { $_ ne 'is_active' } keys %same }, 'the user';
    like $user->{created_at}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'created_at';
    unlike $res->body, qr/hash|\$2[aby]\$|"_id"|token_version|revoked/, 'no secret of the record';
    my $token = $res->json->{access_token};
    my $claims = claims($token);
    is_deeply { map { $_ => $claims->{$_} } qw(sub email tenant_id tenant_slug role branch_id business_type
        business_name subscription_status subscription_plan) },
        { sub => $shop->{user_id}, map { $_ => $same{$_} } qw(email tenant_id tenant_slug role branch_id
        business_type business_name subscription_status subscription_plan) }, 'the claims';
    is $claims->{exp} - $claims->{iat}, 3600, 'JWT_EXPIRY';
    cmp_ok abs($claims->{iat} - $before), '<=', 2, 'issued now';
    my $head = from_json(decode_base64url((split /\./, $token)[0]));
    is_deeply $head, { alg => 'HS256', typ => 'JWT', kid => substr sha256_hex($erp->{jwt_secret}), 0, 8 }, 'the header';
    my $me = me($token);
    is $me->status, 200, 'me';
    my $shown = $me->json;
    is_deeply [delete @$shown{qw(impersonated_by impersonation_started impersonation_ends read_only)}],
        [undef, undef, undef, JSON::PP::false()], 'me: nobody acts for the user';
    ok((grep { $_ eq 'pos' } @{ delete $shown->{modules_enabled} }), '... the modules of the business');
    is_deeply $shown, $user, '... who is the same as at the sign-in';
    is(record($shop->{user_id})->{tenant_slug}, 'shop', 'the user found by admin_email is linked');
};

subtest 'hashes' => sub {
    my $password = 'Tr0ub4dor&3';
    for my $prefix (qw(2a 2b 2y)) {
        my $hash = crypt $password, "\$$prefix\$10\$abcdefghijklmnopqrstuO";
        my $user = person(password => $password, user => { hashed_password => $hash });
        is(try_login($user->{email}, $password)->status, 200, "\$$prefix\$");
        like record($user->{id})->{hashed_password}, qr/^\$2b\$11\$/, '... is made anew at the cost of now';
        is(try_login($user->{email}, $password)->status, 200, '... and still right');
    }
    my %bad = (
        'plain text' => $password, 'DES' => crypt($password, 'ab'), 'SHA-512' => crypt($password, '$6$saltsalt$'),
        '$2x$' => crypt($password, '$2x$10$abcdefghijklmnopqrstuO'), 'empty' => '', 'a number' => 12345678901,
        'cost 4' => crypt($password, '$2b$04$abcdefghijklmnopqrstuO'), '*0' => '*0', 'none' => undef,
        'a longer one' => crypt($password, '$2b$10$abcdefghijklmnopqrstuO') . 'x', 'an object' => { '$ne' => undef },
    );
    for my $what (sort keys %bad) {
        my $user = person(password => $password, user => { hashed_password => undef });
        set_user($user->{id}, { hashed_password => $bad{$what} }) if $what ne 'an object';
        set_user($user->{id}, { hashed_password => { x => 1 } }) if $what eq 'an object';
        is_problem(try_login($user->{email}, $_), 401, 'bad_credentials', "$what as hash, tried with '$_'")
            for $password, $what eq 'none' || ref $bad{$what} ? () : "$bad{$what}";
    }
    my $long = person(password => 'a' x 72);
    is(try_login($long->{email}, 'a' x 72)->status, 200, '72 bytes');
    is_problem(try_login($long->{email}, 'a' x 73), 401, 'bad_credentials', '73 bytes are not cut');
    is_problem($erp->request('POST', '/api/auth/login', body => qq({"email":"$long->{email}","password":") . 'a' x 72
        . '\\u0000"}'), 400, 'bad_json', 'a NUL in the password');
    my $nul = person(password => 'before');
    is_problem($erp->request('POST', '/api/auth/login',
        body => qq({"email":"$nul->{email}","password":"before\\u0000after"})), 400, undef, 'nothing is cut at a NUL');
};

subtest 'who is not told apart' => sub {
    my $hash = crypt 'correct horse', '$2b$11$abcdefghijklmnopqrstuO';
    my @known = map { person(user => { hashed_password => $hash }) } 1 .. 9;
    my $off = person(user => { is_active => \0 });
    my (@right, @wrong, @unknown, @strange);
    my $unknown = try_login('nobody@shop.example', 'wrong');
    is_problem($unknown, 401, 'bad_credentials', 'unknown email');
    is $unknown->json->{detail}, 'Invalid credentials', 'what frontends show';
    is_deeply but_id(try_login($known[0]{email}, 'wrong')), but_id($unknown), 'wrong password: the same body';
    is_deeply but_id(try_login($off->{email}, 'wrong')), but_id($unknown), 'disabled and wrong: the same body';
    is_problem(try_login($off->{email}, 'correct horse'), 403, 'user_disabled', 'disabled and right: says so');
    is_deeply but_id(try_login($_, 'wrong')), but_id($unknown), sprintf "email '%s'", s/[^ -~]/?/gr
        for '', ' ', 'no-at', 'x' x 254, "\x{e9}\@shop.example", "adm\x{ad}in\@shop.example",
        "\x{ff41}dmin\@shop.example", 'admin@shop.example ', '*', '.*', '%';
    for my $i (0 .. 8) {
        push @wrong,   try_login($known[$i]{email}, 'not this')->took;
        push @unknown, try_login("nobody$i\@shop.example", 'not this')->took;
        push @strange, try_login($known[$i]{email}, 'x' x 73)->took;
    }
    my $median = sub { (sort { $a <=> $b } @_)[@_ / 2] };
    my ($w, $u, $s) = map { $median->(@$_) } \@wrong, \@unknown, \@strange;
    ok $u > $w / 1.7 && $u < $w * 1.7, 'an unknown email takes as long' or diag "known $w s, unknown $u s";
    ok $s > $w / 1.7 && $s < $w * 1.7, 'and a password too long for bcrypt' or diag "known $w s, long $s s";
    my $twin = person();
    $erp->mongo('users', doc(dropIndexes => 'users', index => 'users_email'));
    $erp->seed_user(%$twin, email => uc $twin->{email});
    is_deeply but_id(try_login($twin->{email}, 'correct horse')), but_id($unknown), 'two records of one email: neither';
};

subtest 'the tenant\'s status' => sub {
    my $t = $erp->seed_tenant(slug => 'closed');
    for my $status (qw(suspended inactive deleted provisioning)) {
        set_status('closed', $status);
        my $res = try_login($t->{email}, $t->{password});
        is_problem($res, 403, 'tenant_inactive', $status);
        my $word = $status eq 'provisioning' ? 'set up' : $status;
        like $res->json->{detail}, qr/\b\Q$word\E\b.*\.$/, '... in a sentence';
        is_problem(try_login($t->{email}, 'wrong'), 401, 'bad_credentials', '... and not without the password');
        is_problem(try_login($t->{email}, $t->{password}), 403, 'tenant_inactive', '... which sets the count back');
    }
    set_status('closed', 'active');
    is(try_login($t->{email}, $t->{password})->status, 200, 'active again: at once');
};

subtest 'requests that are none' => sub {
    my $body = to_json({ email => 'a@b.example', password => 'x' });
    my $res = $erp->get('/api/auth/login');
    is_problem($res, 405, 'method_not_allowed', 'GET');
    is $res->header('Allow'), 'POST', '... Allow';
    is_problem($erp->request('POST', '/api/auth/login', body => $body, type => $_), 415, 'unsupported_media_type', $_)
        for 'text/plain', 'application/x-www-form-urlencoded', 'application/jsonx', 'application/json; charset=utf-16';
    is_problem($erp->request('POST', '/api/auth/login', body => $body, headers => { 'Content-Type' => undef }), 415,
        'unsupported_media_type', 'no media type');
    is_problem($erp->post('/api/auth/login', $_), 422, 'validation', 'body ' . to_json($_)) for [], 'text', 1,
        {}, { email => 'a@b.example' }, { password => 'x' }, { email => 1, password => 'x' },
        { email => 'a@b.example', password => ['x'] }, { email => { '$ne' => undef }, password => { '$ne' => undef } },
        { email => 'x' x 255 . '@b.example', password => 'x' }, { email => undef, password => undef };
    my %fields = map { $_->{field} => $_->{code} } @{ $erp->post('/api/auth/login', { password => 7 })->json->{errors} };
    is_deeply \%fields, { email => 'required', password => 'type' }, 'every fault is named at once';
    is_problem($erp->request('POST', '/api/auth/login', body => $_), 400, 'bad_json', "body '$_'")
        for '{', '{"email":"a","email":"b","password":"x"}', "{\"email\":\"\xff\",\"password\":\"x\"}", 'null x';
    is_problem($erp->post('/api/auth/login', { email => 'a@b.example', password => 'x' x 5000 }), 413, 'too_large', '5 KB');
};

subtest 'delays' => sub {
    my $user = person();
    for my $email ($user->{email}, 'ghost@shop.example') {
        is_problem(try_login($email, 'wrong'), 401, 'bad_credentials', "$email: failure $_") for 1 .. 5;
        my $res = try_login($email, $email eq $user->{email} ? 'correct horse' : 'wrong');
        is_problem($res, 429, 'too_many_requests', "$email: the next one waits, even with the right password");
        like $res->header('Retry-After'), qr/^[12]$/, '... as long as it says';
    }
    my ($ghost, $real) = map { my $e = $_; sub { try_login($e, 'wrong') } } 'ghost@shop.example', $user->{email};
    my $last;
    ok wait_until(5, sub { ($last = $real->())->status == 401 }), 'after the delay one more is tried';
    is_problem($last = $real->(), 429, 'too_many_requests', 'and the delay has doubled');
    is $last->header('Retry-After'), 2, '... to 2 s';
    ok wait_until(8, sub { try_login($user->{email}, 'correct horse')->status == 200 }), 'the right one succeeds after it';
    is_problem(try_login($user->{email}, 'wrong'), 401, 'bad_credentials', 'and the count is back at none');
    is(try_login(uc $user->{email}, 'correct horse')->status, 200, 'in any case of the email');
    my @kept = $erp->mongo_all('users', doc(find => 'login_attempts', filter => {}));
    is scalar(grep { to_json($_) =~ /shop\.example/ } @kept), 0, 'no email is kept with the counts';
};

done_testing;
