/**
 * The certificates that RUN steps trust. Behind a proxy that re-signs TLS a step has to trust the proxy's CA, which is
 * in the CA folder of the machine that builds. It is served as the secret `build-ca`, so that it is in no layer, no
 * label and no key, and a step that does not ask for it never sees it.
 */
import { readFile } from 'node:fs/promises';
import { DwtError } from '../errors.ts';
import { largestSecret } from './secret-option.ts';

/** The id under which a Dockerfile mounts the bundle. */
export const buildCaSecret = 'build-ca';

/** Where systems keep the bundle of all CAs that they trust; the first that exists is the one. */
const systemBundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

const certificate = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/**
 * The bundle that builds trust: what this machine trusts, and the certificates of `file` (`--build-ca`) beside it.
 * Null where the machine has no bundle and no file is given.
 *
 * @throws DwtError SECRET_INVALID where `file` cannot be read or holds no PEM certificate, or the whole is too large.
 */
export async function readBuildCa(
  file: string | null,
  environment: NodeJS.ProcessEnv,
): Promise<Uint8Array | null> {
  const found = await findSystemBundle(environment);
  const system = found?.content ?? null;
  if (file === null) return system === null || system.length > largestSecret ? null : Buffer.from(system);
  const given = await readGiven(file);
  const whole = system === null ? given : `${given}\n${system}`;
  if (whole.length <= largestSecret) return Buffer.from(whole);
  if (given.length <= largestSecret) return Buffer.from(given);
  throw new DwtError(
    'SECRET_INVALID',
    `The certificates of ${file} are larger than the ${largestSecret} bytes that a build takes.`,
    {
      hint: 'Give a file with the one CA that the proxy signs with.',
    },
  );
}

/** The bundle of all CAs that this machine trusts; null where it has none. */
export async function findSystemBundle(
  environment: NodeJS.ProcessEnv,
): Promise<{ readonly path: string; readonly content: string } | null> {
  const named = environment['SSL_CERT_FILE'];
  for (const path of named ? [named, ...systemBundles] : systemBundles) {
    try {
      return { path, content: await readFile(path, 'utf8') };
    } catch {
      // The next place: a system has one of them at most.
    }
  }
  return null;
}

async function readGiven(file: string): Promise<string> {
  const hint = 'Give a file with the CA certificate in PEM form (-----BEGIN CERTIFICATE-----).';
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new DwtError('SECRET_INVALID', `The CA file ${file} cannot be read.`, { hint, cause: error });
  }
  const found = text.match(certificate);
  if (!found) throw new DwtError('SECRET_INVALID', `The CA file ${file} holds no PEM certificate.`, { hint });
  return `${found.join('\n')}\n`;
}
