/**
 * What a judged container finds beside it on a network with no way out: a name server that knows no name, and the
 * platform's metadata endpoint.
 *
 * A look-up must end at once, as it does in the platform's own network: without a server, that of an engine 20.10 takes
 * 20 s. Each name asked for is noted with the address that asked, since it tells what an image wanted of the outside.
 * The metadata are of three containers of a task, in the shapes that ECS answers with.
 *
 * Arguments: seconds to live, file that gets lines of `NUMBER ADDRESS NAME`.
 */
export const peerScript = String.raw`
use strict; use warnings; use Socket; use POSIX (); use IO::Handle;
my ($life, $file) = @ARGV; my $count = 0; $| = 1; $SIG{PIPE} = 'IGNORE'; $SIG{TERM} = $SIG{INT} = sub { exit 0 }; alarm $life; $SIG{ALRM} = sub { exit 0 };
socket(my $dns, PF_INET, SOCK_DGRAM, 0) or die $!; bind($dns, sockaddr_in(53, INADDR_ANY)) or die $!;
socket(my $web, PF_INET, SOCK_STREAM, 0) or die $!; setsockopt($web, SOL_SOCKET, SO_REUSEADDR, 1); bind($web, sockaddr_in(80, INADDR_ANY)) or die $!; listen($web, 64);
sub stats {
  my ($id, $name) = @_;
  my $cpu = '{"cpu_usage":{"total_usage":1137691504,"percpu_usage":[696479228,441212276],"usage_in_kernelmode":80000000,"usage_in_usermode":810000000},"system_cpu_usage":9393210000000,"online_cpus":2,"throttling_data":{"periods":0,"throttled_periods":0,"throttled_time":0}}';
  return qq({"read":"2026-01-01T00:00:01.000000000Z","preread":"2026-01-01T00:00:00.000000000Z","pids_stats":{"current":3},"blkio_stats":{"io_service_bytes_recursive":[{"major":202,"minor":26368,"op":"Read","value":638976}]},"num_procs":0,"storage_stats":{},"cpu_stats":$cpu,"precpu_stats":$cpu,"memory_stats":{"usage":6504448,"max_usage":8458240,"stats":{"active_anon":1675264,"cache":557056},"limit":9223372036854772000},"name":"$name","id":"$id","networks":{"eth1":{"rx_bytes":564655295,"tx_bytes":3200}}});
}
my @tasks = (['a' x 64, 'tool'], ['b' x 64, 's3sync'], ['c' x 64, 'metrics'], ['d' x 64, 'aws-fargate-supervisor']);
my $stats = '{' . join(',', map { qq("$_->[0]":) . stats(@$_) } @tasks) . '}';
my $task = '{"Cluster":"default","TaskARN":"arn:aws:ecs:eu-west-2:111122223333:task/default/1","Family":"tool","Revision":"5","DesiredStatus":"RUNNING","KnownStatus":"RUNNING","Containers":['
  . join(',', map { qq({"DockerId":"$_->[0]","Name":"$_->[1]","DockerName":"ecs-tool-5-$_->[1]","Image":"$_->[1]","Labels":{},"DesiredStatus":"RUNNING","KnownStatus":"RUNNING","Limits":{"CPU":256,"Memory":512},"CreatedAt":"2026-01-01T00:00:00Z","StartedAt":"2026-01-01T00:00:00Z","Type":"NORMAL"}) } @tasks) . '],"Limits":{"CPU":0.5,"Memory":1024}}';
# It is there once both sockets are.
open(my $asked, '>', $file) or die $!; $asked->autoflush(1);
while (1) {
  my $r = ''; vec($r, fileno($_), 1) = 1 for ($dns, $web);
  select($r, undef, undef, 60) > 0 or next;
  if (vec($r, fileno($dns), 1) && defined(my $from = recv($dns, my $in, 4096, 0))) {
    my ($id, $flags, $questions) = unpack('n3', $in); my ($at, @labels) = (12);
    while ($at < length $in) { my $n = ord substr($in, $at, 1); last if !$n || $n > 63; push @labels, substr($in, $at + 1, $n); $at += $n + 1 }
    my $name = join '.', @labels; $name =~ s/[^A-Za-z0-9._-]/?/g;
    my (undef, $who) = sockaddr_in($from); $count++; print $asked "$count ", inet_ntoa($who), " $name\n" if length $name;
    send($dns, pack('n6', $id, 0x8183 | ($flags & 0x0100), $questions, 0, 0, 0) . substr($in, 12, $at + 5 - 12), 0, $from);
  }
  if (vec($r, fileno($web), 1) && accept(my $c, $web)) {
    next if fork // 1;
    my $in = ''; my $w = ''; vec($w, fileno($c), 1) = 1;
    while ($in !~ /\r?\n\r?\n/ && select(my $ready = $w, undef, undef, 5) > 0) { sysread($c, $in, 4096, length $in) or last }
    my $body = $in =~ m{^GET \S*/stats[ ?]} ? $stats : $in =~ m{^GET \S*/task[ ?]} ? $task : $in =~ m{^GET /v\d/?[ ?]} ? '{}' : undef;
    syswrite($c, defined $body ? "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " . length($body) . "\r\nConnection: close\r\n\r\n$body" : "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    POSIX::_exit(0);
  }
  1 while waitpid(-1, POSIX::WNOHANG()) > 0;
}
`;
