# Transfers between branches: both sides move or neither, to the last unit, and the ledger knows.
use Erp::Test;
use Erp::Json qw(from_json);
use Erp::Say qw(slurp);
use POSIX ();

my $erp = Erp::Test->start(workers => 4, login_workers => 1, env => { ERP_TENANT_SHARE => 100 });
my $shop = $erp->seed_tenant(slug => 'moving');
my @as = (token => $erp->login($shop->{email}, $shop->{password})->{access_token});

sub made {
    my ($path, $body) = @_;
    my $r = $erp->post($path, $body, @as);
    is $r->status, 200, "POST $path" or diag $r->brief;
    return $r->json;
}
sub user {
    my ($name, $role, $branch) = @_;
    my $user = $erp->seed_user(email => "$name\@moving.example", password => "$name-password", role => $role,
        tenant_id => $shop->{tenant_id}, user => { tenant_slug => 'moving', branch_id => $branch });
    return (token => $erp->login($user->{email}, "$name-password")->{access_token});
}

my %branch = map { ($_ => made('/api/branches', { name => $_, address => 'x', contact_phone => '1' })->{id}) } qw(north south east);
my $rice = made('/api/products', { name => 'Rice', price => 10 })->{id};
my %there = map { ($_ => made('/api/product-branches',
    { product_id => $rice, branch_id => $branch{$_}, stock_quantity => $_ eq 'north' ? 20 : 3 })->{id}) } qw(north south);

sub stock { my ($name) = @_; return $erp->get("/api/product-branches/$there{$name}", @as)->json->{stock_quantity} }
sub both { return [stock('north'), stock('south')] }
sub body { return { product_id => $rice, from_branch_id => $branch{north}, to_branch_id => $branch{south}, quantity => 5, @_ } }
sub move { my ($body, @who) = @_; return $erp->post('/api/stock-transfers', $body, @who ? @who : @as) }
sub listed { my ($query, @who) = @_; return [map { $_->{transfer_number} } @{ $erp->get("/api/stock-transfers$query", @who ? @who : @as)->json }] }

subtest 'one' => sub {
    my $r = move(body(reference_note => 'By van'));
    is $r->status, 200, 'it is made' or diag $r->brief;
    my $t = $r->json;
    is_deeply [@$t{qw(transfer_number product_id from_branch_id to_branch_id quantity reference_note status transferred_by)}],
        ['ST-000001', $rice, $branch{north}, $branch{south}, 5, 'By van', 'completed', $shop->{email}], 'as it was asked for';
    is_deeply both(), [15, 8], 'both sides moved';
    is_deeply $erp->get($r->header('Location'), @as)->json, $t, 'its address shows it';
    my @rows = grep { $_->{kind} eq 'transfer' } @{ $erp->get("/api/stock-ledger?product_id=$rice", @as)->json };
    is_deeply { map { ($_->{branch_id} => [@$_{qw(before delta after document_id document_number)}]) } @rows },
        { $branch{north} => [20, -5, 15, $t->{id}, 'ST-000001'], $branch{south} => [3, 5, 8, $t->{id}, 'ST-000001'] }, 'a row a side in the ledger';
    my @entries = $erp->mongo_all("$shop->{db_name}_audit", doc(find => 'audit_log', filter => { collection => 'stock_transfers' }));
    is_deeply [map { [@$_{qw(action record_id)}] } @entries], [['create', $t->{id}]], 'an audit entry';
};

subtest 'what is refused moves nothing' => sub {
    my $r = move(body(quantity => 16));
    is_problem $r, 409, 'insufficient_stock', 'more than is there';
    like $r->json->{detail}, qr/Rice\. Available: 15, Requested: 16/, '... with both numbers';
    is_problem move(body(from_branch_id => $branch{east})), 404, 'not_found', 'a source that does not have it';
    is_problem move(body(to_branch_id => $branch{east})), 404, 'not_found', 'a destination that does not have it';
    is_problem move(body(to_branch_id => 'nowhere')), 404, 'not_found', '... that is no branch';
    is_problem move(body(product_id => 'nothing')), 404, 'not_found', 'no such product';
    for my $case ([quantity => 0], [quantity => -1], [quantity => 1.5], [quantity => '3'], [quantity => undef],
        [to_branch_id => $branch{north}], [from_branch_id => undef], [reference_note => 'x' x 501], [product_id => '']) {
        my $bad = move(body(@$case));
        is_problem $bad, 422, 'validation', "$case->[0] " . substr($case->[1] // 'null', 0, 9);
        is $bad->json->{errors}[0]{field}, $case->[0], '... which is named';
    }
    is_deeply both(), [15, 8], 'nothing moved';
    is_deeply listed(''), ['ST-000001'], 'no record, and no number lost:';
    is move(body(quantity => 1))->json->{transfer_number}, 'ST-000002', 'the next one has the next';
    for my $method (qw(PUT PATCH DELETE)) {
        is_problem $erp->request($method, "/api/stock-transfers/x", @as, $method eq 'DELETE' ? () : (json => { quantity => 1 })), 405, 'method_not_allowed', $method;
    }
};

subtest 'who' => sub {
    my @north = user('north', 'branch_manager', $branch{north});
    my @south = user('south', 'branch_manager', $branch{south});
    my @east = user('east', 'branch_manager', $branch{east});
    is move(body(quantity => 1), @north)->status, 200, 'a manager sends what the branch has';
    is_problem move(body(quantity => 1), @south), 403, 'forbidden', '... and no other\'s';
    is_problem move(body(quantity => 1), user('till', 'cashier', $branch{north})), 403, 'role_forbidden', 'a cashier does not';
    is move(body(quantity => 2, from_branch_id => $branch{south}, to_branch_id => $branch{north}))->status, 200, 'back again';
    my @all = map { "ST-00000$_" } 1 .. 4;
    is_deeply [sort @{ listed('') }], \@all, 'the office sees all';
    is_deeply [sort @{ listed('', @north) }], \@all, 'either end sees them';
    is_deeply [sort @{ listed('', @south) }], \@all, '... the other one too';
    is_deeply listed('', @east), [], 'a third branch sees none';
    is_deeply listed("?branch_id=$branch{north}", @east), [], '... nor by asking';
    is_deeply [sort @{ listed("?branch_id=$branch{south}") }], \@all, 'by branch';
    is_deeply listed("?branch_id=$branch{east}"), [], '... that has none';
    is_deeply listed("?from_branch_id=$branch{south}"), ['ST-000004'], 'by the branch that sent';
    is_problem $erp->get('/api/stock-transfers?branch_id=', @as), 400, 'bad_query', 'by nothing';
};

subtest 'eight at once for the last five' => sub {
    is $erp->patch("/api/product-branches/$there{north}", { stock_quantity => 5 }, @as)->status, 200, 'five are left';
    my $south = stock('south');
    my @children = map { my $n = $_;
        my $pid = open my $child, '-|';
        die "fork: $!" if !defined $pid;
        if (!$pid) {
            my $r;
            for (1 .. 50) {
                $r = $erp->post('/api/stock-transfers', body(quantity => 1), @as, headers => { 'Idempotency-Key' => "last-$n" });
                last if $r->status !~ /^(?:429|503)$/ && !($r->status == 409 && $r->json->{code} eq 'idempotency_in_flight');
            }
            print join(' ', $r->status, $r->json->{transfer_number} // $r->json->{code}), "\n";
            close STDOUT;
            POSIX::_exit(0);
        }
        $child } 1 .. 8;
    my @said = map { my $line = readline $_; close $_; chomp $line; $line } @children;
    is_deeply [sort @said], [(map { "200 ST-00000$_" } 5 .. 9), ('409 insufficient_stock') x 3], 'five of them are done, numbered without a gap';
    is_deeply both(), [0, $south + 5], 'nothing was made or lost';
    my ($status, $out) = $erp->erpctl('stock', 'reconcile', 'moving', '--json');
    is $status, 0, 'the ledger explains all stock';
    is_deeply from_json($out)->{found}, [], '... everywhere';
};

subtest 'sent again with its key' => sub {
    my @key = (@as, headers => { 'Idempotency-Key' => 'once' });
    my $back = body(from_branch_id => $branch{south}, to_branch_id => $branch{north}, quantity => 2);
    my $first = $erp->post('/api/stock-transfers', $back, @key);
    is $first->status, 200, 'once';
    is_deeply $erp->post('/api/stock-transfers', $back, @key)->json, $first->json, 'the same reply';
    is stock('north'), 2, '... and moved once';
};

# ---- step by step

sub asked {
    my ($more, @who) = @_;
    my $r = move(body(stepwise => \1, %$more), @who);
    is $r->status, 200, 'asked for' or diag $r->brief;
    return $r->json;
}
sub step { my ($t, $to, $body, @who) = @_; return $erp->patch("/api/stock-transfers/$t->{id}/status?status=$to", $body, @who ? @who : @as) }
sub stepped {
    my ($t, $to, $body, @who) = @_;
    my $r = step($t, $to, $body, @who);
    is $r->status, 200, $to or diag $r->brief;
    return $r->json;
}
sub moved { my ($t) = @_; return [map { "$_->{delta} " . ($_->{branch_id} eq $branch{north} ? 'north' : 'south') } @{ $erp->get("/api/stock-ledger?document_id=$t->{id}&sort=id", @as)->json }] }
sub explained {
    my ($name) = @_;
    my ($status, $out) = $erp->erpctl('stock', 'reconcile', 'moving', '--json');
    is_deeply [$status, from_json($out)->{found}], [0, []], "the ledger explains all stock $name";
}
sub set { my ($name, $count) = @_; is $erp->patch("/api/product-branches/$there{$name}", { stock_quantity => $count }, @as)->status, 200, "$count in $name" }

subtest 'step by step' => sub {
    set(north => 20);
    set(south => 3);
    my $t = asked({ quantity => 5, reference_note => 'By van' });
    is_deeply [@$t{qw(status quantity transferred_by sent_by received_quantity)}], ['requested', 5, $shop->{email}, undef, undef], 'as it was asked for';
    is_deeply both(), [20, 3], 'nothing moves yet';
    is_deeply moved($t), [], '... by the ledger';
    $t = stepped($t, 'in_transit');
    is_deeply [@$t{qw(status sent_by)}], ['in_transit', $shop->{email}], 'sent';
    like $t->{sent_at}, qr/^\d{4}-.*Z$/, '... at a time';
    is_deeply both(), [15, 3], 'the goods have left';
    explained('while they are on their way');
    is_deeply [map { $_->{id} } @{ $erp->get('/api/stock-transfers?status=in_transit', @as)->json }], [$t->{id}], 'what is on its way';
    $t = stepped($t, 'received');
    is_deeply [@$t{qw(status received_by received_quantity missing_quantity)}], ['received', $shop->{email}, 5, 0], 'received';
    is_deeply both(), [15, 8], 'they have arrived';
    is_deeply moved($t), ['-5 north', '5 south'], 'two rows of the ledger name it';
    my @entries = $erp->mongo_all("$shop->{db_name}_audit", doc(find => 'audit_log', filter => { record_id => $t->{id} }, sort => { id => 1 }));
    is_deeply [map { $_->{action} } @entries], [qw(create state state)], 'an audit entry a step';
    my $back = stepped(stepped(asked({ quantity => 4 }), 'in_transit'), 'returned');
    is_deeply [@$back{qw(status returned_by received_by)}], ['returned', $shop->{email}, undef], 'sent back';
    is_deeply both(), [15, 8], '... to where it came from';
    is_deeply moved($back), ['-4 north', '4 north'], '... by the ledger';
    my $off = stepped(asked({ quantity => 4 }), 'cancelled');
    is_deeply [@$off{qw(status cancelled_by)}], ['cancelled', $shop->{email}], 'cancelled';
    is_deeply moved($off), [], '... without a movement';
};

subtest 'fewer arrive' => sub {
    my $before = both();
    my $t = stepped(asked({ quantity => 5 }), 'in_transit');
    for my $bad (6, -1, 1.5, '"3"', '[]', 'true') {
        my $r = $erp->request('PATCH', "/api/stock-transfers/$t->{id}/status", @as, type => 'application/json', body => qq({"status":"received","received_quantity":$bad}));
        is_problem $r, 422, 'validation', "$bad of five";
        is $r->json->{errors}[0]{field}, 'received_quantity', '... is named';
    }
    is_problem step($t, 'received&received_quantity=6'), 422, 'validation', 'the same in the query';
    is_problem step($t, 'received&received_quantity=x'), 422, 'validation', '... and no number';
    is_deeply both(), [$before->[0] - 5, $before->[1]], 'nothing arrived';
    $t = stepped($t, 'received', { received_quantity => 3 });
    is_deeply [@$t{qw(quantity received_quantity missing_quantity)}], [5, 3, 2], 'three of five, two are missing';
    is_deeply both(), [$before->[0] - 5, $before->[1] + 3], 'three are there';
    $t = stepped(stepped(asked({ quantity => 1 }), 'in_transit'), 'received&received_quantity=0');
    is $t->{missing_quantity}, 1, 'none of one';
    is_deeply both(), [$before->[0] - 6, $before->[1] + 3], '... is there';
    explained('without what is missing');
};

subtest 'no other steps' => sub {
    my %may = (requested => [qw(in_transit cancelled)], in_transit => [qw(received returned)], map { ($_ => []) } qw(completed received returned cancelled));
    my %made = (completed => move(body(quantity => 1))->json, map { ($_ => asked({ quantity => 1 })) } qw(requested in_transit received returned cancelled));
    step($made{$_}, 'in_transit') for qw(in_transit received returned);
    step($made{$_}, $_) for qw(received returned cancelled);
    my $before = both();
    for my $from (sort keys %may) {
        for my $to (grep { my $to = $_; !grep { $_ eq $to } @{ $may{$from} } } sort keys %may) {
            is_problem step($made{$from}, $to), 409, 'illegal_transition', "$from to $to";
        }
    }
    is_problem step($made{requested}, 'lost'), 422, 'validation', 'no state';
    is_problem step({ id => 'nothing' }, 'received'), 404, 'not_found', 'no transfer';
    is_deeply both(), $before, 'nothing moved';
    is(step($made{requested}, 'cancelled')->status, 200, 'away with it');
    is(step($made{in_transit}, 'returned')->status, 200, '... and back');
};

subtest 'what a step needs' => sub {
    set(north => 2);
    my $t = asked({ quantity => 3 });
    my $r = step($t, 'in_transit');
    is_problem $r, 409, 'insufficient_stock', 'more than is there';
    like $r->json->{detail}, qr/Rice\. Available: 2, Requested: 3/, '... with both numbers';
    is $erp->get("/api/stock-transfers/$t->{id}", @as)->json->{status}, 'requested', '... and it stays asked for';
    is_problem move(body(stepwise => \1, to_branch_id => $branch{east})), 404, 'not_found', 'a destination that does not have it';
    is_problem move(body(stepwise => 'yes')), 422, 'validation', 'no yes or no';
    set(north => 20);
    stepped($t, 'in_transit');
    my $shelf = $erp->request('DELETE', "/api/product-branches/$there{south}", @as);
    is $shelf->status, 200, 'the destination gives the product up' or diag $shelf->brief;
    is_problem step($t, 'received'), 404, 'not_found', 'what has no place does not arrive';
    $there{south} = made('/api/product-branches', { product_id => $rice, branch_id => $branch{south}, stock_quantity => 1 })->{id};
    stepped($t, 'received');
    is_deeply both(), [17, 4], '... until it has one';
};

subtest 'whose step' => sub {
    my @north = user('north2', 'branch_manager', $branch{north});
    my @south = user('south2', 'branch_manager', $branch{south});
    my @east = user('east2', 'branch_manager', $branch{east});
    my @till = user('till2', 'cashier', $branch{north});
    my @office = user('office2', 'head_office', undef);
    is_problem move(body(stepwise => \1), @east), 403, 'forbidden', 'a third branch does not ask';
    is_problem move(body(stepwise => \1), @till), 403, 'role_forbidden', '... nor does a cashier';
    my $t = asked({ quantity => 2 }, @south);
    is_problem step($t, 'in_transit', undef, @till), 403, 'role_forbidden', 'a cashier does not send';
    is_problem step($t, 'in_transit', undef, @east), 404, 'not_found', 'a third branch does not see it';
    is_problem step($t, 'in_transit', undef, @south), 403, 'forbidden', 'who gets it does not send it';
    is stepped($t, 'in_transit', undef, @north)->{sent_by}, 'north2@moving.example', 'who has it does';
    is_problem step($t, 'received', undef, @north), 403, 'forbidden', 'who sent it did not receive it';
    is_problem step($t, 'returned', undef, @south), 403, 'forbidden', '... and knows whether it came back';
    is stepped($t, 'received', undef, @south)->{received_by}, 'south2@moving.example', 'the other did';
    for my $who (\@north, \@south) {
        stepped(asked({ quantity => 1 }, @south), 'cancelled', undef, @$who);
    }
    $t = asked({ quantity => 1 }, @office);
    stepped($t, $_, undef, @office) for qw(in_transit received);
};

subtest 'eight receive it at once' => sub {
    for my $way (['received'], [qw(received returned)]) {
        my $before = both();
        my $t = stepped(asked({ quantity => 5 }), 'in_transit');
        my @children = map { my $to = $way->[$_ % @$way];
            my $pid = open my $child, '-|';
            die "fork: $!" if !defined $pid;
            if (!$pid) {
                my $r;
                for (1 .. 50) {
                    $r = step($t, $to);
                    last if $r->status !~ /^(?:429|503)$/;
                }
                print join(" ", $r->status, $r->json->{code} // $r->json->{status}), "\n";
                close STDOUT;
                POSIX::_exit(0);
            }
            $child } 1 .. 8;
        my @said = map { my $line = readline $_; close $_; chomp $line; $line } @children;
        my ($won, @others) = sort @said;
        my $end = $erp->get("/api/stock-transfers/$t->{id}", @as)->json->{status};
        is $won, "200 $end", "@$way: one of them does";
        is_deeply \@others, [('409 illegal_transition') x 7], '... and no other';
        is_deeply both(), $end eq 'received' ? [$before->[0] - 5, $before->[1] + 5] : $before, 'they are there once';
        explained('after it');
    }
};

# Round trips of a request, as its line in the log says.
sub trips {
    my ($r) = @_;
    my $id = $r->header('X-Request-Id');
    for my $line (map { split /\n/, slurp($_) } glob "$erp->{log}/*.log") {
        return $1 if $line =~ /request_id=\Q$id\E\b/ && $line =~ / db=(\d+)/;
    }
    return;
}

# Every worker makes the indexes once, so it is the least of a few that counts.
subtest 'round trips' => sub {
    my %least;
    my $count = sub { my ($name, $r) = @_; is $r->status, 200, $name; my $n = trips($r); $least{$name} = $n if !defined $least{$name} || $n < $least{$name}; return $r->json };
    set($_ => 50) for qw(north south);
    for (1 .. 12) {
        $count->('at once', move(body(quantity => 1)));
        my $t = $count->('asked for', move(body(quantity => 1, stepwise => \1)));
        $count->('sent', step($t, 'in_transit'));
        $count->('received', step($t, 'received'));
        $count->('cancelled', step(asked({ quantity => 1 }), 'cancelled'));
    }
    is_deeply \%least, { 'at once' => 8, 'asked for' => 6, sent => 8, received => 8, cancelled => 4 }, 'as few as it says';
};

done_testing;
