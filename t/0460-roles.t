# Who may do what: the whole of erpd --matrix through the wire, every role on every row. What is said
# there must be what happens, so a row that comes later is walked by itself.
use Erp::Case;
use Erp::Test;
use Erp::Json qw(from_json);
use MIME::Base64 qw(decode_base64url);

my $erp = Erp::Test->start(kept => 1, workers => 3, login_workers => 1);
my $erpd = $erp->{erpd};
my @rows = @{ from_json(($erp->run_program($erpd, ['--routes', '--json']))[1]) };
my @matrix = @{ from_json(($erp->run_program($erpd, ['--matrix', '--json']))[1]) };
my %policy = map { ("$_->{method} $_->{path}" => $_) } @rows;
my @roles = qw(super_admin tenant_admin head_office branch_manager staff cashier technician);
my $NOBODY = '00000000-0000-7000-8000-000000000000';

# A business with every module there is, and one account a role; those of a branch are in A.
my %modules = map { ($_->{module} => 1) } @rows;
my $shop = $erp->seed_tenant(slug => 'matrix', entry => { features_enabled => [sort keys %modules] });
my $boss = $erp->login($shop->{email}, $shop->{password})->{access_token};
my ($A, $B) = map { $erp->post('/api/branches', { name => $_, address => 'Road 1', contact_phone => '0170000000' }, token => $boss)->json->{id} } qw(A B);

sub account {
    my ($role, $name, %more) = @_;
    my %user = (email => "$name\@matrix.example", password => "$name-password", role => $role,
        $role eq 'super_admin' ? () : (tenant_id => $shop->{tenant_id}, user => { tenant_slug => 'matrix', %more }));
    my $id = $erp->seed_user(%user)->{id};
    my $token = $erp->login($user{email}, $user{password})->{access_token};
    my ($head, $payload) = map { decode_base64url($_) } (split /\./, $token)[0, 1];
    return { %user, id => $id, head => $head, claims => from_json($payload) };
}

# A token of its own for each call: some rows end the one that calls them.
sub token_of {
    my ($who) = @_;
    return $erp->forge_token(header => $who->{head}, claims => { %{ $who->{claims} }, jti => Erp::Test::uuid() });
}

# Calls a row as somebody. The body is empty and the ids are nobody's: what is let in is refused later, as
# unsound or not found, and changes nothing.
sub call {
    my ($row, $who, $id) = @_;
    my $path = $row->{path} =~ s/\{[^}]+\}/$id || $NOBODY/ger;
    my @query = map { "$_->{name}=x" } grep { $_->{required} } @{ $row->{query} };
    my @body = Erp::Case::body_for($row, {});
    return $erp->request($row->{method}, join('?', $path, @query ? join '&', @query : ()), @body, $who ? (token => token_of($who)) : ());
}

sub code { my ($res) = @_; return ref $res->json eq 'HASH' ? $res->json->{code} // '-' : '-' }

# A list of faults, which must be empty.
sub is_none {
    my ($found, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return ok(!@$found, $name) || diag(join "\n", @$found);
}

my %who = map { ($_ => account($_, $_, $_ =~ /^(?:tenant_admin|head_office)$/ ? () : (branch_id => $A))) } @roles;

subtest 'one matrix' => sub {
    is_deeply [map { "$_->{method} $_->{path}" } @matrix], [map { "$_->{method} $_->{path}" } @rows], 'it has every row';
    my (undef, $text) = $erp->run_program($erpd, ['--matrix']);
    my ($head, @lines) = split /\n/, $text;
    is_deeply [split ' ', $head], ['METHOD', 'PATH', @roles], 'as text: a column a role';
    is_deeply [map { [split ' '] } @lines], [map { my $row = $_; [@$row{qw(method path)}, map { $row->{roles}{$_} } @roles] } @matrix], '... with the same cells';
    my @bad;
    for my $row (@matrix) {
        my $policy = $policy{"$row->{method} $row->{path}"};
        my @cells = map { $row->{roles}{$_} } @roles;
        push @bad, "$row->{path}: @cells" if grep { !/^(?:yes|branch|-|public)$/ } @cells;
        push @bad, "$row->{path}: a super_admin in a business" if $policy->{tenancy} eq 'required' && $row->{roles}{super_admin} ne '-' && $policy->{auth} ne 'public';
        push @bad, "$row->{path}: for a super_admin alone" if $row->{path} =~ m{^/api/(?:super/|tenants$)} && grep { $row->{roles}{$_} ne '-' } @roles[1 .. $#roles];
        push @bad, "$row->{path}: nobody below tenant_admin" if $row->{path} =~ m{^/api/(?:users|auth/register)\b} && grep { $row->{roles}{$_} ne '-' } @roles[2 .. $#roles];
        push @bad, "$row->{path}: branches are the office's" if $row->{path} =~ m{^/api/branches} && $row->{method} ne 'GET' && grep { $row->{roles}{$_} ne '-' } @roles[3 .. $#roles];
    }
    is_none(\@bad, 'what must hold of it');
};

for my $role (@roles) {
    subtest "$role, row by row" => sub {
        my (@bad, %seen);
        for my $row (@matrix) {
            my $name = "$row->{method} $row->{path}";
            my $policy = $policy{$name};
            my $cell = $row->{roles}{$role};
            $seen{$cell}++;
            my $res = call($policy, $who{$role});
            my ($status, $code) = ($res->status, code($res));
            if ($cell eq '-') {
                my $want = $role eq 'super_admin' && $policy->{tenancy} ne 'none' ? 'tenant_required' : 'role_forbidden';
                push @bad, "$name: refused, but $status $code" if $status != 403 || $code ne $want;
            } elsif ($cell eq 'public') {
                push @bad, "$name: public, but $status $code" if $status == 401 || $code =~ /^(?:role|module)_forbidden$/;
            } else {
                push @bad, "$name: allowed, but $status $code" if $status == 401 || $status == 403 || $status >= 500;
            }
        }
        is_none(\@bad, 'is as the matrix says');
        cmp_ok $seen{'-'}, '>', 0, 'some are refused';
        cmp_ok(($seen{yes} // 0) + ($seen{branch} // 0), '>', 3, 'some are not');
    };
}

subtest 'without a token' => sub {
    my @bad;
    for my $row (@rows) {
        my $res = call($row, undef);
        push @bad, "$row->{method} $row->{path}: " . $res->status if ($res->status == 401 && code($res) eq 'token_missing') != ($row->{auth} ne 'public');
    }
    is_none(\@bad, 'nothing but what is public');
};

# Two records of each kind that belongs to a branch, as they are stored.
my @of_branch = grep { $_->{by_branch} } @rows;
my %kinds = map { ($_->{collection} => $_->{branch_field}) } grep { $_->{collection} && $_->{branch_field} } @of_branch;
my %made;
my %not_theirs = map { $_ => 1 } '/api/customer-dues/history';    # lists that none of these records is in
my %product = map { $_ => Erp::Test::uuid() } $A, $B;    # each is assigned to its branch
for my $collection (sort keys %kinds) {
    for my $branch ($A, $B) {
        my $id = $made{$collection}{$branch} = $collection eq 'products' ? $product{$branch} : Erp::Test::uuid();
        $erp->mongo_insert($shop->{db_name}, $collection, { id => $id, tenant_id => $shop->{tenant_id}, name => 'One', stock => 1, stock_quantity => 1, due_amount => 1,
            $kinds{$collection} => $branch, product_id => $product{$branch}, created_at => { '$date' => '2026-01-01T00:00:00Z' } });
    }
}
cmp_ok scalar keys %kinds, '>=', 2, 'kinds of records that belong to a branch';

subtest 'one\'s own branch' => sub {
    my @bad;
    for my $role (@roles[1 .. $#roles]) {
        my $all = $role =~ /^(?:tenant_admin|head_office)$/;
        for my $row (grep { $_->{collection} && $_->{method} eq 'GET' } @of_branch) {
            next if !grep { $_ eq $role } @{ $row->{roles} };
            my ($mine, $theirs) = @{ $made{ $row->{collection} } }{ $A, $B };
            my $name = "$role $row->{path}";
            my $nobodys = grep { $_ eq $role } @{ $row->{own_roles} };    # who see their own records: these are nobody's
            if ($row->{out_list} && $row->{path} !~ /\{/) {
                my %seen = map { ($_->{id} => 1) } @{ call($row, $who{$role})->json };
                push @bad, "$name: not the own one" if !$seen{$mine} && !$not_theirs{ $row->{path} } && !$nobodys;
                push @bad, "$name: somebody's" if $seen{$mine} && $nobodys;
                push @bad, "$name: " . ($all ? 'not all' : 'another branch\'s') if !!$seen{$theirs} != !!($all && !$not_theirs{ $row->{path} });
            } elsif ($row->{path} =~ /\/\{id\}$/) {
                push @bad, "$name: not the own one" if call($row, $who{$role}, $mine)->status != ($nobodys ? 404 : 200);
                push @bad, "$name: another branch's is " . call($row, $who{$role}, $theirs)->status
                    if call($row, $who{$role}, $theirs)->status != ($all ? 200 : 404);
            }
        }
    }
    is_none(\@bad, 'is what is seen of lists and records');
    @bad = ();
    for my $row (grep { $_->{collection} && $_->{method} =~ /^(?:PATCH|DELETE)$/ } @of_branch) {
        if ($row->{path} !~ /\{/) {    # many at once: the reply of the one says so
            my $id = $made{ $row->{collection} }{$B};
            my $many = $row->{method} eq 'DELETE' ? { ids => [$id] } : { records => [{ id => $id }] };
            for my $role (grep { !/admin|head_office/ } @{ $row->{roles} }) {
                my $res = $erp->request($row->{method}, $row->{path}, token => token_of($who{$role}), json => $many);
                my $one = eval { $res->json->{rows}[0]{status} } // 'none';
                push @bad, "$role $row->{method} $row->{path}: " . $res->status . " $one" if $one ne 404;
            }
            next;
        }
        for my $role (grep { !/admin|head_office/ } @{ $row->{roles} }) {
            my $res = call($row, $who{$role}, $made{ $row->{collection} }{$B});
            push @bad, "$role $row->{method} $row->{path}: " . $res->status if $res->status != 404;
        }
    }
    is_none(\@bad, 'another branch\'s record cannot be written');
    for my $collection (sort keys %made) {
        my @left = $erp->mongo_all($shop->{db_name}, doc(find => $collection, filter => { id => { '$in' => [values %{ $made{$collection} }] } }));
        is scalar @left, 2, "$collection: both are there";
    }
    my $res = $erp->patch("/api/products/$made{products}{$A}", { branch_id => $B }, token => token_of($who{branch_manager}));
    is_problem($res, 403, 'forbidden', 'nothing is moved into another branch');
    my $new = $erp->post('/api/products', { name => 'Mine', price => 1 }, token => token_of($who{branch_manager}));
    is $new->json->{branch_id}, $A, 'what is made belongs to one\'s own';
};

subtest 'without a branch' => sub {
    my @bad;
    for my $role (@roles[3 .. $#roles]) {
        my $loose = account($role, "loose-$role");
        for my $row (@of_branch) {
            my $res = call($row, $loose);
            my $want = (grep { $_ eq $role } @{ $row->{roles} }) ? 'branch_required' : 'role_forbidden';
            push @bad, "$role $row->{method} $row->{path}: " . $res->status . ' ' . code($res) if $res->status != 403 || code($res) ne $want;
        }
        push @bad, "$role: the rest is not open" if $erp->get('/api/categories', token => token_of($loose))->status != 200;
    }
    is_none(\@bad, 'nothing that belongs to one');
};

subtest 'narrowed to a module' => sub {
    my $narrow = account('tenant_admin', 'narrow');
    my (@bad, $refused);
    for my $module (grep { $_ ne 'core' } sort keys %modules) {
        my $res = $erp->put("/api/users/$narrow->{id}", { allowed_routes => [$module] }, token => $boss);
        is $res->status, 200, "$module alone" or diag $res->brief;
        for my $row (grep { $_->{auth} eq 'token' && grep { $_ eq 'tenant_admin' } @{ $_->{roles} } } @rows) {
            next if $row->{acting} eq 'always';
            my $got = call($row, $narrow);
            my $closed = $got->status == 403 && code($got) eq 'module_forbidden';
            my $want = $row->{module} ne 'core' && $row->{module} ne $module;
            $refused++ if $closed;
            push @bad, "$module: $row->{method} $row->{path}: " . $got->status . ' ' . code($got) if $closed != $want;
        }
    }
    is_none(\@bad, 'the rows of the others are closed, and no more');
    cmp_ok $refused, '>', 20, 'many were';
};

done_testing;
