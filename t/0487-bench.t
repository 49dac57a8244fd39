# The bench of many tenants in small, so that it works when somebody wants figures: no figure is
# judged here but one. What is cached is not asked for again.
use Erp::Test;
use Erp::BenchTenants;

my @lines;
my $figures = Erp::BenchTenants::run(short => 1, url => $ENV{ERP_TEST_MONGO_URL}, start => sub { Erp::Test->start(@_) },
    print => sub { push @lines, sprintf shift, @_ });
note $_ for @lines;
cmp_ok $figures->{"rate_$_"}, '>', 0, "$_ tenants are served" for 1, 20;
cmp_ok $figures->{hits_20}, '>', 0, 'registry entries are looked up';
is $figures->{misses_20}, 0, '... and found in the cache';
is $figures->{"commands_$_"}, 0, "... with $_ tenants no command reaches the registry's database" for 1, 20;
cmp_ok $figures->{commands_cold}, '>', 0, '... as it does, and is counted, when the cache is empty';
cmp_ok $figures->{evictions}, '>=', 6, 'the bench of evictions evicts';
cmp_ok $figures->{miss}, '>', $figures->{hit}, 'a cache miss costs something';
cmp_ok $figures->{chained}, '>', 0, 'audit entries are chained';
is scalar(grep { /[\d.]+ of / } @lines), 8, 'each figure stands beside another of the same run' or diag @lines;

done_testing;
