# JSON text out of Perl values where the order of keys counts (database commands), and back.
package Erp::Json;
use strict;
use warnings;
use Exporter 'import';
use JSON::PP ();

our @EXPORT_OK = qw(doc to_json from_json);

my $scalar = JSON::PP->new->allow_nonref->utf8;

# A document whose keys stay in order: doc(find => 'products', filter => { … }). Plain hashes may
# stand anywhere; their keys come out sorted.
sub doc {
    return bless [@_], 'Erp::Json::Doc';
}

sub _members {
    my (@pairs) = @_;
    my @out;
    while (my ($key, $value) = splice @pairs, 0, 2) {
        push @out, $scalar->encode("$key") . ':' . to_json($value);
    }
    return '{' . join(',', @out) . '}';
}

# JSON text as bytes. true and false are \1 and \0, or JSON::PP's.
sub to_json {
    my ($value) = @_;
    my $ref = ref $value;
    return _members(@$value) if $ref eq 'Erp::Json::Doc';
    return _members(map { $_ => $value->{$_} } sort keys %$value) if $ref eq 'HASH';
    return '[' . join(',', map { to_json($_) } @$value) . ']' if $ref eq 'ARRAY';
    return $$value ? 'true' : 'false' if $ref eq 'SCALAR' || $ref eq 'JSON::PP::Boolean';
    return $scalar->encode($value);
}

# The value of JSON text (bytes); undef when it is not JSON. Large numbers stay exact text.
sub from_json {
    my ($text) = @_;
    return undef if !defined $text || !length $text;
    my $value = eval { JSON::PP->new->utf8->allow_nonref->decode($text) };
    return $value;
}

1;
