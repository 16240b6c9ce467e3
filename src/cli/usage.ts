/** The parser's complaints in the words of this program. */
import { stripVTControlCharacters } from 'node:util';
import type { Config } from '@oclif/core';
import { asDwtError, DwtError } from '../errors.ts';

/** Any thrown value as a `DwtError`; what the parser refuses is wrong usage. Null for a wish to exit without one. */
export async function asCliError(
  thrown: unknown,
  argv: readonly string[],
  config: Config | null,
): Promise<DwtError | null> {
  if (!isParserError(thrown)) return asDwtError(thrown);
  if (thrown.oclif.exit === 0) return null;
  const [sentence = '', ...rest] = stripVTControlCharacters(thrown.message)
    .replace(/\nSee more help with --help$/, '')
    .replace(/^The following errors? occurred:\s*/, '')
    .replace(/^Parsing (--?\S+)\s+/, '$1: ')
    .split('\n');
  const listed = rest.map((line) => line.trim()).filter((line) => line !== '');
  const message = [
    sentence.replace(/[.:]$/, ''),
    ...(listed.length === 0 ? [] : [listed.join('; ').replace(/\.$/, '')]),
  ].join(': ');
  const [first = '', second = ''] = wordsOf(argv);
  const command = config?.findCommand(`${first}:${second}`) ?? config?.findCommand(first);
  const id = command ? `${command.id.replaceAll(':', ' ')} ` : '';
  const near = await nearestFlag(thrown, Object.keys(command?.flags ?? {}));
  return new DwtError('USAGE', `${message}.`, {
    hint: `${near === null ? '' : `Did you mean ${near}? `}Run dwt ${id}--help for what it takes.`,
  });
}

/** Not by class: plugins bring the framework a second time, and throw the errors of theirs. */
const isParserError = (thrown: unknown): thrown is Error & { oclif: { exit?: number } } =>
  thrown instanceof Error && 'oclif' in thrown && typeof thrown.oclif === 'object' && thrown.oclif !== null;

/** The flag that was most likely meant by one that does not exist. */
async function nearestFlag(thrown: Error, flags: readonly string[]): Promise<string | null> {
  if (!('flags' in thrown) || !Array.isArray(thrown.flags)) return null;
  const asked = String(thrown.flags[0]).replace(/^-+/, '').replace(/=.*$/, '');
  const near = await nearestOf(asked, flags);
  return near === null ? null : `--${near}`;
}

/** @throws DwtError USAGE for a command that does not exist, with the nearest one that does. */
export async function refuseUnknownCommand(argv: readonly string[], config: Config): Promise<void> {
  const [first, second] = wordsOf(argv);
  if (first === undefined) {
    if (argv[0] === undefined || ['--help', '-h', '--version'].includes(argv[0])) return;
    throw new DwtError('USAGE', `A command comes first, and ${argv[0]} was given.`, {
      hint: 'Write flags after the command; run dwt --help for the commands.',
    });
  }
  const known = config.findCommand(first);
  if (known && second !== undefined && Object.keys(known.args).length === 0) {
    throw new DwtError('USAGE', `dwt ${first} takes no arguments, and ${second} was given.`, {
      hint: `Run dwt ${first} --help for what it takes.`,
    });
  }
  if (known && first !== 'help') return;
  // What `help` is asked about is a command like any other.
  const [word, more] = first === 'help' ? wordsOf(argv.slice(1)) : [first, second];
  if (word === undefined || (first === 'help' && config.findCommand(word))) return;
  const topic = config.findTopic(word);
  if (topic && (more === undefined || config.findCommand(`${word}:${more}`))) return;
  const ids = config.commandIDs.map((id) => id.replaceAll(':', ' '));
  const asked = topic ? `${word} ${more}` : word;
  const near = await nearestOf(asked, ids);
  throw new DwtError('USAGE', `There is no command "${asked}".`, {
    hint: near === null ? 'Run dwt --help for the commands.' : `Did you mean dwt ${near}?`,
  });
}

/** The words before the first flag: what can name a command. */
function wordsOf(argv: readonly string[]): readonly string[] {
  const end = argv.findIndex((word) => word.startsWith('-'));
  return end === -1 ? argv : argv.slice(0, end);
}

/** Loaded where somebody has mistyped, and by nobody else. */
async function nearestOf(word: string, candidates: readonly string[]): Promise<string | null> {
  const { nearest } = await import('../hierarchy/select.ts');
  return nearest(word, candidates);
}
