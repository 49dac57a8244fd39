# An Erp::Http client that keeps its connection: for tests of thousands of requests, each of which
# would cost curl a process and a handshake. One request at a time; HTTP/1.1 over TLS on openssl.
package Erp::Kept;
use strict;
use warnings;
use parent -norequire, 'Erp::Http';
use Erp::Http;
use Erp::Json qw(to_json);
use IPC::Open2;
use Time::HiRes qw(time);

# Of Erp::Http's options: token, headers, body, json, type, timeout. A connection that the other side
# has closed meanwhile is opened again.
sub request {
    my ($self, $method, $path, %opt) = @_;
    my %header = ('User-Agent' => 'erpd-test', %{ $opt{headers} || {} });
    my $body = exists $opt{json} ? to_json($opt{json}) : $opt{body};
    my ($host) = $self->{base} =~ m{//([^/:]+)};
    $header{Authorization} = "Bearer $opt{token}" if defined $opt{token};
    $header{'Content-Type'} //= $opt{type} // 'application/json' if defined $body;
    $header{'Content-Length'} = length $body if defined $body || $method =~ /^P/;
    my $head = join '', "$method $path HTTP/1.1\r\nHost: $host\r\n",
        map { defined $header{$_} ? "$_: $header{$_}\r\n" : () } sort keys %header;
    my $began = time;
    my $bytes = '';
    for my $try (1, 2) {
        my $fresh = !$self->{pid};
        $self->_open if $fresh;
        $bytes = $self->_exchange("$head\r\n" . ($body // ''), $began + ($opt{timeout} // 30));
        last if length $bytes || $fresh;
    }
    return Erp::Http::Response->parse($bytes, took => time - $began, error => length $bytes ? '' : 'no reply');
}

sub _open {
    my ($self) = @_;
    my ($address) = $self->{base} =~ m{//([^/]+)};
    $self->{pid} = open2($self->{out}, $self->{in}, 'openssl', 's_client', '-quiet', '-verify_quiet',
        '-verify_return_error', '-CAfile', $self->{cacert}, '-connect', $address, '-servername', 'localhost');
    binmode $_ for @$self{qw(in out)};
    $self->{buffer} = '';
    return;
}

sub close {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;
    CORE::close $_ for delete @$self{qw(in out)};
    kill 'TERM', $pid;
    waitpid $pid, 0;
    return;
}

sub DESTROY { my ($self) = @_; local $?; $self->close; return }

# The whole of one response as its bytes, with a body that is not chunked; "" when there was none.
sub _exchange {
    my ($self, $request, $deadline) = @_;
    local $SIG{PIPE} = 'IGNORE';
    my ($body, $length) = ('');
    if (!defined syswrite $self->{in}, $request) { $self->close; return '' }
    my $head = $self->_until("\r\n\r\n", $deadline) // do { $self->close; return '' };
    my ($status) = $head =~ /^HTTP\/1\.1 (\d+)/;
    if ($head =~ /^Transfer-Encoding: *chunked\r$/im) {
        while (defined(my $line = $self->_until("\r\n", $deadline))) {
            my $size = hex(($line =~ /^([0-9A-Fa-f]+)/)[0] // 0);
            $body .= substr $self->_take($size + 2, $deadline) // '', 0, $size;
            last if !$size;
        }
        $head =~ s/^Transfer-Encoding:[^\n]*\n//im;
    } elsif (($length) = $head =~ /^Content-Length: *(\d+)\r$/im) {
        $body = $self->_take($length, $deadline) // '';
    }
    $self->close if $head =~ /^Connection: *close\r$/im;
    return $head . $body;
}

sub _more {
    my ($self, $deadline) = @_;
    my $left = $deadline - time;
    vec(my $ready = '', fileno $self->{out}, 1) = 1;
    return 0 if $left <= 0 || !select $ready, undef, undef, $left;
    return sysread $self->{out}, $self->{buffer}, 65536, length $self->{buffer};
}

sub _until {
    my ($self, $mark, $deadline) = @_;
    my $at;
    while (($at = index $self->{buffer}, $mark) < 0) {
        return undef if !$self->_more($deadline);
    }
    return substr $self->{buffer}, 0, $at + length $mark, '';
}

sub _take {
    my ($self, $n, $deadline) = @_;
    while (length $self->{buffer} < $n) {
        return undef if !$self->_more($deadline);
    }
    return substr $self->{buffer}, 0, $n, '';
}

1;
