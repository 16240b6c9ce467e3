/** The repository of an environment where its releases are written down, each under its own tag. */
import { hostname, userInfo } from 'node:os';
import { DwtError } from '../errors.ts';
import { parseJson, readDocument, sendDocument } from '../evidence/document.ts';
import type { RegistryClient } from '../registry/client.ts';
import { type ReleaseRecord, readRecord, recordType } from './record.ts';
import { currentTag, lastTag } from './release-id.ts';

/** Calls to the registry, tried again where they failed by chance. */
export type Reliably = <T>(path: string, tag: string, work: () => Promise<T>) => Promise<T>;

export interface LedgerOptions {
  readonly client: RegistryClient;
  readonly path: string;
  readonly reliably: Reliably;
}

/** Longer chains are somebody's mistake. */
const longestHistory = 1000;

export class Ledger {
  readonly client: RegistryClient;
  /** The repository. */
  readonly path: string;
  readonly #reliably: Reliably;

  constructor({ client, path, reliably }: LedgerOptions) {
    this.client = client;
    this.path = path;
    this.#reliably = reliably;
  }

  /** The record under a tag; null for none. */
  async read(tag: string): Promise<ReleaseRecord | null> {
    const document = await this.#reliably(this.path, tag, () => readDocument(this.client, this.path, tag));
    if (document === null) return null;
    const record = readRecord(parseJson(document.bytes));
    if (record) return record;
    throw new DwtError(
      'RELEASE_UNREADABLE',
      `${this.path}:${tag} is no record of a release that this dwt reads.`,
      {
        hint: 'A newer dwt wrote it, or somebody else uses that repository: name another one as `releases` of the environment.',
      },
    );
  }

  /** What was released last and completed: what is in force now; null before the first. */
  current(): Promise<ReleaseRecord | null> {
    return this.read(currentTag);
  }

  /** What was begun last, whatever became of it. */
  last(): Promise<ReleaseRecord | null> {
    return this.read(lastTag);
  }

  /** Writes a record under its id and as the last; as the current one too where it is completed. */
  async write(record: ReleaseRecord): Promise<ReleaseRecord> {
    const also = record.state === 'completed' ? [lastTag, currentTag] : [lastTag];
    await this.#put(record, [record.id, ...also]);
    return record;
  }

  /** Writes what one of several runs has prepared, for whoever puts them together. */
  async writePart(record: ReleaseRecord, part: string): Promise<void> {
    await this.#put(record, [`${record.id}.${part}`]);
  }

  async parts(id: string): Promise<ReleaseRecord[]> {
    const tags = (await this.#reliably(this.path, id, () => this.client.tags(this.path))) ?? [];
    const read = tags.filter((tag) => tag.startsWith(`${id}.`)).map((tag) => this.read(tag));
    return (await Promise.all(read)).filter((part) => part !== null);
  }

  /**
   * The releases in force, newest first: each with what it left as it was. Read only as far as it is asked for.
   *
   * @throws DwtError RELEASE_UNREADABLE where one is gone
   */
  async *history(): AsyncGenerator<ReleaseRecord, void, void> {
    const current = await this.current();
    let id = current?.inForce ?? null;
    for (let length = 0; id !== null && length < longestHistory; length++) {
      const record = id === current?.id ? current : await this.read(id);
      if (record === null) {
        throw new DwtError(
          'RELEASE_UNREADABLE',
          `The record of the release ${id} is gone from ${this.path}.`,
          {
            hint: 'A rule of the registry, or somebody, deleted it: keep that repository out of such rules.',
          },
        );
      }
      yield record;
      id = record.previous;
    }
  }

  async #put(record: ReleaseRecord, tags: readonly string[]): Promise<void> {
    const document = {
      artifactType: recordType,
      mediaType: recordType,
      bytes: Buffer.from(JSON.stringify(record, null, 2)),
      annotations: {
        'org.opencontainers.image.title': `release ${record.id} to ${record.environment}: ${record.state}`,
        'org.opencontainers.image.created': record.at,
      },
    };
    const [first = record.id] = tags;
    const manifest = await this.#reliably(this.path, first, () =>
      sendDocument(this.client, this.path, document, null),
    );
    for (const tag of tags)
      await this.#reliably(this.path, tag, () => this.client.putManifest(this.path, tag, manifest));
  }
}

/** Who releases, for those who ask. */
export function whoami(environment: NodeJS.ProcessEnv): string {
  // Of a job, the job says more than the account that it runs as.
  const job = environment['BUILD_TAG'] ?? environment['CI_JOB_URL'] ?? environment['GITHUB_RUN_ID'];
  const account = `${accountName()}@${hostname()}`;
  return job ? `${account} (${job})` : account;
}

function accountName(): string {
  try {
    return userInfo().username;
  } catch {
    // An account without a name, as containers have.
    return String(process.getuid?.() ?? 'somebody');
  }
}
