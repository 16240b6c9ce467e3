/**
 * Joins its input and output to a port of another container, byte for byte: a process for each direction, so that
 * neither waits for the other. It is over when the other container has said all.
 *
 * Arguments: address, port.
 */
export const relayScript = String.raw`
use strict; use warnings; use Socket;
my ($address, $port) = @ARGV; $SIG{PIPE} = 'IGNORE'; $SIG{CHLD} = sub { wait; exit };
socket(my $s, PF_INET, SOCK_STREAM, 0) or die "socket: $!\n";
connect($s, sockaddr_in($port, inet_aton($address))) or die "$address:$port: $!\n";
sub copy {
  my ($from, $to) = @_;
  while (sysread($from, my $data, 65536)) { my $at = 0; while ($at < length $data) { $at += syswrite($to, $data, length($data) - $at, $at) || return } }
}
if (!(fork // die "$!")) { copy($s, \*STDOUT); exit }
copy(\*STDIN, $s); shutdown($s, 1); sleep;
`;
