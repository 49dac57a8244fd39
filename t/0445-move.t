# erpctl tenant move: to a second database server while writers work; every acknowledged write is
# there afterwards, once, and what is at the old server can not be written any more.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Time::HiRes qw(time sleep);
use Erp::Account qw(account_exists isolated_account tidy_accounts);
use Erp::MongoEval;
use Erp::OwnMongo;
use Erp::Test;

my $erp = Erp::Test->start(workers => 4, login_workers => 1, env => { ERP_TENANT_SHARE => 100 });
my $second = Erp::OwnMongo->new;
my $there = Erp::MongoEval->new($ENV{ERP_TEST_EVAL}, $second->{root_url});

sub ctl { return $erp->ctl(@_) }

my $shop = $erp->seed_tenant(slug => 'mover');
my $token = $erp->login($shop->{email}, $shop->{password})->{access_token};

sub add {
    my ($sku) = @_;
    return $erp->post('/api/products', { name => "Product $sku", sku => $sku, category => 'x', price => 1.5, stock => 3 },
        token => $token);
}

is(add("p$_")->status, 200, 'writes') for 1 .. 3;
my $gone = add('gone')->json->{id};

# --- refusals, dry run
is((ctl('tenant', 'move', 'nobody', '--uri', $second->url))[0], 1, 'an unknown tenant');
is((ctl('tenant', 'move', 'mover', '--uri', 'nonsense'))[0], 1, 'an address that is none');
is((ctl('tenant', 'move', 'mover', '--uri', $ENV{ERP_TEST_MONGO_URL}))[0], 1, 'to where it is');
my ($status, $plan, $err) = ctl('tenant', 'move', 'mover', '--uri', $second->url, '--dry-run');
is($status, 0, 'a dry run') or diag $err;
is(scalar(() = $erp->mongo_all('admin', doc(find => 'migrations'))), 0, 'stores nothing');

# --- killed under the hold: nothing is lost, the next run goes on
$erp->erpctl('tenant', 'move', 'mover', '--uri', $second->url, { env => { ERP_STOP_AFTER => 'held' } });
is_problem(add('held'), 503, 'tenant_moving', 'held');
is($erp->delete("/api/products/$gone", token => $token)->status, 503, 'a removal too');
is($erp->get('/api/products', token => $token)->status, 200, 'reads go on');
is((ctl('migrate', 'rollback', $shop->{tenant_id}))[0], 0, 'given up');
is(add('p4')->status, 200, 'writes go on');

# --- writers that note what was acknowledged
my @writers;
for my $w (1 .. 3) {
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        open my $out, '>', "$erp->{dir}/w$w" or POSIX::_exit(1);
        $out->autoflush(1);
        for (my $i = 1; !-e "$erp->{dir}/stop"; $i++) {
            my $res = add("w$w-$i");
            my $id = $res->status == 200 ? $res->json->{id} : '';
            my $code = $id ? '' : $res->json->{code} // '';
            print $out "add w$w-$i " . $res->status . " $code\n";
            next if !$id || $i % 5;
            my $deleted = $erp->delete("/api/products/$id", token => $token);
            print $out "delete w$w-$i " . $deleted->status . ' ' . ($deleted->status < 300 ? '' : $deleted->json->{code} // '') . "\n";
        }
        POSIX::_exit(0);
    }
    push @writers, $pid;
}
sleep 1;
is($erp->delete("/api/products/$gone", token => $token)->status, 200, 'a removal during all this');
my ($moved, $run, $why) = ctl('tenant', 'move', 'mover', '--uri', $second->url);
sleep 2;
open my $stop, '>', "$erp->{dir}/stop";
waitpid $_, 0 for @writers;
is($moved, 0, 'moved under load') or diag $why;
diag("writes were held for $run->{held_ms} ms");

my (%want, @strange, $refused);
for my $w (1 .. 3) {
    open my $in, '<', "$erp->{dir}/w$w" or die;
    while (<$in>) {
        my ($what, $sku, $code, $name) = split;
        if ($code >= 200 && $code < 300) {
            $what eq 'add' ? $want{$sku}++ : delete $want{$sku};
        } elsif (($name // '') =~ /^(?:tenant_moving|try_again)$/) {
            $refused++;
        } else {
            push @strange, $_;
        }
    }
}
is_deeply(\@strange, [], 'nothing but tenant_moving was said');
diag(keys(%want) . ' writes stand, ' . ($refused // 0) . ' were refused');
$want{"p$_"}++ for 1 .. 4;
my %is;
$is{ $_->{sku} }++ for $there->batch($shop->{db_name}, doc(find => 'products', batchSize => 100000));
is_deeply(\%is, \%want, 'every acknowledged write is at the new server, once, and no other');
is(scalar(grep { $_->{sku} eq 'gone' } $there->batch($shop->{db_name}, doc(find => 'products', batchSize => 100000))), 0, 'what was removed is not');
is(add('after')->status, 200, 'and the next goes there');
ok((grep { $_->{sku} eq 'after' } $there->batch($shop->{db_name}, doc(find => 'products', batchSize => 100000))), 'indeed');

subtest 'a moved tenant' => sub { isolated_account($there, $second->url, map { $erp->db($_) } 'mover', 'admin', 'users') };

# --- the entry is sealed; nothing shows a password
my ($entry) = $erp->mongo_all('admin', doc(find => 'tenants_registry', filter => { slug => 'mover' }));
like($entry->{db_uri}, qr/^sealed:/, 'the new address is sealed');
my ($state) = $erp->mongo_all('admin', doc(find => 'migrations'));
like($state->{$_}, qr/^sealed:/, "so is $_ of the record") for qw(from_uri to_uri own_uri);

# --- back, with what was written there
($status, my $back, $err) = ctl('migrate', 'rollback', $shop->{tenant_id});
is($status, 0, 'back') or diag $err;
ok($back->{documents} >= 1, 'carried what was written since');
my %home;
$home{ $_->{sku} }++ for $erp->mongo_all($shop->{db_name}, doc(find => 'products', batchSize => 100000));
is_deeply(\%home, { %want, after => 1 }, 'all of it');
is(add('home')->status, 200, 'and writes go on');
is(account_exists($there, $shop->{db_name}), 0, 'its account at the second server is gone');

# --- once more, and the end
($status, undef, $err) = ctl('tenant', 'move', 'mover', '--uri', $second->url);
is($status, 0, 'moved again') or diag $err;
for my $step (qw(finishing finish_account finish_data finish_audit)) {
    my ($code) = $erp->erpctl('migrate', 'finish', $shop->{tenant_id}, { env => { ERP_STOP_AFTER => $step } });
    isnt($code, 1, "finish stopped after $step");
    is((ctl('migrate', 'rollback', $shop->{tenant_id}))[0], 1, '... and no way back');
    is($erp->get('/api/products', token => $token)->status, 200, '... it serves');
}
($status, undef, $err) = ctl('migrate', 'finish', $shop->{tenant_id});
is($status, 0, 'finished') or diag $err;
is_deeply([ map { scalar(() = $erp->mongo_all("$shop->{db_name}$_", doc(listCollections => 1, cursor => {}))) } '', '_audit' ], [ 0, 0 ], 'no database is left at the old server');
is(scalar @{ $erp->get('/api/products', token => $token)->json }, keys(%home) + 1, 'all is served from the new one');

# --- there and back again, of a tenant with an account of its own
sub where { return map { account_exists($_, $erp->db('owned')) } $erp->_eval, $there }
($status, my $owned, $err) = ctl('tenant', 'add', 'owned', '--name', 'Owned', '--type', 'grocery', '--admin-email', 'o@owned.example',
    '--db-name', $erp->db('owned'), '--generate');
is($status, 0, 'a tenant as erpctl makes it') or diag $err;
my @as = (token => $erp->login('o@owned.example', $owned->{password})->{access_token});
is($erp->post('/api/brands', { name => 'First' }, @as)->status, 200, 'writes');
($status, undef, $err) = ctl('tenant', 'move', 'owned', '--uri', $second->url);
is($status, 0, 'moved') or diag $err;
is_deeply([ where() ], [ 2, 2 ], 'an account at both servers');
is((ctl('tenant', 'delete', 'owned', '--yes', '--no-export'))[0], 0, 'deleted between the two');
($status, undef, $err) = ctl('tenant', 'purge', 'owned', '--yes', '--now');
is($status, 1, 'it is not removed while something of it is elsewhere');
like($err, qr/migrate finish or rollback/, '... and what to do is said');
is((ctl('tenant', 'undelete', 'owned'))[0], 0, 'brought back');
($status, undef, $err) = ctl('migrate', 'finish', $owned->{tenant_id});
is($status, 0, 'finished') or diag $err;
is_deeply([ where() ], [ 0, 2 ], 'one at the new server alone');
is($erp->post('/api/brands', { name => 'Second' }, @as)->status, 200, 'where it writes');
is((ctl('tenant', 'move', 'owned', '--uri', $ENV{ERP_TEST_MONGO_URL}, '--any-uri'))[0], 64, 'no such option');
($status, undef, $err) = ctl('tenant', 'move', 'owned', '--uri', $ENV{ERP_TEST_MONGO_URL}, '--from-uri', $ENV{ERP_TEST_MONGO_URL});
is($status, 1, 'an account of another server is not one of the source');
like($err, qr/another server/, 'and is told so');
($status, undef, $err) = ctl('tenant', 'move', 'owned', '--uri', $ENV{ERP_TEST_MONGO_URL}, '--from-uri', $second->url);
is($status, 0, 'and back') or diag $err;
$there->run($erp->db('owned'), doc(insert => 'brands', documents => [ { _id => 'by hand' } ]));
($status, undef, $err) = ctl('migrate', 'finish', $owned->{tenant_id});
is($status, 1, 'the source was written to since the switch');
like($err, qr/brands/, '... which is said');
is_deeply([ where() ], [ 2, 2 ], '... and nothing is removed');
is((ctl('migrate', 'finish', $owned->{tenant_id}, '--force'))[0], 0, 'finished all the same');
is_deeply([ where() ], [ 2, 0 ], 'an account at the old server alone');
is_deeply([ sort map { $_->{name} } @{ $erp->get('/api/brands', @as)->json } ], [qw(First Second)], 'with everything');

tidy_accounts($erp);
$there->close;
done_testing;
