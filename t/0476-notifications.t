# Notifications of a business: who sees which, what is read, counts, and that the business's own are
# shown when the platform's cannot be read.
use Erp::Test;
use POSIX qw(strftime);

my $erp = Erp::Test->start(workers => 3, login_workers => 1);
$erp->seed_user(email => 'root@platform.example', password => 'root-password-1', role => 'super_admin');
my $root = $erp->login('root@platform.example', 'root-password-1')->{access_token};
my $shop = $erp->seed_tenant(slug => 'shop');
my $other = $erp->seed_tenant(slug => 'other');
$_->{token} = $erp->login($_->{email}, $_->{password})->{access_token} for $shop, $other;

my %who;
sub person {
    my ($name, $role, %user) = @_;
    my $record = $erp->seed_user(email => "$name\@shop.example", password => "$name-password-1", role => $role,
        tenant_id => $shop->{tenant_id}, user => { tenant_slug => 'shop', %user });
    $who{$name} = { id => $record->{id}, token => $erp->login("$name\@shop.example", "$name-password-1")->{access_token} };
}
person('north', 'cashier', branch_id => 'branch-north');
person('south', 'branch_manager', branch_id => 'branch-south');
person('nowhere', 'staff');
person('office', 'head_office');

my $made = 0;
# One as sales write it, `ago` seconds ago.
sub notice {
    my (%more) = @_;
    my $ago = delete $more{ago} // 100000 - ++$made;
    my $t = delete $more{of} // $shop;
    my $at = { '$date' => strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time - $ago)) };
    my %one = (id => Erp::Test::uuid(), tenant_id => $t->{tenant_id}, created_at => $at, updated_at => $at, type => 'low_stock',
        message => "only-$t->{slug}", is_sticky => \0, is_read => \0, metadata => {}, %more);
    $erp->mongo_insert($t->{db_name}, 'notifications', \%one);
    return $one{id};
}
sub told { my ($token, $query) = @_; return $erp->get('/api/notifications' . ($query // '?limit=100'), token => $token)->json }
sub ids { my ($list) = @_; return [map { $_->{id} } @{ $list->{notifications} }] }
sub stored { my ($id) = @_; my ($one) = $erp->mongo_all($shop->{db_name}, doc(find => 'notifications', filter => { id => $id })); return $one }
sub audited { my ($id) = @_; my @all = $erp->mongo_all("$shop->{db_name}_audit", doc(find => 'audit_log', filter => { action => 'notification_read', record_id => $id })); return scalar @all }
sub read_it { my ($token, $id) = @_; return $erp->patch("/api/notifications/$id/read", undef, token => $token) }
sub unread { my ($token) = @_; return $erp->get('/api/notifications/unread-count', token => $token)->json->{unread_count} }

my %n = (
    all     => notice(title => 'For all', reference_id => 'p-1', metadata => { left => 3 }),
    north   => notice(branch_id => 'branch-north'),
    south   => notice(branch_id => 'branch-south'),
    his     => notice(user_id => $who{north}{id}, branch_id => 'branch-south', type => 'due_request_approved', sale_id => 's-1'),
    nowhere => notice(user_id => $who{nowhere}{id}, type => 'due_request_rejected'),
    sticky  => notice(type => 'unpaid_invoice', sale_id => 's-2', is_sticky => \1),
);
notice(of => $other, user_id => $who{north}{id});

sub sees {
    my ($name, $token, @wanted) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my %name = reverse %n;
    my $list = told($token);
    is_deeply [sort map { $name{$_} // 'a strange one' } @{ ids($list) }], [sort @wanted], "$name sees @wanted";
    is $list->{unread_count}, scalar @wanted, '... all unread';
    return is unread($token), scalar @wanted, '... and counted';
}

subtest 'whose they are' => sub {
    is_deeply told($shop->{token}, '')->{success}, JSON::PP::true(), 'a list';
    sees('the administrator', $shop->{token}, keys %n);
    sees('the till of the north', $who{north}{token}, qw(all north his sticky));
    sees('the south', $who{south}{token}, qw(all south sticky));
    sees('who has no branch', $who{nowhere}{token}, qw(all nowhere sticky));
    sees('the head office', $who{office}{token}, qw(all sticky));
    is scalar @{ told($other->{token})->{notifications} }, 1, 'another business sees its own';
    unlike $erp->get('/api/notifications', token => $other->{token})->body, qr/only-shop/, '... and nothing of this one';
    is_deeply [@{ told($root) }{qw(success notifications unread_count)}], [JSON::PP::true(), [], 0], 'a super_admin has none';
    is unread($root), 0, '... to count';
    is_problem($erp->get('/api/notifications'), 401, 'token_missing', 'a stranger');
};

subtest 'what is shown' => sub {
    my $list = told($shop->{token});
    is_deeply ids($list), [@n{qw(sticky nowhere his south north all)}], 'the newest first';
    my $one = $list->{notifications}[5];
    is_deeply [@$one{qw(type title message reference_id sale_id user_id branch_id is_sticky is_read read source metadata)}],
        ['low_stock', 'For all', 'only-shop', 'p-1', undef, undef, undef, JSON::PP::false(), JSON::PP::false(), JSON::PP::false(), 'tenant', { left => 3 }], 'its members';
    like $one->{created_at}, qr/^\d{4}-\d\d-\d\dT/, 'its time';
    ok !exists $one->{once}, 'nothing that is only for us';
    is_deeply ids(told($shop->{token}, '?limit=2')), [@n{qw(sticky nowhere)}], 'a limit';
    is told($shop->{token}, '?limit=2')->{unread_count}, 6, '... counts all';
    my $stock = told($shop->{token}, '?type=low_stock');
    is_deeply ids($stock), [@n{qw(south north all)}], 'a type';
    is $stock->{unread_count}, 3, '... and its count';
    is_problem($erp->get("/api/notifications?$_", token => $shop->{token}), 400, 'bad_query', $_)
        for qw(limit=0 limit=1001 limit=1.5 limit= type=gossip type= unread_only=yes since=x);
    is_problem($erp->get('/api/notifications/unread-count?x=1', token => $shop->{token}), 400, 'bad_query', 'a count of nothing else');
};

subtest 'with announcements' => sub {
    my $say = sub { return $erp->post('/api/super/announcements', { title => $_[0], message => 'x', priority => $_[1] }, token => $root)->json->{id} };
    my ($high, $low) = ($say->('High', 9), $say->('Low', 1));
    my $newest = notice(message => 'new', ago => -60);
    is_deeply ids(told($shop->{token}, '?limit=4')), [$newest, $low, $high, $n{sticky}], 'one list by date';
    is_deeply ids(told($shop->{token}, '?limit=1')), [$newest], 'one limit';
    is unread($shop->{token}), 9, 'one count of both';
    is told($shop->{token})->{unread_count}, 9, '... in the list too';
    is_deeply ids(told($shop->{token}, '?type=low_stock&limit=1')), [$newest], 'a type leaves announcements out';
    is_deeply ids(told($shop->{token}, '?type=announcement')), [$high, $low], 'or is theirs';
    is told($shop->{token}, '?type=announcement')->{unread_count}, 2, '... as is the count';
    is read_it($shop->{token}, $high)->status, 200, 'an announcement is read';
    is unread($shop->{token}), 8, '... and counted';
    $erp->delete("/api/super/announcements/$_", token => $root) for $high, $low;
    $erp->mongo($shop->{db_name}, doc(delete => 'notifications', deletes => [doc(q => { id => $newest }, limit => 1)]));
};

subtest 'read' => sub {
    my $res = read_it($who{north}{token}, $n{his});
    is $res->status, 200, 'read' or diag $res->brief;
    is $res->json->{success}, JSON::PP::true(), '... yes';
    my $one = stored($n{his});
    is $one->{is_read}, JSON::PP::true(), 'it is';
    ok $one->{read_at}, '... since when';
    ok $one->{expires_at}, '... and goes some day';
    is audited($n{his}), 1, '... with an audit entry';
    read_it($shop->{token}, $n{his});
    is_deeply stored($n{his}), $one, 'read again, nothing changes';
    is audited($n{his}), 1, '... nor is it written down';
    ok !(grep { $_ eq $n{his} } @{ ids(told($shop->{token}, '?unread_only=true')) }), 'not among the unread';
    ok scalar(grep { $_ eq $n{his} } @{ ids(told($shop->{token}, '?unread_only=false')) }), 'among all';
    is told($shop->{token})->{unread_count}, 5, 'one less';
    is read_it($who{north}{token}, $n{nowhere})->status, 200, 'what is another\'s: yes';
    is stored($n{nowhere})->{is_read}, JSON::PP::false(), '... and nothing is done';
    is read_it($who{north}{token}, $n{south})->status, 200, 'what is another branch\'s: yes';
    is stored($n{south})->{is_read}, JSON::PP::false(), '... and nothing is done';
    is read_it($other->{token}, $n{all})->status, 200, 'what is another business\'s: yes';
    is stored($n{all})->{is_read}, JSON::PP::false(), '... and nothing is done';
    is read_it($shop->{token}, $_)->status, 200, "what is not there: $_" for Erp::Test::uuid(), 'x' x 200, '%24ne';
    read_it($shop->{token}, $n{sticky});
    $one = stored($n{sticky});
    is_deeply [@$one{qw(is_read is_sticky expires_at)}], [JSON::PP::true(), JSON::PP::true(), undef], 'a sticky one stays until it is settled';
    is_problem($erp->patch("/api/notifications/$n{all}/dismiss", undef, token => $shop->{token}), 404, 'not_found', 'only announcements are put away');
    is_problem(read_it($root, $n{all}), 403, 'tenant_required', 'not by a super_admin');
};

subtest 'of earlier systems' => sub {
    $erp->mongo_insert($shop->{db_name}, 'notifications', doc(id => 'old-1', tenant_id => $shop->{tenant_id}, type => 'payment_received',
        message => 'Paid', created_at => '2024-05-01T10:00:00+00:00'));
    my ($old) = grep { $_->{id} eq 'old-1' } @{ told($shop->{token})->{notifications} };
    is_deeply [@$old{qw(read is_sticky metadata created_at)}], [JSON::PP::false(), JSON::PP::false(), {}, '2024-05-01T10:00:00+00:00'], 'shown';
    is told($shop->{token}, '?type=payment_received')->{unread_count}, 1, 'counted';
    read_it($shop->{token}, 'old-1');
    is told($shop->{token}, '?type=payment_received')->{unread_count}, 0, 'read';
};

subtest 'indexes' => sub {
    my @indexes = $erp->mongo_all($shop->{db_name}, doc(listIndexes => 'notifications'));
    my @loose = grep { my ($first) = keys %{ $_->{key} }; !exists $_->{key}{tenant_id} && $_->{name} ne '_id_' && !defined $_->{expireAfterSeconds} } @indexes;
    is_deeply [map { $_->{name} } @loose], [], 'each begins with the business';
    is scalar(grep { defined $_->{expireAfterSeconds} && exists $_->{key}{expires_at} } @indexes), 1, 'one removes what was read long ago';
    is scalar(grep { $_->{unique} && exists $_->{key}{once} } @indexes), 1, 'one keeps two from telling the same';
};

# Instead of the collection a view that fails: no announcement can be read.
subtest 'the platform is away' => sub {
    my $before = told($shop->{token});
    is $before->{announcements_available}, JSON::PP::true(), 'there before';
    $erp->mongo('admin', doc(drop => 'announcements'));
    $erp->mongo('admin', doc(create => 'announcements', viewOn => 'tenants_registry',
        pipeline => [{ '$match' => { '$expr' => { '$divide' => [1, 0] } } }]));
    my $list = told($shop->{token});
    is_deeply ids($list), ids($before), 'the business\'s own are shown';
    is $list->{announcements_available}, JSON::PP::false(), '... and that others are missing';
    is unread($shop->{token}), $before->{unread_count}, 'they are counted';
    is read_it($shop->{token}, $n{north})->status, 200, 'and read';
    is stored($n{north})->{is_read}, JSON::PP::true(), '... truly';
    my $res = read_it($shop->{token}, Erp::Test::uuid());
    cmp_ok $res->status, '>=', 500, 'what may be an announcement is not said to be read';
};

done_testing;
