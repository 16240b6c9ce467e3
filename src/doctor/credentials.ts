/** Whether pushes will find the credentials that docker's configuration promises. */

import { asDwtError } from '../errors.ts';
import { findProgram } from '../host/command.ts';
import { readDockerConfig } from '../registry/docker-config.ts';
import { type Check, fail, ok, warn } from './check.ts';

export async function checkCredentials(environment: NodeJS.ProcessEnv): Promise<Check> {
  try {
    const config = await readDockerConfig(environment);
    if (config === null) {
      return warn(
        'credentials',
        'no docker configuration: pushes are anonymous, but for ECR',
        'Run docker login REGISTRY for a registry that asks for a password.',
      );
    }
    const { auths = {}, credsStore, credHelpers = {} } = config.content;
    const helpers = [...new Set([credsStore, ...Object.values(credHelpers)])].filter(
      (helper) => helper !== undefined && helper !== '',
    );
    const missing = helpers.filter(
      (helper) => findProgram(`docker-credential-${helper}`, environment) === null,
    );
    if (missing.length > 0) {
      const programs = missing.map((helper) => `docker-credential-${helper}`).join(', ');
      return fail(
        'credentials',
        `docker's configuration names ${programs}, which this machine does not have`,
        `Install ${programs}, or take it out of docker's config.json.`,
      );
    }
    const stored = Object.keys(auths).length;
    return ok('credentials', `${stored} stored, ${helpers.length} credential helpers, all there`);
  } catch (thrown) {
    const error = asDwtError(thrown);
    return fail('credentials', error.message, error.hint ?? null);
  }
}
