# A worker without nginx before it: erpd on a socket of the test, spoken to in FastCGI byte by byte.
# For what nginx never does: bodies cut short, wrong lengths, garbage, signals at a chosen moment.
#
#     my $worker = Erp::Fcgi->new($erp, { ERP_WATCHDOG => 1 });   # $erp: an Erp::Test instance
#     my ($status, $body) = $worker->call({ DOCUMENT_URI => '/api/health/live' });
package Erp::Fcgi;
use strict;
use warnings;
use IO::Socket::UNIX;
use POSIX ();
use Socket qw(SOCK_STREAM);
use Time::HiRes qw(time);

my $made = 0;

sub new {
    my ($class, $erp, $env) = @_;
    my $self = bless { path => "$erp->{dir}/fcgi-" . $made++, log => "$erp->{log}/fcgi-$made.log" }, $class;
    my $listen = IO::Socket::UNIX->new(Type => SOCK_STREAM, Local => $self->{path}, Listen => 16)
        or die "$self->{path}: $!\n";
    $self->{pid} = fork // die "fork: $!\n";
    if ($self->{pid} == 0) {
        POSIX::dup2(fileno $listen, 0);
        open STDERR, '>>', $self->{log};
        %ENV = $erp->program_env(%{ $env || {} });
        exec { $erp->{erpd} } 'erpd' or POSIX::_exit(127);
    }
    return $self;
}

# The workers of a pool of the instance, spoken to past nginx: to connect and reply.
sub pool {
    my ($class, $erp, $name) = @_;
    return bless { path => $erp->socket($name), borrowed => 1 }, $class;
}

sub _record {
    my ($type, $bytes) = @_;
    return pack('CCnnCC', 1, $type, 1, length $bytes, 0, 0) . $bytes;
}

sub _length { return $_[0] < 128 ? pack 'C', $_[0] : pack 'N', $_[0] | 0x80000000 }

# The records that begin a request with these parameters.
sub begin {
    my ($params) = @_;
    my %all = (REQUEST_METHOD => 'GET', DOCUMENT_URI => '/api/health/live', QUERY_STRING => '', %$params);
    my $text = join '', map { _length(length $_) . _length(length $all{$_}) . $_ . $all{$_} } sort keys %all;
    my $out = _record(1, pack 'nCx5', 1, 0);
    $out .= _record(4, substr $text, 0, 60000, '') while length $text;
    return $out . _record(4, '');
}

sub body { return length $_[0] ? _record(5, $_[0]) : '' }
sub end  { return _record(5, '') }

sub connect {
    my ($self) = @_;
    return IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $self->{path}) // die "$self->{path}: $!\n";
}

# What comes back on a connection until it is closed: status, body, header block.
sub reply {
    my ($self, $socket) = @_;
    my ($bytes, $text) = ('', '');
    local $SIG{ALRM} = sub { die "no reply\n" };
    alarm 30;
    1 while sysread $socket, $bytes, 65536, length $bytes;
    alarm 0;
    while (length $bytes >= 8) {
        my (undef, $type, undef, $length, $padding) = unpack 'CCnnCC', substr $bytes, 0, 8, '';
        $text .= substr $bytes, 0, $length if $type == 6;
        substr $bytes, 0, $length + $padding, '';
    }
    my ($head, $rest) = split /\r\n\r\n/, $text, 2;
    my ($status) = ($head // '') =~ /^Status: (\d+)/;
    return ($status // 0, $rest // '', $head // '');
}

sub call {
    my ($self, $params, $body) = @_;
    my $socket = $self->connect;
    local $SIG{PIPE} = 'IGNORE';
    syswrite $socket, begin($params) . body($body // '') . end();
    return $self->reply($socket);
}

# Waits until the worker ends, at most `seconds`: exit status, or -1; and how long it took.
sub ended {
    my ($self, $seconds) = @_;
    my $begun = time;
    while (time - $begun < $seconds) {
        if (waitpid($self->{pid}, POSIX::WNOHANG()) == $self->{pid}) {
            my $status = $?;
            delete $self->{pid};
            return ($status & 127 ? -1 : $status >> 8, time - $begun);
        }
        select undef, undef, undef, 0.01;
    }
    return (-1, time - $begun);
}

sub signal { my ($self, $name) = @_; return kill $name, $self->{pid} }

sub DESTROY {
    my ($self) = @_;
    local ($?, $!);
    if ($self->{pid}) {
        kill 'KILL', $self->{pid};
        waitpid $self->{pid}, 0;
    }
    unlink $self->{path} if !$self->{borrowed};
    return;
}

1;
