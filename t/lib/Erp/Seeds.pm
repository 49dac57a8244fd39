# The demo data of seeds/ for tests: a copy whose databases are the instance's own.
package Erp::Seeds;
use strict;
use warnings;
use JSON::PP ();
use Erp::Say qw(slurp spew);

# Pairs of a path below seeds/ and the decoded file, with databases of this instance.
sub _files {
    my ($erp) = @_;
    my $json = JSON::PP->new->utf8;
    my @files;
    for my $path (sort(glob "$erp->{root}/seeds/*.json"), sort(glob "$erp->{root}/seeds/more/*.json")) {
        my ($name) = $path =~ m{/seeds/(.+)$};
        my $data = $json->decode(slurp($path));
        $data->{tenant}{db_name} = $erp->db($data->{tenant}{db_name}) if $data->{tenant};
        push @files, [ $name, $data ];
    }
    return @files;
}

# The folder of the copy, for `erpctl seed --dir`. $change->(data) may change a tenant's file.
sub copy {
    my ($erp, $change) = @_;
    my $dir = "$erp->{dir}/seeds";
    mkdir $_ for $dir, "$dir/more";
    for my $file (_files($erp)) {
        my ($name, $data) = @$file;
        $change->($data) if $change && $data->{tenant};
        spew("$dir/$name", JSON::PP->new->utf8->canonical->encode($data));
    }
    return $dir;
}

# The files of tenants, decoded: tenant, users, records.
sub tenants {
    my ($erp) = @_;
    return grep { $_->{tenant} } map { $_->[1] } _files($erp);
}

1;
