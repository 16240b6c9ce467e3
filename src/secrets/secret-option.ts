/** `--secret`: what a build may read in a RUN step and no layer keeps. */
import { readFile, stat } from 'node:fs/promises';
import { DwtError } from '../errors.ts';

/** BuildKit refuses a larger secret, with an error that does not name it. */
export const largestSecret = 500 * 1024;

export interface SecretOption {
  readonly id: string;
  readonly source:
    | { readonly kind: 'file'; readonly path: string }
    | { readonly kind: 'variable'; readonly name: string };
}

const shape = 'Write it as id=NAME,src=FILE or id=NAME,env=VARIABLE.';

/**
 * Reads the words of one `--secret` as docker and buildx do: `id=NAME[,src=FILE][,env=VARIABLE][,type=file|env]`.
 * Without `src` or `env` the variable of that name is taken where there is one, else the file of that name.
 *
 * @throws DwtError SECRET_INVALID
 */
export function parseSecretOption(words: string, environment: NodeJS.ProcessEnv): SecretOption {
  const fields = new Map<string, string>();
  for (const field of words.split(',')) {
    const [, key, value] = /^\s*([a-z]+)=(.*)$/i.exec(field) ?? [];
    // The words themselves are not repeated: somebody may have put the secret there.
    if (key === undefined || value === undefined) {
      throw new DwtError('SECRET_INVALID', 'A --secret has a part that is not of the form key=value.', {
        hint: shape,
      });
    }
    fields.set(key.toLowerCase(), value);
  }
  for (const key of fields.keys()) {
    if (!['id', 'src', 'source', 'env', 'type'].includes(key)) {
      throw new DwtError('SECRET_INVALID', `A --secret has no part named ${key}.`, { hint: shape });
    }
  }
  const id = fields.get('id');
  if (!id) throw new DwtError('SECRET_INVALID', 'A --secret has no id.', { hint: shape });
  const type = fields.get('type');
  if (type !== undefined && type !== 'file' && type !== 'env') {
    throw new DwtError('SECRET_INVALID', `Secret ${id} has the unknown type ${type}.`, { hint: shape });
  }
  const path = fields.get('src') ?? fields.get('source');
  const variable = fields.get('env');
  if (path !== undefined && variable !== undefined) {
    throw new DwtError('SECRET_INVALID', `Secret ${id} names a file and a variable.`, { hint: shape });
  }
  if (variable !== undefined) return { id, source: { kind: 'variable', name: variable } };
  if (path !== undefined) {
    return type === 'env'
      ? { id, source: { kind: 'variable', name: path } }
      : { id, source: { kind: 'file', path } };
  }
  if (type !== 'file' && environment[id] !== undefined) return { id, source: { kind: 'variable', name: id } };
  if (type === 'env') return { id, source: { kind: 'variable', name: id } };
  return { id, source: { kind: 'file', path: id } };
}

/**
 * Reads every secret before a build starts, so that a missing one fails at once and not in the middle of a step.
 *
 * @throws DwtError SECRET_INVALID
 */
export async function readSecrets(
  options: readonly SecretOption[],
  environment: NodeJS.ProcessEnv,
): Promise<Map<string, Uint8Array>> {
  const secrets = new Map<string, Uint8Array>();
  for (const { id, source } of options) {
    if (secrets.has(id))
      throw new DwtError('SECRET_INVALID', `Secret ${id} is given twice.`, { hint: shape });
    secrets.set(
      id,
      source.kind === 'file'
        ? await readSecretFile(id, source.path)
        : readVariable(id, source.name, environment),
    );
  }
  return secrets;
}

function readVariable(id: string, name: string, environment: NodeJS.ProcessEnv): Uint8Array {
  const value = environment[name];
  if (value === undefined) {
    throw new DwtError(
      'SECRET_INVALID',
      `Secret ${id} is to come from the variable ${name}, which is not set.`,
      {
        hint: `Set ${name}, or give a file with --secret id=${id},src=FILE.`,
      },
    );
  }
  return Buffer.from(value);
}

async function readSecretFile(id: string, path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size > largestSecret) {
      throw new DwtError(
        'SECRET_INVALID',
        `Secret ${id} has ${size} bytes; a build takes at most ${largestSecret}.`,
        {
          hint: `Check that ${path} is the file that you mean.`,
        },
      );
    }
    return await readFile(path);
  } catch (error) {
    if (error instanceof DwtError) throw error;
    throw new DwtError('SECRET_INVALID', `Secret ${id} cannot be read from ${path}.`, {
      hint: 'Check the path and its permissions.',
      cause: error,
    });
  }
}
