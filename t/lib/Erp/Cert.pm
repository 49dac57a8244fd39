# A self-made certificate for localhost and 127.0.0.1, which clients trust by naming its file.
package Erp::Cert;
use strict;
use warnings;
use File::Path qw(make_path);
use Erp::Say qw(run_logged);

# Makes cert.pem and key.pem in a folder unless they are there and last another day. Returns both
# paths.
sub ensure {
    my ($dir, $log) = @_;
    my ($cert, $key) = ("$dir/cert.pem", "$dir/key.pem");
    return ($cert, $key) if -s $key && -s $cert
        && system("openssl x509 -in '$cert' -noout -checkend 86400 >/dev/null 2>&1") == 0;
    make_path($dir, { mode => 0700 });
    my $mask = umask 077;
    run_logged(
        { title => 'certificate for localhost', log => $log, quiet => 1, hint => 'is openssl installed?' },
        'openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1',
        '-nodes', '-days', '397', '-subj', '/CN=localhost',
        '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1',
        '-keyout', $key, '-out', $cert);
    umask $mask;
    chmod 0644, $cert;
    return ($cert, $key);
}

1;
