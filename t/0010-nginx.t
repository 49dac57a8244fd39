# The edge: what nginx accepts, refuses and adds, with a worker that tells what it was given.
use Erp::Test;
use Erp::Proc qw(free_port);

my $echo = "$ENV{ERP_TEST_DEVEL_BIN}/t/echo-worker";
my $erp = Erp::Test->start(erpd => $echo, plain => 1, login_workers => 1,
    nginx => { READ_TIMEOUT => '2s', CLIENT_TIMEOUT => '2s', ACCESS_LOG => '/dev/null' });
my @own = ('GET', '/api/echo');

subtest 'configuration' => sub {
    my ($status, $out, $err) = $erp->run_program('/bin/sh',
        ['-c', "PATH=\$PATH:/usr/sbin; nginx -t -e stderr -c $erp->{dir}/nginx/main.conf 2>&1"]);
    is $status, 0, 'nginx -t';
    unlike $out, qr/warn|emerg/, 'without a warning';
    ($status, $out) = $erp->run_program('/bin/sh',
        ['-c', "$erp->{root}/nginx/erpd-nginx-conf $erp->{dir}/site 2>&1"]);
    isnt $status, 0, 'a site without names is refused';
    like $out, qr/NAMES is empty/, '... with the reason';
    ($status, $out) = $erp->run_program('/bin/sh',
        ['-c', "$erp->{root}/nginx/erpd-nginx-conf 'NAMES=a; root /' $erp->{dir}/site 2>&1"]);
    isnt $status, 0, 'a value that would end its directive is refused';
};

subtest 'what a worker is given' => sub {
    my $res = $erp->request('GET', '/api/x%20y/../echo?a=1', headers => { Proxy => 'http://evil.example',
        'X-Request-Id' => 'mine', 'ERP-Request-Id' => 'mine', 'Document-Uri' => '/api/other' });
    my $got = $res->json;
    is $res->status, 200, 'a reply';
    is $got->{HTTP_PROXY} // '', '', 'HTTP_PROXY is cleared';
    is $got->{DOCUMENT_URI}, '/api/echo', 'DOCUMENT_URI is normalised';
    is $got->{QUERY_STRING}, 'a=1', 'QUERY_STRING';
    like $got->{ERP_REQUEST_ID}, qr/^[0-9a-f]{32}$/, 'a request id of nginx alone';
    like $got->{ERP_RECEIVED}, qr/^\d+\.\d{3}$/, 'when it was received';
    is $got->{REMOTE_ADDR}, '127.0.0.1', 'REMOTE_ADDR';
    is $got->{HTTPS}, 'on', 'HTTPS';
    $res = $erp->post('/api/echo', 'x' x 100_000);
    is $res->json->{BODY_BYTES}, 100_002, 'the whole body';
    is $res->json->{CONTENT_LENGTH}, 100_002, 'its length';
    $res = $erp->get('/api/echo?status=404');
    is $res->status, 404, 'an error of a worker passes';
    like $res->header('Content-Type'), qr{^application/json}, '... as it is';
    is length $erp->get('/api/echo?bytes=700000')->json->{filler}, 700_000, 'a large reply';
};

subtest 'two pools' => sub {
    my %pool;
    $pool{$_} = $erp->post($_, {})->json->{PID}
        for qw(/api/auth/login /api/auth/change-password /api/auth/login/ /api/auth/me);
    my ($login) = $erp->pids('login');
    is $pool{$_}, $login, "$_ goes to the login pool" for qw(/api/auth/login /api/auth/change-password);
    isnt $pool{$_}, $login, "$_ goes to the main pool" for qw(/api/auth/login/ /api/auth/me);
};

subtest 'TLS' => sub {
    for my $case (['--tlsv1.2', '--tls-max', '1.2', 1], ['--tlsv1.3', '--tls-max', '1.3', 1],
        ['--tlsv1.1', '--tls-max', '1.1', 0], ['--tlsv1.0', '--tls-max', '1.0', 0]) {
        my $ok = pop @$case;
        my $res = $erp->request(@own, curl => [@$case, '--ciphers', 'DEFAULT:@SECLEVEL=0']);
        is $res->status, $ok ? 200 : 0, "$case->[0] is " . ($ok ? 'spoken' : 'refused');
    }
    for my $cipher (qw(ECDHE-ECDSA-AES128-SHA256 AES128-GCM-SHA256 ECDHE-ECDSA-AES128-SHA)) {
        my $res = $erp->request(@own, curl => ['--tls-max', '1.2', '--ciphers', $cipher . ':@SECLEVEL=0']);
        is $res->status, 0, "$cipher is refused";
    }
    my ($status, $out) = $erp->run_program('/bin/sh', ['-c',
        "echo | openssl s_client -connect 127.0.0.1:$erp->{port} -servername localhost -tls1_2 2>&1"]);
    unlike $out, qr/TLS session ticket:/, 'no session tickets';
    my $res = $erp->request(@own, http => '2', curl => ['-w', '%{http_version}']);
    like $res->body, qr/\}\n2$/, 'HTTP/2';
};

subtest 'headers' => sub {
    for my $path ('/api/echo', '/api/echo?status=500', '/nothing') {
        my $res = $erp->get($path);
        my @csp = $res->headers('Content-Security-Policy');
        like $res->header('Strict-Transport-Security'), qr/^max-age=\d+$/, "$path: HSTS";
        is $res->header('X-Content-Type-Options'), 'nosniff', "$path: nosniff";
        is_deeply \@csp, ["default-src 'none'; frame-ancestors 'none'"], "$path: CSP";
        is $res->header('Server'), 'nginx', "$path: no version of nginx";
    }
    my $page = $erp->get('/');
    is $page->status, 200, 'a page at /';
    like $page->header('Content-Security-Policy'), qr/default-src 'self'/, 'its CSP';
    ok $page->header('X-Request-Id'), 'its request id';
};

subtest 'names' => sub {
    for my $host ('evil.example', 'localhost.evil.example', '') {
        is $erp->request(@own, headers => { Host => $host })->status, $host eq '' ? 400 : 0,
            "no answer for the name '$host'";
    }
    is $erp->request('GET', "https://127.0.0.1:$erp->{port}/api/echo")->status, 200, 'the address is a name of ours';
    my $plain = "http://localhost:$erp->{plain_port}";
    my $res = $erp->request('GET', "$plain/api/x?y=z");
    is $res->status, 308, 'plain HTTP sends to TLS';
    is $res->header('Location'), "https://localhost:$erp->{port}/api/x?y=z", '... the same address';
    is $erp->request('GET', "$plain/", headers => { Host => 'evil.example' })->status, 0, '... for names of ours alone';
};

subtest 'errors of nginx are problem+json' => sub {
    is_problem($erp->get('/nothing'), 404, 'not_found', 'no such file');
    is_problem($erp->get('/erpd-problem'), 404, 'not_found', 'the page of errors is not one to ask for');
    my $trace = $erp->request('TRACE', '/api/echo');
    is_problem($trace, 405, 'method_not_allowed', 'TRACE');
    is $trace->header('Allow'), 'GET, HEAD, POST, PUT, PATCH, DELETE', '... with what is allowed';
    my $file = $erp->post('/', { a => 1 });
    is_problem($file, 405, 'method_not_allowed', 'POST to a file');
    is $file->header('Allow'), 'GET, HEAD', '... with what is allowed';
    is_problem($erp->post('/api/echo', 'x' x 1_100_000), 413, 'too_large', 'a body over 1 MiB');
    is_problem($erp->post('/api/auth/login', 'x' x 5000), 413, 'too_large', 'a sign-in over 4 KiB');
    is_problem($erp->get('/api/' . 'x' x 20_000), 414, 'uri_too_long', 'an address of 20 KB');
    is_problem($erp->get('/api/echo', headers => { 'X-Big' => 'x' x 102_400 }), 431, 'header_too_large', 'a header of 100 KiB');
    # Over HTTP/2, nginx answers such headers in the protocol's own way: GOAWAY, enhance your calm.
    is $erp->get('/api/echo', http => '2', headers => { map { ("X-Big-$_" => 'x' x 5000) } 1 .. 10 })->status,
        0, 'a header of 50 KB over HTTP/2 costs the connection';
    is_problem($erp->request('GET', "http://localhost:$erp->{port}/"), 400, 'bad_request', 'plain HTTP to the TLS port');
    for my $bytes ("GARBAGE\r\n\r\n", "GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /a%00b HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n", "POST /api/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1x\r\n\r\n",
        "POST /api/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n") {
        (my $name = $bytes) =~ s/\r\n/ /g;
        is_problem($erp->raw($bytes), 400, 'bad_request', $name);
    }
    my $slow = $erp->get('/api/echo?ms=3000');
    is_problem($slow, 504, 'timeout', 'a worker that is too slow');
    ok $slow->header('Retry-After'), '... with Retry-After';
    cmp_ok $slow->took, '<', 2.9, '... after the limit';
    my $lost = $erp->get('/api/echo?exit=0');
    is_problem($lost, 502, 'worker_lost', 'a worker that dies');
    ok $lost->header('Retry-After'), '... with Retry-After';
    my $stuck = $erp->raw("POST /api/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc", timeout => 6);
    is_problem($stuck, 408, 'client_too_slow', 'half a body and silence') if $stuck->status;
    cmp_ok $stuck->took, '<', 5, '... costs the client its connection';
};
$erp->stop;

subtest 'limits' => sub {
    my $tight = Erp::Test->start(erpd => $echo, login_workers => 1, nginx => {
        API_RATE => '1r/s', API_BURST => 3, LOGIN_RATE => '30r/m', LOGIN_BURST => 20, ADDRESS_RATE => '1r/s', ADDRESS_BURST => 100 },
        wait => 0);
    wait_until(20, sub { $tight->get('/')->status == 200 }) or die "nginx is not up\n";
    my %seen;
    $seen{ $tight->post('/api/auth/login', {})->status }++ for 1 .. 25;
    cmp_ok $seen{200}, '>=', 20, 'a burst of 20 sign-ins';
    cmp_ok $seen{429} // 0, '>=', 1, '... and no more';
    my $refused = $tight->post('/api/auth/change-password', {});
    is_problem($refused, 429, 'too_many_requests', 'sign-in and change of password share a budget');
    ok $refused->header('Retry-After'), '... with Retry-After';
    my @tokens = map { "e30.e30." . ($_ x 43) } 'a', 'b';
    %seen = ();
    $seen{ $tight->get('/api/echo', token => $tokens[0])->status }++ for 1 .. 8;
    cmp_ok $seen{429} // 0, '>=', 2, 'a token has its budget';
    is $tight->get('/api/echo', token => $tokens[1])->status, 200, 'another token of the same address has its own';
    is $tight->get('/api/echo')->status, 200, 'and the address without a token';
    %seen = ();
    $seen{ $tight->get('/api/echo', token => "forged$_")->status }++ for 1 .. 8;
    cmp_ok $seen{429} // 0, '>=', 2, 'invented tokens count for the address';
    $tight->stop;
};

done_testing;
