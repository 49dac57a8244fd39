# A worker by itself: signals, the watchdog, recycling, and requests that no nginx would send.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP;
use Time::HiRes qw(time sleep);
use Erp::Fcgi;
use Erp::Test;

my $erp = Erp::Test->start(workers => 1, login_workers => 1);
my %login = (REQUEST_METHOD => 'POST', DOCUMENT_URI => '/api/auth/login', CONTENT_TYPE => 'application/json');
my $body = '{"email":7,"password":"x"}';

sub worker { return Erp::Fcgi->new($erp, @_) }

# A worker that is idle: it has answered once.
sub idle {
    my $worker = worker(@_);
    my ($status) = $worker->call({});
    is($status, 200, 'the worker answers');
    return $worker;
}

# --- ending
for my $signal (qw(TERM USR1 INT)) {
    my $worker = idle();
    $worker->signal($signal);
    my ($status, $took) = $worker->ended(10);
    is($status, 0, "$signal ends an idle worker in order");
    cmp_ok($took, '<', 5, "$signal: at once") or diag $took;
}

{
    my $worker = idle();
    my $socket = $worker->connect;
    syswrite $socket, Erp::Fcgi::begin({ %login, CONTENT_LENGTH => length $body })
        . Erp::Fcgi::body(substr $body, 0, 10);
    sleep 0.3;
    $worker->signal('TERM');
    my ($status) = $worker->ended(0.5);
    is($status, -1, 'TERM in a request: it goes on');
    syswrite $socket, Erp::Fcgi::body(substr $body, 10) . Erp::Fcgi::end();
    my ($code, $text) = $worker->reply($socket);
    is($code, 422, 'its reply is whole');
    is(eval { decode_json($text)->{errors}[0]{field} }, 'email', 'and right');
    is(($worker->ended(10))[0], 0, 'then the worker ends in order');
}

{
    my $worker = idle({ ERP_RECYCLE_REQUESTS => 10 });
    my $served = 1;
    # A worker on its way out refuses the connection, or takes it and never answers.
    $served++ while $served < 20 && !defined waited($worker) && (eval { ($worker->call({}))[0] } // 0) == 200;
    cmp_ok($served, '>=', 8, 'recycled after 10 requests, give or take a fifth');
    cmp_ok($served, '<=', 12, 'and not later');
}

# The worker's exit status if it has ended (it does so before it would accept again).
sub waited {
    my ($worker) = @_;
    sleep 0.05;
    my ($status) = $worker->ended(0.02);
    return $status == -1 && $worker->{pid} ? undef : $status;
}

{
    my ($status, undef, $errors) = $erp->run_program($erp->{erpd}, []);
    is($status, 78, 'no listening socket: refused');
    like($errors, qr/file descriptor 0 is not a listening socket/, 'and said so');
    ($status, undef, $errors) = $erp->run_program($erp->{erpd}, ['--no-such']);
    is($status, 64, 'an unknown option');
    like($errors, qr/^Usage:/m, 'shows the usage');
    ($status) = $erp->run_program($erp->{erpd}, ['--check']);
    is($status, 0, '--check: settings and database');
    ($status, undef, $errors) = $erp->run_program($erp->{erpd}, ['--check'],
        env => { MONGO_URL_FILE => undef, MONGO_URL => 'mongodb://127.0.0.1:1/' });
    is($status, 69, '--check: no database') or diag $errors;
    is(($erp->run_program($erp->{erpd}, ['--lint']))[0], 0, '--lint: every table is sound');
}

# --- what nginx would not send
my $worker = idle();
my @cases = (
    [ 'cut short', { %login, CONTENT_LENGTH => 34 }, '{"email"', 400, 'truncated_body' ],
    [ 'longer than announced', { %login, CONTENT_LENGTH => 4 }, '{}   ', 400, 'bad_request' ],
    [ 'a negative length', { %login, CONTENT_LENGTH => '-1' }, '{}', 400, 'bad_request' ],
    [ 'a hexadecimal length', { %login, CONTENT_LENGTH => '0x2' }, '{}', 400, 'bad_request' ],
    [ 'a length of 30 digits', { %login, CONTENT_LENGTH => '9' x 30 }, '{}', 400, 'bad_request' ],
    [ 'a body beyond the limit', { %login, CONTENT_LENGTH => 20000 }, '{}', 413, 'too_large' ],
    [ 'a body where none is asked for', { CONTENT_LENGTH => 2 }, '{}', 200 ],
    [ 'a large body where none is asked for', { CONTENT_LENGTH => 5000 }, '{}', 413, 'too_large' ],
    [ 'no method', { REQUEST_METHOD => '' }, '', 405, 'method_not_allowed' ],
    [ 'no path', { DOCUMENT_URI => '' }, '', 404, 'not_found' ],
    [ 'a path that is no UTF-8', { DOCUMENT_URI => "/api/\xff" }, '', 404, 'not_found' ],
    [ 'waited 11 s', { ERP_RECEIVED => sprintf '%.3f', time - 11 }, '', 503, 'queued_too_long' ],
    [ 'waited 8 s', { ERP_RECEIVED => sprintf '%.3f', time - 8 }, '', 200 ],
    [ 'a strange time', { ERP_RECEIVED => 'x.y' }, '', 200 ],
    [ '100 KB of token', { DOCUMENT_URI => '/api/auth/me', HTTP_AUTHORIZATION => 'Bearer ' . 'x' x 100000 },
        '', 401, 'token_invalid' ],
);
for my $case (@cases) {
    my ($name, $params, $bytes, $want, $code) = @$case;
    my ($status, $text) = $worker->call($params, $bytes);
    is($status, $want, "$name: $want") or diag $text;
    is(eval { decode_json($text)->{code} }, $code, "$name: $code") if $code;
}

{
    my (undef, undef, $head) = $worker->call({ ERP_REQUEST_ID => "a\r\nSet-Cookie: x" });
    unlike($head, qr/Set-Cookie/, 'a request id cannot add a header');
    like($head, qr/^X-Request-Id: [0-9a-f]{32}\r?$/m, 'and is made anew');
    my ($status, $text, $with) = $worker->call({ REQUEST_METHOD => 'HEAD' });
    is($text, '', 'HEAD: no body');
    like($with, qr/^Content-Length: 15\r?$/m, 'HEAD: its length');
}

# --- peers that go away, and garbage: the next request is served
for my $bytes (Erp::Fcgi::begin({}), substr(Erp::Fcgi::begin({}), 0, 40), "GET / HTTP/1.1\r\n\r\n" x 20,
    pack('CCnnCC', 1, 4, 1, 65535, 255, 0) . 'x' x 200) {
    my $socket = $worker->connect;
    syswrite $socket, $bytes;
    close $socket;
    is(($worker->call({}))[0], 200, 'served after a peer went away');
}
undef $worker;

# --- other origins
{
    my %from = (HTTP_ORIGIN => 'https://b.example');
    my $cors = idle({ ERP_CORS_ORIGINS => 'https://a.example https://b.example' });
    my (undef, undef, $head) = $cors->call({%from});
    like($head, qr{^Access-Control-Allow-Origin: https://b\.example\r?$}m, 'a listed origin is named');
    unlike($head, qr/Allow-Credentials/, 'without credentials');
    my %ask = (REQUEST_METHOD => 'OPTIONS', HTTP_ACCESS_CONTROL_REQUEST_METHOD => 'POST', %from);
    my ($status, $text, $answer) = $cors->call({%ask});
    is("$status:$text", '204:', 'a preflight is answered');
    like($answer, qr/^Access-Control-Allow-Methods: .*POST/m, 'with methods');
    for my $origin ('https://a.example.evil', 'https://a.exampl', 'null', 'https://A.example') {
        my (undef, undef, $other) = $cors->call({ HTTP_ORIGIN => $origin });
        unlike($other, qr/Access-Control/, "not for $origin");
    }
    undef $cors;
    my $off = idle();
    (undef, undef, $head) = $off->call({%from});
    unlike($head, qr/Access-Control|Vary/, 'off unless set');
}

# --- the watchdog, last: it writes what the log check looks for
{
    my $hung = worker({ ERP_WATCHDOG => 1 });
    my $socket = $hung->connect;
    syswrite $socket, Erp::Fcgi::begin({ %login, CONTENT_LENGTH => 34 }) . Erp::Fcgi::body('{"email"');
    my ($status, $took) = $hung->ended(20);
    is($status, 75, 'a request that hangs ends the worker');
    open my $log, '<', $hung->{log} or die;
    like(join('', <$log>), qr/event=watchdog/, 'and the log says why');
    unlink $hung->{log};
}

done_testing;
