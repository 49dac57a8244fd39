# The bench of lists in small, so that it works when somebody wants figures: none of them is judged
# here, but each is there.
use Erp::Test;
use Erp::BenchLists;

my @lines;
my $figures = Erp::BenchLists::run(short => 1, start => sub { Erp::Test->start(@_) },
    print => sub { push @lines, sprintf shift, @_ });
note $_ for @lines;
cmp_ok scalar keys %{ $figures->{kinds} }, '>=', 30, 'lists of every kind';
is $figures->{kinds}{product}, 1, 'beside products';
is_deeply [ sort keys %{ $figures->{pages} } ], [ 'first page', 'page by name', 'page from the middle' ], 'and pages';
is scalar(grep { / of it/ } @lines), 3 + keys %{ $figures->{kinds} }, 'each figure stands beside another of the same run';

done_testing;
