# Processes: starting them in the background, knowing ours again by pid and start time, ending
# them with a deadline; waiting on conditions; free ports.
package Erp::Proc;
use strict;
use warnings;
use Exporter 'import';
use IO::Socket::INET;
use POSIX qw(:sys_wait_h setsid);
use Time::HiRes qw(time sleep);
use Erp::Say qw(slurp spew);

our @EXPORT_OK = qw(spawn alive started_at read_pid write_pid end_pid end_pidfile wait_until
    free_port port_is_open on_path random_text);

# True as soon as `condition` is; false after `seconds`.
sub wait_until {
    my ($seconds, $condition) = @_;
    my $end = time + $seconds;
    my $pause = 0.005;
    while (1) {
        my $got = $condition->();
        return $got if $got;
        return 0 if time >= $end;
        sleep $pause;
        $pause *= 1.5 if $pause < 0.1;
    }
}

# When a process started, in clock ticks since boot; undef when there is none, or a zombie.
sub started_at {
    my ($pid) = @_;
    my $stat = slurp("/proc/$pid/stat");
    return undef if !defined $stat || $stat !~ /^\d+ \(.*\) (\S) (.*)$/s;
    return undef if $1 eq 'Z' || $1 eq 'X';
    return (split / /, $2)[18];
}

sub alive {
    my ($pid) = @_;
    return defined started_at($pid);
}

# A pid file of ours holds the pid and the start time, so that a number used again by another
# process is never taken for ours.
sub write_pid {
    my ($file, $pid) = @_;
    spew($file, $pid . ' ' . (started_at($pid) // 0) . "\n");
    return;
}

# The pid in the file if that very process still lives, else undef.
sub read_pid {
    my ($file) = @_;
    my $text = slurp($file);
    return undef if !defined $text || $text !~ /^(\d+) (\d+)$/;
    my ($pid, $started) = ($1, $2);
    my $now = started_at($pid);
    return defined $now && $now == $started ? $pid : undef;
}

# Starts a command in a session of its own with its output appended to `log`; returns its pid.
# Options: log, env (hash, undef removes), dir, stdin (handle), keep (handles it inherits),
# pidfile. The caller stays the parent; a caller that ends leaves it running.
sub spawn {
    my ($opt, @command) = @_;
    my $pid = fork;
    die "fork: $!\n" if !defined $pid;
    if ($pid == 0) {
        setsid();
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP QUIT PIPE CHLD);
        if ($opt->{stdin}) {
            POSIX::dup2(fileno $opt->{stdin}, 0);
        } else {
            open STDIN, '<', '/dev/null';
        }
        open STDOUT, '>>', $opt->{log} or POSIX::_exit(126);
        open STDERR, '>&', \*STDOUT;
        for my $name (keys %{ $opt->{env} || {} }) {
            if (defined $opt->{env}{$name}) { $ENV{$name} = $opt->{env}{$name} }
            else                            { delete $ENV{$name} }
        }
        if ($opt->{keep}) {
            require Fcntl;
            fcntl $_, Fcntl::F_SETFD(), 0 for @{ $opt->{keep} };
        }
        chdir $opt->{dir} or POSIX::_exit(126) if defined $opt->{dir};
        { no warnings 'exec'; exec {$command[0]} @command; }
        print STDERR "$command[0]: $!\n";
        POSIX::_exit(127);
    }
    write_pid($opt->{pidfile}, $pid) if $opt->{pidfile};
    return $pid;
}

# Ends a process: `signal` (TERM), then KILL after `seconds` (15). True when it went by itself.
# Reaps it when it is a child of ours.
sub end_pid {
    my ($pid, $signal, $seconds) = @_;
    my $started = started_at($pid);
    my $gone = sub {
        waitpid $pid, WNOHANG;
        my $now = started_at($pid);
        return !defined $now || (defined $started && $now != $started);
    };
    return 1 if $gone->();
    kill $signal || 'TERM', $pid;
    return 1 if wait_until($seconds || 15, $gone);
    kill 'KILL', $pid;
    wait_until(5, $gone);
    return 0;
}

# As end_pid, by pid file, which is removed. True when nothing of ours was or is left.
sub end_pidfile {
    my ($file, $signal, $seconds) = @_;
    my $pid = read_pid($file);
    my $ok = defined $pid ? end_pid($pid, $signal, $seconds) : 1;
    unlink $file;
    return $ok;
}

# A TCP port of 127.0.0.1 that nobody listens on now: `wanted` if it is free, else one of the
# range ERP_TEST_PORTS ("21000-21999"), below those that the kernel gives to clients.
sub free_port {
    my ($wanted) = @_;
    return $wanted if $wanted && _port_is_free($wanted);
    my ($low, $high) = ($ENV{ERP_TEST_PORTS} // '') =~ /^(\d+)-(\d+)$/ ? ($1, $2) : (20000, 31999);
    for (1 .. 200) {
        my $port = $low + int rand($high - $low + 1);
        return $port if _port_is_free($port);
    }
    die "no free port between $low and $high\n";
}

sub _port_is_free {
    my ($port) = @_;
    my $socket = IO::Socket::INET->new(
        LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 1, ReuseAddr => 1) or return 0;
    close $socket;
    return 1;
}

# Does somebody listen there?
sub port_is_open {
    my ($port) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 1);
    return defined $socket;
}

# Where a program is, or undef. nginx and others live in sbin, which people lack on their PATH.
sub on_path {
    my ($program) = @_;
    for my $dir (split(/:/, $ENV{PATH} // ''), '/usr/local/sbin', '/usr/sbin', '/sbin') {
        return "$dir/$program" if length $dir && -x "$dir/$program" && !-d _;
    }
    return undef;
}

# `bytes` random bytes in hexadecimal.
sub random_text {
    my ($bytes) = @_;
    open my $in, '<:raw', '/dev/urandom' or die "/dev/urandom: $!\n";
    read $in, my ($raw), $bytes;
    close $in;
    return unpack 'H*', $raw;
}

1;
