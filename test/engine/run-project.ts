/** Small tools to run: a web server in perl that tells what it was given, in all the ways in which a tool can behave. */

import { testBase } from '../support/engine.ts';
import { makeProject, type TestProject } from '../support/project.ts';

/** One word says how it behaves; it takes the home over and becomes dw-user, as the platform's tools do. */
const server = String.raw`
use strict; use warnings; use Socket; use POSIX (); $| = 1;
my ($manner) = @ARGV; my $home = '/home/dw-user'; my $port = 8888;
print "manner: $manner\n"; print "start: $ENV{COMPLAINT}\n" if $ENV{COMPLAINT};
if ($manner eq 'ends') { print "no schema $ENV{SCHEMA_OF_MINE}\n" if $ENV{SCHEMA_OF_MINE}; print "last words\n"; exit 3 }
$SIG{TERM} = $manner eq 'stubborn' ? 'IGNORE' : sub { open(my $f, '>', "$home/stopped"); print "bye\n"; exit 0 };
sleep 1 while $manner eq 'silent';
if ($< == 0) { chown 4356, 4357, $home; POSIX::setgid(4357); POSIX::setuid(4356) }
socket(my $s, PF_INET, SOCK_STREAM, 0); setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
bind($s, sockaddr_in($port, $manner eq 'loopback' ? INADDR_LOOPBACK : INADDR_ANY)) or die $!; listen($s, 64) or die $!;
$SIG{CHLD} = 'IGNORE';
sub slurp { open(my $f, '<', $_[0]) or return ''; local $/; <$f> }
sub connects { socket(my $c, PF_INET, SOCK_STREAM, 0); local $SIG{ALRM} = sub { die "late\n" }; alarm 3; my $ok = eval { connect($c, sockaddr_in(53, inet_aton('198.41.0.4'))) ? 'yes' : "no: $!" } // 'no: late'; alarm 0; $ok }
while (1) {
  accept(my $c, $s) or next;
  my $in = ''; while ($in !~ /\r\n\r\n/) { sysread($c, $in, 65536, length $in) or last }
  next if $in eq '';
  my ($path, $query) = $in =~ m{^\S+ (/[^? ]*)\??(\S*)}; my ($length) = $in =~ /content-length: (\d+)/i; my $got = length($in) - index($in, "\r\n\r\n") - 4;
  if ($path eq '/end') { print "asked to end\n"; exit $query }
  if ($path eq '/say') { print "said: $ENV{$query}\n" }
  if ($path eq '/save') { open(my $f, '>', "$home/$query"); print $f 'saved' }
  if (!fork) {
    $SIG{TERM} = 'DEFAULT';
    while (defined $length && $got < $length) { my $n = sysread($c, my $more, 65536) or last; $got += $n }
    my $body = $path eq '/env' ? unpack('H*', $ENV{$query} // '')
      : $path eq '/lookup' ? (time . ' ' . (inet_aton('example.org') ? 'found' : 'unknown') . ' ' . time) : $path eq '/connect' ? connects() : $path eq '/read' ? slurp("$home/$query")
      : $path eq '/big' ? 'x' x $query : $path eq '/got' ? $got : $path eq '/owner' ? join(':', (stat $home)[4, 5]) : "hello\n";
    my $out = "HTTP/1.1 200 OK\r\nContent-Length: " . length($body) . "\r\nConnection: close\r\n\r\n$body"; my $at = 0;
    while ($at < length $out) { $at += syswrite($c, $out, length($out) - $at, $at) || last }
    POSIX::_exit(0);
  }
  close $c;
}
`;

const manners = ['plain', 'ends', 'stubborn', 'silent', 'loopback', 'sidecar', 'job'] as const;

/** Every manner is a stage of that name; they are built but for `unbuilt`. */
export async function runProject(): Promise<TestProject> {
  const kindOf = (stage: string) => (stage === 'sidecar' || stage === 'job' ? stage : 'tool');
  const project = await makeProject({
    'server.pl': server,
    Dockerfile: [
      `FROM ${testBase()} AS ground`,
      "RUN echo 'dw-user:x:4356:4357::/home/dw-user:/bin/bash' >>/etc/passwd && echo 'dw-user:x:4357:' >>/etc/group && mkdir /home/dw-user",
      'COPY server.pl /',
      ...manners.map((name) => `FROM ground AS ${name}\nCMD ["perl", "/server.pl", "${name}"]`),
      'FROM ground AS unbuilt',
      '',
    ].join('\n'),
    'dwt.yaml': [
      'version: 1',
      'stages:',
      '  ground: {kind: shared}',
      ...[...manners, 'unbuilt'].map(
        (name) =>
          `  ${name}: {kind: ${kindOf(name)}, checks: {http: {path: /, status: 200}, ready-within: ${name === 'silent' || name === 'loopback' ? 4 : 60}s}}`,
      ),
      '',
    ].join('\n'),
  });
  const built = await project.dwt(['build', ...manners]);
  if (built.status !== 0) throw new Error(built.stderr);
  return project;
}
