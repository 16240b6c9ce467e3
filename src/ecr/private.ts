/** A private ECR registry by its own API. The only place that knows its client, which takes long to load. */
import {
  CreateRepositoryCommand,
  DescribeRepositoriesCommand,
  ECRClient,
  GetAuthorizationTokenCommand,
} from '@aws-sdk/client-ecr';
import { DwtError } from '../errors.ts';
import type { RepositorySettings } from '../project/project.ts';
import type { Login } from '../registry/credentials.ts';
import { call, clientSettings, endOf, loginOf } from './calls.ts';
import type { PrivateEcr } from './host.ts';

/** What ECR says of one repository. */
export interface EcrRepository {
  readonly name: string;
  /** Whether a tag that is there can be moved; false where tags are immutable, with or without exceptions. */
  readonly mutable: boolean;
  /** Whether no tag that is there can be moved, without exceptions. */
  readonly immutable: boolean;
}

export class PrivateRegistry {
  readonly #host: string;
  readonly #ecr: PrivateEcr;
  readonly #client: ECRClient;

  /** @param host as people and errors name it */
  constructor(host: string, ecr: PrivateEcr) {
    this.#host = host;
    this.#ecr = ecr;
    // Names of an endpoint of one's own and of one of AWS's kinds exclude one another.
    const own = process.env['AWS_ENDPOINT_URL_ECR'] ?? process.env['AWS_ENDPOINT_URL'];
    this.#client = new ECRClient({
      ...clientSettings(ecr.region),
      ...(!own && { useFipsEndpoint: ecr.fips, useDualstackEndpoint: ecr.dualStack }),
    });
  }

  /** @throws DwtError CREDENTIALS_UNAVAILABLE, REGISTRY_UNREACHABLE */
  async login(): Promise<Login> {
    const command = new GetAuthorizationTokenCommand({ registryIds: [this.#ecr.account] });
    const answer = await this.#call('GetAuthorizationToken', (abortSignal) =>
      this.#client.send(command, { abortSignal }),
    );
    const [{ authorizationToken, expiresAt } = {}] = answer?.authorizationData ?? [];
    const auth = loginOf(authorizationToken);
    if (auth === null)
      throw new DwtError('CREDENTIALS_UNAVAILABLE', `AWS gave no token for ${this.#host}.`, {
        hint: 'See what `aws ecr get-login-password` gives.',
      });
    return { auth: { ...auth, serverAddress: this.#host }, source: 'AWS', expiresAt: endOf(expiresAt) };
  }

  /** What there is of a repository; null where there is none of that name. */
  async repository(name: string): Promise<EcrRepository | null> {
    const registryId = this.#ecr.account;
    const command = new DescribeRepositoriesCommand({ registryId, repositoryNames: [name] });
    const answer = await this.#call(
      'DescribeRepositories',
      (abortSignal) => this.#client.send(command, { abortSignal }),
      'RepositoryNotFoundException',
    );
    const found = answer?.repositories?.[0];
    if (!found) return null;
    const { imageTagMutability: mutability = 'MUTABLE' } = found;
    return { name, mutable: !mutability.startsWith('IMMUTABLE'), immutable: mutability === 'IMMUTABLE' };
  }

  /** Makes a repository; false where somebody else has made it meanwhile. */
  async create(name: string, { immutable, scan }: RepositorySettings): Promise<boolean> {
    const command = new CreateRepositoryCommand({
      registryId: this.#ecr.account,
      repositoryName: name,
      imageTagMutability: immutable ? 'IMMUTABLE' : 'MUTABLE',
      imageScanningConfiguration: { scanOnPush: scan },
    });
    const answer = await this.#call(
      'CreateRepository',
      (abortSignal) => this.#client.send(command, { abortSignal }),
      'RepositoryAlreadyExistsException',
    );
    return answer !== null;
  }

  #call<T>(operation: string, work: (limits: AbortSignal) => Promise<T>, expected?: string) {
    return call({ host: this.#host, action: `ecr:${operation}` }, work, expected);
  }
}
