/** Docker's credential helper protocol: `docker-credential-NAME get`, the registry on stdin, a JSON answer on stdout. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as z from 'zod';
import type { RegistryAuth } from '../engine/engine.ts';
import { DwtError } from '../errors.ts';
import type { Environment } from './docker-config.ts';

const answerSchema = z.object({ Username: z.string(), Secret: z.string() });
/** Helpers say it on stdout; the protocol has no other sign for "nothing is stored". */
const notFound = 'credentials not found in native keychain';
const longestAnswer = 1 << 20;

/**
 * Asks a helper for the credentials of `key`; null where it has none.
 *
 * @param timeoutMs how long the helper may take before it is ended, in milliseconds
 * @throws DwtError CREDENTIALS_UNAVAILABLE where it is not installed, fails, takes too long or answers nonsense.
 */
export async function askHelper(
  helper: string,
  key: string,
  environment: Environment,
  timeoutMs: number,
): Promise<RegistryAuth | null> {
  const program = `docker-credential-${helper}`;
  const fail = (problem: string, hint: string, detail?: string) =>
    new DwtError('CREDENTIALS_UNAVAILABLE', `The credential helper ${program} ${problem} for ${key}.`, {
      hint,
      ...(detail && { detail }),
    });
  if (!/^[\w.-]+$/.test(helper))
    throw fail(
      'has a name that no program has, asked',
      "Correct credsStore or credHelpers in docker's config.json.",
    );

  const { code, stdout, stderr } = await run(program, key, environment, timeoutMs).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT')
        throw fail(
          'is not installed, and it is asked',
          `Install ${program} on the PATH, or take it out of docker's config.json.`,
        );
      if (error.name === 'AbortError')
        throw fail(
          `gave no answer within ${timeoutMs / 1000} s`,
          `Run \`echo ${key} | ${program} get\` to see what it waits for.`,
        );
      throw fail(
        `could not be started (${error.code ?? error.message})`,
        `Look at the file that \`command -v ${program}\` names.`,
      );
    },
  );
  if (code !== 0) {
    if (stdout.includes(notFound)) return null;
    // A failed helper's stdout is its message by the protocol; it holds no secret.
    throw fail(
      'failed',
      `Run \`docker login ${key}\`, or \`echo ${key} | ${program} get\` to see why.`,
      (stdout.trim() || stderr.trim()).slice(0, 2000),
    );
  }
  const answer = answerSchema.safeParse(parseJson(stdout));
  if (!answer.success)
    throw fail(
      'gave an answer that is not of the protocol',
      `Look at its version with \`${program} version\`.`,
    );
  const { Username: username, Secret: secret } = answer.data;
  if (secret === '') return null;
  // By the protocol the name <token> marks an identity token.
  return username === '<token>'
    ? { identityToken: secret, serverAddress: key }
    : { username, password: secret, serverAddress: key };
}

async function run(
  program: string,
  input: string,
  environment: Environment,
  timeoutMs: number,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(program, ['get'], {
    env: environment as NodeJS.ProcessEnv,
    stdio: 'pipe',
    signal: AbortSignal.timeout(timeoutMs),
    killSignal: 'SIGKILL',
  });
  // A helper that ends before it reads its input is judged by its exit status.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      if (output[name].length < longestAnswer) output[name] += text;
    });
  }
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, ...output };
  } finally {
    // What the helper itself started may hold the pipes open after its end.
    child.stdout.destroy();
    child.stderr.destroy();
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
