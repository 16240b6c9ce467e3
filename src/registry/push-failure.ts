/**
 * Why a push failed. Engines tell it as text, in words that change from version to version; so the registry itself is
 * asked, with the same credentials, whether it would take an upload, and its status decides. What the engine said is
 * judged by its words only where that says nothing, and only here.
 */
import { ecrHost } from '../ecr/host.ts';
import { EngineRefusal, outOfReach } from '../engine/failure.ts';
import { DwtError, type ErrorCode } from '../errors.ts';
import { RegistryFailure, RegistryRefusal } from './answer.ts';
import type { RegistryHost } from './observe.ts';
import { formatReference, type Reference } from './reference.ts';

export interface Judgement {
  readonly error: DwtError;
  /** Whether trying again may help. */
  readonly again: boolean;
  /** How long the registry asks to be left alone, in milliseconds; null where it does not say. */
  readonly afterMs: number | null;
}

/** Judges what a push, or a question about its result, threw. */
export async function judgeFailure(
  thrown: unknown,
  host: RegistryHost,
  reference: Reference,
): Promise<Judgement> {
  if (thrown instanceof DwtError && !(thrown instanceof EngineRefusal)) return final(thrown);
  const begin = () =>
    host.client.tryUpload(reference.path).then(
      () => null,
      (error: unknown) => error,
    );
  if (thrown instanceof RegistryRefusal) {
    const judgement = byStatus(thrown, host, reference);
    // The same login is good for an upload now: it was a token of it that ended, or a bad moment.
    return thrown.status === 401 && (await begin()) === null ? { ...judgement, again: true } : judgement;
  }
  const said = quotable(thrown);
  const evidence = await begin();
  if (evidence instanceof RegistryRefusal) return byStatus(evidence, host, reference, said);
  if (evidence instanceof DwtError) return final(evidence);
  return byWords(said, evidence instanceof RegistryFailure ? evidence : null, host, reference);
}

function byStatus(
  { status, said, full, retryAfterMs }: RegistryRefusal,
  host: RegistryHost,
  reference: Reference,
  engineSaid?: string,
): Judgement {
  const { domain } = host;
  const name = `${reference.path}:${reference.tag}`;
  const make = (code: ErrorCode, message: string, hint: string): DwtError =>
    new DwtError(code, message, { hint, ...detailOf(said, engineSaid) });
  if (immutable.test(`${said}\n${engineSaid ?? ''}`))
    return final(unmovable(host, name, detailOf(said, engineSaid)));
  if (status === 401) return final(unauthorized(host, make));
  if (status === 403) {
    return final(
      make(
        'PUSH_DENIED',
        `${domain} does not let these credentials push ${name}.`,
        `Ask who runs ${domain} for the right to push to ${reference.path}, or log in as somebody who has it.`,
      ),
    );
  }
  if (status === 404) {
    return final(
      make(
        'PUSH_FAILED',
        `${domain} has no repository ${reference.path}.`,
        ecrHost(domain)?.type === 'private'
          ? "Push with --create-repositories, or look at the environment's repository pattern in dwt.yaml."
          : "Create the repository there first, or look at the environment's repository pattern in dwt.yaml.",
      ),
    );
  }
  if (full) {
    return final(
      make(
        'PUSH_FAILED',
        `${domain} has no space left for ${name}.`,
        "Make space on the registry's disk, then push again; what it has already is not sent twice.",
      ),
    );
  }
  if (status === 429 || (status === 503 && retryAfterMs !== null)) {
    const wait = retryAfterMs === null ? '' : ` for ${Math.ceil(retryAfterMs / 1000)} s`;
    const error = make(
      'PUSH_FAILED',
      `${domain} asks to be left alone${wait} (${status}).`,
      'Push again later, or with fewer --jobs.',
    );
    return { error, again: true, afterMs: retryAfterMs };
  }
  if (status >= 500) {
    const error = make(
      'PUSH_FAILED',
      `${domain} failed with status ${status} when ${name} was pushed.`,
      `Look at the log and the disk of ${domain}, then push again.`,
    );
    return { error, again: true, afterMs: retryAfterMs };
  }
  return final(
    make(
      'PUSH_FAILED',
      `${domain} refused ${name} with status ${status}.`,
      'What the registry said is below.',
    ),
  );
}

/**
 * Registries have no status and no code of their own for a tag that is not to be moved: 400 TAG_INVALID, 400
 * MANIFEST_INVALID, 409, 412. Their words have this in common.
 */
const immutable = /immutab|cannot be overwritten/i;

/** The tag of another image, in a registry that lets nobody move it. */
export const unmovable = (
  { domain }: Pick<RegistryHost, 'domain'>,
  name: string,
  detail: { detail?: string } = {},
): DwtError =>
  new DwtError('TAG_IMMUTABLE', `${domain} lets nobody move the tag ${name}, and it is another image.`, {
    hint: `Push under a tag that is new, or ask who runs ${domain} to let this one be moved.`,
    ...detail,
  });

function unauthorized(
  { domain, auth }: RegistryHost,
  make: (code: ErrorCode, message: string, hint: string) => DwtError,
): DwtError {
  const { auth: used = null, source = 'this machine', note } = auth.login ?? {};
  const hint = `Run \`docker login ${domain}\` as the user that runs dwt, or name the folder of its config.json in DOCKER_CONFIG.`;
  const whole = note === undefined ? hint : `${note} Mend that, or: ${hint}`;
  return used === null
    ? make('PUSH_DENIED', `${domain} asks for a login, and ${source} has none for it.`, whole)
    : make('PUSH_DENIED', `${domain} does not accept the login that ${source} has for it.`, whole);
}

interface Meaning {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
  readonly again: boolean;
}

/** What engines say, and what follows from it. */
const words: readonly {
  readonly pattern: RegExp;
  readonly meaning: (host: RegistryHost, name: string) => Meaning;
}[] = [
  {
    pattern: /\bdenied\b|forbidden|insufficient_scope/i,
    meaning: ({ domain }, name) => ({
      code: 'PUSH_DENIED',
      message: `${domain} does not let the engine push ${name}.`,
      hint: `Run \`docker login ${domain}\` as somebody who may push there.`,
      again: false,
    }),
  },
  {
    // The same login may begin an upload now: what the engine had of it, a token, ended in the middle.
    pattern: /no basic auth credentials|unauthorized|authentication required/i,
    meaning: ({ domain }, name) => ({
      code: 'PUSH_DENIED',
      message: `${domain} no longer took the engine's login in the middle of the push of ${name}.`,
      hint: `Run \`docker login ${domain}\` as somebody who may push there, then push again; what it has already is not sent twice.`,
      again: true,
    }),
  },
  {
    pattern: /no space left/i,
    meaning: ({ domain }, name) => ({
      code: 'PUSH_FAILED',
      message: `There is no space left to push ${name}.`,
      hint: `Look at the disks of the engine and of ${domain}.`,
      again: false,
    }),
  },
  {
    pattern: /server gave HTTP response to HTTPS client/i,
    meaning: ({ domain }) => ({
      code: 'REGISTRY_UNREACHABLE',
      message: `${domain} speaks plain http, and that is for loopback registries alone.`,
      hint: 'Give the registry a certificate.',
      again: false,
    }),
  },
  {
    pattern: /x509:|tls: /i,
    meaning: ({ domain }) => ({
      code: 'REGISTRY_UNREACHABLE',
      message: `The engine does not trust the certificate of ${domain}.`,
      hint: `Put its CA into /etc/docker/certs.d/${domain}/ca.crt on the engine's machine.`,
      again: false,
    }),
  },
  {
    pattern: /manifest invalid|name invalid|tag invalid/i,
    meaning: ({ domain }, name) => ({
      code: 'PUSH_FAILED',
      message: `${domain} refused ${name}.`,
      hint: 'What the engine said is below.',
      again: false,
    }),
  },
  {
    pattern: outOfReach,
    meaning: ({ domain }) => ({
      code: 'REGISTRY_UNREACHABLE',
      message: `The engine cannot reach ${domain}.`,
      hint: `See whether ${domain} answers from the engine's machine: this one reaches it.`,
      again: true,
    }),
  },
];

function byWords(
  said: string,
  failure: RegistryFailure | null,
  host: RegistryHost,
  reference: Reference,
): Judgement {
  const name = formatReference(reference);
  if (immutable.test(said)) {
    return final(unmovable(host, `${reference.path}:${reference.tag}`, detailOf(said)));
  }
  const known = words
    .find(({ pattern }) => pattern.test(said))
    ?.meaning(host, `${reference.path}:${reference.tag}`);
  if (known && !(failure && known.code === 'REGISTRY_UNREACHABLE' && known.again)) {
    const { code, message, hint, again } = known;
    return { error: new DwtError(code, message, { hint, ...detailOf(said) }), again, afterMs: null };
  }
  // Out of reach from here as well: then this program's own words are the plainer ones.
  const error = failure
    ? new DwtError('REGISTRY_UNREACHABLE', `${host.domain} cannot be reached: ${failure.why}.`, {
        hint: 'See whether the registry runs and its name is right, then push again.',
        cause: failure,
        ...detailOf(said),
      })
    : new DwtError('PUSH_FAILED', `The push of ${name} was broken off.`, {
        hint: `The registry takes uploads now, so push again; if it stays so, look at the log of ${host.domain}.`,
        ...detailOf(said),
      });
  return { error, again: true, afterMs: null };
}

const final = (error: DwtError): Judgement => ({ error, again: false, afterMs: null });

const detailOf = (...said: readonly (string | undefined)[]): { detail?: string } => {
  const detail = said.filter(Boolean).join('\n');
  return detail === '' ? {} : { detail };
};

/** Upload URLs carry a state that is long and nobody's business. */
function quotable(thrown: unknown): string {
  const said =
    thrown instanceof EngineRefusal ? thrown.said : thrown instanceof Error ? thrown.message : String(thrown);
  return said.replace(/(https?:\/\/[^\s"?]+)\?[^\s"]*/g, '$1').slice(0, 2000);
}
