# What people uploaded goes into the archive of a business and comes back out of it: byte by byte,
# to the right folder, or not at all.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA qw(sha256_hex);
use File::Basename qw(basename);
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);
use JSON::PP ();
use POSIX ();
use Erp::Account qw(tidy_accounts);
use Erp::Http;
use Erp::Say qw(slurp spew);
use Erp::Test;

my $erp = Erp::Test->start(workers => 2, login_workers => 1);
my $dir = tempdir('erpd-arcf.XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $files = "$erp->{dir}/files";
# As the packages make it: a folder of the workers, whose group new files get. Where the test is not
# run by root it is its own.
my ($uid, $gid) = $> == 0 ? (65534, 65533) : ((stat $files)[4, 5]);
if ($> == 0) {
    chown $uid, $gid, $files;
    chmod 02755, $files;
}

sub ctl { return $erp->ctl(@_) }
sub entry { return ($erp->mongo_all('admin', doc(find => 'tenants_registry', filter => { slug => $_[0] })))[0] }
# Every file of a tenant below its folder, with the hash of what is in it.
sub tree {
    my ($id) = @_;
    return { map { s{^\Q$files/$id/\E}{}r => sha256_hex(slurp($_)) } grep { -f } glob "$files/$id/*/{*,.new*}" };
}
sub user_of { my ($email, $password) = @_; return (token => $erp->login($email, $password)->{access_token}) }

my $shop = $erp->seed_tenant(slug => 'shop', name => 'The Shop');
my $id = $shop->{tenant_id};
my @as = user_of(@$shop{qw(email password)});
sub made {
    my ($path, $body) = @_;
    my $r = $erp->post($path, $body, @as);
    is $r->status, 200, "POST $path" or diag $r->brief;
    return $r->json;
}
sub form {
    my ($path, $parts, @who) = @_;
    my ($body, $type) = Erp::Http::form(@$parts);
    my $r = $erp->request('POST', $path, body => $body, type => $type, @who);
    is $r->status, 200, "POST $path" =~ s/\?.*//r or diag $r->brief;
    return $r->json;
}

# --- one of each: a receipt, a sign-in page's pictures, a picture of a warranty
my $pdf = "%PDF-1.7\n" . join('', map { chr int rand 256 } 1 .. 300_000);
my %picture = (logo => "\x89PNG\r\n\x1a\n" . "\0\r\n--x" x 200, background => "\xff\xd8\xff\xe0" . 'j' x 5000, favicon => "\0\0\1\0" . 'i' x 100);
my $photo = "RIFF\1\2\3\4WEBPVP8 " . 'w' x 70_000;
my $purchase = form('/api/purchases', [[supplier_id => made('/api/suppliers', { name => 'Mill', contact_person => 'R', phone => '01711-000000' })->{id}],
    [items => '[{"product_name":"Rice","quantity":1,"price":2}]'], [total_amount => '2.00'], [receipt => $pdf, 'bill.pdf']], @as);
my $receipt = $purchase->{receipt_files}[0];
my %url = map { $_ => form("/api/upload/$_", [[file => $picture{$_}, 'x']], @as)->{url} } sort keys %picture;
my $phone = made('/api/products', { name => 'Phone', price => 100, stock => 5, warranty_months => 12 });
my $sale = made('/api/sales', { items => [{ product_id => $phone->{id}, quantity => 1, price => 100 }], customer_name => 'K', customer_phone => '01711-000001' });
my ($warranty) = @{ $erp->get("/api/sales/$sale->{id}/invoice", @as)->json->{warranties} };
my $evidence = form("/api/upload-image?warranty_token=$warranty->{token}", [[file => $photo, 'x.webp']], headers => {});
my $before = tree($id);
is scalar keys %$before, 5, 'five files are stored' or diag join "\n", sort keys %$before;
my $bytes = 0;
$bytes += -s "$files/$id/$_" for keys %$before;

# --- export
my $file = "$dir/shop.tar";
my ($status, $told, $err) = ctl('tenant', 'export', 'shop', $file);
is $status, 0, 'exported' or diag $err;
is_deeply [@$told{qw(with_files files file_bytes files_left_out)}], [\1, 5, $bytes, 0], 'how many files, and bytes';
like +($erp->erpctl('tenant', 'verify', $file))[1], qr/, 5 files of $bytes bytes$/m, '... for people too';
is_deeply { map { $_ => sha256_hex(slurp_member($file, "files/$_")) } keys %$before }, $before, 'tar shows them, byte by byte';
sub slurp_member { my ($tar, $name) = @_; open my $in, '-|', 'tar', 'xOf', $tar, $name or die; local $/; my $text = <$in>; close $in; return $text }
my $manifest = JSON::PP->new->decode(slurp_member($file, 'manifest.json'));
is_deeply [map { [@$_{qw(name bytes sha256)}] } sort { $a->{name} cmp $b->{name} } grep { $_->{name} =~ m{^files/} } @{ $manifest->{members} }],
    [map { ["files/$_", -s "$files/$id/$_", $before->{$_}] } sort keys %$before], 'the manifest has size and hash of each';
is_deeply [@{ $manifest->{counts} }{qw(files file_bytes files_left_out)}, $manifest->{with_files}], [5, $bytes, 0, \1], '... and how many';

subtest 'without files' => sub {
    my ($code, $facts, $why) = ctl('tenant', 'export', 'shop', "$dir/without.tar", '--no-files');
    is $code, 0, 'exported' or diag $why;
    is_deeply [@$facts{qw(with_files files file_bytes)}], [\0, 0, 0], 'none are in it';
    is_deeply(JSON::PP->new->decode(slurp_member("$dir/without.tar", 'manifest.json'))->{with_files}, \0, '... and the manifest says so');
    is_deeply [grep { m{^files} } split /\n/, `tar tf $dir/without.tar`], [], '... and tar';
    like +($erp->erpctl('tenant', 'verify', "$dir/without.tar"))[1], qr/no uploaded files taken along/, '... and erpctl';
};

subtest 'a host without the folder' => sub {
    my @nowhere = ({ env => { ERP_FILES_DIR => "$dir/none" } });
    for my $args (['tenant', 'export', 'shop', "$dir/no.tar"], ['tenant', 'delete', 'shop', '--yes', '--archive', "$dir/no.tar"],
        ['tenant', 'restore', $file, '--as', 'no', '--admin-email', 'a@no.example', '--db-name', $erp->db('no'), '--generate']) {
        my ($code, undef, $why) = ctl(@$args, @nowhere);
        is $code, 1, "@$args[0, 1] is refused";
        like $why, qr{\Q$dir/none\E \(ERP_FILES_DIR\), cannot be opened on this host: No such file}, '... and says what is missing' or diag $why;
    }
    is_deeply [glob "$dir/no*"], [], 'nothing half-made is left';
    is entry('shop')->{status}, 'active', 'the business is as it was';
    is entry('no'), undef, 'no other was begun';
    my ($code, $rows) = ctl('backup', 'shop', '--dir', "$dir/backup", @nowhere);
    is_deeply [$code, $rows->[0]{status}], [1, 'failed'], 'no backup either';
    is +(ctl('tenant', 'export', 'shop', "$dir/told.tar", '--no-files', @nowhere))[0], 0, 'unless told to leave them out';
    ($code, $rows) = ctl('backup', 'shop', '--dir', "$dir/backup", '--no-files', @nowhere);
    is_deeply [$code, @{ $rows->[0] }{qw(status files)}], [0, 'ok', 0], '... also of a backup';
};

subtest 'a folder that is another' => sub {
    mkdir "$dir/empty";
    my ($code, $facts, $why) = ctl('tenant', 'export', 'shop', "$dir/empty.tar", { env => { ERP_FILES_DIR => "$dir/empty" } });
    is_deeply [$code, $facts->{files}], [2, 0], 'an export without the files that records name is a partial one';
    like $why, qr{records name uploaded files, but \Q$dir/empty\E has no folder of this tenant}, '... and says so';
};

subtest 'backup' => sub {
    my ($code, $rows, $why) = ctl('backup', '--all', '--dir', "$dir/backup");
    is $code, 0, 'made' or diag $why;
    is_deeply [@{ $rows->[0] }{qw(status files file_bytes)}], ['ok', 5, $bytes], 'with the files';
    is +(ctl('tenant', 'verify', $rows->[0]{file}))[1]{files}, 5, 'which are sound';
};

subtest 'killed' => sub {
    my @had = sort glob "$dir/{*,.*}";
    is_deeply [(ctl('tenant', 'export', 'shop', "$dir/killed.tar.gz", { env => { ERP_STOP_AFTER => 'export_files' } }))[1]], [undef], 'an export';
    is_deeply [sort glob "$dir/{*,.*}"], \@had, '... leaves nothing';
    spew("$dir/kept.tar", 'the one before');
    ctl('tenant', 'export', 'shop', "$dir/kept.tar", '--force', { env => { ERP_STOP_AFTER => 'export_files' } });
    is slurp("$dir/kept.tar"), 'the one before', '... and does not touch what it would replace';
    is_deeply [sort glob "$dir/kept*"], ["$dir/kept.tar"], '... nor leave anything beside it';
};

subtest 'what is no file of the server\'s' => sub {
    my %odd = ("receipts/notes.txt" => 'x', 'receipts/' . 'a' x 32 . '.pdf' => 'no PDF', 'receipts/' . 'b' x 32 . '.png' => '',
        "settings/logo_other_0123456789abcdef.png" => $picture{logo}, 'notes/' . 'c' x 32 . '.pdf' => $pdf);
    make_path("$files/$id/notes");
    spew("$files/$id/$_", $odd{$_}) for keys %odd;
    symlink '/etc/passwd', "$files/$id/evidence/" . 'd' x 32 . '.png';
    spew("$files/$id/receipts/.new-" . 'e' x 32 . '.pdf', '%PDF');
    my ($code, $facts, $why) = ctl('tenant', 'export', 'shop', "$dir/odd.tar");
    is $code, 2, 'an export says that something is left out';
    is_deeply [@$facts{qw(files file_bytes files_left_out)}], [5, $bytes, 6], 'how much' or diag $why;
    like $why, qr/left out: file \Q$_\E/, "... and what: $_" for map { m{^notes/} ? 'notes' : $_ } keys %odd;
    is +(ctl('tenant', 'verify', "$dir/odd.tar"))[0], 0, 'the archive is sound';
    remove_tree("$files/$id/notes");
    unlink map { "$files/$id/$_" } 'receipts/.new-' . 'e' x 32 . '.pdf', 'evidence/' . 'd' x 32 . '.png', keys %odd;
    is_deeply tree($id), $before, 'as before';
};

# --- restore beside the live one
my ($copy, @boss);
subtest 'restore' => sub {
    my $mask = umask 077;
    my @restore = ('tenant', 'restore', $file, '--as', 'copy', '--admin-email', 'boss@copy.example', '--db-name', $erp->db('copy'), '--generate');
    ctl(@restore, { env => { ERP_STOP_AFTER => 'import_files' } });
    my $first = entry('copy');
    is $first->{status}, 'provisioning', 'killed when the files are there: not active yet';
    is scalar keys %{ tree($first->{tenant_id}) }, 5, '... and they are there';
    ($status, $copy, $err) = ctl(@restore);
    umask $mask;
    is $status, 0, 'begun anew' or diag $err;
    is_deeply [@$copy{qw(files file_bytes)}], [5, $bytes], 'with the files';
    ok !-e "$files/$first->{tenant_id}", 'those of the run before are gone';
    my %wanted = map { s/\Q$id\E/$copy->{tenant_id}/r => $before->{$_} } keys %$before;
    is_deeply tree($copy->{tenant_id}), \%wanted, 'in a folder of its own, named as its own';
    for my $path ($copy->{tenant_id}, map { "$copy->{tenant_id}/$_" } qw(receipts settings evidence), keys %wanted) {
        my @st = stat "$files/$path";
        my ($mode, @owner) = @st[2, 4, 5];
        is_deeply [$mode & 0777, @owner], [-d _ ? 0750 : 0640, $uid, $> == 0 ? $gid : $st[5]], "mode and owner of $path" =~ s{/.*/}{/…/}r;
    }
    is_deeply tree($id), $before, 'the original has its own';
    @boss = user_of('boss@copy.example', $copy->{password});
    is $erp->get($receipt->{url}, @boss)->body, $pdf, 'its administrator gets the receipt';
    is $erp->get($evidence->{url}, @boss)->body, $photo, '... and the picture of the warranty';
    my $settings = $erp->get('/api/settings', @boss)->json;
    my %field = (logo => 'logo_url', background => 'background_image_url', favicon => 'favicon_url');
    for my $what (sort keys %field) {
        is $settings->{$field{$what}}, $url{$what} =~ s/\Q$id\E/$copy->{tenant_id}/r, "the settings name the copy's $what";
        is $erp->get($settings->{$field{$what}})->body, $picture{$what}, '... which is served';
    }
    my $new = form('/api/upload/logo', [[file => $picture{logo}, 'x']], @boss);
    is $erp->get($url{logo})->body, $picture{logo}, 'a new logo of the copy leaves the original\'s';
    ok !(grep { m{settings/logo_} && $_ ne "settings/$new->{filename}" } keys %{ tree($copy->{tenant_id}) }), '... and takes the place of its own';
};

# --- import after a loss
sub lose {
    $erp->mongo($_, '{"dropDatabase":1}') for 'shop', 'shop_audit';
    $erp->mongo('users', doc(delete => 'users', deletes => [doc(q => { tenant_id => $id }, limit => 0)]));
    $erp->mongo('admin', doc(delete => 'tenants_registry', deletes => [doc(q => { slug => 'shop' }, limit => 0)]));
    ctl('cache', 'clear');
}

subtest 'import' => sub {
    lose();
    remove_tree("$files/$id");
    for my $step (qw(import_entry import_data import_files)) {
        is +(ctl('tenant', 'import', $file, { env => { ERP_STOP_AFTER => $step } }))[1], undef, "killed after $step";
    }
    my ($code, $back, $why) = ctl('tenant', 'import', $file, '--as', 'again');
    is $code, 1, 'another slug does not go on with it';
    ($code, $back, $why) = ctl('tenant', 'import', $file);
    is $code, 0, 'the same one does' or diag $why;
    is_deeply tree($id), $before, 'every file is back';

    # The databases are lost, the folder is not: what came after the archive stays.
    lose();
    my ($some) = grep { m{^receipts/} } keys %$before;
    my $later = 'receipts/' . 'f' x 32 . '.pdf';
    spew("$files/$id/$some", 'damaged');
    spew("$files/$id/$later", $pdf);
    ctl('tenant', 'import', $file, { env => { ERP_STOP_AFTER => 'import_data' } });
    ($code, $back, $why) = ctl('tenant', 'import', $file);
    is $code, 0, 'into a folder that is there' or diag $why;
    is_deeply tree($id), { %$before, $later => sha256_hex($pdf) }, 'nothing is lost, and what was damaged is whole';
    unlink "$files/$id/$later";

    lose();
    remove_tree("$files/$id");
    ($code, $back, $why) = ctl('tenant', 'import', $file, '--as', 'shop-two', '--no-files');
    is_deeply [$code, @$back{qw(files file_bytes)}], [0, 0, 0], 'without its files, under another slug' or diag $why;
    ok !-e "$files/$id", '... there are none';
    $erp->mongo('admin', doc(update => 'tenants_registry', updates => [doc(q => { slug => 'shop-two' }, u => { '$set' => { slug => 'shop' } })]));
    lose();
    ($code, $back, $why) = ctl('tenant', 'import', $file, '--as', 'shop');
    is $code, 0, 'and with them' or diag $why;
    is_deeply tree($id), $before, '... they are there';
    # Not before: the entry of a sign-in may reach the log after its reply, and after the loss.
    @as = user_of(@$shop{qw(email password)});
    is $erp->get($receipt->{url}, @as)->body, $pdf, '... and served: a receipt';
    is $erp->get($url{logo})->body, $picture{logo}, '... a logo';
};

# A logo takes the place of another: the file goes in the very time of an export, perhaps between
# its name and its bytes. Whatever of it an export sees, its archive is sound and tells the truth.
subtest 'a worker at work' => sub {
    my $logo = sub { return $erp->get('/api/settings', @boss)->json->{logo_url} };
    my ($first, $parent) = ($logo->(), $$);
    my $child = fork // die "fork: $!\n";
    if (!$child) {
        my ($body, $type) = Erp::Http::form([file => $picture{logo}, 'x']);
        $erp->request('POST', '/api/upload/logo', body => $body, type => $type, @boss) until -e "$dir/enough" || getppid != $parent;
        POSIX::_exit(0);
    }
    for my $n (1 .. 4) {
        my ($code, $facts, $why) = ctl('tenant', 'export', 'copy', "$dir/busy$n.tar");
        is $code, $facts->{files_left_out} > 0 ? 2 : 0, "export $n says whether it is whole" or diag $why;
        my ($sound, $found, $fault) = ctl('tenant', 'verify', "$dir/busy$n.tar");
        is $sound, 0, '... and is sound' or diag $fault;
        is_deeply [@$found{qw(files file_bytes)}], [@$facts{qw(files file_bytes)}], '... with what it told';
        cmp_ok $found->{files}, '>=', 4, '... and all that nobody touched';
    }
    spew("$dir/enough", '');
    waitpid $child, 0;
    isnt $logo->(), $first, 'the worker was at work';
    is $erp->get($logo->())->body, $picture{logo}, 'the last logo is there';
};

# --- archives that are not what an export made
sub forge {
    my ($name, $change) = @_;
    my $at = "$dir/forged/$name";    # so deep that what leads out of it stays in $dir
    make_path($at);
    system('tar', 'xf', $file, '-C', $at) == 0 or die;
    my @order = grep { !/^manifest/ } split /\n/, `tar tf $file`;
    my $manifest = JSON::PP->new->decode(slurp("$at/manifest.json"));
    my %documents = map { $_->{name} => $_->{documents} } @{ $manifest->{members} };
    my @options = $change->($at, \@order, $manifest);
    $manifest->{members} = [map { my $text = slurp("$at/$_") // '';
        { name => $_, bytes => length $text, sha256 => sha256_hex($text), defined $documents{$_} ? (documents => $documents{$_}) : () } } @order];
    spew("$at/manifest.json", JSON::PP->new->encode($manifest));
    spew("$at/manifest.sha256", sha256_hex(slurp("$at/manifest.json")) . "  manifest.json\n");
    system('tar', 'cf', "$at.tar", '-P', @options, '-C', $at, @order, 'manifest.json', 'manifest.sha256') == 0 or die;
    return "$at.tar";
}
# Adds a member, or changes one that is there.
sub with { my ($name, $text) = @_; return sub { my ($at, $order) = @_; make_path("$at/$name" =~ s{/[^/]*$}{}r); spew("$at/$name", $text); push @$order, $name if !grep { $_ eq $name } @$order; return } }

my ($one) = grep { m{^receipts/} } keys %$before;
my $hex = 'a' x 32;
my %hostile = (
    'a path that leads out' => [qr/this is no name of a file/, with("files/receipts/../../../../$hex.pdf", $pdf)],
    'a room that leads out' => [qr/this is no name of a file/, with("files/../receipts/$hex.pdf", $pdf)],
    'a folder below a room' => [qr/this is no name of a file/, with("files/receipts/x/$hex.pdf", $pdf)],
    'no room' => [qr/this is no name of a file/, with("files/$hex.pdf", $pdf)],
    'a room that is none' => [qr/it is in no folder of the server's/, with("files/invoices/$hex.pdf", $pdf)],
    'a name that no client gets' => [qr/this is no name that the server gives/, with('files/receipts/bill.pdf', $pdf)],
    'a half-written file' => [qr/this is no name that the server gives/, with("files/receipts/.new-$hex.pdf", $pdf)],
    'another ending' => [qr/this is no name that the server gives/, with("files/receipts/$hex.html", '<html>')],
    'a kind that is not its name\'s' => [qr/it is not of the kind that its name says/, with("files/receipts/$hex.pdf", '<html><script>alert(1)</script>')],
    'a kind that the room does not have' => [qr/this is no name that the server gives/, with("files/evidence/$hex.pdf", $pdf)],
    'an empty file' => [qr/it is empty/, with("files/receipts/$hex.pdf", '')],
    'a picture that is too large' => [qr/it is larger than any file/, with("files/evidence/$hex.png", $picture{logo} . 'x' x (5 << 20))],
    'a receipt that is too large' => [qr/it is larger than any file/, with("files/receipts/$hex.pdf", $pdf . 'x' x (10 << 20))],
    'a picture of another business' => [qr/this is no name that the server gives/, with('files/settings/logo_0193e2a0-0000-7000-8000-000000000001_0123456789abcdef.png', $picture{logo})],
    'a link' => [qr/is not a plain file/, sub { my ($at, $order) = @_; symlink '/etc/passwd', "$at/files/receipts/$hex.pdf"; push @$order, "files/receipts/$hex.pdf"; return }],
    'a file twice' => [qr/it is there twice/, sub { my ($at, $order) = @_; push @$order, "files/$one"; return '--hard-dereference' }],
    'files before the entry' => [qr/it comes before the entry/, sub { my ($at, $order) = @_; @$order = ("files/$one", grep { $_ ne "files/$one" } @$order); return }],
    'files that the manifest denies' => [qr/it says that there are no files/, sub { $_[2]{with_files} = JSON::PP::false; return }],
);
my $at_first = tree($id);
my $tenants = scalar @{ (ctl('tenant', 'list'))[1] };
my $folders = join ' ', sort map { basename($_) } glob "$files/*";
sub refused {
    my ($what, $bad, $why_like, $import) = @_;
    my ($code, undef, $why) = ctl('tenant', 'verify', $bad);
    is $code, 1, "refused: $what";
    like $why, qr/^erpctl tenant verify: .*$why_like/, '... and says why';
    return if !$import;
    (my $said = $why) =~ s/^erpctl tenant verify: //;
    like +(ctl('tenant', 'import', $bad, '--as', 'bad', '--db-name', $erp->db('bad')))[2], qr/^erpctl tenant import: \Q$said\E/, '... as import does';
    return;
}
is +(ctl('tenant', 'verify', forge('plain', sub { return })))[0], 0, 'one that tar itself made is an archive';
my $n = 0;
for my $what (sort keys %hostile) {
    refused($what, forge('hostile' . $n++, $hostile{$what}[1]), $hostile{$what}[0], $what =~ /leads out|its name/);
}

# One byte of a file is another than when the manifest was written: that file is named.
my $tampered = slurp($file);
my $place = index $tampered, substr $pdf, 1000, 200;
cmp_ok $place, '>', 0, 'the receipt is in the archive as it is';
substr($tampered, $place, 1) = chr(ord(substr $tampered, $place, 1) ^ 1);
spew("$dir/tampered.tar", $tampered);
refused('a file with another byte', "$dir/tampered.tar", qr{files/\Q$one\E: it is damaged: its SHA-256 is not the manifest's}, 1);
is scalar @{ (ctl('tenant', 'list'))[1] }, $tenants, 'none of them made a tenant';
is join(' ', sort map { basename($_) } glob "$files/*"), $folders, '... or a folder';
is_deeply tree($id), $at_first, '... or changed a file';

subtest 'an archive of the time before files' => sub {
    my $old = forge('old', sub { my ($at, $order, $m) = @_; @$order = grep { !m{^files/} } @$order; $m->{version} = 1; delete $m->{with_files};
        delete @{ $m->{counts} }{qw(files file_bytes files_left_out)}; return });
    my ($code, $facts, $why) = ctl('tenant', 'restore', $old, '--as', 'old', '--admin-email', 'boss@old.example', '--db-name', $erp->db('old'), '--generate',
        { env => { ERP_FILES_DIR => "$dir/none" } });
    is $code, 0, 'is restored, also where there is no folder' or diag $why;
    is $facts->{files}, 0, 'with no files';
    ($code, undef, $why) = ctl('tenant', 'verify', forge('newer', sub { $_[2]{version} = 3; return }));
    is $code, 1, 'one of a later version is refused';
    like $why, qr/of a version that this program does not know/, '... and says so';
};

# --- the end: its export has them, undelete keeps them, purge removes them
subtest 'delete, undelete, purge' => sub {
    my ($code, $gone, $why) = ctl('tenant', 'delete', 'shop', '--yes', '--archive', "$dir/last.tar.zst");
    is $code, 0, 'deleted' or diag $why;
    is_deeply [@$gone{qw(files file_bytes)}], [5, $bytes], 'its archive has the files';
    is +(ctl('tenant', 'verify', "$dir/last.tar.zst"))[1]{file_bytes}, $bytes, '... and is sound';
    is_deeply tree($id), $before, 'they stay for the time of grace';
    is +(ctl('tenant', 'undelete', 'shop'))[0], 0, 'undeleted';
    @as = user_of(@$shop{qw(email password)});
    is $erp->get($receipt->{url}, @as)->body, $pdf, 'they are served again';

    is +(ctl('tenant', 'delete', 'shop', '--yes', '--no-files', '--archive', "$dir/bare.tar"))[0], 0, 'deleted, its files not in the archive';
    is +(ctl('tenant', 'verify', "$dir/bare.tar"))[1]{files}, 0, '... which says so';
    ($code, undef, $why) = ctl('tenant', 'purge', 'shop', '--now', '--yes', { env => { ERP_FILES_DIR => "$dir/none" } });
    is $code, 1, 'not purged where the folder is not';
    like $why, qr/ERP_FILES_DIR/, '... which it says';
    ok !entry('shop')->{purge}, '... and has not begun';
    is +(ctl('tenant', 'purge', 'shop', '--now', '--yes', { env => { ERP_STOP_AFTER => 'purge_data' } }))[1], undef, 'killed before the files';
    is_deeply tree($id), $before, '... which are there';
    unlink "$files/$id/$one"; # as if it had been killed among them
    ($code, $gone, $why) = ctl('tenant', 'purge', 'shop', '--now', '--yes');
    is $code, 0, 'goes on' or diag $why;
    is_deeply [@{ $gone->[0] }{qw(files file_bytes)}], [5, $bytes], 'as many as there were at first';
    ok !-e "$files/$id", 'nothing is left of them';
    cmp_ok scalar keys %{ tree($copy->{tenant_id}) }, '>=', 5, 'the copy has its own';
    my ($note) = map { $_->{note} } $erp->mongo_all('admin_audit', doc(find => 'audit_log', filter => { action => 'tenant_purge', record_id => 'shop' }));
    like $note, qr/ 5 files of $bytes bytes/, 'the receipt counts them';
};

tidy_accounts($erp);
done_testing;
