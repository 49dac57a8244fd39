# The part of ./dev bench about many tenants: throughput over 1, 100 and 1,000 of them, a registry of
# thousands, what a cache miss and an eviction add, what a client weighs, and whether anybody asks
# the registry's database once everything is cached. Each figure stands beside one measured in the
# same run. `short` is for the test suite: the same with little of everything.
package Erp::BenchTenants;
use strict;
use warnings;
use MIME::Base64 qw(encode_base64url decode_base64url);
use Digest::SHA qw(hmac_sha256);
use Erp::Json qw(doc to_json from_json);
use Erp::Say qw(step slurp spew);

my %FULL  = (seconds => 4, many => [1, 100, 1000], registry => 10000, clients => 256, pairs => 60);
my %SHORT = (seconds => 1, many => [1, 20],        registry => 200,   clients => 12,  pairs => 6);

# `start` makes an instance with the options given (Erp::Test->start). Returns the figures by name.
sub run {
    my (%opt) = @_;
    my $self = bless { %{ $opt{short} ? \%SHORT : \%FULL }, start => $opt{start}, url => $opt{url},
        print => $opt{print} // sub { printf @_ }, figures => {} }, __PACKAGE__;
    step('Many tenants') if !$opt{short};
    $self->_with([workers => 4, watch => 1], sub { $self->_many(@_) });
    $self->_with([workers => 1, watch => 1], sub { $self->_weight(@_) });
    $self->_with([workers => 1, watch => 1, env => { ERP_CLIENT_CACHE => 4 }], sub { $self->_evictions(@_) });
    return $self->{figures};
}

sub _with {
    my ($self, $options, $do) = @_;
    my %o = @$options;
    my $erp = $self->{start}->(login_workers => 1, %o,
        env => { ERP_LOG_LEVEL => 'warn', ERP_TENANT_SHARE => 100, ERP_RECYCLE_REQUESTS => 100_000_000, %{ $o{env} || {} } });
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

sub _many {
    my ($self, $erp) = @_;
    my @tokens = $self->_tenants($erp, 'many', $self->{many}[-1]);
    my $path = '/api/brands?limit=10';
    my ($base, $base99);
    for my $n (@{ $self->{many} }) {
        my @some = @tokens[ 0 .. $n - 1 ];
        $self->_warm($erp, $path, @some);
        my $before = _counters($erp);
        my ($rate, $p50, $p99) = $self->_load($erp, $path, @some);
        my $after = _counters($erp);
        my ($hits, $misses) = map { $after->{$_} - $before->{$_} } qw(registry_hits registry_misses);
        ($base, $base99) = ($rate, $p99) if !$base;
        $self->_say("$n tenants, one cluster", '%7.0f req/s, p50 %.2f ms, p99 %.2f ms: %.2f and %.2f of one tenant\'s',
            $rate, $p50, $p99, $rate / $base, $p99 / $base99);
        $self->_say('  registry look-ups', '%7.0f /s, of which %d in all reached the database', $hits / $self->{seconds}, $misses);
        @{ $self->{figures} }{ "rate_$n", "misses_$n", "hits_$n" } = ($rate, $misses, $hits);
    }
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

1;
