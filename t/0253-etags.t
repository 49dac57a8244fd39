# Entity tags on every record there is: what was read can be told from what has changed since, whichever
# way it is written. Driven by `erpd --routes --json`, so that a resource that comes later is asked too.
use Erp::Test;
use Erp::Case;
use Erp::Json qw(from_json);

my $erp = Erp::Test->start(workers => 2);
my $shop = $erp->seed_tenant(slug => 'etags');
my @as = (token => $erp->login($shop->{email}, $shop->{password})->{access_token});
my @rows = grep { $_->{resource} } @{ from_json(($erp->run_program($erp->{erpd}, ['--routes', '--json']))[1]) };

# By noun: the path of its list or singleton, and what can be done with one.
my (%path, %can);
for my $row (@rows) {
    my ($base, $rest) = $row->{path} =~ m{^(.*?)(?:/\{id\}(.*))?$};
    my $noun = $row->{resource};
    $path{$noun} = $base if !defined $path{$noun} || length $base < length $path{$noun};
    push @{ $can{$noun} }, [$row->{method}, $rest // '', defined $rest, $row] if $base eq $path{$noun};
}

sub body { my ($noun) = @_; return Erp::Case::fill(Erp::Case::least($noun), \&any_id) }

sub made {
    my ($noun) = @_;
    my $r = $erp->post($path{$noun}, body($noun), @as);
    is $r->status, 200, "a $noun" or diag $r->body;
    return $r->json->{id};
}
my %any;
sub any_id { my ($noun) = @_; return $any{$noun} //= made($noun) }

for my $noun (sort keys %can) {
    my $single = !grep { $_->[2] } @{ $can{$noun} };
    my @ways = grep { $_->[0] =~ /^(?:PUT|PATCH|DELETE)$/ && ($single || $_->[2]) && ($_->[1] =~ m{^(?:/toggle|/status)?$}) } @{ $can{$noun} };
    next if !@ways || !Erp::Case::least($noun);
    subtest $noun => sub {
        my $url = $single ? $path{$noun} : "$path{$noun}/" . made($noun);
        my $read = $erp->get($url, @as);
        my $tag = $read->header('ETag') // return fail('an entity tag');
        my $same = $erp->get($url, @as, headers => { 'If-None-Match' => "\"x\", $tag" });
        is $same->status . '|' . $same->body, '304|', 'read again: 304';
        is $erp->get($url, @as, headers => { 'If-None-Match' => '"0-0"' })->status, 200, '... but not by another tag';
        for my $way (sort { ($a->[0] eq 'DELETE') <=> ($b->[0] eq 'DELETE') } @ways) {
            my ($method, $rest) = @$way;
            my @body = $method eq 'DELETE' || $rest ne '' ? () : (json => body($noun));
            my $query = $rest eq '/status' ? '?' . join '&', map { "$_->{name}=x" } grep { $_->{required} } @{ $way->[3]{query} } : '';
            is_problem($erp->request($method, "$url$rest$query", @body, @as, headers => { 'If-Match' => '"0-0"' }), 412, 'precondition_failed',
                "$method $rest of an older version");
            is $erp->get($url, @as)->header('ETag'), $tag, '... changes nothing';
            next if $rest eq '/status';    # which states there are is told in t/0220-states.t
            my $r = $erp->request($method, "$url$rest", @body, @as, headers => { 'If-Match' => $tag });
            is $r->status, 200, "$method $rest of this version" or diag $r->body;
            last if $method eq 'DELETE';
            isnt $r->header('ETag'), $tag, '... which is another then';
            $tag = $r->header('ETag');
            is $erp->get($url, @as)->header('ETag'), $tag, '... as the next reader sees';
        }
    };
}

done_testing;
