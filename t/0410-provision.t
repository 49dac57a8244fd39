# Setting up a tenant: stopped after every step and asked for again it finishes, with nothing left
# over; and the database itself keeps tenants apart.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use POSIX ();
use Time::Piece ();
use Erp::Test;
use Erp::Json qw(from_json);
use Erp::MongoEval;

my $erp = Erp::Test->start(workers => 2);
my @steps = qw(entry account settings admin audit active);

sub add {
    my ($slug, @more) = @_;
    my %opt = ref $more[-1] ? %{ pop @more } : ();
    my ($status, $out, $err) = $erp->erpctl('tenant', 'add', $slug, '--name', ucfirst $slug, '--type', 'grocery',
        '--admin-email', "owner\@$slug.example", '--db-name', $erp->db($slug), '--json', @more, \%opt);
    return ($status, from_json($out), $err, $out);
}

sub root   { return $erp->mongo('admin', $_[0]) }
sub entries { return $erp->mongo_all('admin', doc(find => 'tenants_registry', filter => { slug => $_[0] })) }
sub accounts { return $erp->mongo_all('users', doc(find => 'users', filter => { email => "owner\@$_[0].example" })) }
my $eval = Erp::MongoEval->new($ENV{ERP_TEST_EVAL}, $ENV{ERP_TEST_MONGO_ROOT_URL});

sub counts {
    my ($slug) = @_;
    my $name = 'erpd_' . $erp->db($slug);
    return {
        entries  => scalar(entries($slug)),
        accounts => scalar(accounts($slug)),
        users    => scalar @{ $eval->run('admin', doc(usersInfo => $name))->{users} },
        roles    => scalar @{ $eval->run('admin', doc(rolesInfo => $name))->{roles} },
        settings => scalar($erp->mongo_all($erp->db($slug), doc(find => 'settings'))),
    };
}
my $one_of_each = { entries => 1, accounts => 1, users => 1, roles => 1, settings => 1 };

sub set_password {
    my ($link, $password) = @_;
    my ($token) = $link =~ /#(.+)/;
    return $erp->post('/api/auth/set-password', { token => $token, password => $password });
}

# --- stopped after every step
for my $step (@steps) {
    my $slug = "at$step";
    my ($status, $made, $err, $out) = add($slug, { env => { ERP_STOP_AFTER => $step } });
    is($out, '', "stopped after $step");
    my ($entry) = entries($slug);
    is($entry->{status}, $step eq 'active' ? 'active' : 'provisioning', 'the entry says how far it is');
    if ($step eq 'active') {
        is_deeply(counts($slug), $one_of_each, 'one of each');
        next;
    }
    ($status, undef, $err) = add($slug, '--db-name', $erp->db('elsewhere'));
    is($status, 1, 'another database is not the same');
    like($err, qr/another database/, 'and is told so');
    ($status, $made, $err) = add($slug);
    is($status, 0, 'the same again finishes') or diag $err;
    ok($made->{resumed}, 'and says that it went on');
    is($made->{tenant_id}, $entry->{tenant_id}, 'with the same tenant_id');
    is_deeply(counts($slug), $one_of_each, 'one of each');
    ($entry) = entries($slug);
    is($entry->{status}, 'active', 'it is active');
    ok(!exists $entry->{provisioning}, 'nobody is at it');
    like($entry->{db_uri}, qr/^sealed:/, 'its address is sealed');
    is(set_password($made->{password_link}, "a phrase for $slug")->status, 200, 'the link sets the password');
    my $token = $erp->login("owner\@$slug.example", "a phrase for $slug")->{access_token};
    is($erp->get('/api/settings', token => $token)->json->{website_name}, ucfirst $slug, 'its admin works there');
    is($erp->post('/api/brands', { name => 'A brand' }, token => $token)->status, 200, 'and writes');
}
my ($status, undef, $err) = add('atactive');
is($status, 1, 'a tenant that is there is not made again');
like($err, qr/There is a tenant atactive already/, 'and says so');

# --- the link
($status, my $made, $err) = add('linked');
is($status, 0, 'a tenant') or diag $err;
ok($made->{own_db_user}, 'with a MongoDB user of its own');
is_deeply((entries('linked'))[0]{features_enabled}, [qw(pos inventory analytics dues returns expenses offers pricing grocery)], 'and the modules of its type');
is((add('picked', '--features', 'pos,offers'))[0], 0, 'or those that are named');
is_deeply((entries('picked'))[0]{features_enabled}, [qw(pos offers)], '... and no others');
($status, undef, $err) = add('nocows', '--features', 'pos,cows');
is($status, 1, 'a module that is none');
like($err, qr/cows/, '... is named');
is_deeply([ entries('nocows') ], [], '... and nothing is made');
ok(!exists $made->{password}, 'no password is made up');
is_problem($erp->post('/api/auth/login', { email => 'owner@linked.example', password => 'anything at all' }), 401,
    'bad_credentials', 'nobody signs in before it is used');
is_problem(set_password($made->{password_link}, 'short'), 422, 'validation', 'the rules for passwords hold');
is_problem(set_password($made->{password_link} . '0', 'a long enough phrase'), 401, 'token_invalid', 'a wrong link');
is_problem(set_password('x#nonsense', 'a long enough phrase'), 401, 'token_invalid', 'no link at all');
is(set_password($made->{password_link}, 'a long enough phrase')->status, 200, 'used');
is_problem(set_password($made->{password_link}, 'another long phrase'), 401, 'token_invalid', 'not twice');
ok($erp->login('owner@linked.example', 'a long enough phrase')->{access_token}, 'the password works');
($status, $made) = add('late');
$erp->mongo('users', doc(update => 'users', updates => [ doc(q => { email => 'owner@late.example' },
    u => { '$set' => { 'password_link.expires_at' => { '$date' => '2020-01-01T00:00:00Z' } } }) ]));
is_problem(set_password($made->{password_link}, 'a long enough phrase'), 401, 'token_invalid', 'an old link');

# --- over the wire
$erp->seed_user(email => 'super@platform.example', password => 'a super phrase', role => 'super_admin');
my $super = $erp->login('super@platform.example', 'a super phrase')->{access_token};
my $tag = substr $erp->{prefix}, 0, -1;
$tag =~ s/_/-/g;    # the database's name follows from the slug
my %shop = (name => "Shop $tag", email => 'owner@wire.example', business_type => 'grocery', max_users => 3);
is_problem($erp->post('/api/tenants', { %shop, admin_password => 'short' }, token => $super), 422, 'validation', 'a poor password');
is_problem($erp->post('/api/tenants', { %shop, business_type => 'A Shop' }, token => $super), 422, 'validation', 'no type');
my $cows = $erp->post('/api/tenants', { %shop, features_enabled => [qw(pos cows)] }, token => $super);
is_problem($cows, 422, 'validation', 'no such module');
is($cows->json->{errors}[0]{field}, 'features_enabled', 'it is named');
is_problem($erp->post('/api/tenants', { %shop, email => 'owner@linked.example' }, token => $super), 409, 'duplicate', 'the administrator of another');
my $res = $erp->post('/api/tenants', \%shop, token => $super);
is($res->status, 200, 'POST /api/tenants') or diag $res->brief;
my $shop = $res->json;
is($shop->{slug}, "shop-$tag", 'the slug is made of the name');
is($shop->{database_name}, "grocery_shop-${tag}_db", 'the database has the usual name');
is_deeply([ @$shop{qw(name email business_type is_active status id)} ],
    [ @shop{qw(name email business_type)}, JSON::PP::true, 'active', $shop->{tenant_id} ], 'as clients know it');
my @grocery = qw(pos inventory analytics dues returns expenses offers pricing grocery);
is_deeply($shop->{modules_enabled}, \@grocery, 'with the modules of its type');
is(set_password($shop->{password_link}, 'the owner sets it')->status, 200, 'its link works');
my $owner = $erp->login('owner@wire.example', 'the owner sets it')->{access_token};
is($erp->get('/api/settings', token => $owner)->status, 200, 'the owner works');
is_problem($erp->post('/api/tenants', \%shop, token => $super), 409, 'duplicate', 'not twice');
is_problem($erp->get('/api/tenants', token => $owner), 403, 'role_forbidden', 'no list for an owner');
my $list = $erp->get('/api/tenants', token => $super)->json;
ok((grep { $_->{tenant_id} eq $shop->{tenant_id} && !defined $_->{password_link} } @$list), 'it is on the list');
unlike($erp->get('/api/tenants', token => $super)->body, qr/sealed:|mongodb:/, 'which shows no address');
my $next = $erp->get('/api/tenants?limit=1', token => $super);
is(scalar @{ $next->json }, 1, 'one at a time');
like($next->header('Link'), qr/rel="next"/, 'with a link to the next');
my $place = "/api/super/tenants/$shop->{tenant_id}";
my $stats = $erp->get("$place/stats", token => $super)->json;
is_deeply([ @$stats{qw(tenant_slug sales_count total_sales today_count recent_sales)} ], [ $shop->{slug}, 0, 0, 0, [] ], 'stats of a new one');
my $now = { '$date' => POSIX::strftime('%Y-%m-%dT%H:%M:%SZ', gmtime) };
$eval->run($shop->{database_name}, doc(insert => 'sales', documents => [ map { {
    id => Erp::Test::uuid(), tenant_id => $shop->{tenant_id}, status => $_->[0], total => { '$numberDecimal' => $_->[1] },
    created_at => $_->[2] } } [ 'completed', '10.50', { '$date' => '2020-01-01T00:00:00Z' } ], [ 'completed', '2.25', $now ],
    [ 'cancelled', '99.00', $now ] ]));
$stats = $erp->get("$place/stats", token => $super)->json;
is_deeply([ @$stats{qw(sales_count total_sales today_count today_sales)} ], [ 2, 12.75, 1, 2.25 ], 'what was sold');
is(scalar @{ $stats->{recent_sales} }, 1, 'and lately');
is_problem($erp->patch("$place/status", { status => 'gone' }, token => $super), 422, 'validation', 'no such status');
is_problem($erp->patch('/api/super/tenants/nobody/status', { status => 'active' }, token => $super), 404, 'tenant_not_found', 'no such business');
is($erp->patch("$place/status", { status => 'suspended', reason => 'invoice' }, token => $super)->json->{is_active}, JSON::PP::false, 'suspended');
is_problem($erp->get('/api/settings', token => $owner), 403, 'tenant_inactive', 'at once');
is($erp->patch("$place/status", { status => 'active' }, token => $super)->json->{status}, 'active', 'active');
is($erp->get('/api/settings', token => $owner)->status, 200, 'works again');
is($erp->patch("$place/status", { status => 'deleted' }, token => $super)->json->{status}, 'deleted', 'deleted');
my ($gone) = entries($shop->{slug});
my $age = sub { Time::Piece->strptime($_[0]{'$date'} =~ s/[.Z].*//r, '%Y-%m-%dT%H:%M:%S')->epoch };
is($age->($gone->{purge_after}) - $age->($gone->{deleted_at}), 30 * 86400, 'with a time of grace');
is($gone->{deleted_from}, 'active', 'and the way back');
is_problem($erp->patch("$place/status", { status => 'deleted' }, token => $super), 409, 'illegal_transition', 'not twice');
is($erp->patch("$place/status", { status => 'active' }, token => $super)->json->{status}, 'active', 'back, within its time of grace');
is_deeply([ grep { /^(?:delete|purge)/ } keys %{ (entries($shop->{slug}))[0] } ], [], 'no trace in the entry');
is($erp->get('/api/settings', token => $owner)->status, 200, 'and working');
$erp->patch("$place/status", { status => 'deleted' }, token => $super);
$erp->mongo('admin', doc(update => 'tenants_registry', updates => [ doc(q => { slug => $shop->{slug} },
    u => { '$set' => { purge_after => { '$date' => '2020-01-01T00:00:00Z' } } }) ]));
is_problem($erp->patch("$place/status", { status => 'active' }, token => $super), 409, 'illegal_transition', 'not after it');
$eval->run($shop->{database_name} . $_, '{"dropDatabase":1}') for '', '_audit';
$eval->run('admin', doc("drop$_" => "erpd_$shop->{database_name}")) for qw(User Role);

# --- refused, and nothing changed
my $before = scalar $erp->mongo_all('admin', doc(find => 'tenants_registry'));
for my $case ([ 'owner@linked.example is a user already, of tenant linked|administers tenant linked', 'twin', '--admin-email', 'owner@linked.example' ],
              [ 'is that of tenant linked', 'twin', '--db-name', $erp->db('linked') ],
              [ 'link-local', 'twin', '--uri', 'mongodb://169.254.169.254/' ],
              [ 'license', 'twin', '--license', 'gold' ],
              [ 'type', 'twin', '--type', 'Grocery!' ]) {
    my ($why, @args) = @$case;
    my ($status, undef, $err) = add(@args);
    is($status, 1, "refused: @args[1 .. 2]");
    like($err, qr/$why/, 'and says why');
}
is(scalar $erp->mongo_all('admin', doc(find => 'tenants_registry')), $before, 'nothing was added');
is(scalar @{ $eval->run('admin', doc(usersInfo => 'erpd_' . $erp->db('twin')))->{users} }, 0, 'no account either');

# --- two at once: one wins
my @pids = map { $erp->spawn_erpctl("race$_", qw(tenant add race --name Race --type grocery --admin-email owner@race.example --json --db-name), $erp->db('race')) } 1, 2;
my @ended = map { waitpid $_, 0; $? >> 8 } @pids;
is_deeply([ sort @ended ], [ 0, 1 ], 'of two that add the same tenant one wins') or diag "@ended";
is_deeply(counts('race'), $one_of_each, 'and there is one of each');

# --- an account that may not make users
$eval->run('admin', doc(createUser => $erp->db('plain'), pwd => 'plainplain', roles => ['readWriteAnyDatabase']));
(my $plain = $ENV{ERP_TEST_MONGO_URL}) =~ s{//[^@]*@}{'//' . $erp->db('plain') . ':plainplain@'}e;
($status, $made, $err) = add('plain', '--uri', $plain);
is($status, 0, 'is used itself') or diag $err;
ok(!$made->{own_db_user}, 'which the result says');
like($err, qr/may not make users/, 'and the command');
is(scalar @{ $eval->run('admin', doc(rolesInfo => 'erpd_' . $erp->db('plain')))->{roles} }, 0, 'no role is left over');
is(set_password($made->{password_link}, 'a long enough phrase')->status, 200, 'the tenant');
my $token = $erp->login('owner@plain.example', 'a long enough phrase')->{access_token};
is($erp->get('/api/settings', token => $token)->status, 200, 'works');
$eval->run('admin', doc(dropUser => $erp->db('plain')));

# --- what the database lets a tenant's account do
my $own = $erp->db('linked');
$eval->run('admin', doc(updateUser => "erpd_$own", pwd => 'known'));
(my $url = $ENV{ERP_TEST_MONGO_URL}) =~ s{//[^@]*@}{//erpd_$own:known\@};
my $tenant = Erp::MongoEval->new($ENV{ERP_TEST_EVAL}, $url);
my $refused = sub {
    my ($db, $command, $name) = @_;
    my $reply = $tenant->try($db, $command);
    is($reply->{code}, 13, "refused: $name") or diag JSON::PP->new->encode($reply);
};
my $allowed = sub {
    my ($db, $command, $name) = @_;
    my $reply = $tenant->try($db, $command);
    ok($reply->{ok}, "allowed: $name") or diag JSON::PP->new->encode($reply);
};
my $insert = sub { return doc(insert => $_[0], documents => [ { a => 1 } ]) };
my $update = sub { return doc(update => $_[0], updates => [ doc(q => {}, u => { '$set' => { a => 2 } }) ]) };
my $delete = sub { return doc(delete => $_[0], deletes => [ doc(q => {}, limit => 0) ]) };
for my $other ($erp->db('late'), $erp->db('late') . '_audit', $erp->db('admin'), $erp->db('users'), 'admin_hub', 'erp_database', 'admin', 'local') {
    (my $short = $other) =~ s/^\Q$erp->{prefix}\E//;
    $refused->($other, doc(find => 'users'), "$short: find");
    $refused->($other, $insert->('x'), "$short: insert");
    $refused->($other, $update->('x'), "$short: update");
    $refused->($other, $delete->('x'), "$short: delete");
    $refused->($other, doc(listCollections => 1), "$short: list") if $short ne 'admin' || $other ne 'admin';
    $refused->($other, doc(dropDatabase => 1), "$short: drop");
}
$refused->('admin', doc(createUser => 'more', pwd => 'x', roles => []), 'make users');
$allowed->($own, $insert->('probe'), 'insert of its own');
$allowed->($own, $update->('probe'), 'update');
$allowed->($own, doc(find => 'probe'), 'find');
$allowed->($own, $delete->('probe'), 'delete');
$allowed->($own, doc(createIndexes => 'probe', indexes => [ doc(key => { a => 1 }, name => 'a') ]), 'indexes');
$allowed->("${own}_audit", $insert->('audit_log'), 'insert into its audit log');
$allowed->("${own}_audit", doc(find => 'audit_log'), 'read it');
$refused->("${own}_audit", $update->('audit_log'), 'change it');
$refused->("${own}_audit", $delete->('audit_log'), 'remove from it');
$refused->("${own}_audit", doc(drop => 'audit_log'), 'drop it');
$refused->("${own}_audit", doc(dropDatabase => 1), 'drop its database');
$tenant->close;
$eval->run('admin', doc(dropUser => $_->{user})), $eval->run('admin', doc(dropRole => $_->{user}))
    for grep { index($_->{user}, "erpd_$erp->{prefix}") == 0 } @{ $eval->run('admin', doc(usersInfo => 1))->{users} };
$eval->close;
done_testing;
