# Requests that are wrong around their bodies: media types, lengths, headers, methods, paths and
# queries. Each gets a precise 4xx in problem+json; nothing breaks out of a header; nobody dies.
use Erp::Test;
use Erp::Json qw(to_json);

my $erp = Erp::Test->start(workers => 2, login_workers => 1);
my $shop = $erp->seed_tenant(slug => 'shop');
my $token = $erp->login($shop->{email}, $shop->{password})->{access_token};
my @as = (token => $token);
my @made = map { $erp->post('/api/products', { name => "Good $_", price => $_, sku => "G$_" }, @as)->json } 1 .. 3;
my $id = $made[0]{id};
my @pids = map { $erp->pids($_) } qw(main login);

sub unchanged {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @found = sort { $a->{name} cmp $b->{name} } @{ $erp->get('/api/products', @as)->json };
    is_deeply \@found, \@made, 'the records are as they were';
    return is_deeply [map { $erp->pids($_) } qw(main login)], \@pids, 'the workers are the same';
}

# A request in bytes; "Host" and the token are added.
sub raw {
    my ($line, $headers, $body) = @_;
    return $erp->raw("$line HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer $token\r\nConnection: close\r\n"
        . join('', map { "$_\r\n" } @$headers) . "\r\n" . ($body // ''), timeout => 20);
}

subtest 'media types' => sub {
    my $body = '{"name":"x","price":1}';
    is_problem($erp->request('POST', '/api/products', @as, body => $body, type => $_), 415, 'unsupported_media_type', "POST: $_")
        for 'text/plain', 'text/json', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/xml',
        'application/json-patch+json', 'application/merge-patch+json', 'application/json; charset=latin1', 'application/json, text/plain',
        'application/json;charset=utf-8;x=y', 'json', '*/*', 'application/*';
    is_problem($erp->request('POST', '/api/products', @as, body => $body, headers => { 'Content-Type' => $_ }), 415,
        'unsupported_media_type', 'POST: ' . (defined $_ ? 'empty' : 'none')) for undef, '';
    is_problem($erp->request('POST', '/api/products', @as, body => $body, type => 'application/json',
        headers => { 'Content-Encoding' => $_ }), 415, 'unsupported_media_type', "POST: encoded by $_") for 'gzip', 'br', 'identity, gzip';
    is($erp->request('PATCH', "/api/products/$id", @as, body => '{"name":7}', type => 'application/json',
        headers => { 'Content-Encoding' => 'identity' })->status, 422, 'not encoded, and said so');
    is_problem($erp->request('PATCH', "/api/products/$id", @as, body => '{}', type => $_), 415, 'unsupported_media_type', "PATCH: $_")
        for 'application/json-patch+json', 'text/plain';
    is_problem($erp->request('PATCH', "/api/products/$id", @as, body => '[{"op":"remove","path":"/name"}]'), 422, 'validation', 'PATCH: a list');
    is($erp->request('PATCH', "/api/products/$id", @as, body => '{"name":7}', type => $_)->status, 422, "PATCH: $_ is understood")
        for 'application/merge-patch+json', 'Application/JSON; charset="UTF-8"';
    unchanged();
};

subtest 'lengths' => sub {
    my $body = '{"name":"x","price":1}';
    my @json = ('Content-Type: application/json');
    is_problem(raw('POST /api/products', [@json, "Content-Length: $_"], $body), 400, 'bad_request', "Content-Length: $_")
        for 'abc', '-1', '+22', '0x16', '22 22', '22.0', '99999999999999999999999', '';
    is_problem(raw('POST /api/products', [@json, 'Content-Length: 22', 'Content-Length: 23'], $body), 400, 'bad_request', 'two lengths');
    is_problem(raw('POST /api/products', [@json, 'Content-Length: 22', 'Transfer-Encoding: chunked'], "0\r\n\r\n"), 400, 'bad_request',
        'a length and chunks');
    is_problem(raw('POST /api/products', [@json, 'Content-Length: 9999999999'], $body), 413, 'too_large', '10 GB announced');
    is_problem(raw('POST /api/products', [@json, 'Transfer-Encoding: chunked'], "zz\r\n$body\r\n0\r\n\r\n"), 400, 'bad_request', 'bad chunks');
    is_problem(raw('POST /api/products', [@json]), 400, 'bad_json', 'no length, no body');
    is_problem(raw('POST /api/products', [@json, 'Content-Length: 5'], $body), 400, 'bad_json', 'a length that is too short');
    my $cut = raw('POST /api/products', [@json, 'Content-Length: 100'], $body);
    ok !$cut->status || $cut->status == 400, 'a body that ends too early: nobody waits for the rest' or diag $cut->brief;
    my $chunked = raw('POST /api/products', [@json, 'Transfer-Encoding: chunked'], "a\r\n{\"name\":\"x\r\n6\r\n\",\"pri\r\n0\r\n\r\n");
    is_problem($chunked, 400, 'bad_json', 'good chunks of bad JSON');
    unchanged();
};

subtest 'headers' => sub {
    is_problem($erp->get('/api/products', @as, headers => { 'X-Big' => 'x' x 102_400 }), 431, 'header_too_large', 'a header of 100 KiB');
    is_problem($erp->get('/api/products', @as, headers => { map { ("X-$_" => 'x' x 4000) } 1 .. 20 }), 431, 'header_too_large', '80 KB in twenty');
    is_problem($erp->get('/api/products', headers => { Authorization => 'Bearer ' . 'x' x 7000 }), 401, 'token_invalid', 'a token of 7 KB');
    is_problem($erp->post('/api/products', { name => 'x', price => 1 }, @as, headers => { 'Idempotency-Key' => $_ }), 400, 'bad_request',
        'Idempotency-Key: ' . length) for '', 'a b', 'x' x 256, "k\x{fc}", "tab\there";
    for my $value ('xyz', '"', 'W/', '""', '"a", "b', "\"\x{e9}\"", '*x') {
        my $res = $erp->request('PATCH', "/api/products/$id", @as, body => '{"name":"Changed"}', headers => { 'If-Match' => $value });
        is_problem($res, 412, 'precondition_failed', "If-Match: $value");
    }
    is($erp->get("/api/products/$id", @as, headers => { $_ => 'rubbish;;,=,"' })->status, 200, "$_ of rubbish is nothing")
        for qw(Prefer Accept Accept-Language If-None-Match Range X-Request-Id Origin X-Forwarded-For Forwarded Cookie Referer);
    my $res = $erp->get('/api/products', @as, headers => { 'X-Request-Id' => 'mine', 'ERP-Request-Id' => 'mine' });
    unlike $res->header('X-Request-Id'), qr/mine/, 'the request id is ours';
    is $erp->get('/api/products', @as, headers => { Origin => 'https://evil.example' })->header('Access-Control-Allow-Origin'), undef,
        'no other origin is let in';
    for my $line ("Evil\x01: x", "Evil : x", ': x', "Evil\0: x", "X-A: a\0b") {
        my $answer = raw('GET /api/products', [$line]);
        ok $answer->status == 400 || $answer->status == 200, 'a header line of rubbish: ' . ($line =~ s/[^ -~]/?/gr) or diag $answer->brief;
    }
    unchanged();
};

subtest 'nothing breaks out of a header' => sub {
    my $evil = '%0d%0aX-Evil:%201';
    for my $path ("/api/products?q=G$evil", "/api/products?limit=1&sku=G1$evil", "/api/products/$id$evil", "/api/$evil", "/$evil",
        "/api/products?limit=1&after=$evil", "/api/products?sort=name$evil", "/api/products?$evil=1", "/api/products?limit=1&fields=name$evil") {
        my $res = $erp->get($path, @as);
        is $res->header('X-Evil'), undef, "GET $path";
        ok $res->status < 500, '... is answered' or diag $res->brief;
        unlike $res->header($_) // '', qr/[\r\n]|x-evil: /i, "... $_" for qw(Link Location);
    }
    my $res = $erp->get('/api/products?limit=1&q=good%20"%3e%3cx%3e', @as);
    unlike $res->header('Link') // '', qr/[<>"].*[<>"].*[<>"].*[<>"].*"/, 'Link: what is asked for is encoded';
    my $next = $erp->get('/api/products?limit=1&sort=-price', @as)->header('Link');
    like $next, qr/^<[^<>"\s]+>; rel="next"$/, 'Link as it should be';
};

subtest 'methods' => sub {
    for my $method (qw(FOO PROPFIND LINK POST DELETE)) {
        my $res = $erp->request($method, '/api/health/live');
        is_problem($res, 405, 'method_not_allowed', $method);
        like $res->header('Allow'), qr/\bGET\b/, '... Allow';
    }
    is_problem($erp->request('OPTIONS', '/api/products', headers => { Origin => 'https://evil.example',
        'Access-Control-Request-Method' => 'GET' }), 405, 'method_not_allowed', 'a preflight, CORS being off');
    is_problem($erp->request('DELETE', '/api/products', @as), 405, 'method_not_allowed', 'DELETE of the list');
    is_problem($erp->request('PUT', '/api/products', @as, json => {}), 405, 'method_not_allowed', 'PUT of the list');
    is_problem($erp->request('TRACE', '/api/products', @as), 405, 'method_not_allowed', 'TRACE');
    for my $path ('/api/health/live', '/api/products', "/api/products/$id", '/api/nothing', "/api/products/none") {
        my ($get, $head) = map { $erp->request($_, $path, @as) } qw(GET HEAD);
        is $head->status, $get->status, "HEAD $path: the same status";
        is $head->body, '', '... no body';
        is $head->header('Content-Type'), $get->header('Content-Type'), '... the same media type';
    }
    for my $line ('get /api/products', 'GET', 'GET /api/products HTTP/9.9', "G\0T /api/products") {
        my $res = $erp->raw("$line HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        ok $res->status >= 400 && $res->status < 600 || !$res->status, 'a first line of rubbish: ' . ($line =~ s/[^ -~]/?/gr);
    }
    unchanged();
};

subtest 'paths' => sub {
    # The normalised path decides, and the gate is asked whatever way a path was written.
    for my $path ('//api//products', '/api/./products', '/api/x/../products', '/%61pi/products', '/api/%2e/products', '/api/products/%2e%2e/products',
        '/api/auth/../products', '/api/auth/login/../../products', '/api/health/live/../../products') {
        is_problem($erp->get($path), 401, 'token_missing', "$path without a token");
        is($erp->get($path, @as)->status, 200, "$path with one");
    }
    is_problem($erp->get($_, @as), 404, 'not_found', $_) for '/API/products', '/api/Products', '/api/products/', '/api/products;x=1',
        '/api/products%2f', '/api/products%20', '/api/products.json', '/api', '/api/', '/api/products/x/y',
        '/api/products/' . 'x' x 3000, '/api/products/%ff', '/api/products/%0a', '/api/products/%22', '/api/products/{"$ne":1}', '/api/products/%7B%7D',
        '/api/products/$where', '/api/products/null', '/api/products/low-stock/x', '/api/products/' . uc $id, "/api/products/$id%20", '/.env', '/.git/config';
    is_problem($erp->get($_, @as), 400, 'bad_request', $_) for '/api/../../etc/passwd', '/api/..%2f..%2fetc/passwd', '/uploads/../../../etc/passwd%3f',
        '/api/products/%00', '/api/%zz', '/api/products/%';
    is_problem($erp->get('/api/' . 'x' x 20_000, @as), 414, 'uri_too_long', '20 KB');
    unchanged();
};

subtest 'queries' => sub {
    is_problem($erp->get("/api/products?$_", @as), 400, 'bad_query', substr $_, 0, 60) for
        'unknown=1', 'limit=0', 'limit=-1', 'limit=abc', 'limit=1e3', 'limit=%2B5', 'limit=1.5', 'limit=', 'limit=99999999999999999999', 'limit[]=1',
        'limit=1&limit=2', 'sort=unknown', 'sort=', 'sort=price;drop', 'sort=-', 'sort=--price', 'sort=_id', 'sort=tenant_id', 'fields=unknown', 'fields=_id',
        'fields=name,,price', 'fields=$where', 'after=rubbish', 'after=AAAA', 'after=', 'q=' . 'x' x 65, 'q=%ff', 'q=%00', 'q=%zz', 'q=%', '%ff=1', '=1',
        'sku[$ne]=x', '$where=1', 'sku.$ne=x', 'tenant_id=other', 'price=1', 'price.gt=1', 'price.gte=abc', 'price.gte=1e400', 'price.gte=', 'price.gte=0.001',
        'stock.gte=1.5', 'stock.gte=99999999999999999999', 'name=x', '_id=x', 'sku=' . 'x' x 65, join('&', map { "a$_=b" } 1 .. 100), 'constructor=1',
        '__proto__=1', '%24where=sleep(1)';
    is_problem($erp->get('/api/health/live?x=1'), 400, 'bad_query', 'a parameter where there is none');
    is_problem($erp->get('/api/products?' . 'q=' . 'x' x 20_000, @as), 414, 'uri_too_long', '20 KB');
    my ($link) = ($erp->get('/api/products?limit=1', @as)->header('Link') // '') =~ /after=([^&>]+)/;
    ok length $link, 'a cursor';
    is_problem($erp->get("/api/products?limit=1&sort=price&after=$link", @as), 400, 'bad_query', 'the cursor of another order');
    is_problem($erp->get("/api/brands?limit=1&after=$link", @as), 400, 'bad_query', 'the cursor of another list');
    (my $bent = $link) =~ tr/a-zA-Z/b-zaB-ZA/;
    is_problem($erp->get("/api/products?limit=1&after=$bent", @as), 400, 'bad_query', 'a cursor that was bent');
    is_deeply $erp->get('/api/products?' . $_, @as)->json, [], $_ for 'q=.*', 'q=%24ne', 'q=%5B%5D', 'sku=%7B%22%24ne%22%3A1%7D', 'sku=.*', 'q=Good%27||1';
    unchanged();
};

done_testing;
