# The example bodies of the resources, t/case/<noun>/:
#
#   ok-<what>.json   a body that is accepted, and comes back as it was sent
#   bad-<what>.json  {"body": …, "errors": {"<field>": "<code>", …}}: refused, for just these reasons
#
# A folder that is named as a schema of OpenAPI, t/case/StockMove/, holds bodies of an action instead.
# The text "{<noun>}" stands for the id of a record of that resource, "{unique}" for a text that no other
# record has. The first ok-*.json, by name,
# is the body that other tests use when they need any record; it should hold the least that is asked.
package Erp::Case;
use strict;
use warnings;
use File::Basename qw(basename dirname);
use Cwd qw(abs_path);
use Erp::Http;
use Erp::Json qw(from_json);
use Erp::Say qw(slurp);

my $made = 0;
my $folder = dirname(dirname(dirname(abs_path(__FILE__)))) . '/case';

# The nouns that have a folder.
sub nouns {
    return grep { !/^[A-Z]/ } map { basename($_) } grep { -d } sort glob "$folder/*";
}

# Pairs of a name ("ok-least") and the decoded file, in the order of the names; dies when a file is
# no JSON.
sub read_all {
    my ($noun, $kind) = @_;
    return map {
        [basename($_, '.json') => from_json(slurp($_)) // die "$_ is not valid JSON\n"]
    } sort glob "$folder/$noun/$kind-*.json";
}

# The body of the first accepted case; undef when there is none.
sub least {
    my ($noun) = @_;
    my ($first) = read_all($noun, 'ok');
    return $first && $first->[1];
}

# Options of a request for a row of the table: a body of the kind that it takes, `value` where that is JSON, else one that
# is refused as unsound.
sub body_for {
    my ($row, $value) = @_;
    return () if $row->{body} eq 'none';
    return (body => "name,name\nx,x\n", type => 'text/csv') if $row->{body} eq 'csv';
    return (json => $value) if $row->{body} ne 'form';
    my ($body, $type) = Erp::Http::form([file => "\x89PNG\r\n\x1a\n" . "\0" x 24, 'x.png']);
    return (body => $body, type => $type);
}

# A copy of a body in which every "{noun}" is what $id->(noun) gives.
sub fill {
    my ($value, $id) = @_;
    return { map { $_ => fill($value->{$_}, $id) } keys %$value } if ref $value eq 'HASH';
    return [ map { fill($_, $id) } @$value ] if ref $value eq 'ARRAY';
    return $value if ref $value || !defined $value;
    my ($noun) = $value =~ /^\{([a-z0-9_]+)\}$/ or return $value;
    return join '-', 'U', $$, ++$made if $noun eq 'unique';
    return $id->($noun);
}

1;
