/** What `dwt.yaml` may say. The JSON Schema for editors is made from this, descriptions included. */
import * as z from 'zod/mini';
import { checksSchema } from './checks-schema.ts';
import { described, named, text } from './described.ts';
import { kinds, proofs } from './vocabulary.ts';

const publish = described(
  z.strictObject({
    suffix: text('Completes the repository of an environment: it stands for {suffix} there.'),
    tag: z.optional(text('Tag that the image is published under. Default: latest')),
  }),
  'Under which name the image is published.',
);

const needs = (description: string) =>
  z.optional(
    described(z.array(text('debian, pypi, npm, conda, cran, or the name of an artifact')), description),
  );

const feature = described(
  z.strictObject({
    description: z.optional(text('One line for people.')),
    needs: needs('Package sources and artifacts that nothing but this feature needs.'),
    'opt-in': z.optional(
      described(
        z.boolean(),
        'Whether it is left out unless --with NAME asks for it: ARG WITH_NAME= is empty.',
      ),
    ),
  }),
  'An optional part of the stage. The Dockerfile knows feature NAME as ARG WITH_NAME=yes, which --without NAME makes empty.',
);

const stage = described(
  z.strictObject({
    kind: z.optional(
      described(
        z.enum(kinds),
        'What the image is for; it decides which contract the image must meet. Default: shared where other stages build on it, else tool',
      ),
    ),
    description: z.optional(text('One line for people.')),
    publish: z.optional(publish),
    needs: needs('Package sources and artifacts that its build takes things from.'),
    features: z.optional(
      described(
        z.record(z.string(), z.nullable(feature)),
        'Optional parts of the stage by name; one that several stages have is one feature.',
      ),
    ),
    checks: z.optional(checksSchema),
  }),
  'One stage of the Dockerfile.',
);

const environment = described(
  z.strictObject({
    registry: text(
      'Host of the registry, such as localhost:5000. A variable of the environment is written as a dollar sign and its name in braces.',
    ),
    repository: described(
      z
        .string()
        .check(
          z.includes('{suffix}', { message: 'does not contain {suffix}, which tells the images apart' }),
        ),
      "Repository of an image, with {suffix} where the stage's publish suffix goes.",
    ),
    releases: z.optional(
      text(
        'Repository where releases to this environment are written down. Default: the repository with the suffix releases',
      ),
    ),
    features: z.optional(
      described(z.literal('all'), 'all: an image that lacks a feature of its stage is not pushed here.'),
    ),
    proved: z.optional(
      described(
        z.enum(proofs),
        'contract: only an image that itself passed dwt smoke-test is pushed here; page: and was looked at with --page.',
      ),
    ),
    create: z.optional(
      described(
        z.strictObject({
          immutable: z.optional(
            described(z.boolean(), 'Whether tags that are there can never be moved. Default: false'),
          ),
          scan: z.optional(
            described(z.boolean(), 'Whether images are scanned when they are pushed. Default: false'),
          ),
        }),
        'How dwt push --create-repositories makes the repositories that ECR lacks.',
      ),
    ),
  }),
  'A place that images are published to.',
);

const artifact = described(
  z.strictObject({
    url: described(
      z.string().check(z.regex(/^(?:https?|file):\/\/\S+$/, 'is no URL: it starts with https://')),
      'Where the file is downloaded from.',
    ),
    sha256: z.optional(
      described(
        z.string().check(z.regex(/^[0-9a-f]{64}$/, 'is no SHA-256: 64 hexadecimal digits in lower case')),
        "The file's SHA-256, in quotes; without it the file must be given with --artifact.",
      ),
    ),
    'stand-in': z.optional(
      described(
        z.literal(true),
        'true: the file only stands in for the real one, as in tests. Images made with it say so, and so does every report on them.',
      ),
    ),
  }),
  'A third-party file that no package source has.',
);

export const projectSchema = described(
  z.strictObject({
    version: described(z.literal(1), 'Version of this file format.'),
    name: z.optional(
      text("The project's name; images are called NAME/STAGE on the engine. Default: the folder's name"),
    ),
    dockerfile: z.optional(text('Path of the Dockerfile within this folder. Default: Dockerfile')),
    environments: z.optional(
      named(environment, 'Where images are published to, by name (dev, staging, prod).'),
    ),
    artifacts: z.optional(named(artifact, 'Third-party files by name.')),
    stages: z.optional(
      named(z.nullable(stage), 'Every stage of the Dockerfile that has a name, by that name.'),
    ),
  }),
  'The project file of dwt: what the Dockerfile beside it cannot say.',
);

export type ProjectData = z.infer<typeof projectSchema>;
export type StageData = NonNullable<NonNullable<ProjectData['stages']>[string]>;
