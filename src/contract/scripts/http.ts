/**
 * Speaks HTTP to a container from another one, until an answer is one of those wanted or the time is over.
 *
 * Arguments: address, port, path, wanted statuses (`any` or `200,302`), seconds. Prints one JSON object.
 * A server that accepts early and never answers that connection must not hide one that would answer the next: further
 * requests are opened while the first ones wait.
 */
import { perlJson } from './json.ts';

export const httpScript = String.raw`
use strict; use warnings; no warnings 'utf8';
use Socket; use Fcntl; use POSIX (); use Errno qw(EINPROGRESS);
# Time::HiRes is not in perl-base; hundredths of a second are enough, and these do not jump with the clock.
sub now { (POSIX::times())[0] / 100 }
${perlJson}
my ($address, $port, $path, $wanted, $seconds) = @ARGV;
my %wanted = map { $_ => 1 } split /,/, $wanted;
my $any = exists $wanted{any};
my $began = now(); my $deadline = $began + $seconds;
my ($requests, $refused) = (0, 0);
my (%statuses, %failures, @open, $lastStatus, $lastFailure, $lastRefusal, $connected);
my $keep = 262144; my $enough = 1048576; my $stall = $seconds / 3 < 10 ? $seconds / 3 : 10;
$SIG{PIPE} = 'IGNORE'; $SIG{TERM} = $SIG{INT} = sub { exit 1 };

sub dial {
  socket(my $s, PF_INET, SOCK_STREAM, 0) or return (undef, "$!");
  fcntl($s, F_SETFL, O_NONBLOCK);
  return ($s, undef) if connect($s, sockaddr_in($port, inet_aton($address)));
  return $! == EINPROGRESS ? ($s, undef) : (undef, "$!");
}
sub begin {
  my ($s, $why) = dial();
  if (!$s) { $refused++; $lastRefusal = $why; return; }
  push @open, { s => $s, in => '', size => 0, out => "GET $path HTTP/1.1\r\nHost: $address:$port\r\nUser-Agent: dwt-smoke-test\r\nAccept: */*\r\nConnection: close\r\n\r\n",
    began => now(), last => now(), up => 0 };
}
# What a connection has said so far: undef while it may still become an answer.
sub judge {
  my ($c, $eof) = @_;
  my $b = $c->{in};
  while ($b =~ m{^HTTP/1\.[01] 1(?!01)\d\d[^\n]*\n(?:[^\r\n][^\n]*\n)*\r?\n}) { $b = substr($b, $+[0]); }
  if ($b eq '') { return $eof ? { fault => $c->{in} eq '' ? 'closed' : 'cut' } : undef; }
  my $start = substr($b, 0, 5);
  if ($start ne substr('HTTP/', 0, length $start)) { return { fault => 'not-http', sample => substr($b, 0, 60) }; }
  if ($b !~ m{^(HTTP/\d(?:\.\d)?) (\d\d\d)(?: ([^\r\n]*))?\r?\n((?:[^\r\n][^\n]*\n)*)\r?\n}) {
    return { fault => 'not-http', sample => substr($b, 0, 60) } if $b =~ /\n/ && $b !~ m{^HTTP/\d(?:\.\d)? \d\d\d(?: [^\n]*)?\n};
    return { fault => 'not-http', sample => substr($b, 0, 60) } if length $b > $keep;
    return $eof ? { fault => 'cut' } : undef;
  }
  my ($version, $status, $reason, $head, $body) = ($1, $2, $3 // '', $4, substr($b, $+[0]));
  my %h; while ($head =~ /^([^:\n]+):[ \t]*([^\r\n]*)/mg) { $h{lc $1} //= $2; }
  my $a = { version => $version, status => \($status + 0), reason => $reason, headers => \%h, body => substr($body, 0, $keep), bytes => \(length $body) };
  my $got = $c->{size} - length($c->{in}) + length $body;
  return $a if $status == 101 || $status == 204 || $status == 304 || $got >= $enough;
  my $length = $h{'content-length'};
  my $chunked = lc($h{'transfer-encoding'} // '') =~ /chunked/;
  if ($chunked) {
    return $a if $body =~ /(?:^|\n)0+[ \t]*(?:;[^\n]*)?\r?\n(?:[^\r\n][^\n]*\n)*\r?\n\z/;
  } elsif (defined $length) {
    return $a if $got >= $length;
  } elsif ($eof) { return $a; }
  my $of = $chunked || !defined $length ? '' : $length;
  return { fault => 'truncated', status => $status, got => \$got, of => $of } if $eof;
  # A stream (server-sent events) has no end; some of it must come.
  if ($of eq '' && length $body) { return now() - $c->{last} > 1.5 ? $a : undef; }
  return now() - $c->{last} > $stall ? { fault => 'stalled', status => $status, got => \$got, of => $of } : undef;
}
sub speaksTls {
  my ($s) = dial(); return 0 unless $s;
  my $until = now() + 2; my $w = ''; vec($w, fileno($s), 1) = 1;
  select(undef, my $w2 = $w, undef, 2);
  my $body = "\x03\x03" . ("\x2a" x 32) . "\x00" . "\x00\x0a\xc0\x2f\xc0\x30\x00\x9c\x00\x2f\x00\x35" . "\x01\x00"
    . "\x00\x16\x00\x0a\x00\x04\x00\x02\x00\x17\x00\x0d\x00\x06\x00\x04\x04\x01\x04\x03\x00\x0b\x00\x02\x01\x00";
  my $hello = "\x01\x00" . pack('n', length $body) . $body;
  syswrite($s, "\x16\x03\x01" . pack('n', length $hello) . $hello) or return 0;
  my $in = '';
  while (now() < $until && length $in < 3) {
    my $r = $w; select($r, undef, undef, $until - now()) > 0 or last;
    my $n = sysread($s, $in, 64, length $in); last unless $n;
  }
  return $in =~ /^[\x15\x16]\x03/ ? 1 : 0;
}
sub finish {
  my ($answer) = @_;
  my $code = $answer ? $$answer->{status} : undef;
  my $odd = $answer ? $$code == 400 : $connected;
  print J({
    answer => $answer ? $$answer : undef, lastStatus => $lastStatus, lastFailure => $lastFailure, lastRefusal => $lastRefusal,
    statuses => { map { $_ => \($statuses{$_} + 0) } keys %statuses }, failures => { map { $_ => \($failures{$_} + 0) } keys %failures },
    requests => \$requests, refused => \$refused, connected => \($connected ? 1 : 0), waiting => \(scalar grep { $_->{up} } @open),
    tls => \($odd ? speaksTls() : 0), seconds => \(now() - $began),
  }), "\n";
  exit 0;
}
my $next = 0; my $pause = 0.02;
while (now() < $deadline) {
  if (now() >= $next && @open < 8) { begin(); $next = now() + (@open ? 3 : $pause); $pause = $pause < 0.2 ? $pause * 1.5 : 0.2; }
  my ($r, $w) = ('', '');
  for my $c (@open) { vec($r, fileno($c->{s}), 1) = 1; vec($w, fileno($c->{s}), 1) = 1 if $c->{out} ne ''; }
  my $wait = $next - now(); $wait = 0.5 if $wait > 0.5 || @open >= 8; $wait = 0.005 if $wait < 0.005;
  select($r, $w, undef, $wait);
  my @left;
  for my $c (@open) {
    my $f = fileno($c->{s}); my $verdict;
    if ($c->{out} ne '' && vec($w, $f, 1)) {
      my $error = unpack('i', getsockopt($c->{s}, SOL_SOCKET, SO_ERROR) // pack('i', 0));
      if ($error) { $! = $error; $refused++; $lastRefusal = "$!"; $next = now() + $pause; next; }
      if (!$c->{up}) { $c->{up} = 1; $connected = 1; $requests++; }
      my $n = syswrite($c->{s}, $c->{out}); substr($c->{out}, 0, $n, '') if $n;
    }
    if (vec($r, $f, 1)) {
      my $n = sysread($c->{s}, my $chunk, 65536);
      if ($n) { $c->{in} .= $chunk if length $c->{in} <= $keep * 2 || $c->{size} < $enough; $c->{size} += $n; $c->{last} = now(); $verdict = judge($c, 0); }
      elsif (defined $n || !$!{EAGAIN}) {
        if (!$c->{up}) { $refused++; $lastRefusal = defined $n ? 'closed' : "$!"; $next = now() + $pause; next; }
        $verdict = judge($c, 1) // { fault => 'cut' };
      }
    } elsif (length $c->{in}) { $verdict = judge($c, 0); }
    if (!$verdict) { push @left, $c; next; }
    close $c->{s};
    if ($verdict->{fault}) { $failures{$verdict->{fault}}++; $lastFailure = $verdict; }
    else {
      my $n = $verdict->{status}; my $status = $$n;
      $statuses{$status}++; $lastStatus = $verdict;
      if ($any ? $status < 500 : $wanted{$status}) { finish(\$verdict); }
    }
    $next = now() + 0.25;
  }
  @open = @left;
}
finish(undef);
`;
