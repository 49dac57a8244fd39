# Keeps pools of FastCGI workers, and programs beside them, running: what systemd does in
# production, for development and tests.
#
# A pool is a listening unix socket that N workers share as their standard input. A worker that
# ends, however often, is replaced after 100 ms. SIGTERM ends all in order (programs first, so
# that no request arrives at closed doors), SIGHUP replaces the workers one at a time. With a life
# line (a pipe whose other end the starter holds) it also ends when the starter is gone.
#
# The plan is a JSON file: { state, pools: [{ name, socket, workers, command, env, log }],
# programs: [{ name, command, env, log, stop }] }. `state` names a file that lists the pids.
package Erp::Supervisor;
use strict;
use warnings;
use IO::Select;
use IO::Socket::UNIX;
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(time);
use Erp::Json qw(from_json to_json);
use Erp::Say qw(slurp spew);

my $RESTART_S = 0.1;     # between a death and the next start
my $BACKLOG   = 512;     # a burst that the edge lets through has to fit: else nginx refuses everybody
my $GRACE_S   = 30;      # for the request in hand
my @KEEP_ENV  = qw(PATH HOME LANG TZ TMPDIR ASAN_OPTIONS UBSAN_OPTIONS LSAN_OPTIONS);

# Runs until told to end; returns the exit status. `life` is the life line's descriptor or undef.
sub run {
    my ($plan_file, $life) = @_;
    my $plan = from_json(slurp($plan_file) // '') or die "$plan_file: no plan\n";
    my $self = bless { plan => $plan, members => [], by_pid => {}, roll => [] }, __PACKAGE__;
    $| = 1;
    my ($end, $roll) = (0, 0);
    local $SIG{TERM} = sub { $end = 1 };
    local $SIG{INT}  = $SIG{TERM};
    local $SIG{HUP}  = sub { $roll = 1 };
    local $SIG{CHLD} = sub { };              # ends the pause below
    local $SIG{PIPE} = 'IGNORE';
    $self->_add_pool($_)    for @{ $plan->{pools} };
    $self->_add_program($_) for @{ $plan->{programs} };
    my $line;
    open $line, '<&=', $life or die "life line $life: $!\n" if defined $life;
    my $watched = IO::Select->new(defined $line ? $line : ());
    _say('supervisor_started', pid => $$);
    while (!$end) {
        $self->_reap;
        $self->_start_due;
        $self->_plan_roll if $roll;
        $roll = 0;
        $self->_roll_on;
        select(undef, undef, undef, 0.05) if !$watched->count;
        if ($watched->count && $watched->can_read(0.05)) {
            _say('starter_gone');
            last;
        }
    }
    $self->_end_all;
    _say('supervisor_ended', pid => $$);
    return 0;
}

sub _add_pool {
    my ($self, $pool) = @_;
    unlink $pool->{socket};
    my $mask = umask 0117;    # 0660
    my $socket = IO::Socket::UNIX->new(
        Type => SOCK_STREAM, Local => $pool->{socket}, Listen => $BACKLOG)
        or die "$pool->{socket}: $!\n";
    umask $mask;
    push @{ $self->{members} },
        map { { spec => $pool, number => $_, socket => $socket, due => 0 } } 1 .. $pool->{workers};
    push @{ $self->{sockets} }, $socket;
    return;
}

sub _add_program {
    my ($self, $program) = @_;
    push @{ $self->{members} }, { spec => $program, number => 1, due => 0 };
    return;
}

sub _start_due {
    my ($self) = @_;
    my $changed = 0;
    for my $member (@{ $self->{members} }) {
        next if $member->{pid} || $member->{due} > time;
        $self->_start($member);
        $changed = 1;
    }
    $self->_write_state if $changed;
    return;
}

sub _start {
    my ($self, $member) = @_;
    my $spec = $member->{spec};
    my $pid = fork;
    if (!defined $pid) {
        _say('fork_failed', error => "$!");
        $member->{due} = time + $RESTART_S;
        return;
    }
    _become($member) if $pid == 0;
    @$member{qw(pid began)} = ($pid, time);
    $self->{by_pid}{$pid} = $member;
    return;
}

# In the child: descriptors, environment, program.
sub _become {
    my ($member) = @_;
    my $spec = $member->{spec};
    $SIG{$_} = 'DEFAULT' for qw(TERM INT HUP CHLD PIPE);
    if ($member->{socket}) { POSIX::dup2(fileno $member->{socket}, 0) }
    else                   { open STDIN, '<', '/dev/null' }
    open STDOUT, '>>', $spec->{log} or POSIX::_exit(126);
    open STDERR, '>&', \*STDOUT;
    my %env = map { defined $ENV{$_} ? ($_ => $ENV{$_}) : () } @KEEP_ENV;
    # A killed worker would leave the driver's counters behind in /dev/shm.
    %ENV = (%env, MONGOC_DISABLE_SHM => 1, %{ $spec->{env} || {} });
    my @command = @{ $spec->{command} };
    { no warnings 'exec'; exec { $command[0] } @command; }
    print STDERR "$command[0]: $!\n";
    POSIX::_exit(127);
}

sub _reap {
    my ($self) = @_;
    my $changed = 0;
    while ((my $pid = waitpid -1, WNOHANG) > 0) {
        my ($status, $member) = ($?, delete $self->{by_pid}{$pid});
        next if !$member;
        $changed = 1;
        my $in_order = $status == 0 && time - $member->{began} >= 1;
        $member->{due} = $in_order ? 0 : time + $RESTART_S;
        $member->{pid} = undef;
        _say('ended', pool => $member->{spec}{name}, pid => $pid, signal => $status & 127, status => $status >> 8);
    }
    $self->_write_state if $changed;
    return;
}

# The pids of now, for tests and people.
sub _write_state {
    my ($self) = @_;
    my $file = $self->{plan}{state} or return;
    my %pids;
    push @{ $pids{ $_->{spec}{name} } }, $_->{pid} // 0 for @{ $self->{members} };
    spew($file, to_json(\%pids) . "\n");
    return;
}

sub _plan_roll {
    my ($self) = @_;
    _say('rolling');
    $self->{roll} = [map { { member => $_, old => $_->{pid} } } grep { $_->{socket} } @{ $self->{members} }];
    return;
}

# One worker at a time: told to end, ended, replaced, and the replacement 200 ms old.
sub _roll_on {
    my ($self) = @_;
    my $turn = $self->{roll}[0] or return;
    my $member = $turn->{member};
    my $pid = $member->{pid} or return;
    if ($turn->{old} && $pid == $turn->{old}) {
        if (!$turn->{told}) {
            $turn->{told} = time;
            kill 'TERM', $pid;
        } elsif (time - $turn->{told} > $GRACE_S) {
            kill 'KILL', $pid;
        }
    } elsif (time - $member->{began} > 0.2) {
        shift @{ $self->{roll} };
        _say('rolled') if !@{ $self->{roll} };
    }
    return;
}

sub _end_all {
    my ($self) = @_;
    my @members = @{ $self->{members} };
    $self->_end_some(grep { !$_->{socket} } @members);
    $self->_end_some(grep { $_->{socket} } @members);
    unlink map { $_->{socket} } @{ $self->{plan}{pools} };
    unlink $self->{plan}{state} if $self->{plan}{state};
    return;
}

sub _end_some {
    my ($self, @members) = @_;
    kill $_->{spec}{stop} || 'TERM', $_->{pid} for grep { $_->{pid} } @members;
    my $end = time + $GRACE_S;
    while (grep { $_->{pid} } @members) {
        $self->_reap;
        select undef, undef, undef, 0.01;
        next if time < $end;
        _say('killed', pid => $_->{pid}) for grep { $_->{pid} } @members;
        kill 'KILL', $_->{pid} for grep { $_->{pid} } @members;
        $end = time + 1;
    }
    return;
}

sub _say {
    my ($event, @pairs) = @_;
    my $line = sprintf 'time=%.3f event=%s', time, $event;
    while (my ($key, $value) = splice @pairs, 0, 2) {
        $line .= " $key=$value";
    }
    print "$line\n";
    return;
}

1;
