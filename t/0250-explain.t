# Lists work on indexes: what every list of the tables asks (erpd --queries) is explained by the server,
# over enough records for a scan to show. No collection scan, no sort in memory, and a page examines
# about as many records as it shows.
#
# 50,000 records where a business has most of them, 5,000 elsewhere: what the planner does with an index
# does not depend on their number, and what it would do without one (examine them all) fails either way.
# ERP_TEST_EXPLAIN=50000 gives every resource as many, which takes twice as long.
# `q` matches beginnings of words over an index, and what it finds is sorted by id: a sort of at most a
# page, which no index can give (the words of a record are many).
use Erp::Test;
use Erp::Json qw(to_json from_json);

my %many = map { $_ => 50_000 } qw(product customer audit_entry);
my $MOST = 0 + ($ENV{ERP_TEST_EXPLAIN} || 5_000);

my $erp = Erp::Test->start(workers => 1);
my $shop = $erp->seed_tenant(slug => 'explain');
my @as = (token => $erp->login($shop->{email}, $shop->{password})->{access_token});
my ($code, $text) = $erp->run_program($erp->{erpd}, ['--queries']);
is $code, 0, 'erpd prints what lists ask';
# The commands stay as they are printed: the order of their members counts.
my @lines;
for my $line (split /\n/, $text) {
    my ($command) = $line =~ /"command":(.*)\}$/;
    push @lines, { %{ from_json($line) // die "no JSON: $line\n" }, $command ? (command => $command =~ s/"TENANT"/"$shop->{tenant_id}"/gr) : () };
}
my @resources = grep { $_->{fields} } @lines;
sub db { my ($resource) = @_; return $shop->{db_name} . ($resource->{audit} ? '_audit' : '') }

# ---- records, made by the server itself: each field in turns, of which one is the sample ----

sub turns { return { '$arrayElemAt' => [[@_], { '$mod' => ['$$i', scalar @_] }] } }

my %value = (
    text    => sub { $_[0]{unique} ? { '$concat' => ['text ', { '$toString' => '$$i' }] } : turns(map { "text $_" } 0 .. 19) },
    texts   => sub { [map { { '$concat' => ['text ', { '$toString' => { '$mod' => [{ '$add' => ['$$i', $_] }, 20] } }] } } 0, 7] },
    note    => sub { turns(map { "text $_" } 0 .. 19) },
    email   => sub { turns(map { "p$_\@sample.example" } 0 .. 19) },
    phone   => sub { turns(map { "017000000$_" } 0 .. 9) },
    reference => sub { turns(map { "ref $_" } 0 .. 19) },
    integer => sub { { '$toLong' => { '$mod' => ['$$i', 1000] } } },
    boolean => sub { turns(\1, \0) },
    money   => sub { { '$toDecimal' => { '$mod' => ['$$i', 1000] } } },
    decimal => sub { { '$toDecimal' => { '$mod' => ['$$i', 1000] } } },
    enum    => sub { turns(@{ $_[0]{values} }) },
    day     => sub { turns(map { sprintf '2026-01-%02d', $_ } 1 .. 20) },
    time    => sub { turns(map { sprintf '10:%02d', $_ } 0 .. 19) },
    instant => sub { { '$toDate' => { '$add' => [1767740000000, { '$multiply' => ['$$i', 1000] }] } } },
);

sub fill {
    my ($resource, $n) = @_;
    my $number = { '$toString' => { '$add' => [10_000_000, '$$i'] } };
    my %record = (
        id        => { '$concat' => ['id ', $number] },
        tenant_id => $shop->{tenant_id},
        _q        => ['text', { '$concat' => ['word', { '$toString' => { '$mod' => ['$$i', 50] } }] }],
    );
    if (!$resource->{audit}) {
        $record{$_} = { '$toDate' => { '$add' => [1767744000000, { '$multiply' => [{ '$mod' => ['$$i', 1000] }, 60_000] }] } } for qw(created_at updated_at);
    }
    for my $field (@{ $resource->{fields} }) {
        my $make = $value{ $field->{kind} } or next;
        $record{ $field->{name} } = $make->($field);
    }
    my $all = { '$map' => { input => { '$range' => [0, $n] }, as => 'i', in => \%record } };
    $erp->_eval->try(db($resource), doc(drop => $resource->{collection}));    # or $out keeps its indexes
    my $made = $erp->_eval->try(db($resource), doc(aggregate => 1, cursor => {}, pipeline => [{ '$documents' => $all }, { '$out' => $resource->{collection} }]));
    return $made->{ok} || diag($made->{errmsg});
}

# What the workers make at the first use of a resource, by their names, which spell the keys. Unique
# ones are left out: equal values would keep the records out, and partial ones serve no list.
my %declared;
for my $line (split /\n/, ($erp->erpctl('indexes'))[1]) {
    my ($collection, $name, $unique) = split /\t/, $line;
    push @{ $declared{$collection} }, $name if !$unique;
}
is $erp->post('/api/categories', { name => 'First' }, @as)->status, 200, 'a write, with which the audit log gets its own';

sub index_specs {
    my ($resource) = @_;
    my @names = @{ $declared{ $resource->{collection} } || [] };
    @names = map { $_->{name} } grep { $_->{name} ne '_id_' } $erp->mongo_all(db($resource), doc(listIndexes => $resource->{collection})) if $resource->{audit};
    return map { {
        name => $_,
        key  => doc($_ eq 'tenant_id_id' ? (tenant_id => 1, id => 1) : map { /^-?1$/ ? $_ + 0 : $_ } /(.+?)_(-?1)(?:_|$)/g),
    } } @names;
}

# ---- the plan ----

sub stages {
    my ($stage) = @_;
    return ($stage->{stage}, map { stages($_) } grep { $_ } $stage->{inputStage}, @{ $stage->{inputStages} || [] });
}

sub plan_of {
    my ($db, $command) = @_;
    return $erp->_eval->run($db, qq({"explain":$command,"verbosity":"executionStats"}));
}

# "" when a query of this kind is as it should be, else what is wrong.
sub fault {
    my ($kind, $plan, $ties) = @_;
    my $did = $plan->{executionStats};
    my @stages = stages($plan->{queryPlanner}{winningPlan});
    return 'a collection scan' if grep { $_ eq 'COLLSCAN' } @stages;
    return 'no index' if !grep { $_ eq 'IXSCAN' } @stages;
    return "nothing found" if !$did->{nReturned} && $kind ne 'view';
    return '' if $kind eq 'search';
    return "a sort in memory (@stages)" if grep { $_ eq 'SORT' } @stages;
    my $more = $did->{totalDocsExamined} - $did->{nReturned};
    return "$did->{totalDocsExamined} records examined for $did->{nReturned} (@stages)" if $more > 10 && $more > $ties->() + 1;
    return '';
}

# A page begins behind a value and an id. Records of that same value but before that id may be read over, if
# that is less work for the server than to merge two scans: never more of them than a page.
sub ties {
    my ($db, $query) = @_;
    return 0 if $query->{kind} ne 'page';
    my $command = from_json($query->{command});
    my $first = $command->{filter}{'$or'} or return 0;
    my ($same) = grep { exists $_->{id} } @{ $first->[0]{'$or'} || [] };
    my ($name) = grep { $_ ne 'id' } keys %{ $same || {} };
    return 0 if !defined $name;
    my $n = $erp->mongo($db, doc(count => $command->{find}, query => { $name => $same->{$name} }))->{n};
    return $n < 100 ? $n : 100;
}

my $started = time;
for my $resource (@resources) {
    subtest $resource->{resource} => sub {
        my $db = db($resource);
        my @specs = index_specs($resource);
        ok scalar @specs, 'its indexes';
        my $n = $many{ $resource->{resource} } // $MOST;
        fill($resource, $n) or return fail('records');
        $erp->mongo($db, doc(createIndexes => $resource->{collection}, indexes => \@specs));
        is $erp->mongo($db, doc(count => $resource->{collection}))->{n}, $n, "$n records";
        for my $query (grep { !$_->{fields} && $_->{resource} eq $resource->{resource} } @lines) {
            my $plan = plan_of($db, $query->{command});
            is fault($query->{kind}, $plan, sub { ties($db, $query) }), '', "$query->{kind} $query->{what}";
        }
    };
}
diag sprintf '%d resources in %d s', scalar @resources, time - $started;

done_testing;
