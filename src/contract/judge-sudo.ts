/** Check 4: dw-user becomes root for dw-install only, without a password, and by no other way. */
import { enumerate, fail, type Judgement, pass } from './check.ts';
import type { InsideEvidence, PathEvidence, RunEvidence, SudoEvidence } from './evidence.ts';
import { platform } from './platform.ts';
import { unexpectedPrivileges } from './privileged-files.ts';
import { parseSudoListing, type SudoRule } from './sudo-listing.ts';

type Evidence = Pick<
  InsideEvidence,
  'sudo' | 'paths' | 'privileged' | 'withoutPassword' | 'passwd' | 'files'
>;

const program = 'dw-install';
const right = `One rule: ${platform.user.name} ALL=(root) NOPASSWD: /usr/local/bin/${program}`;

export function judgeSudo(evidence: Evidence): Judgement {
  const { sudo, privileged } = evidence;
  const files = unexpectedPrivileges(privileged);
  if (files.length > 0)
    return fail(
      `more than the base distribution needs has privileges: ${enumerate(files)}`,
      'chmod ug-s (setcap -r) them in the Dockerfile.',
    );
  const open = rootWithoutPassword(evidence);
  if (open.length > 0)
    return fail(
      `${enumerate(open)} has uid 0 and no password: su gives root to anybody`,
      'passwd --lock root',
    );
  if (!sudo)
    return pass(
      `there is no sudo; none of ${evidence.files} files has more privileges than the base distribution needs`,
    );
  return judgeRules(sudo, evidence.paths);
}

function rootWithoutPassword({ withoutPassword, passwd, privileged }: Evidence): string[] {
  const su = privileged.some(
    ({ path, mode, uid }) => /\/(su|bbsuid)$/.test(path) && uid === 0 && mode & 0o4000,
  );
  const roots = (passwd ?? '')
    .split('\n')
    .map((line) => line.split(':'))
    .filter(([, , uid]) => uid === '0');
  return su
    ? roots.flatMap(([name = '', word]) => (withoutPassword.includes(name) || word === '' ? [name] : []))
    : [];
}

function judgeRules(sudo: SudoEvidence, paths: Evidence['paths']): Judgement {
  const ran = sudo.tried.find(({ code }) => code === 0);
  if (ran)
    return fail(
      `as ${platform.user.name}, \`${shown(ran)}\` runs and says ${JSON.stringify(ran.out.trim().slice(0, 40))}`,
      right,
    );
  const listing = parseSudoListing(sudo.listing.out);
  if (!listing) {
    const said = (sudo.listing.err || sudo.listing.out).trim().split('\n')[0] ?? '';
    // Somebody who has no account can be given nothing; the account check says that it is missing.
    if (/unknown user/.test(said)) return pass(`sudo knows no ${platform.user.name}, so it allows nothing`);
    return fail(`sudo cannot say what it allows: ${said || 'it printed nothing'}`, 'visudo --check');
  }
  const unread = /^\/\S+:\d+(?::\d+)?: .*$/m.exec(sudo.listing.err)?.[0];
  if (unread) return fail(`sudo leaves out a line that it cannot read: ${unread}`, 'visudo --check');
  const always = listing.defaults.includes('!authenticate');
  for (const rule of listing.rules) {
    const fault = faultOf(rule, always);
    if (fault)
      return fail(
        `sudo allows \`${rule.command}\`${rule.source ? ` (${rule.source})` : ''}: ${fault}`,
        right,
      );
  }
  const lax = listing.defaults.find((entry) => laxDefault.test(entry));
  if (lax && listing.rules.length > 0)
    return fail(
      `sudo lets its caller shape root's environment: Defaults ${lax}`,
      'Leave env_reset on, and keep no loader or interpreter variable.',
    );
  const loose = Object.entries(paths).flatMap(([path, chain]) =>
    replaceable(chain).map((part) => (part === path ? path : `${part} (on the way to ${path})`)),
  );
  if (loose.length > 0)
    return fail(
      `${platform.user.name} can change ${enumerate([...new Set(loose)])}`,
      'They belong to root and nobody else may write to them.',
    );
  if (listing.rules.length === 0) return pass(`sudo allows ${platform.user.name} nothing`);
  const allowed = [...new Set(listing.rules.map(({ command }) => command))];
  return pass(`sudo allows ${enumerate(allowed)} only, without a password; \`sudo -n true\` is refused`);
}

const shown = ({ command }: RunEvidence): string => command.replace(/^\S*\/sudo/, 'sudo');

const laxDefault =
  /^(!env_reset|setenv|env_keep\s*\+?=.*\b(LD_\w+|PYTHON\w*|PERL\w*|BASH_ENV|ENV|SHELLOPTS|APT_CONFIG|PATH)\b)/;

function faultOf({ command, withoutPassword, setEnvironment }: SudoRule, always: boolean): string | null {
  const path = command.replace(/^(sha\d+:\S+,?\s+)+/, '');
  if (path.startsWith('!')) return 'a list of what is forbidden can be walked around';
  if (path === 'ALL' || path === 'sudoedit' || path.startsWith('sudoedit '))
    return 'that is more than dw-install';
  if (/[*?[\]\\^$]/.test(path)) return 'it has a wildcard';
  if (!path.startsWith('/')) return 'it is no absolute path';
  if (path.endsWith('/')) return 'it is a whole folder';
  const [file = '', ...words] = path.split(/\s+/);
  if (!file.endsWith(`/${program}`) || file.split('/').includes('..')) return `that is not ${program}`;
  if (words.length > 0 && !(words.length === 1 && words[0] === '""'))
    return 'it fixes arguments; the program itself decides what it takes';
  if (!withoutPassword && !always) return 'it asks for a password, and the user has none';
  if (setEnvironment) return "SETENV lets its caller shape root's environment";
  return null;
}

/** The parts of a path that dw-user can write to or replace. */
function replaceable(chain: readonly PathEvidence[]): string[] {
  return chain.flatMap(({ path, mode, uid, gid, link }) => {
    if (mode === undefined || link !== undefined) return uid === platform.user.id ? [path] : [];
    const byGroup = gid === platform.group.id && mode & 0o020;
    // In a sticky folder, others can make files but not replace these.
    const byAll = mode & 0o002 && !(mode & 0o1000 && (mode & 0o170000) === 0o040000);
    return uid === platform.user.id || byGroup || byAll ? [path] : [];
  });
}
