# erpctl migrate: a tenant of the shared database gets one of its own while it works. Killed at any
# step and run again it finishes; nothing is lost, nothing is there twice.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Time::HiRes qw(time sleep);
use Erp::Account qw(account_exists isolated_account tidy_accounts);
use Erp::Test;

my $erp = Erp::Test->start(workers => 3, login_workers => 1);

sub ctl { return $erp->ctl(@_) }

# A business of the shared database: its id, its administrator, a token.
sub legacy {
    my ($name) = @_;
    my $id = Erp::Test::uuid();
    my $email = "owner\@$name.example";
    $erp->seed_user(email => $email, password => "$name-password", role => 'tenant_admin', tenant_id => $id,
        user => { business_type => 'grocery' });
    return { id => $id, name => $name, email => $email, password => "$name-password",
             token => $erp->login($email, "$name-password")->{access_token} };
}

sub add {
    my ($who, $sku) = @_;
    return $erp->post('/api/products', { name => "Product $sku", sku => $sku, category => 'x', price => 1.5, stock => 3 },
        token => $who->{token});
}

sub skus {
    my ($who) = @_;
    return join ' ', sort map { $_->{sku} } @{ $erp->get('/api/products', token => $who->{token})->json };
}

sub registered { return scalar $erp->mongo_all('admin', doc(find => 'tenants_registry', filter => { slug => $_[0] })) }

my $other = legacy('other');
is(add($other, "o$_")->status, 200, 'the other business writes') for 1 .. 2;

# --- plan, dry run
my $one = legacy('one');
is(add($one, "p$_")->status, 200, 'writes into the shared database') for 1 .. 3;
my @as = ('--slug', 'one', '--name', 'Number One', '--db-name', $erp->db('one'));
my ($status, $plan, $err) = ctl('migrate', 'run', $one->{id}, @as, '--dry-run');
is($status, 0, 'a dry run') or diag $err;
# Three products, and a row of the stock ledger each.
is_deeply([ @$plan{qw(documents users dry_run)} ], [ 6, 1, JSON::PP::true ], 'says what there is')
    or diag explain $plan;
is(scalar(() = $erp->mongo_all('admin', doc(find => 'migrations'))), 0, 'and stores nothing');
for my $bad ([ $one->{id} ], [ $one->{id}, '--slug', 'Bad_Slug' ], [ Erp::Test::uuid(), '--slug', 'nobody' ],
             [ $one->{id}, '--slug', 'one', '--db-name', $erp->db('users') ]) {
    is((ctl('migrate', 'plan', @$bad))[0], 1, "refused: @$bad[1 .. $#$bad]");
}
is((ctl('migrate', $_, $one->{id}))[0], 1, "nothing to $_") for qw(verify finish rollback);
for my $bad ([qw(--license gold)], [ '--features', 'pos,cows' ], [ '--type', 'A Shop' ]) {
    ($status, undef, $err) = ctl('migrate', 'plan', $one->{id}, @as, @$bad);
    is($status, 1, "refused: @$bad");
    like($err, qr/gold|cows|A Shop/, '... and says why');
}
is((ctl('migrate', 'plan', $one->{id}, @as, '--max-users', 0))[0], 64, 'no users at all');
{
    my $id = Erp::Test::uuid();
    $erp->seed_user(email => 'owner@vague.example', password => 'vague-password', role => 'tenant_admin', tenant_id => $id);
    ($status, undef, $err) = ctl('migrate', 'plan', $id, '--slug', 'vague');
    is($status, 1, 'a trade that nobody has told');
    like($err, qr/--type/, '... is asked for');
}

# --- one at a time
my $lease = "migrate:$one->{id}";
$erp->mongo_insert('admin', 'leases', { _id => $lease, holder => 'another host 1 x', until => { '$date' => '2099-01-01T00:00:00Z' } });
for my $command ('plan', 'run', 'finish', 'rollback') {
    ($status, undef, $err) = ctl('migrate', $command, $one->{id}, $command =~ /plan|run/ ? @as : ());
    is($status, 1, "$command: not beside somebody else");
    like($err, qr/Somebody else/, '... who is named');
}
is((ctl('migrate', 'run', $one->{id}, @as, '--dry-run'))[0], 0, 'looking is free');
$erp->mongo('admin', doc(update => 'leases', updates => [ doc(q => { _id => $lease }, u => { '$set' => { until => { '$date' => '2020-01-01T00:00:00Z' } } }) ]));
is((ctl('migrate', 'plan', $one->{id}, @as))[0], 0, 'planned');

# --- killed after every step, and run again
my $n = 3;
for my $step (qw(places chunk copied compared account held proved switched linked noted)) {
    my ($code) = $erp->erpctl('migrate', 'run', $one->{id}, { env => { ERP_STOP_AFTER => $step } });
    isnt($code, 1, "stopped after $step");
    if ($step eq 'held' || $step eq 'proved') {
        is_problem(add($one, 'held'), 503, 'tenant_moving', 'held: a write is refused');
        is(add($one, 'held')->header('Retry-After'), 1, 'for a moment');
        is($erp->get('/api/products', token => $one->{token})->status, 200, 'reads go on');
        is(add($other, "o-$step")->status, 200, 'and so do the others');
    } elsif ($step !~ /switched|linked|noted/) {
        is(add($one, 'p' . ++$n)->status, 200, 'the tenant goes on writing');
    }
}
my $want = join ' ', sort map { "p$_" } 1 .. $n;
($status, my $done, $err) = ctl('migrate', 'run', $one->{id});
is($status, 0, 'done') or diag $err;
($status, my $first) = ctl('migrate', 'verify', $one->{id});
is($status, 0, 'verify: both sides are the same') or diag explain $first;
isnt($erp->get('/api/products', token => $one->{token})->status, 200, 'the old token ends');
$one->{token} = $erp->login($one->{email}, $one->{password})->{access_token};
is(skus($one), $want, 'everything is there, once');
my $health = $erp->get('/api/health/tenant', token => $one->{token})->json;
is($health->{database_name}, $erp->db('one'), 'in the database of its own');
is($health->{tenant_slug}, 'one', 'under its slug');
my ($entry) = $erp->mongo_all('admin', doc(find => 'tenants_registry', filter => { slug => 'one' }));
like($entry->{db_uri}, qr/^sealed:/, 'its address is sealed');
subtest 'a migrated tenant' => sub { isolated_account($erp->_eval, $ENV{ERP_TEST_MONGO_URL}, map { $erp->db($_) } 'one', 'users', 'admin') };

# --- the audit log went along, and the indexes
my $audit = $erp->db('one') . '_audit';
is(scalar(() = $erp->mongo_all($audit, doc(find => 'audit_log', filter => { kind => 'data' }))), $n, 'the audit entries');
my @keys = map { $_->{name} } $erp->mongo_all($erp->db('one'), doc(listIndexes => 'products'));
ok((grep { /tenant_id_1_sku_1/ } @keys), 'the indexes') or diag "@keys";

# --- sums that a report keeps are no difference
is($erp->get('/api/dashboard/stats', token => $one->{token})->status, 200, 'a dashboard');
my @sums = ('sales_days', filter => { tenant_id => $one->{id}, day => 'upto' });
is(scalar(() = $erp->mongo_all($erp->db('one'), doc(find => @sums))), 1, '... keeps sums');
is(scalar(grep { $_->{collection} eq 'sales_days' } @{ (ctl('migrate', 'verify', $one->{id}))[1] }), 0, '... and verify finds no difference in them');

# --- verify finds a difference
$erp->mongo($erp->db('one'), doc(update => 'products', updates => [ doc(q => { sku => 'p1' }, u => { '$set' => { name => 'x' } }) ]));
($status, my $rows) = ctl('migrate', 'verify', $one->{id});
is($status, 1, 'verify finds a changed document');
ok((grep { $_->{collection} eq 'products' && $_->{differ} == 1 } @$rows), 'and says where') or diag explain $rows;

# --- back, with what was written since, killed after every step
is(add($one, 'late')->status, 200, 'writes into its own database');
for my $step (qw(returning carried unlinking unswitched released back_account back_data)) {
    my ($code) = $erp->erpctl('migrate', 'rollback', $one->{id}, { env => { ERP_STOP_AFTER => $step } });
    isnt($code, 1, "rollback stopped after $step");
    for my $command ($step eq 'returning' ? ('run', 'finish') : 'run') {
        ($status, undef, $err) = ctl('migrate', $command, $one->{id});
        is($status, 1, "... no $command any more");
        like($err, qr/returning/, '... as is said');
    }
}
($status, my $back, $err) = ctl('migrate', 'rollback', $one->{id});
is($status, 0, 'rolled back') or diag $err;
$one->{token} = $erp->login($one->{email}, $one->{password})->{access_token};
is($erp->get('/api/health/tenant', token => $one->{token})->json->{tenant_slug}, 'default', 'in the shared database again');
is(skus($one), join(' ', sort split(/ /, $want), 'late'), 'with what was written since');
is(scalar(() = $erp->mongo_all('users', doc(find => @sums))), 0, '... but for the sums, which others would make wrong there');
is(account_exists($erp->_eval, $erp->db('one')), 0, 'the account of its own is gone');
is(add($one, 'again')->status, 200, 'and writes there');

is(scalar(() = $erp->mongo_all($erp->db('one') . $_, doc(listCollections => 1, cursor => {}))), 0, "no database one$_ is left") for '', '_audit';
is(($erp->mongo_all('users', doc(find => 'users', filter => { email => $one->{email} })))[0]{tenant_slug}, undef, 'nor a link');

# --- again, to the end
my ($stopped) = $erp->erpctl('migrate', 'run', $one->{id}, @as, '--license', 'pro', '--max-users', 7, '--features', 'pos,offers', { env => { ERP_STOP_AFTER => 'linked' } });
isnt($stopped, 1, 'stopped before the source is noted');
($status, undef, $err) = ctl('migrate', 'run', $one->{id});
is($status, 0, 'migrated again') or diag $err;
($entry) = $erp->mongo_all('admin', doc(find => 'tenants_registry', filter => { slug => 'one' }));
is_deeply([ @$entry{qw(license_type max_users max_branches features_enabled)} ], [ 'pro', 7, undef, [qw(pos offers)] ], 'with the policy that was asked for');

# What somebody writes at the source by other ways is not removed unseen.
$erp->mongo_insert('users', 'products', { _id => 'by hand', id => 'by hand', tenant_id => $one->{id}, sku => 'hand' });
($status, undef, $err) = ctl('migrate', 'finish', $one->{id});
is($status, 1, 'the source was written to since the switch');
like($err, qr/products/, '... which is said');
is(scalar(() = $erp->mongo_all('users', doc(find => 'products', filter => { tenant_id => $one->{id}, sku => 'hand' }))), 1, '... and nothing is removed');
$erp->mongo('users', doc(delete => 'products', deletes => [ doc(q => { _id => 'by hand' }, limit => 1) ]));
for my $step (qw(finishing finish_chunk)) {
    my ($code) = $erp->erpctl('migrate', 'finish', $one->{id}, { env => { ERP_STOP_AFTER => $step } });
    isnt($code, 1, "finish stopped after $step");
    is((ctl('migrate', $_, $one->{id}))[0], 1, "... no $_ any more") for qw(rollback run);
}
($status, my $end, $err) = ctl('migrate', 'finish', $one->{id});
is($status, 0, 'finished') or diag $err;
$one->{token} = $erp->login($one->{email}, $one->{password})->{access_token};
is(skus($one), join(' ', sort split(/ /, $want), 'late', 'again'), 'all is there');
is(scalar(() = $erp->mongo_all('users', doc(find => 'products', filter => { tenant_id => $one->{id} }))), 0,
    'nothing is left in the shared database');
is(account_exists($erp->_eval, $erp->db('one')), 2, 'it works with an account of its own again');
is(skus($other), 'o-held o-proved o1 o2', 'the other business has what it had');
is((ctl('migrate', 'rollback', $one->{id}))[0], 1, 'no way back any more');
is((ctl('migrate', 'run', $one->{id}, @as))[0], 1, 'and no second time');

# --- written by hand after the proof, before what is left was noted: no hash could tell it
my $hand = legacy('hand');
add($hand, 'h1');
my @hand_as = ('--slug', 'hand', '--type', 'grocery', '--db-name', $erp->db('hand'));
($stopped) = $erp->erpctl('migrate', 'run', $hand->{id}, @hand_as, { env => { ERP_STOP_AFTER => 'switched' } });
isnt($stopped, 1, 'stopped right after the switch');
$erp->mongo('users', doc(update => 'products', updates => [ doc(q => { tenant_id => $hand->{id}, sku => 'h1' }, u => { '$set' => { name => 'by hand' } }) ]));
$erp->mongo('users', doc(delete => 'products', deletes => [ doc(q => { tenant_id => $other->{id}, sku => 'o-held' }, limit => 1) ]));
($status, my $ran, $err) = ctl('migrate', 'run', $hand->{id}, @hand_as);
is($status, 2, 'the next run goes on, and tells that the source was written to') or diag $err;
is($ran->{late}, 'products', '... where');
($status, $rows, $err) = ctl('migrate', 'verify', $hand->{id});
is($status, 1, 'so does verify');
like($err, qr/products was written in .* past the service/, '... with what to do');
($status, undef, $err) = ctl('migrate', 'finish', $hand->{id});
is($status, 1, 'and finish removes nothing');
like($err, qr/products was written .* not carried over/, '... as it says');
is(scalar(() = $erp->mongo_all('users', doc(find => 'products', filter => { tenant_id => $hand->{id} }))), 1, '... it is there');
is((ctl('migrate', 'finish', $hand->{id}, '--force'))[0], 0, 'unless it is told to');

# --- two operators at once
my $pair = legacy('pair');
add($pair, "q$_") for 1 .. 3;
my @pids = map { $erp->spawn_erpctl("race$_", qw(migrate run), $pair->{id}, qw(--slug pair --type grocery --json --db-name), $erp->db('pair')) } 1, 2;
my @ended = map { waitpid $_, 0; $? >> 8 } @pids;
ok((grep { $_ == 0 } @ended), 'of two at once one does it') or diag "@ended";
is_deeply([ grep { $_ > 1 } @ended ], [], 'and the other is refused, or finds it done');
$pair->{token} = $erp->login($pair->{email}, $pair->{password})->{access_token};
is(skus($pair), 'q1 q2 q3', 'everything is there, once');
($entry) = $erp->mongo_all('admin', doc(find => 'tenants_registry', filter => { slug => 'pair' }));
is_deeply([ grep { /^(?:pos|grocery|repairs)$/ } @{ $entry->{features_enabled} } ], [qw(pos grocery)], 'with the modules of its type');
is((ctl('migrate', 'finish', $pair->{id}))[0], 0, 'finished');

# --- 100,000 documents, written to meanwhile
my $big = legacy('big');
add($big, 'p0');
$erp->mongo('users', doc(aggregate => 'products', cursor => {}, pipeline => [
    { '$match' => { tenant_id => $big->{id}, sku => 'p0' } },
    { '$set' => { n => { '$range' => [ 1, 100000 ] } } }, { '$unwind' => '$n' },
    { '$set' => { id => { '$concat' => [ '$id', '-', { '$toString' => '$n' } ] }, sku => { '$concat' => [ 'c', { '$toString' => '$n' } ] } } },
    { '$unset' => [ '_id', 'n' ] }, { '$merge' => { into => 'products' } } ]));
my $records = "$erp->{dir}/acknowledged";
my $writer = fork // die "fork: $!\n";
if ($writer == 0) {
    open my $out, '>', $records or POSIX::_exit(1);
    $out->autoflush(1);
    for (my $i = 1; ; $i++) {
        my $res = add($big, "w$i");
        print $out 'w' . $i . ' ' . $res->status . ' ' . ($res->status == 200 ? '' : $res->json->{code} // '') . "\n";
        POSIX::_exit(0) if $res->status == 403 || -e "$records.stop";
    }
}
sleep 1;
($status, my $run, $err) = ctl('migrate', 'run', $big->{id}, '--slug', 'big', '--db-name', $erp->db('big'));
open my $stop, '>', "$records.stop";
waitpid $writer, 0;
is($status, 0, 'migrated under load') or diag $err;
diag("100,000 documents: writes were held for $run->{held_ms} ms");
cmp_ok($run->{held_ms}, '<', 10000, 'held for a moment');
open my $in, '<', $records or die;
my @lines = map { [split] } <$in>;
my @acked = map { $_->[0] } grep { $_->[1] == 200 } @lines;
my %there;
$there{ $_->{sku} }++ for $erp->mongo_all($erp->db('big'), doc(find => 'products', filter => { sku => { '$regex' => '^w' } }, batchSize => 100000));
cmp_ok(scalar @acked, '>', 5, 'the writer wrote: ' . @acked);
is_deeply([ sort keys %there ], [ sort @acked ], 'every acknowledged write is there, and no other');
is(scalar(grep { $_ != 1 } values %there), 0, 'none twice');
is_deeply([ grep { $_->[1] != 200 && $_->[1] != 403 && ($_->[2] // '') ne 'tenant_moving' } @lines ], [],
    'refused only with tenant_moving, and after the switch for the token');
is($erp->mongo($erp->db('big'), doc(count => 'products'))->{n}, 100000 + @acked, 'all documents');

tidy_accounts($erp);
done_testing;
