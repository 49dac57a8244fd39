# Announcements of the platform: whom they reach, what each user has read and put away, and that the
# numbers are right when many do so at once.
use Erp::Test;
use Erp::AtOnce qw(replies_at_once);
use POSIX qw(strftime);

my $erp = Erp::Test->start(workers => 4, login_workers => 1, env => { ERP_TENANT_SHARE => 100 });
$erp->seed_user(email => 'root@platform.example', password => 'root-password-1', role => 'super_admin');
my $root = $erp->login('root@platform.example', 'root-password-1')->{access_token};

# A business with its administrator and some of its staff.
sub business {
    my ($slug, $type, @staff) = @_;
    my $t = $erp->seed_tenant(slug => $slug, entry => { business_type => $type });
    $t->{token} = $erp->login($t->{email}, $t->{password})->{access_token};
    for my $name (@staff) {
        $erp->seed_user(email => "$name\@$slug.example", password => "$name-password-1", role => 'cashier',
            tenant_id => $t->{tenant_id}, user => { tenant_slug => $slug });
        $t->{$name} = $erp->login("$name\@$slug.example", "$name-password-1")->{access_token};
    }
    return $t;
}

my @crowd = map { "till$_" } 1 .. 5;
my $shop = business('shop', 'computer_shop', 'ann', @crowd);
my $chemist = business('chemist', 'pharmacy', 'ben');
my $asleep = business('asleep', 'pharmacy');
$erp->mongo('admin', doc(update => 'tenants_registry', updates => [doc(q => { slug => 'asleep' }, u => { '$set' => { status => 'suspended' } })]));

sub announce { my (%body) = @_; return $erp->post('/api/super/announcements', { title => 'Hello', message => 'All of you', %body }, token => $root) }
sub made { my $res = announce(@_); die 'announce: ' . $res->brief . "\n" if $res->status != 200; return $res->json }
sub listed { return @{ $erp->get('/api/super/announcements', token => $root)->json } }
sub record { my ($id) = @_; my ($one) = grep { $_->{id} eq $id } listed(); return $one }
sub told { my ($token, $query) = @_; return $erp->get('/api/notifications' . ($query // ''), token => $token)->json }
sub sees { my ($token, $id) = @_; my ($one) = grep { $_->{id} eq $id } @{ told($token, '?limit=100')->{notifications} }; return $one }
sub read_it { my ($token, $id) = @_; return $erp->patch("/api/notifications/$id/read", undef, token => $token) }
sub dismiss { my ($token, $id) = @_; return $erp->patch("/api/notifications/$id/dismiss", undef, token => $token) }
sub stored { my ($collection, %filter) = @_; return $erp->mongo_all('admin', doc(find => $collection, filter => \%filter)) }
sub how_many { my @all = stored(@_); return scalar @all }
sub receipts { my ($id) = @_; return how_many('announcement_receipts', announcement_id => $id) }
sub audited { my ($action, $id) = @_; my @all = $erp->mongo_all('admin_audit', doc(find => 'audit_log', filter => { action => $action, record_id => $id })); return scalar @all }
sub in_days { return strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time + 86400 * $_[0])) }
sub change { my ($id, $set) = @_; return $erp->mongo('admin', doc(update => 'announcements', updates => [doc(q => { id => $id }, u => { '$set' => $set })])) }

subtest 'only the platform makes them' => sub {
    for my $token ($shop->{token}, $shop->{ann}) {
        is_problem($erp->post('/api/super/announcements', { title => 'x', message => 'y' }, token => $token), 403, 'role_forbidden', 'a business makes none');
        is_problem($erp->get('/api/super/announcements', token => $token), 403, 'role_forbidden', '... and does not list them');
        is_problem($erp->delete('/api/super/announcements/' . Erp::Test::uuid(), token => $token), 403, 'role_forbidden', '... nor removes any');
    }
    is_problem($erp->get('/api/super/announcements'), 401, 'token_missing', 'nor does a stranger');
    is how_many('announcements'), 0, 'there is none';
};

subtest 'for all' => sub {
    my $res = announce(title => 'Welcome');
    is $res->status, 200, 'made' or diag $res->brief;
    my $one = $res->json;
    like $one->{id}, qr/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'its id';
    is $res->header('Location'), "/api/super/announcements/$one->{id}", 'where it is';
    is_deeply [@$one{qw(announcement_id title announcement_type audience_type priority expires_at target_sectors)}],
        [$one->{id}, 'Welcome', 'info', 'all_tenants', 0, undef, undef], 'what it is';
    ok exists $one->{$_}, "$_ is there" for qw(target_sectors target_tenant_ids expires_at);
    is_deeply $one->{channels}, ['in_app'], 'where it is shown';
    is_deeply [@$one{qw(total_recipients read_count dismissed_count)}], [2, 0, 0], 'two active businesses, nobody has read it';
    for my $token ($shop->{token}, $shop->{ann}, $chemist->{token}, $chemist->{ben}) {
        my $seen = sees($token, $one->{id});
        is_deeply [@$seen{qw(source type title message read is_read)}], ['announcement', 'info', 'Welcome', 'All of you', JSON::PP::false(), JSON::PP::false()], 'seen';
    }
    is_deeply told($root)->{notifications}, [], 'the super_admin is told of none';
    $erp->seed_user(email => 'old@old.example', password => 'old-password-1', role => 'tenant_admin', tenant_id => Erp::Test::uuid());
    my $old = $erp->login('old@old.example', 'old-password-1')->{access_token};
    is_deeply told($old)->{notifications}, [], 'nor is the shared database, which is in no registry';
    is_problem(dismiss($old, $one->{id}), 404, 'not_found', '... and it cannot put it away');
    is read_it($old, $one->{id})->status, 200, '... nor read it';
    is how_many('announcement_receipts'), 0, 'no receipt was made for anybody';
    is audited('announcement_create', $one->{id}), 1, 'an audit entry';
};

subtest 'for some' => sub {
    my $pharmacies = made(audience_type => 'specific_sectors', target_sectors => ['pharmacy', 'salon'], announcement_type => 'warning');
    is $pharmacies->{total_recipients}, 1, 'one active business of these sectors';
    ok sees($chemist->{ben}, $pharmacies->{id}), 'which sees it';
    ok !sees($shop->{token}, $pharmacies->{id}), 'others do not';
    my $named = made(audience_type => 'specific_tenants', target_tenant_ids => [$shop->{tenant_id}, $asleep->{tenant_id}]);
    is $named->{total_recipients}, 1, 'one of the named is active';
    ok sees($shop->{ann}, $named->{id}), 'which sees it';
    ok !sees($chemist->{token}, $named->{id}), 'others do not';
    is_problem(dismiss($chemist->{token}, $named->{id}), 404, 'not_found', '... nor put it away');
    is read_it($chemist->{token}, $named->{id})->json->{success}, JSON::PP::true(), 'reading says yes';
    is receipts($named->{id}), 0, '... and notes nothing';
};

subtest 'refused' => sub {
    my $before = listed();
    my @bad = (
        ['title', title => undef], ['title', title => ''], ['title', title => 'x' x 201], ['title', title => 7],
        ['message', message => undef], ['message', message => 'x' x 5001],
        ['announcement_type', announcement_type => 'gossip'],
        ['audience_type', audience_type => 'some'],
        ['audience_type', audience_type => 'custom_filter', custom_filter => { status => 'active' }],
        ['target_sectors', audience_type => 'specific_sectors'],
        ['target_sectors', audience_type => 'specific_sectors', target_sectors => []],
        ['target_sectors', audience_type => 'specific_sectors', target_sectors => [map { "s$_" } 1 .. 65]],
        ['target_sectors[0]', audience_type => 'specific_sectors', target_sectors => [{ '$ne' => 'x' }]],
        ['target_sectors', target_sectors => ['pharmacy']],
        ['target_tenant_ids', audience_type => 'specific_tenants'],
        ['target_tenant_ids[1]', audience_type => 'specific_tenants', target_tenant_ids => [$shop->{tenant_id}, Erp::Test::uuid()]],
        ['target_tenant_ids', audience_type => 'specific_tenants', target_tenant_ids => [map { "t$_" } 1 .. 1001]],
        ['channels[1]', channels => ['email', 'pigeon']], ['channels', channels => ['in_app', 'in_app', 'in_app', 'in_app']],
        ['priority', priority => 11], ['priority', priority => -1], ['priority', priority => 1.5],
        ['expires_at', expires_at => '2020-01-01T00:00:00Z'], ['expires_at', expires_at => 'soon'],
    );
    for my $case (@bad) {
        my ($field, %body) = @$case;
        my $res = announce(%body);
        is_problem($res, 422, 'validation', join ' ', map { "$_=" . substr($body{$_} // 'null', 0, 20) } sort keys %body);
        is $res->json->{errors}[0]{field}, $field, '... names the field';
    }
    is_problem($erp->get("/api/super/announcements?$_", token => $root), 400, 'bad_query', $_)
        for qw(limit=0 limit=201 limit=x skip=-1 skip=100001 since=1);
    is listed(), $before, 'nothing was made';
};

subtest 'each user for himself' => sub {
    my $one = made(title => 'Mine');
    my $unread = $erp->get('/api/notifications/unread-count', token => $shop->{ann})->json->{unread_count};
    my $res = read_it($shop->{ann}, $one->{id});
    is $res->status, 200, 'read' or diag $res->brief;
    is sees($shop->{ann}, $one->{id})->{read}, JSON::PP::true(), '... by her';
    is sees($shop->{token}, $one->{id})->{read}, JSON::PP::false(), '... not by her administrator';
    is $erp->get('/api/notifications/unread-count', token => $shop->{ann})->json->{unread_count}, $unread - 1, 'one less to read';
    ok !(grep { $_->{id} eq $one->{id} } @{ told($shop->{ann}, '?unread_only=true')->{notifications} }), '... not among the unread';
    my ($receipt) = stored('announcement_receipts', announcement_id => $one->{id});
    is_deeply [@$receipt{qw(tenant_id is_read is_dismissed)}], [$shop->{tenant_id}, JSON::PP::true(), JSON::PP::false()], 'her receipt';
    read_it($shop->{ann}, $one->{id});
    my ($again) = stored('announcement_receipts', announcement_id => $one->{id});
    is_deeply $again, $receipt, 'read again, nothing changes';
    is audited('announcement_read', $one->{id}), 1, '... and is written down once';
    is dismiss($shop->{ann}, $one->{id})->status, 200, 'put away';
    ok !sees($shop->{ann}, $one->{id}), '... she sees it no more';
    is dismiss($shop->{ann}, $one->{id})->status, 200, '... and may say so twice';
    ok sees($shop->{token}, $one->{id}), 'her administrator still sees it';
    ($receipt) = stored('announcement_receipts', announcement_id => $one->{id});
    is_deeply [@$receipt{qw(is_read is_dismissed)}], [JSON::PP::true(), JSON::PP::true()], 'one receipt says both';
    is dismiss($chemist->{ben}, $one->{id})->status, 200, 'put away unread';
    is_deeply [@{ record($one->{id}) }{qw(read_count dismissed_count)}], [1, 2], 'the numbers';
    is_problem(dismiss($shop->{token}, Erp::Test::uuid()), 404, 'not_found', 'no such announcement');
    is read_it($shop->{token}, Erp::Test::uuid())->status, 200, 'reading what is not there is fine';
    is_problem(dismiss($root, $one->{id}), 403, 'tenant_required', 'not for a super_admin');
};

subtest 'many at once' => sub {
    my $one = made(title => 'Everybody');
    my @tokens = map { $shop->{$_} } @crowd;
    my @status = replies_at_once($erp, map { my $token = $_; (sub { read_it($token, $one->{id}) }) x 2 } @tokens);
    push @status, replies_at_once($erp, map { my $token = $_; (sub { dismiss($token, $one->{id}) }) x 2 } @tokens[0 .. 2]);
    is_deeply [grep { $_ ne '200' } @status], [], 'every one is accepted' or diag "@status";
    is_deeply [@{ record($one->{id}) }{qw(read_count dismissed_count)}], [5, 3], 'each user counts once';
    is receipts($one->{id}), 5, 'one receipt a user';
    is audited('announcement_read', $one->{id}), 5, 'one audit entry a user';
    $erp->post('/api/super/announcements', { title => 'Key', message => 'x' }, token => $root, headers => { 'Idempotency-Key' => 'once' }) for 1 .. 3;
    is how_many('announcements', title => 'Key'), 1, 'a key makes one';
};

subtest 'in order' => sub {
    my @ids = map { made(title => "Order $_", priority => $_)->{id} } 3, 9, 9, 0;
    my %wanted = map { $_ => 1 } @ids;
    my $list = told($shop->{token}, '?type=announcement&limit=100');
    is_deeply [map { $_->{id} } grep { $wanted{ $_->{id} } } @{ $list->{notifications} }], [@ids[2, 1, 0, 3]], 'by priority, then the newest first';
    is_deeply [map { $_->{id} } @{ told($shop->{token}, '?type=announcement&limit=2')->{notifications} }], [@ids[2, 1]], 'a limit keeps the most important ones';
    is told($shop->{token}, '?type=announcement&limit=2')->{unread_count}, $list->{unread_count}, '... and counts all';
    is_deeply [map { $_->{id} } @{ $erp->get('/api/super/announcements?skip=1&limit=2', token => $root)->json }], [@ids[2, 1]], 'the platform pages';
};

subtest 'over' => sub {
    my $soon = made(title => 'Soon over', expires_at => in_days(1));
    ok sees($shop->{token}, $soon->{id}), 'seen until its end';
    change($soon->{id}, { expires_at => { '$date' => in_days(-1) } });
    ok !sees($shop->{token}, $soon->{id}), '... and not afterwards';
    is_problem(dismiss($shop->{token}, $soon->{id}), 404, 'not_found', '... nor put away');
    is receipts($soon->{id}), 0, '... no receipt';
};

subtest 'removed' => sub {
    my $one = made(title => 'Wrong');
    read_it($shop->{ann}, $one->{id});
    dismiss($chemist->{ben}, $one->{id});
    my $res = $erp->delete("/api/super/announcements/$one->{id}", token => $root);
    is $res->status, 200, 'removed' or diag $res->brief;
    ok !sees($shop->{token}, $one->{id}), 'nobody sees it';
    is receipts($one->{id}), 0, 'its receipts are gone';
    is_deeply [@{ record($one->{id}) }{qw(is_active read_count dismissed_count)}], [JSON::PP::false(), 1, 1], 'what they said is kept';
    is_problem($erp->delete("/api/super/announcements/$one->{id}", token => $root), 404, 'not_found', 'once');
    is_problem($erp->delete('/api/super/announcements/' . Erp::Test::uuid(), token => $root), 404, 'not_found', 'what is there');
    is_problem(dismiss($shop->{token}, $one->{id}), 404, 'not_found', 'nor is it put away');
    is receipts($one->{id}), 0, '... which leaves nothing';
    is audited('announcement_delete', $one->{id}), 1, 'an audit entry';
};

subtest 'over for long' => sub {
    my %one = map { $_ => made(title => "For $_ days", expires_at => in_days(1))->{id} } 91, 89;
    for my $id (values %one) { read_it($shop->{$_}, $id) for 'ann', $crowd[0]; dismiss($shop->{ann}, $id) }
    change($one{$_}, { expires_at => { '$date' => in_days(-$_) } }) for keys %one;
    my $late = made(title => 'Late');
    $erp->delete("/api/super/announcements/$late->{id}", token => $root);
    $erp->mongo_insert('admin', 'announcement_receipts', { _id => "$late->{id}:late", announcement_id => $late->{id}, is_read => \1 });
    change($late->{id}, { updated_at => { '$date' => in_days(-1) } });
    my ($old, $younger) = @one{91, 89};
    my ($status, $out) = $erp->erpctl('jobs', '--dry-run');
    like $out, qr/announcements .*receipts of announcement \Q$_\E/, 'said to be due' for $old, $late->{id};
    unlike $out, qr/\Q$younger\E/, '... which another is not yet';
    is receipts($old), 2, '... and nothing is done';
    ($status, $out) = $erp->erpctl('jobs');
    is $status, 0, 'done' or diag $out;
    is_deeply [map { receipts($_) } $old, $younger, $late->{id}], [0, 2, 0], 'what is due is gone, also what came too late';
    is_deeply [@{ record($one{$_}) }{qw(is_active read_count dismissed_count)}], [JSON::PP::true(), 2, 1], "the numbers of $_ days" for 91, 89;
    is record($late->{id})->{read_count}, 0, 'what came too late does not count';
    is audited('announcement_end', $old), 1, 'an audit entry';
    ($status, $out) = $erp->erpctl('jobs', '--dry-run');
    unlike $out, qr/receipts of announcement (?:\Q$old\E|\Q$late->{id}\E)/, 'and nothing is due any more';
};

subtest 'not without end' => sub {
    $erp->mongo_insert('admin', 'announcements', map { doc(id => Erp::Test::uuid(), title => "Full $_", is_active => \1) } 1 .. 200);
    my $before = how_many('announcements');
    is_problem(announce(), 403, 'limit_reached', '200 at a time');
    is how_many('announcements'), $before, 'not one more';
};

done_testing;
