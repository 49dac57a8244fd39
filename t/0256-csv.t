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

done_testing;
