# Pictures of a business, from the form to the sign-in page: what is accepted, where it is kept, who
# may see it; and forms that are no forms.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Erp::Test;
use Erp::Http;
use Erp::Say qw(slurp);

my $erp = Erp::Test->start(workers => 2, login_workers => 1);
my $t = $erp->seed_tenant(slug => 'pics');
my @as = (token => $erp->login($t->{email}, $t->{password})->{access_token});
my $other = $erp->seed_tenant(slug => 'pics-two');
my @other = (token => $erp->login($other->{email}, $other->{password})->{access_token});

my %bytes = (
    png => "\x89PNG\r\n\x1a\n" . "\0\r\n--x" x 200, jpg => "\xff\xd8\xff\xe0" . 'j' x 100, gif => 'GIF89a' . 'g' x 100,
    webp => "RIFF\1\2\3\4WEBPVP8 " . 'w' x 100, ico => "\0\0\1\0" . 'i' x 100, pdf => "%PDF-1.7\n" . 'p' x 100,
    html => '<!DOCTYPE html><script>alert(1)</script>', svg => '<svg xmlns="http://www.w3.org/2000/svg"/>',
);
my %type = (png => 'image/png', jpg => 'image/jpeg', gif => 'image/gif', webp => 'image/webp', ico => 'image/x-icon');

sub upload {
    my ($what, $parts, @who) = @_;
    my ($body, $type) = Erp::Http::form(@$parts);
    return $erp->request('POST', "/api/upload/$what", body => $body, type => $type, @who ? @who : @as);
}

sub picture { my ($kind, $name) = @_; return [[file => $bytes{$kind}, $name // "my picture.$kind"]] }

sub branding { return $erp->get('/api/public/branding' . (@_ ? "?tenant_slug=$_[0]" : ''))->json }

my %none = (website_name => 'Smart Business ERP', map { ($_ => undef) } qw(logo_url background_image_url favicon_url));

subtest 'from the form to the sign-in page' => sub {
    is_deeply branding('pics'), \%none, 'nothing yet';
    for my $case ([logo => 'logo_url', 'png'], [background => 'background_image_url', 'webp'], [favicon => 'favicon_url', 'ico']) {
        my ($what, $field, $kind) = @$case;
        my $r = upload($what, picture($kind));
        is $r->status, 200, "$what is stored" or diag $r->body;
        my $got = $r->json;
        like $got->{filename}, qr/^${what}_\Q$t->{tenant_id}\E_[0-9a-f]{16}\.$kind$/, 'under a name of ours';
        is $got->{url}, "/uploads/settings/$got->{filename}", 'its address';
        is $erp->get('/api/settings', @as)->json->{$field}, $got->{url}, '... is in the settings';
        is branding('pics')->{$field}, $got->{url}, '... and shown without a token';
        my $file = $erp->get($got->{url});
        is $file->status, 200, 'it is served' or diag $file->body;
        is $file->body, $bytes{$kind}, '... as it was sent';
        is $file->header('Content-Type'), $type{$kind}, '... with its type';
        is $file->header('X-Content-Type-Options'), 'nosniff', '... which is not guessed';
        like $file->header('Content-Security-Policy'), qr/default-src 'none'/, '... and runs nothing';
        like $file->header('Cache-Control'), qr/immutable/, '... to be kept';
    }
    my @entries = $erp->mongo_all("$t->{db_name}_audit", doc(find => 'audit_log', filter => { collection => 'settings', action => 'patch' }));
    is scalar @entries, 3, 'an audit entry each';
};

sub files { my ($tenant) = @_; return grep { -f } glob "$erp->{dir}/files/$tenant/*/{*,.new*}" }

subtest 'the next one takes its place' => sub {
    my $old = branding('pics')->{logo_url};
    my $r = upload('logo', picture('gif'));
    is $r->status, 200, 'another logo';
    isnt $r->json->{url}, $old, 'has an address of its own';
    is $erp->get($old)->status, 404, 'the one before is gone';
    is scalar(files($t->{tenant_id})), 3, 'three files, nothing left over';
    is +(stat((files($t->{tenant_id}))[0]))[2] & 07777, 0640, 'not for everybody to read';
    is $erp->put('/api/settings', { logo_url => 'https://cdn.example/logo.png' }, @as)->status, 200, 'an address of somebody else';
    is upload('logo', picture('jpg'))->status, 200, '... is replaced too';
};

subtest 'what is refused, and leaves nothing' => sub {
    my @before = files($t->{tenant_id});
    my $settings = $erp->get('/api/settings', @as)->json;
    my $field = sub { my ($r) = @_; return join ',', map { "$_->{field}:$_->{code}" } @{ $r->json->{errors} || [] } };
    for my $kind (qw(ico pdf html svg)) {
        my $r = upload('logo', picture($kind, 'logo.png'));
        is_problem $r, 422, 'validation', "$kind as a logo, whatever its name";
        is $field->($r), 'file:format', '... names the field';
    }
    is_problem upload('favicon', picture('pdf')), 422, 'validation', 'a PDF as an icon';
    is $field->(upload('logo', [[other => 'x']])), 'file:required', 'no file';
    is $field->(upload('logo', [[file => 'a picture']])), 'file:type', 'a field in its place';
    is $field->(upload('logo', [[file => '', '']])), 'file:required', 'a file input left empty';
    is $field->(upload('logo', [[file => $bytes{png}, 'a.png'], [more => $bytes{png}, 'b.png']])), 'more:unknown', 'two files';
    is_problem upload('logo', [[file => $bytes{png}, 'a.png'], [file => $bytes{png}, 'b.png']]), 400, 'bad_request', 'the same part twice';
    is_problem upload('logo', [[file => $bytes{png} . 'x' x (5 << 20), 'a.png']]), 413, 'too_large', 'a logo of more than 5 MB';
    is_problem upload('favicon', [[file => $bytes{png} . 'x' x (1 << 20), 'a.png']]), 413, 'too_large', 'an icon of more than 1 MB';
    is_problem upload('logo', [[file => $bytes{png} . 'x' x (12 << 20), 'a.png']]), 413, 'too_large', 'more than nginx takes';
    is_problem $erp->post('/api/upload/logo', { file => 'x' }, @as), 415, 'unsupported_media_type', 'JSON';
    my ($body, $type) = Erp::Http::form(@{ picture('png') });
    my @raw = ('POST', '/api/upload/logo', @as);
    is_problem $erp->request(@raw, body => $body, type => 'multipart/form-data'), 415, 'unsupported_media_type', 'no boundary';
    is_problem $erp->request(@raw, body => $body, type => 'multipart/form-data; boundary=other'), 400, 'bad_request', 'another boundary';
    is_problem $erp->request(@raw, body => substr($body, 0, -8), type => $type), 400, 'bad_request', 'cut short';
    is_problem $erp->request(@raw, body => '', type => $type), 400, 'bad_request', 'empty';
    is_deeply [files($t->{tenant_id})], \@before, 'no file came or went';
    is_deeply $erp->get('/api/settings', @as)->json, $settings, 'the settings are as before';
};

subtest 'who may' => sub {
    is_problem upload('logo', picture('png'), headers => {}), 401, 'token_missing', 'not without a token';
    my $user = $erp->seed_user(email => 'cashier@pics.example', password => 'cashier-password', role => 'cashier',
        tenant_id => $t->{tenant_id}, user => { tenant_slug => 'pics' });
    my @cashier = (token => $erp->login($user->{email}, 'cashier-password')->{access_token});
    is_problem upload('logo', picture('png'), @cashier), 403, 'role_forbidden', 'not a cashier';
    is upload('logo', picture('png'), @other)->status, 200, 'another business';
    is scalar(files($other->{tenant_id})), 1, '... has a folder of its own';
    unlike branding('pics-two')->{logo_url}, qr/\Q$t->{tenant_id}\E/, '... and picture';
};

subtest 'nothing else is served' => sub {
    my ($path) = files($t->{tenant_id});
    my ($name) = $path =~ m{([^/]+)$};
    for my $url ("/erp-files/$t->{tenant_id}/settings/$name", "/uploads/receipts/$name", '/uploads/settings/', "/uploads/$t->{tenant_id}/settings/$name",
        "/uploads/settings/../$t->{tenant_id}/settings/$name", "/uploads/settings/logo_.._0123456789abcdef.png", "/uploads/settings/%2e%2e%2f$name",
        '/uploads/settings/logo_' . $t->{tenant_id} . '_0123456789abcdef.png') {
        is $erp->get($url)->status, 404, $url;
    }
    is_problem $erp->request('POST', "/uploads/settings/$name", json => {}), 405, 'method_not_allowed', 'nothing is written there';
};

subtest 'the sign-in page never fails' => sub {
    for my $slug ('', 'unknown', '../x', '%00', '%ff', 'A' x 300) {
        my $r = $erp->get("/api/public/branding?tenant_slug=$slug");
        ok $r->status == 200 || $slug =~ /%/, "slug " . substr($slug, 0, 20) or diag $r->body;
        is_deeply $r->json, \%none, '... gets the usual' if $r->status == 200;
    }
    is_deeply branding(), \%none, 'no slug';
    $erp->mongo('admin', doc(update => 'tenants_registry', updates => [ doc(q => { slug => 'pics' }, u => { '$set' => { status => 'suspended' } }) ]));
    $erp->erpctl('cache', 'clear');
    is_deeply branding('pics'), \%none, 'a business that is suspended';
    $erp->mongo('admin', doc(update => 'tenants_registry', updates => [ doc(q => { slug => 'pics' }, u => { '$set' => { status => 'active',
        db_uri => 'mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=100' } }) ]));
    $erp->erpctl('cache', 'clear');
    is_deeply branding('pics'), \%none, 'one whose database is away';
};

done_testing;
