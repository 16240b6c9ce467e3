/**
 * Reads what a container's processes, sockets and files say, from a container that shares its network and its process
 * table. Nothing of the judged image is needed for it; its shell and its sudo are run where it has them, since what
 * they do is the question.
 *
 * Arguments: port, user id, group id, home, then the names of the environment variables to look for. Prints one JSON
 * object.
 */
import { perlJson } from './json.ts';

const processes = String.raw`
sub slurp { my ($path, $limit) = @_; open(my $f, '<:raw', $path) or return undef; my $data = '';
  while (sysread($f, my $chunk, 65536)) { $data .= $chunk; last if $limit && length $data > $limit } return $data }
sub deref { my $r = shift; return $$r }
sub numbers { [map { \($_ + 0) } split ' ', $_[0]] }

sub listeners {
  my ($port, @found) = @_;
  for my $family (4, 6) {
    open(my $f, '<', '/proc/net/tcp' . ($family == 6 ? '6' : '')) or next;
    while (<$f>) {
      my @c = split ' ';
      next unless @c > 9 && $c[3] eq '0A' && $c[1] =~ /^([0-9A-F]+):([0-9A-F]{4})$/ && hex $2 == $port;
      # Each word of an address is printed in the order of the host's bytes.
      my $bytes = pack('L*', map { hex } unpack('(A8)*', $1));
      push @found, { family => \$family, address => Socket::inet_ntop($family == 4 ? AF_INET : AF_INET6, $bytes), uid => \($c[7] + 0), inode => $c[9] };
    }
  }
  return \@found;
}

# The values of the wanted variables that a process was started with. One that has overwritten that memory (nginx and
# PostgreSQL keep their title there) is searched for the copies that it made.
sub environment {
  my ($pid, @wanted) = @_;
  my $raw = slurp("/proc/$pid/environ");
  return { source => 'unreadable', values => {} } unless defined $raw;
  my %wanted = map { $_ => 1 } @wanted;
  my (%values, $entries);
  for (split /\0/, $raw) { next unless /^([^=]+)=(.*)$/s; $entries++; push @{ $values{$1} }, $2 if $wanted{$1}; }
  return { source => 'environ', values => \%values } if $entries || $raw eq '';
  my $budget = 268435456;
  open(my $memory, '<:raw', "/proc/$pid/mem") or return { source => 'unreadable', values => {} };
  my $names = join '|', map { quotemeta } @wanted;
  for my $map (split /\n/, slurp("/proc/$pid/maps") // '') {
    next unless $map =~ /^([0-9a-f]+)-([0-9a-f]+) rw\S+ \S+ \S+ 0\s*(\S*)/ && ($3 eq '' || $3 eq '[heap]');
    my ($from, $size) = (hex $1, hex($2) - hex($1));
    next if $size > $budget; $budget -= $size;
    sysseek($memory, $from, 0) or next;
    my $data = ''; while (length $data < $size) { my $n = sysread($memory, $data, $size - length $data, length $data); last unless $n }
    while ($data =~ /(?:^|\0)($names)=([^\0]{0,4096})(?=\0)/g) { my ($k, $v) = ($1, $2); push @{ $values{$k} }, $v unless grep { $_ eq $v } @{ $values{$k} // [] }; }
  }
  return { source => 'memory', values => \%values };
}

sub processes {
  my ($inodes, @wanted) = @_;
  my (@all);
  my $mine = readlink('/proc/self/ns/mnt');
  opendir(my $proc, '/proc') or return [];
  for my $pid (sort { $a <=> $b } grep { /^\d+$/ } readdir $proc) {
    my $namespace = readlink("/proc/$pid/ns/mnt");
    next if defined $namespace && $namespace eq $mine;
    my $status = slurp("/proc/$pid/status") // next;
    next if $status =~ /^State:\s+[ZX]/m;
    my ($name) = $status =~ /^Name:\t(.*)$/m; my ($ppid) = $status =~ /^PPid:\s+(\d+)/m;
    my ($uid) = $status =~ /^Uid:\s+(.*)$/m; my ($gid) = $status =~ /^Gid:\s+(.*)$/m; my ($groups) = $status =~ /^Groups:[ \t]*(.*)$/m;
    my ($caps) = $status =~ /^CapEff:\s+([0-9a-f]+)/m;
    my %held;
    if (opendir(my $fds, "/proc/$pid/fd")) {
      for (readdir $fds) { my $to = readlink("/proc/$pid/fd/$_") // next; $held{$1} = 1 if $to =~ /^socket:\[(\d+)\]$/ && $inodes->{$1}; }
    }
    my @threads;
    if (%held && opendir(my $tasks, "/proc/$pid/task")) {
      for my $task (grep { /^\d+$/ } readdir $tasks) {
        my $own = slurp("/proc/$pid/task/$task/status") // next;
        my ($u) = $own =~ /^Uid:\s+(.*)$/m; my ($g) = $own =~ /^Gid:\s+(.*)$/m;
        push @threads, { id => \($task + 0), uid => numbers($u), gid => numbers($g) } if "$u/$g" ne "$uid/$gid";
      }
    }
    push @all, { pid => \($pid + 0), parent => \($ppid + 0), name => $name, command => substr(join(' ', split /\0/, slurp("/proc/$pid/cmdline", 4096) // ''), 0, 200),
      uid => numbers($uid), gid => numbers($gid), groups => numbers($groups // ''), capabilities => $caps // '', sockets => [sort keys %held], threads => \@threads,
      environment => %held ? environment($pid, @wanted) : undef };
  }
  return \@all;
}
`;

const files = String.raw`
sub statOf { my @s = lstat $_[0] or return undef; return { path => $_[0], mode => \($s[2]), uid => \($s[4]), gid => \($s[5]) } }

# Every file of a path that decides who can replace its last one, links followed.
sub chain {
  my ($path, $depth) = (@_, 0); my (@found, %seen);
  my @todo = ($path);
  while (defined(my $next = shift @todo)) {
    last if @found > 64;
    my $at = '';
    my @parts = grep { length } split m{/}, $next;
    for my $i (0 .. $#parts) {
      my $here = "$at/$parts[$i]";
      my $s = statOf($here);
      if (!$s) { push @found, { path => $here, missing => \1 }; last }
      $s->{link} = readlink($here) if -l $here;
      push @found, $s unless $seen{$here}++;
      if (-l $here) {
        my $to = $s->{link}; $to = "$at/$to" unless $to =~ m{^/};
        my @flat; for (split m{/}, join('/', $to, @parts[$i + 1 .. $#parts])) { next if $_ eq '' || $_ eq '.'; if ($_ eq '..') { pop @flat } else { push @flat, $_ } }
        push @todo, '/' . join('/', @flat); last;
      }
      $at = $here;
    }
  }
  return \@found;
}

my %getxattr = ('x86_64' => 192, 'aarch64' => 9, 'riscv64' => 9, 's390x' => 228, 'ppc64le' => 213);
sub capabilities {
  my ($path, $number) = @_; return undef unless $number;
  my $name = 'security.capability'; my $value = "\0" x 64;
  my $n = syscall($number, $path, $name, $value, 64);
  return undef if $n < 8;
  my ($magic, @words) = unpack('V*', substr($value, 0, $n));
  return sprintf('%08x%08x', $n >= 20 ? $words[2] : 0, $words[0]);
}
# Files that give whoever runs them another user, group or capability.
sub privileged {
  my ($number, @also) = @_; my (@found, $count); my @todo = ('/', @also);
  my $device = (lstat '/')[0];
  while (defined(my $folder = shift @todo)) {
    opendir(my $d, $folder) or next;
    for my $entry (readdir $d) {
      next if $entry eq '.' || $entry eq '..';
      my $path = $folder eq '/' ? "/$entry" : "$folder/$entry";
      my @s = lstat $path or next;
      my $type = $s[2] & 0170000;
      if ($type == 0040000) { push @todo, $path if $s[0] == $device; next }
      next unless $type == 0100000;
      $count++;
      my $set = $s[2] & 06000;
      my $caps = $s[2] & 0111 ? capabilities($path, $number) : undef;
      push @found, { path => $path, mode => \($s[2]), uid => \($s[4]), gid => \($s[5]), capabilities => $caps } if $set || defined $caps;
    }
  }
  return { files => \$count, found => \@found };
}
`;

const actions = String.raw`
# Runs something in the judged container's file system, as a user of it; answers exit code (undef: killed), stdout, stderr.
sub become { my ($uid, $gid) = @_; $) = "$gid $gid"; POSIX::setgid($gid); POSIX::setuid($uid); }
sub run {
  my ($uid, $gid, $limit, $env, @command) = @_;
  pipe(my $or, my $ow); pipe(my $er, my $ew);
  my $pid = fork // return { error => "$!" };
  if (!$pid) {
    open(STDIN, '<', '/dev/null'); open(STDOUT, '>&', $ow); open(STDERR, '>&', $ew); close $_ for ($or, $er, $ow, $ew);
    POSIX::setsid(); become($uid, $gid) if $uid; %ENV = %$env; chdir '/'; exec { $command[0] } @command; print STDERR "$!"; POSIX::_exit(127);
  }
  close $ow; close $ew;
  my ($out, $err, $until, %open) = ('', '', now() + $limit, (o => $or, e => $er));
  while (%open && now() < $until) {
    my $r = ''; vec($r, fileno($_), 1) = 1 for values %open;
    next unless select($r, undef, undef, 0.2) > 0;
    for my $k (keys %open) { next unless vec($r, fileno($open{$k}), 1);
      my $n = sysread($open{$k}, my $chunk, 65536); if (!$n) { delete $open{$k}; next } $k eq 'o' ? ($out .= $chunk) : ($err .= $chunk); }
  }
  my $late = %open ? 1 : 0; kill 'KILL', -$pid, $pid if $late; waitpid($pid, 0);
  return { command => join(' ', @command), code => $? & 127 ? undef : \($? >> 8), out => substr($out, 0, 16384), err => substr($err, 0, 4096), late => \$late };
}
sub canWrite {
  my ($folder, $uid, $gid) = @_; pipe(my $r, my $w);
  my $pid = fork // return "$!";
  if (!$pid) { close $r; become($uid, $gid); my $file = "$folder/.dwt-probe-$$"; my $why = '';
    if (sysopen(my $f, $file, O_CREAT | O_EXCL | O_WRONLY, 0600)) { syswrite($f, 'x') or $why = "$!"; close $f; unlink $file } else { $why = "$!" }
    syswrite($w, $why) if length $why; POSIX::_exit(0) }
  close $w; my $why = do { local $/; <$r> }; waitpid($pid, 0); return $why // '';
}
# A login shell as a terminal of the tool starts it: its profile files run, then it replaces itself, so that the kernel
# shows exactly what a program started in that terminal gets.
sub terminal {
  my ($shell, $uid, $gid, $home, $environ, @wanted) = @_;
  pipe(my $ir, my $iw); pipe(my $or, my $ow);
  my $pid = fork // return undef;
  if (!$pid) {
    open(STDIN, '<&', $ir); open(STDOUT, '>&', $ow); open(STDERR, '>', '/dev/null'); close $_ for ($ir, $iw, $or, $ow);
    POSIX::setsid(); become($uid, $gid); %ENV = map { /^([^=]+)=(.*)$/s ? ($1, $2) : () } split /\0/, $environ; chdir $home or chdir '/';
    exec { $shell } $shell, '-l', '-c', 'exec "$0" -c "echo dwt-terminal; read x"', $shell; POSIX::_exit(127);
  }
  close $ir; close $ow; my ($said, $until) = ('', now() + 10);
  while ($said !~ /dwt-terminal\n/ && now() < $until) { my $r = ''; vec($r, fileno($or), 1) = 1; next unless select($r, undef, undef, 0.2) > 0; sysread($or, $said, 4096, length $said) or last }
  my $found = $said =~ /dwt-terminal\n/ ? environment($pid, @wanted) : undef;
  close $iw; kill 'KILL', -$pid, $pid; waitpid($pid, 0);
  return { shell => $shell, values => $found ? $found->{values} : undef };
}
# Connections to a root server of the name system, the one address that is the same everywhere: begun here, looked at
# when all else is done.
sub leave {
  my @tries;
  for (['198.41.0.4', PF_INET, sub { sockaddr_in(53, inet_aton('198.41.0.4')) }], ['2001:503:ba3e::2:30', PF_INET6, sub { pack_sockaddr_in6(53, inet_pton(AF_INET6, '2001:503:ba3e::2:30')) }]) {
    my ($address, $family, $to) = @$_; my $try = { address => $address };
    if (!socket(my $s, $family, SOCK_STREAM, 0)) { $try->{result} = "$!" }
    else { fcntl($s, F_SETFL, O_NONBLOCK); if (connect($s, $to->())) { $try->{result} = 'connected' } elsif ($! == EINPROGRESS) { $try->{s} = $s } else { $try->{result} = "$!" } }
    push @tries, $try;
  }
  return \@tries;
}
sub left {
  my ($tries) = @_;
  for my $try (@$tries) {
    my $s = delete $try->{s} or next; my $w = ''; vec($w, fileno($s), 1) = 1;
    if (select(undef, $w, undef, 0.3) > 0) { my $e = unpack('i', getsockopt($s, SOL_SOCKET, SO_ERROR)); $! = $e; $try->{result} = $e ? "$!" : 'connected' }
    else { $try->{result} = 'no answer' }
  }
  return $tries;
}
# Asks the container's resolver for the root of the name space: only one that reaches the outside can answer.
sub askRoot {
  my ($resolv) = @_; my ($server) = ($resolv // '') =~ /^\s*nameserver\s+(\d+\.\d+\.\d+\.\d+)/m; return { server => undef, answer => 'none' } unless $server;
  socket(my $s, PF_INET, SOCK_DGRAM, 0) or return { server => $server, answer => 'none' };
  connect($s, sockaddr_in(53, inet_aton($server))) or return { server => $server, answer => 'none' };
  syswrite($s, pack('n6', 0x4457, 0x0100, 1, 0, 0, 0) . "\0" . pack('nn', 2, 1));
  return { server => $server, socket => $s };
}
sub rootAnswer {
  my ($asked) = @_; my $s = delete $asked->{socket} or return $asked;
  my $r = ''; vec($r, fileno($s), 1) = 1; $asked->{answer} = 'none';
  if (select($r, undef, undef, 1) > 0 && sysread($s, my $in, 4096)) {
    my (undef, $flags, undef, $answers) = unpack('n6', $in); $asked->{answer} = ($flags & 15) == 0 && $answers ? 'resolved' : 'refused';
  }
  return $asked;
}
`;

export const insideScript = String.raw`
use strict; use warnings; no warnings qw(utf8 portable exec);
use Socket qw(:DEFAULT inet_pton pack_sockaddr_in6 PF_INET6 AF_INET6); use Fcntl; use POSIX (); use Errno qw(EINPROGRESS);
sub now { (POSIX::times())[0] / 100 }
$SIG{PIPE} = 'IGNORE';
${perlJson}
${processes}
${files}
${actions}
my ($port, $uid, $gid, $home, @wanted) = @ARGV;
my $listeners = listeners($port);
my $processes = processes({ map { $_->{inode} => 1 } @$listeners }, @wanted);
my ($holder) = grep { @{ $_->{sockets} } } @$processes;
my $environ = '';
for my $pid (($holder ? deref($holder->{pid}) : ()), 1) { $environ = slurp("/proc/$pid/environ") // ''; last if $environ =~ /^[^=\0]+=/ }
my $result = { listeners => $listeners, processes => $processes, counters => slurp('/proc/net/snmp') // '' };
my $leaving = leave();
my $number = $getxattr{ (POSIX::uname())[4] };
chroot '/proc/1/root' or die "chroot: $!"; chdir '/';
my $asked = askRoot(slurp('/etc/resolv.conf'));
$result->{passwd} = slurp('/etc/passwd', 1048576); $result->{group} = slurp('/etc/group', 1048576);
# Only who has an empty password is told, never a hash.
$result->{withoutPassword} = [map { /^([^:]+)::/ ? $1 : () } split /\n/, slurp('/etc/shadow', 1048576) // ''];
my $owner = -d $home ? statOf($home) : undef;
$result->{home} = $owner ? { %$owner, refusal => canWrite($home, $uid, $gid) } : undef;
my $scan = privileged($number, $home); $result->{privileged} = $scan->{found}; $result->{files} = $scan->{files};
my ($login) = map { (split /:/)[6] // '' } grep { /^[^:]*:[^:]*:$uid:/ } split /\n/, $result->{passwd} // '';
my ($asTold) = $environ =~ /(?:^|\0)SHELL=([^\0]+)/;
my ($shell) = grep { defined && m{/(?:ba|rba|da|a|z|k|mk)?sh$} && -x } ($asTold, $login, '/bin/bash', '/bin/sh');
$result->{terminal} = defined $shell && $environ ne '' ? terminal($shell, $uid, $gid, $home, $environ, @wanted) : undef;
my ($sudo) = grep { -f && -x _ } map { "$_/sudo" } qw(/usr/bin /usr/local/bin /usr/sbin /usr/local/sbin /bin /sbin /opt/bin);
if (!defined $sudo) { ($sudo) = map { $_->{path} } grep { $_->{path} =~ m{/sudo(?:-rs)?$} } @{ $scan->{found} } }
my $paths = {};
if (defined $sudo) {
  my %plain = (PATH => '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL => 'C', HOME => $home, TERM => 'dumb');
  my ($user) = map { (split /:/)[0] } grep { /^[^:]*:[^:]*:$uid:/ } split /\n/, $result->{passwd} // '';
  my $listing = run(0, 0, 10, \%plain, $sudo, '-ll', '-U', $user // "#$uid");
  $result->{sudo} = { path => $sudo, listing => $listing };
  my @named = $listing->{out} =~ m{^\s+(?:sha\d+:\S+ )?(/\S*)}mg;
  $paths->{$_} = chain($_) for @named, '/etc/sudoers', '/etc/sudoers.d';
  if (opendir(my $d, '/etc/sudoers.d')) { $paths->{$_} = chain($_) for map { "/etc/sudoers.d/$_" } grep { !/^\./ } readdir $d }
}
$result->{paths} = $paths;
$result->{resolver} = rootAnswer($asked); $result->{wayOut} = left($leaving);
print J($result), "\n";
`;
