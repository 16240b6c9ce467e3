/**
 * JSON out of perl-base, which has no module for it. Strings are bytes: one character per byte, so that nothing is lost
 * on the way and the reader decides what is text. Numbers are scalar references, so that "5432" stays a string.
 */
export const perlJson = String.raw`
sub J {
  my $v = shift;
  return 'null' unless defined $v;
  my $r = ref $v;
  return '[' . join(',', map { J($_) } @$v) . ']' if $r eq 'ARRAY';
  return '{' . join(',', map { J("$_") . ':' . J($v->{$_}) } sort keys %$v) . '}' if $r eq 'HASH';
  return 0 + $$v if $r eq 'SCALAR';
  my $s = "$v";
  $s =~ s/([^\x20\x21\x23-\x5b\x5d-\x7e])/sprintf('\u%04x', ord $1)/ge;
  return '"' . $s . '"';
}
`;
