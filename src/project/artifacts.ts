/** Artifacts: third-party files that the Dockerfile finds at a reserved path of the build context. */
import { featuresOf } from './features.ts';
import type { Project } from './project.ts';

/**
 * Whether nothing that is built needs the artifact: only features need it, and all of those are left out. The
 * Dockerfile then finds an empty file in its place, so that a mount of it holds either way.
 */
export function isLeftOut(artifact: string, project: Pick<Project, 'settings' | 'without'>): boolean {
  const plainly = [...project.settings.values()].some(({ needs }) => needs.includes(artifact));
  const features = featuresNeeding(artifact, project);
  return !plainly && features.length > 0 && features.every((feature) => project.without.has(feature));
}

/** Names of the features that need it. */
export const featuresNeeding = (artifact: string, project: Pick<Project, 'settings'>): string[] =>
  [...featuresOf(project)].flatMap(([name, { needs }]) => (needs.includes(artifact) ? [name] : []));
