# Live tests: `use Erp::Test;` brings Test::More, doc() and is_problem(); then
#
#     my $erp = Erp::Test->start(workers => 2);
#     my $shop = $erp->seed_tenant(slug => 'shop');
#     my $token = $erp->login($shop->{email}, $shop->{password})->{access_token};
#     my $res = $erp->get('/api/products', token => $token);
#     is $res->status, 200;
#     is_problem($erp->get('/api/products'), 401, 'token_missing', 'no token');
#     done_testing;
#
# Every instance has its own databases, workers and nginx, so that files run in parallel. All of
# it is gone at the end, however the test ends; a sanitizer's report, a crash or a worker killed by
# anything but the test is a failure of its own. Run by ./dev test, which gives the database; alone
# a file fails, because a test that was skipped reads as one that passed.
package Erp::Test;
use strict;
use warnings;
use parent 'Erp::Program';
use Digest::SHA qw(hmac_sha256);
use File::Basename qw(basename dirname);
use File::Path qw(remove_tree);
use File::Temp qw(tempdir);
use MIME::Base64 qw(encode_base64url);
use POSIX qw(strftime);
use Test::More ();
use Time::HiRes qw(time);
use Erp::Kept;
use Erp::Json qw(doc to_json from_json);
use Erp::MongoEval;
use Erp::Proc qw(free_port random_text wait_until alive);
use Erp::Say qw(slurp spew);

my @live;     # instances not stopped yet
my $owner = $$;
my $made = 0;

sub import {
    my ($class) = @_;
    my $caller = caller;
    strict->import;
    warnings->import;
    if (!defined $ENV{ERP_TEST_MONGO_URL}) {
        my $name = basename($0);
        die "$name needs the servers that ./dev test starts: run ./dev test $name\n";
    }
    $SIG{INT} = $SIG{TERM} = sub { die "interrupted\n" };
    my @more = grep { $_ ne 'done_testing' } @Test::More::EXPORT;
    eval sprintf 'package %s; Test::More->import(import => [qw(%s)]); 1', $caller, "@more" or die $@;
    no strict 'refs';
    *{"${caller}::done_testing"} = \&done_testing;
    *{"${caller}::is_problem"}   = \&is_problem;
    *{"${caller}::doc"}          = \&doc;
    *{"${caller}::wait_until"}   = \&wait_until;
    return;
}

# Starts an instance and waits until it answers. Options: workers (2), login_workers (1), env
# (settings of erpd; undef takes one away), nginx (settings of nginx/settings), plain (true: also
# the plain HTTP listener), watch (true: with a watcher, and wait until it follows), wait (0: do not
# wait, for tests without workers), erpd (program), kept (true: all requests on one connection, for tests of
# thousands).
sub start {
    my ($class, %opt) = @_;
    my ($number) = $0 =~ m{(\d+)-[^/]*$};
    my $self = $class->new(
        root          => $ENV{ERP_TEST_ROOT},
        dir           => tempdir('erpd-t.XXXXXX', TMPDIR => 1),
        tls           => "$ENV{ERP_TEST_DIR}/tls",
        erpd          => $opt{erpd} // $ENV{ERP_TEST_ERPD} // "$ENV{ERP_TEST_BIN}/erpd",
        erpctl        => $opt{watch} ? "$ENV{ERP_TEST_BIN}/erpctl" : undef,
        workers       => $opt{workers} // 2,
        login_workers => $opt{login_workers} // 1,
        port          => free_port(),
        plain_port    => $opt{plain} ? free_port() : 0,
        prefix        => sprintf('t%s_%d_%d_', $number // 'x', $$, $made++),
        nginx         => {
            API_RATE  => '100000r/s', ADDRESS_RATE  => '100000r/s', LOGIN_RATE  => '100000r/m', LOGIN_RATE_ALL  => '100000r/s',
            API_BURST => 10000,       ADDRESS_BURST => 10000,       LOGIN_BURST => 10000,       LOGIN_BURST_ALL => 10000,
            %{ $opt{nginx} || {} },
        },
    );
    $self->{env} = $self->_env($opt{env} || {});
    push @live, $self;
    pipe my $life, $self->{life} or die "pipe: $!\n";
    $self->SUPER::start($life);
    $self->{client} = $opt{kept} ? Erp::Kept->new(base => $self->url, cacert => $self->{cert}) : $self->http;
    if (($opt{wait} // 60) && !$self->wait_ready($opt{wait} // 60)) {
        $self->show_logs;
        Test::More::BAIL_OUT("erpd does not answer") if $ENV{ERP_TEST_BAIL};
        die "erpd does not answer\n";
    }
    wait_until(20, sub { $self->watched }) or die "the watcher does not follow\n" if $opt{watch};
    return $self;
}

# Does a watcher live, as the workers see it?
sub watched { return from_json(($_[0]->erpctl('status', '--json'))[1])->{watcher_alive} }

# Settings of the workers: the run's server, databases of our own, fresh secrets in files.
sub _env {
    my ($self, $given) = @_;
    $self->{jwt_secret} = random_text(32);
    spew("$self->{dir}/JWT_SECRET_KEY", $self->{jwt_secret}, 0600);
    spew("$self->{dir}/SECRET_KEY", $self->{secret_key} = random_text(32), 0600);
    spew("$self->{dir}/MONGO_URL", $ENV{ERP_TEST_MONGO_URL}, 0600);
    my %env = (
        (map { $_ . '_FILE' => "$self->{dir}/$_" } qw(JWT_SECRET_KEY SECRET_KEY MONGO_URL)),
        ADMIN_DB_NAME   => $self->db('admin'),
        DB_NAME         => $self->db('users'),
        ERP_BCRYPT_COST => 10,
        ERP_DB_PATIENCE_MS => 10_000,    # machines that run many tests are slow; 0130 and 0480 undo it
        ERP_RECYCLE_MEMORY => 1 << 33,    # the sanitizers keep what is freed
        ASAN_OPTIONS    => 'abort_on_error=0:exitcode=99:detect_leaks=1',
        UBSAN_OPTIONS   => 'print_stacktrace=1',
        LSAN_OPTIONS    => "suppressions=$self->{root}/t/lsan.supp:print_suppressions=0",
    );
    for my $name (keys %$given) {
        delete $env{"${name}_FILE"};
        $env{$name} = $given->{$name};
        delete $env{$name} if !defined $given->{$name};
    }
    return \%env;
}

# ---- requests: see Erp::Http for the options ----

for my $method (qw(get post put patch delete request)) {
    no strict 'refs';
    *$method = sub {
        my $self = shift;
        my $res = $self->{client}->$method(@_);
        $self->look_for_secrets(join(' ', uc $method, $_[0]), $res->body);
        return $res;
    };
}
sub raw     { my $self = shift; return $self->{client}->raw(@_) }

# The reply of a sign-in that must succeed, decoded: access_token, user.
sub login {
    my ($self, $email, $password) = @_;
    my $res = $self->post('/api/auth/login', { email => $email, password => $password });
    die "sign-in of $email: " . $res->brief . "\n" if $res->status != 200;
    return $res->json;
}

# A token of our own making: claims (hash), header (hash; HS256 by default), key (the instance's).
sub forge_token {
    my ($self, %opt) = @_;
    my $header = $opt{header} // { alg => 'HS256', typ => 'JWT' };
    my $text = join '.', map { encode_base64url(ref $_ ? to_json($_) : $_) } $header, $opt{claims};
    return $text . '.' . encode_base64url(hmac_sha256($text, $opt{key} // $self->{jwt_secret}));
}

# ---- the database, as an administrator ----

# The full name of a database of this instance.
sub db { my ($self, $name) = @_; return $self->{prefix} . $name }

# Runs a command: doc(find => 'products', …), a hash or JSON text; dies when it fails. `db` is
# "admin" (the registry), "users", or what seed_tenant gave as db_name.
sub mongo {
    my ($self, $db, $command) = @_;
    return $self->_eval->run($self->_full($db), $command);
}

# The documents of a find or aggregate.
sub mongo_all {
    my ($self, $db, $command) = @_;
    return $self->_eval->batch($self->_full($db), $command);
}

sub mongo_insert {
    my ($self, $db, $collection, @documents) = @_;
    return $self->mongo($db, doc(insert => $collection, documents => \@documents));
}

sub _full {
    my ($self, $db) = @_;
    return index($db, $self->{prefix}) == 0 ? $db : $self->db($db);
}

sub _eval {
    my ($self) = @_;
    return $self->{eval} //= Erp::MongoEval->new($ENV{ERP_TEST_EVAL}, $ENV{ERP_TEST_MONGO_ROOT_URL});
}

# A registry entry and its admin user, as an operator writes them by hand. Options: slug, email,
# password, tenant_id, role, db_name, entry and user (hashes: more members; undef takes one away).
# Returns what was written: slug, db_name, tenant_id, email, password, user_id.
sub seed_tenant {
    my ($self, %opt) = @_;
    my $slug = $opt{slug} // die "seed_tenant needs a slug\n";
    my %made = (
        slug      => $slug,
        db_name   => $opt{db_name} // $self->db($slug),
        tenant_id => $opt{tenant_id} // uuid(),
        email     => $opt{email} // "admin\@$slug.example",
        password  => $opt{password} // "$slug-password",
    );
    my $now = { '$date' => strftime('%Y-%m-%dT%H:%M:%SZ', gmtime) };
    my %entry = (
        slug => $slug, business_name => ucfirst $slug, business_type => 'computer_shop',
        db_uri => $ENV{ERP_TEST_MONGO_URL}, db_name => $made{db_name}, admin_email => $made{email},
        status => 'active', license_type => 'pro', max_users => 50, max_branches => 10,
        features_enabled => [qw(pos inventory repairs sales analytics services appointments tables patients vehicles
            properties variants offers books pricing custom_orders online_orders shipments job_files customs transport returns warranty)],
        created_at => $now, updated_at => $now, %{ $opt{entry} || {} },
    );
    $self->mongo_insert('admin', 'tenants_registry', _present(%entry));
    $made{user_id} = $self->seed_user(%made, role => $opt{role} // 'tenant_admin', user => $opt{user})->{id};
    return \%made;
}

# A user alone. Options: email, password, role, tenant_id, user (more members). Returns the record.
sub seed_user {
    my ($self, %opt) = @_;
    my $record = _present(
        id => uuid(), email => $opt{email}, full_name => 'Test Person',
        hashed_password => bcrypt($opt{password}), role => $opt{role}, tenant_id => $opt{tenant_id},
        created_at => { '$date' => strftime('%Y-%m-%dT%H:%M:%SZ', gmtime) }, %{ $opt{user} || {} });
    $self->mongo_insert('users', 'users', $record);
    return $record;
}

sub _present {
    my (%members) = @_;
    return { map { defined $members{$_} ? ($_ => $members{$_}) : () } keys %members };
}

my %hashes;

# A bcrypt hash of cost 10, kept for the next use of the same password.
sub bcrypt {
    my ($password) = @_;
    my $salt = substr encode_base64url(pack 'H*', random_text(24)), 0, 22;
    $salt =~ tr/_-/.\//;
    $salt =~ s/.$/O/;    # the last character holds two bits alone
    return $hashes{$password} //= crypt $password, "\$2b\$10\$$salt";
}

sub uuid {
    my $hex = random_text(16);
    $hex =~ s/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/$1-$2-4$3-a$4-$5/;
    return $hex;
}

# ---- checks ----

# An error in problem+json: status, stable code, and everything that such a reply must have.
sub is_problem {
    my ($res, $status, $code, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $json = $res->json;
    my @bad;
    push @bad, "status $status" if $res->status != $status;
    push @bad, 'application/problem+json' if ($res->header('Content-Type') // '') !~ m{^application/problem\+json\b};
    if (ref $json eq 'HASH') {
        push @bad, "member $_" for grep { !defined $json->{$_} } qw(type title status detail code request_id);
        push @bad, "code $code" if defined $code && ($json->{code} // '') ne $code;
        push @bad, 'status in the body' if ($json->{status} // '') ne $status;
        push @bad, 'a sentence as detail' if ($json->{detail} // '') !~ /\S \S/;
        push @bad, 'X-Request-Id equal to request_id'
            if ($res->header('X-Request-Id') // '') ne ($json->{request_id} // '-');
        push @bad, 'errors' if $status == 422 && ref $json->{errors} ne 'ARRAY';
    } else {
        push @bad, 'a JSON object';
    }
    return Test::More::ok(!@bad, $name)
        || Test::More::diag('expected: ', join(', ', @bad), "\n     got: ", $res->brief);
}

# Deaths by signal that this test causes itself are no failure: kills a worker. One that is being
# started again has no pid yet (pids gives 0, which to kill would be our own process group).
sub kill_worker {
    my ($self, $signal, $pid) = @_;
    return 0 if !$pid || $pid < 2;
    $self->{killed}{$pid} = 1;
    return kill $signal, $pid;
}

# What in the logs means that something is broken.
sub troubles {
    my ($self) = @_;
    $self->look_for_secrets($_, slurp($_)) for glob "$self->{log}/*.log";
    my @found = @{ $self->{shown} || [] };
    for my $file (glob "$self->{log}/*.log") {
        for my $line (split /\n/, slurp($file) // '') {
            push @found, "$file: $line"
                if $line =~ /AddressSanitizer|LeakSanitizer|runtime error:|event=watchdog|Assertion .* failed/
                || ($line =~ /event=ended .*pid=(\d+) signal=(\d+)/ && $2 != 0 && $2 != 15 && !$self->{killed}{$1});
        }
    }
    return @found;
}

sub show_logs {
    my ($self) = @_;
    for my $file (glob "$self->{log}/*.log") {
        my @lines = grep { !/level=(info|debug)|^time=.* what=/ } split /\n/, slurp($file) // '';
        splice @lines, 0, @lines - 25 if @lines > 25;
        Test::More::diag("--- $file") if @lines;
        Test::More::diag($_) for @lines;
    }
    return;
}

# ---- the end ----

# Stops the instance, drops its databases (unless its member `leave` is true), and gives what was
# found in its logs.
sub finish {
    my ($self) = @_;
    @live = grep { $_ != $self } @live;
    $self->SUPER::stop;
    close $self->{life} if $self->{life};
    my @troubles = $self->troubles;
    $self->show_logs if @troubles || !Test::More->builder->is_passing;
    # Of thousands that takes a while, for nothing where the server is thrown away with them.
    my $names = $self->{leave} ? {} : $self->_eval->run('admin', doc(listDatabases => 1, nameOnly => \1,
        filter => { name => { '$regex' => "^$self->{prefix}" } }));
    $self->_eval->run($_->{name}, '{"dropDatabase":1}') for @{ $names->{databases} || [] };
    $self->_eval->close;
    remove_tree($self->{dir});
    return @troubles;
}

# As finish, as a test of its own.
sub stop {
    my ($self) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @troubles = $self->finish;
    return Test::More::is(scalar @troubles, 0, 'no crash, no report of a sanitizer, no secret shown')
        || Test::More::diag(join "\n", @troubles);
}

# Stops what still runs, then ends the plan.
sub done_testing {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $_->stop for @live;
    return Test::More::done_testing(@_);
}

END {
    if ($$ == $owner && @live) {
        my $status = $?;
        for my $erp (@live) {
            my @troubles = eval { $erp->finish };
            Test::More::diag($@) if $@;
            next if !@troubles;
            Test::More::diag($_) for @troubles;
            $status ||= 1;
        }
        $? = $status;
    }
}

1;
