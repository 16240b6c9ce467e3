/**
 * A stand-in for S3, for one judged sidecar: a bucket of a few small objects, with the credentials of a task's role. It
 * takes every signature for right; what a sidecar does when S3 fails is nothing that it can show.
 *
 * It knows listing (version 2), HEAD, GET, PUT, a copy by PUT, and DELETE, of one bucket addressed by path. An object is two
 * files of the folder given, named by its key in hexadecimal digits: what it holds, and `.meta` with the headers that came
 * with it.
 *
 * Arguments: seconds to live, folder, key and content of an object that is there from the beginning.
 */
export const bucketScript = String.raw`
use strict; use warnings; use Socket; use POSIX ();
my ($life, $folder, $first, $text) = @ARGV; $SIG{PIPE} = 'IGNORE'; $SIG{TERM} = $SIG{INT} = sub { exit 0 }; alarm $life; $SIG{ALRM} = sub { exit 0 };
mkdir $folder or die "$folder: $!";
sub file { "$folder/" . unpack('H*', $_[0]) }
sub put { my ($path, $data) = @_; open(my $f, '>', "$path.new") or die "$path: $!"; binmode $f; print $f $data; close $f; rename("$path.new", $path) or die "$path: $!" }
sub get { open(my $f, '<', $_[0]) or return undef; binmode $f; local $/; my $data = <$f>; defined $data ? $data : '' }
sub tag { my @s = stat $_[0]; sprintf('"%x-%x-%x"', $s[1], $s[9], $s[7]) }
sub unquoted { my ($s) = @_; $s =~ tr/+/ /; $s =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ge; $s }
sub xml { my ($s) = @_; $s =~ s/&/&amp;/g; $s =~ s/</&lt;/g; $s =~ s/>/&gt;/g; $s }
sub when { POSIX::strftime($_[1], gmtime((stat $_[0])[9])) }
put(file($first), $text); put(file($first) . '.meta', '');
socket(my $s, PF_INET, SOCK_STREAM, 0) or die $!; setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
bind($s, sockaddr_in(80, INADDR_ANY)) or die $!; listen($s, 64);
my %words = (200 => 'OK', 204 => 'No Content', 404 => 'Not Found', 405 => 'Method Not Allowed');
while (accept(my $c, $s)) {
  if (fork // 1) { close $c; 1 while waitpid(-1, POSIX::WNOHANG()) > 0; next }
  my $in = '';
  while (1) {
    while ($in !~ /\r\n\r\n/) { sysread($c, $in, 65536, length $in) or POSIX::_exit(0) }
    my ($head, $rest) = split /\r\n\r\n/, $in, 2;
    my ($line, @lines) = split /\r\n/, $head; my ($method, $target) = split / /, $line;
    my %h = map { /^([^:]+):\s*(.*?)\s*$/ ? (lc $1, $2) : () } @lines;
    syswrite($c, "HTTP/1.1 100 Continue\r\n\r\n") if lc($h{expect} // '') eq '100-continue';
    my $length = $h{'content-length'} // 0;
    while (length $rest < $length) { sysread($c, $rest, 65536, length $rest) or POSIX::_exit(0) }
    my $body = substr($rest, 0, $length); $in = substr($rest, $length);
    my ($path, $query) = split /\?/, $target, 2; my %q = map { my ($n, $v) = split /=/, $_, 2; (unquoted($n), unquoted($v // '')) } split /&/, $query // '';
    my (undef, $bucket, $key) = split m{/}, $path, 3; $key = unquoted($key // ''); my $file = file($key);
    my ($status, $out, @more) = (200, '');
    if ($path eq '/role') {
      $out = POSIX::strftime('{"AccessKeyId":"standin","SecretAccessKey":"standin","Token":"standin","Expiration":"%Y-%m-%dT%H:%M:%SZ"}', gmtime(time + 3600));
    } elsif ($key eq '') {
      my $prefix = $q{prefix} // '';
      opendir(my $d, $folder); my @keys = sort map { pack 'H*', $_ } grep { /^[0-9a-f]+$/ } readdir $d;
      $out = '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>' . xml(unquoted($bucket)) . '</Name><Prefix>' . xml($prefix) . '</Prefix><IsTruncated>false</IsTruncated>'
        . join('', map { my $f = file($_); '<Contents><Key>' . xml($_) . '</Key><LastModified>' . when($f, '%Y-%m-%dT%H:%M:%S.000Z') . '</LastModified><ETag>' . xml(tag($f)) . '</ETag><Size>' . (-s $f) . '</Size><StorageClass>STANDARD</StorageClass></Contents>' } grep { index($_, $prefix) == 0 } @keys) . '</ListBucketResult>';
      push @more, 'Content-Type: application/xml';
    } elsif ($method eq 'PUT') {
      my $from = $h{'x-amz-copy-source'};
      if (defined $from) {
        my (undef, $source) = split m{/}, $from =~ s{^/}{}r, 2; my $old = file(unquoted($source)); my $data = get($old);
        if (!defined $data) { $status = 404 } else { put("$file.meta", get("$old.meta") // ''); put($file, $data); $out = '<CopyObjectResult><LastModified>' . when($file, '%Y-%m-%dT%H:%M:%S.000Z') . '</LastModified><ETag>' . xml(tag($file)) . '</ETag></CopyObjectResult>' }
      } else {
        put("$file.meta", join '', map { "$_: $h{$_}\r\n" } sort grep { /^x-amz-meta-/ } keys %h); put($file, $body);
      }
      push @more, 'ETag: ' . tag($file) if $status == 200;
    } elsif ($method eq 'DELETE') {
      unlink $file, "$file.meta"; $status = 204;
    } elsif ($method eq 'GET' || $method eq 'HEAD') {
      my $data = get($file);
      if (defined $data) { $out = $data; push @more, 'ETag: ' . tag($file), 'Last-Modified: ' . when($file, '%a, %d %b %Y %H:%M:%S GMT'), split /\r\n/, get("$file.meta") // '' } else { $status = 404; $out = '<Error><Code>NoSuchKey</Code></Error>' }
    } else { $status = 405 }
    my $date = POSIX::strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime);
    my $answer = join("\r\n", "HTTP/1.1 $status $words{$status}", "Date: $date", 'Content-Length: ' . length $out, @more, '', '') . ($method eq 'HEAD' ? '' : $out);
    my $at = 0; while ($at < length $answer) { $at += syswrite($c, $answer, length($answer) - $at, $at) || POSIX::_exit(0) }
  }
}
`;
