/** Values that BuildKit judges once variables are substituted: ports, signals, modes of files. */
import { SyntaxFault } from './failure.ts';

/** One word of EXPOSE: `80`, `8000-8010/udp`, `127.0.0.1:80:80`. */
export function checkPorts(word: string): void {
  const invalid = (): SyntaxFault =>
    new SyntaxFault(`EXPOSE has "${word}", which is no port.`, 'Write PORT, FROM-TO or PORT/udp.');
  const [ports = '', protocol = '', ...rest] = word.split('/');
  if (rest.length > 0 || !/^(?:tcp|udp|sctp)?$/i.test(protocol)) throw invalid();
  const parts = ports.split(':');
  const container = range(parts.pop() ?? '');
  const host = parts.pop() ?? '';
  const onHost = host === '' ? null : range(host);
  if (!container || (host !== '' && !onHost)) throw invalid();
  if (onHost && container.size > 1 && onHost.size !== container.size) throw invalid();
  if (parts.length > 0 && !/^(?:\d{1,3}(?:\.\d{1,3}){3}|\[?[0-9a-f:]*\]?)?$/i.test(parts.join(':')))
    throw invalid();
}

function range(text: string): { readonly size: number } | null {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  return match && first <= last && last <= 65_535 ? { size: last - first + 1 } : null;
}

const signals = new Set(
  (
    'ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP TSTP ' +
    'TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN RTMAX'
  ).split(' '),
);

export function checkSignal(signal: string): void {
  const number = /^[+-]?\d+$/.test(signal);
  const name = signal.toUpperCase().replace(/^SIG/, '');
  const realTime = /^RT(?:MIN\+(\d+)|MAX-(\d+))$/.exec(name);
  const distance = Number(realTime?.[1] ?? realTime?.[2] ?? 0);
  const known = signals.has(name) || (distance >= 1 && distance <= (realTime?.[1] ? 15 : 14));
  if (number ? Number(signal) !== 0 : known) return;
  throw new SyntaxFault(
    `STOPSIGNAL has "${signal}", which is no signal.`,
    'Write a name such as SIGTERM, or a number.',
  );
}

/** `--chmod`: octal up to 7777, or symbolic as of chmod(1). */
export function checkMode(mode: string): void {
  const legal = /^\d+$/.test(mode)
    ? /^[0-7]+$/.test(mode) && Number.parseInt(mode, 8) <= 0o7777
    : /^(?:[ugoa]*(?:[-+=](?:[rwxXst]*|[ugo]))+)(?:,[ugoa]*(?:[-+=](?:[rwxXst]*|[ugo]))+)*$/.test(mode);
  if (!legal)
    throw new SyntaxFault(
      `The flag --chmod=${mode} is no mode of a file.`,
      'Write it in octal, such as --chmod=0755.',
    );
}

/** `ADD --checksum` is for what is downloaded. */
export function checkChecksum(
  checksum: string,
  sources: readonly string[],
  isRemote: (source: string) => boolean,
): void {
  if (!sources.every(isRemote)) throw new SyntaxFault('ADD --checksum is for sources that are URLs.');
  const http = sources.some((source) => /^https?:\/\//.test(source) && !/\.git(?:#|$)/.test(source));
  if (http && !/^sha(?:256:[0-9a-f]{64}|384:[0-9a-f]{96}|512:[0-9a-f]{128})$/.test(checksum)) {
    throw new SyntaxFault(
      `The flag --checksum=${checksum} is no checksum.`,
      'Write sha256: and 64 hexadecimal digits.',
    );
  }
}
