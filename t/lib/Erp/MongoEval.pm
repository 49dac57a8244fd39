# Database commands through one mongo-eval process kept open (t/mongo_eval.c).
package Erp::MongoEval;
use strict;
use warnings;
use IPC::Open2;
use Erp::Json qw(to_json from_json);

# `program` is the path of mongo-eval, `uri` the server's.
sub new {
    my ($class, $program, $uri) = @_;
    return bless { program => $program, uri => $uri, owner => $$ }, $class;
}

# Runs a command (JSON text, doc(…) or hash) on a database; the decoded reply, also of a failed
# one: its `ok` is 0.
sub try {
    my ($self, $db, $command) = @_;
    my $text = ref $command ? to_json($command) : $command;
    $text =~ s/\n/ /g;
    $self->_open if !$self->{pid};
    local $SIG{PIPE} = 'IGNORE';
    my $in = $self->{in};
    print {$in} "$db $text\n";
    $in->flush;
    my $out = $self->{out};
    my $line = <$out>;
    if (!defined $line) {
        $self->close;
        die "mongo-eval ended; is the database up?\n";
    }
    return from_json($line) // die "mongo-eval printed: $line";
}

# As try, but dies when the command, or one of its writes, failed.
sub run {
    my ($self, $db, $command) = @_;
    my $reply = $self->try($db, $command);
    my $bad = !$reply->{ok} ? $reply->{errmsg}
        : $reply->{writeErrors} ? $reply->{writeErrors}[0]{errmsg}
        :                         undef;
    return $reply if !defined $bad;
    my $text = ref $command ? to_json($command) : $command;
    die "$db: $bad\n  command: " . substr($text, 0, 300) . "\n";
}

# All documents of a find or aggregate reply's first batch.
sub batch {
    my ($self, $db, $command) = @_;
    return @{ $self->run($db, $command)->{cursor}{firstBatch} };
}

sub _open {
    my ($self) = @_;
    local $ENV{MONGO_EVAL_URI} = $self->{uri};
    $self->{pid} = open2($self->{out}, $self->{in}, $self->{program}, 'admin');
    return;
}

sub close {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;
    close delete $self->{in};
    close delete $self->{out};
    local $?;
    waitpid $pid, 0;
    return;
}

sub DESTROY {
    my ($self) = @_;
    $self->close if $self->{owner} == $$;
    return;
}

1;
