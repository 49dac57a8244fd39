# erpctl seed: the demo tenants, twice, and never beside real ones.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Erp::Test;

my $erp = Erp::Test->start(workers => 2, login_workers => 1);
my $seeds = $erp->{dir} . '/seeds';
mkdir $seeds or die $!;

# The files of the tree, with databases of this test's own.
my %file;
for my $path (glob "$ENV{ERP_TEST_ROOT}/seeds/*.json") {
    my ($name) = $path =~ m{([^/]+)\.json$};
    my $data = $file{$name} = JSON::PP->new->utf8->decode(Erp::Say::slurp($path));
    my %copy = %$data;
    $copy{tenant} = { %{ $data->{tenant} }, db_name => $erp->db($data->{tenant}{db_name}) } if $data->{tenant};
    Erp::Say::spew("$seeds/$name.json", JSON::PP->new->utf8->canonical->encode(\%copy));
}
is_deeply([ sort keys %file ], [qw(_platform globaltrade mobile pharmacy salon techland)], 'six files');

my ($status, $out, $err) = $erp->erpctl('seed', '--dir', $seeds, '--json');
is($status, 0, 'seeded') or diag $err;
my %made = map { $_->{seeds} => $_ } @{ JSON::PP::decode_json($out) };
cmp_ok($made{techland}{created}, '>', 50, 'techland has data');

# --- everyone signs in where he belongs
my %expect = (
    techland    => [ 'computershop@example.com', 'computershop123', 'computer_techland_db' ],
    globaltrade => [ 'cnf@example.com',          'cnf123',          'cnf_globaltrade_db' ],
    mobile      => [ 'mobile@example.com',       'mobile123',       'mobile_shop_db' ],
    pharmacy    => [ 'pharmacy@example.com',     'pharmacy123',     'pharmacy_healthcare_db' ],
    salon       => [ 'salon@example.com',        'salon123',        'salon_elite_db' ],
);
for my $slug (sort keys %expect) {
    my ($email, $password, $db) = @{ $expect{$slug} };
    is($file{$slug}{tenant}{db_name}, $db, "$slug: database");
    my $in = $erp->login($email, $password);
    is($in->{user}{tenant_slug}, $slug, "$slug: slug");
    my $token = $in->{access_token};
    my $health = $erp->get('/api/health/tenant', token => $token)->json;
    is($health->{database_name}, $erp->db($db), "$slug: works in its database");
    my $products = $erp->get('/api/products', token => $token)->json;
    if ($slug eq 'globaltrade') { is(scalar(grep { $_->{brand_id} } @$products), 0, "$slug sells no goods, but services") }
    else                        { cmp_ok(scalar @$products, '>=', 20, "$slug: 20 products and more") }
    my %id = map { $_->{id} => 1 } @{ $erp->get('/api/categories', token => $token)->json };
    ok(!(grep { defined $_->{category_id} && !$id{ $_->{category_id} } } @$products), "$slug: references hold");
    for my $list (qw(branches customers)) {
        ok(@{ $erp->get("/api/$list", token => $token)->json } >= 2, "$slug: $list");
    }
    is($erp->get('/api/settings', token => $token)->json->{website_name},
       $file{$slug}{tenant}{business_name}, "$slug: settings");
    for my $user (@{ $file{$slug}{users} }) {
        is($erp->post('/api/auth/login', { email => $user->{email}, password => $user->{password} })->status, 200,
           "$user->{email} signs in");
    }
}
my $super = $erp->login('superadmin@erp.com', 'admin123');
is($super->{user}{role}, 'super_admin', 'the super admin');
is($super->{user}{tenant_slug}, undef, 'who has no tenant');

# --- again
sub contents {
    my %all;
    for my $slug (sort keys %expect) {
        my $db = $erp->db($expect{$slug}[2]);
        for my $c (qw(products categories brands branches customers settings audit_log)) {
            my $in = $c eq 'audit_log' ? "${db}_audit" : $db;
            $all{"$slug.$c"} = [ map { join '|', map { $_ // '' } @$_{qw(id _rev name)} }
                $erp->mongo_all($in, doc(find => $c, sort => { id => 1 }, batchSize => 1000)) ];
        }
    }
    return \%all;
}
my $before = contents();
($status, $out) = $erp->erpctl('seed', '--dir', $seeds, '--json');
is($status, 0, 'seeded again');
is_deeply([ map { $_->{created} } @{ JSON::PP::decode_json($out) } ], [ (0) x 6 ], 'nothing was made');
is_deeply(contents(), $before, 'nothing was changed');

# --- the documented indexes
for my $want ([ products => 'tenant_id:1,branch_id:1' ], [ customers => 'tenant_id:1,email:1' ]) {
    my ($c, $keys) = @$want;
    my @names = $erp->mongo_all($erp->db('computer_techland_db'), doc(listIndexes => $c));
    ok((grep { $_->{name} eq join '_', split /[:,]/, $keys } @names), "$c {$keys}");
}

# --- beside a real tenant it refuses, unless told otherwise
$erp->seed_tenant(slug => 'realshop');
($status, undef, $err) = $erp->erpctl('seed', '--dir', $seeds);
is($status, 1, 'refused beside a tenant that it did not make');
like($err, qr/realshop/, 'which is named');
is(($erp->erpctl('seed', '--dir', $seeds, '--force'))[0], 0, 'unless told --force');

my ($left) = $erp->mongo_all('admin', doc(find => 'tenants_registry', filter => { slug => 'realshop' }));
ok(!$left->{seeded}, 'which stays as it was');

# --- an entry of the same name that was not seeded is nobody's playground
$erp->mongo('admin', doc(update => 'tenants_registry', updates => [
    doc(q => { slug => 'mobile' }, u => { '$unset' => { seeded => 1 } }) ]));
$erp->mongo($erp->db($expect{mobile}[2]), doc(delete => 'products', deletes => [ doc(q => {}, limit => 0) ]));
($status, $out, $err) = $erp->erpctl('seed', '--dir', $seeds, '--force', '--only', 'mobile');
is($status, 2, 'it is left alone');
like($err, qr/mobile.*left alone/, 'and said so');
is(scalar(() = $erp->mongo_all($erp->db($expect{mobile}[2]), doc(find => 'products'))), 0, 'nothing was put into its database');
is(($erp->erpctl('seed', '--dir', $seeds, '--force', '--only', 'nobody'))[0], 1, 'seeds that are not there');

# --- a seed that the engine refuses
$file{salon}{records}{products}[0]{price} = 'cheap';
$file{salon}{records}{products}[0]{_key} = 'a-new-one';
Erp::Say::spew("$seeds/salon.json", JSON::PP->new->utf8->encode({ %{ $file{salon} },
    tenant => { %{ $file{salon}{tenant} }, db_name => $erp->db('salon_elite_db') } }));
($status, undef, $err) = $erp->erpctl('seed', '--dir', $seeds, '--force', '--only', 'salon');
is($status, 1, 'a bad record is refused');
like($err, qr/number/, 'with the engine\'s own words');
done_testing;
