# Building outside the source tree: below the run folder, in one folder a variant.
#
# The sources are mirrored by symbolic links first, so that neither autoreconf nor a configure run
# in the tree itself ever meets this build.
package Erp::Build;
use strict;
use warnings;
use Fcntl qw(:flock);
use File::Basename qw(dirname);
use File::Find ();
use File::Path qw(make_path remove_tree);
use Erp::Proc qw(on_path);
use Erp::Say qw(step fail run_logged slurp);

# Arguments of configure, by variant.
my %VARIANT = (
    plain => [],
    devel => ['--enable-devel'],
    asan  => ['--enable-devel', '--enable-asan', 'CFLAGS=-O1 -g'],
);

# What a build in the tree leaves there, for trees without git to ask.
my $PRODUCT = qr{^(?:\.run|\.git|build|build-aux|autom4te\.cache)/|/\.deps/|\.dirstamp$|\.(?:o|a|log|trs)$
    |^(?:configure|config\.\w+|config\.h\.in|Makefile(?:\.in)?|stamp-h1|aclocal\.m4|erpd|erpctl|erpd-[\d.]+.*)$}x;

# Builds a variant below the run folder (or ERP_BUILD_DIR, which copies may share); more make
# targets may follow. Returns its folder.
sub make {
    my ($root, $run, $variant, @targets) = @_;
    my $base = folder($run);
    my $source = "$base/src";
    my $dir = "$base/$variant";
    my $log = "$base/$variant.log";
    make_path($source, $dir);
    my $lock = _lock("$base/lock");
    unlink $log;
    _mirror($root, $source);
    if (!-x "$source/configure" || !-e "$source/Makefile.in") {    # the second is missing after a failure
        run_logged({ title => 'autoreconf', log => $log, dir => $source,
            hint => 'are autoconf, automake and pkg-config installed?' }, 'autoreconf', '-i');
    }
    my ($was) = variable($dir, 'abs_srcdir');
    if (!defined $was || $was ne $source) {    # new, or the copy was moved
        remove_tree($dir, { keep_root => 1 });
        run_logged({ title => "configure ($variant)", log => $log, dir => $dir,
            hint => 'the line above names what is missing' }, "$source/configure", '--quiet', @{ $VARIANT{$variant} });
    }
    # One after the other: `all` is a make of its own, and two of them would race for liberp.a.
    for (['all'], @targets ? [@targets] : ()) {
        run_logged({ title => "make ($variant)", log => $log, dir => $dir,
            hint => "repair what the compiler says; after a change of machine, remove $base" },
            'make', '-s', '-j' . _jobs(), @$_);
    }
    return $dir;
}

sub folder {
    my ($run) = @_;
    return $ENV{ERP_BUILD_DIR} || "$run/build";
}

# A variable of the variant's Makefile, as words.
sub variable {
    my ($dir, $name) = @_;
    my $text = slurp("$dir/Makefile") // '';
    $text =~ s/\\\n/ /g;
    return $text =~ /^\Q$name\E\s*=\s*(.*)$/m ? split(' ', $1) : ();
}

# Two commands of one copy do not build at once.
sub _lock {
    my ($file) = @_;
    open my $lock, '>>', $file or fail("cannot write $file: $!");
    if (!flock $lock, LOCK_EX | LOCK_NB) {
        step('Waiting for another build of this copy');
        flock $lock, LOCK_EX;
    }
    return $lock;
}

sub _jobs {
    my ($n) = `nproc 2>/dev/null` =~ /(\d+)/;
    return $n || 2;
}

sub files {
    my ($root) = @_;
    if (-e "$root/.git" && defined on_path('git')) {
        open my $list, '-|', 'git', '-C', $root, 'ls-files', '-co', '--exclude-standard', '-z' or return;
        local $/ = "\0";
        chomp(my @files = <$list>);
        return grep { -f "$root/$_" } @files if close $list;
    }
    my @files;
    File::Find::find({ no_chdir => 1, wanted => sub {
        my $name = substr "$File::Find::name/", length($root) + 1, -1;
        if (-d && "$name/" =~ $PRODUCT) {
            $File::Find::prune = 1;
        } elsif (-f _ && $name !~ $PRODUCT) {
            push @files, $name;
        }
    } }, $root);
    return @files;
}

# A link a source file; links whose file is gone go too.
sub _mirror {
    my ($root, $to) = @_;
    my %wanted = map { $_ => 1 } files($root);
    File::Find::find({ no_chdir => 1, wanted => sub {
        my $name = substr "$File::Find::name/", length($to) + 1, -1;
        unlink $File::Find::name if -l && (!$wanted{$name} || readlink ne "$root/$name");
    } }, $to);
    for my $name (keys %wanted) {
        next if -l "$to/$name";
        fail("$to/$name was edited", "it is a link to $root/$name in a sound copy: move your change there")
            if -e _;
        make_path(dirname("$to/$name"));
        symlink "$root/$name", "$to/$name" or fail("cannot link $to/$name: $!");
    }
    return;
}

1;
