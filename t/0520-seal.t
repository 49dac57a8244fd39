# Database addresses at rest: sealed by command, opened for their own tenant alone, moved to a new
# key without a pause; and nothing that is printed, logged or answered shows the password.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Temp qw(tempdir);
use Erp::Proc qw(random_text);
use Erp::Say qw(slurp spew);
use Erp::Test;

my $keys = tempdir('erpd-k.XXXXXX', TMPDIR => 1, CLEANUP => 1) . '/keys';
my ($old, $new) = map { random_text(32) } 1, 2;
spew($keys, "$old\n", 0600);
my $erp = Erp::Test->start(workers => 2, login_workers => 1, env => { ERP_SEAL_KEY_FILE => $keys, ERP_TENANT_TTL => 3600 });
my $uri = $ENV{ERP_TEST_MONGO_URL};
my ($password) = $uri =~ m{//[^:]+:([^@]+)@};
ok defined $password, 'the database has a password';
my $shown = '';    # everything that anybody got to see

sub ctl {
    my ($status, $data, $err, $out) = $erp->ctl(@_);
    $shown .= $out . $err;
    return ($status, $data, $err);
}

sub stored {
    my ($slug) = @_;
    my ($entry) = $erp->mongo_all('admin', doc(find => 'tenants_registry', filter => { slug => $slug }));
    return $entry->{db_uri};
}

sub store {
    my ($slug, $text) = @_;
    $erp->mongo('admin', doc(update => 'tenants_registry', updates => [
        doc(q => { slug => $slug }, u => { '$set' => { db_uri => $text } }) ]));
    return ctl('cache', 'clear', $slug);
}

sub ask {
    my ($t, $path) = @_;
    my $res = $erp->get($path // '/api/products', token => $t->{token});
    $shown .= $res->body // '';
    return $res;
}
sub statuses { my ($t) = @_; return join ' ', map { ask($t)->status } 1 .. 6 }
my $served = join ' ', (200) x 6;

my %t;
for my $slug (qw(first second)) {
    $t{$slug} = $erp->seed_tenant(slug => $slug);
    $t{$slug}{token} = $erp->login($t{$slug}{email}, $t{$slug}{password})->{access_token};
    is($erp->post('/api/products', { name => "Of $slug", sku => $slug, price => 1, cost => 1 }, token => $t{$slug}{token})->status,
        200, "$slug has a product");
}
is(stored('first'), $uri, 'written by hand: plain');
is(statuses($t{first}), $served, '... and served');

# --- sealing
my ($status, $done, $err) = ctl('seal', 'first');
is($status, 0, 'erpctl seal SLUG') or diag $err;
is($done->{sealed}, 1, '... says what it did');
my $sealed = stored('first');
like($sealed, qr/\Asealed:1:[0-9a-f]{8}:[A-Za-z0-9_-]+\z/, '... the entry is sealed');
is(stored('second'), $uri, '... no other is');
is(statuses($t{first}), $served, 'the workers go on');
like(ask($t{first})->body, qr/Of first/, '... with the data of the tenant');
is((ctl('seal', 'first'))[1]{unchanged}, 1, 'a second time changes nothing');
is(stored('first'), $sealed, '... not a byte');
is((ctl('seal', '--all'))[1]{sealed}, 1, 'seal --all does what is left');
like(stored('second'), qr/\Asealed:1:/, '... the other tenant');
is(statuses($t{second}), $served, '... is served on');
($status, $done) = ctl('tenant', 'add', 'third', '--name', 'Third', '--type', 'shop', '--admin-email', 'a@third.example',
    '--db-name', $erp->db('third'), '--generate');
is($status, 0, 'erpctl tenant add');
like(stored('third'), qr/\Asealed:1:/, '... stores a sealed address');
my $third = $done->{password};
ok($t{third}{token} = $erp->login('a@third.example', $third)->{access_token}, '... and its admin signs in');
is(statuses($t{third}), $served, '... and works');
is((ctl('tenant', 'add', 'fourth', '--name', 'F', '--type', 'shop', '--admin-email', 'a@fourth.example',
    '--db-name', $erp->db('first'), '--generate'))[0], 1, 'a database in use is recognised, though sealed');
for my $args (['seal'], ['seal', 'first', '--all'], ['rekey', 'first']) {
    is((ctl(@$args))[0], 64, "used wrongly: @$args");
}
is((ctl('seal', 'nobody'))[0], 1, 'an unknown tenant');

# --- what operators see
my $show = (ctl('tenant', 'show', 'first'))[1];
like($show->{db_host}, qr/\A[\w.,:\[\]-]+\z/, 'tenant show: the host');
is($show->{db_key}, (split /:/, $sealed)[2], '... and the key');
is_deeply([map { $_->{db_host} } @{ (ctl('tenant', 'list'))[1] }], [($show->{db_host}) x 3], 'tenant list: the hosts');
is((ctl('check'))[0], 0, 'check: all well');
is((ctl('check', 'first'))[0], 0, 'check SLUG connects');

# --- a sealed address belongs to its tenant
store('second', $sealed);
for (1 .. 4) {
    my $res = ask($t{second});
    is_problem($res, 503, 'database_not_configured', 'copied to another tenant: refused');
    unlike($res->body, qr/Of /, '... without data');
}
my $res = $erp->post('/api/auth/login', { email => $t{second}{email}, password => $t{second}{password} });
$shown .= $res->body;
is_problem($res, 503, 'database_not_configured', '... signing in too');
is((ctl('check'))[0], 1, 'check finds it');
($status, $done) = ctl('seal', '--all');
is($status, 2, 'seal --all passes it over and says so');
is(stored('second'), $sealed, '... left as it is');
is((ctl('tenant', 'list'))[0], 0, 'tenant list still lists');
is(statuses($t{first}), $served, 'the others are served');
(my $flipped = $sealed) =~ s/(.)(.{9})\z/($1 eq 'A' ? 'B' : 'A') . $2/e;
store('first', $flipped);
is_problem(ask($t{first}), 503, 'database_not_configured', 'tampered with: refused');
store('first', $sealed);
store('second', $uri);
is(statuses($t{$_}), $served, "$_ works again") for qw(first second);

# --- a new key
my %no = (SECRET_KEY_FILE => '', ERP_SEAL_KEY_FILE => '');
($status, undef, $err) = ctl('seal', '--all', { env => \%no });
is($status, 78, 'without a key nothing is sealed');
like($err, qr/ERP_SEAL_KEY/, '... and it says what is missing');
is((ctl('rekey', { env => \%no }))[0], 78, '... nor re-sealed');
is((ctl('tenant', 'add', 'fifth', '--name', 'F', '--type', 'shop', '--admin-email', 'a@fifth.example', '--db-name',
    $erp->db('fifth'), '--generate', { env => \%no }))[0], 78, '... nor added');
is(stored('second'), $uri, '... nor changed');
spew($keys, "$new $old\n", 0600);
ok($erp->reload, 'workers with both keys');
is(statuses($t{$_}), $served, "$_ is served") for qw(first second third);
($status, $done, $err) = ctl('rekey');
is($status, 0, 'erpctl rekey') or diag $err;
is("$done->{resealed} $done->{sealed} $done->{unchanged}", '2 1 0', '... what was sealed, and what was plain');
is((split /:/, stored($_))[2], $done->{key}, "$_ has the new key") for qw(first second third);
is((ctl('rekey'))[1]{unchanged}, 3, 'a second time changes nothing');
is(statuses($t{$_}), $served, "$_ is served on") for qw(first second third);
spew($keys, "$new\n", 0600);
ok($erp->reload, 'workers without the old key');
is(statuses($t{$_}), $served, "$_ does not miss it") for qw(first second third);
store('first', $sealed);
is_problem(ask($t{first}), 503, 'database_not_configured', 'what the old key sealed does not open any more');
is((ctl('rekey'))[0], 2, '... which rekey says');
like(ask($t{second})->body, qr/Of second/, 'the others do not care');

# --- nobody saw the password
my @logs = glob "$erp->{log}/*.log";
my $logged = join '', map { slurp($_) // '' } @logs;
like($logged, qr/event=seal_refused tenant=second key=[0-9a-f]{8} why="does not open"/, 'logged: tenant, key and why');
like($logged, qr/tenant=first key=[0-9a-f]{8} why="unknown key"/, 'logged: a key that is not here');
cmp_ok(length $shown, '>', 3000, 'output was gathered');
for my $secret ($password, $old, $new) {
    is(index($logged, $secret), -1, 'no log shows a secret');
    is(index($shown, $secret), -1, 'no output and no reply shows a secret');
}
# What every test looks for, in logs, in what programs print and in replies, would be found.
{
    local $erp->{shown};
    $erp->look_for_secrets('a log', 'level=info uri=mongodb://shop:***@db.example/');
    is_deeply($erp->{shown}, [], 'an address without its password is fine');
    $erp->look_for_secrets('a log', 'level=info uri=mongodb://shop:hunter2@db.example/');
    $erp->look_for_secrets('a reply', '{"key":"' . $erp->{jwt_secret} . '"}');
    is(scalar @{ $erp->{shown} }, 2, 'passwords and keys would be found');
}

done_testing;
