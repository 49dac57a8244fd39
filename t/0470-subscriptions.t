# Plans, subscriptions and payments: every transition, legal or not; what is paid at the same moment
# counts; what is over is refused at its instant, whether or not anything swept.
use Erp::Test;
use Erp::AtOnce qw(replies_at_once);
use Erp::Http;
use POSIX qw(strftime);

my $erp = Erp::Test->start(workers => 4, login_workers => 1);
$erp->seed_user(email => 'root@platform.example', password => 'root-password-1', role => 'super_admin');
my $root = $erp->login('root@platform.example', 'root-password-1')->{access_token};
my $DAY = 86400;
my $made = 0;
my @LEGAL = qw(trial>active trial>suspended trial>cancelled active>grace active>suspended active>cancelled
    grace>active grace>suspended suspended>active suspended>cancelled);

sub shop { my $t = $erp->seed_tenant(slug => 'shop' . ++$made); $t->{token} = $erp->login($t->{email}, $t->{password})->{access_token}; return $t }
sub seconds { my ($text) = @_; my ($y, $m, $d, $h, $i, $s) = $text =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)/; require Time::Local; return Time::Local::timegm($s, $i, $h, $d, $m - 1, $y) }
sub instant { return { '$date' => strftime('%Y-%m-%dT%H:%M:%SZ', gmtime($_[0])) } }
sub subscribe {
    my ($t, %more) = @_;
    my $res = $erp->post('/api/super/subscriptions', { tenant_id => $t->{tenant_id}, plan_id => 'basic', %more }, token => $root);
    die 'subscribe: ' . $res->brief . "\n" if $res->status != 200;
    return $res->json;
}
sub move { my ($id, $to, %more) = @_; return $erp->patch("/api/super/subscriptions/$id/status", { status => $to, reason => 'a test', %more }, token => $root) }
sub pay { my ($id, $amount, %opt) = @_; return $erp->post('/api/super/payments', { subscription_id => $id, amount => $amount, %{ $opt{body} || {} } }, token => $root, headers => $opt{headers} || {}) }
sub sub_of { return $erp->get("/api/super/subscriptions/$_[0]{tenant_id}", token => $root)->json }
sub entry { my ($e) = $erp->mongo_all('admin', doc(find => 'tenants_registry', filter => { slug => $_[0]{slug} })); return $e }
sub change_entry {
    my ($t, $set) = @_;
    $erp->mongo('admin', doc(update => 'tenants_registry', updates => [doc(q => { slug => $t->{slug} }, u => { '$set' => $set })]));
    $erp->erpctl('cache', 'clear', $t->{slug});
}
sub events { return $erp->mongo_all('admin', doc(find => 'billing_events', filter => { subscription_id => $_[0] })) }

subtest 'plans' => sub {
    my %plan = map { $_->{id} => $_ } @{ $erp->get('/api/super/plans', token => $root)->json };
    is_deeply [sort keys %plan], [qw(basic enterprise free pro)], 'four';
    is_deeply [map { $plan{$_}{price} + 0 } qw(free basic pro enterprise)], [0, 3000, 10000, 30000], 'their prices';
    is_deeply [map { $plan{$_}{billing_cycle} } qw(free pro)], [qw(lifetime monthly)], 'their cycles';
    is_deeply [@{ $plan{basic}{quotas} }{qw(max_products max_users max_terminals storage_gb monthly_orders max_branches max_appointments)}],
        [1000, 5, 3, 10, 5000, 3, 1000], 'a quota';
    is $plan{enterprise}{quotas}{max_users}, -1, 'no limit';
    my $res = $erp->patch('/api/super/plans/pro', { price => 12000.50, quotas => { max_users => 30 }, description => 'More' }, token => $root);
    is $res->status, 200, 'changed' or diag $res->brief;
    is $res->json->{price}, 12000.5, '... the price';
    is_deeply [@{ $res->json->{quotas} }{qw(max_users max_branches)}], [30, 10], '... one quota, the others stay';
    my ($again) = grep { $_->{id} eq 'pro' } @{ $erp->get('/api/super/plans', token => $root)->json };
    is $again->{price}, 12000.5, 'and never set back';
    is_problem($erp->patch('/api/super/plans/pro', { quotas => { max_cows => 1 } }, token => $root), 422, 'validation', 'no such quota');
    is_problem($erp->patch('/api/super/plans/pro', { quotas => { max_users => -2 } }, token => $root), 422, 'validation', 'no number of users');
    is_problem($erp->patch('/api/super/plans/pro', { price => 1.005 }, token => $root), 422, 'validation', 'half a poisha');
    is_problem($erp->patch('/api/super/plans/gold', { price => 1 }, token => $root), 404, 'not_found', 'no such plan');
    is_problem($erp->get('/api/super/plans', token => shop()->{token}), 403, 'role_forbidden', 'not a tenant\'s business');
};

subtest 'a new subscription' => sub {
    my $t = shop();
    my $sub = subscribe($t);
    like $sub->{id}, qr/^sub_[0-9a-f]{12}$/, 'its id';
    is_deeply [@$sub{qw(status plan_id billing_cycle currency grace_period_days tenant_id)}], ['trial', 'basic', 'monthly', 'BDT', 3, $t->{tenant_id}], 'what it is';
    is $sub->{price}, 3000, 'its price';
    is seconds($sub->{trial_ends_at}) - seconds($sub->{started_on}), 14 * $DAY, 'a trial of 14 days';
    is seconds($sub->{expires_on}) - seconds($sub->{started_on}), 30 * $DAY, 'a month';
    is $sub->{plan_snapshot}{quotas}{max_users}, 5, 'the plan as it was';
    is_deeply [@{ entry($t) }{qw(subscription_status subscription_plan license_type max_users max_branches)}], [qw(trial basic pro 5 3)], 'the copy that workers read';
    my $res = $erp->get('/api/products', token => $t->{token});
    is $res->status, 200, 'works';
    is $res->header('X-Subscription-Status'), 'trial', '... and is told';
    is $res->header('X-Subscription-Expires'), $sub->{trial_ends_at}, '... until when';
    is_problem($erp->post('/api/super/subscriptions', { tenant_id => $t->{tenant_id}, plan_id => 'pro' }, token => $root), 409, 'duplicate', 'only one');
    is_problem($erp->post('/api/super/subscriptions', { tenant_id => Erp::Test::uuid(), plan_id => 'pro' }, token => $root), 404, 'tenant_not_found', 'of a business');
    is_problem($erp->post('/api/super/subscriptions', { tenant_id => shop()->{tenant_id}, plan_id => 'gold' }, token => $root), 404, 'not_found', 'to a plan');
    is_problem($erp->post('/api/super/subscriptions', { tenant_id => shop()->{tenant_id}, plan_id => 'pro', billing_cycle => 'lifetime' }, token => $root), 422, 'validation', 'which is not for ever');
    my $year = subscribe(shop(), billing_cycle => 'yearly');
    is $year->{price}, 36000, 'a year costs twelve months';
    my $free = subscribe(my $f = shop(), plan_id => 'free');
    is_deeply [@$free{qw(status expires_on trial_ends_at)}], ['active', undef, undef], 'free is for ever';
    is($erp->get('/api/products', token => $f->{token})->header('X-Subscription-Status'), undef, '... which needs no notice');
    my $view = $erp->get("/api/super/subscriptions/$sub->{id}/status", token => $root)->json;
    is_deeply [$view->{is_active}, $view->{subscription}{id}, $view->{events}[0]{event}], [JSON::PP::true(), $sub->{id}, 'created'], 'its view';
    is($erp->get('/api/subscription', token => $t->{token})->json->{subscription}{id}, $sub->{id}, 'the business sees its own');
    my ($log) = $erp->mongo_all('admin_audit', doc(find => 'audit_log', filter => { action => 'subscription_create', record_id => $sub->{id} }));
    ok $log, 'and it is in the platform\'s log';
};

subtest 'every transition' => sub {
    my %way = (trial => [], active => ['active'], grace => [qw(active grace)], suspended => ['suspended'], cancelled => ['cancelled']);
    my %legal = map { $_ => 1 } @LEGAL;
    for my $from (sort keys %way) {
        for my $to (sort keys %way) {
            my $id = subscribe(my $t = shop())->{id};
            for my $step (@{ $way{$from} }) { my $r = move($id, $step); is($r->status, 200, "to $step") or diag $r->brief }
            my $res = move($id, $to);
            if ($legal{"$from>$to"}) {
                is $res->status, 200, "$from to $to" or diag $res->brief;
                is entry($t)->{subscription_status}, $to, '... the copy follows';
                my ($last) = grep { ($_->{new} // '') eq $to && ($_->{old} // '') eq $from } events($id);
                is $last->{reason}, 'a test', '... with its event';
            } else {
                is_problem($res, 409, 'illegal_transition', "$from to $to");
                like $res->json->{detail}, qr/allowed: /, '... which says what is allowed';
                is sub_of($t)->{status}, $from, '... nothing changed';
            }
        }
    }
    my $t = shop();
    my $id = subscribe($t)->{id};
    move($id, 'cancelled');
    is_problem(pay($id, 3000), 409, 'illegal_transition', 'cancelled is the end');
    isnt subscribe($t)->{id}, $id, '... but another one may begin';
    is_problem(move('sub_000000000000', 'active'), 404, 'not_found', 'no such subscription');
    is_problem(move($id, 'asleep'), 422, 'validation', 'no such state');
};

subtest 'paying' => sub {
    my $t = shop();
    my $sub = subscribe($t);
    my $res = pay($sub->{id}, 3000, body => { receipt_number => 'R-1' });
    is $res->status, 200, 'recorded' or diag $res->brief;
    is_deeply [@{ $res->json }{qw(payment_method receipt_number currency)}], [qw(bank_transfer R-1 BDT)], 'as it was said';
    my $now = sub_of($t);
    is $now->{status}, 'active', 'active';
    is seconds($now->{expires_on}) - seconds($sub->{expires_on}), 30 * $DAY, 'a month more than before';
    is_problem(pay($sub->{id}, 2999.99), 422, 'validation', 'not the price');
    is_problem(pay($sub->{id}, 0), 422, 'validation', 'nothing');
    is_problem(pay($sub->{id}, -3000), 422, 'validation', 'less than nothing');
    is_problem(pay('sub_000000000000', 3000), 404, 'not_found', 'for nothing');
    is scalar @{ $erp->get("/api/super/payments/$sub->{id}", token => $root)->json }, 1, 'the ledger';
    my $s = subscribe(my $late = shop());
    move($s->{id}, 'suspended');
    $erp->mongo('admin', doc(update => 'subscriptions', updates => [doc(q => { id => $s->{id} }, u => { '$set' => { expires_on => instant(time - 5 * $DAY) } })]));
    is_problem($erp->get('/api/products', token => $late->{token}), 402, 'subscription_lapsed', 'suspended');
    is(pay($s->{id}, 3000)->status, 200, 'paid');
    my $left = seconds(sub_of($late)->{expires_on}) - time;
    ok $left > 30 * $DAY - 120 && $left <= 30 * $DAY, 'what is over counts from now';
    is($erp->get('/api/products', token => $late->{token})->status, 200, '... and it works at once');
};

subtest 'a key is used once' => sub {
    my $sub = subscribe(my $t = shop());
    my @replies = map { pay($sub->{id}, 3000, headers => { 'Idempotency-Key' => 'march' }) } 1 .. 3;
    is_deeply [map { $_->status } @replies], [200, 200, 200], 'sent three times';
    is_deeply $replies[2]->json, $replies[0]->json, 'one reply';
    is $replies[1]->header('Idempotency-Replayed'), 'true', '... said again';
    is scalar @{ $erp->get("/api/super/payments/$sub->{id}", token => $root)->json }, 1, 'one payment';
    is_problem(pay($sub->{id}, 3000, headers => { 'Idempotency-Key' => 'march' }, body => { notes => 'x' }), 422, 'idempotency_key_reused', 'another body');
    is sub_of($t)->{status}, 'active', 'it counts';
};

subtest 'at the same moment' => sub {
    my $sub = subscribe(my $t = shop());
    my @status = replies_at_once($erp, map { sub { pay($sub->{id}, 3000) } } 1 .. 4);
    my $paid = grep { $_ eq '200' } @status;
    is_deeply [grep { !/^(?:200|503)$/ } @status], [], 'paid, or try again' or diag "@status";
    cmp_ok $paid, '>=', 2, "$paid payments at once";
    my $now = sub_of($t);
    is seconds($now->{expires_on}) - seconds($sub->{expires_on}), $paid * 30 * $DAY, 'each of them counts';
    is scalar @{ $erp->get("/api/super/payments/$sub->{id}", token => $root)->json }, $paid, '... once';
    my $other = shop();
    @status = replies_at_once($erp, map { sub { $erp->post('/api/super/subscriptions', { tenant_id => $other->{tenant_id}, plan_id => 'basic' }, token => $root) } } 1 .. 3);
    is scalar(grep { $_ eq '200' } @status), 1, 'one subscription of three' or diag "@status";
    my $key = subscribe(my $k = shop());
    @status = replies_at_once($erp, map { sub { pay($key->{id}, 3000, headers => { 'Idempotency-Key' => 'once' }) } } 1 .. 3);
    is scalar @{ $erp->get("/api/super/payments/$key->{id}", token => $root)->json }, 1, 'one payment of one key' or diag "@status";
};

subtest 'at its instant' => sub {
    my $t = shop();
    my $get = sub { $erp->get('/api/products', token => $t->{token}) };
    my %case = (
        'trial, over'            => [{ subscription_status => 'trial', subscription_expires_at => instant(time - 1) }, 402],
        'trial, not over'        => [{ subscription_status => 'trial', subscription_expires_at => instant(time + 60) }, 200, 'trial'],
        'active, over'           => [{ subscription_status => 'active', subscription_expires_at => instant(time - 3600) }, 200, 'grace'],
        'active, grace over too' => [{ subscription_status => 'active', subscription_expires_at => instant(time - 3 * $DAY - 1) }, 402],
        'active, for long'       => [{ subscription_status => 'active', subscription_expires_at => instant(time + 30 * $DAY) }, 200],
        'active, soon over'      => [{ subscription_status => 'active', subscription_expires_at => instant(time + 6 * $DAY) }, 200, 'active'],
        'active, for ever'       => [{ subscription_status => 'active', subscription_expires_at => undef }, 200],
        'grace, over'            => [{ subscription_status => 'grace', subscription_ends_at => instant(time - 1) }, 402],
        'a state of nobody'      => [{ subscription_status => 'asleep' }, 402],
    );
    for my $what (sort keys %case) {
        my ($set, $status, $header) = @{ $case{$what} };
        change_entry($t, { subscription_plan => 'basic', subscription_ends_at => undef, subscription_expires_at => undef, %$set });
        my $res = $get->();
        is $res->status, $status, $what or diag $res->brief;
        is $res->header('X-Subscription-Status'), $header, '... its header' if $status == 200;
    }
    my $soon = time + 3;
    change_entry($t, { subscription_status => 'trial', subscription_expires_at => instant($soon) });
    is $get->()->status, 200, 'before';
    select undef, undef, undef, 0.1 while time < $soon;
    my $res = $get->();
    is_problem($res, 402, 'subscription_lapsed', 'at its end, with nobody sweeping');
    is_deeply [@{ $res->json }{qw(subscription_status plan)}], [qw(suspended basic)], '... what it is';
    is $res->json->{message}, $res->json->{detail}, '... the message';
    is($erp->get('/api/auth/me', token => $t->{token})->status, 200, 'me stays');
    is($erp->get('/api/health/tenant', token => $t->{token})->status, 200, 'health stays');
    is_problem($erp->get('/api/subscription', token => $t->{token}), 404, 'not_found', 'the subscription stays, were there one');
    is_deeply [@{ $erp->get("/api/super/tenants/$t->{tenant_id}/access", token => $root)->json }{qw(allowed status)}], [JSON::PP::false(), 'suspended'], 'and the platform sees it so';
    change_entry($t, { subscription_status => undef });
    is($erp->get("/api/super/tenants/$t->{tenant_id}/access", token => $root)->json->{allowed}, JSON::PP::true(), 'without one it works');
};

subtest 'page by page' => sub {
    my $t = shop();
    my $id = subscribe($t)->{id};
    my $now = time;
    # Some of one moment: the id decides.
    $erp->mongo_insert('admin', 'payments', map { { id => sprintf('pay_%02d', $_), subscription_id => $id, amount => 1, created_at => instant($now - int($_ / 3)) } } 1 .. 11);
    my $all = $erp->get("/api/super/payments/$id", token => $root);
    is scalar @{ $all->json }, 11, 'all, when no limit is given';
    is $all->header('Link'), undef, '... and no next page';
    my (@seen, $pages);
    for (my $path = "/api/super/payments/$id?limit=4"; $path; ) {
        my $res = $erp->get($path, token => $root);
        is $res->status, 200, 'page ' . ++$pages or diag($res->brief), last;
        push @seen, @{ $res->json };
        ($path) = ($res->header('Link') // '') =~ /^<(.+)>; rel="next"$/;
        last if $pages > 9;
    }
    is $pages, 3, 'three pages';
    is_deeply [map { $_->{id} } @seen], [map { $_->{id} } @{ $all->json }], 'together the same, each once';
    my $first = $erp->get('/api/super/subscriptions?limit=1&status=trial', token => $root);
    my ($next) = $first->header('Link') =~ /^<(.+)>; rel="next"$/;
    like $next, qr/status=trial/, 'the next page has the same filter';
    is $erp->get($next, token => $root)->json->[0]{status}, 'trial', '... and shows it';
    isnt $erp->get($next, token => $root)->json->[0]{id}, $first->json->[0]{id}, '... another one';
    my ($cursor) = $next =~ /after=([^&]+)/;
    is_problem($erp->get("/api/super/payments/$id?after=$cursor", token => $root), 400, 'bad_query', 'a cursor of another list');
    is_problem($erp->get("/api/super/subscriptions?after=$cursor", token => $root), 400, 'bad_query', '... or of another filter');
    is_problem($erp->get("/api/super/subscriptions?limit=$_", token => $root), 400, 'bad_query', "limit=$_") for 0, 1001, '4x', '';
};

done_testing;
