/** What a new lock of Python requirements has that the one before it had not, for people. */

/** Name → version of every package that a lock pins. */
function pinned(lock: string): Map<string, string> {
  const pins = [...lock.matchAll(/^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==(\S+)/gm)];
  return new Map(pins.map(([, name = '', version = '']) => [name.toLowerCase(), version]));
}

/** A line for each package that is new, gone or of another version, by name; empty where nothing differs but hashes. */
export function requirementsChanges(before: string, after: string): string[] {
  const was = pinned(before);
  const is = pinned(after);
  return [...new Set([...was.keys(), ...is.keys()])].sort().flatMap((name) => {
    const [old, now] = [was.get(name), is.get(name)];
    if (old === now) return [];
    if (old === undefined) return [`+ ${name} ${now}`];
    return now === undefined ? [`- ${name} ${old}`] : [`  ${name} ${old} → ${now}`];
  });
}
