/** Who this machine is to a registry, and whether it may push what it would push: asked without pushing. */
import pLimit from 'p-limit';
import { ecrHost, type PrivateEcr } from '../ecr/host.ts';
import { asDwtError, DwtError } from '../errors.ts';
import { RegistryFailure, RegistryRefusal } from '../registry/answer.ts';
import { type RegistryClient, registryClient } from '../registry/client.ts';
import type { Login } from '../registry/credentials.ts';
import { authProvider } from '../registry/login.ts';
import type { Reference } from '../registry/reference.ts';
import { untilAborted } from '../until-aborted.ts';
import { type Check, fail, ok, warn } from './check.ts';

export interface Destination {
  readonly stage: string;
  readonly reference: Reference;
}

export interface RepositoryReport {
  readonly stage: string;
  /** Without the registry's host. */
  readonly repository: string;
  readonly tag: string;
  /** Null where it is not known: most registries make a repository with the first push. */
  readonly exists: boolean | null;
  /** Whether tags that are there cannot be moved; null where it is not known. */
  readonly immutable: boolean | null;
  /** Whether this machine may push there; null where it is not known. */
  readonly push: boolean | null;
}

export interface PublishingReport {
  readonly environment: string;
  readonly registry: string;
  /** Who logs in, such as a user's name or an ARN; null for anonymous. */
  readonly identity: string | null;
  /** Whose login it is, such as `docker's configuration` or `AWS`. */
  readonly source: string;
  /** In ISO 8601; null where nobody says. */
  readonly expiresAt: string | null;
  readonly repositories: readonly RepositoryReport[];
}

export interface PublishingOptions {
  readonly environment: string;
  /** All at one registry. */
  readonly destinations: readonly Destination[];
  readonly variables: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
}

const questionsAtOnce = 4;
const answerMs = 10_000;

/** Answers null in place of a report where there is no login to ask with. */
export async function checkPublishing(
  options: PublishingOptions,
): Promise<{ readonly report: PublishingReport | null; readonly checks: readonly Check[] }> {
  const { environment, destinations, variables, signal } = options;
  const registry = destinations[0]?.reference.domain ?? '';
  const auth = authProvider(registry, variables);
  try {
    await untilAborted(signal, auth.current());
    const login = auth.login as Login;
    const identity = await identityOf(registry, login);
    const client = registryClient({ domain: registry, auth, timeoutMs: answerMs, signal });
    const limit = pLimit(questionsAtOnce);
    const looked = await Promise.all(
      destinations.map((destination) => limit(() => look(destination, client, login, environment))),
    );
    const { source, expiresAt } = login;
    return {
      report: {
        environment,
        registry,
        identity,
        source,
        expiresAt: expiresAt === null ? null : new Date(expiresAt).toISOString(),
        repositories: looked.map(({ report }) => report),
      },
      checks: [checkLogin(registry, identity, login), ...looked.map(({ check }) => check)],
    };
  } catch (thrown) {
    signal.throwIfAborted();
    const error = asDwtError(thrown);
    const said = error.message.replace(/\.$/, '');
    const detail = error.detail ? `${said} (${error.detail})` : said;
    return { report: null, checks: [fail('login', detail, error.hint ?? null)] };
  }
}

/** AWS tells who its credentials are; of any other login the user's name is all that is known. */
async function identityOf(registry: string, { auth, source }: Login): Promise<string | null> {
  const ecr = ecrHost(registry);
  if (ecr && source === 'AWS') {
    const { callerIdentity } = await import('../ecr/identity.ts');
    return (await callerIdentity(registry, ecr)).arn;
  }
  return auth === null ? null : (auth.username ?? 'the owner of a token');
}

function checkLogin(registry: string, identity: string | null, { source, expiresAt, note }: Login): Check {
  const end = expiresAt === null ? '' : `, until ${new Date(expiresAt).toISOString()}`;
  if (identity !== null) {
    const detail = `${identity} at ${registry}, by ${source}${end}`;
    return note === undefined ? ok('login', detail) : warn('login', detail, note);
  }
  return warn(
    'login',
    `nobody at ${registry}: ${source} has no login for it`,
    note ?? `Run docker login ${registry} if it asks for one.`,
  );
}

async function look(
  { stage, reference }: Destination,
  client: RegistryClient,
  login: Login,
  environment: string,
): Promise<{ readonly report: RepositoryReport; readonly check: Check }> {
  const { domain, path } = reference;
  const tag = reference.tag ?? 'latest';
  const ecr = ecrHost(domain);
  const known = ecr?.type === 'private' && login.source === 'AWS' ? await ask(domain, ecr, path) : null;
  const refused = await client.tryUpload(path).then(
    () => null,
    (error: unknown) => error,
  );
  const missing = known === 'missing' || (refused instanceof RegistryRefusal && refused.status === 404);
  const immutable = known !== null && known !== 'missing' ? !known.mutable : null;
  const exists = missing ? false : known === null ? null : true;
  const report = (push: boolean | null): RepositoryReport => ({
    stage,
    repository: path,
    tag,
    exists,
    immutable,
    push,
  });
  const name = `repository ${path}:${tag}`;
  if (missing) {
    const hint =
      ecr?.type === 'private'
        ? `dwt push --env ${environment} --create-repositories makes it.`
        : `Create it at ${domain}, or look at the environment's repository pattern.`;
    return { report: report(false), check: fail(name, `${domain} has none of that name`, hint) };
  }
  if (refused instanceof RegistryRefusal && (refused.status === 401 || refused.status === 403)) {
    const hint = `Ask who runs ${domain} for the right to push there, or log in as somebody who has it.`;
    return {
      report: report(false),
      check: fail(name, `this login may not push ${path}: ${refused.message}`, hint),
    };
  }
  if (refused !== null) {
    if (refused instanceof DwtError) throw refused;
    const why = refused instanceof RegistryFailure ? refused.why : (refused as Error).message;
    const hint = 'The engine may reach what this machine does not: dwt push says.';
    return { report: report(null), check: warn(name, `whether it takes a push is not known: ${why}`, hint) };
  }
  return { report: report(true), check: await checkTag(name, client, path, tag, immutable === true) };
}

/** A tag that can be pushed once only is told of before it is in the way. */
async function checkTag(
  name: string,
  client: RegistryClient,
  path: string,
  tag: string,
  immutable: boolean,
): Promise<Check> {
  if (!immutable) return ok(name, 'takes a push');
  const taken = await client.digestOf(path, tag).catch(() => null);
  return taken === null
    ? ok(name, 'takes a push, after which the tag cannot be moved: tags are immutable there')
    : warn(
        name,
        `tags are immutable there, and this one is ${taken} for good`,
        'Another image needs another tag, or the repository tags that can be moved.',
      );
}

/** What ECR says of a repository; null where AWS does not allow to ask. */
async function ask(
  domain: string,
  ecr: PrivateEcr,
  path: string,
): Promise<{ mutable: boolean } | 'missing' | null> {
  const { PrivateRegistry } = await import('../ecr/private.ts');
  try {
    return (await new PrivateRegistry(domain, ecr).repository(path)) ?? 'missing';
  } catch (thrown) {
    if (asDwtError(thrown).code === 'CREDENTIALS_UNAVAILABLE') return null;
    throw thrown;
  }
}
