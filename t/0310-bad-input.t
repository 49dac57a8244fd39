# Bad input never crashes, never hangs and is never stored: each request here gets a precise 4xx in
# problem+json, the workers stay the same, and no document comes into being. Bodies are driven by
# what --openapi says of each resource.
use Erp::Case;
use Erp::Test;
use JSON::PP ();
use Erp::Json qw(to_json from_json);

my $erp = Erp::Test->start(kept => 1, workers => 2, login_workers => 1);
my $shop = $erp->seed_tenant(slug => 'shop');
my @as = (token => $erp->login($shop->{email}, $shop->{password})->{access_token});
my $good = $erp->post('/api/products', { name => 'Good', price => 1.5, sku => 'G1' }, @as)->json;
my %documents = documents();
my @pids = map { $erp->pids($_) } qw(main login);
my $json = JSON::PP->new->allow_nonref->canonical;

# How many documents there are, by collection, in every database that a request could reach.
sub documents {
    my %count;
    for my $db ($shop->{db_name}, 'users', 'admin') {
        for my $name (map { $_->{name} } @{ $erp->mongo($db, doc(listCollections => 1, nameOnly => \1))->{cursor}{firstBatch} }) {
            next if $name eq 'login_attempts' || $name =~ /^system\./;
            my ($sum) = $erp->mongo_all($db, doc(aggregate => $name, pipeline => [{ '$count' => 'n' }], cursor => {}));
            $count{"$db.$name"} = $sum->{n} // 0;
        }
    }
    return %count;
}

sub nothing_changed {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is_deeply { documents() }, \%documents, 'nothing was stored';
    is_deeply $erp->get("/api/products/$good->{id}", @as)->json, $good, 'nothing was changed';
    return is_deeply [map { $erp->pids($_) } qw(main login)], \@pids, 'the workers are the same';
}

# Sends a body as it is; the file's favourite address unless told otherwise.
sub body {
    my ($bytes, %opt) = @_;
    return $erp->request($opt{method} // 'POST', $opt{path} // '/api/products', @as, body => $bytes, %opt);
}

# 422 that names exactly these fields.
sub names_fields {
    my ($res, $fields, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is_problem($res, 422, 'validation', $name) or return;
    my $got = join ' ', sort map { $_->{field} } @{ $res->json->{errors} };
    my @mute = grep { ($_->{code} // '') !~ /^[a-z_]+$/ || ($_->{detail} // '') !~ /\S \S/ } @{ $res->json->{errors} };
    return $got eq $fields && !@mute
        || fail("$name: errors name '$fields' with a code and a sentence") || diag $res->brief;
}

subtest 'bodies that are no JSON' => sub {
    my %bad = (
        'cut' => '{"name":"x"', 'cut in a text' => '{"name":"x', 'empty' => '', 'spaces' => '   ', 'words' => 'name=x&price=1',
        'single quotes' => "{'name':'x'}", 'a comma more' => '{"name":"x",}', 'two values' => '{"name":"x"} {}', 'a comment' => '{/**/}',
        'NaN' => '{"price":NaN}', 'Infinity' => '{"price":Infinity}', 'hex' => '{"price":0x10}', 'a zero before' => '{"price":01}',
        'a plus' => '{"price":+1}', 'one key twice' => '{"name":"x","price":1,"price":2}', 'BOM' => "\xef\xbb\xbf{}",
        'NUL in a text' => qq({"name":"a\0b"}), 'NUL escaped' => '{"name":"a\u0000b","price":1}', 'NUL in a key' => '{"a\u0000b":1}',
        'NUL after it' => "{}\0", 'not UTF-8' => qq({"name":"\xff\xfe"}), 'overlong' => qq({"name":"\xc0\x80"}),
        'a surrogate' => '{"name":"\ud800"}', 'a surrogate in bytes' => qq({"name":"\xed\xa0\x80"}), 'above Unicode' => qq({"name":"\xf4\x90\x80\x80"}),
        'UTF-16' => join('', map { "$_\0" } split //, '{"name":"x"}'), 'a control character' => qq({"name":"a\x01"}),
        'bad escape' => '{"name":"\x"}', '1e400' => '{"name":"x","price":1e400}', '10^30' => '{"name":"x","stock":' . '9' x 31 . '}',
        '2^63' => '{"name":"x","price":1,"stock":9223372036854775808}', 'depth 1,000' => '{"a":' x 1000 . '1' . '}' x 1000,
        'lists of depth 100,000' => '[' x 100_000, '100,000 values' => '[' . '1,' x 100_000 . '1]', 'gzip' => "\x1f\x8b\x08\x00rubbish",
    );
    for my $what (sort keys %bad) {
        my $res = body($bad{$what});
        is_problem($res, 400, 'bad_json', $what);
        cmp_ok $res->took, '<', 3, '... soon';
    }
    nothing_changed();
};

subtest 'sizes' => sub {
    is_problem(body('{"name":"' . 'x' x 2_000_000 . '","price":1}'), 413, 'too_large', 'a body of 2 MB');
    names_fields(body('{"name":"' . 'x' x 1_000_000 . '","price":1}'), 'name', 'a text of 1 MB');
    names_fields(body('{"name":"x","price":1,"' . 'k' x 1_000_000 . '":1}'), 'k' x 79, 'a key of 1 MB');
    my $res;
    names_fields(body('{"name":"x","price":1,"description":"' . "\x{e0}\xa6\x95" x 5001 . '"}'), 'description', '5,001 characters of three bytes');
    $res = $erp->post('/api/products', { name => 7, map { ("\$k$_" => 1) } 1 .. 500 }, @as);
    is_problem($res, 422, 'validation', '500 faults');
    cmp_ok scalar @{ $res->json->{errors} }, '<=', 60, '... not all of them are listed';
    is_problem($erp->get('/api/products', @as, json => { a => 'x' x 5000 }), 413, 'too_large', 'a large body where none is asked for');
    nothing_changed();
};

my (undef, $text) = $erp->run_program($erp->{erpd}, ['--openapi']);
my $api = from_json($text);

# Values that a member of this schema must refuse, as JSON text.
sub wrong_values {
    my ($schema) = @_;
    my ($type) = grep { $_ ne 'null' } ref $schema->{type} ? @{ $schema->{type} } : $schema->{type} // '';
    my $nullable = ref $schema->{type};
    my @wrong = ('{"$ne":null}', '{}', '[]', '[[]]', '{"$gt":""}');
    push @wrong, 'null' if !$nullable;
    push @wrong, $type eq 'string' ? ('7', '-1.5', 'true') : ();
    push @wrong, $json->encode('x' x ($schema->{maxLength} + 1)) if $schema->{maxLength};
    push @wrong, '"not a day"', '"2026-02-30"', '"2026-13-01"' if ($schema->{pattern} // '') =~ /\{4\}/;
    push @wrong, '"x"', '"12"', 'true', '1e300', '-1e300', '9223372036854775807' if $type eq 'number' || $type eq 'integer';
    push @wrong, '1.5', '1e-5' if $type eq 'integer';
    push @wrong, '0.001', '1.005', '0.3000000001' if ($schema->{description} // '') =~ /currency/;
    push @wrong, $schema->{minimum} - 1 if defined $schema->{minimum};
    push @wrong, $schema->{maximum} + 1 if defined $schema->{maximum} && $schema->{maximum} < 1e15;
    push @wrong, '"yes"', '"true"', '0', '1' if $type eq 'boolean';
    push @wrong, '"none-of-these"' if $schema->{enum};
    push @wrong, '""' if $schema->{minLength};
    return $type eq 'array' || $type eq 'object' ? grep { !/^[\[{]/ } @wrong : @wrong;
}

# The least body of each resource, by the name of its schema: what stands around the wrong member.
my (undef, $listing) = $erp->run_program($erp->{erpd}, ['--routes', '--json']);
my %least_of = map { $_->{out} => Erp::Case::least($_->{resource}) || {} } grep { $_->{resource} } @{ from_json($listing) };

for my $path (sort keys %{ $api->{paths} }) {
    for my $method (grep { $api->{paths}{$path}{$_} } qw(post put patch)) {
        my $content = ($api->{paths}{$path}{$method}{requestBody} || {})->{content} || next;
        next if $path =~ m{/bulk$} || !$content->{'application/json'};    # rows and tables: t/0254, t/0256
        my ($ref) = map { $_->{schema}{'$ref'} // '' } values %$content;
        my ($name) = $ref =~ m{/(\w+)(?:Input|Patch)$} or next;
        my ($schema) = $api->{components}{schemas}{ ($ref =~ m{(\w+)$})[0] };
        next if $path =~ /\{/ && $name ne 'Product';
        (my $address = $path) =~ s/\{\w+\}/$good->{id}/;
        subtest uc($method) . " $path: every member of every wrong type" => sub {
            my %whole = %{ $least_of{$name} };
            for my $member (sort keys %{ $schema->{properties} }) {
                my $property = $schema->{properties}{$member};
                for my $value (wrong_values($property)) {
                    my %least = map { $_ => $json->encode($whole{$_}) } $method eq 'patch' ? () : @{ $schema->{required} || [] };
                    $least{$member} = $value;
                    my $body = '{' . join(',', map { $json->encode($_) . ":$least{$_}" } sort keys %least) . '}';
                    names_fields(body($body, method => uc $method, path => $address), $member, "$member: " . substr $value, 0, 40);
                }
            }
            nothing_changed();
        };
    }
}

subtest 'keys' => sub {
    for my $key ('$where', '$set', '$ne', 'a.b', 'name.$ne', '.', '$') {
        names_fields(body($json->encode({ name => 'x', price => 1, $key => '1' })), $key, "key $key");
        names_fields(body($json->encode({ $key => '1' }), method => 'PATCH', path => "/api/products/$good->{id}"), $key, "key $key, PATCH");
    }
    names_fields(body($json->encode({ name => 'x', price => 1, $_ => 'y' }), headers => { Prefer => 'handling=strict' }), $_,
        "strict: $_") for qw(unknown id tenant_id created_at updated_at _id _rev _q __proto__ constructor);
    nothing_changed();
    my $res = body('{"name":"Injected","price":1,"x\r\nX-Evil: 1":1,"tenant_id":"other","id":"mine","_id":"mine","_q":["x"],"created_at":"1999-01-01T00:00:00Z"}');
    is $res->status, 200, 'unknown and read-only members are left out';
    is $res->header('X-Evil'), undef, '... a name cannot break the reply\'s header';
    like $res->header('X-Ignored-Fields'), qr/\btenant_id\b/, '... which names them';
    isnt $res->json->{id}, 'mine', '... id is ours';
    is $res->json->{tenant_id}, $shop->{tenant_id}, '... tenant_id is ours';
    my ($stored) = $erp->mongo_all($shop->{db_name}, doc(find => 'products', filter => { name => 'Injected' }));
    is_deeply [grep { /evil|\r|mine/i || ($stored->{$_} // '') eq 'mine' } keys %$stored], [], '... and nothing of them is stored';
    is($erp->delete("/api/products/$stored->{id}", @as)->status, 200, 'taken away again');
    %documents = documents();
};

done_testing;
