# The interface that existing frontends speak, t/contract/operations.txt, as each of the seventeen demo
# businesses: every operation that is covered is made with the least and with all of its body, listed,
# filtered, read, changed and removed, and every reply is held to its shape. What is not of a business's
# trade is refused by its module. Operations that are not covered yet are counted.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Erp::Contract;
use Erp::Json qw(from_json);
use Erp::Kept;
use Erp::Seeds;
use Erp::Test;

my $contract = Erp::Contract->load("$FindBin::Bin/contract/operations.txt");
my @walked = grep { $_->{covered} eq 'yes' } @{ $contract->{operations} };
my $erp = Erp::Test->start(workers => 3, login_workers => 1);
my $http = Erp::Kept->new(base => $erp->url, cacert => $erp->{cert});

# --- the operations and the routes
my %row = map { ("$_->{method} " . Erp::Contract::shape_of_path($_->{path})) => $_ }
    @{ from_json(($erp->run_program($erp->{erpd}, [ '--routes', '--json' ]))[1]) };
sub row { my ($op) = @_; return $row{ "$op->{method} " . Erp::Contract::shape_of_path($op->{path}) } }

for my $op (@{ $contract->{operations} }) {
    my ($name, $covered) = ("$op->{method} $op->{path}", $op->{covered});
    if ($covered eq 'no') { diag "$name has a route now: let it be covered" if row($op); next }
    ok(row($op), "$name has a route");
    next if $covered eq 'yes';
    my ($test) = glob "$FindBin::Bin/$covered-*.t";
    ok(defined $test, "$name: there is a test $covered");
}
my %count;
$count{ $_->{covered} eq 'yes' ? 'walked' : $_->{covered} eq 'no' ? 'not covered' : 'of other tests' }++
    for @{ $contract->{operations} };
diag join ', ', map { "$_: $count{$_}" } sort keys %count;

# --- a reply that is not as it should be is seen
my %brand = (id => 'a', tenant_id => 't', created_at => '2026-11-25T10:00:00.000Z', updated_at => '2026-11-25T10:00:00.000Z', name => 'Acme', description => undef);
is_deeply([ $contract->faults('Brand', \%brand, 'it') ], [], 'a sound reply');
my %unsound = (
    'it lacks description'      => [ Brand => { map { $_ => $brand{$_} } grep { $_ ne 'description' } keys %brand } ],
    'it.name is null'           => [ Brand => { %brand, name => undef } ],
    'it.name is no text'        => [ Brand => { %brand, name => 7 } ],
    'it.created_at is no instant' => [ Brand => { %brand, created_at => '2026-11-25' } ],
    'it.price is no number'     => [ ServiceCreate => { name => 'a', duration_minutes => 1, price => '1.5', description => undef } ],
    'it.duration_minutes is no whole' => [ ServiceCreate => { name => 'a', duration_minutes => 1.5, price => 1.5, description => undef } ],
    'it: gone is no TableStatus' => [ TableStatus => 'gone' ],
    'it[0] is no object'        => [ '[Brand]' => [ 'a' ] ],
);
is_deeply([ $contract->faults(@{ $unsound{$_} }, 'it') ], [ $_ ], "seen: $_") for sort keys %unsound;

# --- bodies: the values that frontends send, by the members' names

my %refers = (
    product_id => '/api/products', customer_id => '/api/customers', branch_id => '/api/branches', supplier_id => '/api/suppliers',
    service_id => '/api/services', category_id => '/api/categories', brand_id => '/api/brands',
    shipment_id => '/api/cnf/shipments', job_file_id => '/api/cnf/jobs');
my %computed = (balance_amount => 1);    # the server works it out, whatever is sent
my $made = 0;
my @by_name = (    # the first that matches
    [ qr/^(?:sku|imei|serial_number|shipment_number|job_number|table_number|isbn|bl_number|document_number)$/ => sub { 'U' . ++$made } ],
    [ qr/^sale_id$/                             => sub { undef } ],    # made at the till
    [ qr/(?:_date|^date|_delivery|_expiry)$/    => sub { '2026-12-01' } ],
    [ qr/_time$/                                => sub { $made += 10; sprintf '%02d:%02d', $made / 60 % 24, $made % 60 } ],    # nobody is booked twice
    [ qr/phone$/                                => sub { '01711000000' } ],
    [ qr/email$/                                => sub { 'some.one@example.org' } ],
    [ qr/_url$/                                 => sub { '/uploads/settings/one.png' } ],
    [ qr/^payment_status$/                      => sub { 'pending' } ],
    [ qr/^status$/                              => sub { 'available' } ],
    [ qr/^blood_group$/                         => sub { 'AB+' } ],
    [ qr/^max_quantity$/                        => sub { 100 } ],
    [ qr/^total_amount$/                        => sub { 100.5 } ],
    [ qr/^advance_payment$/                     => sub { 40.25 } ],
    [ qr/^balance_amount$/                      => sub { 60.25 } ],
);
my %by_kind = (
    text => sub { 'Some ' . $_[0]{name} }, number => sub { 12.5 }, whole => sub { 3 }, flag => sub { \1 },
    email => sub { 'some.one@example.org' }, object => sub { { colour => 'red', size => 4 } }, texts => sub { ['one', 'two'] },
    objects => sub { [ { product_name => 'Cable', quantity => 2, price => 50.25 } ] });

# What is put into the address or the body of operations that take no shape.
my %argument = (
    'PATCH /api/appointments/{}/status'      => { query => 'status=confirmed', shows => [ status => 'confirmed' ] },
    'PATCH /api/repairs/{}/status'           => { query => 'status=in_repair', shows => [ status => 'in_repair' ] },
    'PATCH /api/online-orders/{}/status'     => { body => { status => 'shipped' }, shows => [ order_status => 'shipped' ] },
    'PATCH /api/job-cards/{}/status'         => { body => { status => 'in_progress' }, shows => [ status => 'in_progress' ] },
    'PATCH /api/cnf/shipments/{}/status'     => { query => 'status=in_transit', shows => [ status => 'in_transit' ] },
    'PATCH /api/cnf/jobs/{}/status'          => { query => 'status=in_progress', shows => [ status => 'in_progress' ] },
    'PATCH /api/cnf/transport/{}/status'     => { query => 'status=in_transit', shows => [ status => 'in_transit' ] },
    'PATCH /api/cnf/billing/{}/payment'      => { query => 'payment_status=paid&payment_date=2026-12-02', shows => [ payment_date => '2026-12-02' ] },
    'PATCH /api/offers/{}/toggle'            => { shows => [ is_active => JSON::PP::false() ] },
    'POST /api/custom-orders/{}/installment' => { body => { amount => 10.25, method => 'cash' }, shows => [ balance_amount => 50 ] },
    'POST /api/job-cards/{}/add-part'        => { body => { name => 'Fan', cost => 450.5 }, shows => [ actual_cost => 450.5 ] },
    'POST /api/device-history/{}/add-repair' => { query => sub { 'job_card_id=' . record('/api/job-cards')->{id} } },
    'PUT /api/product-branches/{}'           => { body => { stock_quantity => 7, sale_price => 15.5 }, shows => [ stock_quantity => 7 ] },
);

# --- one business: everything it makes is in here
my ($token, $shown, %made, %spare);
my %create = map { $_->{path} => $_ } grep { $_->{method} eq 'POST' && $_->{path} !~ /\{/ && $contract->{shapes}{ $_->{body} } } @walked;
my %lists = map { $_->{path} => $_ } grep { $_->{method} eq 'GET' && $_->{reply} =~ /^\[/ } @walked;

sub value {
    my ($member, $all) = @_;
    my $to = $refers{ $member->{name} };
    return $all ? record($to) && $made{$to}{id} : create($to, 0)->{id} if $to;
    for my $rule (@by_name) { return $rule->[1]->() if $member->{name} =~ $rule->[0] }
    return ($by_kind{ $member->{kind} } // die "no value for $member->{name}\n")->($member);
}

# Makes a record and gives the reply; what is wrong with it is added to @$shown.
sub create {
    my ($path, $all) = @_;
    my $op = $create{$path} // die "nothing is made at $path\n";
    my $sent = $contract->body($op->{body}, $all, sub { value($_[0], $all) });
    my $got = $http->post($path, $sent, token => $token);
    my $json = $got->json;
    push @$shown, "POST $path: " . $got->brief if $got->status != 200;
    my @ignored = grep { !$computed{$_} } split /, */, $got->header('X-Ignored-Fields') // '';
    push @$shown, "POST $path ignores @ignored" if @ignored;
    return {} if $got->status != 200;
    push @$shown, $contract->faults($op->{reply}, $json, $op->{reply});
    for my $name (sort keys %$sent) {
        push @$shown, "POST $path: $name is not as it was sent" if Erp::Json::to_json($json->{$name}) ne Erp::Json::to_json($sent->{$name});
    }
    return { %$json, _sent => $sent };
}

# The record that others refer to.
sub record { my ($path) = @_; return $made{$path} //= create($path, 1) }

sub expect {
    my ($got, $op) = @_;
    push @$shown, $got->brief if $got->status != 200;
    push @$shown, $contract->faults($op->{reply}, $got->json, $op->{reply} =~ s/^\[(\w+)\]$/$1/r) if $got->status == 200;
    return $got->status == 200 ? $got->json : undef;
}

sub walk_create {
    my ($op) = @_;
    record($op->{path});
    $spare{ $op->{path} } = create($op->{path}, 0);
    return;
}

sub walk_list {
    my ($op) = @_;
    my $one = $create{ $op->{path} } && record($op->{path});
    my $all = expect($http->get($op->{path}, token => $token), $op) // return;
    return if !$one;
    push @$shown, 'what was made is not listed' if !grep { $_->{id} eq $one->{id} } @$all;
    for my $name (map { $_->{name} } @{ $op->{query} }) {
        my $value = $one->{ $name eq 'search' ? 'name' : $name } // next;
        my $some = expect($http->get("$op->{path}?$name=" . $value =~ s/([^\w.-])/sprintf '%%%02X', ord $1/ger, token => $token), $op) // next;
        push @$shown, "?$name= does not find it" if !grep { $_->{id} eq $one->{id} } @$some;
        push @$shown, "?$name= finds others" if $name ne 'search' && grep { ($_->{$name} // '') ne $value } @$some;
    }
    return;
}

# An operation on one record, or without a path of its own.
sub walk_one {
    my ($op, $row) = @_;
    my $path = $op->{path};
    my $name = "$op->{method} " . Erp::Contract::shape_of_path($path);
    my %with = %{ $argument{$name} // {} };
    my ($base) = $path =~ /^(.*?)\/\{/;
    my $one;
    if (defined $base) {
        $one = $op->{method} eq 'DELETE' ? $spare{$base} : record($base);
        $path =~ s/\{[^}]*\}/$one->{id} \/\/ 'none'/e;
    }
    $with{query} = $with{query}->() if ref $with{query};
    my $body = $with{body} // ($contract->{shapes}{ $op->{body} }
        && ($one ? $one->{_sent} : $contract->body($op->{body}, 1, sub { value($_[0], 1) })));
    my $json = expect($http->request($op->{method}, $path . ($with{query} ? "?$with{query}" : ''),
        $body ? (json => $body) : (), token => $token), $op) // return;
    push @$shown, 'another record' if $one && ref $json eq 'HASH' && defined $json->{id} && $json->{id} ne $one->{id};
    if (my ($member, $value) = @{ $with{shows} // [] }) {
        my ($now) = grep { $_->{id} eq $one->{id} } @{ $http->get($base, token => $token)->json };
        push @$shown, "$member is " . ($now->{$member} // 'null') . " afterwards" if ($now->{$member} // '') ne $value;
    }
    push @$shown, 'it is still listed' if $op->{method} eq 'DELETE' && $lists{$base}
        && grep { $_->{id} eq $one->{id} } @{ $http->get($base, token => $token)->json };
    return;
}

sub walk_refused {
    my ($op) = @_;
    my $got = $http->request($op->{method}, $op->{path} =~ s/\{[^}]*\}/none/gr, $op->{body} ne '-' ? (json => {}) : (), token => $token);
    push @$shown, 'not refused: ' . $got->brief if $got->status != 403 || ($got->json // {})->{code} ne 'module_forbidden';
    return;
}

sub walk {
    my ($op, $has) = @_;
    my $row = row($op) // return;
    my $may = $row->{module} eq 'core' || $has->{ $row->{module} };
    $shown = [];
    if (!$may)                          { walk_refused($op) }
    elsif ($create{ $op->{path} } && $op->{method} eq 'POST') { walk_create($op) }
    elsif ($op->{reply} =~ /^\[/)       { walk_list($op) }
    else                                { walk_one($op, $row) }
    return ok(!@$shown, "$op->{method} $op->{path}" . ($may ? '' : ' is refused')) || diag join "\n", @$shown;
}

# The demo businesses may have as many branches as this makes.
my $seeds = Erp::Seeds::copy($erp, sub { delete $_[0]{tenant}{max_branches} });
my ($status, undef, $err) = $erp->erpctl('seed', '--all', '--dir', $seeds);
is($status, 0, 'seeded') or diag $err;

my ($signing_in) = grep { $_->{path} eq '/api/auth/login' } @walked;
@walked = grep { $_ != $signing_in } @walked;
delete $create{'/api/auth/login'};
for my $file (Erp::Seeds::tenants($erp)) {
    my ($user) = grep { $_->{role} eq 'tenant_admin' } @{ $file->{users} };
    subtest $file->{tenant}{business_type} => sub {
        my $in = $http->post('/api/auth/login', { map { $_ => $user->{$_} } qw(email password) });
        is($in->status, 200, 'signs in') or return;
        is_deeply([ $contract->faults($signing_in->{reply}, $in->json, 'reply') ], [], 'POST /api/auth/login');
        $token = $in->json->{access_token};
        (%made, %spare) = ();
        my %has = map { $_ => 1 } @{ $http->get('/api/auth/me', token => $token)->json->{modules_enabled} };
        walk($_, \%has) for @walked;
    };
}

done_testing;
