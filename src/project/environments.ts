/** Where images are published to, with the variables of the moment put in. */
import { DwtError } from '../errors.ts';
import { nearest } from '../hierarchy/select.ts';
import type { Environment, Project } from './project.ts';

export interface PublishTarget {
  /** Host, with a port where it has one. */
  readonly registry: string;
  /** With `{suffix}` still in it. */
  readonly repository: string;
  /** The repository where releases to this environment are written down. */
  readonly releases: string;
}

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * The named environment with every `${NAME}` and `${NAME:-default}` substituted.
 *
 * @throws DwtError ENVIRONMENT_UNKNOWN with the nearest name; VARIABLE_UNSET with the variable and its place.
 */
export function resolveEnvironment(
  project: Pick<Project, 'environments'>,
  name: string,
  variables: Variables,
): PublishTarget {
  const environment = project.environments.get(name);
  if (!environment) throw unknown(name, [...project.environments.keys()]);
  const registry = substitute(environment, 'registry', variables);
  if (!/^[a-zA-Z0-9.[\]:-]+$/.test(registry)) {
    throw new DwtError(
      'REFERENCE_INVALID',
      `The registry "${registry}" of the environment "${name}" is not a host.`,
      {
        hint: 'A registry is HOST or HOST:PORT, without a scheme and a path; a path goes into "repository".',
        ...(environment.locations && { location: environment.locations.registry }),
      },
    );
  }
  const repository = substitute(environment, 'repository', variables);
  const releases =
    environment.releases === null
      ? repository.replaceAll('{suffix}', 'releases')
      : substitute(environment, 'releases', variables);
  return { registry, repository, releases };
}

function substitute(
  environment: Environment,
  field: 'registry' | 'repository' | 'releases',
  variables: Variables,
): string {
  return (environment[field] ?? '').replace(
    /\$\{([A-Za-z_][A-Za-z0-9_]*)(:-([^}]*))?\}/g,
    (_whole, variable: string, modifier?: string, fallback?: string) => {
      const value = variables[variable];
      if (value) return value;
      if (modifier !== undefined) return fallback ?? '';
      throw new DwtError(
        'VARIABLE_UNSET',
        `The variable ${variable} is ${value === '' ? 'empty' : 'not set'}, and the ${field} of the environment "${environment.name}" needs it.`,
        {
          hint: `Set it: export ${variable}=…`,
          ...(environment.locations && { location: environment.locations[field] }),
        },
      );
    },
  );
}

function unknown(name: string, names: readonly string[]): DwtError {
  const near = nearest(name, names);
  return new DwtError('ENVIRONMENT_UNKNOWN', `There is no environment "${name}".`, {
    hint: near
      ? `Did you mean "${near}"?`
      : names.length > 0
        ? `Environments are ${names.join(', ')}.`
        : 'The project file names none: add "environments:", or push with --registry HOST.',
  });
}
