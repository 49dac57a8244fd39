# What ./dev tells people: steps, progress of long commands, and failures that say what to do.
# Uses perl-base alone, because it speaks before anything is installed.
package Erp::Say;
use strict;
use warnings;
use Exporter 'import';
use POSIX qw(:sys_wait_h);

our @EXPORT_OK = qw(step note fail run_logged slurp spew);

my $tty = -t STDOUT;
$| = 1;

# One line: what is about to happen.
sub step {
    my ($text) = @_;
    print "==> $text\n";
    return;
}

sub note {
    my ($text) = @_;
    print "    $text\n";
    return;
}

# Ends the program: what went wrong, and what to do about it.
sub fail {
    my ($what, $hint) = @_;
    chomp $what;
    print STDERR "\ndev: $what\n";
    print STDERR "     $hint\n" if defined $hint;
    exit 1;
}

# The whole of a file; undef when there is none.
sub slurp {
    my ($file) = @_;
    open my $in, '<', $file or return undef;
    local $/;
    my $text = <$in>;
    close $in;
    return defined $text ? $text : '';
}

# Replaces a file at once, with the given mode (0644).
sub spew {
    my ($file, $text, $mode) = @_;
    my $mask = umask 077;
    my $ok = open my $out, '>', "$file.new";
    umask $mask;
    fail("cannot write $file: $!", 'is the folder writable, and is there space on the disk?') if !$ok;
    print {$out} $text;
    close $out or fail("cannot write $file: $!", 'is there space on the disk?');
    chmod defined $mode ? $mode : 0644, "$file.new";
    rename "$file.new", $file or fail("cannot rename $file.new: $!");
    return;
}

# Runs a command whose output goes to the file `log`, showing how long it has been running: on a
# terminal in place, elsewhere a line every 15 s. When it fails, shows the end of the log and
# ends the program with `hint`. Options: title, log, dir, hint, soft (return false instead),
# quiet (speak only of failure).
sub run_logged {
    my ($opt, @command) = @_;
    my $began = time;
    open my $log, '>>', $opt->{log}
        or fail("cannot write $opt->{log}: $!", 'is the folder writable?');
    print {$log} "\$ @command\n";
    close $log;
    my $pid = fork;
    fail("cannot fork: $!") if !defined $pid;
    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', $opt->{log};
        open STDERR, '>&', \*STDOUT;
        chdir $opt->{dir} or POSIX::_exit(126) if defined $opt->{dir};
        { no warnings 'exec'; exec {$command[0]} @command; }
        print STDERR "$command[0]: $!\n";
        POSIX::_exit(127);
    }
    local $SIG{INT} = sub { kill 'TERM', $pid; exit 130 };
    local $SIG{TERM} = $SIG{INT};
    my $status = _watch($pid, $opt->{quiet} ? undef : $opt->{title}, $began);
    my $took = time - $began;
    print "\r\e[K" if $tty && !$opt->{quiet};
    if ($status == 0) {
        return 1 if $opt->{quiet};
        note("$opt->{title}: done" . ($took > 1 ? " in $took s" : ''));
        return 1;
    }
    return 0 if $opt->{soft};
    my @lines = split /\n/, slurp($opt->{log});
    splice @lines, 0, @lines - 40 if @lines > 40;
    print STDERR map { "    | $_\n" } @lines;
    fail("$opt->{title}: failed (the whole output is in $opt->{log})", $opt->{hint});
}

sub _watch {
    my ($pid, $title, $began) = @_;
    my $shown = 0;
    while (1) {
        my $got = waitpid $pid, WNOHANG;
        return $? if $got == $pid;
        return 1 if $got < 0;
        my $took = time - $began;
        if (!defined $title) {
            $shown = $took;
        } elsif ($tty && $took > $shown) {
            print "\r    $title … $took s ";
            $shown = $took;
        } elsif (!$tty && $took >= $shown + 15) {
            note("$title … $took s");
            $shown = $took;
        }
        select undef, undef, undef, defined $title ? 0.1 : 0.01;
    }
}

1;
