/**
 * Joins its input and output to a port of another container, byte for byte: a process for each direction, so that
 * neither waits for the other.
 *
 * Arguments: address, port.
 */
export const relayScript = String.raw`
use strict; use warnings; use Socket;
my ($address, $port) = @ARGV; my $self = $$; $SIG{PIPE} = 'IGNORE';
socket(my $s, PF_INET, SOCK_STREAM, 0) or die "$!"; connect($s, sockaddr_in($port, inet_aton($address))) or exit 1;
sub copy {
  my ($from, $to) = @_;
  while (sysread($from, my $data, 65536)) { my $at = 0; while ($at < length $data) { $at += syswrite($to, $data, length($data) - $at, $at) || return } }
}
my $reader = fork // die "$!";
if (!$reader) { copy($s, \*STDOUT); kill 'TERM', $self; exit }
copy(\*STDIN, $s); shutdown($s, 1); waitpid($reader, 0);
`;
