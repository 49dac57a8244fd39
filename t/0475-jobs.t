# erpctl jobs: what is due is done once, whoever starts it and however often; one that was killed is
# followed by another; one broken business costs the others nothing.
use Erp::Test;
use Erp::Json qw(from_json);
use Erp::Say qw(slurp spew);
use File::Path qw(make_path);
use POSIX qw(strftime WNOHANG);
use Time::Piece ();

my $erp = Erp::Test->start(workers => 2, login_workers => 1);
my $host = Erp::Test->start(workers => 1, login_workers => 1, env => { ADMIN_DB_NAME => $erp->db('admin'), DB_NAME => $erp->db('users') });
$erp->seed_user(email => 'root@platform.example', password => 'root-password-1', role => 'super_admin');
my $root = $erp->login('root@platform.example', 'root-password-1')->{access_token};
my $DAY = 86400;
my $made = 0;

sub at { return strftime('%Y-%m-%dT%H:%M:%SZ', gmtime($_[0])) }
sub subscribe {
    my $id = Erp::Test::uuid();
    my $t = $erp->seed_tenant(slug => 'job' . ++$made, tenant_id => $id, entry => { tenant_id => $id });
    my $res = $erp->post('/api/super/subscriptions', { tenant_id => $t->{tenant_id}, plan_id => 'basic' }, token => $root);
    die 'subscribe: ' . $res->brief . "\n" if $res->status != 200;
    $t->{sub} = $res->json->{id};
    return $t;
}
sub pay { return $erp->post('/api/super/payments', { subscription_id => $_[0]{sub}, amount => 3000 }, token => $root) }
sub status_of { return $erp->get("/api/super/subscriptions/$_[0]{tenant_id}", token => $root)->json->{status} }
sub entry { my ($e) = $erp->mongo_all('admin', doc(find => 'tenants_registry', filter => { slug => $_[0]{slug} })); return $e }
sub events { my ($t, $what) = @_; return $erp->mongo_all('admin', doc(find => 'billing_events', filter => { subscription_id => $t->{sub}, event => $what })) }
sub jobs {
    my ($now, @more) = @_;
    my $opt = ref $more[-1] ? pop @more : {};
    my ($code, $out, $err) = $erp->erpctl('jobs', '--json', '--now', at($now), @more, $opt);
    return ($code, from_json($out) // {}, $err);
}

subtest 'nothing is due' => sub {
    my ($code, $out) = $erp->erpctl('jobs');
    is $code, 0, 'ends well';
    like $out, qr/^0 done, 0 failed$/m, '... and says so';
    is(($erp->erpctl('jobs', '--now', 'tomorrow'))[0], 64, 'tomorrow is no instant');
};

subtest 'a trial ends' => sub {
    my $t = subscribe();
    my ($code, $report) = jobs(time + 14 * $DAY + 5, '--dry-run');
    is_deeply [$code, $report->{done}, $report->{rows}[0]{outcome}], [0, 0, 'trial to suspended'], 'only looked at';
    is status_of($t), 'trial', '... nothing is done';
    is +(jobs(time + 14 * $DAY - 60))[1]{rows}[0]{job}, 'reminders', 'not before';
    ($code, $report) = jobs(time + 14 * $DAY + 5);
    is_deeply [$code, $report->{done}, $report->{rows}[0]{tenant}], [0, 1, $t->{slug}], 'done';
    is status_of($t), 'suspended', 'suspended';
    is entry($t)->{subscription_status}, 'suspended', '... in the entry too';
    is scalar(grep { $_->{new} eq 'suspended' } events($t, 'status')), 1, '... with one event';
    is +(events($t, 'status'))[0]{triggered_by}, 'erpctl', '... of this command';
    is +(jobs(time + 14 * $DAY + 5))[1]{done}, 0, 'and not again';
};

subtest 'a period ends' => sub {
    my $t = subscribe();
    is pay($t)->status, 200, 'paid: 60 days';
    my ($code, $report) = jobs(time + 60 * $DAY + 5);
    is status_of($t), 'grace', 'grace' or diag explain $report;
    my ($code2, $late) = jobs(time + 63 * $DAY + 5);
    is status_of($t), 'suspended', '... then suspended';
    is pay($t)->status, 200, 'paid';
    is status_of($t), 'active', '... active';
    my $u = subscribe();
    pay($u);
    jobs(time + 90 * $DAY);
    is status_of($u), 'suspended', 'after a long silence both steps are taken';
    is_deeply [map { "$_->{old}>$_->{new}" } sort { $a->{id} cmp $b->{id} } events($u, 'status')], [qw(active>grace grace>suspended)], '... each with its event';
};

subtest 'reminders' => sub {
    my $t = subscribe();
    jobs(time + $_ * $DAY + 60) for 1, 6, 7, 7, 8, 11, 11, 12, 13, 13;
    is_deeply [map { $_->{reason} } events($t, 'reminder')], ['ends within 7 days', 'ends within 3 days', 'ends within 1 days'], 'three, each once';
    is status_of($t), 'trial', 'and it goes on';
};

sub set_status { $erp->mongo('admin', doc(update => 'tenants_registry', updates => [doc(q => { slug => $_[0] }, u => { '$set' => { status => $_[1] } })])) }

# Starts erpctl jobs beside us; its process.
sub start_jobs {
    my ($where, $now, %env) = @_;
    return $where->spawn_erpctl('jobs', 'jobs', '--json', '--now', at($now), { env => \%env });
}

subtest 'two hosts at once' => sub {
    my @t = map { subscribe() } 1 .. 12;
    my $now = time + 14 * $DAY + 5;
    my @pids = map { start_jobs($_, $now) } $erp, $host;
    my @codes = map { waitpid $_, 0; $? >> 8 } @pids;
    is_deeply \@codes, [0, 0], 'both end well';
    is_deeply [grep { status_of($_) ne 'suspended' } @t], [], 'everything is done';
    is_deeply [grep { scalar(events($_, 'status')) != 1 } @t], [], '... once';
};

subtest 'killed in the middle' => sub {
    my @t = map { subscribe() } 1 .. 4;
    my $now = time + 14 * $DAY + 5;
    my $pid = start_jobs($erp, $now, ERP_STOP_AFTER => 'expiry');
    waitpid $pid, 0;
    is $? & 127, 9, 'killed after the first';
    is scalar(grep { status_of($_) eq 'suspended' } @t), 1, '... which is done';
    my ($code, $report) = jobs($now);
    is_deeply [$code, $report->{ran}], [0, JSON::PP::false()], 'its lease keeps others away';
    $erp->mongo('admin', doc(update => 'leases', updates => [doc(q => { _id => 'jobs' }, u => { '$set' => { until => { '$date' => at(time - 1) } } })]));
    ($code, $report) = jobs($now);
    is_deeply [$code, $report->{ran}, $report->{done}], [0, JSON::PP::true(), 3], 'and is taken over when it is over';
    is_deeply [grep { scalar(events($_, 'status')) != 1 } @t], [], 'all of it once';
};

subtest 'deleted tenants' => sub {
    my @t = map { my $id = Erp::Test::uuid(); $erp->seed_tenant(slug => "del$_", tenant_id => $id, entry => { tenant_id => $id }) } 1 .. 4;
    my ($young, @due) = @t;
    my $receipts = sub { scalar $erp->mongo_all('admin_audit', doc(find => 'audit_log', filter => { action => 'tenant_purge', record_id => $_[0] })) };
    my $purged = sub { [sort map { "$_->{tenant} $_->{outcome}" =~ s/:.*//r } grep { $_->{job} eq 'purge' } @{ $_[0]{rows} // [] }] };
    $erp->mongo_insert($_->{slug}, 'products', { _id => 'p', tenant_id => $_->{tenant_id} }) for @t;
    my $kept = sub { my ($t) = @_; return scalar grep { -e "$_->{dir}/files/$t->{tenant_id}/settings/logo.png" } $erp, $host };
    for my $folder (map { my $t = $_; map { "$_->{dir}/files/$t->{tenant_id}/settings" } $erp, $host } @t) {
        make_path($folder);
        spew("$folder/logo.png", 'an image');
    }
    is(($erp->erpctl('tenant', 'delete', $_->{slug}, '--yes', '--no-export', '--grace', $_ == $young ? 30 : 0))[0], 0, "$_->{slug}: deleted") for @t;
    my ($code, $report) = jobs(time + 1, '--dry-run');
    is_deeply $purged->($report), [map { "$_->{slug} to be removed for good" } @due], 'what is due is said';
    is scalar(@{ $purged->((jobs(time + 31 * $DAY, '--dry-run'))[1]) }), 4, 'and what will be';
    is_deeply [map { entry($_)->{status} } @t], [('deleted') x 4], 'nothing is done';

    # One cannot be removed: its database is that of another.
    my $host_of = $erp->seed_tenant(slug => 'delother');
    $erp->mongo('admin', doc(update => 'tenants_registry', updates => [doc(q => { slug => 'del2' }, u => { '$set' => { db_name => $host_of->{db_name} } })]));
    waitpid start_jobs($erp, time, ERP_STOP_AFTER => 'purge_data'), 0;
    is $? & 127, 9, 'killed in the middle';
    $erp->mongo('admin', doc(update => 'leases', updates => [doc(q => { _id => 'jobs' }, u => { '$set' => { until => { '$date' => at(time - 1) } } })]));
    # A month ahead of the clock removes nobody before the time.
    my @pids = map { start_jobs($_, time + 31 * $DAY) } $erp, $host;
    my @codes = map { waitpid $_, 0; $? >> 8 } @pids;
    my @reports = map { from_json(slurp("$_->{dir}/jobs.out")) } $erp, $host;
    my @said = map { @{ $purged->($_) } } @reports;
    is_deeply [sort grep { /removed/ } @said], ['del3 removed for good', 'del4 removed for good'], 'the others are removed, once, by two hosts at once'
        or diag explain \@reports;
    is_deeply [map { $reports[$_]{failed} } grep { $codes[$_] == 2 } 0, 1], [(1) x grep({ /^del2 failed/ } @said)], 'and whoever met the one says so';
    ok +(grep { $_ eq 'del2 failed' } @said), '... at least one did';
    is_deeply [map { entry($_) } @due[1, 2]], [undef, undef], 'their entries are gone';
    is_deeply [map { scalar $erp->mongo_all($_->{slug}, doc(listCollections => 1, cursor => {})) } @due[1, 2]], [0, 0], 'their databases too';
    is_deeply [map { $kept->($_) } @due[1, 2]], [1, 1], 'and their files, on the host that did it';
    is_deeply [map { $receipts->($_->{slug}) } @due], [0, 1, 1], 'each with a receipt';
    is_deeply [map { entry($_)->{status} } $young, $due[0]], [qw(deleted deleted)], 'the others are as they were';
    is scalar(() = $erp->mongo_all('del1', doc(find => 'products'))), 1, '... with their data';
    is_deeply [map { $kept->($_) } $young, $due[0]], [2, 2], '... and their files';
    is(($erp->erpctl('tenant', 'undelete', 'del1'))[0], 0, '... and the one comes back');
};

subtest 'one is broken' => sub {
    my ($good, $gone, $odd, $last) = map { subscribe() } 1 .. 4;
    $erp->mongo('admin', doc(delete => 'tenants_registry', deletes => [doc(q => { slug => $gone->{slug} }, limit => 1)]));
    $erp->mongo('admin', doc(update => 'subscriptions', updates => [doc(q => { id => $odd->{sub} }, u => { '$set' => { status => 7 } })]));
    my ($code, $report, $err) = jobs(time + 14 * $DAY + 5);
    is $code, 2, 'said by the exit code';
    is_deeply [sort map { $_->{tenant} } grep { $_->{job} eq 'expiry' && $_->{outcome} eq 'failed' } @{ $report->{rows} }], [sort $gone->{slug}, $odd->{slug}], 'which they are';
    like $err, qr/\Q$gone->{slug}\E/, '... for people too';
    is_deeply [map { status_of($_) } $good, $last], [qw(suspended suspended)], 'the others are done';
    my ($sub) = $erp->mongo_all('admin', doc(find => 'subscriptions', filter => { id => $gone->{sub} }));
    is $sub->{status}, 'trial', 'what failed is undone whole';
};

subtest 'the daily look' => sub {
    my ($dhaka, $york, $idle) = map { $erp->seed_tenant(slug => $_, entry => { tenant_id => undef }) } qw(dhaka york idle);
    my %token = map { $_->{slug} => $erp->login($_->{email}, $_->{password})->{access_token} } $dhaka, $york, $idle;
    my $soap = sub { my ($t) = @_; $erp->mongo_insert($t->{db_name}, 'products', { _id => 'p', id => 'p', name => 'Soap', tenant_id => $t->{tenant_id}, stock => 2 }) };
    $soap->($dhaka);
    my $zone = $erp->put('/api/settings', { time_zone => 'America/New_York' }, token => $token{york});
    is $zone->status, 200, 'a zone' or diag $zone->brief;
    my $instant = sub { Time::Piece->strptime($_[0], '%Y-%m-%dT%H:%M:%S')->epoch };
    my $look = sub {
        my ($when, @more) = @_;
        my (undef, $report) = jobs($instant->($when), @more);
        return { map { $_->{tenant} => $_->{outcome} } grep { $_->{job} eq 'daily' && $_->{tenant} =~ /^(?:dhaka|york|idle)$/ } @{ $report->{rows} } };
    };
    my $told = sub { my ($t) = @_; return scalar(() = $erp->mongo_all($t->{db_name}, doc(find => 'notifications', filter => { type => 'low_stock' }))) };
    is_deeply $look->('2031-07-10T02:59:00'), {}, 'before nine nobody is told';
    $soap->($york);
    is_deeply $look->('2031-07-10T03:00:00', '--dry-run'), { dhaka => 'reminders', idle => 'reminders' }, 'what is due at nine in Dhaka';
    is $told->($dhaka), 0, '... is only said';
    is_deeply $look->('2031-07-10T03:00:00'), { dhaka => '1 reminders' }, 'at nine it is done';
    is $told->($dhaka), 1, '... once';
    is_deeply $look->('2031-07-10T09:00:00'), {}, '... a day';
    is_deeply $look->('2031-07-10T12:59:59'), {}, 'elsewhere it is not nine yet';
    is_deeply $look->('2031-07-10T13:00:00'), { york => '1 reminders' }, 'nine in New York, in summer';
    my ($run) = $erp->mongo_all('admin', doc(find => 'daily_runs', filter => { _id => $dhaka->{tenant_id} }));
    like $run->{next}{'$date'}, qr/^2031-07-11T03:00:00/, 'and the next morning is known';
    my ($told_of) = $erp->mongo_all($dhaka->{db_name}, doc(find => 'notifications'));
    is $erp->patch("/api/notifications/$told_of->{id}/read", undef, token => $token{dhaka})->status, 200, 'somebody reads it';
    is_deeply $look->('2031-07-12T12:00:00'), { dhaka => '1 reminders' }, 'in the evening of another day it is told again; what is unread is not';
    my ($log) = $erp->mongo_all("$dhaka->{db_name}_audit", doc(find => 'audit_log', filter => { action => 'scheduled_check' }));
    is_deeply [@$log{qw(kind actor)}], ['service', 'erpctl'], 'the log of the business has it';
    is_deeply [grep { $_->{name} =~ /^(?:products|sales|notifications)$/ } $erp->mongo_all($idle->{db_name}, doc(listCollections => 1, cursor => {}))], [],
        'where nothing was ever sold no collection is made';
    set_status('york', 'suspended');
    is_deeply $look->('2031-07-20T20:00:00'), {}, 'who is suspended is told nothing';
    is $told->($york), 1, '... at all';
};

done_testing;
