/** Makes the repositories that a push needs and ECR lacks; other registries make theirs by themselves. */
import pLimit from 'p-limit';
import { ecrHost, type PrivateEcr } from '../ecr/host.ts';
import type { Emit } from '../events.ts';
import type { RepositorySettings } from '../project/project.ts';
import { runTask } from '../task.ts';
import type { PushTarget } from './push-targets.ts';

export interface RepositoriesOptions {
  readonly targets: readonly Pick<PushTarget, 'reference'>[];
  readonly settings: RepositorySettings;
  /** Only looks for what is missing. */
  readonly dryRun: boolean;
  readonly emit: Emit;
}

/** ECR counts its calls by the second. */
const callsAtOnce = 4;

/**
 * Answers what was made, or would be, as `HOST/REPOSITORY`.
 *
 * @throws DwtError CREDENTIALS_UNAVAILABLE where AWS allows it to nobody of this machine; REGISTRY_UNREACHABLE
 */
export async function createRepositories(options: RepositoriesOptions): Promise<string[]> {
  const wanted = new Map<string, { readonly ecr: PrivateEcr; readonly names: Set<string> }>();
  const gallery = options.targets.find(({ reference }) => ecrHost(reference.domain)?.type === 'public');
  if (gallery) warnOfGallery(gallery.reference.domain, options.emit);
  for (const { reference } of options.targets) {
    const ecr = ecrHost(reference.domain);
    if (ecr?.type !== 'private') continue;
    const { names } = wanted.get(reference.domain) ?? { names: new Set() };
    wanted.set(reference.domain, { ecr, names: names.add(reference.path) });
  }
  const made: string[] = [];
  for (const [host, { ecr, names }] of wanted) made.push(...(await createAt(host, ecr, [...names], options)));
  return made;
}

const warnOfGallery = (host: string, emit: Emit): void =>
  emit({
    type: 'warning',
    message: `Repositories of ${host} are not created: they are for everybody to see.`,
    hint: 'Make them where you see what they say of themselves: `aws ecr-public create-repository`.',
  });

async function createAt(
  host: string,
  ecr: PrivateEcr,
  names: readonly string[],
  { settings, dryRun, emit }: RepositoriesOptions,
): Promise<string[]> {
  const { PrivateRegistry } = await import('../ecr/private.ts');
  const registry = new PrivateRegistry(host, ecr);
  const limit = pLimit(callsAtOnce);
  return await runTask(emit, `repositories of ${host}`, `Repositories of ${host}`, async (step) => {
    const made = await step('looking for repositories that are missing', () =>
      Promise.all(
        names.map((name) =>
          limit(async () => {
            if ((await registry.repository(name)) !== null) return [];
            return dryRun || (await registry.create(name, settings)) ? [`${host}/${name}`] : [];
          }),
        ),
      ),
    );
    const value = made.flat();
    const word = dryRun ? 'would be created' : 'created';
    return { value, detail: value.length === 0 ? 'all there' : `${word}: ${value.join(', ')}` };
  });
}
