# Lists as CSV: the same records as JSON shows, harmless for spreadsheets, sent as they are read;
# what breaks in the middle never looks whole.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Time::HiRes qw(sleep);
use Erp::Test;
use Erp::Say qw(slurp);

# Without sanitizers, which keep what is freed: the memory of a worker is looked at.
my $erp = Erp::Test->start(workers => 1, login_workers => 1, erpd => "$ENV{ERP_TEST_DEVEL_BIN}/erpd");
my $t = $erp->seed_tenant(slug => 'csv');
my @as = (token => $erp->login($t->{email}, $t->{password})->{access_token});
my $other = $erp->seed_tenant(slug => 'csvother');
my @other = (token => $erp->login($other->{email}, $other->{password})->{access_token});

sub export {
    my ($path, %o) = @_;
    return $erp->get($path, @as, %o, headers => { Accept => 'text/csv', %{ $o{headers} || {} } });
}

# CSV text as a list of rows, each a list of cells.
sub rows {
    my ($text) = @_;
    my (@rows, @row);
    while ($text =~ /\G(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|\z)/gc) {
        my ($quoted, $plain, $end) = ($1, $2, $3);
        last if $end eq '' && !@row && !defined $quoted && !length $plain;
        push @row, defined $quoted ? $quoted =~ s/""/"/gr : $plain;
        next if $end eq ',';
        push @rows, [@row];
        @row = ();
    }
    return @rows;
}

$erp->post('/api/products', { name => 'Of another', price => 1 }, @other);

subtest 'the same records as a list' => sub {
    my $none = export('/api/products');
    is $none->status, 200, 'no records';
    is scalar(rows($none->body)), 1, '... are a row of names';
    my @made = map { $erp->post('/api/products', $_, @as)->json } (
        { name => 'Rice, "fine"', price => 12.5, stock => 3, sku => 'R-1', description => "two\nlines" },
        { name => '=1+1', price => 2, stock => -4, sku => '+880', brand => '@x', generic_name => "'=y" },
        { name => "\x{995} -", price => 3, sku => '-3', expiry_date => '2026-01-31', include_warranty_terms => \1 });
    my $r = export('/api/products?sort=created_at');
    is $r->status, 200, 'as CSV' or diag $r->body;
    like $r->header('Content-Type'), qr{^text/csv; charset=utf-8}, 'of that type';
    is $r->header('Content-Disposition'), 'attachment; filename="products.csv"', 'with a name';
    my ($head, @rows) = rows($r->body);
    my @names = $erp->get('/api/products?sku=R-1', @as)->body =~ /"(\w+)":/g;
    is_deeply $head, \@names, 'the fields, in their order';
    is scalar @rows, 3, 'a row a record';
    my @seen = map { my %h; @h{@$head} = @$_; \%h } @rows;
    is $seen[$_]{id}, $made[$_]{id}, "record $_" for 0 .. 2;
    is $seen[$_]{created_at}, $made[$_]{created_at}, "when $_ was made" for 0 .. 2;
    is_deeply [@{ $seen[0] }{qw(name price stock description)}], ['Rice, "fine"', '12.50', 3, "two\nlines"],
        'quotes, commas and lines';
    is_deeply [@{ $seen[1] }{qw(name stock sku brand generic_name)}], ["'=1+1", '-4', "'+880", "'\@x", "''=y"],
        'what a spreadsheet would take for a formula is made harmless, a number is not touched';
    is_deeply [@{ $seen[2] }{qw(name sku expiry_date include_warranty_terms imei)}],
        ["\xe0\xa6\x95 -", "'-3", '2026-01-31', 'true', ''], 'UTF-8, days, truth, nothing';
    unlike $r->body, qr/\b_|Of another/, 'nothing besides, nothing of another business';
};

subtest 'filters, order, fields and views as lists have them' => sub {
    is_deeply [rows(export('/api/products?sku=R-1&fields=name,stock')->body)], [['id', 'name', 'stock'],
        [$erp->get('/api/products?sku=R-1', @as)->json->[0]{id}, 'Rice, "fine"', 3]], 'a filter and fields'
        or diag explain [rows(export('/api/products?sku=R-1&fields=name,stock')->body)];
    is_deeply [map { $_->[1] } rows(export('/api/products?sort=-price&fields=price&limit=2')->body)],
        ['price', '12.50', '3.00'], 'order and limit';
    is scalar(rows(export('/api/products?q=rice')->body)), 2, 'a search';
    my $low = export('/api/products/low-stock');
    is $low->header('Content-Disposition'), 'attachment; filename="low-stock.csv"', 'a view';
    is scalar(rows($low->body)), 4, '... with its records';
    is export('/api/products', headers => { Prefer => 'count=exact' })->header('X-Total-Count'), 3, 'a total';
    is_problem export('/api/products?color=red'), 400, 'bad_query', 'an unknown filter';
    is_problem export('/api/products?expand=category_id'), 400, 'bad_query', 'other records have no room';
    is_problem export('/api/products?limit=100001'), 400, 'bad_query', 'a limit beyond the limit';
    is_problem $erp->get('/api/products?limit=1001', @as), 400, 'bad_query', '... which for JSON is lower';
    is export('/api/products?limit=100000')->status, 200, 'a limit of a hundred thousand';
    my $head = $erp->request('HEAD', '/api/products', @as, headers => { Accept => 'text/csv' });
    is $head->status, 200, 'HEAD';
    like $head->header('Content-Type'), qr{^text/csv}, '... has the type';
};

subtest 'who asks for JSON gets JSON' => sub {
    for my $accept ('*/*', 'application/json', 'application/json, text/csv;q=0.5', 'text/csv;q=0', 'text/*', 'text/csvx') {
        my $r = $erp->get('/api/products', @as, headers => { Accept => $accept });
        like $r->header('Content-Type'), qr{^application/json}, $accept;
    }
    for my $accept ('text/csv, application/json', 'TEXT/CSV', 'application/json;q=0.1, text/csv ;q=0.9', '*/*, text/csv') {
        my $r = $erp->get('/api/products', @as, headers => { Accept => $accept });
        like $r->header('Content-Type'), qr{^text/csv}, $accept;
    }
    is_problem $erp->get('/api/products', headers => { Accept => 'text/csv' }), 401, 'token_missing', 'no token';
};

# Many records of some 500 bytes, made by the server.
my ($many, $killed) = (50_000, 0);
$erp->mongo($t->{db_name}, doc(aggregate => 1, cursor => {}, pipeline => [
    { '$documents' => [{ n => { '$range' => [0, $many] } }] }, { '$unwind' => '$n' },
    { '$project' => doc(_id => 0, id => { '$concat' => ['many-', { '$toString' => '$n' }] }, tenant_id => { '$literal' => $t->{tenant_id} },
        created_at => '$$NOW', updated_at => '$$NOW', name => { '$concat' => ['Article ', { '$toString' => '$n' }] },
        price => { '$toDecimal' => '$n' }, stock => '$n', description => { '$literal' => 'd' x 400 }) },
    { '$merge' => { into => 'products' } } ]));

sub high_water { return slurp("/proc/$_[0]/status") =~ /^VmHWM:\s+(\d+) kB/m ? $1 : die "no VmHWM\n" }

subtest 'a large export needs no more memory than a small one' => sub {
    export('/api/products?limit=1000');
    my ($pid) = $erp->pids('main');
    my $before = high_water($pid);
    my $r = export('/api/products', timeout => 60);
    is $r->status, 200, 'it is exported';
    is $r->header('Content-Length'), undef, '... and was begun before its length was known';
    cmp_ok length $r->body, '>', 20_000_000, '... some 25 MB';
    is +($r->body =~ tr/\n//), 1 + $many + 4, '... every row of it (one has a line more)';
    my ($same) = $erp->pids('main');
    is $same, $pid, 'by the same worker';
    cmp_ok high_water($pid) - $before, '<', 6000, 'which has grown by less than 6 MB';
};

# Starts an export, and calls `code` with the worker's pid once that has written some of it. What curl
# made of the reply: its exit status, the status of HTTP, and how many bytes came.
sub disturbed {
    my ($code, @more) = @_;
    my ($pid) = grep { $_ } $erp->pids('main');
    my $written = sub { slurp("/proc/$pid/io") =~ /^wchar: (\d+)/m ? $1 : 0 };
    my $before = $written->();
    open my $curl, '-|', 'curl', '-q', '-s', '--noproxy', '*', '--cacert', $erp->{cert}, '-m', 60, '-o', '/dev/null',
        '-H', 'Accept: text/csv', '-H', "Authorization: Bearer $as[1]", @more, '-w', '%{exitcode} %{http_code} %{size_download}',
        $erp->url . '/api/products' or die "curl: $!\n";
    wait_until(20, sub { $written->() - $before > 400_000 }) or die "the export did not begin\n";
    $code->($pid);
    my ($exit, $status, $bytes) = split ' ', <$curl> // '';
    close $curl;
    return ($exit, $status, $bytes);
}

my $whole = length export('/api/products', timeout => 60)->body;

subtest 'a reply that breaks off never looks whole' => sub {
    for my $version ('--http1.1', '--http2') {
        for my $try (1 .. 3) {
            my ($exit, $status, $bytes) = disturbed(sub { $erp->kill_worker('KILL', $_[0]) }, $version);
            is $status, 200, "$version: begun";
            ok $exit != 0 || $bytes == $whole, "... the killed worker's client sees it (curl: $exit, $bytes of $whole bytes)";
            $killed += $exit != 0;
            wait_until(20, sub { $erp->get('/api/health/live')->status == 200 && !grep { !$_ } $erp->pids('main') })
                or die "no new worker\n";
        }
    }
    cmp_ok $killed, '>', 0, 'some were killed in time';
};

subtest 'the same when the database fails in the middle' => sub {
    my ($exit, $status, $bytes) = disturbed(sub { $erp->mongo($t->{db_name}, doc(drop => 'products')) }, '--http1.1');
    is $status, 200, 'begun';
    isnt $exit, 0, "curl says so: $exit";
    cmp_ok $bytes, '<', $whole, 'it was not all of it';
    is $erp->get('/api/products', @as)->status, 200, 'the worker goes on';
};

# --- import ----------------------------------------------------------------------------------------

sub import_csv {
    my ($path, $text, %o) = @_;
    return $erp->request('POST', $path, @as, body => $text, type => 'text/csv', timeout => 60, %o);
}

# What came of it: "rows created updated unchanged failed".
sub counts { my ($r) = @_; return join ' ', map { $r->json->{$_} // '-' } qw(rows created updated unchanged failed) }
sub faults { my ($r) = @_; return join ' ', map { "$_->{line}:$_->{field}:$_->{code}" } @{ $r->json->{errors} || [] } }
sub stored { return $erp->mongo($t->{db_name}, doc(count => $_[0] // 'products', query => doc(tenant_id => $t->{tenant_id})))->{n} }
sub audited { return $erp->mongo("$t->{db_name}_audit", doc(count => 'audit_log', query => { collection => 'products', @_ }))->{n} }

subtest 'a table, the same again, and changed' => sub {
    my $before = audited(action => 'create');
    my $table = "\xef\xbb\xbfname,sku,price,stock,include_warranty_terms\r\n\"Rice, fine\",T-1,12.50,3,true\r\n'=Salt,T-2,2,,no\r\nOil,'+T-3,3,4,\r\n";
    my $r = import_csv('/api/products/import', $table);
    is $r->status, 200, 'imported' or diag $r->body;
    is counts($r), '3 3 0 0 0', 'three are new';
    my %made = map { $_->{sku} => $_ } @{ $erp->get('/api/products', @as)->json };
    is $made{'T-1'}{name}, 'Rice, fine', 'a quoted cell';
    is $made{'T-1'}{price}, 12.5, 'an amount';
    is $made{'T-2'}{name}, '=Salt', 'the apostrophe of an export is taken away';
    is $made{'T-2'}{stock}, 0, 'an empty cell is the default';
    ok $made{'+T-3'}, 'also in a key';
    is audited(action => 'create') - $before, 3, 'an audit entry each';
    is counts(import_csv('/api/products/import', $table)), '3 0 0 3 0', 'the same again changes nothing';
    is stored(), 3, '... and doubles nothing';
    $r = import_csv('/api/products/import', "sku,price\nT-1,13\nT-2,2\nT-4,5\n");
    is_problem $r, 422, 'validation', 'a new record needs its name';
    is faults($r), '4:name:required', '... in line 4';
    is stored(), 3, 'and nothing is stored';
    is $erp->get("/api/products/$made{'T-1'}{id}", @as)->json->{price}, 12.5, '... of the others either';
    $r = import_csv('/api/products/import', "sku,price\nT-1,13\nT-2,2\n");
    is counts($r), '2 0 1 1 0', 'one changed' or diag $r->body;
    my $now = $erp->get("/api/products/$made{'T-1'}{id}", @as)->json;
    is $now->{price}, 13, 'in the column given';
    is $now->{name}, 'Rice, fine', '... and no other';
    is audited(action => 'patch'), 1, 'an audit entry for it';
    is counts(import_csv('/api/products/import', export('/api/products')->body)), '3 0 0 3 0', 'an export is a table that changes nothing';
};

subtest 'dry and partial' => sub {
    my $table = "sku,name,price\nD-1,One,1\nD-2,,2\nD-3,Three,x\nT-1,\"Rice, fine\",13\n\"D-4\nD-5,Five,5\n";
    my $before = stored();
    my $r = import_csv('/api/products/import?dry_run=true', $table);
    is $r->status, 200, 'a dry run answers' or diag $r->body;
    is counts($r), '5 1 0 1 3', 'what would be done';
    is faults($r), '3:name:required 4:price:type 6::format', 'and every fault with its line';
    ok $r->json->{dry_run}, 'it says so';
    is stored(), $before, 'nothing is stored';
    is_problem import_csv('/api/products/import', $table), 422, 'validation', 'the same for real is refused';
    $r = import_csv('/api/products/import?partial=true', $table);
    is counts($r), '5 1 0 1 3', 'partial: the sound rows are stored';
    is stored(), $before + 1, '... one';
    $r = import_csv('/api/products/import?dry_run=true', "sku,name,price\n" . join '', map { "E-$_,,1\n" } 1 .. 120);
    is scalar @{ $r->json->{errors} }, 50, 'fifty faults are told';
    is $r->json->{errors_more}, 70, '... and how many more there are';
    is $r->json->{failed}, 120, '... of how many rows';
};

subtest 'columns' => sub {
    my $r = import_csv('/api/products/import?dry_run=true', "sku, name ,price,color,tenant_id,created_at\nK-1,a,1,red,x,y\n");
    is_deeply $r->json->{ignored_columns}, [qw(color tenant_id created_at)], 'those that are not stored are named';
    $r = import_csv('/api/products/import?dry_run=true', "sku,name,price,color\nK-1,a,1,red\n", headers => { Prefer => 'handling=strict' });
    is_problem $r, 422, 'validation', 'strict: refused';
    is $r->json->{errors}[0]{field}, 'color', '... by name';
    my %bad = ('two of one name' => "name,name,price\na,b,1\n", 'no field' => "a,b\n1,2\n", 'nothing' => "\n\n");
    is_problem import_csv('/api/products/import', $bad{$_}), 422, 'validation', $_ for sort keys %bad;
    is faults(import_csv('/api/products/import', "name,price\na,1,2\n")), '2::format', 'more cells than names';
    is counts(import_csv('/api/products/import', "name,price\n")), '0 0 0 0 0', 'no rows';
    for my $query ('key=color', 'key=price', 'key=imei', 'key=id', 'dry_run=maybe', 'color=red') {
        is_problem import_csv("/api/products/import?$query", "name,price\na,1\n"), 400, 'bad_query', $query;
    }
    is_problem import_csv('/api/products/import', "name,price\na,1\n", type => 'application/json'), 415, 'unsupported_media_type', 'JSON';
    is_problem import_csv('/api/products/import', "name,price\na,1\n", type => 'text/csv; charset=latin1'), 415, 'unsupported_media_type', 'Latin 1';
    is_problem import_csv('/api/products/import', ''), 400, 'bad_request', 'empty';
};

subtest 'keys' => sub {
    my $before = stored();
    my $id = Erp::Test::uuid();
    my $table = "id,name,price\n$id,By id,1\n";
    is counts(import_csv('/api/products/import', $table)), '1 1 0 0 0', 'a record of an id of its own';
    is $erp->get("/api/products/$id", @as)->json->{name}, 'By id', '... has it';
    is counts(import_csv('/api/products/import', $table)), '1 0 0 1 0', '... and is found by it';
    is faults(import_csv('/api/products/import', "id,name,price\nmine,a,1\n")), '2:id:format', 'an id that is none';
    is counts(import_csv('/api/products/import?key=sku', "id,sku,name,price\n,T-1,\"Rice, fine\",13\n")), '1 0 0 1 0', 'another key than id';
    $table = "name,price\nNameless,1\nNameless,1\nOther,2\n";
    is counts(import_csv('/api/products/import', $table)), '3 3 0 0 0', 'rows without a key are known by their values';
    is counts(import_csv('/api/products/import', $table)), '3 0 0 3 0', '... also the second time';
    is stored(), $before + 4, '... and none is doubled';
    is faults(import_csv('/api/products/import', "sku,name,price\nX,a,1\nX,b,2\n")), '3:sku:duplicate', 'a key twice in a table';
    is faults(import_csv('/api/products/import', "sku,name,price,imei\nX,a,1,I-1\nY,b,2,I-1\n")), '3:imei:duplicate', 'another unique value twice';
    $erp->post('/api/products', { name => 'Has it', price => 1, imei => 'I-2' }, @as);
    is faults(import_csv('/api/products/import', "sku,name,price,imei\nX,a,1,I-2\n")), '2::duplicate', 'one that a record has already';
};

subtest 'rules of single records hold' => sub {
    my $category = $erp->post('/api/categories', { name => 'Food' }, @as)->json->{id};
    my $r = import_csv('/api/products/import?partial=true', "sku,name,price,category_id\nR-5,a,1,$category\nR-6,b,1,none\n");
    is counts($r), '2 1 0 0 1', 'a reference that leads nowhere' or diag $r->body;
    is faults($r), '3:category_id:reference', '... is named';
    is_problem $erp->request('POST', '/api/products/import', body => "name,price\na,1\n", type => 'text/csv'), 401, 'token_missing', 'no token';
    my $user = $erp->seed_user(email => 'cashier@csv.example', password => 'cashier-password', role => 'cashier',
        tenant_id => $t->{tenant_id}, user => { tenant_slug => 'csv' });
    my @cashier = (token => $erp->login($user->{email}, 'cashier-password')->{access_token});
    is_problem import_csv('/api/products/import', "name,price\na,1\n", @cashier), 403, 'role_forbidden', 'a role that may not';
    my ($A, $B) = map { $erp->post('/api/branches', { name => $_, address => 'Road 1', contact_phone => '0170000000' }, @as)->json->{id} } qw(A B);
    $user = $erp->seed_user(email => 'manager@csv.example', password => 'manager-password', role => 'branch_manager', branch_id => $A,
        tenant_id => $t->{tenant_id}, user => { tenant_slug => 'csv', branch_id => $A });
    my @manager = (token => $erp->login($user->{email}, 'manager-password')->{access_token});
    is_problem import_csv('/api/products/import', "sku,name,price,branch_id\nB-1,a,1,$B\n", @manager), 403, 'role_forbidden',
        'who is bound to a branch writes what is split between branches one by one';
    is counts(import_csv('/api/customers/import', "name,phone\nRahim,01711\nKarim,01712\n")), '2 2 0 0 0', 'another resource';
};

subtest 'limits' => sub {
    is_problem import_csv('/api/products/import', "name,price\n" . 'x' x (10 << 20)), 413, 'too_large', 'more than 10 MB';
    is_problem import_csv('/api/products/import', "name,price\n" . 'x' x (12 << 20)), 413, 'too_large', 'more than nginx takes';
    is_problem import_csv('/api/products/import?dry_run=true', "name,price\n" . "a,1\n" x 50_001), 413, 'too_large', 'more than 50,000 rows';
};

my $ten = "sku,name,price,stock,description\n" . join '', map { "L-$_,Article $_,$_.50,$_,Some words about article $_\n" } 1 .. 10_000;

subtest 'killed in the middle, and sent again' => sub {
    my $before = stored();
    my ($pid) = grep { $_ } $erp->pids('main');
    my $child = fork // die "fork: $!\n";
    if ($child == 0) {
        import_csv('/api/products/import', $ten);
        require POSIX;
        POSIX::_exit(0);
    }
    wait_until(30, sub { stored() > $before }) or die "the import did not begin\n";
    $erp->kill_worker('KILL', $pid);
    waitpid $child, 0;
    wait_until(20, sub { $erp->get('/api/health/live')->status == 200 && !grep { !$_ } $erp->pids('main') }) or die "no new worker\n";
    my $half = stored() - $before;
    cmp_ok $half % 1000, '==', 0, "whole batches are there: $half records";
    # The killed worker's transaction holds its keys until the server ends it: a 503 until then.
    my $r;
    wait_until(40, sub { ($r = import_csv('/api/products/import', $ten))->status != 503 });
    is $r->json->{created} + $r->json->{unchanged}, 10_000, 'sent again it does the rest' or diag $r->body;
    cmp_ok $r->json->{unchanged}, '>=', $half, '... and what was there is known';
    is stored() - $before, 10_000, 'every record is there once';
    is scalar @{ $erp->mongo($t->{db_name}, doc(aggregate => 'products', cursor => {}, pipeline => [ { '$match' => doc(tenant_id => $t->{tenant_id}, sku => { '$gte' => 'L-' }) },
        { '$group' => { _id => '$sku', n => { '$sum' => 1 } } }, { '$match' => { n => { '$gt' => 1 } } } ]))->{cursor}{firstBatch} }, 0, '... none twice';
};

subtest 'ten thousand rows' => sub {
    my ($pid) = grep { $_ } $erp->pids('main');
    my $before = high_water($pid);
    my $fresh = $ten =~ s/^L-/M-/gmr;
    my $r = import_csv('/api/products/import', $fresh);
    is counts($r), '10000 10000 0 0 0', 'are stored' or diag $r->body;
    note sprintf '%.0f rows/s', 10_000 / $r->took;
    $r = import_csv('/api/products/import', $fresh);
    is counts($r), '10000 0 0 10000 0', 'and known';
    note sprintf '%.0f rows/s unchanged', 10_000 / $r->took;
    cmp_ok high_water($pid) - $before, '<', 40_000, 'with less than 40 MB more';
};

done_testing;
