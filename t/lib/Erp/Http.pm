# An HTTP client over TLS on the curl program, and raw bytes over TLS for what curl would not send.
package Erp::Http;
use strict;
use warnings;
use IPC::Open3;
use Symbol qw(gensym);
use Time::HiRes qw(time);
use Erp::Json qw(to_json);

# Options: base ("https://localhost:8443"), cacert.
sub new {
    my ($class, %opt) = @_;
    return bless {%opt}, $class;
}

sub base { return $_[0]{base} }

# One request; always a response object, whose status is 0 when none came (then ->error says why).
# Options: token; headers (hash; an undef value sends none of that name); body (bytes); json (any
# value, sent as JSON); type (media type of body, else application/json); timeout (s, 30);
# http ("1.1", the default, or "2"); curl (more arguments, array).
sub request {
    my ($self, $method, $path, %opt) = @_;
    my %header = %{ $opt{headers} || {} };
    my $body = exists $opt{json} ? to_json($opt{json}) : $opt{body};
    $header{Authorization} = "Bearer $opt{token}" if defined $opt{token};
    $header{'Content-Type'} = $opt{type} // 'application/json'
        if defined $body && !grep { lc eq 'content-type' } keys %header;
    my @args = ('-q', '-sS', '-i', '-X', $method, '--path-as-is', '-g', '-m', $opt{timeout} // 30,
        $opt{http} && $opt{http} eq '2' ? '--http2' : '--http1.1',
        '--noproxy', '*', '-H', 'Expect:');
    push @args, '--cacert', $self->{cacert} if $self->{cacert};
    push @args, '-I' if $method eq 'HEAD';
    for my $name (sort keys %header) {
        my $value = $header{$name};
        push @args, '-H', !defined $value ? "$name:" : length $value ? "$name: $value" : "$name;";
    }
    push @args, '--data-binary', '@-' if defined $body;
    push @args, @{ $opt{curl} || [] };
    my $url = $path =~ m{^https?://} ? $path : $self->{base} . $path;
    my $began = time;
    my ($status, $out, $err) = _run($body, 'curl', @args, $url);
    return Erp::Http::Response->parse($out, took => time - $began, error => $status ? $err : '');
}

sub get    { my ($self, $path, %opt) = @_; return $self->request('GET',    $path, %opt) }
sub delete { my ($self, $path, %opt) = @_; return $self->request('DELETE', $path, %opt) }

# With a value to send as JSON (undef sends no body).
sub post  { my ($self, $path, $data, %opt) = @_; return $self->_send('POST',  $path, $data, %opt) }
sub put   { my ($self, $path, $data, %opt) = @_; return $self->_send('PUT',   $path, $data, %opt) }
sub patch { my ($self, $path, $data, %opt) = @_; return $self->_send('PATCH', $path, $data, %opt) }

sub _send {
    my ($self, $method, $path, $data, %opt) = @_;
    return $self->request($method, $path, defined $data ? (json => $data) : (), %opt);
}

# The body of a form and its type. Parts are [name, bytes] for a field, [name, bytes, filename] for a file.
sub form {
    my (@parts) = @_;
    my $boundary = 'form-' . join '', map { ('a' .. 'z')[rand 26] } 1 .. 24;
    my $body = '';
    for my $part (@parts) {
        my ($name, $bytes, $filename) = @$part;
        $body .= "--$boundary\r\nContent-Disposition: form-data; name=\"$name\""
            . (defined $filename ? "; filename=\"$filename\"\r\nContent-Type: application/octet-stream" : '')
            . "\r\n\r\n$bytes\r\n";
    }
    return ("$body--$boundary--\r\n", "multipart/form-data; boundary=$boundary");
}

# Sends bytes as they are over TLS and gives the response to them. Options: timeout (s, 15),
# host (SNI; localhost).
sub raw {
    my ($self, $bytes, %opt) = @_;
    my ($address) = $self->{base} =~ m{//([^/]+)};
    my $began = time;
    my ($status, $out, $err) = _run($bytes, 'timeout', $opt{timeout} // 15,
        'openssl', 's_client', '-quiet', '-verify_quiet', '-connect', $address,
        '-servername', $opt{host} // 'localhost');
    return Erp::Http::Response->parse($out, took => time - $began, error => $status ? $err : '');
}

# Runs a program with the given standard input; its exit status, output and errors.
sub _run {
    my ($input, @command) = @_;
    local $SIG{PIPE} = 'IGNORE';
    my ($in, $out, $err) = (undef, undef, gensym);
    my $pid = open3($in, $out, $err, @command);
    binmode $_ for $in, $out, $err;
    my ($writer, $text_out, $text_err) = (0, '', '');
    if (defined $input && length $input) {
        $writer = fork // die "fork: $!\n";
        if ($writer == 0) {    # so that neither side can wait for the other
            print {$in} $input;
            CORE::close $in;
            require POSIX;
            POSIX::_exit(0);
        }
    }
    CORE::close $in;
    $text_out = do { local $/; <$out> } // '';
    $text_err = do { local $/; <$err> } // '';
    waitpid $writer, 0 if $writer;
    waitpid $pid, 0;
    return ($? >> 8, $text_out, $text_err);
}

package Erp::Http::Response;
use strict;
use warnings;
use Erp::Json qw(from_json);

# Out of the bytes on the wire; interim responses (1xx) are skipped.
sub parse {
    my ($class, $bytes, %more) = @_;
    my $self = bless { status => 0, headers => {}, body => '', %more }, $class;
    while ($bytes =~ s/\AHTTP\/[\d.]+ (\d{3})[^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n//) {
        my ($status, $lines) = ($1, $2);
        next if $status < 200;
        $self->{status} = $status + 0;
        for my $line (split /\r\n/, $lines) {
            my ($name, $value) = $line =~ /^([^:]+):\s*(.*?)\s*$/ or next;
            push @{ $self->{headers}{ lc $name } }, $value;
        }
        last;
    }
    $self->{body} = $bytes;
    $self->{error} = '' if $self->{status};
    return $self;
}

sub status { return $_[0]{status} }
sub body   { return $_[0]{body} }
sub error  { return $_[0]{error} }
sub took   { return $_[0]{took} }    # seconds

# A header's value (several joined by ", "), undef when absent; all values of it as a list.
sub header {
    my ($self, $name) = @_;
    my $values = $self->{headers}{ lc $name } or return undef;
    return join ', ', @$values;
}

sub headers { my ($self, $name) = @_; return @{ $self->{headers}{ lc $name } || [] } }

# The body as a Perl value; undef when it is not JSON.
sub json {
    my ($self) = @_;
    $self->{json} = from_json($self->{body}) if !exists $self->{json};
    return $self->{json};
}

# One line for a failed test.
sub brief {
    my ($self) = @_;
    return 'no response: ' . $self->{error} if !$self->{status};
    return "$self->{status} " . substr $self->{body}, 0, 500;
}

1;
