# The limits of a licence at the last place: of those who ask at once exactly one gets it, the
# others are told why, and there is never one too many.
use Erp::Test;
use Erp::Json qw(to_json);

my $erp = Erp::Test->start(workers => 4, login_workers => 1, env => { ERP_TENANT_SHARE => 100 });
my $AT_ONCE = 5;
my $ROUNDS = $ENV{ERP_TEST_ROUNDS} // 15;

# The statuses and codes of $AT_ONCE requests made at the same time: [status, code].
sub at_once {
    my ($ask) = @_;
    my @running;
    pipe my $gate, my $open or die "pipe: $!\n";
    for my $n (1 .. $AT_ONCE) {
        pipe my $out, my $in or die "pipe: $!\n";
        my $pid = fork // die "fork: $!\n";
        if ($pid == 0) {
            close $open;
            sysread $gate, my $byte, 1;    # until the parent lets go
            my $res = eval { $ask->($n) };
            # On a busy machine five attempts may not do: then "try again" is what a client does.
            for (1 .. 9) { $res = eval { $ask->($n) } if $res && $res->status == 503 && $res->json->{code} eq 'try_again' }
            syswrite $in, join ' ', $res ? ($res->status, ($res->json || {})->{code} // '-') : (0, $@ // '');
            POSIX::_exit(0);
        }
        close $in;
        push @running, [$pid, $out];
    }
    close $open;
    return map { my ($pid, $out) = @$_; my $line = do { local $/; <$out> }; waitpid $pid, 0; [split / /, $line, 2] } @running;
}

# One round: who won, who was refused; everything else is a fault.
sub round {
    my ($name, $count, $ask) = @_;
    my $before = $count->();
    my @got = at_once($ask);
    my @won = grep { $_->[0] == 200 } @got;
    my @told = grep { $_->[0] == 403 && $_->[1] eq 'limit_reached' } @got;
    my $after = $count->();
    return 1 if @won == 1 && @told == $AT_ONCE - 1 && $after == $before + 1;
    diag("$name: ", join(', ', map { "@$_" } @got), "; there were $before, now $after");
    return 0;
}

subtest 'branches' => sub {
    my $whole = 0;
    for my $n (1 .. $ROUNDS) {
        my $shop = $erp->seed_tenant(slug => "branches-$n", entry => { max_branches => 2 });
        my $token = $erp->login($shop->{email}, $shop->{password})->{access_token};
        my $make = sub {
            return $erp->post('/api/branches', { name => "B$_[0]", address => 'Road 1', contact_phone => '0170000000' }, token => $token);
        };
        # Every second time the guard itself has to be made by those who race.
        my $first = $n % 2 ? $make->(0) : undef;
        if (!$first) {
            $erp->mongo_insert($shop->{db_name}, 'branches', { id => Erp::Test::uuid(), tenant_id => $shop->{tenant_id}, name => 'By hand' });
        }
        $whole += round("round $n", sub {
            return scalar $erp->mongo_all($shop->{db_name}, doc(find => 'branches', filter => { tenant_id => $shop->{tenant_id} }));
        }, $make);
        is_problem($make->(9), 403, 'limit_reached', 'and afterwards nobody') if $n == 1;
    }
    is $whole, $ROUNDS, "$ROUNDS times one winner";
};

subtest 'users' => sub {
    my $whole = 0;
    my $count = sub {
        my ($shop) = @_;
        return scalar grep { !$_->{disabled} } $erp->mongo_all('users', doc(find => 'users', filter => { tenant_id => $shop->{tenant_id} }));
    };
    for my $n (1 .. $ROUNDS) {
        my $shop = $erp->seed_tenant(slug => "users-$n", entry => { max_users => 2 });
        my $token = $erp->login($shop->{email}, $shop->{password})->{access_token};
        my $make = sub {
            return $erp->post('/api/users', { email => "p$_[0]-$n\@limits.example", password => 'lantern-orbit-47', full_name => 'P', role => 'staff' }, token => $token);
        };
        my $ask = $make;
        if ($n % 3 == 0) {
            # Those who are disabled take no place, and compete for it when they come back.
            $erp->seed_user(email => "old$_-$n\@limits.example", password => 'old-password', role => 'staff', tenant_id => $shop->{tenant_id},
                user => { id => sprintf('old-%d-%d', $n, $_), tenant_slug => $shop->{slug}, disabled => \1, is_active => \0 }) for 1 .. $AT_ONCE;
            $ask = sub { return $erp->put("/api/users/old-$n-$_[0]", { is_active => \1 }, token => $token) };
        }
        $whole += round("round $n", sub { $count->($shop) }, $ask);
        is_problem($make->(9), 403, 'limit_reached', 'and afterwards nobody') if $n == 1;
    }
    is $whole, $ROUNDS, "$ROUNDS times one winner";
};

subtest 'the last administrator' => sub {
    my $left = 0;
    for my $n (1 .. $ROUNDS) {
        my $shop = $erp->seed_tenant(slug => "admins-$n");
        my @admins = ({ %$shop, id => $shop->{user_id} });
        push @admins, $erp->seed_user(email => "second-$n\@limits.example", password => 'second-password', role => 'tenant_admin',
            tenant_id => $shop->{tenant_id}, user => { tenant_slug => $shop->{slug} });
        $admins[1]{password} = 'second-password';
        my @tokens = map { $erp->login($_->{email}, $_->{password})->{access_token} } @admins;
        # Each demotes the other.
        at_once(sub { my $me = $_[0] % 2; return $erp->put("/api/users/$admins[1 - $me]{id}", { role => 'staff' }, token => $tokens[$me]) });
        $left += 0 < scalar $erp->mongo_all('users', doc(find => 'users', filter => { tenant_id => $shop->{tenant_id}, role => 'tenant_admin' }));
    }
    is $left, $ROUNDS, "$ROUNDS times one is left";
};

subtest 'what is not limited' => sub {
    my $shop = $erp->seed_tenant(slug => 'no-limit', entry => { max_branches => undef });
    my $token = $erp->login($shop->{email}, $shop->{password})->{access_token};
    is($erp->post('/api/branches', { name => "B$_", address => 'x', contact_phone => '0170000000' }, token => $token)->status, 200, "branch $_") for 1 .. 3;
};

done_testing;
