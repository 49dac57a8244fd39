# The OpenAPI document against itself and against a live instance: openapi-spec-validator reads it,
# schemathesis makes requests of it, sound and unsound ones, and holds every reply to it. Every
# plain operation of every resource is reached.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Erp::Case;
use Erp::Json qw(from_json to_json);
use Erp::Test;
use Erp::Say qw(slurp spew);

my $tools = tools();
my $erp = Erp::Test->start(workers => 3, login_workers => 1);
my $shop = $erp->seed_tenant(slug => 'spec', entry => { max_branches => 40 });
my $token = $erp->login($shop->{email}, $shop->{password})->{access_token};

my (undef, $text) = $erp->run_program($erp->{erpd}, ['--openapi']);
my $file = "$erp->{dir}/openapi.json";
spew($file, $text);

subtest 'the document' => sub {
    my $res = $erp->get('/api/openapi.json');
    is $res->status, 200, 'is served without a token';
    is $res->header('Content-Type'), 'application/json', 'as JSON';
    ok $text =~ /^\s*\{.*\}\s*$/s && index($text, $res->body) == 0, '... the one that erpd --openapi prints';
    my ($status, $out) = run('openapi-spec-validator', $file);
    is $status, 0, 'is OpenAPI 3.1' or diag $out;
};

# Some records of each kind, so that generated requests find something: the hooks know their ids.
my @rows = @{ from_json(($erp->run_program($erp->{erpd}, [ '--routes', '--json' ]))[1]) };
my %writable = map { $_->{path} => 1 } grep { $_->{method} eq 'POST' } @rows;
my %path = map { $_->{resource} => $_->{path} }
    grep { $_->{method} eq 'GET' && $_->{resource} && $_->{out_list} && $writable{ $_->{path} } } @rows;
my %records;
sub made {
    my ($noun) = @_;
    my $r = $erp->post($path{$noun}, Erp::Case::fill(Erp::Case::least($noun), sub { made($_[0]) }), token => $token);
    die "no $noun: " . $r->brief . "\n" if $r->status != 200;
    push @{ $records{ $path{$noun} } }, $r->json->{id};
    return $r->json->{id};
}
for my $noun (grep { Erp::Case::least($_) } sort keys %path) { made($noun) for 1 .. 4 }
my %references;
for my $noun (keys %path) {
    for my $body (map { $_->[1] } Erp::Case::read_all($noun, 'ok')) {
        ($body->{$_} // '') =~ /^\{(\w+)\}$/ && $path{$1} and $references{$_} = $path{$1} for keys %$body;
    }
}
spew("$erp->{dir}/known.json", to_json({ records => \%records, references => \%references }));

my @common = ('--url', $erp->url, '--tls-verify', $erp->{cert}, '--request-timeout', 20, '--no-color',
    '--seed', $ENV{ERP_TEST_SEED} || 1, '--generation-database', 'none', '--continue-on-failure',
    '--warnings', 'off', '--no-shrink');

subtest 'records and health, as they are described' => sub {
    schemathesis('records', '--header', "Authorization: Bearer $token", '--max-examples', 8,
        '--exclude-path-regex', '^/api/auth/');
};

# By requests that the document calls sound: done, or refused for what else is there (409). States and
# rows that are added are left out: what may follow what is more than the document can say.
subtest 'every resource is reached' => sub {
    my %seen;
    for (split /\n/, slurp("$erp->{dir}/seen")) { $seen{"$1 $2"}{$3}++ if /^(\S+) (\S+) (\d+)$/ }
    for my $row (grep { $_->{resource} && $records{ $_->{path} =~ s{/\{id\}$}{}r } } @rows) {
        my $name = "$row->{method} $row->{path}";
        ok($seen{$name}{200} || $seen{$name}{409}, $name) || diag 'replies: ', to_json($seen{$name} // {});
    }
};

# Signing out and changing the password end the token: afterwards 401 is the documented reply.
subtest 'signing in and out, as it is described' => sub {
    my $user = $erp->seed_user(email => 'spec2@spec.example', password => 'spec-password', role => 'staff',
        tenant_id => $shop->{tenant_id}, user => { tenant_slug => 'spec' });
    my $second = $erp->login($user->{email}, 'spec-password')->{access_token};
    schemathesis('auth', '--header', "Authorization: Bearer $second", '--max-examples', 8,
        '--include-path-regex', '^/api/auth/');
};

is $erp->get('/api/products', token => $token)->status, 200, 'the instance is well afterwards';
done_testing;

# Runs schemathesis on the file: the same requests each time, or with ERP_TEST_SEED others, and
# with ERP_TEST_SECONDS for so long.
sub schemathesis {
    my ($title, @args) = @_;
    push @args, '--max-time', $ENV{ERP_TEST_SECONDS} if $ENV{ERP_TEST_SECONDS};
    my ($status, $out) = run('schemathesis', '--config-file', "$FindBin::Bin/openapi/schemathesis.toml",
        'run', $file, @common, @args);
    my ($cases) = $out =~ /([\d,]+) generated/;
    is $status, 0, sprintf 'no reply that the document does not have, in %s requests', $cases // 'no'
        or diag $out;
    cmp_ok(($cases // 0) =~ tr/,//dr, '>', 100, "$title: requests were made");
    return;
}

sub run {
    my ($program, @args) = @_;
    my ($status, $out, $err) = $erp->run_program('/bin/sh',
        ['-c', 'cd "$1" && shift && exec "$@"', 'sh', $erp->{dir}, "$tools/bin/$program", @args],
        env => { SCHEMATHESIS_HOOKS => "$FindBin::Bin/openapi/hooks.py", PYTHONDONTWRITEBYTECODE => 1,
            ERP_TEST_KNOWN => "$erp->{dir}/known.json", ERP_TEST_SEEN => "$erp->{dir}/seen", HOME => $erp->{dir} });
    return ($status, $out . $err);
}

# The programs in a Python environment below the run folder, made once for each list of versions.
sub tools {
    my $dir = "$ENV{ERP_TEST_RUN}/openapi-tools";
    my $list = "$FindBin::Bin/openapi/requirements.txt";
    return $dir if (slurp("$dir/done") // '') eq slurp($list);
    my $log = "$ENV{ERP_TEST_RUN}/log/openapi-tools.log";
    my $pip = "'$dir/bin/pip' install --quiet --disable-pip-version-check --only-binary :all: -r '$list'";
    system("(python3 -m venv --clear '$dir' && $pip) >'$log' 2>&1") == 0
        or BAIL_OUT("cannot install the validators: see $log (is the network there?)");
    spew("$dir/done", slurp($list));
    return $dir;
}
