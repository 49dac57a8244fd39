# The documentation tells the truth: links lead somewhere, commands, settings, error codes and log
# events exist, and the changes that docs/add-a-resource.md and docs/add-an-action.md show can be made to
# this tree, compile without a warning and bring the routes they promise.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Copy qw(copy);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use Test::More;

my $root;
BEGIN { $root = dirname(dirname(abs_path($0))); unshift @INC, "$root/t/lib" }
use Erp::Build;
use Erp::Json qw(from_json);
use Erp::Say qw(slurp spew);

my $devel = $ENV{ERP_TEST_DEVEL_BIN} // die "run me by ./dev test\n";
my @files = Erp::Build::files($root);
my @pages = sort grep { m{^(?:README|docs/[^/]+)\.md$} } @files;
my %text = map { $_ => slurp("$root/$_") } @pages;
my $source = join "\n", map { slurp("$root/$_") } grep { m{^(?:src|nginx|systemd)/|^dev$|^t/lib/} } @files;

sub is_none {
    my ($found, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return ok(!@$found, $name) || diag(join "\n", @$found);
}

# Calls $fault->(match) for every match in every page; it returns what is wrong, or nothing.
sub each_match {
    my ($pattern, $name, $fault) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my (@bad, $seen);
    for my $page (@pages) {
        while ($text{$page} =~ /$pattern/g) {
            $seen++;
            my $what = $1;
            push @bad, "$page: $what" if $fault->($what, $page);
        }
    }
    ok($seen, "$name: some are found");
    return is_none(\@bad, $name);
}

# --- words

each_match(qr/\]\(((?!https?:)[^)#]+)/, 'links lead to files', sub { !-e "$root/" . ($_[1] =~ m{^docs/} ? 'docs/' : '') . $_[0] });
each_match(qr/`((?:src|t|nginx|systemd|seeds|docs)\/[\w.\/@-]*\w)`/, 'files that are named exist or are made by the page', sub {
    my ($file, $page) = @_;
    return !-e "$root/$file" && $file !~ /NNNN/ && !grep { index($_->[1], $file) == 0 } blocks($text{$page});
});
my $overview = `'$devel/erpctl' --help`;
each_match(qr/\berpctl ((?:tenant|user|cache) [a-z]+|[a-z]+\b)(?= |`|$)/m, 'commands of erpctl exist', sub { $overview !~ /^  \Q$_[0]\E\b/m });
my $dev_usage = `'$root/dev' help`;
each_match(qr/\.\/dev ([a-z]+)/, 'commands of ./dev exist', sub { $dev_usage !~ /^  \Q$_[0]\E\b/m });
my $help = `'$devel/erpd' --help`;
each_match(qr/`?erpd (--[a-z-]+)/, 'options of erpd exist', sub { $help !~ /^  \Q$_[0]\E\b/m });
each_match(qr/\b((?:ERP|JWT|ADMIN|DEFAULT|MONGO|SECRET)_[A-Z_]+[A-Z])\b/, 'settings exist', sub {
    my ($name) = $_[0] =~ /^(.*?)(?:_FILE)?$/;
    return $help !~ /^  \Q$name\E$/m && $dev_usage !~ /\b\Q$name\E\b/ && $source !~ /\b\Q$name\E +=> /;
});
my %code = map { (split /\t/)[1] => 1 } split /\n/, `'$devel/erpd' --errors`;
each_match(qr/\b[45]\d\d `(\w+)`/, 'error codes exist', sub { !$code{ $_[0] } });
each_match(qr/event=(\w+)/, 'log events exist', sub { $source !~ /"\Q$_[0]\E"|event=\Q$_[0]\E/ });
for my $page (@pages) {
    my @long = grep { my $line = $_; utf8::decode($line); length $line > 120 && $line !~ /^\|/ } split /\n/, $text{$page};
    is_none(\@long, "$page: no line beyond 120 columns");
}

# --- the changes that two pages show

# The blocks of a page: [kind, path, text]. A diff names its files; of others it is the last path in
# backticks before the block.
sub blocks {
    my ($text) = @_;
    my @found;
    my $path = '';
    while ($text =~ /^```(\w*)\n(.*?)^```$|`((?:src|t)\/[\w.\/-]+\.\w+)`/gms) {
        my ($kind, $body, $named) = ($1, $2, $3);
        if (defined $named)     { $path = $named }
        elsif ($kind eq 'diff') { push @found, [ 'diff', $body =~ /^\+\+\+ b\/(\S+)$/m, $body ] }
        elsif ($kind =~ /^(?:c|json|perl)$/) { push @found, [ 'new', $path, $body ] }
    }
    return @found;
}

# What a page shows of the tree as it is: every file as it would be after the patch, line by line.
sub is_applied {
    my ($patch) = @_;
    my @files = split /^(?=--- )/m, $patch;
    for my $part (@files) {
        my ($path) = $part =~ /^\+\+\+ b\/(\S+)$/m or next;
        my $file = slurp("$root/$path") // '';
        $part =~ s/^(?:---|\+\+\+) .*\n//mg;
        for my $hunk (grep { length } split /^@@.*\n/m, $part) {
            my $after = join '', map { /^[ +](.*\n)/ ? $1 : () } split /^/, $hunk;
            my $count = () = $file =~ /^\Q$after\E/mg;
            is $count, 1, "$path is as the page shows it";
        }
    }
    return;
}

for my $page (@pages) {
    is_applied($1) while $text{$page} =~ /^```patch\n(.*?)^```$/gms;
}

# The text after a diff whose hunks are found by their lines alone; dies when one is not there once.
sub patched {
    my ($text, $diff) = @_;
    $diff =~ s/^(?:---|\+\+\+) .*\n//mg;
    for my $hunk (grep { length } split /^@@.*\n/m, $diff) {
        my $before = join '', map { /^[ -](.*\n)/ ? $1 : () } split /^/, $hunk;
        my $after  = join '', map { /^[ +](.*\n)/ ? $1 : () } split /^/, $hunk;
        my $count = () = $text =~ /^\Q$before\E/mg;
        die "stands there $count times:\n$before" if $count != 1;
        $text =~ s/^\Q$before\E/$after/m;
    }
    return $text;
}

sub run_in {
    my ($dir, @command) = @_;
    my $pid = open my $out, '-|';
    die "fork: $!\n" if !defined $pid;
    if ($pid == 0) {
        open STDERR, '>&', \*STDOUT;
        chdir $dir;
        exec @command or POSIX::_exit(127);
    }
    my $text = do { local $/; <$out> } // '';
    close $out;
    return ($? >> 8, $text);
}

my $dir = tempdir('erpd-t.XXXXXX', TMPDIR => 1, CLEANUP => 1);
spew("$dir/show.mk", "include Makefile\nshow:\n\t\@echo \$(CC) \$(DEFS) -I. \$(AM_CFLAGS) \$(CFLAGS)\n\t\@echo "
    . "\$(AM_LDFLAGS) \$(LDFLAGS) src/erpd.o XX liberp.a \$(LIBS_ALL) \$(LIBS)\n");
my ($status, $shown) = run_in($devel, 'make', '-s', '-f', "$dir/show.mk", 'show');
my ($compile, $link) = split /\n/, $shown;
is $status, 0, 'how the compiler is called' or diag $shown;

for my $page (qw(docs/add-a-resource.md docs/add-an-action.md)) {
    subtest "the change of $page" => sub {
        my ($copy) = $page =~ m{([^/]+)\.md$};
        $copy = "$dir/$copy";
        for my $file (grep { m{^src/|^Makefile\.am$} } @files) {
            make_path(dirname("$copy/$file"));
            copy("$root/$file", "$copy/$file");
        }
        my @units = ('src/engine/resource.c');    # it includes the list
        for my $block (blocks($text{$page})) {
            my ($kind, $path, $body) = @$block;
            make_path(dirname("$copy/$path"));
            ok !-e "$root/$path", "$path is new" if $kind eq 'new';
            my $made = $kind eq 'new' ? $body : eval { patched(slurp("$copy/$path"), $body) };
            ok defined $made, "$path can be changed" or return diag $@;
            ok defined from_json($made), "$path is JSON" if $path =~ /\.json$/;
            spew("$copy/$path", $made);
            push @units, $path if $path =~ /\.c$/ && !grep { $_ eq $path } @units;
            if ($path =~ /\.t$/) {
                my ($bad, $said) = run_in($root, $^X, '-It/lib', '-c', "$copy/$path");
                ok !$bad || $said =~ /needs the servers/, "$path is Perl" or diag $said;
            }
        }
        my $makefile = slurp("$copy/Makefile.am");
        like $makefile, qr/\s\Q$_\E\s/, "$_ is in Makefile.am" for @units;
        my @objects;
        for my $unit (@units) {
            push @objects, "$copy/" . ($unit =~ s{/}{_}gr) . '.o';
            my ($bad, $said) = run_in($devel, 'sh', '-c', "$compile -I'$copy/src' -c -o '$objects[-1]' '$copy/$unit'");
            is "$bad$said", '0', "$unit compiles";
        }
        (my $all = $link) =~ s/ XX / @objects /;
        my ($bad, $said) = run_in($devel, 'sh', '-c', "gcc $all -o '$copy/erpd'");
        is $bad, 0, 'linked' or return diag $said;
        is_deeply [ run_in($copy, './erpd', '--lint') ], [ 0, '' ], 'the tables are sound';
        (undef, my $routes) = run_in($copy, './erpd', '--routes');
        my @promised = $text{$page} =~ /^((?:GET|POST|PUT|PATCH|DELETE)\t\S+)\t/mg;
        push @promised, "$1\t$2" while $text{$page} =~ /^\+ +\.method = "(\w+)", \.path = "([^"]+)"/mg;
        ok scalar @promised, 'routes are promised';
        like $routes, qr/^\Q$_\E\t/m, $_ for @promised;
    };
}

done_testing;
