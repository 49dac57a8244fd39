# erpctl seed --all: one demo tenant of each of the seventeen kinds of business. Each signs in, has
# the modules of its trade and records in every one of them, set up as any other tenant is; a second
# run changes nothing, and one that was stopped half-way is gone on with.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Erp::Json qw(from_json);
use Erp::Case;
use Erp::Kept;
use Erp::Seeds;
use Erp::Test;

my @types = qw(clinic cnf computer_shop ecommerce electronics fashion furniture garage grocery hardware mobile_shop
    pharmacy real_estate restaurant salon stationery wholesale);
my $erp = Erp::Test->start(workers => 2, login_workers => 2);
my $http = Erp::Kept->new(base => $erp->url, cacert => $erp->{cert});
my $seeds = Erp::Seeds::copy($erp);
my %file = map { $_->{tenant}{business_type} => $_ } Erp::Seeds::tenants($erp);
my %of = map { $_ => $file{$_}{tenant} } keys %file;
is_deeply([ sort keys %of ], \@types, 'a file for every kind of business');

# --- stopped after a step, and run again
$erp->erpctl('seed', '--dir', $seeds, '--only', 'restaurant', { env => { ERP_STOP_AFTER => 'account' } });
my ($half) = $erp->mongo_all('admin', doc(find => 'tenants_registry', filter => { slug => 'restaurant' }));
is($half->{status}, 'provisioning', 'stopped half-way');
is($erp->post('/api/auth/login', { email => 'restaurant@example.com', password => 'restaurant123' })->status, 401,
   'what is half made serves nobody');

# --- the whole
my ($status, $out, $err) = $erp->erpctl('seed', '--all', '--dir', $seeds, '--json');
is($status, 0, 'seeded') or diag $err;
my %made = map { $_->{seeds} => $_ } @{ from_json($out) // [] };
is(scalar keys %made, 18, 'seventeen tenants and the platform');

# What can be listed, by module, and where the records of a collection are.
my @rows = @{ from_json(($erp->run_program($erp->{erpd}, [ '--routes', '--json' ]))[1]) };
my %writable = map { $_->{path} => 1 } grep { $_->{method} eq 'POST' } @rows;
my %plain = map { $_ => 1 } Erp::Case::nouns();    # what is written as it is; the rest comes of actions
my (%lists, %path, %seeded);
for my $row (grep { $_->{method} eq 'GET' && $_->{resource} && $_->{out_list} && $writable{ $_->{path} } } @rows) {
    $lists{ $row->{module} }{ $row->{path} } = 1;
    $path{ $row->{collection} } = $row->{path};
    $seeded{ $row->{module} } = 1 if $plain{ $row->{resource} };
}
cmp_ok(scalar keys %seeded, '>', 15, 'modules with records');

my %token;
for my $type (@types) {
    my $tenant = $of{$type};
    (my $login = $type eq 'computer_shop' ? 'computershop' : $type eq 'mobile_shop' ? 'mobile' : $type) =~ tr/_//d;
    subtest $type => sub {
        my $in = $erp->login("$login\@example.com", "${login}123");
        my @as = (token => $token{$type} = $in->{access_token});
        my $me = $http->get('/api/auth/me', @as)->json;
        is($me->{business_type}, $type, 'its kind');
        is($me->{business_name}, $tenant->{business_name}, 'its name');
        is($http->get('/api/health/tenant', @as)->json->{database_name}, $tenant->{db_name}, 'its database');
        is($http->get('/api/settings', @as)->json->{website_name}, $tenant->{business_name}, 'its settings');
        my %has = map { $_ => 1 } @{ $me->{modules_enabled} };
        ok($has{$_}, "has $_") for qw(catalogue sales expenses), $type;
        my ($entry) = $erp->mongo_all('admin', doc(find => 'tenants_registry', filter => { slug => $tenant->{slug} }));
        ok((grep { $_ eq $type } @{ $entry->{features_enabled} }), 'its entry lists its modules');
        like($entry->{db_uri}, qr/^sealed:/, 'with a sealed address');
        my %count;
        for my $module (sort keys %lists) {
            my $records = 0;
            for my $list (sort keys %{ $lists{$module} }) {
                my $got = $http->get($list, @as);
                if (!$has{$module}) { is_problem($got, 403, 'module_forbidden', "$list is not of its trade"); next }
                is($got->status, 200, "$list may be read") or next;
                $records += $count{$list} = @{ $got->json };
            }
            cmp_ok($records, '>', 0, "its module $module has records") if $has{$module} && $seeded{$module};
        }
        # what somebody did: only the modules that have nothing else are known to need it
        for my $list (qw(sales payments customer-dues due-requests), $has{pos} ? 'till/shifts' : (), $has{returns} ? 'returns' : (),
            $has{inventory} ? 'purchases' : ()) {
            cmp_ok(scalar @{ $http->get("/api/$list", @as)->json }, '>', 0, "$list were made");
        }
        my $warranties = $http->get('/api/warranty/list', @as);
        if ($has{warranty}) { cmp_ok(scalar @{ $warranties->json->{warranties} }, '>', 0, 'somebody has a warranty') }
        else                { is_problem($warranties, 403, 'module_forbidden', 'warranties are not of its trade') }
        my ($shift) = @{ $http->get('/api/till/shifts?status=closed', @as)->json };
        is($shift->{variance}, 0, 'the till had what it should') if $has{pos};
        cmp_ok($http->get('/api/dashboard/stats', @as)->json->{total_sales}, '>', 0, 'the dashboard shows sales');
        is($erp->mongo($tenant->{db_name}, doc(count => 'idempotency_keys', query => { expires_at => { '$exists' => \1 } }))->{n}, 0,
            'it may be seeded again at any time');
        my (undef, $ledger) = $erp->erpctl('stock', 'reconcile', $tenant->{slug}, '--json');
        is_deeply(from_json($ledger)->{faults}, 0, 'its stock adds up') or diag $ledger;
        my $written = $file{$type}{records};
        is($count{ $path{$_} // '' }, scalar @{ $written->{$_} }, "all its $_ are there") for sort keys %$written;
        my ($log) = $erp->mongo_all("$tenant->{db_name}_audit", doc(find => 'audit_log', filter => { action => 'tenant_add' }));
        is($log->{actor}, 'erpctl', 'its audit log says who set it up');
    };
}

# --- each works with a MongoDB account of its own, that of another opens nothing
my $users = $erp->mongo('users', doc(usersInfo => { forAllDBs => \1 }));
my %account = map { $_->{user} => 1 } @{ $users->{users} };
ok($account{"erpd_$of{$_}{db_name}"}, "$_: its own account") for @types;

# --- what refers to each other
subtest 'a shipment with all that belongs to it' => sub {
    my @as = (token => $token{cnf});
    my ($job) = @{ $http->get('/api/cnf/jobs?job_number=GT-JOB-2602', @as)->json };
    my ($shipment) = grep { $_->{id} eq $job->{shipment_id} } @{ $http->get('/api/cnf/shipments', @as)->json };
    is($shipment->{shipment_number}, 'GT-SHP-2602', 'the shipment of the job');
    my ($bill) = @{ $http->get("/api/cnf/billing?job_file_id=$job->{id}", @as)->json };
    like($bill->{invoice_number}, qr/^INV-CNF-\d{5}$/, 'its invoice has a number');
    is_deeply([ $job->{status}, $shipment->{status} ], [qw(documentation customs_clearance)], 'each in a state of its own');
    is($bill->{total_amount}, 95810, '... and the server\'s sum');
    is(scalar @{ $http->get("/api/cnf/$_?job_file_id=$job->{id}&shipment_id=$shipment->{id}", @as)->json },
       { documents => 2, transport => 1 }->{$_}, "its $_") for qw(documents transport);
};

# --- again
sub contents {
    my %all;
    for my $type (@types) {
        my $db = $of{$type}{db_name};
        for my $in ($db, "${db}_audit") {
            for my $c (map { $_->{name} } $erp->mongo_all($in, doc(listCollections => 1, nameOnly => \1))) {
                $all{"$in.$c"} = [ map { join '|', map { $_ // '' } @$_{qw(id _rev name value)} }
                    $erp->mongo_all($in, doc(find => $c, sort => { _id => 1 }, batchSize => 1000)) ];
            }
        }
    }
    return \%all;
}
my $before = contents();
cmp_ok(scalar keys %$before, '>', 100, 'collections to compare');
($status, $out) = $erp->erpctl('seed', '--all', '--dir', $seeds, '--json');
is($status, 0, 'seeded again');
is_deeply([ grep { $_->{created} } @{ from_json($out) } ], [], 'nothing was made');
is_deeply(contents(), $before, 'nothing was changed');

done_testing;
