# What there is once in a business: serial numbers, IMEI, SKU, barcodes, and a staff member's time. By
# indexes, so that many at once leave one.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Erp::Case;
use Erp::Say qw(slurp);
use Erp::Test;

my $erp = Erp::Test->start(workers => 4, login_workers => 1);
my $shop = $erp->seed_tenant(slug => 'once');
my $other = $erp->seed_tenant(slug => 'once-two');
my @as = (token => $erp->login($shop->{email}, $shop->{password})->{access_token});
my @other = (token => $erp->login($other->{email}, $other->{password})->{access_token});
my %path = (product => '/api/products', product_variant => '/api/product-variants', component => '/api/components',
    computer_product => '/api/computer-products', supplier => '/api/suppliers', service => '/api/services');
my %any;

sub post {
    my ($noun, $more, @who) = @_;
    @who = @as if !@who;
    my $body = Erp::Case::fill({ %{ Erp::Case::least($noun) }, %$more }, sub { $any{"@who$_[0]"} //= post($_[0], {}, @who)->json->{id} });
    return $erp->post($path{$noun}, $body, @who);
}

# Runs the code in `n` processes at once; how often each exit status was seen.
sub at_once {
    my ($n, $code) = @_;
    my (@pids, %seen);
    for my $i (1 .. $n) {
        my $pid = fork // die "fork: $!";
        POSIX::_exit($code->($erp->http, $i)) if !$pid;
        push @pids, $pid;
    }
    waitpid($_, 0), $seen{ $? >> 8 }++ for @pids;
    return \%seen;
}

# 0: made, 1: refused as a duplicate, 2: something else. What the server says to try again is tried again.
sub outcome {
    my ($try) = @_;
    for (1 .. 60) {
        my $r = $try->();
        return 0 if $r->status == 200;
        return 1 if $r->status == 409 && $r->json->{code} eq 'duplicate';
        return 2 if $r->status !~ /^(?:429|503)$/;
    }
    return 2;
}

for my $case ([product => 'sku'], [product => 'imei'], [product => 'serial_number'], [product => 'barcode'],
    [product_variant => 'sku'], [computer_product => 'serial_number']) {
    my ($noun, $field) = @$case;
    subtest "$noun: $field" => sub {
        my ($x1, $x2, $x3) = map { "$noun-$_" } 1 .. 3;
        my $first = post($noun, { $field => $x1 });
        is $first->status, 200, 'one' or diag $first->body;
        my $r = post($noun, { $field => $x1 });
        is_problem($r, 409, 'duplicate', 'not another one');
        like $r->json->{detail}, qr/\b$field\b/, '... which is said';
        is post($noun, { $field => $x1 }, @other)->status, 200, 'another business may have it';
        my $second = post($noun, { $field => $x2 })->json->{id};
        is_problem($erp->patch("$path{$noun}/$second", { $field => $x1 }, @as), 409, 'duplicate', 'nor by a change');
        if ($noun eq 'product') {
            is post($noun, { $field => $_ })->status, 200, 'none may be had by many: ' . ($_ // 'null') for undef, undef, '', '', ' ';
            is_deeply at_once(8, sub { my ($http) = @_; outcome(sub { $http->post('/api/products', { name => 'x', price => 1, $field => $x3 }, @as) }) }),
                { 0 => 1, 1 => 7 }, 'of eight at once one';
        }
    };
}

subtest 'a sku is a product\'s or a variant\'s' => sub {
    my $product = post(product => { sku => 'S-1' })->json->{id};
    my $variant = post(product_variant => { sku => 'S-2' })->json->{id};
    is_problem(post(product_variant => { sku => 'S-1' }), 409, 'duplicate', 'a variant with a product\'s');
    my $r = post(product => { sku => 'S-2' });
    is_problem($r, 409, 'duplicate', 'a product with a variant\'s');
    like $r->json->{detail}, qr/^sku already exists/, '... which is said';
    is_problem($erp->patch("/api/products/$product", { sku => 'S-2' }, @as), 409, 'duplicate', 'nor by a change of the one');
    is_problem($erp->patch("/api/product-variants/$variant", { sku => 'S-1' }, @as), 409, 'duplicate', '... or the other');
    is $erp->patch("/api/product-variants/$variant", { sku => 'S-2', size => 'L' }, @as)->status, 200, 'one\'s own stays';
    is post(product => { sku => 'S-1' }, @other)->status, 200, 'another business has its own';
    my %variant = (product_id => $product, price => 1, stock => 0);
    $r = $erp->post('/api/product-variants/bulk', { records => [map { { %variant, sku => $_ } } qw(S-1 S-3 S-3)] }, @as);
    is join(' ', map { $_->{status} } @{ $r->json->{rows} }), '409 200 409', 'many variants' or diag $r->body;
    $r = $erp->post('/api/products/bulk', { records => [map { { name => 'P', price => 1, sku => $_ } } qw(S-3 S-4)] }, @as);
    is join(' ', map { $_->{status} } @{ $r->json->{rows} }), '409 200', 'many products' or diag $r->body;
    $r = $erp->request(POST => '/api/products/import?dry_run=true', body => "sku,name,price\nS-5,P,1\nS-2,P,1\n", type => 'text/csv', @as);
    is join(' ', map { "$_->{line}:$_->{code}" } @{ $r->json->{errors} }), '3:duplicate', 'a table' or diag $r->body;
    $r = $erp->request(PATCH => '/api/product-variants/bulk', json => { records => [{ id => $variant, sku => 'S-4' }] }, @as);
    is $r->json->{rows}[0]{status}, 409, 'many changes';
    is $erp->delete("/api/product-variants/$variant", @as)->status, 200, 'when it goes';
    is post(product => { sku => 'S-2' })->status, 200, '... another has it';
};

subtest 'a product and a variant at once' => sub {
    my $product = post(product => {})->json->{id};
    my $seen = at_once(8, sub {
        my ($http, $i) = @_;
        my $made = 0;
        for my $sku (map { "R-$_" } 1 .. 25) {
            my $end = outcome(sub { $i % 2 ? $http->post('/api/products', { name => 'x', price => 1, sku => $sku }, @as)
                : $http->post('/api/product-variants', { product_id => $product, price => 1, stock => 0, sku => $sku }, @as) });
            return 99 if $end == 2;
            $made += $end == 0;
        }
        return $made;
    });
    my $sum = 0;
    $sum += $_ * $seen->{$_} for keys %$seen;
    is $sum, 25, 'of eight that make the same twenty-five, each is made once' or diag explain $seen;
    is scalar($erp->mongo_all($shop->{db_name}, doc(find => 'products', filter => { id => { '$exists' => \0 } }))), 0, 'nothing else is left';
};

subtest 'component: each of the serial numbers' => sub {
    my $first = post(component => { serial_numbers => ['A', 'B'] });
    is $first->status, 200, 'two' or diag $first->body;
    is_problem(post(component => { serial_numbers => ['C', 'B'] }), 409, 'duplicate', 'one of them again');
    my $r = post(component => { serial_numbers => ['D', 'D'] });
    is_problem($r, 422, 'validation', 'one twice in a list');
    is $r->json->{errors}[0]{field}, 'serial_numbers[1]', '... is named';
    is post(component => { serial_numbers => [] })->status, 200, 'none, often' for 1, 2;
    is post(component => { serial_numbers => ['C'] })->status, 200, 'another one';
};

subtest 'an earlier system left two of a kind' => sub {
    my $old = $erp->seed_tenant(slug => 'once-old');
    my @old = (token => $erp->login($old->{email}, $old->{password})->{access_token});
    $erp->mongo_insert($old->{db_name}, 'products', map { { id => "old-$_", tenant_id => $old->{tenant_id}, name => "Old $_", price => 1, stock => 1, sku => 'SAME', imei => "I-$_" } } 1, 2);
    is scalar @{ $erp->get('/api/products', @old)->json }, 2, 'both are read';
    is $erp->post('/api/products', { name => 'New', price => 1, imei => 'I-3' }, @old)->status, 200, 'others are made';
    is $erp->patch('/api/products/old-1', { name => 'Older' }, @old)->status, 200, 'one of them is changed';
    is_problem($erp->post('/api/products', { name => 'New', price => 1, imei => 'I-1' }, @old), 409, 'duplicate', 'what is unique still stays so');
    my ($line) = grep { /unique_index_refused/ } map { split /\n/, slurp($_) } glob "$erp->{log}/*.log";
    like $line // '', qr/collection=products .*index=tenant_id_1_sku_1/, 'the index that could not be made is in the log';
};

my %service = map { $_ => post(service => { name => "S$_", duration_minutes => $_, price => 1 })->json->{id} } 5, 30, 60, 1440;

sub book {
    my ($time, $minutes, %more) = @_;
    my $http = delete $more{http} // $erp;
    return $http->post('/api/appointments', { customer_name => 'C', customer_phone => '1', service_id => $service{$minutes},
        staff_id => 'ann', appointment_date => '2026-05-01', appointment_time => $time, %more }, @as);
}

sub status_of {
    my ($id, $status) = @_;
    return $erp->request('PATCH', "/api/appointments/$id/status?status=$status", @as)->status;
}

subtest 'a staff member\'s time' => sub {
    my $first = book('10:00', 30);
    is $first->status, 200, 'is booked' or diag $first->body;
    ok !exists $first->json->{_slots}, 'how is nobody\'s business';
    my $r = book('10:00', 30);
    is_problem($r, 409, 'duplicate', 'not twice');
    like $r->json->{detail}, qr/staff member/, '... which is said in words';
    is_problem(book(@$_), 409, 'duplicate', "overlapping: $_->[0] for $_->[1]") for ['10:15', 30], ['09:45', 30], ['09:30', 60], ['10:25', 5], ['10:10', 5];
    is book('10:30', 30)->status, 200, 'right after it';
    is book('09:30', 30)->status, 200, 'right before it';
    is book('10:00', 30, staff_id => 'bob')->status, 200, 'with somebody else';
    is book('10:00', 30, appointment_date => '2026-05-02')->status, 200, 'on another day';
    is book('10:00', 30, staff_id => undef)->status, 200, 'without staff, often' for 1, 2;
    is book('23:00', 60, appointment_date => '2026-04-30')->status, 200, 'an hour before midnight';
    is_problem(book('00:30', 1440, appointment_date => '2026-04-30'), 409, 'duplicate', 'not in a day that has something');
    is book('23:45', 30, appointment_date => '2026-05-02')->status, 200, 'over midnight';
    is_problem(book('00:05', 5, appointment_date => '2026-05-03'), 409, 'duplicate', '... on both sides of it');

    my $id = $first->json->{id};
    is status_of($id, 'confirmed'), 200, 'confirmed';
    is_problem(book('10:15', 5), 409, 'duplicate', 'it is still taken');
    is status_of($id, 'cancelled'), 200, 'cancelled';
    my $again = book('10:15', 5);
    is $again->status, 200, 'its time is free again' or diag $again->body;
};

subtest 'moved' => sub {
    my $one = book('12:00', 30)->json->{id};
    my $two = book('13:00', 30)->json->{id};
    is_problem($erp->patch("/api/appointments/$two", { appointment_time => '12:15' }, @as), 409, 'duplicate', 'not onto another one');
    is_problem($erp->patch("/api/appointments/$two", { appointment_time => '11:30', service_id => $service{60} }, @as), 409, 'duplicate', 'nor into it by being longer');
    is $erp->patch("/api/appointments/$two", { appointment_time => '12:30' }, @as)->status, 200, 'beside it';
    is book('13:00', 30)->status, 200, 'where it was is free';
    is_problem(book('12:30', 5), 409, 'duplicate', 'where it is, not');
    is $erp->patch("/api/appointments/$two", { notes => 'x' }, @as)->status, 200, 'another change moves nothing';
    is $erp->patch("/api/appointments/$two", { staff_id => undef }, @as)->status, 200, 'given up by its staff';
    is book('12:30', 5)->status, 200, '... frees it too';
};

subtest 'of an earlier system' => sub {
    $erp->mongo_insert($shop->{db_name}, 'appointments', map { { id => "old-$_", tenant_id => $shop->{tenant_id}, customer_name => 'Old', customer_phone => '1',
        service_id => $service{30}, staff_id => 'old', appointment_date => '2026-06-01', appointment_time => "1$_:00", status => 'pending' } } 0, 1, 2);
    is $erp->get('/api/appointments/old-0', @as)->status, 200, 'they are read';
    is status_of('old-1', 'confirmed'), 200, 'and moved along';
    is_problem(book('10:00', 30, staff_id => 'old', appointment_date => '2026-06-01'), 409, 'duplicate', 'the same begin is refused');
    is $erp->patch('/api/appointments/old-2', { appointment_time => '15:00' }, @as)->status, 200, 'one is moved';
    is_problem(book('15:10', 5, staff_id => 'old', appointment_date => '2026-06-01'), 409, 'duplicate', '... and holds all of its time from then on');
};

subtest 'sixteen at once' => sub {
    my $seen = at_once(16, sub { my ($http, $i) = @_; outcome(sub { book(sprintf('16:%02d', 5 * ($i % 4)), 30, http => $http) }) });
    is_deeply $seen, { 0 => 1, 1 => 15 }, 'one of overlapping times is booked';
    is scalar(grep { $_->{appointment_time} =~ /^16:/ } @{ $erp->get('/api/appointments?staff_id=ann&appointment_date=2026-05-01', @as)->json }), 1, 'and is there';
};

done_testing;
