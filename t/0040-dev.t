# ./dev itself: up, up again, a second copy beside it, down.
use Erp::Test;
use Erp::Build;
use Erp::Dev;
use Erp::Http;
use Erp::Proc qw(free_port alive);
use Erp::Say qw(slurp);
use File::Path qw(remove_tree);
use File::Temp qw(tempdir);

my $root = $ENV{ERP_TEST_ROOT};
my $base = tempdir('erpd-dev.XXXXXX', TMPDIR => 1, CLEANUP => 1);
my %copy;

# Runs ./dev for a copy; its exit status and what it printed. Builds are shared with this run.
sub dev {
    my ($name, @args) = @_;
    my $copy = $copy{$name} //= { run => "$base/$name", port => free_port(), mongo => free_port() };
    my ($command, @more) = @args;
    my $pid = open my $out, '-|';
    die "fork: $!\n" if !defined $pid;
    if ($pid == 0) {
        open STDERR, '>&', \*STDOUT;
        open STDIN, '<', '/dev/null';
        my $build = Erp::Build::folder($ENV{ERP_TEST_RUN});
        delete @ENV{grep { /^(?:ERP_|MONGO_URL)/ } keys %ENV};
        $ENV{ERP_BUILD_DIR} = $build;
        exec "$root/dev", $command, '--run-dir', $copy->{run}, '--port', $copy->{port},
            '--mongo-port', $copy->{mongo}, '--workers', 2, '--login-workers', 1, @more or exit 127;
    }
    my $text = do { local $/; <$out> };
    close $out;
    return ($? >> 8, $text);
}

END { dev($_, 'down') for grep { -e "$copy{$_}{run}/supervisor.pid" || -e "$copy{$_}{run}/mongo/mongod.pid" } keys %copy }

my ($status, $out) = dev('one', 'up');
is $status, 0, 'up' or BAIL($out);
like $out, qr{Up: https://localhost:$copy{one}{port}\b}, '... says where';
like $out, qr/computershop\@example\.com\s+computershop123/, '... and the demo logins';
like $out, qr/"access_token":/, '... shows a login';
like $out, qr/200 \{.*"tenant_slug":"techland".*"database_connected":true/, '... and the health of its tenant';

my %env = Erp::Dev::env_read($copy{one}{run});
is $env{ERP_URL}, "https://localhost:$copy{one}{port}", '.run/env: ERP_URL';
is `sh -c '. $copy{one}{run}/env && printf %s "\$ERP_PORT"'`, $copy{one}{port}, '... are shell assignments';
for my $name (qw(SECRET_KEY_FILE JWT_SECRET_KEY_FILE MONGO_URL_FILE)) {
    is sprintf('%o', (stat $env{$name})[2] & 0777), '600', "$name: for its owner alone";
}
unlike slurp("$copy{one}{run}/env"), qr/mongodb:/, 'no password in .run/env';
my $anyone = `'$ENV{ERP_TEST_EVAL}' 'mongodb://127.0.0.1:$env{ERP_MONGO_PORT}/?directConnection=true' admin <<'END'
{"listDatabases":1}
END`;
like $anyone, qr/requires authentication/, 'the database asks who comes';

my @pids = ($env{ERP_SUPERVISOR_PID}, $env{ERP_MONGO_PID});
($status, $out) = dev('one', 'up');
is $status, 0, 'up again';
like $out, qr/Already up at \S+; nothing changed/, '... says so';
my %again = Erp::Dev::env_read($copy{one}{run});
is_deeply \%again, \%env, '... and changes nothing';
ok alive($_), "... process $_ still runs" for @pids;

my ($worker) = split ' ', (dev('one', 'status'))[1] =~ s/.*^ *main: //msr;
kill 'KILL', $worker;
ok wait_until(5, sub { (dev('one', 'status'))[1] =~ /^ *main: (?!.*\b$worker\b)\d+ \d+$/m }),
    'a worker that is killed is replaced' or diag +(dev('one', 'status'))[1];
ok alive($pids[0]), '... and the rest goes on';

# As from a shell that still has the .run/env of a copy that was wiped.
($status, $out) = do {
    local $ENV{SECRET_KEY_FILE} = "$base/two/secrets/SECRET_KEY";
    dev('two', 'up');
};
is $status, 0, 'a second copy beside it' or diag $out;
my $other = Erp::Http->new(base => "https://localhost:$copy{two}{port}", cacert => "$copy{two}{run}/tls/cert.pem");
is $other->get('/api/health/ready')->status, 200, '... answers';
($status, $out) = dev('two', 'status');
is $status, 0, 'status: all runs';
like $out, qr/ready: 200/, '... and says so';
like $out, qr/^ *watch: [1-9]\d*$/m, '... with a watcher';

($status, $out) = dev('two', 'down', '--wipe');
is $status, 0, 'down --wipe of the second';
ok !-e $copy{two}{run}, '... removes its folder';
my $first = Erp::Http->new(base => $env{ERP_URL}, cacert => $env{ERP_CACERT});
is $first->get('/api/health/ready')->status, 200, '... and leaves the first alone';

my $added = `sh -c '. $copy{one}{run}/env && "\$ERP_BIN/erpctl" tenant add corner --name Corner --type grocery \\
    --admin-email owner\@corner.example --generate' 2>&1`;
is $?, 0, 'a tenant of one\'s own' or diag $added;

my @children = map { split ' ', slurp($_) // '' } glob "/proc/$pids[0]/task/*/children";
($status, $out) = dev('one', 'down');
is $status, 0, 'down';
is scalar(grep { alive($_) } @pids, @children), 0, '... leaves no process';
is $first->get('/api/health/live')->status, 0, '... and nobody answers';
($status, $out) = dev('one', 'down');
is $status, 0, 'down again is no error';
like $out, qr/Nothing of this copy runs/, '... and says so';

($status, $out) = dev('one', 'up');
is $status, 0, 'up once more, with the data of before and a tenant that is no demo' or diag $out;
($status) = dev('one', 'down', '--wipe');
is $status, 0, '... and down';

($status, $out) = dev('one', 'fly');
is $status, 2, 'an unknown command is refused';
like $out, qr/^usage:/m, '... with the usage';

done_testing;

sub BAIL {
    my ($text) = @_;
    diag $text;
    die "./dev up failed\n";
}
