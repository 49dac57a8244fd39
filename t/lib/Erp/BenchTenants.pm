# The part of ./dev bench about many tenants: throughput over 1, 100 and 1,000 of them, a registry of
# thousands, what a cache miss and an eviction add, what a client weighs, whether any worker asks the
# registry's database once everything is cached (its server counts), and how fast audit entries are
# chained. Each figure stands beside one measured in the same run. `short` is for the test suite: the
# same with little of everything.
package Erp::BenchTenants;
use strict;
use warnings;
use MIME::Base64 qw(encode_base64url decode_base64url);
use Digest::SHA qw(hmac_sha256);
use Time::HiRes qw(time);
use Erp::Json qw(doc to_json from_json);
use Erp::Proc qw(spawn end_pid wait_until);
use Erp::Say qw(step slurp spew);

my %FULL  = (seconds => 4, many => [1, 100, 1000], registry => 10000, clients => 256, pairs => 60, entries => 10000);
my %SHORT = (seconds => 1, many => [1, 20],        registry => 200,   clients => 12,  pairs => 6,  entries => 3000);

# `start` makes an instance with the options given (Erp::Test->start). Returns the figures by name.
sub run {
    my (%opt) = @_;
    my $self = bless { %{ $opt{short} ? \%SHORT : \%FULL }, short => $opt{short}, start => $opt{start}, url => $opt{url},
        print => $opt{print} // sub { printf @_ }, figures => {} }, __PACKAGE__;
    step('Many tenants') if !$opt{short};
    $self->_with([workers => 4, watch => 1], sub { $self->_many(@_) });
    $self->_with([workers => 1, watch => 1], sub { $self->_weight(@_) });
    $self->_with([workers => 1, watch => 1, env => { ERP_CLIENT_CACHE => 4 }], sub { $self->_evictions(@_) });
    $self->_with([workers => 1, env => { ERP_AUDIT_DELAY => 1 }], sub { $self->_chain(@_) });
    return $self->{figures};
}

sub _with {
    my ($self, $options, $do) = @_;
    my %o = @$options;
    my $erp = $self->{start}->(login_workers => 1, %o,
        env => { ERP_LOG_LEVEL => 'warn', ERP_TENANT_SHARE => 100, ERP_RECYCLE_REQUESTS => 100_000_000, %{ $o{env} || {} } });
    $erp->{leave} = !$self->{short};
    my $ok = eval { $do->($erp); 1 };
    my $why = $@;
    my @troubles = $erp->finish;
    die $why if !$ok;
    die "the workers had troubles: @troubles\n" if @troubles;
    return;
}

sub _say {
    my ($self, $name, $format, @values) = @_;
    $self->{print}->("%-34s $format\n", $name, @values);
    return;
}

# Registry entries and their administrators, with tokens. `uri` gives the address of the n-th.
sub _tenants {
    my ($self, $erp, $prefix, $n, $uri) = @_;
    my $first = $erp->seed_tenant(slug => "$prefix-model", password => 'bench-password');
    my $token = $erp->login($first->{email}, 'bench-password')->{access_token};
    my ($head, $payload) = split /\./, $token;
    my $claims = from_json(decode_base64url($payload));
    my ($user) = $erp->mongo_all('users', doc(find => 'users', filter => { email => $first->{email} }));
    my ($entry) = $erp->mongo_all('admin', doc(find => 'tenants_registry', filter => { slug => $first->{slug} }));
    delete @$_{'_id'} for $user, $entry;
    my (@entries, @users, @tokens);
    for my $i (1 .. $n) {
        my $slug = "$prefix-$i";
        my %who = (id => "$slug-user", email => "$slug\@bench.example", tenant_id => "$slug-id");
        push @users, { %$user, %who, tenant_slug => $slug };
        push @entries, { %$entry, slug => $slug, tenant_id => $who{tenant_id}, admin_email => $who{email},
            db_name => $erp->db("$prefix$i"), $uri ? (db_uri => $uri->($i)) : () };
        my $text = "$head." . encode_base64url(to_json({ %$claims, sub => $who{id}, tenant_id => $who{tenant_id}, tenant_slug => $slug }));
        push @tokens, "$text." . encode_base64url(hmac_sha256($text, $erp->{jwt_secret}));
    }
    while (my @some = splice @entries, 0, 500) { $erp->mongo_insert('admin', 'tenants_registry', @some) }
    while (my @some = splice @users, 0, 500)   { $erp->mongo_insert('users', 'users', @some) }
    my $res = $erp->get('/api/health/tenant', token => $tokens[0]);
    die 'a tenant of the bench: ' . $res->brief . "\n" if $res->status != 200;
    return @tokens;
}

# Requests a second, p50 and p99 in ms, of 16 clients who take the tokens in turn.
sub _load {
    my ($self, $erp, $path, @tokens) = @_;
    spew("$erp->{dir}/tokens", join "\n", @tokens);
    spew("$erp->{dir}/turns.lua", <<"LUA");
local tokens = {}
for line in io.lines("$erp->{dir}/tokens") do tokens[#tokens + 1] = "Bearer " .. line end
local n = math.random(#tokens)
function request()
    n = n % #tokens + 1
    return wrk.format("GET", "$path", { Authorization = tokens[n] })
end
LUA
    my $out = '';
    open my $pipe, '-|', 'wrk', '-t1', '-c16', "-d$self->{seconds}s", '--latency', '-s', "$erp->{dir}/turns.lua",
        $erp->url . $path or die "wrk: $!\n";
    $out .= $_ while <$pipe>;
    close $pipe;
    my ($rate) = $out =~ m{Requests/sec:\s+([\d.]+)};
    my %at = $out =~ /^\s+(50|99)%\s+(\S+)/mg;
    die "wrk failed for $path:\n$out" if !$rate || $out =~ /Non-2xx|Socket errors/;
    return ($rate, map { my ($v, $u) = $at{$_} =~ /^([\d.]+)(us|ms|s)$/; $v * { us => 0.001, ms => 1, s => 1000 }->{$u} } 50, 99);
}

sub _counters { return from_json(($_[0]->erpctl('status', '--json'))[1])->{counters} }

# Every worker has everything: asked until a whole round finds nothing missing.
sub _warm {
    my ($self, $erp, $path, @tokens) = @_;
    for (1 .. 10) {
        my $before = _counters($erp)->{registry_misses};
        $self->_load($erp, $path, @tokens);
        return if _counters($erp)->{registry_misses} == $before;
    }
    return;
}

# One record each, so that their databases come into being: seconds that this took. On a machine that
# is full one of a thousand may be told to ask again, which it does.
sub _fill {
    my ($self, $erp, @tokens) = @_;
    my ($took, @again) = $self->_records($erp, @tokens);
    return $took if !@again;
    $self->_say('  asked again', '%7d of %d', scalar @again, scalar @tokens);
    die 'refused for the first record of ' . @again . " tenants\n" if @again > @tokens / 100;
    my ($more, @refused) = $self->_records($erp, @again);
    die 'refused twice: ' . @refused . " tenants\n" if @refused;
    return $took + $more;
}

# A record for each token: seconds, and the tokens that were told to ask again.
sub _records {
    my ($self, $erp, @tokens) = @_;
    my $url = $erp->url . '/api/brands';
    spew("$erp->{dir}/fill", join "next\n", map { <<"ONE" } @tokens);
url = "$url"
cacert = "$erp->{cert}"
noproxy = "*"
header = "Authorization: Bearer $_"
header = "Content-Type: application/json"
data = "{\\"name\\":\\"Brand\\"}"
output = "/dev/null"
write-out = "%{http_code} %{urlnum}\\n"
ONE
    my $began = time;
    # Its progress of many transfers at once is not to be silenced otherwise.
    open my $pipe, '-|', 'sh', '-c', 'exec "$@" 2>/dev/null', 'sh', 'curl', '-q', '--parallel', '--parallel-max', 8,
        '-K', "$erp->{dir}/fill" or die "curl: $!\n";
    my %said = map { /^(\d+) (\d+)$/ ? ($2 => $1) : () } <$pipe>;
    close $pipe;
    my @other = grep { !/^(?:200|503)$/ } map { $said{$_} // 'nothing' } 0 .. $#tokens;
    die "a first record: $other[0]\n" if @other;
    return (time - $began, map { $said{$_} == 503 ? $tokens[$_] : () } 0 .. $#tokens);
}

# How many commands of workers the registry's and the users' database got while `do` ran, as their
# server counts them, and what it returns. The watcher's commands have another appName.
sub _commands {
    my ($self, $erp, $do) = @_;
    my @dbs = qw(admin users);
    $erp->mongo($_, doc(profile => 2)) for @dbs;
    my @got = $do->();
    $erp->mongo($_, doc(profile => 0)) for @dbs;
    my @n = map { $erp->mongo($_, doc(count => 'system.profile', query => { appName => 'erpd' }))->{n} } @dbs;
    $erp->mongo($_, doc(drop => 'system.profile')) for @dbs;
    return (@n, @got);
}

sub _many {
    my ($self, $erp) = @_;
    my $most = $self->{many}[-1];
    my @tokens = $self->_tenants($erp, 'many', $most);
    my $took = $self->_fill($erp, @tokens);
    my $again = $self->_fill($erp, @tokens);
    $self->_say('a first record', '%7.1f ms, %.1f of the %.1f ms of a second one: database, collections, indexes',
        1000 * $took / $most, $took / $again, 1000 * $again / $most);
    my $path = '/api/brands?limit=10';
    my ($base, $base99);
    for my $n (@{ $self->{many} }) {
        my @some = @tokens[ 0 .. $n - 1 ];
        $self->_warm($erp, $path, @some);
        my $before = _counters($erp);
        my ($registry, $users, $rate, $p50, $p99) = $self->_commands($erp, sub { $self->_load($erp, $path, @some) });
        my $after = _counters($erp);
        my ($hits, $misses) = map { $after->{$_} - $before->{$_} } qw(registry_hits registry_misses);
        ($base, $base99) = ($rate, $p99) if !$base;
        $self->_say("$n tenants, one cluster", '%7.0f req/s, p50 %.2f ms, p99 %.2f ms: %.2f and %.2f of one tenant\'s',
            $rate, $p50, $p99, $rate / $base, $p99 / $base99);
        $self->_say('  registry look-ups', '%7.0f /s, %.2f a request, %d missed; commands that reached its database: %d, the users\': %d',
            $hits / $self->{seconds}, $hits / ($rate * $self->{seconds}), $misses, $registry, $users);
        @{ $self->{figures} }{ "rate_$n", "misses_$n", "hits_$n", "commands_$n" } = ($rate, $misses, $hits, $registry);
    }
    $erp->erpctl('cache', 'clear');
    ($self->{figures}{commands_cold}) = $self->_commands($erp, sub { _took($erp, $tokens[0]) });
    # More entries than a worker keeps (4,096): look-ups miss, and find one among all.
    my @all = $self->_tenants($erp, 'reg', $self->{registry});
    my ($rate, $p50, $p99) = $self->_load($erp, '/api/auth/me', @all);
    my ($few, $few50, $few99) = $self->_load($erp, '/api/auth/me', $all[0]);
    $self->_say("$self->{registry} registry entries", '%7.0f req/s, p50 %.2f ms, p99 %.2f ms: %.2f of one tenant\'s %.0f req/s (p50 %.2f ms)',
        $rate, $p50, $p99, $rate / $few, $few, $few50);
    $self->{figures}{registry_rate} = $rate;
    return;
}

sub _resident {
    my ($pid) = @_;
    return ((slurp("/proc/$pid/smaps_rollup") // '') =~ /^Rss:\s+(\d+)/m)[0] // die "no such worker: $pid\n";
}

# A URI of its own for each tenant, so that each needs a client of its own.
sub _own_uri {
    my ($self) = @_;
    my $url = $self->{url};
    return sub { return $url . ($url =~ /\?/ ? '&' : '?') . 'connectTimeoutMS=' . (1000 + $_[0]) };
}

# Milliseconds until the first byte of the reply.
sub _took {
    my ($erp, $token, $path) = @_;
    my $res = $erp->get($path // '/api/brands?limit=1', token => $token, curl => ['-w', "\n%{time_pretransfer} %{time_starttransfer}"]);
    die 'a tenant of the bench: ' . $res->brief . "\n" if $res->status != 200;
    my ($from, $to) = $res->body =~ /\n([\d.]+) ([\d.]+)\z/;
    return ($to - $from) * 1000;
}

sub _median { my @s = sort { $a <=> $b } @_; return $s[ @s / 2 ] }

# What a worker weighs with all its clients; and what the first request of a tenant costs.
sub _weight {
    my ($self, $erp) = @_;
    my @tokens = $self->_tenants($erp, 'own', $self->{clients} - 2, $self->_own_uri);
    _took($erp, $tokens[0]);
    my ($pid) = $erp->pids('main');
    my $before = _resident($pid);
    my (@miss, @hit);
    for my $token (@tokens[ 1 .. $#tokens ]) {
        push @miss, _took($erp, $token);
        push @hit, _took($erp, $token);
    }
    my $after = _resident($pid);
    die "the worker was replaced\n" if ($erp->pids('main'))[0] != $pid;
    $self->_say("a worker with $self->{clients} clients", '%7.1f MiB, %.2f of the %.1f MiB with three: %.0f KiB a client',
        $after / 1024, $after / $before, $before / 1024, ($after - $before) / @miss);
    my ($m, $h) = (_median(@miss), _median(@hit));
    $self->_say('a cache miss', '%7.2f ms, %.2f of the %.2f ms of a hit: %.2f ms more (registry, user, client, connection)', $m, $m / $h, $h, $m - $h);
    @{ $self->{figures} }{qw(rss miss hit)} = ($after, $m, $h);
    return;
}

# A table of four clients and more tenants: each request closes one client and opens another.
sub _evictions {
    my ($self, $erp) = @_;
    my @tokens = $self->_tenants($erp, 'evict', 8, $self->_own_uri);
    _took($erp, $_) for @tokens;
    my (@evicted, @hit);
    my $before = _counters($erp)->{client_evictions};
    for my $i (1 .. $self->{pairs}) {
        push @evicted, _took($erp, $tokens[ $i % @tokens ]);
        push @hit, _took($erp, $tokens[ $i % @tokens ]);
    }
    my $evictions = _counters($erp)->{client_evictions} - $before;
    my ($e, $h) = (_median(@evicted), _median(@hit));
    $self->_say('an eviction', '%7.2f ms, %.2f of the %.2f ms of a hit: %.2f ms more (%d evictions in %d requests)',
        $e, $e / $h, $h, $e - $h, $evictions, 2 * $self->{pairs});
    @{ $self->{figures} }{qw(eviction evictions)} = ($e, $evictions);
    return;
}

# `n` entries as a worker has written one, an hour old, inserted by the thousand. Seconds of the inserts.
sub _insert_entries {
    my ($erp, $db, $n) = @_;
    my ($model) = $erp->mongo_all($db, doc(find => 'audit_log', filter => { kind => 'data' }, projection => { _id => 0 }));
    my $at = 1000 * (int(time) - 3600);
    my @texts;
    for my $thousand (0 .. $n / 1000 - 1) {
        push @texts, to_json(doc(insert => 'audit_log', writeConcern => { w => 'majority' }, documents => [map {
            my $i = 1000 * $thousand + $_;
            +{ %$model, id => sprintf('%s-%06d', $model->{id}, $i), at => { '$date' => { '$numberLong' => '' . ($at + $i) } } } } 1 .. 1000]));
    }
    my $began = time;
    $erp->mongo($db, $_) for @texts;
    return time - $began;
}

# Entries chained a second, by the times of the chain's own records (a thousand entries each), beside
# inserts of the same entries.
sub _chain {
    my ($self, $erp) = @_;
    my $n = $self->{entries};
    my $t = $erp->seed_tenant(slug => 'chained', password => 'bench-password');
    my $token = $erp->login($t->{email}, 'bench-password')->{access_token};
    $self->_fill($erp, $token);
    my $took = _insert_entries($erp, "$t->{db_name}_audit", $n);
    my $watch = spawn({ log => "$erp->{log}/chain.log", env => { $erp->program_env } },
        "$ENV{ERP_TEST_BIN}/erpctl", 'watch');
    my $sum;
    my $done = eval { wait_until(60, sub {
        ($sum) = $erp->mongo_all('admin', doc(aggregate => 'audit_chain', cursor => {}, pipeline => [
            { '$match' => { tenant_id => $t->{tenant_id} } },
            { '$group' => doc(_id => undef, entries => { '$sum' => { '$size' => '$entries' } }, records => { '$sum' => 1 },
                first => { '$min' => { '$toLong' => '$at' } }, last => { '$max' => { '$toLong' => '$at' } }) } ]));
        return $sum && $sum->{entries} >= $n }) };
    my $why = $@;
    end_pid($watch, 'TERM', 10);
    die "the auditor did not come to an end: $why\n" if !$done;
    my ($chained, $inserted) = (1000 * ($n - 1000) / ($sum->{last} - $sum->{first} || 1), $n / $took);
    $self->_say('audit entries chained', '%7.0f /s, %.2f of the %.0f a second that were inserted, a thousand at a time (%d records)',
        $chained, $chained / $inserted, $inserted, $sum->{records});
    @{ $self->{figures} }{qw(chained inserted)} = ($chained, $inserted);
    return;
}

1;
