/** Reads what `sudo -ll -U dw-user` prints: what sudo itself makes of all its rules for one user. */

export interface SudoRule {
  /** File the rule stands in, where sudo tells. */
  readonly source: string | null;
  readonly runAs: string | null;
  readonly withoutPassword: boolean;
  readonly setEnvironment: boolean;
  /** As sudo prints it: a path, with arguments, or `ALL`; `!` in front where it is forbidden. */
  readonly command: string;
}

export interface SudoListing {
  readonly defaults: readonly string[];
  readonly rules: readonly SudoRule[];
}

/** Null where the text is no listing. */
export function parseSudoListing(text: string): SudoListing | null {
  if (!/may run the following commands|is not allowed to run sudo|may not run sudo/.test(text)) return null;
  return {
    defaults: defaultsOf(text),
    rules: text
      .split(/\n(?=(?:Sudoers|LDAP) (?:entry|role))/i)
      .slice(1)
      .flatMap(rulesOf),
  };
}

function defaultsOf(text: string): string[] {
  const block = /Matching Defaults entries[^\n]*:\n((?:[ \t]+[^\n]*\n)*)/.exec(text)?.[1] ?? '';
  // A comma inside a value is printed with a backslash.
  return block
    .split(/(?<!\\),\s*|\n/)
    .map((entry) => entry.trim())
    .filter(Boolean);
}

function rulesOf(entry: string): SudoRule[] {
  const source = /^(?:Sudoers|LDAP) (?:entry|role):[ \t]*(\S+)?/i.exec(entry)?.[1] ?? null;
  const field = (name: string) =>
    new RegExp(`^\\s+${name}:[ \\t]*(.*)$`, 'm').exec(entry)?.[1]?.trim() ?? null;
  const options = (field('Options') ?? '').split(/,\s*/);
  const commands = /^\s+Commands:[ \t]*\n([\s\S]*)$/m.exec(entry)?.[1] ?? '';
  return commands
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
    .map((command) => ({
      source,
      runAs: field('RunAsUsers'),
      withoutPassword: options.includes('!authenticate'),
      setEnvironment: options.includes('setenv'),
      command,
    }));
}
