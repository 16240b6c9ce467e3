/** What each image of the corpus is: right, or wrong in which check, and what the check must have seen. */

export interface WrongImage {
  readonly stage: string;
  /** The one check that fails. */
  readonly check: string;
  readonly seen: RegExp;
  /** Checks that fail with it, since they ask for what it breaks. */
  readonly also?: Readonly<Record<string, RegExp>>;
  /** Checks that cannot be judged of it. */
  readonly skipped?: readonly string[];
  /** Seconds; short where nothing will ever answer. */
  readonly readyWithin?: number;
}

const neverServes = { readyWithin: 8, skipped: ['isolation', 'restart'] };
const nothingListens = { readyWithin: 8, skipped: ['environment', 'isolation', 'restart', 'user'] };

export const wrongImages: readonly WrongImage[] = [
  {
    stage: 'wrong-http-nothing',
    check: 'http',
    seen: /^nothing listens on 8888 in 8\.0 s$/,
    ...nothingListens,
  },
  { stage: 'wrong-http-other-port', check: 'http', seen: /^nothing listens on 8888/, ...nothingListens },
  { stage: 'wrong-http-loopback', check: 'http', seen: /^8888 listens on 127\.0\.0\.1 only/, ...neverServes },
  {
    stage: 'wrong-http-loopback6',
    check: 'http',
    seen: /^8888 listens on ::ffff:127\.0\.0\.1 only/,
    ...neverServes,
  },
  { stage: 'wrong-http-only-ipv6', check: 'http', seen: /^8888 listens on IPv6 \(::\) only/, ...neverServes },
  {
    stage: 'wrong-http-silent',
    check: 'http',
    seen: /accepts connections, but nothing answered in 8\.0 s/,
    ...neverServes,
  },
  { stage: 'wrong-http-closes', check: 'http', seen: /closes them without an answer/, ...neverServes },
  { stage: 'wrong-http-banner', check: 'http', seen: /not HTTP: "SSH-2\.0-OpenSSH_10\.0/, ...neverServes },
  {
    stage: 'wrong-http-only-503',
    check: 'http',
    seen: /answered only 503 Service Unavailable in 8\.0 s/,
    ...neverServes,
  },
  { stage: 'wrong-http-short', check: 'http', seen: /answer 200 ends after 3 bytes/, ...neverServes },
  { stage: 'wrong-http-stalls', check: 'http', seen: /answer 200 stops after 0 bytes/, ...neverServes },
  { stage: 'wrong-http-tls', check: 'http', seen: /^8888 speaks HTTPS, not HTTP/, ...neverServes },
  {
    stage: 'wrong-http-tls-nginx',
    check: 'http',
    seen: /^8888 speaks HTTPS; plain HTTP got 400/,
    ...neverServes,
  },
  { stage: 'wrong-http-late', check: 'http', seen: /^nothing listens on 8888 in 8\.0 s$/, ...nothingListens },
  {
    stage: 'wrong-http-ends',
    check: 'http',
    seen: /^it ended by itself \d+\.\d s after its start with exit code 3/,
    skipped: ['account', 'environment', 'isolation', 'restart', 'stop', 'sudo', 'user'],
  },

  { stage: 'wrong-user-root', check: 'user', seen: /held by pid \d+, serve, uid 0, gid 0$/ },
  { stage: 'wrong-user-nobody', check: 'user', seen: /serve, uid 65534, gid 65534$/ },
  { stage: 'wrong-user-group-root', check: 'user', seen: /serve, uid 4356, gid 0$/ },
  { stage: 'wrong-user-root-master', check: 'user', seen: /held by pid \d+, serve, uid 0, gid 0$/ },
  {
    stage: 'wrong-user-effective-only',
    check: 'user',
    seen: /uid 0 \(effective 4356, saved 0, file system 4356\)/,
  },
  { stage: 'wrong-user-one-of-two', check: 'user', seen: /held by pid \d+, serve, uid 0, gid 0$/ },

  { stage: 'wrong-account-none', check: 'account', seen: /no user dw-user/ },
  { stage: 'wrong-account-uid', check: 'account', seen: /dw-user has uid 1000, not 4356/ },
  { stage: 'wrong-account-gid', check: 'account', seen: /group dw-user has gid 1000, not 4357/ },
  { stage: 'wrong-account-home', check: 'account', seen: /home of dw-user is \/home\/other/ },
  {
    stage: 'wrong-account-not-writable',
    check: 'account',
    seen: /cannot write to its home: Permission denied; \/home\/dw-user belongs to 0:0/,
  },
  {
    stage: 'wrong-account-user-not-writable',
    check: 'account',
    seen: /cannot write to its home: Permission denied/,
  },

  { stage: 'wrong-sudo-all', check: 'sudo', seen: /`sudo -n true` runs/ },
  { stage: 'wrong-sudo-wildcard', check: 'sudo', seen: /`\/usr\/local\/bin\/dw-install \*`.*wildcard/ },
  {
    stage: 'wrong-sudo-blacklist',
    check: 'sudo',
    seen: /`(ALL|!\S+)`.*(more than dw-install|walked around)/,
  },
  { stage: 'wrong-sudo-group', check: 'sudo', seen: /`ALL`.*more than dw-install/ },
  { stage: 'wrong-sudo-folder', check: 'sudo', seen: /`\/usr\/local\/bin\/`.*whole folder/ },
  { stage: 'wrong-sudo-other', check: 'sudo', seen: /`\/usr\/bin\/apt-get`.*not dw-install/ },
  { stage: 'wrong-sudo-setenv', check: 'sudo', seen: /SETENV/ },
  { stage: 'wrong-sudo-password', check: 'sudo', seen: /asks for a password/ },
  { stage: 'wrong-sudo-syntax', check: 'sudo', seen: /cannot read: \/etc\/sudoers\.d\/dw-install:2/ },
  { stage: 'wrong-sudo-program-writable', check: 'sudo', seen: /can change \/usr\/local\/bin\/dw-install/ },
  {
    stage: 'wrong-sudo-folder-writable',
    check: 'sudo',
    seen: /can change \/usr\/local\/bin \(on the way to/,
  },
  { stage: 'wrong-sudo-setuid', check: 'sudo', seen: /\/usr\/local\/bin\/rootsh \(setuid 0\)/ },
  {
    stage: 'wrong-sudo-capability',
    check: 'sudo',
    seen: /\/usr\/bin\/perl\S* \(capabilities 0000000000000080\)/,
  },
  { stage: 'wrong-sudo-root-without-password', check: 'sudo', seen: /^root has uid 0 and no password/ },

  { stage: 'wrong-environment-cleared', check: 'environment', seen: /\(serve\) lacks 15 variables/ },
  { stage: 'wrong-environment-lost', check: 'environment', seen: /\(serve\) lacks 1 variable: PGPASSWORD/ },
  { stage: 'wrong-environment-changed', check: 'environment', seen: /has PGPASSWORD=".*" where " {2}p/ },
  {
    stage: 'wrong-environment-terminal',
    check: 'environment',
    seen: /a terminal \(\/bin\/bash -l\) lacks 1 variable: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI/,
  },

  { stage: 'wrong-stop-ignores', check: 'stop', seen: /still ran 10 s after SIGTERM/ },
  { stage: 'wrong-stop-process-1', check: 'stop', seen: /still ran 10 s after SIGTERM/ },
  { stage: 'wrong-stop-slow', check: 'stop', seen: /still ran 10 s after SIGTERM/ },
  { stage: 'wrong-stop-killed', check: 'stop', seen: /exit code 137: something in it was killed/ },

  {
    stage: 'wrong-restart-lock',
    check: 'restart',
    seen: /killed run left \(SIGKILL\), it ended by itself .* exit code 4/,
    skipped: ['stop'],
  },
  {
    stage: 'wrong-restart-killed',
    check: 'restart',
    seen: /killed run left \(SIGKILL\), it ended by itself .* exit code 4/,
    skipped: ['stop'],
  },

  {
    stage: 'wrong-restart-stopped',
    check: 'restart',
    seen: /stopped run left \(SIGTERM\), it ended by itself .* exit code 4/,
  },

  {
    stage: 'wrong-isolation-needs-name',
    check: 'isolation',
    seen: /no way out, and it asked for "packages\.example\.com"/,
    also: { http: /ended by itself .* exit code 6/ },
    skipped: ['account', 'environment', 'restart', 'stop', 'sudo', 'user'],
  },
  {
    stage: 'wrong-isolation-waits',
    check: 'isolation',
    seen: /no way out, and it asked for "login\.example\.com"/,
    also: { http: /nothing listens on 8888/ },
    readyWithin: 8,
    skipped: ['environment', 'restart', 'user'],
  },
];

export const rightImages: readonly string[] = [
  'right-plain',
  'right-ipv6',
  'right-nginx',
  'right-node',
  'right-java',
  'right-python',
  'right-busybox',
  'right-static',
  'right-user',
  'right-slow',
  'right-unready-first',
  'right-first-silent',
  'right-unauthorized',
  'right-redirect',
  'right-http10',
  'right-stream',
  'right-hints',
  'right-reuseport',
  'right-bound-by-root',
  'right-looks-up',
  'right-renew',
  'right-without-sudo',
];
