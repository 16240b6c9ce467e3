/** The variables that a tool is started with. Any value may be a credential: none is told, not even where it is wrong. */
import { readFileSync } from 'node:fs';
import { DwtError } from '../errors.ts';
import { conceal, soundsSecret } from '../redact.ts';

export type Variables = Readonly<Record<string, string>>;

/** What the platform gives to every tool and what is right anywhere; credentials and databases are the user's to give. */
export const platformVariables: Variables = {
  APP_SCHEMA: '_user_local',
  AWS_DEFAULT_REGION: 'eu-west-2',
  S3_REGION: 'eu-west-2',
};

export interface VariablesFile {
  readonly name: string;
  readonly content: Uint8Array;
}

/** @throws DwtError USAGE */
export function variablesFile(name: string): VariablesFile {
  try {
    return { name, content: readFileSync(name) };
  } catch (cause) {
    throw new DwtError('USAGE', `The file ${name} of --env-file cannot be read.`, {
      hint: 'Name a file of lines NAME=VALUE.',
      cause,
    });
  }
}

/**
 * Files first, in their order, then words: `NAME=VALUE`, or `NAME` for the value that it has here. Conceals what is a
 * credential by its name.
 *
 * @throws DwtError USAGE
 */
export function readVariables(
  words: readonly string[],
  files: readonly VariablesFile[],
  environment: NodeJS.ProcessEnv,
): Record<string, string> {
  const lines = files.flatMap(linesOf);
  const given = [...lines, ...words.map((word) => ({ word, where: '--env' }))];
  const variables = Object.fromEntries(given.map(({ word, where }) => assignment(word, where, environment)));
  for (const [name, value] of Object.entries(variables)) concealCredential(name, value);
  return variables;
}

/** As docker reads such a file: a line each, nothing is quoted, `#` at the start of a line makes it a comment. */
function linesOf({ name, content }: VariablesFile): { word: string; where: string }[] {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch (cause) {
    throw new DwtError(
      'USAGE',
      `${name} is not UTF-8, so its variables could not be passed on as they are.`,
      {
        hint: 'Save it as UTF-8.',
        cause,
      },
    );
  }
  return text.split(/\r?\n/).flatMap((line, index) => {
    const word = line.trimStart();
    return word === '' || word.startsWith('#') ? [] : [{ word, where: `${name}:${index + 1}` }];
  });
}

function assignment(word: string, where: string, environment: NodeJS.ProcessEnv): [string, string] {
  const equals = word.indexOf('=');
  const name = equals === -1 ? word : word.slice(0, equals);
  // A word without "=" may be a value whose name was forgotten.
  if (!/^[^\s\0=]+$/.test(name))
    throw new DwtError('USAGE', `A variable of ${where} has no name, or one with a space in it.`, {
      hint: 'Write it as NAME=VALUE, or NAME for the value that it has in your environment.',
    });
  const value = equals === -1 ? environment[name] : word.slice(equals + 1);
  if (value === undefined)
    throw new DwtError('USAGE', `A variable of ${where} has no value, and is not set in your environment.`, {
      hint: nameHint(name),
    });
  if (value.includes('\0'))
    throw new DwtError('USAGE', `${name} of ${where} holds a NUL, which no variable can.`, {
      hint: 'Look at the file with `cat -A`.',
    });
  return [name, value];
}

const nameHint = (name: string): string =>
  /^[A-Za-z_]\w{0,60}$/.test(name)
    ? `Set ${name} and export it, or write ${name}=VALUE.`
    : 'Write it as NAME=VALUE.';

function concealCredential(name: string, value: string): void {
  if (!soundsSecret(name) && !/dsn|url|uri/i.test(name)) return;
  conceal(value);
  // A program that says where it connects to may say the password alone.
  const [, quoted, plain] = /\bpassword\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\S+))/i.exec(value) ?? [];
  const [, inUrl] = /:\/\/[^/@:]*:([^/@]+)@/.exec(value) ?? [];
  for (const password of [quoted?.replace(/\\(.)/g, '$1'), plain, inUrl]) if (password) conceal(password);
}
