# The end of a tenant: refused at once, brought back, removed for good with a receipt.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Temp qw(tempdir);
use File::Path qw(make_path);
use JSON::PP ();
use Erp::Account qw(account_exists);
use Erp::Say qw(spew);
use Erp::Test;

my $erp = Erp::Test->start(workers => 3, login_workers => 2, env => { ERP_TENANT_TTL => 3600 });
my $dir = tempdir('erpd-del.XXXXXX', TMPDIR => 1, CLEANUP => 1);

sub ctl { return $erp->ctl(@_) }
sub entry { return ($erp->mongo_all('admin', doc(find => 'tenants_registry', filter => { slug => $_[0] })))[0] }
sub collections { return map { $_->{name} } $erp->mongo_all($_[0], doc(listCollections => 1, cursor => {})) }

my $shop = $erp->seed_tenant(slug => 'shop');
my $other = $erp->seed_tenant(slug => 'other');
my %token = map { $_->{slug} => $erp->login($_->{email}, $_->{password})->{access_token} } $shop, $other;
for my $slug ('shop', 'other') {
    is($erp->post('/api/products', { name => "P$_", sku => "P-$_", price => 1, cost => 1, stock => 1, category => 'x' },
        token => $token{$slug})->status, 200, "$slug: a product") for 1 .. 3;
}
sub statuses { my ($slug) = @_; return join ' ', map { $erp->get('/api/products', token => $token{$slug})->status } 1 .. 9 }
is(statuses('shop'), join(' ', (200) x 9), 'all workers have the entry');

# --- nothing without a confirmation
my ($status, $made, $err) = ctl('tenant', 'delete', 'shop', { input => "shoo\n" });
is($status, 64, 'another word is no confirmation');
is(entry('shop')->{status}, 'active', 'nothing was done');
is((ctl('tenant', 'delete', 'nobody', '--yes'))[0], 1, 'an unknown tenant');
($status, undef, $err) = ctl('tenant', 'delete', 'shop', '--yes', '--archive', "$dir/nowhere/x.tar");
is($status, 1, 'an archive that cannot be written');
is(entry('shop')->{status}, 'active', 'leaves the tenant as it was');
is(statuses('shop'), join(' ', (200) x 9), 'and working');
is((ctl('tenant', 'undelete', 'shop'))[0], 1, 'nothing to bring back');
is((ctl('tenant', 'purge', 'shop', '--yes'))[0], 1, 'nor to remove');

# --- without grace: nothing is due before there is an archive
is((ctl('tenant', 'delete', 'shop', '--yes', '--grace', 0, '--archive', "$dir/nowhere/x.tar"))[0], 1, 'no grace, and no archive either');
is(entry('shop')->{status}, 'active', 'also leaves the tenant as it was');
is_deeply([ grep { /^(?:delete|purge)/ } keys %{ entry('shop') } ], [], 'with no trace in the entry');
is((ctl('tenant', 'delete', 'shop', '--yes', '--grace', 0, '--archive', "$dir/none.tar", { env => { ERP_STOP_AFTER => 'deleted' } }))[1],
    undef, 'killed before its archive');
is(entry('shop')->{status}, 'deleted', 'refused by now');
is_deeply([ (ctl('tenant', 'purge'))[0, 1] ], [ 0, [] ], 'but not due without an archive');
is((ctl('tenant', 'purge', 'shop', '--yes'))[0], 1, 'nor when it is asked for');
is((ctl('tenant', 'undelete', 'shop'))[0], 0, 'and can be brought back');
is(statuses('shop'), join(' ', (200) x 9), 'and works');
ctl('tenant', 'delete', 'shop', '--yes', '--archive', "$dir/none.tar", { env => { ERP_STOP_AFTER => 'deleted' } });
is((ctl('tenant', 'delete', 'shop', '--yes', '--archive', "$dir/again.tar"))[0], 0, 'or deleted by the same again');
is(entry('shop')->{deleted_from}, 'active', 'which remembers what it was');
is((ctl('tenant', 'undelete', 'shop'))[0], 0, 'brought back');
unlink "$dir/again.tar";

# --- delete
($status, $made, $err) = ctl('tenant', 'delete', 'shop', '--archive', "$dir/shop.tar.gz", { input => "shop\n" });
is($status, 0, 'deleted') or diag $err;
is(statuses('shop'), join(' ', (403) x 9), 'refused by all workers, at once');
is_problem($erp->post('/api/auth/login', { email => $shop->{email}, password => $shop->{password} }), 403, 'tenant_inactive', 'nobody signs in');
is(statuses('other'), join(' ', (200) x 9), 'others work on');
is((ctl('tenant', 'verify', "$dir/shop.tar.gz"))[1]{sha256}, $made->{sha256}, 'there is an archive');
ok(entry('shop')->{purge_after}, 'the time of grace is kept');
is((ctl('tenant', 'delete', 'shop', '--yes'))[0], 1, 'not twice');
is((ctl('tenant', 'activate', 'shop'))[0], 1, 'activate is no way back');
is((ctl('tenant', 'add', 'shop', '--name', 'S', '--type', 'grocery', '--admin-email', 'n@shop.example', '--db-name', $erp->db('new'), '--generate'))[0],
    1, 'its slug is taken');
is((ctl('tenant', 'import', "$dir/shop.tar.gz"))[0], 1, 'also for its own archive');
is((ctl('tenant', 'purge', 'shop', '--yes'))[0], 1, 'too early to remove it');
is_deeply((ctl('tenant', 'purge'))[1], [], 'none is due');

# --- undelete
is((ctl('tenant', 'undelete', 'shop'))[0], 0, 'brought back');
is(statuses('shop'), join(' ', (200) x 9), 'all workers follow');
is_deeply([ grep { /^(?:delete|purge)/ } keys %{ entry('shop') } ], [], 'no trace in the entry');
ctl('tenant', 'suspend', 'shop');
is((ctl('tenant', 'delete', 'shop', '--yes', '--no-export', '--grace', 0))[0], 0, 'deleted, without grace');
is((ctl('tenant', 'undelete', 'shop'))[0], 1, 'too late');

# --- purge, killed at every step
make_path(map { "$erp->{dir}/files/$_->{tenant_id}/settings" } $shop, $other);
spew("$erp->{dir}/files/$_->{tenant_id}/settings/logo_$_->{tenant_id}_0123456789abcdef.png", "\x89PNG\r\n\x1a\n" . 'p' x 92) for $shop, $other;
for my $step ('purge_mark', 'purge_data', 'purge_files', 'purge_users', 'purge_receipt') {
    is((ctl('tenant', 'purge', { env => { ERP_STOP_AFTER => $step } }))[1], undef, "killed after $step");
    is(entry('shop')->{status}, 'deleted', 'the entry still says so');
}
($status, my $gone, $err) = ctl('tenant', 'purge');
is($status, 0, 'purged') or diag $err;
is_deeply([ map { -e "$erp->{dir}/files/$_->{tenant_id}" ? 1 : 0 } $shop, $other ], [0, 1], 'its files are gone, and no others');
is($gone->[0]{slug}, 'shop', 'the one that was due');
cmp_ok($gone->[0]{documents}, '>=', 3, 'counted before anything went') or diag JSON::PP->new->encode($gone);
is($gone->[0]{users}, 1, 'its users too');
is_deeply([@{ $gone->[0] }{qw(files file_bytes)}], [1, 100], 'and its files');
is(entry('shop'), undef, 'no entry');
is_deeply([ collections('shop'), collections('shop_audit') ], [], 'no databases');
is(scalar($erp->mongo_all('users', doc(find => 'users', filter => { tenant_id => $shop->{tenant_id} }))), 0, 'no users');
is(statuses('other'), join(' ', (200) x 9), 'others work on');
my @receipts = $erp->mongo_all('admin_audit', doc(find => 'audit_log', filter => { action => 'tenant_purge', record_id => 'shop' }));
cmp_ok(scalar @receipts, '>=', 1, 'a receipt');
like($receipts[-1]{note}, qr/\Q$shop->{tenant_id}\E.*\b$gone->[0]{documents} documents.* 1 files of 100 bytes, 1 users; no archive/, 'says what is gone');
isnt($erp->get('/api/products', token => $token{shop})->status, 200, 'old tokens stay refused');

# --- the slug is free again, and the archive brings all back
($status, undef, $err) = ctl('tenant', 'import', "$dir/shop.tar.gz");
is($status, 0, 'imported again') or diag $err;
is(scalar @{ $erp->get('/api/products', token => $erp->login($shop->{email}, $shop->{password})->{access_token})->json }, 3, 'with its records');
is(account_exists($erp->_eval, $erp->db('shop')), 2, 'and an account of its own, with its role');
is((ctl('tenant', 'delete', 'shop', '--yes', '--archive', "$dir/again.tar"))[0], 0, 'deleted again');
($status, $gone, $err) = ctl('tenant', 'purge', 'shop', '--now', '--yes');
is($status, 0, 'removed before its time') or diag $err;
is(account_exists($erp->_eval, $erp->db('shop')), 0, 'the account that the import made goes too');
like(($erp->mongo_all('admin_audit', doc(find => 'audit_log', filter => { action => 'tenant_purge' }, sort => { at => -1 })))[0]{note},
    qr/archive SHA-256 $gone->[0]{sha256}/, 'the receipt names the archive');

# --- an account that was made for a tenant goes with it
sub accounts { return scalar @{ $erp->_eval->run('admin', doc(usersInfo => 'erpd_' . $erp->db($_[0])))->{users} } }
is((ctl('tenant', 'add', 'fresh', '--name', 'Fresh', '--type', 'grocery', '--admin-email', 'a@fresh.example', '--db-name', $erp->db('fresh'), '--generate'))[0],
    0, 'a tenant as erpctl makes it');
my $had = accounts('fresh');
($status, undef, $err) = ctl('tenant', 'delete', 'fresh', '--yes', '--archive', "$dir/fresh.tar");
is($status, 0, 'deleted') or diag $err;
($status, undef, $err) = ctl('tenant', 'purge', 'fresh', '--now', '--yes');
is($status, 0, 'purged') or diag $err;
is(accounts('fresh'), 0, "no account is left (there was $had)");
is_deeply([ collections('fresh'), collections('fresh_audit') ], [], 'nor a database');

# --- a database that is not the tenant's own is never dropped
$erp->seed_tenant(slug => 'twin', db_name => $other->{db_name});
$erp->seed_tenant(slug => 'greedy', db_name => $erp->db('users'));
for my $slug ('twin', 'greedy') {
    ctl('tenant', 'delete', $slug, '--yes', '--no-export', '--grace', 0);
    ($status, undef, $err) = ctl('tenant', 'purge', $slug, '--yes');
    is($status, 1, "$slug: refused");
    like($err, qr/Database/, 'and says why');
}
($status, $gone) = ctl('tenant', 'purge');
is($status, 2, 'among others that is told apart');
is(statuses('other'), join(' ', (200) x 9), 'nothing was touched');

# --- backup: one tenant whose server is away costs the others nothing
$erp->seed_tenant(slug => 'away', entry => { db_uri => 'mongodb://127.0.0.1:1/' });
my $to = "$dir/backup";
is((ctl('backup', '--dir', $to))[0], 64, 'backup wants to be told of whom');
($status, my $made_all, $err) = ctl('backup', '--all', '--dir', $to, '--jobs', 3, '--keep', 2);
is($status, 2, 'partly done') or diag $err;
my %of = map { $_->{slug} => $_ } @$made_all;
is_deeply([ sort keys %of ], [ 'away', 'other' ], 'of all that are not deleted');
is($of{away}{status}, 'failed', 'the one is named');
is($of{other}{status}, 'ok', 'the other is there');
is((ctl('tenant', 'verify', $of{other}{file}))[1]{sha256}, $of{other}{sha256}, 'and sound');
ctl('backup', 'other', '--dir', $to, '--keep', 2) for 1 .. 2;
my @kept = glob "$to/other/*";
is(scalar @kept, 2, 'older ones go');
ok(!(grep { $_ eq $of{other}{file} } @kept), 'the oldest first');
is((ctl('backup', 'away', '--dir', $to))[0], 1, 'none at all is a failure');
is_deeply([ glob "$to/away/*" ], [], 'with nothing half-made left');

done_testing;
