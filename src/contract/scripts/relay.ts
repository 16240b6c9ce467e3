/**
 * Carries one connection from its stdin and stdout to an address that only its own network has. It ends when either side
 * hangs up, which on stdin is all that an engine lets a client say.
 *
 * Arguments: address, port.
 */
export const relayScript = String.raw`
use strict; use warnings; use Socket;
my ($address, $port) = @ARGV; $SIG{PIPE} = 'IGNORE';
socket(my $s, PF_INET, SOCK_STREAM, 0) or die "socket: $!\n";
connect($s, sockaddr_in($port, inet_aton($address))) or die "$address:$port: $!\n";
sub carry {
  my ($from, $to) = @_;
  while (sysread($from, my $in, 65536)) { my $at = 0; while ($at < length $in) { $at += syswrite($to, $in, length($in) - $at, $at) // return } }
}
my $parent = $$; my $child = fork // die "fork: $!\n";
$child ? carry(*STDIN, $s) : carry($s, *STDOUT);
kill 'KILL', $child || $parent; exit 0;
`;
