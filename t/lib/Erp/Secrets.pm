# Where a key, or the password of a database address, is shown: no log, no output of a program and no reply
# of the suite may.
package Erp::Secrets;
use strict;
use warnings;
use Exporter qw(import);

our @EXPORT_OK = qw(secrets_shown);

# Sentences about what of `words` (and which password in an address) is in some texts.
sub secrets_shown {
    my ($where, $words, @texts) = @_;
    my @all = ((grep { defined && length } @$words),
        map { m{//[^:/@]+:([^@]+)@} } grep { defined } @ENV{qw(ERP_TEST_MONGO_URL ERP_TEST_MONGO_ROOT_URL)});
    my @found;
    for my $text (grep { defined } @texts) {
        my ($address) = $text =~ m{(mongodb(?:\+srv)?://[^:/\s"\@]+:[^*\s"\@][^\s"\@]*\@)};
        push @found, "$where shows the password of a database: $address" if defined $address;
        push @found, "$where shows a secret" if grep { index($text, $_) >= 0 } @all;
    }
    return @found;
}

1;
