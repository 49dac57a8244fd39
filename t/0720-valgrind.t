# Workers under valgrind: what the sanitizers of the other tests do not see, the use of values that
# nobody wrote. One of each pool serves every kind of request, good and bad, and ends in order.
use Erp::Test;
use File::Temp ();
use Erp::Say qw(slurp spew);

my $dir = File::Temp::tempdir('erpd-v.XXXXXX', TMPDIR => 1, CLEANUP => 1);
spew("$dir/erpd", <<"END");
#!/bin/sh
exec valgrind --quiet --log-file=$dir/%p.log --leak-check=full --show-leak-kinds=definite \\
    --errors-for-leak-kinds=definite --trace-children=no '$ENV{ERP_TEST_DEVEL_BIN}/erpd' "\$@"
END
chmod 0755, "$dir/erpd" or die "chmod: $!\n";

my $erp = Erp::Test->start(workers => 1, login_workers => 1, erpd => "$dir/erpd", wait => 120);
my $shop = $erp->seed_tenant(slug => 'checked');
my $other = $erp->seed_tenant(slug => 'other');
my $token = $erp->login($shop->{email}, $shop->{password})->{access_token};
my @as = (token => $token);
my @pids = ($erp->pids('main'), $erp->pids('login'));

# What is answered, from the outside; what memory did meanwhile is read at the end.
sub gives {
    my ($status, $method, $path, @how) = @_;
    return is($erp->request($method, $path, @as, @how)->status, $status, "$method $path: $status");
}

is($erp->post('/api/auth/login', { email => $shop->{email}, password => 'wrong-password' })->status, 401, 'a wrong password');
gives(200, 'GET', '/api/auth/me');
gives(200, 'GET', '/api/health/tenant');
gives(200, 'GET', '/api/openapi.json');
my $made = $erp->post('/api/products', { name => 'Rice', price => 12.5, sku => 'R-1' }, @as);
is $made->status, 200, 'a product is made';
my $id = $made->json->{id};
is($erp->post('/api/products', { name => "Salt $_", price => $_ }, @as)->status, 200, "product $_") for 1 .. 5;
gives(200, 'GET', '/api/products');
gives(200, 'GET', '/api/products?limit=2&sort=-price&q=sal&fields=id,name', headers => { Prefer => 'count=exact' });
my ($next) = $erp->get('/api/products?limit=2', @as)->header('link') =~ /<([^>]+)>/;
gives(200, 'GET', $next =~ s{^https?://[^/]+}{}r);
gives(200, 'GET', "/api/products/$id");
gives(304, 'GET', "/api/products/$id", headers => { 'If-None-Match' => $made->header('etag') });
gives(412, 'PATCH', "/api/products/$id", json => { name => 'x' }, headers => { 'If-Match' => '"none"' });
gives(200, 'PATCH', "/api/products/$id", json => { name => 'Fine rice', price => 13 });
gives(200, 'PUT', "/api/products/$id", json => { name => 'Rice', price => 14, unknown => 1 });
gives(422, 'POST', '/api/products', json => { name => '', price => -1, sku => [] });
gives(400, 'POST', '/api/products', body => '{"name":', type => 'application/json');
gives(415, 'POST', '/api/products', body => 'x', type => 'text/plain');
gives(400, 'GET', '/api/products?nothing=here');
gives(404, 'GET', '/api/products/0192d3f0-0000-7000-8000-000000000000');
gives(404, 'GET', '/api/none');
gives(405, 'DELETE', '/api/products');
gives(200, 'GET', '/api/settings');
gives(200, 'DELETE', "/api/products/$id");
my $theirs = $erp->login($other->{email}, $other->{password})->{access_token};
is($erp->get('/api/products', token => $theirs)->json->[0], undef, 'the other tenant has nothing of it');
is($erp->get('/api/products', token => $token . 'x')->status, 401, 'a broken token');
is($erp->post('/api/auth/logout', { everywhere => \1 }, @as)->status, 200, 'signed out');
gives(401, 'GET', '/api/products');

is_deeply [$erp->pids('main'), $erp->pids('login')], \@pids, 'by the workers that began';
$erp->stop;
for my $pid (@pids) {
    my $said = slurp("$dir/$pid.log");
    ok defined $said, "valgrind watched $pid";
    is $said // '', '', '... and has nothing to say';
}
done_testing;
