# Every resource with the example bodies of t/case/<noun>/ (see lib/Erp/Case.pm), through the wire, as
# an administrator of a tenant: what is accepted is made, read, listed, replaced, patched and deleted;
# what is refused names its fields and leaves nothing behind. Driven by `erpd --routes --json`: a
# resource that can be written and has no cases is a failure.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Erp::Case;
use Erp::Json qw(from_json);
use Erp::Test;

my $erp = Erp::Test->start(kept => 1, workers => 2, login_workers => 1);
my $tenant = $erp->seed_tenant(slug => 'cases');
my @as = (token => $erp->login($tenant->{email}, $tenant->{password})->{access_token});

# Rows by resource: "POST", "GET /" (the list or the singleton), "GET", "PUT", "PATCH", "DELETE".
my (undef, $listing) = $erp->run_program($erp->{erpd}, [ '--routes', '--json' ]);
my (%rows, %path);
for my $row (@{ from_json($listing) }) {
    my $noun = $row->{resource} // next;
    next if $row->{body} eq 'form';    # a picture for a member of it
    my $one = $row->{path} =~ m{/\{id\}$};
    (my $base = $row->{path}) =~ s{/\{id\}$}{};
    next if !$one && defined $path{$noun} && length $base > length $path{$noun};    # a view
    $path{$noun} = $base;
    $rows{$noun}{ $row->{method} . ($row->{method} eq 'GET' && !$one ? ' /' : '') } = $row;
}
my %written = map { $_ => 1 } grep { grep { /^(?:POST|PUT|PATCH)$/ } keys %{ $rows{$_} } } keys %rows;
is_deeply([ Erp::Case::nouns() ], [ sort keys %written ], 'a folder of cases for every resource that can be written');

# The id of any record of a resource, made at the first need.
my %any;
sub any_id {
    my ($noun) = @_;
    return $any{$noun} //= do {
        my $r = $erp->post($path{$noun}, body($noun, Erp::Case::least($noun)), @as);
        die "no record of $noun to refer to: " . $r->brief . "\n" if $r->status != 200;
        $r->json->{id};
    };
}

sub body {
    my ($noun, $body) = @_;
    return Erp::Case::fill($body, \&any_id);
}

# Whether a record shows everything that was sent.
sub shows {
    my ($record, $sent, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return fail("$name: no record") if ref $record ne 'HASH';
    my %shown = map { $_ => $record->{$_} } keys %$sent;
    return is_deeply(\%shown, $sent, "$name: as it was sent");
}

sub listed {
    my ($noun, $id) = @_;
    my $r = $erp->get($path{$noun}, @as);
    return scalar grep { $_->{id} eq $id } @{ $r->json || [] };
}

sub count {
    my ($noun) = @_;
    return scalar @{ $erp->get($path{$noun}, @as)->json || [] };
}

sub accepted {
    my ($noun, $sent) = @_;
    my $rows = $rows{$noun};
    my $r = $erp->post($path{$noun}, $sent, @as);
    is($r->status, 200, 'made') or return diag $r->body;
    ok(!defined $r->header('X-Ignored-Fields'), 'nothing of it was ignored')
        or diag 'ignored: ' . $r->header('X-Ignored-Fields');
    shows($r->json, $sent, 'made');
    my $made = $r->json;
    my $url = "$path{$noun}/$made->{id}";
    is($r->header('Location'), $url, 'Location');
    if ($rows->{GET}) {
        $r = $erp->get($url, @as);
        is($r->status, 200, 'read');
        is_deeply($r->json, $made, 'read back the same');
    }
    is(listed($noun, $made->{id}), 1, 'listed once') if $rows->{'GET /'};
    for my $method (grep { $rows->{$_} } qw(PUT PATCH)) {
        $r = $erp->request($method, $url, json => $sent, @as);
        is($r->status, 200, $method) or diag $r->body;
        shows($r->json, $sent, $method);
        is($r->json->{id}, $made->{id}, "$method keeps the id");
    }
    return if !$rows->{DELETE};
    is($erp->delete($url, @as)->status, 200, 'deleted');
    is_problem($erp->get($url, @as), 404, 'not_found', 'gone') if $rows->{GET};
    is(listed($noun, $made->{id}), 0, 'not listed') if $rows->{'GET /'};
    return;
}

# A resource of one record, which is there from the first read on.
sub accepted_single {
    my ($noun, $sent) = @_;
    my $r = $erp->get($path{$noun}, @as);
    is($r->status, 200, 'read') or diag $r->body;
    my $id = $r->json->{id};
    for my $method (grep { $rows{$noun}{$_} } qw(PUT PATCH)) {
        $r = $erp->request($method, $path{$noun}, json => $sent, @as);
        is($r->status, 200, $method) or diag $r->body;
        shows($r->json, $sent, $method);
        is($r->json->{id}, $id, 'the same record');
    }
    is_deeply($erp->get($path{$noun}, @as)->json, $r->json, 'read back the same');
    return;
}

sub refused {
    my ($noun, $case) = @_;
    my ($body, $errors) = (body($noun, $case->{body}), $case->{errors});
    my $single = !$rows{$noun}{POST};
    my $before = $single ? $erp->get($path{$noun}, @as)->body : count($noun);
    my @tries = $single ? ([ PUT => $path{$noun} ]) : ([ POST => $path{$noun} ]);
    push @tries, [ PUT => "$path{$noun}/" . any_id($noun) ] if !$single && $rows{$noun}{PUT};
    $before = count($noun) if !$single;    # any_id may have made one
    for my $try (@tries) {
        my $r = $erp->request(@$try, json => $body, @as);
        is_problem($r, 422, 'validation', "$try->[0] is refused");
        my %named = map { $_->{field} => $_->{code} } @{ ($r->json || {})->{errors} || [] };
        is_deeply(\%named, $errors, "$try->[0]: for these reasons");
    }
    is($single ? $erp->get($path{$noun}, @as)->body : count($noun), $before, 'nothing was stored');
    return;
}

for my $noun (sort keys %written) {
    my @ok = Erp::Case::read_all($noun, 'ok');
    my @bad = Erp::Case::read_all($noun, 'bad');
    ok(@ok && @bad, "$noun has cases of both kinds");
    for my $case (@ok) {
        my ($name, $sent) = @$case;
        subtest "$noun $name" => sub {
            $rows{$noun}{POST} ? accepted($noun, body($noun, $sent)) : accepted_single($noun, body($noun, $sent));
        };
    }
    for my $case (@bad) {
        subtest "$noun $case->[0]" => sub { refused($noun, $case->[1]) };
    }
}

done_testing;
