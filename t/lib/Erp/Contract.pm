# t/contract/operations.txt for tests: its operations, its shapes, and what is wrong with a reply.
package Erp::Contract;
use strict;
use warnings;
use B ();
use Erp::Say qw(slurp);

# Dies when the file names a shape that it does not have.
sub load {
    my ($class, $file) = @_;
    my $self = bless { operations => [], shapes => {} }, $class;
    (my $text = slurp($file) // die "no $file\n") =~ s/\n +/ /g;
    for my $line (grep { length && !/^#/ } split /\n/, $text) {
        if ($line =~ /^choice (\w+) = (.+)$/) {
            $self->{shapes}{$1} = { choice => { map { $_ => 1 } split ' ', $2 } };
        } elsif ($line =~ /^(record|shape) (\w+) = (.+)$/) {
            my $std = $1 eq 'record' ? 'id:text created_at:instant updated_at:instant tenant_id*:text ' : '';
            $self->{shapes}{$2} = { members => [ map { _member($_) } split ' ', $std . $3 ] };
        } else {
            my %op;
            my @columns = @op{qw(method path query body reply covered)} = split ' ', $line;
            die "not six columns: $line\n" if @columns != 6 || !defined $columns[5];
            $op{query} = [ map { { name => s/\?$//r, optional => scalar m{\?$} } } grep { $_ ne '-' } split /,/, $op{query} ];
            push @{ $self->{operations} }, \%op;
        }
    }
    for my $name (map { @$_{qw(body reply)} } @{ $self->{operations} }) {
        (my $shape = $name) =~ s/^form:|^\[|\]$//g;
        die "there is no shape $shape\n" if $shape !~ /^(?:-|any|object)$/ && !$self->{shapes}{$shape};
    }
    return $self;
}

sub _member {
    my ($text) = @_;
    my ($name, $required, $kind, $null, $default) = $text =~ /^(\w+)(\*?):(list:\w+|\w+)(\?)?(?:=(.+))?$/ or die "no member: $text\n";
    return { name => $name, required => $required, kind => $kind, null => $null, default => $default };
}

# Whatever stands for the arguments in a path.
sub shape_of_path { my ($path) = @_; return $path =~ s/\{[^}]*\}/{}/gr }

sub members { my ($self, $shape) = @_; return @{ $self->{shapes}{$shape}{members} } }

# A body of a shape: its required members, or all; $value->($member) gives each, undef leaves it out.
sub body {
    my ($self, $shape, $all, $value) = @_;
    my %body;
    for my $member (grep { $all || $_->{required} } $self->members($shape)) {
        my $given = $value->($member);
        $body{ $member->{name} } = $given if defined $given;
    }
    return \%body;
}

sub _is_number {
    my ($value) = @_;
    my $flags = B::svref_2object(\$value)->FLAGS;
    return ($flags & (B::SVp_IOK | B::SVp_NOK)) && !($flags & B::SVp_POK);
}

sub _is_text { my ($value) = @_; return !ref $value && !_is_number($value) }

my %plain = (
    text    => \&_is_text,
    file    => \&_is_text,
    email   => sub { _is_text($_[0]) && $_[0] =~ /^[^@\s]+@[^@\s]+$/ },
    instant => sub { _is_text($_[0]) && $_[0] =~ /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/ },
    number  => sub { !ref $_[0] && _is_number($_[0]) },
    whole   => sub { !ref $_[0] && _is_number($_[0]) && $_[0] == int $_[0] },
    flag    => sub { ref $_[0] eq 'JSON::PP::Boolean' },
    object  => sub { ref $_[0] eq 'HASH' },
    any     => sub { ref $_[0] },
    texts   => sub { ref $_[0] eq 'ARRAY' && !grep { !_is_text($_) } @{ $_[0] } },
    objects => sub { ref $_[0] eq 'ARRAY' && !grep { ref ne 'HASH' } @{ $_[0] } },
);

# What is wrong with a value of a kind, a text each.
sub faults {
    my ($self, $kind, $value, $where) = @_;
    return "$where is null" if !defined $value;
    return $plain{$kind}->($value) ? () : "$where is no $kind" if $plain{$kind};
    if ($kind =~ /^(?:list:(\w+)|\[(\w+)\])$/) {
        return "$where is no list" if ref $value ne 'ARRAY';
        return map { $self->faults($1 // $2, $value->[$_], "${where}[$_]") } 0 .. $#$value;
    }
    my $shape = $self->{shapes}{$kind} // die "there is no shape $kind\n";
    return !ref $value && $shape->{choice}{$value} ? () : "$where: $value is no $kind" if $shape->{choice};
    return "$where is no object" if ref $value ne 'HASH';
    my @faults;
    for my $member ($self->members($kind)) {
        my $name = $member->{name};
        if (!exists $value->{$name}) { push @faults, "$where lacks $name" }
        elsif (defined $value->{$name} || !$member->{null}) {
            push @faults, $self->faults($member->{kind}, $value->{$name}, "$where.$name");
        }
    }
    return @faults;
}

1;
