# The sources keep the order of docs/architecture.md: which room may include which, one library
# one file, base.h first, small files, and nothing in the tree about the machine it was written on.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use Test::More;

my $root;
BEGIN { $root = dirname(dirname(abs_path($0))); unshift @INC, "$root/t/lib" }
use Erp::Build;
use Erp::Say qw(slurp);

my %text = map { $_ => slurp("$root/$_") // '' } Erp::Build::files($root);
my @sources = sort grep { m{^src/.*\.(?:c|h|def)$} } keys %text;
cmp_ok scalar @sources, '>', 50, 'sources found';

# The rooms in their order, each with what it may know, out of the table in the documentation.
my (@rooms, %knows);
for my $line (split /\n/, $text{'docs/architecture.md'}) {
    my ($names, $knows) = $line =~ /^\| (`src\/[^|]*) \|[^|]*\| ([^|]*?) \|$/ or next;
    my @named = $names =~ m{`src/([^`]+)`}g;
    push @rooms, @named;
    @knows{@named} = ($knows) x @named;
}
is_deeply [grep { !/\./ } @rooms], [qw(core paper db tenant auth http engine platform trade resources actions commands)],
    'the rooms of docs/architecture.md';

# Every #include as [file, line number, name, "<" or the quote].
my @includes;
for my $file (@sources) {
    my $number = 0;
    for my $line (split /\n/, $text{$file}) {
        $number++;
        push @includes, [$file, $number, $2, $1] if $line =~ /^\s*#\s*include\s*(["<])([^">]+)[">]/;
    }
}

# A list of faults, which must be empty; names them otherwise.
sub is_none {
    my ($found, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return ok(!@$found, $name) || diag(join "\n", @$found);
}

sub room_of {
    my ($path) = @_;
    return $path =~ m{^([^/]+)/} ? $1 : '';    # "" is the top level
}

sub may_include {
    my ($from, $to) = @_;
    return 1 if $from eq $to || $from eq '';
    my $knows = $knows{$from} // return 0;
    my %place = map { $rooms[$_] => $_ } 0 .. $#rooms;
    return defined $place{$to} && $place{$to} < $place{$from} if $knows eq 'all above';
    return scalar grep { $_ eq $to } split /, /, $knows;
}

subtest 'a room includes only rooms above it' => sub {
    my %allowed = (
        # The list of descriptors is a macro table: names, and nothing of the room's code.
        'src/engine/resource.c' => 'resources/list.def',
    );
    my @bad;
    for my $include (@includes) {
        my ($file, $number, $name, $kind) = @$include;
        next if $kind eq '<' || $name eq 'base.h' || ($allowed{$file} // '') eq $name;
        next if $file eq 'src/base.h' && $name eq 'config.h';
        push @bad, "$file:$number: $name is not in src" if !defined $text{"src/$name"};
        push @bad, "$file:$number: $name" if !may_include(room_of($file =~ s{^src/}{}r), room_of($name));
    }
    is_none(\@bad, 'none looks down');
    my @unknown = grep { m{^src/([^/]+)/} && !defined $knows{$1} } @sources;
    is_none(\@unknown, 'every folder is a room of the documentation');
};

subtest 'one library, one place' => sub {
    my %only = (
        'fcgiapp.h'       => qr{^src/http/fcgi\.c$},
        'fcgi_stdio.h'    => qr{^$},
        'jwt.h'           => qr{^src/auth/token\.c$},
        'curl/curl.h'     => qr{^src/commands/fetch\.c$},
        'crypt.h'         => qr{^src/auth/password\.c$},
        'archive.h'       => qr{^src/platform/archive_(?:un)?pack\.c$},
        'archive_entry.h' => qr{^src/platform/archive_(?:un)?pack\.c$},
        'hpdf.h'          => qr{^src/paper/pdf_priv\.h$},
        'hpdf_fontdef.h'  => qr{^src/paper/pdf_priv\.h$},
        'png.h'           => qr{^src/paper/picture\.c$},
        'qrencode.h'      => qr{^src/paper/qr\.c$},
        'systemd/sd-daemon.h' => qr{^src/http/fcgi\.c$},
        # Connections, commands and cursors. The engine builds filters and documents out of its
        # rows, and meets the database through db/scope.h alone.
        'mongoc/mongoc.h' => qr{^src/(?:db|tenant)/|^src/engine/(?:kind|cursor)\.h$},
        'mongoc.h'        => qr{^$},
        'bson.h'          => qr{^$},
        'bson/bson.h'     => qr{^src/(?:db|engine)/},
    );
    my @bad = map { "$_->[0]:$_->[1]: $_->[2]" }
        grep { $only{ $_->[2] } && $_->[0] !~ $only{ $_->[2] } } @includes;
    is_none(\@bad, 'no other file sees it');
    my @calls;
    for my $file (grep { m{^src/} && !m{^src/(?:db|tenant)/} } @sources) {
        push @calls, "$file: $1" while $text{$file} =~ /\b(mongoc_(?:client|collection|database|uri|cursor|bulk|session)\w*)\s*\(/g;
    }
    is_none(\@calls, 'only db and tenant call the driver');
    my %system = map { $_ => 1 } qw(getopt.h poll.h spawn.h stdatomic.h grp.h pwd.h signal.h termios.h dirent.h
        sys/file.h sys/mman.h sys/prctl.h sys/random.h sys/resource.h sys/wait.h sys/un.h),
        qw(sodium.h jansson.h), keys %only;
    my @strange = map { "$_->[0]:$_->[1]: $_->[2]" }
        grep { $_->[3] eq '<' && $_->[0] ne 'src/base.h' && !$system{ $_->[2] } } @includes;
    is_none(\@strange, 'no library that nobody spoke of');
};

subtest 'base.h comes first' => sub {
    my @bad = grep { ($text{$_} =~ /^\s*#\s*include\s*(\S+)/m ? $1 : '') ne '"base.h"' }
        grep { /\.c$/ } @sources, grep { m{^t/[^/]*\.c$} } sort keys %text;
    is_none(\@bad, 'in every source file');
    my (@guards, %seen);
    for my $file (grep { /\.h$/ } @sources) {
        push @guards, $file if $text{$file} !~ /^#ifndef (ERP_\w+_H)\n#define \1\n/m || $seen{$1}++;
    }
    is_none(\@guards, 'headers guard themselves, each by a name of its own');
};

subtest 'small files' => sub {
    my @long = grep { $text{$_} =~ tr/\n// > 400 } @sources, grep { m{^(?:t/lib/.*\.pm|t/\d.*\.t)$} } sort keys %text;
    is_none(\@long, 'none has more than 400 lines');
    my @wide;
    for my $file (@sources) {
        my $number = 0;
        for my $line (split /\n/, $text{$file}) {
            $number++;
            utf8::decode($line);
            push @wide, "$file:$number" if length $line > 100;
        }
    }
    is_none(\@wide, 'no line is wider than 100 columns');
    my @tabs = grep { /\.(?:c|h|def|pm|t)$/ && $text{$_} =~ /\t/ } sort keys %text;
    is_none(\@tabs, 'no tabs in the code');
    my @ends = grep { /\.(?:c|h|def|pm|t|md|json|am|ac|in)$/ && length $text{$_}
        && ($text{$_} =~ /[ \t]\n/ || $text{$_} !~ /[^\n]\n\z/) } sort keys %text;
    is_none(\@ends, 'no spaces before line ends, one line end at the end');
};

subtest 'the tree speaks of itself alone' => sub {
    # Written so that this file does not find itself.
    my @words = (
        qr{/wor[k]/}, qr{/tmp/[a-z]/}, qr{/hom[e]/\w}, qr{/User[s]/\w}, qr/\bTO[D]O\b/, qr/\bFIX[M]E\b/, qr{(?://|/\*|#) *XX[X]\b},
        qr/DESIG[N]\.md/, qr/seed docum[e]nt/i, qr/\bissue #?\d/i, qr/sub-?age[n]t/i,
        qr/\bpypi\.or[g]\b/i, qr/pythonhoste[d]/i, qr/npmj[s]/i, qr/proxy\.golan[g]/i, qr/rubygem[s]/i, qr/crates\.i[o]\b/i,
        qr/\b(?:chatgp[t]|claud[e]|anthropi[c]|openai[\b.])/i,
        qr/^<{7} |^>{7} /m,
    );
    my @found;
    for my $file (sort keys %text) {
        for my $word (@words) {
            push @found, "$file: $&" if $text{$file} =~ $word;
        }
    }
    is_none(\@found, 'no path of a machine, no leftover, no stranger');
};

done_testing;
