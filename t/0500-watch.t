# The watcher: what anybody changes in the registry or in a user's record, by whatever means, ends
# access on every host within a second. Killed, 5 s hold; started again, it goes on where it was;
# where it cannot, everything is dropped and said so.
use Erp::Test;
use MIME::Base64 qw(decode_base64url);
use Time::HiRes qw(time sleep);
use Erp::Fcgi;
use Erp::Json qw(to_json from_json);
use Erp::MongoEval;
use Erp::OwnMongo;
use Erp::Proc qw(spawn end_pid alive);
use Erp::Say qw(slurp spew);

my $TRIALS = 100;
my $erpctl = "$ENV{ERP_TEST_BIN}/erpctl";

# Two hosts: a board, a pool and a watcher each; all they share is the database. The supervisor
# keeps the watcher of the first, this test that of the second.
my %long = (ERP_TENANT_TTL => 3600);
my $one = Erp::Test->start(workers => 1, watch => 1, env => \%long);
my $two = Erp::Test->start(workers => 1, env => { %long, ADMIN_DB_NAME => $one->db('admin'), DB_NAME => $one->db('users'),
    map { $_ => $one->{env}{$_} } qw(SECRET_KEY_FILE JWT_SECRET_KEY_FILE) });
my $state = "$two->{dir}/board.watch";
my ($watcher, @output);

# Begins a watcher of the second host; its log and what it prints at its end are files of their own.
sub begin_watch {
    push @output, "$two->{log}/watch-" . @output . '.log';
    $watcher = spawn({ log => $output[-1], env => { $two->program_env } }, $erpctl, 'watch', '--json');
    return;
}

# Ends it in order: what it printed.
sub end_watch {
    my $pid = $watcher;
    my $began = time;
    my $in_order = end_pid($pid, 'TERM', 10);
    $watcher = undef;
    ok $in_order, 'SIGTERM ends the watcher';
    cmp_ok time - $began, '<', 2, '... at once';
    my ($json) = slurp($output[-1]) =~ /^(\{.*)/ms;
    return from_json($json // '') // {};
}

sub kill_watch { end_pid($watcher, 'KILL', 10); $watcher = undef; return }
sub said { my ($event) = @_; return scalar(() = slurp($output[-1]) =~ /event=\Q$event\E/g) }
$SIG{PIPE} = sub { die "nobody reads\n" };    # or the end below would not be reached
END { local $?; end_pid($watcher, 'KILL') if $watcher }

my @workers = map { my $on = $_; map { Erp::Fcgi->new($on) } 1 .. 2 } $one, $two;
my @first = @workers[0, 1];
my @second = @workers[2, 3];

# --- people and requests

my $shop = $one->seed_tenant(slug => 'shop');
my ($head, $payload) = split /\./, $one->login($shop->{email}, $shop->{password})->{access_token};
my %claims = %{ from_json(decode_base64url($payload)) };
my $n = 0;

sub token_for {
    my ($id, $tenant_id, $slug) = @_;
    return $one->forge_token(header => decode_base64url($head), claims => { %claims, sub => $id, jti => Erp::Test::uuid(),
        tenant_id => $tenant_id, tenant_slug => $slug });
}

# One more user of the shop, or of a tenant: { id, token }.
sub person {
    my ($tenant) = @_;
    $tenant //= $shop;
    my $user = $one->seed_user(email => 'p' . $n++ . '@users.example', password => 'a password', role => 'tenant_admin',
        tenant_id => $tenant->{tenant_id}, user => { tenant_slug => $tenant->{slug} });
    return { id => $user->{id}, token => token_for($user->{id}, $tenant->{tenant_id}, $tenant->{slug}) };
}

# A tenant of its own with one user.
sub owner {
    my $id = Erp::Test::uuid();
    my $slug = 'own-' . $n++;
    my $t = $one->seed_tenant(slug => $slug, tenant_id => $id, password => 'a password', entry => { tenant_id => $id },
        user => { tenant_slug => $slug });
    return { slug => $slug, tenant_id => $id, id => $t->{user_id}, token => token_for($t->{user_id}, $id, $slug) };
}

# A write that changes nothing: 422 for who may write, else the code of the refusal.
sub ask {
    my ($worker, $who) = @_;
    my ($status, $body) = $worker->call({ REQUEST_METHOD => 'POST', DOCUMENT_URI => '/api/brands', CONTENT_LENGTH => 2,
        CONTENT_TYPE => 'application/json', HTTP_AUTHORIZATION => "Bearer $who->{token}" }, '{}');
    return $status == 422 ? '' : from_json($body)->{code} // $status;
}

sub update {
    my ($db, $collection, $query, $change) = @_;
    return $one->mongo($db, doc(update => $collection, updates => [doc(q => $query, u => $change)],
        writeConcern => { w => 'majority' }));
}
sub change_user  { my ($who, $change) = @_; return update('users', 'users', { id => $who->{id} }, { '$set' => $change }) }
sub change_entry { my ($who, $change) = @_; return update('admin', 'tenants_registry', { slug => $who->{slug} }, { '$set' => $change }) }

# Seconds until the last of the workers answers with `code`, from now; undef after `limit`.
sub until_all {
    my ($who, $code, $limit, @asked) = @_;
    my $began = time;
    while (@asked) {
        @asked = grep { ask($_, $who) ne $code } @asked;
        return undef if @asked && time - $began > $limit;
        sleep 0.002 if @asked;
    }
    return time - $began;
}

# All workers know somebody and let him write.
sub known { my ($who, @asked) = @_; return !grep { length ask($_, $who) } @asked ? @asked : @workers }

my $epoch = $one->mongo('admin', '{"ping":1}')->{operationTime};

begin_watch();
ok wait_until(20, sub { $two->watched }), 'the second host is watched';
is said('watch_began'), 2, 'without a place to go on from, both streams begin anew';
is +($two->run_program($erpctl, ['watch']))[0], 1, 'a second watcher of one host is refused';

# --- the promise

my %kind = (
    'tenant suspended' => ['tenant_inactive', \&owner, sub { change_entry($_[0], { status => 'suspended' }) }],
    'plan ended'       => ['subscription_lapsed', \&owner, sub { change_entry($_[0], { subscription_status => 'suspended' }) }],
    'user disabled'    => ['user_disabled', \&person, sub { change_user($_[0], { is_active => \0 }) }],
    'role changed'     => ['role_forbidden', \&person, sub { change_user($_[0], { role => 'cashier' }) }],
    'password changed' => ['token_revoked', \&person, sub { change_user($_[0],
        { hashed_password => Erp::Test::bcrypt('another password'), token_version => 1 }) }],
);

sub quantile { my ($q, @sorted) = @_; return $sorted[$q * @sorted >= @sorted ? -1 : int($q * @sorted)] }

sub distribution {
    my ($name, @seconds) = @_;
    my @sorted = sort { $a <=> $b } @seconds;
    return sprintf '%-16s %3d trials, ms: least %3.0f, p50 %3.0f, p90 %3.0f, p99 %3.0f, most %3.0f', $name, scalar @sorted,
        map { 1000 * $_ } $sorted[0], (map { quantile($_, @sorted) } 0.5, 0.9, 0.99), $sorted[-1];
}

subtest 'from the write to the last worker of the last host' => sub {
    my @kinds = sort keys %kind;
    my @trials = map { { kind => $kinds[$_ % @kinds], at => rand 20, left => [@workers] } } 1 .. $TRIALS;
    $_->{who} = $kind{ $_->{kind} }[1]->() for @trials;
    sleep 1;    # the watchers have seen these writes; what follows is seen for itself
    is scalar(grep { !known($_->{who}, @workers) } @trials), 0, 'all workers know everybody, and everybody may write';
    my $began = time;
    $_->{at} += $began for @trials;
    my @due = sort { $a->{at} <=> $b->{at} } @trials;
    my (@open, %took, @late);
    while (@due || @open) {
        if (@due && $due[0]{at} <= time) {
            my $trial = shift @due;
            $kind{ $trial->{kind} }[2]->($trial->{who});
            $trial->{written} = time;
            push @open, $trial;
        }
        for my $trial (@open) {
            @{ $trial->{left} } = grep { ask($_, $trial->{who}) ne $kind{ $trial->{kind} }[0] } @{ $trial->{left} };
            my $took = time - $trial->{written};
            push @late, $trial->{kind} if @{ $trial->{left} } && $took > 10;
            push @{ $took{ $trial->{kind} } }, $took if !@{ $trial->{left} } || $took > 10;
            $trial->{seen} = !@{ $trial->{left} } || $took > 10;
        }
        @open = grep { !$_->{seen} } @open;
        sleep 0.002;
    }
    is_deeply \@late, [], 'every change was seen';
    my @all = sort { $a <=> $b } map { @$_ } values %took;
    is scalar @all, $TRIALS, "$TRIALS trials";
    diag distribution($_, @{ $took{$_} }) for @kinds;
    diag distribution('all', @all);
    cmp_ok quantile(0.99, @all), '<=', 1, 'the 99th percentile is at most 1 s';
};

subtest 'changes that do not say whom they concern' => sub {
    my $gone = person();
    ok known($gone), 'a user';
    $one->mongo('users', doc(delete => 'users', deletes => [doc(q => { id => $gone->{id} }, limit => 1)]));
    ok defined until_all($gone, 'token_revoked', 1, @workers), 'removed';
    my $closed = owner();
    ok known($closed), 'a tenant';
    $one->mongo('admin', doc(delete => 'tenants_registry', deletes => [doc(q => { slug => $closed->{slug} }, limit => 1)]));
    ok defined until_all($closed, 'tenant_not_found', 1, @workers), 'removed';
    my $renamed = owner();
    ok known($renamed), 'a tenant';
    change_entry($renamed, { slug => 'another-name' });
    ok defined until_all($renamed, 'tenant_not_found', 1, @workers), 'renamed: the old name ends';
    my $replaced = person();
    ok known($replaced), 'a user';
    my ($record) = $one->mongo_all('users', doc(find => 'users', filter => { id => $replaced->{id} }, projection => { _id => 0 }));
    update('users', 'users', { id => $replaced->{id} }, { %$record, id => Erp::Test::uuid() });
    ok defined until_all($replaced, 'token_revoked', 1, @workers), 'replaced by a record with another id';
    my $early = person({ slug => 'not-yet', tenant_id => Erp::Test::uuid() });
    ok defined until_all($early, 'tenant_not_found', 1, @workers), 'a slug that is not there';
    my ($entry) = $one->mongo_all('admin', doc(find => 'tenants_registry', filter => { slug => 'shop' }, projection => { _id => 0 }));
    $one->mongo_insert('admin', 'tenants_registry', { %$entry, slug => 'not-yet', admin_email => 'not@yet.example',
        tenant_id => from_json(decode_base64url((split /\./, $early->{token})[1]))->{tenant_id} });
    ok defined until_all($early, '', 1, @workers), '... and then is';
};

subtest 'many changes at once' => sub {
    my @crowd = map { person() } 1 .. 40;
    my $tenant = owner();
    sleep 1;
    ok known($tenant), 'a tenant';
    my $slowest = 0;
    for my $round (1 .. 5) {
        change_user($_, { full_name => "Name $round" }) for @crowd;
        my $code = $round % 2 ? 'tenant_inactive' : '';
        change_entry($tenant, { status => $round % 2 ? 'suspended' : 'active' });
        change_user($_, { full_name => "Name after $round" }) for @crowd;
        my $took = until_all($tenant, $code, 3, @workers);
        $slowest = $took // 3 if ($took // 3) > $slowest;
    }
    cmp_ok $slowest, '<=', 1, 'a busy stream does not keep the other waiting';
    ok $_->watched, '... nor the heart from beating' for $one, $two;
};

# --- without a watcher

subtest 'killed' => sub {
    my $who = person();
    ok known($who), 'a user';
    kill_watch();
    change_user($who, { is_active => \0 });
    my $took = until_all($who, 'user_disabled', 10, @second);
    ok defined $took, 'its host sees a change by itself';
    cmp_ok $took // 99, '<=', 5.5, '... within 5 s';
    diag sprintf 'without a watcher: %.1f s', $took // 99;
    ok defined until_all($who, 'user_disabled', 1, @first), 'the other host has seen it before';
    ok !$two->watched, 'the board says that nobody watches';
    $who = owner();
    ok known($who), 'a tenant, read without a watcher';
    change_entry($who, { status => 'suspended' });
    $took = until_all($who, 'tenant_inactive', 10, @second);
    cmp_ok $took // 99, '<=', 5.5, '... is believed for 5 s at most';
    begin_watch();
    ok wait_until(20, sub { $two->watched }), 'started again: watched';
    is said('watch_resumed'), 2, '... from where it was';
    $who = person();
    ok known($who), 'a user';
    change_user($who, { is_active => \0 });
    ok defined until_all($who, 'user_disabled', 1, @workers), 'followed within a second again';
};

subtest 'a change while it was down' => sub {
    my ($who, $tenant) = (person(), owner());
    ok known($_), 'known' for $who, $tenant;
    my $began = time;
    kill_watch();
    change_user($who, { role => 'cashier' });
    change_entry($tenant, { status => 'suspended' });
    begin_watch();
    ok defined until_all($who, 'role_forbidden', 4, @second), 'the user: seen after the start';
    ok defined until_all($tenant, 'tenant_inactive', 4, @second), 'the tenant: seen after the start';
    cmp_ok time - $began, '<', 4.5, '... and not because nobody watched';
    ok wait_until(10, sub { said('watch_resumed') == 2 }), 'it went on from where it was';
    is said('watch_began') + said('watch_lost'), 0, '... and nothing else';
    my $end = end_watch();
    is $end->{drops}, 0, 'nothing was dropped beside it' or diag to_json($end);
    cmp_ok $end->{events} // 0, '>=', 2, 'both events were read';
};

# What `spoil` makes of the state file; a change meanwhile must be seen.
sub lost {
    my ($name, $event, $spoil) = @_;
    return subtest "its place is lost: $name" => sub {
        ok -s $state, 'there is a state file';
        is sprintf('%o', (stat $state)[2] & 0777), '600', '... for its owner alone';
        my $who = person();
        begin_watch();
        ok wait_until(20, sub { $two->watched && said('watch_resumed') + said('watch_began') == 2 }), 'watched';
        ok known($who), 'a user';
        my $began = time;
        kill_watch();
        my $places = from_json(slurp($state));
        my $text = $spoil->($places);
        spew($state, ref $text ? to_json($text) : $text);
        change_user($who, { is_active => \0 });
        begin_watch();
        ok defined until_all($who, 'user_disabled', 4, @second), 'the change is seen';
        cmp_ok time - $began, '<', 4.5, '... and not because nobody watched';
        ok wait_until(5, sub { said('watch_began') }), 'it began anew';
        ok said($event), "... and said $event";
        my $end = end_watch();
        cmp_ok $end->{drops} // 0, '>=', 1, 'everything was dropped';
        unlike slurp($state), qr/nonsense/, 'the file is sound again';
    };
}

# A place is hexadecimal: 82, seconds, a counter, and the event. The oplog of a young server reaches
# back to its birth, so what has left it is one that never was in it.
sub event_place {
    my ($events) = $one->mongo('users', doc(aggregate => 'users', cursor => doc(), pipeline => [
        doc('$changeStream' => doc(startAtOperationTime => $epoch))]))->{cursor}{firstBatch};
    return $events->[0]{_id}{_data};
}

lost('its event is not in the oplog', 'watch_lost', sub {
    my ($places) = @_;
    my $event = event_place();
    substr $event, 10, 8, 'FFFFFFF0';
    $places->{users}{place}{_data} = $event;
    return $places;
});
lost('later than the time of the server', 'watch_lost', sub {
    my ($places) = @_;
    substr $places->{users}{place}{_data}, 2, 8, sprintf '%08X', time + 30 * 86400;
    return $places;
});
lost('no place at all', 'watch_lost', sub { $_[0]{users}{place}{_data} = 'nonsense'; return $_[0] });
lost('of another server', 'watch_state_unusable', sub { $_[0]{users}{source} = "0123456789abcdef/nonsense"; return $_[0] });
lost('no file that it could read', 'watch_state_unusable', sub { 'nonsense' });

subtest 'the collection is dropped' => sub {
    begin_watch();
    ok wait_until(20, sub { $two->watched }), 'watched';
    my $who = owner();
    ok known($who), 'a tenant';
    $one->mongo('admin', doc(drop => 'tenants_registry'));
    ok defined until_all($who, 'tenant_not_found', 1, @workers), 'nobody is in the registry';
    ok wait_until(5, sub { said('watch_lost') && said('watch_began') }), 'it begins anew, and says so';
    my $new = owner();
    ok known($new), 'a tenant of the new one';
    change_entry($new, { status => 'suspended' });
    ok defined until_all($new, 'tenant_inactive', 1.5, @workers), '... is followed';
    my ($pid) = $one->pids('watch');
    $one->kill_worker('KILL', $pid);
    ok wait_until(5, sub { my ($now) = $one->pids('watch'); $now && $now != $pid }), 'the supervisor replaces one that was killed';
    end_watch();
};

subtest 'the database goes away' => sub {
    my $own = Erp::OwnMongo->new;
    my $c = Erp::Test->start(workers => 1, watch => 1, env => { %long, MONGO_URL => $own->url });
    $c->{eval} = Erp::MongoEval->new($ENV{ERP_TEST_EVAL}, $own->{root_url});
    my ($pid) = $c->pids('watch');
    $own->kill;
    ok wait_until(12, sub { !$c->watched }), 'its heart stops';
    $own->start;
    ok wait_until(30, sub { $c->watched }), 'the database is back: it beats again';
    is_deeply [$c->pids('watch')], [$pid], '... by the same process';
    my $log = slurp("$c->{log}/watch.log");
    like $log, qr/event=watch_away/, 'it said that the database was away';
    like $log, qr/event=watch_away.*event=watch_resumed/s, '... and that it went on from where it was';
    $c->stop;
};

for my $worker (@workers) {
    $worker->signal('TERM');
    is +($worker->ended(20))[0], 0, 'a worker ends in order';
}
done_testing;
