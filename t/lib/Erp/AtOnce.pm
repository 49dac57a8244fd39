# Requests that are made at the same time, from processes of their own, and clients who ask again when
# the service says so.
package Erp::AtOnce;
use strict;
use warnings;
use Exporter qw(import);
use POSIX ();
use Time::HiRes qw(sleep);

our @EXPORT_OK = qw(at_once statuses_at_once replies_at_once patiently);

my $ATTEMPTS = 100;
my $PAUSE = 0.1;    # s

# Runs $code->(1 .. $n) in so many processes at once; what they give, a line each.
sub at_once {
    my ($n, $code) = @_;
    my @out;
    for my $i (1 .. $n) {
        my $pid = open my $child, '-|';
        die "fork: $!\n" if !defined $pid;
        if (!$pid) {
            print map { "$_\n" } eval { $code->($i) }, $@ ? "died: $@" : ();
            close STDOUT;
            POSIX::_exit(0);
        }
        push @out, $child;
    }
    return map { my @lines = readline $_; close $_; chomp @lines; @lines } @out;
}

# The reply to a request, which is sent again while the business has its share of the workers, or the
# service asks for it.
sub patiently {
    my ($send) = @_;
    my $res;
    for (1 .. $ATTEMPTS) {
        $res = $send->();
        last if $res->status != 429 && $res->status != 503;
        sleep $PAUSE;
    }
    return $res;
}

# How often each status came back to $n patient clients who make the request $send->(1 .. $n).
sub statuses_at_once {
    my ($n, $send) = @_;
    my %said;
    $said{$_}++ for at_once($n, sub { my ($i) = @_; return patiently(sub { $send->($i) })->status });
    return \%said;
}

# The statuses of requests that are made at once, each by a client of its own: an instance's one
# connection (Erp::Test, kept) is not for two processes.
sub replies_at_once {
    my ($erp, @send) = @_;
    return at_once(scalar @send, sub {
        my ($i) = @_;
        $erp->{client} = $erp->http;
        return $send[ $i - 1 ]->()->status;
    });
}

1;
