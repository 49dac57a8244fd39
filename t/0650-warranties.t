# Warranties: one a unit that is sold, with it or not at all; the customer's code, claims, what staff
# and suppliers do about them, and that of many at once one wins.
use Erp::Test;
use Erp::Json qw(from_json);
use Erp::Say ();
use Digest::SHA ();
use Erp::Http;
use List::Util ();
use MIME::Base64 ();
use POSIX ();

my $erp = Erp::Test->start(workers => 4, login_workers => 1, env => { ERP_TENANT_SHARE => 100 });
my $shop = $erp->seed_tenant(slug => 'phones');
my @as = (token => $erp->login($shop->{email}, $shop->{password})->{access_token});

sub made {
    my ($path, $body) = @_;
    my $r = $erp->post($path, $body, @as);
    is $r->status, 200, "POST $path" or diag $r->brief;
    return $r->json;
}
sub user {
    my ($name, $role, $branch) = @_;
    my $user = $erp->seed_user(email => "$name\@phones.example", password => "$name-password", role => $role,
        tenant_id => $shop->{tenant_id}, user => { tenant_slug => 'phones', branch_id => $branch });
    return (token => $erp->login($user->{email}, "$name-password")->{access_token});
}
sub sell { my ($lines, %more) = @_; return made('/api/sales', { items => $lines, %more }) }
sub line { my ($product, $n, %more) = @_; return { product_id => $product->{id}, quantity => $n, price => $product->{price}, %more } }
sub records { my ($filter) = @_; return $erp->mongo_all($shop->{db_name}, doc(find => 'warranty_records', filter => $filter, sort => doc(id => 1), batchSize => 2000)) }
sub of_sale { return @{ $erp->get("/api/sales/$_[0]{id}/invoice", @as)->json->{warranties} } }
sub events { return $erp->mongo_all($shop->{db_name}, doc(find => 'warranty_events', filter => { warranty_id => $_[0] }, sort => doc(id => 1))) }
sub round_trips {
    my $id = $_[0]->header('X-Request-Id');
    my ($n) = map { /request_id=\Q$id\E\b/ && / db=(\d+)/ ? $1 : () } map { split /\n/, Erp::Say::slurp($_) } glob "$erp->{log}/*.log";
    return $n;
}

my $phone = made('/api/products', { name => 'Phone', price => 100, stock => 2000, warranty_months => 12, imei => 'IMEI-1', supplier_name => 'Maker' });
my $radio = made('/api/products', { name => 'Radio', price => 30, stock => 50, warranty_months => 6, serial_number => 'SN-9' });
my $case = made('/api/products', { name => 'Case', price => 5, stock => 50 });

subtest 'one a unit' => sub {
    my $sale = sell([line($phone, 2), line($phone, 1, serial_number => 'L-3'), line($radio, 1), line($case, 4)],
        customer_name => 'Karim', customer_phone => '01711-000001');
    my @w = of_sale($sale);
    is scalar @w, 4, 'as many as there are units of products with a warranty';
    my $year = (gmtime)[5] + 1900;
    like $w[0]{warranty_code}, qr/^W-\d{4}-0000001$/, 'the first number';
    is_deeply [map { $_->{warranty_code} =~ /-0*(\d+)$/ } @w], [1 .. 4], 'numbers without a gap';
    is_deeply [map { [@$_{qw(product_name serial_number line unit warranty_period_months)}] } @w],
        [['Phone', 'IMEI-1', 0, 0, 12], ['Phone', 'IMEI-1', 0, 1, 12], ['Phone', 'L-3', 1, 0, 12], ['Radio', 'SN-9', 2, 0, 6]],
        'the serial number is the line\'s, else the product\'s';
    is_deeply [@{ $w[0] }{qw(current_status customer_name customer_phone supplier_name sale_id invoice_no transferable created_by)}],
        ['active', 'Karim', '01711-000001', 'Maker', $sale->{id}, $sale->{invoice_no}, \0, $shop->{email}], 'with what was known';
    like $w[0]{token}, qr/^[\w-]{100,}\.[\w-]{43}$/, 'a code for the customer';
    my %tokens = map { $_->{token} => 1 } @w;
    is scalar keys %tokens, 4, '... of its own each';
    is scalar(() = of_sale(sell([line($case, 1)]))), 0, 'none for what has no warranty';
    # The first use of a collection by each of the workers costs more: the least of several counts.
    my $least = sub { my @lines = @_; return List::Util::min(map { round_trips($erp->post('/api/sales', { items => [@lines] }, @as)) } 1 .. 12) };
    my ($few, $more) = ($least->(line($case, 1)), $least->(line($phone, 3), line($case, 1)));
    is $more, $few + 2, 'two round trips more, whatever their number';
};

subtest 'a bound' => sub {
    my ($before, $stock) = (scalar(records({})), $erp->get("/api/products/$phone->{id}", @as)->json->{stock});
    my $r = $erp->post('/api/sales', { items => [line($phone, 300), line($phone, 201)] }, @as);
    is_problem $r, 422, 'validation', 'more than 500 units with a warranty in one sale';
    is $r->json->{errors}[0]{field}, 'items[1].quantity', '... names the line that is too much';
    is $erp->get("/api/products/$phone->{id}", @as)->json->{stock}, $stock, '... and nothing is sold';
    is scalar(records({})), $before, '... nor covered';
    my $sale = sell([line($phone, 500)]);
    is scalar(records({ sale_id => $sale->{id} })), 500, 'as many as that go';
    is $erp->get("/api/sales/$sale->{id}/invoice", @as)->status, 200, '... and are shown';
};

subtest 'what is sold no more' => sub {
    my $sale = sell([line($phone, 2)], customer_name => 'Due', customer_phone => '01711-000002', paid_amount => 0);
    my $r = $erp->patch("/api/sales/$sale->{id}/cancel", { reason => 'error' }, @as);
    is $r->status, 200, 'a sale is cancelled' or diag $r->brief;
    is_deeply [map { $_->{current_status} } of_sale($sale)], ['closed', 'closed'], 'its warranties are closed';
    my ($event) = events((of_sale($sale))[0]{id});
    is_deeply [@$event{qw(event_type actor_type note)}], ['status_changed', 'system', 'The sale was cancelled'], '... and say why';
    is_deeply $event->{meta}, { from => 'active', to => 'closed' }, '... and from what';

    $sale = sell([line($radio, 1), line($phone, 3)]);
    my $back = made('/api/returns', { sale_id => $sale->{id}, product_id => $phone->{id}, reason => 'dead', refund_amount => 200, quantity => 2 });
    is_deeply [map { $_->{current_status} } of_sale($sale)], [('active') x 4], 'asking for a return changes nothing';
    $r = $erp->patch("/api/returns/$back->{id}/approve", {}, @as);
    is $r->status, 200, 'two units come back' or diag $r->brief;
    is_deeply [map { $_->{current_status} } of_sale($sale)], ['active', 'active', 'closed', 'closed'], 'two of that line are closed, the last ones';
};

subtest 'a business without the module' => sub {
    my $plain = $erp->seed_tenant(slug => 'plain', entry => { features_enabled => ['sales', 'pos', 'inventory'] });
    my @there = (token => $erp->login($plain->{email}, $plain->{password})->{access_token});
    my $thing = $erp->post('/api/products', { name => 'Thing', price => 1, stock => 2000, warranty_months => 12 }, @there)->json;
    my $r = $erp->post('/api/sales', { items => [line($thing, 1000)] }, @there);
    is $r->status, 200, 'sells as many as it likes' or diag $r->brief;
    is_deeply [$erp->mongo_all($plain->{db_name}, doc(find => 'warranty_records'))], [], '... without a warranty';
};

# ---- the customer's code ----

sub enc { return MIME::Base64::encode_base64url($_[0]) }
sub claim { my ($w, %more) = @_; return $erp->post("/api/warranty/$w->{id}/claim", { warranty_token => $w->{token}, reported_issue => 'It does not start', %more }) }
sub resolve { return $erp->get('/api/warranty/resolve?q=' . $_[0]) }
sub fresh { my ($n, %more) = @_; return of_sale(sell([line($phone, $n // 1)], customer_name => 'Rahim', customer_phone => '01711-000009', %more)) }
# Moves the term of a warranty so that it ended so many days ago.
sub ended {
    my ($w, $days) = @_;
    $erp->mongo($shop->{db_name}, doc(update => 'warranty_records', updates => [doc(q => { id => $w->{id} },
        u => { '$set' => { expiry_date => { '$date' => { '$numberLong' => '' . int((time - 86400 * $days) * 1000) } } } })]));
}
sub status_of { my ($one) = records({ id => $_[0]{id} }); return $one->{current_status} }

subtest 'the code is signed, for one business' => sub {
    my ($w) = fresh();
    my $r = resolve($w->{token});
    is $r->status, 200, 'resolved without an account' or diag $r->brief;
    my $j = $r->json;
    is_deeply [@$j{qw(warranty_id warranty_code status can_claim allowed_actions customer_name)}],
        [$w->{id}, $w->{warranty_code}, 'active', \1, ['register_claim'], 'Rahim'], 'what it says';
    is_deeply $j->{product}, { id => $phone->{id}, name => 'Phone', serial_number => 'IMEI-1' }, '... of what';
    ok $j->{days_remaining} >= 364 && $j->{days_remaining} <= 366, '... and how long';
    my ($payload, $mac) = split /\./, $w->{token};
    my $said = from_json(MIME::Base64::decode_base64url($payload));
    is_deeply [sort keys %$said], [qw(guid issued_at tenant_id tenant_slug warranty_id)], 'what is in it';
    is_deeply [@$said{qw(tenant_slug tenant_id warranty_id)}], ['phones', $shop->{tenant_id}, $w->{id}], '... names the business';

    my $key = Digest::SHA::hmac_sha256("warranty:$shop->{tenant_id}", $erp->{secret_key});
    is enc(Digest::SHA::hmac_sha256($payload, $key)), $mac, 'the key is derived from SECRET_KEY for this business';
    my $other = $erp->seed_tenant(slug => 'others');
    my @there = (token => $erp->login($other->{email}, $other->{password})->{access_token});
    my $thing = $erp->post('/api/products', { name => 'Only there', price => 1, stock => 9, warranty_months => 12 }, @there)->json;
    my $sold = $erp->post('/api/sales', { items => [line($thing, 1)] }, @there)->json;
    my ($theirs) = @{ $erp->get("/api/sales/$sold->{id}/invoice", @there)->json->{warranties} };
    is resolve($theirs->{token})->json->{product}{name}, 'Only there', 'a code of another business opens that one';

    my $other_key = Digest::SHA::hmac_sha256("warranty:$other->{tenant_id}", $erp->{secret_key});
    my $sign = sub { my ($claims, $with) = @_; my $p = enc(Erp::Json::to_json($claims)); return "$p." . enc(Digest::SHA::hmac_sha256($p, $with)) };
    my @flipped = map { my $bad = $w->{token}; my $c = substr $bad, $_, 1; substr $bad, $_, 1, $c eq 'A' ? 'B' : 'A'; $bad } 0, 40, length($payload) - 2, length($payload) + 3, length($w->{token}) - 3;
    my %bad = (
        'nothing' => '', 'rubbish' => 'rubbish', 'a dot' => '.', 'no signature' => "$payload.", 'no payload' => ".$mac", 'cut' => substr($w->{token}, 0, -1),
        'longer' => "$w->{token}A", 'twice' => "$w->{token}.$mac", 'the raw key' => $sign->($said, $erp->{secret_key}), 'the key of another business' => $sign->($said, $other_key),
        'ids of another, signed with ours' => $sign->({ %$said, tenant_id => $other->{tenant_id}, tenant_slug => 'others', warranty_id => $theirs->{id} }, $key),
        'no JSON' => enc('x' x 50) . ".$mac", 'not text' => $sign->({ %$said, tenant_slug => 7 }, $key), 'very long' => 'A' x 1500, '64 KiB of dots' => '.' x 6000);
    @bad{map { "altered at $_" } 1 .. @flipped} = @flipped;
    for my $what (sort keys %bad) {
        my $got = resolve($bad{$what});
        is_problem $got, 403, 'forbidden', "refused: $what";
        is_problem claim({ id => $w->{id}, token => $bad{$what} }), 422, 'validation', "... to claim: $what" if length $bad{$what} > 1024;
        is_problem claim({ id => $w->{id}, token => $bad{$what} }), 403, 'forbidden', "... to claim: $what" if length $bad{$what} && length $bad{$what} <= 1024;
    }
    is_problem resolve($sign->({ %$said, tenant_slug => 'others' }, $key)), 403, 'tenant_mismatch', 'the slug of another business, with our key';
    is_problem resolve($sign->({ %$said, tenant_slug => 'nobody' }, $key)), 404, 'tenant_not_found', 'a business that is not there';
    is_problem resolve($sign->({ %$said, warranty_id => $theirs->{id} }, $key)), 404, 'not_found', 'their warranty in our business';
    is_problem resolve($sign->({ %$said, guid => 'x' x 32 }, $key)), 403, 'forbidden', 'signed, but not what the record holds';
    my $r2 = claim({ id => $theirs->{id}, token => $w->{token} });
    is_problem $r2, 422, 'validation', 'our code with the id of theirs';
    is $r2->json->{errors}[0]{field}, 'warranty_token', '... is named';
    is $erp->get("/api/warranty/$theirs->{id}", @as)->status, 404, 'staff do not see it either';
    is status_of($w), 'active', 'nothing of all that moved ours';
    is [$erp->mongo_all($other->{db_name}, doc(find => 'warranty_records'))]->[0]{current_status}, 'active', '... nor theirs';

    $erp->mongo('admin', doc(update => 'tenants_registry', updates => [doc(q => { slug => 'others' }, u => { '$set' => { status => 'suspended' } })]));
    $erp->erpctl('cache', 'clear');
    is_problem resolve($theirs->{token}), 403, 'tenant_inactive', 'a suspended business answers nobody';
    $erp->mongo('admin', doc(update => 'tenants_registry', updates => [doc(q => { slug => 'others' }, u => { '$set' => { status => 'active', subscription_status => 'suspended' } })]));
    $erp->erpctl('cache', 'clear');
    is_problem resolve($theirs->{token}), 402, 'subscription_lapsed', '... nor does one that has not paid';
    $erp->mongo('admin', doc(update => 'tenants_registry', updates => [doc(q => { slug => 'others' }, u => { '$set' => { subscription_status => 'active', write_hold => 'moving' } })]));
    $erp->erpctl('cache', 'clear');
    is_problem claim($theirs), 503, 'tenant_moving', '... nor is one changed that moves';
    $erp->mongo('admin', doc(update => 'tenants_registry', updates => [doc(q => { slug => 'others' }, u => { '$set' => { features_enabled => ['sales'] }, '$unset' => { write_hold => 1 } })]));
    $erp->erpctl('cache', 'clear');
    is_problem resolve($theirs->{token}), 403, 'module_forbidden', '... nor one without the module';
};

subtest 'a claim' => sub {
    my ($w, $late, $grace) = fresh(3);
    my $r = claim($w, customer_name => 'Brother', customer_email => 'b@example.org', preferred_action => 'replacement');
    is $r->status, 200, 'claimed' or diag $r->brief;
    is_deeply [@{ $r->json }{qw(warranty_id status)}], [$w->{id}, 'claimed'], '... and said so';
    is_deeply [map { [@$_{qw(event_type actor_type)}] } events($w->{id})], [['status_changed', 'customer'], ['claim_registered', 'customer']], 'two events';
    my $detail = $erp->get("/api/warranty/$w->{id}", @as)->json;
    is_deeply [@{ $detail->{warranty} }{qw(current_status reported_issue preferred_action fraud_score)}], ['claimed', 'It does not start', 'replacement', 0.2], 'the staff see it';
    is $detail->{events}[1]{meta}{customer_name}, 'Brother', '... and who says that he claims';
    my ($log) = $erp->mongo_all("$shop->{db_name}_audit", doc(find => 'audit_log', filter => { collection => 'warranty_records', action => 'claim' }));
    is_deeply [@$log{qw(actor record_id)}], ['customer', $w->{id}], 'an audit entry';
    my $again = claim($w);
    is_problem $again, 409, 'illegal_transition', 'once';
    like $again->json->{detail}, qr/claimed cannot become claimed: allowed from here: under_inspection/, '... and what is allowed';
    ok !resolve($w->{token})->json->{can_claim}, 'the code says so too';

    ended($grace, 6);
    is_deeply [@{ resolve($grace->{token})->json }{qw(status can_claim days_remaining)}], ['expired', \1, undef], 'six days late: may be claimed';
    is claim($grace)->json->{status}, 'claimed', '... is claimed';
    ended($late, 8);
    is_deeply [@{ resolve($late->{token})->json }{qw(status can_claim allowed_actions)}], ['expired', \0, ['request_manual_review']], 'eight days late';
    is claim($late)->json->{status}, 'under_inspection', '... is looked at first';
    is_problem claim($late), 409, 'illegal_transition', '... once';
    my ($fourth) = fresh();
    is claim($fourth)->status, 200, 'the fourth claim of one number within a month';
    is $erp->get("/api/warranty/$fourth->{id}", @as)->json->{warranty}{fraud_score}, 0.5, '... looks odder';
    my ($bad) = fresh();
    for my $case ([reported_issue => '  '], [reported_issue => undef], [reported_issue => 'x' x 2001], [images => ['https://evil.example/x.png']], [images => [7]], [customer_phone => 'abc'], [customer_email => 'x']) {
        my $got = claim($bad, @$case);
        is_problem $got, 422, 'validation', "refused: $case->[0]";
        is $got->json->{errors}[0]{field} =~ s/\[.*//r, $case->[0], '... is named';
    }
    is status_of($bad), 'active', 'and nothing moved';
};

# What each of n children gets from a request, as "status code".
sub at_once {
    my ($n, $call) = @_;
    my @children = map { my $pid = open my $child, '-|';
        die "fork: $!" if !defined $pid;
        if (!$pid) {
            my $r;
            for (1 .. 50) {
                $r = $call->();
                last if $r->status !~ /^(?:429|503)$/ || ($r->json->{code} // '') eq 'too_many_requests';
            }
            print join(' ', $r->status, $r->json->{code} // 'done'), "\n";
            close STDOUT;
            POSIX::_exit(0);
        }
        $child } 1 .. $n;
    return map { my $line = readline $_; close $_; chomp $line; $line } @children;
}

subtest 'eight at once: one wins' => sub {
    my ($w) = fresh();
    my @one = ('200 done', ('409 illegal_transition') x 7);
    my $step = sub { my ($path, $body) = @_; return sub { return $erp->post("/api/warranty/$w->{id}/$path", $body, @as) } };
    is_deeply [sort(at_once(8, sub { return claim($w) }))], \@one, 'claims';
    is_deeply [sort(at_once(8, $step->('inspection/start')))], \@one, 'inspections begun';
    is_deeply [sort(at_once(8, $step->('inspect', { inspection_result => 'valid' })))], \@one, 'inspections done';
    is_deeply [sort(at_once(8, $step->('supplier-action', { action_type => 'replacement_sent', action_details => { replacement_serial => 'NEW-1' } })))], \@one, 'replacements';
    is_deeply [map { $_->{event_type} } events($w->{id})],
        [qw(status_changed claim_registered status_changed inspection_started status_changed inspection_passed supplier_action_requested status_changed supplier_action_recorded)], 'each left its events once';
    is scalar(records({ replaces_warranty_id => $w->{id} })), 1, 'one replacement';
    my $sale = $erp->mongo_all($shop->{db_name}, doc(find => 'sales', filter => { id => $w->{sale_id} }));
    is_deeply [sort(at_once(4, sub { return $erp->post("/api/warranty/create?sale_id=$w->{sale_id}&product_id=$phone->{id}", undef, @as) }))], [('409 conflict') x 4], 'and no second one for a unit';
};

subtest 'what the staff and the supplier do' => sub {
    my $do = sub { my ($w, $path, $body) = @_; return $erp->post("/api/warranty/$w->{id}/$path", $body, @as) };
    my ($w, $x, $y, $z) = fresh(4);
    for my $early (['inspection/start'], ['inspect', { inspection_result => 'valid' }], ['supplier-action', { action_type => 'declined' }]) {
        my $r = $do->($w, @$early);
        is_problem $r, 409, 'illegal_transition', "$early->[0]: not before a claim";
        like $r->json->{detail}, qr/allowed from \w+/, '... and from where';
    }
    for my $one ($w, $x, $y, $z) { is claim($one)->status, 200, 'claimed'; is $do->($one, 'inspection/start')->json->{current_status}, 'under_inspection', 'begun' }
    my $r = $do->($z, 'inspect', { inspection_result => 'water_damage', notes => 'wet', estimated_cost => 12.5, attachments => ['a'] });
    is $r->json->{current_status}, 'declined', 'what is not valid is declined' or diag $r->brief;
    is_problem claim($z), 409, 'illegal_transition', '... for good';
    my ($failed) = grep { $_->{event_type} eq 'inspection_failed' } @{ $erp->get("/api/warranty/$z->{id}", @as)->json->{events} };
    is_deeply [@$failed{qw(note attachments meta actor_name)}], ['wet', ['a'], { inspection_result => 'water_damage', estimated_cost => 12.5 }, $shop->{email}], '... with what was found';
    is $do->($_, 'inspect', { inspection_result => 'valid' })->json->{current_status}, 'replacement_pending', 'valid' for $w, $x, $y;

    $r = $do->($w, 'supplier-action', { action_type => 'replacement_sent', action_details => { replacement_serial => 'NEW-2' }, notes => 'by courier' });
    is $r->status, 200, 'replaced' or diag $r->brief;
    my $new = $r->json->{warranty}{replaced_by_warranty_id};
    my $shown = $erp->get("/api/warranty/$new", @as)->json->{warranty};
    is_deeply [@$shown{qw(warranty_code serial_number current_status replaces_warranty_id warranty_period_months customer_name)}],
        ["$w->{warranty_code}-R", 'NEW-2', 'active', $w->{id}, 12, 'Rahim'], 'the new unit has a warranty of its own';
    cmp_ok $shown->{start_date}, 'ge', $w->{start_date}, '... from now';
    is resolve($shown->{token})->json->{warranty_id}, $new, '... with a code of its own';
    is_deeply [@{ $r->json->{supplier_action} }{qw(action_type status notes replacement_warranty_id)}], ['replacement_sent', 'confirmed', 'by courier', $new], 'the action is kept';

    my $refused = $do->($x, 'supplier-action', { action_type => 'cash_refund_offered' });
    is_problem $refused, 422, 'validation', 'a refund of nothing';
    is $refused->json->{errors}[0]{field}, 'action_details.amount', '... is named';
    is_problem $do->($x, 'supplier-action', { action_type => 'cash_refund_offered', action_details => { amount => $_ } }), 422, 'validation', "a refund of $_" for -1, 0, 0.001, '"5"';
    $r = $do->($x, 'supplier-action', { action_type => 'partial_refund', action_details => { amount => 10, reference => 'R-0' } });
    is $r->json->{warranty}{current_status}, 'replacement_pending', 'paid back in part: still open';
    $r = $do->($x, 'supplier-action', { action_type => 'cash_refund_offered', action_details => { amount => 90.5, reference => 'R-1' } });
    is $r->json->{warranty}{current_status}, 'refunded', 'paid back';
    my $rows = $erp->get("/api/financial-transactions?warranty_id=$x->{id}", @as)->json;
    is_deeply [map { [@$_{qw(type amount reference approved_by)}] } @$rows], [['refund', 10, 'R-0', $shop->{email}], ['refund', 90.5, 'R-1', $shop->{email}]], 'rows of money';
    is $do->($y, 'supplier-action', { action_type => 'repair_sent' })->json->{warranty}{current_status}, 'replacement_pending', 'repaired: still open';
    is $do->($y, 'supplier-action', { action_type => 'declined' })->json->{warranty}{current_status}, 'declined', 'declined by the supplier';
    is_deeply [map { $_->{action_type} } @{ $erp->get("/api/warranty/$y->{id}", @as)->json->{supplier_actions} }], ['repair_sent', 'declined'], 'both are kept';
    is_problem $do->($w, 'supplier-action', { action_type => 'refund' }), 422, 'validation', 'no such action';
    my @till = user('till', 'cashier');
    is_problem $erp->post("/api/warranty/$w->{id}/inspect", { inspection_result => 'valid' }, @till), 403, 'role_forbidden', 'a cashier inspects nothing';
    my $key = { headers => { 'Idempotency-Key' => 'k-1' } };
    my ($once) = fresh();
    claim($once);
    my @twice = map { $erp->post("/api/warranty/$once->{id}/inspection/start", undef, @as, headers => { 'Idempotency-Key' => 'start-1' }) } 1, 2;
    is_deeply [map { $_->status } @twice], [200, 200], 'a key is answered twice';
    is scalar(grep { $_->{event_type} eq 'inspection_started' } events($once->{id})), 1, '... and done once';
};

subtest 'later, for a sale without them' => sub {
    my $at = { '$date' => '2023-12-30T20:00:00Z' };    # the last day of the year, two o'clock, in Dhaka
    $erp->mongo_insert($shop->{db_name}, 'sales', { id => 'old-sale', tenant_id => $shop->{tenant_id}, sale_number => 'SALE-0', invoice_no => 'INV-0', status => 'completed', created_at => $at,
        customer_name => 'Old', items => [{ product_id => $radio->{id}, quantity => 3, returned_quantity => 1, price => 30 }, { product_id => $case->{id}, quantity => 1, price => 5 }] });
    my $make = sub { my ($sale, $product) = @_; return $erp->post("/api/warranty/create?sale_id=$sale&product_id=$product", undef, @as) };
    is($erp->patch("/api/products/$radio->{id}", { warranty_months => 2 }, @as)->status, 200, 'two months');
    my $r = $make->('old-sale', $radio->{id});
    is $r->status, 200, 'made' or diag $r->brief;
    my @w = @{ $r->json->{warranties} };
    is scalar @w, 2, 'one a unit that is out';
    is $r->json->{warranty_token}, $w[0]{token}, 'with the code';
    is_deeply [@{ $w[0] }{qw(start_date expiry_date current_status)}], ['2023-12-30T20:00:00.000Z', '2024-02-28T20:00:00.000Z', 'expired'],
        'from 31 December to 29 February of a leap year, in the time zone of the business';
    like $w[0]{warranty_code}, qr/^W-2023-/, 'numbered in its year';
    is_deeply [map { $_->{event_type} } events($w[0]{id})], ['status_changed'], 'an event';
    is_problem $make->('old-sale', $radio->{id}), 409, 'conflict', 'not twice';
    is_problem $make->('old-sale', $case->{id}), 422, 'validation', 'a product without a warranty';
    is_problem $make->('old-sale', $phone->{id}), 422, 'validation', 'one that was not sold';
    is_problem $make->('none', $phone->{id}), 422, 'validation', 'no such sale';
    is_problem $erp->post('/api/warranty/create?sale_id=x', undef, @as), 422, 'validation', 'half of what is needed';
    is($erp->put('/api/settings', { time_zone => 'UTC' }, @as)->status, 200, 'in another time zone');
    $erp->mongo_insert($shop->{db_name}, 'sales', { id => 'utc-sale', tenant_id => $shop->{tenant_id}, sale_number => 'SALE-1', invoice_no => 'INV-1', status => 'completed', created_at => $at,
        items => [{ product_id => $radio->{id}, quantity => 1, price => 30, serial_number => 'OLD-1' }] });
    ($w[0]) = @{ $make->('utc-sale', $radio->{id})->json->{warranties} };
    is_deeply [@{ $w[0] }{qw(expiry_date serial_number)}], ['2024-02-29T20:00:00.000Z', 'OLD-1'], '... from 30 December to the last of February';
    is($erp->put('/api/settings', { time_zone => 'Asia/Dhaka' }, @as)->status, 200, 'as before');
};

subtest 'lists and figures' => sub {
    my $all = $erp->get('/api/warranty/list', @as)->json;
    is scalar @{ $all->{warranties} }, 50, 'fifty at a time';
    is $all->{total}, scalar(records({})), 'of all';
    my $page = $erp->get('/api/warranty/list?skip=2&limit=3', @as)->json;
    is_deeply [map { $_->{id} } @{ $page->{warranties} }], [map { $all->{warranties}[$_]{id} } 2 .. 4], 'pages';
    my $stats = $erp->get('/api/warranty/stats/dashboard', @as)->json;
    is $stats->{total}, $all->{total}, 'figures of all';
    for my $status (qw(active expired claimed under_inspection replacement_pending replaced refunded declined closed)) {
        my $some = $erp->get("/api/warranty/list?limit=200&status=$status", @as)->json;
        is $some->{total}, $stats->{$status}, "as many are $status";
        is_deeply [grep { $_->{current_status} ne $status } @{ $some->{warranties} }], [], '... and shown so';
    }
    cmp_ok $stats->{new_claims_last_7_days}, '>=', 8, 'new claims';
    for my $status (qw(active expired claimed)) {
        my $plain = $erp->get("/api/warranty?current_status=$status", @as)->json;
        is scalar @$plain, $stats->{$status}, "the plain list has as many that are $status";
        is_deeply [grep { $_->{current_status} ne $status } @$plain], [], '... and shows them so';
    }
    my ($over) = @{ $erp->get('/api/warranty?current_status=expired&limit=1', @as)->json };
    is_deeply $erp->get('/api/warranty?fields=current_status&current_status=expired&limit=1', @as)->json, [{ id => $over->{id}, current_status => 'expired' }], '... of which only the state is asked for';
    like $erp->get('/api/warranty?fields=current_status&current_status=expired&limit=1', @as, headers => { Accept => 'text/csv' })->body, qr/^id,current_status\r\n\Q$over->{id}\E,expired\r\n$/, '... as a table';
    is scalar(() = $erp->get('/api/warranty?limit=1000', @as, headers => { Accept => 'text/csv' })->body =~ /,expired,/g), $stats->{expired}, '... and all of it';
    is $erp->get('/api/warranty/list?customer_phone=01711-000001', @as)->json->{total}, 4, 'of one customer';
    is_problem $erp->get("/api/warranty/list?$_", @as), 400, 'bad_query', $_ for qw(status=x limit=0 limit=201 skip=-1 skip=100001);
    my ($north, $south) = map { made('/api/branches', { name => $_, address => 'x', contact_phone => '1' })->{id} } qw(North South);
    made('/api/product-branches', { product_id => $phone->{id}, branch_id => $north, stock_quantity => 5, sale_price => 100 });
    my @north = user('north', 'technician', $north);
    my @south = user('south', 'technician', $south);
    my ($w) = fresh(1, branch_id => $north);
    is $erp->get('/api/warranty/list', @north)->json->{total}, 1, 'a branch sees its own';
    is $erp->get('/api/warranty/list', @south)->json->{total}, 0, '... and no other';
    claim($w);
    is_problem $erp->post("/api/warranty/$w->{id}/inspection/start", undef, @south), 404, 'not_found', '... nor moves it';
    is $erp->post("/api/warranty/$w->{id}/inspection/start", undef, @north)->status, 200, 'its technician does';
};

subtest 'pictures' => sub {
    my ($w) = fresh();
    my $png = "\x89PNG\r\n\x1a\n" . 'p' x 300;
    my $up = sub { my ($bytes, $token, $name) = @_; my ($body, $type) = Erp::Http::form([file => $bytes, $name // 'x.png']);
        return $erp->request('POST', '/api/upload-image' . (defined $token ? "?warranty_token=$token" : ''), body => $body, type => $type) };
    my $files = sub { return scalar(() = glob "$erp->{dir}/files/$shop->{tenant_id}/evidence/*") };
    my $r = $up->($png, $w->{token});
    is $r->status, 200, 'one is added' or diag $r->brief;
    like $r->json->{filename}, qr/^[0-9a-f]{32}\.png$/, 'under a name of ours';
    is $erp->get($r->json->{url})->status, 401, 'without a token of a user it is not to be had';
    is $erp->get($r->json->{url}, @as)->body, $png, 'the staff see it';
    is $erp->get('/uploads/evidence/' . $r->json->{filename})->status, 404, 'nor is it at a public address';
    my $other = $erp->seed_tenant(slug => 'curious');
    is $erp->get($r->json->{url}, token => $erp->login($other->{email}, $other->{password})->{access_token})->status, 404, 'nor for another business';
    my $before = $files->();
    is_problem $up->('<html>', $w->{token}), 422, 'validation', 'what is no picture, whatever its name';
    is_problem $up->("%PDF-1.7 x", $w->{token}), 422, 'validation', 'nor a PDF';
    is_problem $up->($png . 'p' x (5 << 20), $w->{token}), 413, 'too_large', 'over 5 MB';
    is_problem $up->($png, $w->{token} . 'A'), 403, 'forbidden', 'with another code';
    is_problem $up->($png), 400, 'bad_query', 'without one';
    is $files->(), $before, 'nothing of that is kept';
    my @got = at_once(8, sub { return $up->($png, $w->{token}) });
    is scalar(grep { $_ eq '200 done' } @got), 4, 'eight at once: four more go' or diag join ', ', @got;
    cmp_ok $files->(), '>=', 5, 'five files are there';
    $before = $files->();
    is_problem $up->($png, $w->{token}), 429, 'too_many_requests', 'and no sixth';
    is $files->(), $before, '... is left';
    my @urls = map { $_->{url} } @{ $erp->get("/api/warranty/$w->{id}", @as)->json->{warranty}{evidence} };
    is scalar @urls, 5, 'the warranty names them';
    is claim($w, images => [@urls[0, 1]])->status, 200, 'a claim shows them';
    my ($registered) = grep { $_->{event_type} eq 'claim_registered' } events($w->{id});
    is_deeply $registered->{attachments}, [@urls[0, 1]], '... in its event';
};

done_testing;
