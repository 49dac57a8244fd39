# erpctl tenant verify-isolation: nothing to find on a sound service, and a planted leak is found.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Erp::Test;
use Erp::Json qw(from_json);

my $erp = Erp::Test->start(workers => 2);
my %shop = map { $_ => $erp->seed_tenant(slug => $_, entry => { tenant_id => undef }) } qw(north south);
my %token = map { $_ => $erp->login($shop{$_}{email}, $shop{$_}{password})->{access_token} } sort keys %shop;
$erp->post('/api/brands', { name => "Brand of $_" }, token => $token{$_}) for sort keys %shop;

sub verify {
    my (@args) = @_;
    my ($status, $out, $err) = $erp->erpctl('tenant', 'verify-isolation', '--url', $erp->url, '--cacert', $erp->{cert}, @args);
    return ($status, $out, $err);
}

sub leftovers {
    my @found = map { $_->{email} } $erp->mongo_all('users', doc(find => 'users', filter => { isolation_check => \1 }));
    for my $name (qw(north south)) {
        push @found, map { $_->{name} } @{ $erp->mongo($erp->db($name), doc(listCollections => 1, nameOnly => \1,
            filter => { name => { '$regex' => '^isolation_' } }))->{cursor}{firstBatch} };
    }
    return @found;
}

my ($status, $out, $err) = verify('--json');
my $found = from_json($out);
is($status, 0, 'a sound service') or diag $out, $err;
is($found->{tenants}, 2, 'both take part');
cmp_ok($found->{requests}, '>', 20, 'and ask by every route');
is_deeply($found->{leaks}, [], 'no leak');
is_deeply([ leftovers() ], [], 'nothing is left behind');
is(scalar($erp->mongo_all($erp->db('north'), doc(find => 'brands'))), 1, 'business data is as it was');
($status, $out) = verify('north', 'south');
is($status, 0, 'named ones');
like($out, qr/^2 tenants, \d+ requests: 0 leaks/m, 'as text');
is((verify('north'))[0], 1, 'one alone cannot be compared');
is_deeply([ leftovers() ], [], 'nothing is left behind then either');

# --- an entry that points at another's database
$erp->mongo('admin', doc(update => 'tenants_registry', updates => [
    doc(q => { slug => 'south' }, u => { '$set' => { db_name => $erp->db('north') } }) ]));
$erp->erpctl('cache', 'clear');
($status, $out, $err) = verify('--json');
is($status, 1, 'a leak') or diag $out, $err;
my @leaks = @{ (from_json($out) // {})->{leaks} // [] };
ok((grep { $_->{tenant} eq 'south' && $_->{other} eq 'north' && $_->{path} =~ /collections/ } @leaks), 'is found where it shows');
like((verify())[1], qr/^LEAK south: \S+ shows the other's database \(north\)/m, 'and said');
is_deeply([ leftovers() ], [], 'nothing is left behind');
done_testing;
