/** What `checks:` of a stage may say in `dwt.yaml`. */
import * as z from 'zod/mini';
import { described, duration, named, text } from './described.ts';

/** `false` takes away what the parent stage declares. */
const orFalse = <Schema extends z.ZodMiniType>(schema: Schema, description: string) =>
  described(z.union([schema, z.literal(false)]), `${description} false: not what the parent stage declares.`);

const path = (description: string) =>
  described(z.string().check(z.startsWith('/', 'does not start with /')), description);

const oneOrMore = <Schema extends z.ZodMiniType>(schema: Schema, description: string) =>
  described(z.union([schema, z.array(schema).check(z.minLength(1, 'is empty'))]), description);

const status = z.int().check(z.minimum(100, 'is no HTTP status'), z.maximum(599, 'is no HTTP status'));
const port = z.int().check(z.minimum(1, 'is no port'), z.maximum(65535, 'is no port'));
const exitCode = z.int().check(z.minimum(0, 'is no exit code'), z.maximum(255, 'is no exit code'));

const http = orFalse(
  z.strictObject({
    path: z.optional(path('Path that is asked for on port 8888. Default: /')),
    status: z.optional(oneOrMore(status, 'The right HTTP status, or a list of them. Default: 200')),
  }),
  'What the image answers over HTTP.',
);

const mark = z.union([
  z.string().check(z.minLength(1, 'is empty')),
  z.strictObject({ selector: text('CSS selector of an element, for what is no text.') }),
]);

const page = orFalse(
  z.strictObject({
    path: z.optional(path('Path of the page that is opened. Default: the path of http')),
    visible: z.optional(
      oneOrMore(
        mark,
        'Text that people must see on the page, {selector: CSS} for what is no text, or a list of both.',
      ),
    ),
    within: z.optional(duration('How long all of that may take to be seen. Default: 30s')),
    prefix: z.optional(
      orFalse(
        z.record(
          z.string(),
          z.string().check(
            z.includes('{prefix}', {
              message: 'does not contain {prefix}, which stands for the path, such as user/lab',
            }),
          ),
        ),
        'Variables that tell the tool under which path a proxy serves it, such as {BASE_URL: "/{prefix}/"}. The page is then opened under a path as well.',
      ),
    ),
    allow: z.optional(
      named(
        z.union([z.string().check(z.minLength(1, 'gives no reason')), z.literal(false)]),
        'What is found wrong with the page and is none, by some of its words: why it is none. false: not what the parent stage allows.',
      ),
    ),
  }),
  'What people see of the image in a browser; looked at by dwt smoke-test --page.',
);

const commands = named(
  z.union([z.string().check(z.minLength(1, 'is empty')), z.literal(false)]),
  'Shell commands by name, run in the container as dw-user with the environment of the tool; each must end with 0. false: not what the parent stage declares.',
);

const metrics = orFalse(
  z.strictObject({
    path: z.optional(path('Path of the exposition. Default: /__metrics')),
    port: z.optional(described(port, 'Port, given to the sidecar as PORT. Default: 9121')),
    names: z.optional(
      described(
        z.array(text('Name of a metric.')),
        'Metrics that must have samples. Default: the usual ones',
      ),
    ),
  }),
  'The Prometheus exposition of a sidecar.',
);

const sync = orFalse(
  z.strictObject({
    home: z.optional(path('Where the sidecar has the home of the tool. Default: /home/dw-user')),
    within: z.optional(duration('How long a file may take, each way. Default: 60s')),
  }),
  'That a sidecar keeps a folder of a bucket and the home the same: a file goes both ways.',
);

const ends = orFalse(
  z.strictObject({
    within: z.optional(duration('How long a job may run. Default: 60s')),
    status: z.optional(oneOrMore(exitCode, 'The right exit code, or a list of them. Default: 0')),
  }),
  'How a job ends.',
);

export const checksSchema = described(
  z.strictObject({
    http: z.optional(http),
    page: z.optional(page),
    commands: z.optional(commands),
    metrics: z.optional(metrics),
    sync: z.optional(sync),
    ends: z.optional(ends),
    'ready-within': z.optional(
      duration('How long the image may take until its first right answer, such as 60s.'),
    ),
  }),
  "What must hold of the running image beyond its kind's contract. Stages built FROM this one inherit it, key by key.",
);

export type ChecksData = z.infer<typeof checksSchema>;
