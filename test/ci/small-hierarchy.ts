/** Two families of images that are built and proved in seconds, and what is published of them. */
import { randomBytes } from 'node:crypto';
import { connectEngine } from '../../src/engine/connect.ts';
import { testBase, testEngine } from '../support/engine.ts';
import type { TestRegistry } from '../support/registry.ts';

export interface SmallHierarchy {
  /** Unique: the first part of its images' names. */
  readonly name: string;
  /** Of the project's folder, by name; `python` is a step of the stage of that name. */
  files(python?: string): { Dockerfile: string; 'dwt.yaml': string };
}

const job = (suffix: string) =>
  `{kind: job, publish: {suffix: ${suffix}, tag: master}, checks: {ends: {within: 20s, status: 0}}}`;

export function hierarchyOf(purpose: string): SmallHierarchy {
  const name = `test-${purpose}-${randomBytes(4).toString('hex')}`;
  return {
    name,
    files: (python = 'RUN echo python > /python') => ({
      Dockerfile: `
FROM ${testBase()} AS base
RUN echo ${name} > /base
FROM base AS python
${python}
FROM python AS python-lab
CMD ["true"]
FROM python AS python-editor
CMD ["true"]
FROM base AS rv4
FROM rv4 AS rv4-studio
ENV R=4
CMD ["true"]
`,
      'dwt.yaml': `
version: 1
name: ${name}
environments:
  dev: {registry: "\${REGISTRY}", repository: "dev-{suffix}"}
  staging: {registry: "\${REGISTRY}", repository: "staging-{suffix}"}
  prod: {registry: "\${REGISTRY}", repository: "prod-{suffix}"}
stages:
  base: {kind: shared}
  python: {kind: shared}
  rv4: {kind: shared}
  python-lab: ${job('lab')}
  python-editor: ${job('editor')}
  rv4-studio: ${job('studio')}
`,
    }),
  };
}

/** The digest under a repository's tag `master`; null where there is none. */
export async function published({ host }: TestRegistry, name: string): Promise<string | null> {
  const kinds = [
    'application/vnd.docker.distribution.manifest.v2+json',
    'application/vnd.oci.image.manifest.v1+json',
  ];
  const answer = await fetch(`http://${host}/v2/${name}/manifests/master`, {
    method: 'HEAD',
    headers: { Accept: kinds.join(', ') },
  });
  return answer.ok ? answer.headers.get('docker-content-digest') : null;
}

export async function removeImages(project: string): Promise<void> {
  const engine = await connectEngine({ engine: testEngine(), environment: process.env });
  try {
    for (const { references, id } of await engine.imagesByLabel([`dwt.project=${project}`]))
      for (const reference of references.length > 0 ? references : [id]) await engine.removeImage(reference);
  } finally {
    engine.close();
  }
}
