# Idempotency-Key: a POST that is sent again is done once, by whoever it is answered.
use Erp::Test;

my $erp = Erp::Test->start(workers => 4);
my $shop = $erp->seed_tenant(slug => 'once');
my $token = $erp->login($shop->{email}, $shop->{password})->{access_token};

sub post {
    my ($key, $body, %opt) = @_;
    return $erp->post('/api/products', $body, token => $opt{token} // $token, headers => { 'Idempotency-Key' => $key });
}
sub products { return scalar @{ $erp->get('/api/products', token => $token)->json } }

subtest 'the same again' => sub {
    my $first = post('a-1', { name => 'Rice', price => 12.5, sku => 'R-1', unknown => 1 });
    is $first->status, 200, 'done';
    is $first->header('idempotency-replayed'), undef, '... by this request';
    for my $time (1 .. 6) {
        my $again = post('a-1', { name => 'Rice', price => 12.5, sku => 'R-1', unknown => 1 });
        is $again->status, 200, 'again: the same status';
        is $again->body, $first->body, '... body';
        is $again->header($_), $first->header($_), "... $_" for qw(location etag x-ignored-fields content-type);
        is $again->header('idempotency-replayed'), 'true', '... and says so';
        isnt $again->header('x-request-id'), $first->header('x-request-id'), '... as a request of its own';
    }
    is products(), 1, 'one product';
    my $audit = $erp->mongo("$shop->{db_name}_audit", doc(count => 'audit_log', query => { action => 'create', collection => 'products' }));
    is $audit->{n}, 1, 'one audit entry';
};

subtest 'what is not the same' => sub {
    is_problem(post('a-1', { name => 'Salt', price => 1 }), 422, 'idempotency_key_reused', 'another body');
    is_problem($erp->post('/api/customers', { name => 'x' }, token => $token, headers => { 'Idempotency-Key' => '' }),
        400, 'bad_request', 'an empty key');
    is(post('a-2', { name => 'Salt', price => 1 })->status, 200, 'another key');
    is($erp->post('/api/brands', { name => 'Rice' }, token => $token, headers => { 'Idempotency-Key' => 'a-1' })->status, 200,
        'the same key elsewhere');
    my $user = $erp->seed_user(email => 'second@once.example', password => 'second-password', role => 'tenant_admin',
        tenant_id => $shop->{tenant_id}, tenant_slug => $shop->{slug});
    my $other = $erp->login('second@once.example', 'second-password')->{access_token};
    my $res = post('a-1', { name => 'Sugar', price => 2 }, token => $other);
    is $res->status, 200, 'the same key of another user';
    is $res->json->{name}, 'Sugar', '... is his own';
    my $foreign = $erp->seed_tenant(slug => 'foreign');
    $res = post('a-1', { name => 'Rice', price => 12.5, sku => 'R-1', unknown => 1 },
        token => $erp->login($foreign->{email}, $foreign->{password})->{access_token});
    is $res->status, 200, 'the same request in another business';
    is $res->header('idempotency-replayed'), undef, '... is done there';
    is $res->json->{tenant_id}, $foreign->{tenant_id}, '... with its own reply';
};

subtest 'refusals use up no key' => sub {
    my $before = products();
    is_problem(post('b-1', { name => '' }), 422, 'validation', 'refused');
    is_problem(post('b-1', { name => 'Double', price => 1, sku => 'R-1' }), 409, 'duplicate', 'refused by an index');
    is products(), $before, 'nothing was done';
    is(post('b-1', { name => 'Good', price => 1 })->status, 200, 'the repaired request may have it');
    is products(), $before + 1, '... and is done';
};

subtest 'many at once' => sub {
    my $before = products();
    for my $round (1 .. 5) {
        my (@pids, @out);
        for my $i (1 .. 6) {
            pipe my $read, my $write or die "pipe: $!\n";
            my $pid = fork // die "fork: $!\n";
            if ($pid == 0) {
                my $res = post("c-$round", { name => "Once $round", price => $round, $round % 2 ? (sku => "C-$round") : () });
                my $text = $res->status == 200 ? '200 ' . $res->json->{id} : $res->status . ' ' . $res->json->{code};
                syswrite $write, $text;
                POSIX::_exit(0);
            }
            close $write;
            push @pids, $pid;
            push @out, $read;
        }
        my %said;
        for my $read (@out) { my $text = do { local $/; <$read> }; $said{$text}++ }
        waitpid $_, 0 for @pids;
        my @ok = grep { /^200 / } keys %said;
        is scalar @ok, 1, "round $round: one record is spoken of";
        my @other = grep { !/^200 |idempotency_in_flight|try_again|tenant_busy/ } keys %said;
        is_deeply \@other, [], '... and nothing else was said' or diag join ', ', %said;
        my $last = post("c-$round", { name => "Once $round", price => $round, $round % 2 ? (sku => "C-$round") : () });
        is '200 ' . $last->json->{id}, $ok[0], '... also later';
    }
    is products(), $before + 5, 'one product a key';
};

subtest 'kill -9, and the client asks again' => sub {
    my $before = products();
    my $made = 0;
    for my $n (1 .. 25) {
        my $pid = fork // die "fork: $!\n";
        if ($pid == 0) { post("k-$n", { name => "Killed $n", price => 1 }); POSIX::_exit(0) }
        select undef, undef, undef, rand 0.012;
        $erp->kill_worker('KILL', $_) for ($erp->pids('main'))[$n % 4];
        waitpid $pid, 0;
        my $res;
        ok wait_until(20, sub { ($res = post("k-$n", { name => "Killed $n", price => 1 }))->status == 200 }), "request $n: done" and $made++;
    }
    is products(), $before + $made, 'each once';
};

subtest 'kept for three days' => sub {
    my @keys = $erp->mongo_all($shop->{db_name}, doc(listIndexes => 'idempotency_keys'));
    my ($ttl) = grep { defined $_->{expireAfterSeconds} } @keys;
    is_deeply $ttl->{key}, { expires_at => 1 }, 'the server removes them';
    my ($one) = $erp->mongo_all($shop->{db_name}, doc(find => 'idempotency_keys', filter => { key => 'a-1' }, limit => 1));
    like $one->{tenant_id}, qr/^\Q$shop->{tenant_id}\E$/, 'they carry the tenant';
};
done_testing;
