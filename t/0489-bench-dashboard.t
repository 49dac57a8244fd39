# The bench of dashboards in small, so that it works when somebody wants figures: none of them is
# judged here, but each is there.
use Erp::Test;
use Erp::BenchDashboard;

my @lines;
my $figures = Erp::BenchDashboard::run(short => 1, start => sub { Erp::Test->start(@_) },
    print => sub { push @lines, sprintf shift, @_ });
note $_ for @lines;
is_deeply [ sort keys %{ $figures->{ms} } ],
    [ 'branches, a month', 'chart of a week', 'dashboard', 'products, a month', 'profit, a year' ], 'dashboards and reports';
is scalar(grep { / of it/ } @lines), 5, 'each figure stands beside another of the same run';
like $lines[0], qr/^past days added up in [\d.]+ s: 1\d\d\d days/, 'what adding up takes is told';

done_testing;
