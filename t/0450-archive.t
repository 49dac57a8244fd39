# One business in one file and back: what the file holds, what is refused, what survives.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA;
use File::Temp qw(tempdir);
use JSON::PP ();
use Erp::Account qw(account_exists isolated_account tidy_accounts);
use Erp::Say qw(slurp spew);
use Erp::Test;

my $erp = Erp::Test->start(workers => 2);
my $dir = tempdir('erpd-arc.XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $file = "$dir/shop.tar";

sub ctl { return $erp->ctl(@_) }

# Everything of a database, as text that is the same for the same data.
my $canonical = JSON::PP->new->canonical;
sub all_of {
    my ($db) = @_;
    my %all;
    for my $row ($erp->mongo_all($db, doc(listCollections => 1, cursor => {}))) {
        my $name = $row->{name};
        $all{$name} = {
            documents => [ map { $canonical->encode($_) } $erp->mongo_all($db, doc(find => $name, sort => { _id => 1 }, batchSize => 5000)) ],
            indexes => [ sort map { $canonical->encode($_) } $erp->mongo_all($db, doc(listIndexes => $name)) ],
        };
    }
    return \%all;
}

my $shop = $erp->seed_tenant(slug => 'shop', name => 'The Shop');
my $token = $erp->login($shop->{email}, $shop->{password})->{access_token};
for my $n (1 .. 20) {
    my $res = $erp->post('/api/products', { name => "Product $n", sku => "P-$n", price => 10.5 + $n, cost => 3, stock => $n, category => 'x' },
        token => $token);
    is($res->status, 200, "product $n") or diag $res->body if $n == 1;
}
# What other systems may have left: every type, odd names.
my $tenant_id = $erp->mongo('admin', doc(find => 'tenants_registry', filter => { slug => 'shop' }))->{cursor}{firstBatch}[0]{tenant_id};
$erp->mongo_insert('shop', 'old%stuff', {
    _id => 'one', tenant_id => $tenant_id, money => { '$numberDecimal' => '12.3400' }, at => { '$date' => '2020-01-02T03:04:05.678Z' },
    long => { '$numberLong' => '9007199254740993' }, real => 1.5, none => undef, list => [ 1, { a => [ {} ] } ],
    bytes => { '$binary' => { base64 => 'AAEC', subType => '00' } }, oid => { '$oid' => '0123456789abcdef01234567' } });
$erp->mongo('shop', '{"createIndexes":"old%stuff","indexes":[{"key":{"tenant_id":1,"at":-1},"name":"odd","unique":true,"partialFilterExpression":{"real":{"$gt":1}}}]}');

# --- export
my ($status, $made, $err) = ctl('tenant', 'export', 'shop', $file);
is($status, 0, 'exported') or diag $err;
is((stat $file)[2] & 07777, 0600, 'for its owner alone');
is($made->{sha256}, Digest::SHA->new(256)->addfile($file)->hexdigest, 'its SHA-256 is told');
is($made->{users}, 1, 'its users');
my @names = split /\n/, `tar tf $file`;
for my $name ('entry.bson', 'collections.bson', 'data/products.bson', 'data/products.metadata.json', 'data/old%25stuff.bson',
              'audit/audit_log.bson', 'users/users.bson') {
    ok((grep { $_ eq $name } @names), "tar shows $name");
}
is_deeply([ @names[-2, -1] ], [ 'manifest.json', 'manifest.sha256' ], 'the manifest comes last');
my $products = `tar xOf $file data/products.bson`;
my ($at, $count) = (0, 0);
while ($at < length $products) {
    $at += unpack 'V', substr $products, $at, 4;
    $count++;
}
is_deeply([ $at, $count ], [ length $products, 20 ], 'plain BSON, one document after another');
my ($db_password) = $ENV{ERP_TEST_MONGO_URL} =~ m{//[^:]+:([^@]+)@};
is(index(slurp($file), $db_password), -1, 'no password of a database is in it');
unlike(`tar xOf $file entry.bson`, qr/db_uri|sealed:/, 'nor a sealed one');
is(system("cd $dir && tar xf $file && sha256sum -c --quiet manifest.sha256"), 0, 'sha256sum agrees');

($status, undef, $err) = ctl('tenant', 'export', 'shop', $file);
is($status, 1, 'a file that is there stays');
like($err, qr/there already/, 'and says so');
is((ctl('tenant', 'export', 'shop', $file, '--force'))[0], 0, 'unless told to replace it');
is((ctl('tenant', 'export', 'nobody', "$dir/no.tar"))[0], 1, 'an unknown tenant');
is((ctl('tenant', 'export', 'shop', "$dir/nowhere/x.tar"))[0], 1, 'a folder that is not there');
is_deeply([ glob "$dir/*.part" ], [], 'nothing half-made is left');
for my $more ('tar.gz', 'tar.zst') {
    is((ctl('tenant', 'export', 'shop', "$dir/shop.$more"))[0], 0, "a $more");
    my ($code, undef, $why) = ctl('tenant', 'verify', "$dir/shop.$more");
    is($code, 0, 'which is sound') or diag $why;
}

# --- verify
($status, my $facts, $err) = ctl('tenant', 'verify', $file);
is($status, 0, 'whole and sound') or diag $err;
is($facts->{tenant_id}, $tenant_id, 'whose it is');
is($facts->{documents}, $made->{documents}, 'how many documents');

# Each region of the file: one byte is changed, at places spread over all of it.
my $good = slurp($file);
my (@passed, @silent);
for my $n (0 .. 119) {
    my $at = int($n * length($good) / 120);
    my $bad = $good;
    substr($bad, $at, 1) = chr(ord(substr $bad, $at, 1) ^ 0x55);
    spew("$dir/bad.tar", $bad);
    my ($code, undef, $why) = $erp->erpctl('tenant', 'verify', "$dir/bad.tar");
    push @passed, $at if $code == 0;
    push @silent, $at if $code != 0 && ($code != 1 || $why !~ /erpctl tenant verify: \S/);
}
# Filling between members is nobody's data.
my @real = grep { !in_filling($good, $_) } @passed;
is_deeply(\@real, [], 'a changed byte is found wherever it is');
is_deeply(\@silent, [], 'and said');
my @whole;
my $sum_at = index $good, '  manifest.json';
for my $n (0 .. 39) {
    spew("$dir/bad.tar", substr $good, 0, int($n * $sum_at / 39));
    push @whole, $n if ($erp->erpctl('tenant', 'verify', "$dir/bad.tar"))[0] != 1;
}
is_deeply(\@whole, [], 'so is a file that ends too early');

# Is this offset in the zeros that fill a tar's blocks?
sub in_filling {
    my ($tar, $offset) = @_;
    my $at = 0;
    while ($at + 512 <= length $tar) {
        my $header = substr $tar, $at, 512;
        return 1 if $header !~ /[^\0]/;
        my $size = oct(substr($header, 124, 11) =~ s/[\0 ].*//r || 0);
        my $end = $at + 512 + $size;
        my $next = $at + 512 + 512 * int(($size + 511) / 512);
        return $offset >= $end if $offset < $next;
        $at = $next;
    }
    return 1;
}

# --- import: refused while the original is there
($status, undef, $err) = ctl('tenant', 'import', $file);
is($status, 1, 'not beside the live one') or diag $err;
like($err, qr/already/, 'and says so');
($status, undef, $err) = ctl('tenant', 'import', $file, '--as', 'other', '--db-name', $erp->db('other'));
is($status, 1, 'nor under another slug');
is_deeply([ map { $_->{slug} } @{ (ctl('tenant', 'list'))[1] } ], ['shop'], 'nothing was begun');

# --- restore beside the live one
my $before = all_of('shop');
my @copy = ('tenant', 'restore', $file, '--as', 'copy', '--admin-email', 'boss@copy.example', '--db-name', $erp->db('copy'), '--generate');
($status, undef, $err) = ctl(@copy[0 .. 4], '--admin-email', $shop->{email}, '--db-name', $erp->db('copy'), '--generate');
is($status, 1, 'an address that is taken');
($status, undef, $err) = ctl(@copy[0 .. 6], '--db-name', $erp->db('shop'), '--generate');
is($status, 1, 'a database that is taken');
is((ctl('tenant', 'restore', "$dir/bad.tar", @copy[3 .. $#copy]))[0], 1, 'a damaged archive');
is(scalar @{ (ctl('tenant', 'list'))[1] }, 1, 'nothing was begun');
($status, my $copy, $err) = ctl(@copy);
is($status, 0, 'restored beside it') or diag $err;
isnt($copy->{tenant_id}, $tenant_id, 'with an id of its own');
my $after = all_of('copy');
my $wanted = $canonical->encode($before);
$wanted =~ s/\Q$tenant_id\E/$copy->{tenant_id}/g;
is($canonical->encode($after), $wanted, 'every document and index is the same but for the id');
my $boss = $erp->login('boss@copy.example', $copy->{password})->{access_token};
is(scalar @{ $erp->get('/api/products', token => $boss)->json }, 20, 'its administrator sees its records');
is($erp->post('/api/products', { name => 'New', sku => 'N', price => 1, cost => 1, stock => 1, category => 'x' }, token => $boss)->status, 200, 'and writes');
is($canonical->encode(all_of('shop')), $canonical->encode($before), 'the original is as it was');
ok($copy->{own_db_user}, 'it has a MongoDB account of its own');
my ($entry) = $erp->mongo_all('admin', doc(find => 'tenants_registry', filter => { slug => 'copy' }));
like($entry->{db_uri}, qr/^sealed:/, 'whose address is sealed');
subtest 'a restored tenant' => sub { isolated_account($erp->_eval, $ENV{ERP_TEST_MONGO_URL}, map { $erp->db($_) } 'copy', 'shop', 'admin', 'users') };

# An account that may not make users is used itself.
$erp->_eval->run('admin', doc(createUser => $erp->db('plain'), pwd => 'plainplain', roles => [ 'readWriteAnyDatabase', 'dbAdminAnyDatabase' ]));
(my $plain_url = $ENV{ERP_TEST_MONGO_URL}) =~ s{//[^@]*@}{'//' . $erp->db('plain') . ':plainplain@'}e;
($status, my $weak, $err) = ctl('tenant', 'restore', $file, '--as', 'weak', '--admin-email', 'boss@weak.example', '--db-name', $erp->db('weak'),
    '--generate', '--uri', $plain_url, '--any-uri');
is($status, 0, 'restored by an account that may make no users') or diag $err;
ok(!$weak->{own_db_user}, '... it works with that account');
is(account_exists($erp->_eval, $erp->db('weak')), 0, '... and nothing is left over');
is(scalar @{ $erp->get('/api/products', token => $erp->login('boss@weak.example', $weak->{password})->{access_token})->json }, 20, '... it serves');
is((ctl('tenant', 'delete', 'weak', '--yes', '--no-export'))[0], 0, '... and goes');

# --- import after a loss, killed at every step on the way
my $audit = all_of('shop_audit');
my ($user) = $erp->mongo_all('users', doc(find => 'users', filter => { tenant_id => $tenant_id }));
sub lose {
    $erp->mongo($_, '{"dropDatabase":1}') for 'shop', 'shop_audit';
    $erp->mongo('users', doc(delete => 'users', deletes => [ doc(q => { tenant_id => $tenant_id }, limit => 0) ]));
    $erp->mongo('admin', doc(delete => 'tenants_registry', deletes => [ doc(q => { slug => 'shop' }, limit => 0) ]));
    ctl('cache', 'clear', 'shop');
}
lose();
is((ctl('tenant', 'import', "$dir/bad.tar"))[0], 1, 'a damaged archive brings nothing back');
for my $step ('import_entry', 'import_account', 'import_data', 'import_audit', 'import_users') {
    is((ctl('tenant', 'import', $file, { env => { ERP_STOP_AFTER => $step } }))[1], undef, "killed after $step");
    my ($now) = $erp->mongo_all('admin', doc(find => 'tenants_registry', filter => { slug => 'shop' }));
    is($now->{status}, 'provisioning', 'serves nobody meanwhile');
}
($status, undef, $err) = ctl('tenant', 'import', "$dir/shop.tar.gz");
is($status, 1, 'another archive does not go on with it');
($status, my $back, $err) = ctl('tenant', 'import', $file);
is($status, 0, 'the same one does, to the end') or diag $err;
is($canonical->encode(all_of('shop')), $canonical->encode($before), 'every document and index is back');
my ($user_back) = $erp->mongo_all('users', doc(find => 'users', filter => { tenant_id => $tenant_id }));
is_deeply($user_back, $user, 'the user too');
my $audit_back = all_of('shop_audit')->{audit_log}{documents};
my %have = map { $_ => 1 } @$audit_back;
my @exported = @{ $audit->{audit_log}{documents} };
cmp_ok(scalar(grep { $have{$_} } @exported), '>=', $made->{audit_entries}, 'and the audit log');
is(scalar @{ $erp->get('/api/products', token => $erp->login($shop->{email}, $shop->{password})->{access_token})->json }, 20, 'it serves again');
subtest 'an imported tenant' => sub { isolated_account($erp->_eval, $ENV{ERP_TEST_MONGO_URL}, map { $erp->db($_) } 'shop', 'copy', 'admin', 'users') };

# --- hostile archives
sub forge {
    my ($name, $change) = @_;
    my $at = "$dir/$name";
    mkdir $at;
    system("tar xf $file -C $at") == 0 or die;
    my @order = grep { !/^manifest/ } split /\n/, `tar tf $file`;
    $change->($at, \@order);
    my @members = map { my $text = slurp("$at/$_") // '';
        my ($at_byte, $n) = (0, 0);
        if (/\.bson$/) { while ($at_byte + 4 <= length $text) { my $len = unpack 'V', substr $text, $at_byte, 4; last if $len < 5; $at_byte += $len; $n++ } }
        { name => $_, bytes => length $text, sha256 => Digest::SHA::sha256_hex($text), /\.bson$/ ? (documents => $n) : () } } @order;
    my $manifest = JSON::PP->new->decode(slurp("$at/manifest.json"));
    $manifest->{members} = \@members;
    spew("$at/manifest.json", JSON::PP->new->encode($manifest));
    spew("$at/manifest.sha256", Digest::SHA::sha256_hex(slurp("$at/manifest.json")) . "  manifest.json\n");
    system('tar', 'cf', "$at.tar", '-P', '-C', $at, @order, 'manifest.json', 'manifest.sha256') == 0 or die;
    return "$at.tar";
}
my $plain = forge('plain', sub { });
is((ctl('tenant', 'verify', $plain))[0], 0, 'one that tar itself made is an archive') or diag((ctl('tenant', 'verify', $plain))[2]);
my %hostile = (
    'a path that leads out' => sub { my ($at, $order) = @_; spew("$dir/evil.bson", ''); push @$order, '../evil.bson' },
    'a member of no known name' => sub { my ($at, $order) = @_; spew("$at/more.txt", 'x'); push @$order, 'more.txt' },
    'a link' => sub { my ($at, $order) = @_; symlink '/etc/passwd', "$at/data/link.bson"; push @$order, 'data/link.bson' },
    'a collection of the server' => sub { my ($at, $order) = @_; spew("$at/data/system.users.bson", ''); push @$order, 'data/system.users.bson' },
    'an entry twice' => sub { my ($at) = @_; spew("$at/entry.bson", slurp("$at/entry.bson") x 2) },
    'a document of impossible length' => sub { my ($at) = @_; spew("$at/data/products.bson", pack('V', 0x7fffffff) . 'x' x 100) },
    'a document that lies about its inside' => sub { my ($at) = @_;
        spew("$at/data/products.bson", pack('V', 24) . "\x03a\0" . pack('V', 99) . "\0" x 12 . "\0") },
    'a document without an _id' => sub { my ($at) = @_; spew("$at/data/products.bson", pack('V', 5) . "\0") },
    'a document that is too deep' => sub { my ($at) = @_;
        my $doc = pack('V', 5) . "\0";
        $doc = pack('V', length($doc) + 8) . "\x03a\0" . $doc . "\0" for 1 .. 500;
        spew("$at/data/products.bson", pack('V', length($doc) + 18) . "\x10_id\0" . pack('V', 1) . "\x03d\0" . $doc . "\0") },
    'a user of the platform' => sub { my ($at) = @_; (my $users = slurp("$at/users/users.bson")) =~ s/tenant_admin/super_admin\0/ ;
        $users =~ s/(role\0)\x0d\0\0\0super_admin\0\0/$1\x0c\0\0\0super_admin\0/; substr($users, 0, 4) = pack 'V', length $users;
        spew("$at/users/users.bson", $users) },
    'a user of another tenant' => sub { my ($at) = @_; my $users = slurp("$at/users/users.bson");
        $users =~ s/\Q$tenant_id\E/Erp::Test::uuid()/e; spew("$at/users/users.bson", $users) },
);
my $n = 0;
for my $what (sort keys %hostile) {
    my $bad = forge('hostile' . $n++, $hostile{$what});
    my ($code, undef, $why) = $erp->erpctl('tenant', 'verify', $bad);
    is($code, 1, "refused: $what") or diag $why;
    like($why, qr/^erpctl tenant verify: .*\S \S/, 'and says why');
    note $why;
}
spew("$dir/noise", join '', map { chr int rand 256 } 1 .. 50000);
is((ctl('tenant', 'verify', "$dir/noise"))[0], 1, 'noise is no archive');
is((ctl('tenant', 'verify', $dir))[0], 1, 'nor is a folder');

$erp->_eval->run('admin', doc(dropUser => $erp->db('plain')));
tidy_accounts($erp);
done_testing;
