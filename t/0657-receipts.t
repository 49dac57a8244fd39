# Receipts of 80 mm: on a page as long as it takes, and as bytes for a printer, where what people
# wrote never becomes a command.
use utf8;
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Encode qw(decode_utf8 decode);
use Erp::Test;
use File::Path qw(make_path);

my $erp = Erp::Test->start(workers => 2, login_workers => 1);
my $shop = $erp->seed_tenant(slug => 'slip', entry => { business_name => "Paper & Söhne \x{1b}p07" });
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
sub receipt { my ($id, $type, $query) = @_; return $erp->get("/api/sales/$id/receipt" . ($query // ''), @as, timeout => 60, headers => { Accept => $type }) }
sub keep { my ($name, $bytes) = @_; open my $file, '>:raw', "$dir/$name" or die "$dir/$name: $!\n"; print $file $bytes; close $file or die "$name: $!\n"; return }
sub money { return sprintf '%.2f', $_[0] }

my %price = (rice => 12.5, oil => 3.99, word => 2);
my %id = (rice => made('/api/products', { name => 'Rice ৳ – “best” ł', sku => 'R-5', price => 12.5, stock => 10_000, tax_rate => 15 })->{id},
    oil => made('/api/products', { name => 'Mustard oil with a name that goes on and on until no line of a receipt can hold it', price => 3.99, stock => 10_000, tax_rate => 5 })->{id},
    word => made('/api/products', { name => 'W' x 150, price => 2, stock => 10_000 })->{id});
sub line { my ($name, $quantity, %o) = @_; return { product_id => $id{$name}, quantity => $quantity, price => $price{$name}, %o } }
my $sale = made('/api/sales', { items => [line('rice', 3, discount => 1.25, serial_number => 'S-1'), line('oil', 7), line('word', 1)], discount => 5,
    customer_name => 'আব্দুল্লাহ', customer_phone => '1', payments => [{ method => 'cash', amount => 20 }, { method => 'bkash', amount => 10 }] });
my @sums = (Subtotal => $sale->{subtotal}, Discount => -$sale->{discount}, 'Tax 15%' => $sale->{items}[0]{tax}, 'Tax 5%' => $sale->{items}[1]{tax},
    'Total BDT' => $sale->{total}, cash => 20, bkash => 10, Paid => $sale->{amount_paid}, 'Balance due' => $sale->{balance_due});

subtest 'a page' => sub {
    my $r = receipt($sale->{id}, 'application/pdf');
    is $r->status, 200, 'made' or diag $r->brief;
    is $r->header('Content-Type'), 'application/pdf', 'of that type';
    is $r->header('Content-Disposition'), "inline; filename=\"$sale->{invoice_no}.receipt.pdf\"", 'named after its number';
    keep('receipt.pdf', $r->body);
    my $text = decode_utf8(output('sh', '-c', 'exec pdftotext -layout "$1" - 2>/dev/null', 'sh', "$dir/receipt.pdf"));
    for (my $i = 0; $i < @sums; $i += 2) {
        like $text, qr/^ *\Q$sums[$i]\E +\Q${\ money($sums[$i + 1]) }\E$/m, "$sums[$i] as in the JSON";
    }
    like $text, qr/3 x 12\.50 +\Q${\ money($sale->{items}[0]{total}) }\E$/m, 'a line';
    like $text, qr/S\/N S-1/, 'its serial number';
    my $info = output('pdfinfo', "$dir/receipt.pdf");
    like $info, qr/^Pages: +1$/m, 'one page';
    my ($width, $height) = $info =~ /^Page size: +([\d.]+) x ([\d.]+) pts/m;
    cmp_ok abs($width / 72 * 25.4 - 80), '<', 0.1, '80 mm wide';
    output('sh', '-c', 'exec pdftoppm -r 200 -png "$1.pdf" "$1" 2>/dev/null', 'sh', "$dir/receipt");
    like decode_utf8(output('sh', '-c', 'exec zbarimg -q --raw -Sdisable -Sqr.enable "$1"-1.png 2>/dev/null', 'sh', "$dir/receipt")),
        qr/^\Q$sale->{invoice_no}\E\n.*\nBDT \Q${\ money($sale->{total}) }\E\nPaper & Söhne  p07\s*$/, 'the code is read';

    my $long = made('/api/sales', { items => [map { line($_ % 2 ? 'rice' : 'oil', 1, serial_number => "SN-$_") } 1 .. 500] });
    $r = receipt($long->{id}, 'application/pdf');
    is $r->status, 200, 'five hundred lines' or diag $r->brief;
    keep('receipt-long.pdf', $r->body);
    my @serials = output('sh', '-c', 'exec pdftotext -layout "$1" - 2>/dev/null', 'sh', "$dir/receipt-long.pdf") =~ m{S/N SN-(\d+)}g;
    is "@serials", join(' ', 1 .. 500), '... each once';
    my @heights = output('pdfinfo', '-f', 1, '-l', 99, "$dir/receipt-long.pdf") =~ /size: +[\d.]+ x ([\d.]+) pts/g;
    is scalar(grep { $_ > 14400 } @heights), 0, 'no page is longer than one may be';
};

# The commands taken out of the bytes, as a printer does: the text that is left, and the commands. Dies at one that
# we do not send.
sub printed {
    my ($bytes) = @_;
    my ($text, @commands) = ('');
    while (length $bytes) {
        if ($bytes =~ s/\A(\x1b\@|\x1b[tEa][\0-\x13]|\x1d![\0\x01]|\x1dV\x42\0)//) { push @commands, $1 }
        elsif ($bytes =~ s/\A\x1d\(k(.)(.)//s) {
            my $n = ord($1) + 256 * ord $2;
            push @commands, '(k' . substr $bytes, 0, $n, '';
        }
        elsif ($bytes =~ s/\A([\n\x20-\x7e\x80-\xff]+)//) { $text .= $1 }
        else { die sprintf "a byte of no command of ours: %02x\n", ord $bytes }
    }
    return (decode('cp858', $text), @commands);
}

subtest 'a printer' => sub {
    for my $columns (undef, 24, 48, 64) {
        my $r = receipt($sale->{id}, 'application/vnd.escpos', $columns ? "?columns=$columns" : '');
        is $r->status, 200, 'made' or diag $r->brief;
        is $r->header('Content-Type'), 'application/vnd.escpos', 'of that type';
        keep('receipt-' . ($columns // 'usual') . '.bin', $r->body);
        my ($text, @commands) = printed($r->body);
        is $commands[0], "\x1b\@", 'the printer begins anew';
        is $commands[1], "\x1bt\x13", '... in code page 858';
        is $commands[-1], "\x1dV\x42\0", 'and cuts';
        my $width = $columns // 42;
        is scalar(grep { length > $width } split /\n/, $text), 0, "no line has more than $width characters";
        for (my $i = 0; $i < @sums; $i += 2) {
            my $value = money($sums[$i + 1]);
            my $pad = $width - length($sums[$i]) - length $value;
            like $text, qr/^\Q$sums[$i]\E {$pad}\Q$value\E$/m, "$sums[$i] as in the JSON, to the end of the line";
        }
        like $text, qr/^Paper & Söhne  p07$/m, 'a name, without its control character';
        like $text, qr/^Rice Tk - "best" l$/m, 'the nearest characters';
        like $text, qr/\?{3,}/, 'others are question marks';
        like $text =~ s/\n//gr, qr/W{150}/, 'a long word is broken, not lost';
        my ($code) = grep { /^\(k1P0/ } @commands;
        like decode_utf8($code), qr/^\(k1P0\Q$sale->{invoice_no}\E\n/, 'the code';
        is $commands[-2], "\x1ba\0", 'what was set is set back' if $commands[-2] =~ /^\x1ba/;
    }
};

subtest 'what people wrote is no command' => sub {
    my $evil = join '', map { chr } 0x01 .. 0x1f, 0x7f, 0x80 .. 0xa0;
    my $filter = { id => $sale->{id} };
    $erp->mongo($shop->{db_name}, doc(update => 'sales', updates => [{ q => $filter, u => { '$set' => {
        customer_name => "\x{1b}p\x{00}", invoice_no => "\x{1d}V0$evil", 'items.0.product_name' => "\x{1b}\@$evil", 'items.0.serial_number' => "\x{10}\x{14}",
        warranty_terms => "$evil\n\x{1d}V1\n\n", created_by => "\x{1b}" x 100 } } }]));
    my ($text) = eval { printed(receipt($sale->{id}, 'application/vnd.escpos')->body) };
    is $@, '', 'nothing but our commands' or return;
    like $text, qr/^ V1$/m, 'what was one is text';
    is receipt($sale->{id}, 'application/pdf')->status, 200, 'and a page is made of it';
};

subtest 'what is asked for' => sub {
    my $path = "/api/sales/$sale->{id}/receipt";
    is_deeply $erp->get($path, @as)->json, $erp->get("/api/sales/$sale->{id}/invoice", @as)->json, 'as data it is the invoice';
    my %for = ('application/pdf, application/vnd.escpos' => 'application/pdf', 'application/pdf;q=0.5, application/vnd.escpos' => 'application/vnd.escpos',
        'application/vnd.escpos;q=0.5, application/json' => 'application/json', 'application/octet-stream' => 'application/json');
    is $erp->get($path, @as, headers => { Accept => $_ })->header('Content-Type'), $for{$_}, $_ for sort keys %for;
    is_problem(receipt($sale->{id}, 'application/vnd.escpos', "?columns=$_"), 400, 'bad_query', "columns=$_") for 23, 65, 'x', '';
    is_problem(receipt('none', $_), 404, 'not_found', "no such sale: $_") for 'application/pdf', 'application/vnd.escpos', 'application/json';
};

done_testing;
