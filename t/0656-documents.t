# Sales on paper: the invoice as PDF, read as people and cameras do.
use utf8;
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Erp::Test;
use Compress::Zlib qw(crc32);
use Encode qw(decode_utf8);
use Erp::Http;
use Erp::Say qw(slurp);
use File::Path qw(make_path);

my $erp = Erp::Test->start(workers => 2, login_workers => 1);
my $shop = $erp->seed_tenant(slug => 'paper', entry => { business_name => 'Paper & Söhne' });
my @as = (token => $erp->login($shop->{email}, $shop->{password})->{access_token});
my $dir = $ENV{ERP_TEST_PAPER} // "$erp->{dir}/paper";    # where the documents are left to be looked at
make_path($dir);

sub made {
    my ($path, $body) = @_;
    my $r = $erp->post($path, $body, @as);
    is $r->status, 200, "POST $path" or diag $r->brief;
    return $r->json;
}
sub output { my (@command) = @_; open my $out, '-|', @command or die "$command[0]: $!\n"; local $/; my $text = <$out>; return $text // '' }
sub invoice { my ($id, %o) = @_; return $erp->get("/api/sales/$id/invoice", @as, headers => { Accept => 'application/pdf' }, %o) }

# The text of a PDF as it lies on the page, checked and kept under a name.
sub text_of {
    my ($r, $name) = @_;
    is $r->status, 200, "$name: made" or diag $r->brief;
    is $r->header('Content-Type'), 'application/pdf', "$name: of that type";
    like $r->body, qr/\A%PDF-1\.\d.*%%EOF\s*\z/s, "$name: a whole document";
    open my $file, '>:raw', "$dir/$name.pdf" or die "$dir/$name.pdf: $!\n";
    print $file $r->body;
    close $file or die "$name: $!\n";
    return decode_utf8(output('sh', '-c', 'exec pdftotext -layout "$1" - 2>/dev/null', 'sh', "$dir/$name.pdf"));
}
sub pages_of { my ($name) = @_; return (output('pdfinfo', "$dir/$name.pdf") =~ /^Pages:\s+(\d+)/m)[0] }
sub code_of {
    my ($name) = @_;
    output('sh', '-c', 'exec pdftoppm -r 150 -png "$1.pdf" "$1" 2>/dev/null', 'sh', "$dir/$name");
    return decode_utf8(output('sh', '-c', 'exec zbarimg -q --raw -Sdisable -Sqr.enable "$1"*.png 2>/dev/null', 'sh', "$dir/$name"));
}
sub upload {
    my ($name, $bytes) = @_;
    my ($body, $type) = Erp::Http::form([file => $bytes, $name]);
    my $r = $erp->request('POST', '/api/upload/logo', @as, body => $body, type => $type);
    is $r->status, 200, "$name: stored" or diag $r->brief;
    return;
}

# The head of a PNG that is so wide and high.
sub png_head {
    my ($edge) = @_;
    my $head = 'IHDR' . pack('NNC5', $edge, $edge, 8, 2, 0, 0, 0);
    return "\x89PNG\r\n\x1a\n" . pack('N', 13) . $head . pack('N', crc32($head)) . pack('N', 0) . 'IDAT' . pack('N', crc32('IDAT'));
}
sub money { return sprintf '%.2f', $_[0] }

my $branch = made('/api/branches', { name => 'Main Street', address => '12 Main Street, Dhaka', contact_phone => '+880 1700 000000' });
my %id = map { $_->[0] => made('/api/products', { name => $_->[1], sku => $_->[2], price => $_->[3], stock => 100_000, tax_rate => $_->[4] })->{id} }
    (['rice', 'Rice', 'R-5', 12.5, 15], ['oil', 'Mustard oil', 'O-1', 3.99, 5], ['free', 'Bread', undef, 2, 0],
     ['bengali', 'দেশি মসুর ডাল এবং সুগন্ধি চিনিগুঁড়া চাল পাঁচ কেজি', 'B-1', 550, undef],
     ['german', 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaftsschlüsselanhänger', 'G-1', 7, undef],
     ['rtl', 'שלום עולם مرحبا بالعالم', 'H-1', 1, undef], ['odd', "( \\) 🍕 \x{4e2d}\x{6587} %PDF endstream <</Type", 'X-1', 1, undef]);
sub line { my ($name, $quantity, %o) = @_; my %price = (rice => 12.5, oil => 3.99, free => 2, bengali => 550, german => 7, rtl => 1, odd => 1); return { product_id => $id{$name}, quantity => $quantity, price => $price{$name}, %o } }
sub sell { my (%o) = @_; return made('/api/sales', \%o) }

# Every amount of the JSON invoice stands on the paper, beside its name.
sub same_sums {
    my ($sale, $text, $name) = @_;
    my $json = $erp->get("/api/sales/$sale->{id}/invoice", @as)->json;
    my $s = $json->{sale};
    my %sums = ('Subtotal' => $s->{subtotal}, 'Total [A-Z]{3}' => $s->{total}, 'Paid' => $s->{amount_paid}, 'Balance due' => $s->{balance_due});
    $sums{Discount} = -$s->{discount} if $s->{discount};
    $sums{Returned} = -$s->{refunded_amount} if $s->{refunded_amount};
    like $text, qr/^.*?\b$_ +\Q${\ money($sums{$_})}\E$/m, "$name: $_ as in the JSON" for sort keys %sums;
    my %tax;
    $tax{ $_->{tax_rate} // '' } += $_->{tax} for @{ $s->{items} };
    for my $rate (grep { $tax{$_} } sort keys %tax) {
        like $text, qr/\bTax${\ ($rate eq '' ? '' : " $rate%") } +\Q${\ money($tax{$rate})}\E$/m, "$name: the tax of $rate%";
    }
    my @totals = map { money($_->{total}) } @{ $s->{items} };
    like $text, qr/\b\Q$_\E$/m, "$name: a line of $_" for do { my %seen; grep { !$seen{$_}++ } @totals };
    return $s;
}

subtest 'one line' => sub {
    my $sale = sell(items => [line('rice', 2)]);
    my $r = invoice($sale->{id});
    my $text = text_of($r, 'one');
    is $r->header('Content-Disposition'), "inline; filename=\"$sale->{invoice_no}.pdf\"", 'named after its number';
    like $text, qr/Paper & Söhne.*INVOICE/s, 'whose, and what it is';
    like $text, qr/Invoice no\.\s+\Q$sale->{invoice_no}\E/, 'its number';
    like $text, qr/Rice\s+2\s+12\.50\s+–\s+3\.75\s+28\.75/, 'the line';
    like $text, qr/SKU R-5/, 'its SKU';
    like $text, qr/^\s*\d{4}-\d\d-\d\d \d\d:\d\d\s+cash\s+28\.75$/m, 'the payment';
    like $text, qr/Page 1 of 1/, 'one page';
    same_sums($sale, $text, 'one');
    is pages_of('one'), 1, '... and no more';
    my $code = code_of('one');
    like $code, qr/^\Q$sale->{invoice_no}\E\n\d{4}-\d\d-\d\d \d\d:\d\d\nBDT 28\.75\nPaper & Söhne\s*$/, 'the code says it to cameras';
};

subtest 'discounts and two rates of tax' => sub {
    my $sale = sell(items => [line('rice', 3, discount => 1.25), line('oil', 7, discount_percent => 10), line('free', 2)], discount => 5,
        branch_id => undef, customer_name => 'Zoë Müller', customer_phone => '+49 170 1234567', customer_address => "Am Tor 5, 20095 Hamburg",
        payments => [{ method => 'cash', amount => 20 }, { method => 'bkash', amount => 10 }], reference => 'ref <1>');
    my $text = text_of(invoice($sale->{id}), 'rates');
    my $s = same_sums($sale, $text, 'rates');
    is scalar(grep { /\bTax \d+% / } split /\n/, $text), 2, 'a line for each rate';
    like $text, qr/Zoë Müller.*\+49 170 1234567.*Am Tor 5.*20095 Hamburg/s, 'the customer';
    like $text, qr/cash.*20\.00$/m, 'a payment';
    like $text, qr/bkash.*10\.00$/m, '... and the other';
    like $text, qr/Status +Partly paid/, 'not all of it is paid';
    like code_of('rates'), qr/^\Q$s->{invoice_no}\E\n/, 'the code is read';
};

subtest 'tax in the prices' => sub {
    is $erp->request('PATCH', '/api/settings', @as, json => { prices_include_tax => \1 })->status, 200, 'set';
    my $sale = sell(items => [line('rice', 4)]);
    my $text = text_of(invoice($sale->{id}), 'included');
    like $text, qr/Including tax 15% +\Q${\ money($sale->{tax_included}) }\E$/m, 'the tax that the total contains';
    like $text, qr/^.*Total BDT +50\.00$/m, '... which it leaves as it is';
    unlike $text, qr/\bTax 15%/, '... and adds none';
    is $erp->request('PATCH', '/api/settings', @as, json => { prices_include_tax => \0 })->status, 200, 'set back';
};

subtest 'sixty lines and five hundred' => sub {
    my $sale = sell(items => [map { line($_ % 2 ? 'rice' : 'oil', $_, custom_description => "piece number $_") } 1 .. 60]);
    my $text = text_of(invoice($sale->{id}), 'sixty');
    same_sums($sale, $text, 'sixty');
    my $n = pages_of('sixty');
    cmp_ok $n, '>', 1, "$n pages";
    like $text, qr/Page $_ of $n$/m, "page $_ says so" for 1 .. $n;
    is scalar(() = $text =~ /^\s*#\s+Item\s+Qty\s+Price/mg), scalar(grep { /^\s*#|\n\s+\d+ +(?:Rice|Mustard)/ } split /\f/, $text),
        'each page with lines has the head of the table';
    my @shown = $text =~ /piece number (\d+)/g;
    is "@shown", join(' ', 1 .. 60), 'each line once, in order';
    like code_of('sixty'), qr/^\Q$sale->{invoice_no}\E\n/, 'the code is read';

    my $long = sell(items => [map { line('rice', 1, serial_number => "SN-$_", custom_description => 'x ' x 200) } 1 .. 500]);
    my $r = invoice($long->{id}, timeout => 60);
    my $all = text_of($r, 'long');
    my @serials = $all =~ m{S/N SN-(\d+)}g;
    is "@serials", join(' ', 1 .. 500), 'five hundred, each once';
    cmp_ok length $r->body, '<', 1 << 20, 'less than a MiB: ' . length $r->body;
};

subtest 'texts of anybody' => sub {
    my $sale = sell(items => [map { line($_, 1, custom_description => $_ eq 'odd' ? "\x{202e}) Tj ET \\ ( <</S/JavaScript>> \x{fffd} %%EOF" : 'a note') } qw(bengali german rtl odd)],
        branch_id => undef, customer_name => 'আব্দুল্লাহ ٱلْعَرَبِيَّة (x) Tj \\', customer_address => 'গ' x 400, include_warranty_terms => \1,
        warranty_terms => "১২ মাসের ওয়ারেন্টি। Twelve months.\n" . "Keep this invoice; without it nothing can be done. " x 60);
    my $r = invoice($sale->{id});
    my $text = text_of($r, 'texts');
    same_sums($sale, $text, 'texts');
    like $text, qr/Terms.*Twelve months/s, 'the terms';
    like $text, qr/שלום עולם/, 'letters from right to left are in their order';
    like $text, qr/\x{9c7}\x{9a6}\x{9bf}\x{9b6}/, 'vowel signs stand before their consonants';
    like $text, qr/Donau/, 'a long word is broken, not lost';
    like $text, qr/\) Tj ET \\ \( <<.S.JavaScript>>/, 'what looks like PDF is text';
    like $text, qr/\( \\\) \? \?\? %PDF/, 'what no font has is a question mark';
    is scalar(() = $r->body =~ /%%EOF/g), 1, 'one end of the document';
    unlike $r->body, qr/JavaScript/, '... and no other object';
    my $complaints = output('sh', '-c', 'pdftoppm -r 40 -png "$1" "$2" 2>&1 | grep -v "begincidrange"', 'sh', "$dir/texts.pdf", "$dir/check");
    is $complaints, '', 'readers do not complain';
    like code_of('texts'), qr/^\Q$sale->{invoice_no}\E\n/, 'the code is read';
};

subtest 'warranties' => sub {
    my $phone = made('/api/products', { name => 'Phone', price => 100, stock => 5, warranty_months => 12 })->{id};
    my $sale = sell(items => [{ product_id => $phone, quantity => 2, price => 100, serial_number => 'P-1' }]);
    my $list = $erp->get("/api/sales/$sale->{id}/invoice", @as)->json->{warranties};
    is scalar @$list, 2, 'one a piece';
    my $text = text_of(invoice($sale->{id}), 'warranties');
    like $text, qr/^ *\Q$_->{warranty_code}\E +Phone +.*until 2\d\d\d-\d\d-\d\d$/m, "$_->{warranty_code} is named" for @$list;
    $erp->mongo($shop->{db_name}, doc(update => 'warranty_records', updates => [{ q => { id => $list->[0]{id} }, u => { '$set' => { expiry_date => { '$date' => '2024-02-29T06:00:00Z' } } } }]));
    like text_of(invoice($sale->{id}), 'expired'), qr/^ *\Q$list->[0]{warranty_code}\E +Phone +.*until 2024-02-29 +expired$/m, 'one that is over by now is said to be';
};

subtest 'cancelled' => sub {
    my $sale = sell(items => [line('rice', 2)], paid_amount => 0, customer_id => made('/api/customers', { name => 'C', phone => '1' })->{id});
    is $erp->request('PATCH', "/api/sales/$sale->{id}/cancel", @as, json => { reason => 'wrong size' })->status, 200, 'cancelled';
    my $text = text_of(invoice($sale->{id}), 'cancelled');
    same_sums($sale, $text, 'cancelled');
    like $text, qr/Cancelled \d{4}-\d\d-\d\d \d\d:\d\d: wrong size/, 'when and why';
    like output('sh', '-c', 'pdftotext -raw "$1" - 2>/dev/null', 'sh', "$dir/cancelled.pdf"), qr/CANCELLED/, 'the stamp';
};

subtest 'returned' => sub {
    my $sale = sell(items => [line('rice', 4), line('oil', 2)]);
    my $back = made('/api/returns', { sale_id => $sale->{id}, product_id => $id{rice}, quantity => 3, refund_amount => 43.12, reason => 'broken' });
    is $erp->request('PATCH', "/api/returns/$back->{id}/approve", @as, json => {})->status, 200, 'taken back';
    my $text = text_of(invoice($sale->{id}), 'returned');
    my $s = same_sums($sale, $text, 'returned');
    cmp_ok $s->{refunded_amount}, '>', 0, 'something came off';
    like $text, qr/Returned: 3/, 'the line says how many';
    like $text, qr/^\s*\d{4}-\d\d-\d\d \d\d:\d\d\s+cash.*-\Q${\ money($s->{refunded_amount}) }\E$/m, '... and the money went back';
};

# The members of a request's line in the log.
sub logged {
    my ($r) = @_;
    my $id = $r->header('X-Request-Id');
    my ($line) = grep { /request_id=\Q$id\E\b/ && / db=\d/ } map { split /\n/, slurp($_) } glob "$erp->{log}/*.log";
    return { ($line // '') =~ /(\w+)=(\S+)/g };
}

subtest 'round trips' => sub {
    my $sale = sell(items => [line('rice', 1)]);
    for my $path (map { "/api/sales/$sale->{id}/$_" } qw(invoice receipt)) {
        is logged($erp->get($path, @as, headers => { Accept => 'application/pdf' }))->{db}, 1, "$path on paper: one";
        is logged($erp->get($path, @as))->{db}, 3, '... as data: three';
    }
};

subtest 'the logo' => sub {
    my $sale = sell(items => [line('rice', 1)]);
    my $plain = length invoice($sale->{id})->body;
    my %file = (png => "$dir/logo.png", jpg => "$dir/logo.jpg");
    output('pdftoppm', '-r', 60, '-png', '-singlefile', "$dir/one.pdf", "$dir/logo");
    output('pdftoppm', '-r', 60, '-jpeg', '-singlefile', "$dir/one.pdf", "$dir/logo");
    for my $kind (sort keys %file) {
        my $bytes = do { open my $in, '<:raw', $file{$kind} or die "$file{$kind}: $!\n"; local $/; <$in> };
        for my $how (['whole', $bytes, 1], ['cut', substr($bytes, 0, 300), 0], ['spoilt', substr($bytes, 0, 20) . ("\xff\x00\xda" x 400), 0]) {
            upload("x.$kind", $how->[1]);
            my $r = invoice($sale->{id});
            text_of($r, "logo-$kind-$how->[0]");
            my $pictures = output('sh', '-c', 'pdfimages -list "$1" 2>/dev/null | grep -c image', 'sh', "$dir/logo-$kind-$how->[0].pdf");
            is $pictures + 0, $how->[2], "$kind, $how->[0]: " . ($how->[2] ? 'shown' : 'left out') if $how->[2] || $kind eq 'png';
        }
    }
    for my $bomb (30_000, 3_000_000_000) {
        upload('x.png', png_head($bomb));
        my $r = invoice($sale->{id});
        is $r->status, 200, "$bomb pixels wide: left out";
        is length $r->body, $plain, '... wholly';
    }
    is $erp->request('PATCH', '/api/settings', @as, json => { logo_url => 'https://elsewhere.example/logo.png' })->status, 200, 'one elsewhere';
    is length invoice($sale->{id})->body, $plain, '... is not fetched';
    is $erp->request('PATCH', '/api/settings', @as, json => { logo_url => '/uploads/settings/../../../etc/passwd.png' })->status < 500, 1, 'a path of others';
    is length invoice($sale->{id})->body, $plain, '... is not read';
};

subtest 'what is asked for' => sub {
    my $sale = sell(items => [line('rice', 1)]);
    my $path = "/api/sales/$sale->{id}/invoice";
    for my $accept ('*/*', 'application/json', 'application/json, application/pdf;q=0.5', 'application/pdf;q=0', 'application/*', 'application/pdfx') {
        my $r = $erp->get($path, @as, headers => { Accept => $accept });
        like $r->header('Content-Type'), qr{^application/json}, "JSON for $accept";
    }
    for my $accept ('application/pdf, application/json', 'APPLICATION/PDF', 'application/json;q=0.1, application/pdf ;q=0.9', '*/*, application/pdf') {
        is $erp->get($path, @as, headers => { Accept => $accept })->header('Content-Type'), 'application/pdf', "PDF for $accept";
    }
    is_problem(invoice('none'), 404, 'not_found', 'no such sale');
    is_problem($erp->get($path, headers => { Accept => 'application/pdf' }), 401, 'token_missing', 'no token');
    my $other = $erp->seed_tenant(slug => 'stranger');
    my @other = (token => $erp->login($other->{email}, $other->{password})->{access_token});
    is_problem($erp->get($path, @other, headers => { Accept => 'application/pdf' }), 404, 'not_found', 'a sale of another business');
    $erp->seed_user(email => 'b@paper.example', password => 'paper-password', role => 'cashier', tenant_id => $shop->{tenant_id},
        user => { tenant_slug => 'paper', branch_id => $branch->{id} });
    my @bound = (token => $erp->login('b@paper.example', 'paper-password')->{access_token});
    is_problem($erp->get($path, @bound, headers => { Accept => 'application/pdf' }), 404, 'not_found', 'a sale of another branch');
};

subtest 'the time zone of the business' => sub {
    my $sale = sell(items => [line('rice', 1)]);
    $erp->mongo($shop->{db_name}, doc(update => 'sales', updates => [{ q => { id => $sale->{id} }, u => { '$set' => { created_at => { '$date' => '2026-01-31T20:30:00Z' } } } }]));
    like text_of(invoice($sale->{id}), 'dhaka'), qr/Date +2026-02-01 02:30$/m, 'the usual one';
    is $erp->request('PATCH', '/api/settings', @as, json => { time_zone => 'America/New_York' })->status, 200, 'another';
    like text_of(invoice($sale->{id}), 'york'), qr/Date +2026-01-31 15:30$/m, '... holds';
};

done_testing;
