# Every route of the table, asked in every way that must be refused: the loop is driven by
# `erpd --routes --json`, so a route added later is covered without a new test.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use MIME::Base64 qw(encode_base64url decode_base64url);
use Digest::SHA qw(hmac_sha256);
use JSON::PP;
use Erp::Case;
use Erp::Test;

my $erp = Erp::Test->start(kept => 1, workers => 3, login_workers => 1);
my (undef, $listing) = $erp->run_program($erp->{erpd}, [ '--routes', '--json' ]);
my @routes = @{ decode_json($listing) };
cmp_ok(scalar @routes, '>=', 20, 'the table has its rows');

# Two businesses whose data looks the same, but for one mark in every text.
my %t;
for my $name (qw(alpha beta gamma)) {
    my $t = $t{$name} = $erp->seed_tenant(slug => "iso-$name");
    $t->{token} = $erp->login($t->{email}, $t->{password})->{access_token};
    $t->{mark} = "only-$name-" . $$;
}
for my $name (qw(alpha beta)) {
    my $t = $t{$name};
    $t->{made} = {};
    make($t, $_->{resource}) for grep { $_->{method} eq 'POST' && $_->{resource} && $_->{body} eq 'json' } @routes;
}

# As they stand once all are there: some show what others add to them.
for my $noun (grep { length } keys %{ $t{alpha}{made} }) {
    my ($row) = grep { ($_->{resource} // '') eq $noun && $_->{method} eq 'GET' && $_->{path} =~ /\{/ } @routes;
    $t{alpha}{record}{$noun} = $erp->get(path_of($row, $t{alpha}{made}), token => $t{alpha}{token})->json if $row;
}

# A tenant that is suspended after its token was issued.
$erp->mongo('admin', doc(
    update  => 'tenants_registry',
    updates => [ doc(q => { slug => 'iso-gamma' }, u => { '$set' => { status => 'suspended' } }) ],
));
$erp->erpctl('cache', 'clear');

# The id of the tenant's record of a resource, made at the first need.
sub make {
    my ($t, $noun) = @_;
    return $t->{made}{$noun} //= do {
        my ($row) = grep { $_->{method} eq 'POST' && ($_->{resource} // '') eq $noun } @routes;
        my $body = Erp::Case::fill(sample($noun, $t->{mark}), sub { make($t, @_) });
        my $r = $erp->post($row->{path}, $body, token => $t->{token});
        is($r->status, 200, "$t->{slug}: POST $row->{path}") or diag $r->body;
        $t->{record}{$noun} = $r->json;
        $r->json->{id};
    };
}

# The least body of t/case/<noun>/, or of t/case/<schema>/ for an action's body, with the mark in its free texts.
sub sample {
    my ($noun, $mark) = @_;
    my %body = %{ Erp::Case::least($noun) || {} };
    exists $body{$_} and $body{$_} = $mark for qw(name title description address notes customer_name
        owner_name property_name client_name author unit_type tier_name sku device_model driver_name po_number);
    return \%body;
}

# The resource of a row: its own, or for an action on one record, that record's.
sub noun_of {
    my ($row) = @_;
    my ($list) = grep { $_->{resource} && $_->{out_list} && index($row->{path}, "$_->{path}/{") == 0 } @routes;
    return $row->{resource} // ($list && $list->{resource});
}

sub path_of {
    my ($row, $made) = @_;
    my $path = $row->{path};
    my $noun = noun_of($row);
    my $id = (defined $noun && $made->{$noun}) || '00000000-0000-7000-8000-000000000000';
    $path =~ s/\{[^}]+\}/$id/g;
    return $path;
}

# Whose cases hold a body for a row: those of its schema, or else of its resource.
sub body_name {
    my ($row) = @_;
    return $row->{in} if defined $row->{in} && Erp::Case::least($row->{in});
    return $row->{resource} || '';
}

sub call {
    my ($row, $made, %o) = @_;
    my @body = Erp::Case::body_for($row, sample(body_name($row), 'x'));
    return $erp->request($row->{method}, path_of($row, $made), @body, %o);
}

sub forge {
    my ($h, $claims) = @_;
    my $p = encode_base64url(encode_json($claims));
    return "$h.$p." . encode_base64url(hmac_sha256("$h.$p", $_[2] // $erp->{jwt_secret}));
}

# Tokens that must be refused, made from a good one of beta.
sub bad_tokens {
    my ($good) = @_;
    my ($head, $payload) = split /\./, $good;
    my $claims = sub { my %c = (%{ decode_json(decode_base64url($payload)) }, @_); return \%c };
    my $no_exp = $claims->();
    delete $no_exp->{exp};
    my $none = encode_base64url('{"alg":"none","typ":"JWT"}') . '.' . encode_base64url(encode_json($claims->()));
    my $old = $claims->(iat => time - 9000, nbf => time - 9000, exp => time - 4000);
    my $alpha = $t{alpha}{tenant_id};
    return (
        [ 'no token',               undef, 401 ],
        [ 'rubbish',                'rubbish', 401 ],
        [ 'alg none',               "$none.", 401 ],
        [ 'another key',            forge($head, $claims->(), 'k' x 40), 401 ],
        [ 'expired',                forge($head, $old), 401 ],
        [ 'not yet valid',          forge($head, $claims->(nbf => time + 4000)), 401 ],
        [ 'no exp',                 forge($head, $no_exp), 401 ],
        [ 'slug of another tenant', forge($head, $claims->(tenant_slug => 'iso-alpha')), 403 ],
        [ 'id of another tenant',   forge($head, $claims->(tenant_id => $alpha)), 403 ],
        [ 'both of another tenant', forge($head, $claims->(tenant_slug => 'iso-alpha', tenant_id => $alpha)), 403 ],
        [ 'an unknown slug',        forge($head, $claims->(tenant_slug => 'iso-none')), 403 ],
        [ 'no slug (legacy)',       forge($head, $claims->(tenant_slug => undef)), 403 ],
        [ 'a suspended tenant',     $t{gamma}{token}, 403 ],
    );
}

my $good;
for my $row (@routes) {
    my $name = "$row->{method} $row->{path}";
    next if $row->{auth} eq 'public';
    subtest $name => sub {
        # Some routes end the token that calls them.
        $good = $erp->login($t{beta}{email}, $t{beta}{password})->{access_token}
            if !$good || $erp->get('/api/auth/me', token => $good)->status != 200;
        for my $case (bad_tokens($good)) {
            my ($what, $token, $status) = @$case;
            # What needs no tenant is not refused for the tenant's sake, only for the user's.
            next if $what eq 'a suspended tenant' && $row->{tenancy} eq 'none';
            my $r = call($row, $t{alpha}{made}, token => $token);
            is($r->status, $status, "$what: $status") or diag $r->body;
            like($r->header('content-type') // '', qr{^application/problem\+json}, "$what: a problem");
            ok($r->json && length($r->json->{detail} // ''), "$what: says why");
            unlike($r->body, qr/only-alpha/, "$what: nothing of the other tenant");
            ok($r->header('www-authenticate'), "$what: WWW-Authenticate") if $status == 401;
        }
        # A good token of beta, with the ids of alpha's records.
        my $r = call($row, $t{alpha}{made}, token => $good);
        unlike($r->body, qr/only-alpha/, 'alpha is not shown to beta');
        my $may = grep { $_ eq 'tenant_admin' } @{ $row->{roles} };
        # Whoever reads what is not there has what he wants: the same answer as for any id.
        my $none = $row->{path} eq '/api/notifications/{notification_id}/read' ? 200 : 404;
        is($r->status, $may ? $none : 403, "alpha's ids do not exist for beta") if $row->{path} =~ /\{/;
    };
}

# Nothing of alpha's was changed by all that.
$t{beta}{token} = $erp->login($t{beta}{email}, $t{beta}{password})->{access_token};
for my $noun (sort grep { length } keys %{ $t{alpha}{made} }) {
    my ($row) = grep { ($_->{resource} // '') eq $noun && $_->{method} eq 'GET' && $_->{path} =~ /\{/ } @routes;
    next unless $row;
    my $r = $erp->get(path_of($row, $t{alpha}{made}), token => $t{alpha}{token});
    is($r->status, 200, "alpha's $noun is still there");
    is_deeply($r->json, $t{alpha}{record}{$noun}, "alpha's $noun is unchanged");
}
for my $name (qw(alpha beta)) {
    for my $row (grep { $_->{method} eq 'GET' && $_->{out_list} && $_->{path} !~ /\{/ && grep { $_ eq 'tenant_admin' } @{ $_->{roles} } } @routes) {
        my $r = $erp->get($row->{path}, token => $t{$name}{token});
        is($r->status, 200, "$name: $row->{path}");
        my $other = $name eq 'alpha' ? 'beta' : 'alpha';
        unlike($r->body, qr/only-$other/, "$name sees nothing of $other in $row->{path}");
    }
}

# A reference to another tenant's record is no reference.
my $r = $erp->post('/api/products', { name => 'x', price => 1, category_id => $t{alpha}{made}{category} },
                   token => $t{beta}{token});
is($r->status, 422, "another tenant's category cannot be referred to");
is($r->json->{errors}[0]{field}, 'category_id', 'the field is named');

done_testing;
