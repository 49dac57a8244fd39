# A running copy of the service, and programs beside it that have its settings: what an operator
# starts on its host. Erp::Test is one.
package Erp::Program;
use strict;
use warnings;
use parent 'Erp::Instance';
use POSIX ();
use Erp::Json qw(from_json);
use Erp::Say qw(slurp spew);
use Erp::Secrets qw(secrets_shown);

# The environment of a program: of ours what every program needs, the instance's settings, its board
# and its files (so that nothing falls on the machine's own), then what is given.
sub program_env {
    my ($self, %more) = @_;
    return (PATH => $ENV{PATH}, HOME => $ENV{HOME} // '/', MONGOC_DISABLE_SHM => 1, %{ $self->{env} },
        ERP_BOARD => "$self->{dir}/board", ERP_FILES_DIR => "$self->{dir}/files", %more);
}

# Runs erpctl with the instance's settings: exit status, output, errors. `input` as last argument
# may be { input => text, env => { … } }.
sub erpctl {
    my ($self, @args) = @_;
    my $opt = ref $args[-1] ? pop @args : {};
    return $self->run_program("$ENV{ERP_TEST_BIN}/erpctl", \@args, %$opt);
}

# The same with --json: its status, what it printed as data (undef: no JSON) and as text, and what it
# said on standard error, in the order status, data, errors, text.
sub ctl {
    my ($self, @args) = @_;
    my @more = ref $args[-1] ? pop @args : ();
    my ($status, $out, $err) = $self->erpctl(@args, '--json', @more);
    return ($status, from_json($out), $err, $out);
}

sub run_program {
    my ($self, $program, $args, %opt) = @_;
    my $errors = "$self->{dir}/program.err";
    my $pid = open my $out, '-|';
    die "fork: $!\n" if !defined $pid;
    if ($pid == 0) {
        open STDERR, '>', $errors;
        open STDIN, '<', '/dev/null';
        if (defined $opt{input}) {
            spew("$self->{dir}/program.in", $opt{input});
            open STDIN, '<', "$self->{dir}/program.in";
        }
        %ENV = $self->program_env(%{ $opt{env} || {} });
        exec {$program} $program, @$args or POSIX::_exit(127);
    }
    my $text = do { local $/; <$out> };
    close $out;
    my @ended = ($? >> 8, $text, slurp($errors));
    $self->look_for_secrets("@$args[0 .. ($#$args > 1 ? 1 : $#$args)]", @ended[1, 2]);
    return @ended;
}

# Starts erpctl beside the test, which waits for it; its process. `name` is of the files below the
# instance's folder that it writes to: NAME.out and NAME.err. As erpctl, `env` may come last.
sub spawn_erpctl {
    my ($self, $name, @args) = @_;
    my $opt = ref $args[-1] ? pop @args : {};
    my $program = "$ENV{ERP_TEST_BIN}/erpctl";
    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;
    open STDOUT, '>', "$self->{dir}/$name.out";
    open STDERR, '>', "$self->{dir}/$name.err";
    %ENV = $self->program_env(%{ $opt->{env} || {} });
    exec {$program} $program, @args or POSIX::_exit(127);
}

# Takes down which of our secrets some texts show: a failure of the test (Erp::Secrets).
sub look_for_secrets {
    my ($self, $where, @texts) = @_;
    push @{ $self->{shown} }, secrets_shown($where, [ @$self{qw(jwt_secret secret_key)} ], @texts);
    return;
}

1;
