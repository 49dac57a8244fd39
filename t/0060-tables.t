# What erpd prints of its own tables without a secret, and what it refuses to start with: one line
# that names the setting, and never its value. The bad values are driven by --help.
use Erp::Test;
use File::Temp qw(tempdir);
use Erp::Json qw(from_json);
use Erp::Proc qw(random_text);
use Erp::Say qw(slurp spew);

our $erpd = "$ENV{ERP_TEST_BIN}/erpd";
my $quick = "$ENV{ERP_TEST_DEVEL_BIN}/erpd";    # without sanitizers, for what is run a hundred times
my $dir = tempdir('erpd-t.XXXXXX', TMPDIR => 1, CLEANUP => 1);
my %secret = map { $_ => random_text(32) } qw(SECRET_KEY JWT_SECRET_KEY);
my %good = (MONGO_URL => $ENV{ERP_TEST_MONGO_URL}, ERP_BOARD => "$dir/board", %secret);

# Exit status, output and errors of erpd with exactly these settings.
sub erpd {
    my ($env, @args) = @_;
    my $pid = open my $out, '-|';
    die "fork: $!\n" if !defined $pid;
    if ($pid == 0) {
        open STDERR, '>', "$dir/stderr";
        open STDIN, '<', '/dev/null';
        alarm 30;
        %ENV = (PATH => $ENV{PATH}, LSAN_OPTIONS => $ENV{LSAN_OPTIONS} // '',
            MONGOC_DISABLE_SHM => 1, %$env);
        exec {$erpd} $erpd, @args or POSIX::_exit(127);
    }
    my $text = do { local $/; <$out> } // '';
    close $out;
    return ($? & 127 ? "signal $?" : $? >> 8, $text, slurp("$dir/stderr"));
}

# Refused: exit 78, one line that names the setting, the values nowhere.
sub refused {
    my ($env, $name, $what, @args) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($status, $out, $err) = erpd($env, @args ? @args : '--check');
    my @bad;
    push @bad, "exit status $status" if $status ne '78';
    push @bad, 'something on standard output' if length $out;
    push @bad, 'not one line' if $err !~ /\A[^\n]+\n\z/;
    push @bad, "$name is not named" if $err !~ /\b\Q$name\E\b/;
    for my $value (map { split ' ' } grep { defined } values %$env) {
        push @bad, 'shows a value' if length $value > 3 && index("$out$err", $value) >= 0;
    }
    return ok(!@bad, $what) || diag(join('; ', @bad), "\n$err");
}

my (undef, $help) = erpd({}, '--help');
my @names = $help =~ /^  ([A-Z][A-Z_]+)$/mg;

subtest 'the tables are printed without secrets' => sub {
    my %shown = (
        '--matrix' => qr/^METHOD +PATH +super_admin  tenant_admin  /,
        '--routes' => qr{^POST\t/api/auth/login\tpublic\t}m, '--openapi' => qr/"openapi":\s*"3\.1\./,
        '--lint'   => qr/^/,  '--help' => qr/^Usage: erpd/, '--errors' => qr/^401\ttoken_missing\t/m,
        '--man-settings' => qr/JWT_SECRET_KEY/, '--version' => qr/^erpd \d/,
    );
    for my $option (sort keys %shown) {
        my ($status, $out, $err) = erpd({}, $option);
        is $status, 0, "$option: exit status";
        like $out, $shown{$option}, "$option: what it prints";
        is $err, '', "$option: and nothing else";
    }
    is scalar(() = $help =~ /^Settings, from the environment/mg), 1, 'one heading of the settings';
    my (undef, $man) = erpd({}, '--man-settings');
    is_deeply [grep { $man !~ /\Q$_\E/ } @names], [], 'every setting of --help is in the man page';
    cmp_ok scalar @names, '>=', 20, 'settings found';
    my %spoken = map { $_ => 1 } slurp("$ENV{ERP_TEST_ROOT}/src/core/conf_table.c") =~ /\.name = "(\w+)"/g;
    is_deeply [sort @names], [sort keys %spoken], '--help names the whole table';
};

subtest 'used wrongly' => sub {
    for my $args (['--unknown'], ['--routes', '--openapi'], ['surplus'], ['--json'], ['--openapi', '--json'],
        ['--routes=x'], ['-x'], ['--help', 'x']) {
        my ($status, $out, $err) = erpd(\%good, @$args);
        is $status, 64, "erpd @$args";
        is $out, '', '... prints nothing on standard output';
        like $err, qr/Usage: erpd/, '... says how it is used';
    }
};

my (undef, $listing) = erpd({}, '--routes', '--json');
my @routes = @{ from_json($listing) };

subtest 'every row is a whole policy' => sub {
    my (undef, $text) = erpd({}, '--routes');
    is scalar(split /\n/, $text), scalar @routes, 'both listings have the same rows';
    my %seen;
    for my $row (@routes) {
        my $name = "$row->{method} $row->{path}";
        my @bad;
        push @bad, 'twice' if $seen{$name}++;
        push @bad, 'path' if $row->{path} !~ m{^/api(?:/(?:[a-z0-9.-]+|\{[a-z_]+\}))+$};
        push @bad, 'summary' if ($row->{summary} // '') !~ /^[A-Z].*[^.]$/;
        push @bad, 'auth' if $row->{auth} !~ /^(?:public|token)$/;
        push @bad, 'roles' if ($row->{auth} eq 'token') != (@{ $row->{roles} } > 0);
        push @bad, 'tenancy' if $row->{tenancy} !~ /^(?:required|optional|none|reported)$/;
        push @bad, 'a public row of a tenant' if $row->{auth} eq 'public' && $row->{tenancy} ne 'none';
        push @bad, 'a platform role on a tenant\'s row'
            if $row->{tenancy} eq 'required' && grep { $_ eq 'super_admin' } @{ $row->{roles} };
        push @bad, 'writes by GET' if $row->{method} eq 'GET' && $row->{writes};
        push @bad, 'body by GET' if $row->{method} eq 'GET' && $row->{body} ne 'none';
        push @bad, 'does not write' if $row->{method} ne 'GET' && !$row->{writes};
        push @bad, 'body without a schema' if $row->{body} ne 'none' && !defined $row->{in};
        ok !@bad, $name or diag "@bad";
    }
    my %public = map { $_->{path} => 1 } grep { $_->{auth} eq 'public' } @routes;
    is_deeply [sort keys %public], [qw(/api/auth/login /api/auth/set-password /api/auth/signup /api/health/live /api/health/ready /api/openapi.json /api/public/branding /api/upload-image
        /api/warranty/resolve /api/warranty/{id}/claim)],
        'what may be called without a token';
};

subtest 'the pool for sign-in' => sub {
    my $site = slurp("$ENV{ERP_TEST_ROOT}/nginx/erpd.conf.in");
    my @locations = $site =~ m|location = (/\S+) \{[^}]*erpd-login\.conf;|g;
    is_deeply [sort @locations], [sort map { $_->{path} } grep { $_->{pool} eq 'login' } @routes],
        'its rows are the locations of nginx';
    my ($limit) = slurp("$ENV{ERP_TEST_ROOT}/nginx/settings") =~ /^LOGIN_BODY=(\d+)k/m;
    is_deeply [map { $_->{body_limit} } grep { $_->{pool} eq 'login' } @routes], [($limit * 1024) x @locations],
        'with the same limit of the body';
};

subtest 'large bodies' => sub {
    my $site = slurp("$ENV{ERP_TEST_ROOT}/nginx/erpd.conf.in");
    my @locations = $site =~ m{location ~ (\^/api/\S+) \{[^\}]*client_max_body_size @(?:UPLOAD|BULK_BODY)@}g;
    my @large = grep { $_->{body} eq 'form' || ($_->{body_limit} // 0) > 1 << 20 } @routes;
    cmp_ok scalar @large, '>', 3, 'there are such rows';
    my @bad;
    for my $row (@large) {
        my $path = $row->{path} =~ s/\{[^}]+\}/x/gr;
        push @bad, $row->{path} if !grep { $path =~ /$_/ } @locations;
    }
    is_deeply \@bad, [], 'nginx lets each have one';
};

subtest 'files that people uploaded' => sub {
    my ($named) = slurp("$ENV{ERP_TEST_ROOT}/src/platform/files.c") =~ /^#define INTERNAL "([^"]+)"/m;
    my ($location) = slurp("$ENV{ERP_TEST_ROOT}/nginx/erpd-files.conf.in") =~ m|^location (/\S+)/ \{\s+internal;|m;
    ok defined $location, 'nginx has an internal location';
    is $named, $location, '... and workers send from it';
};

subtest 'OpenAPI tells the same' => sub {
    my (undef, $text) = erpd({}, '--openapi');
    my $api = from_json($text);
    my @operations;
    my $operation_ids = {};
    for my $path (keys %{ $api->{paths} }) {
        for my $method (grep { /^(?:get|post|put|patch|delete)$/ } keys %{ $api->{paths}{$path} }) {
            push @operations, uc($method) . " $path";
            my $id = $api->{paths}{$path}{$method}{operationId};
            $operation_ids->{$id}++ if defined $id;
        }
    }
    is_deeply [sort @operations], [sort map { "$_->{method} $_->{path}" } @routes], 'every row and no other';
    is_deeply [grep { $operation_ids->{$_} > 1 } keys %$operation_ids], [], 'operation ids are unique';
    my %refs = map { $_ => 1 } $text =~ /"\$ref":\s*"([^"]+)"/g;
    my @dangling;
    for my $ref (sort keys %refs) {
        my $at = $api;
        $at = ref $at eq 'HASH' ? $at->{$_} : undef for grep { $_ ne '#' } split m{/}, $ref;
        push @dangling, $ref if !defined $at;
    }
    is_deeply \@dangling, [], 'no reference leads nowhere';
};

subtest 'good settings' => sub {
    my ($status, $out, $err) = erpd(\%good, '--check');
    is $status, 0, 'are accepted' or diag $err;
    my ($away, undef, $why) = erpd({ %good, MONGO_URL => 'mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=100' }, '--check');
    is $away, 69, 'a database that is away: another exit status';
    like $why, qr/^erpd: Database [^\n]+\n\z/m, '... and a sentence at the end';
    my ($served, undef, $socket) = erpd(\%good);
    is $served, 78, 'no listening socket: refused';
    like $socket, qr/\A[^\n]*socket[^\n]*\n\z/, '... in one line';
};

subtest 'every setting gets a bad value' => sub {
    local $erpd = $quick;
    my %bad = (    # by what --help says of it; other kinds are named here
        ERP_CURRENCY     => ['QQQ', 'bdt', 'BDTT'],
        ERP_CORS_ORIGINS => ['*', 'https://shop.test/path', 'shop.test', 'ftp://shop.test', 'HTTPS://SHOP.TEST'],
        ERP_PUBLIC_URL   => ['ftp://shop.test', 'shop.test', "https://shop.test\r\nX: y"],
        ERP_BOARD        => ["$dir/none/board", "$dir", "relative\x01"],
        ERP_FILES_DIR    => ["$dir/files\x01", "$dir/a\nb"],
        ERP_FONTS        => ["$dir/font\x01", "$dir/a\nb"],
        ERP_WATCH_STATE  => ["$dir/state\x01", "$dir/a\nb"],
        map { $_ => ['a b', 'x' x 64, 'data.base', 'data/base', '$data', "data\nbase", 'admin', 'LOCAL', 'config'] }
            qw(DB_NAME ADMIN_DB_NAME),
    );
    for my $name (@names) {
        my ($about) = $help =~ /^  \Q$name\E\n((?:      .*\n)+)/m;
        $about =~ s/\s+/ /g;
        my @values
            = $bad{$name} ? @{ $bad{$name} }
            : $about =~ /\((\d+) to (\d+)/ ? ($1 - 1, $2 + 1, 'many', '12x', '-12', ' 600', '1e3', '0x10', '9' x 30)
            : $about =~ /\(on or off/ ? ('maybe', '2', 'onn')
            : $about =~ /\(one of/ ? ('verbose', 'INFO ', 'inf', 'loud quiet')
            : $about =~ /\(secret/ ? ('short-secret', 'x' x 31, 'z' x 64)
            : $about =~ /\(mongodb:/ ? ('http://db.example/', 'db.example:27017', 'mongodb://', 'mongodb+srv://',
                'mongodb://user:pa@ss/word@db.example/', 'mongodb://db.example:99999/', 'mongodb://db.example/?w=nonsense%')
            : ();
        ok scalar @values, "$name: a bad value is known" or next;
        refused({ %good, $name => $_ }, $name, "$name: " . s/[^ -~]/?/gr) for @values;
    }
};

subtest 'secrets' => sub {
    for my $name (qw(SECRET_KEY JWT_SECRET_KEY MONGO_URL)) {
        my %rest = %good;
        delete $rest{$name};
        refused(\%rest, $name, "$name missing: no default");
        refused({ %rest, $name => '' }, $name, "$name empty");
        refused({ %rest, "${name}_FILE" => "$dir/absent" }, $name, "$name: its file is absent");
        spew("$dir/$name.empty", "\n", 0600);
        refused({ %rest, "${name}_FILE" => "$dir/$name.empty" }, $name, "$name: its file is empty");
        refused({ %rest, "${name}_FILE" => $dir }, $name, "$name: its file is a folder");
        spew("$dir/$name.nul", "$good{$name}\0more", 0600);
        refused({ %rest, "${name}_FILE" => "$dir/$name.nul" }, $name, "$name: a NUL in its file");
        spew("$dir/$name.big", 'ab' x 40_000, 0600);
        refused({ %rest, "${name}_FILE" => "$dir/$name.big" }, $name, "$name: its file is too large");
        spew("$dir/$name", "$good{$name}\n", 0600);
        refused({ %good, "${name}_FILE" => "$dir/$name" }, $name, "$name: value and file at once");
        is((erpd({ %rest, "${name}_FILE" => "$dir/$name" }, '--check'))[0], 0, "$name from ${name}_FILE");
        is((erpd({ %rest, CREDENTIALS_DIRECTORY => $dir }, '--check'))[0], 0, "$name from a credential");
    }
    spew("$dir/JWT_SECRET_KEY", 'newest-but-too-short ' . random_text(32), 0600);
    my %files = (%good, JWT_SECRET_KEY_FILE => "$dir/JWT_SECRET_KEY");
    delete $files{JWT_SECRET_KEY};
    refused(\%files, 'JWT_SECRET_KEY', 'one weak key among good ones');
    refused({ %good, JWT_SECRET_KEY => join ' ', map { random_text(32) } 1 .. 9 }, 'JWT_SECRET_KEY', 'nine keys');
    is((erpd({ %good, JWT_SECRET_KEY => join ' ', map { random_text(32) } 1 .. 8 }, '--check'))[0], 0, 'eight keys');
    for my $name (qw(SECRET_KEY JWT_SECRET_KEY)) {
        my %rest = %good;
        delete $rest{$name};
        my ($status, undef, $err) = erpd(\%rest);
        is $status, 78, "a worker without $name does not start";
        like $err, qr/\A[^\n]*\b\Q$name\E\b[^\n]*\n\z/, '... with one line';
    }
};

done_testing;
