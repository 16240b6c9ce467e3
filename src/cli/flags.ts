/** Flags and arguments that several commands take. */
import { Args, Flags, type Interfaces } from '@oclif/core';
import { DwtError } from '../errors.ts';
import { conceal, soundsSecret } from '../redact.ts';

export const stagesArgument = Args.string({
  name: 'STAGE',
  description: 'Stages by name or glob (python-*). Default: every image of the project.',
  multiple: true,
  // Without stages a command is for every image, also where something is piped to it that it has not asked for.
  ignoreStdin: true,
});

/** What `build` takes, and `plan` as well. */
export const buildFlags = {
  'build-arg': Flags.string({
    helpGroup: 'BUILD',
    helpValue: 'KEY=VALUE',
    multiple: true,
    multipleNonGreedy: true,
    summary: 'Value of an ARG of the Dockerfile; KEY alone takes it from the environment.',
  }),
  secret: Flags.string({
    helpGroup: 'BUILD',
    helpValue: 'id=ID,src=FILE',
    multiple: true,
    multipleNonGreedy: true,
    summary: 'Secret for RUN --mount=type=secret; env=VARIABLE instead of src=FILE.',
  }),
  'build-ca': Flags.string({
    helpGroup: 'BUILD',
    helpValue: 'FILE',
    summary: 'CA certificate that RUN steps trust besides those of this machine.',
  }),
  without: Flags.string({
    helpGroup: 'BUILD',
    helpValue: 'FEATURE',
    multiple: true,
    multipleNonGreedy: true,
    summary: 'Feature of dwt.yaml to leave out.',
  }),
  with: Flags.string({
    helpGroup: 'BUILD',
    helpValue: 'FEATURE',
    multiple: true,
    multipleNonGreedy: true,
    summary: 'Feature of dwt.yaml to have, where it is left out unless asked for.',
  }),
  artifact: Flags.string({
    helpGroup: 'BUILD',
    helpValue: 'NAME=FILE',
    multiple: true,
    multipleNonGreedy: true,
    summary: 'File for an artifact of dwt.yaml, instead of fetching it.',
  }),
  platform: Flags.string({
    helpGroup: 'BUILD',
    helpValue: 'OS/ARCH',
    summary: 'Platform to build for, such as linux/arm64.',
  }),
  jobs: Flags.integer({
    char: 'j',
    helpGroup: 'BUILD',
    helpValue: 'N',
    min: 1,
    summary: 'How many stages are built at once. Default: 16; the engine decides how many steps run at once.',
  }),
  'keep-going': Flags.boolean({ helpGroup: 'BUILD', summary: 'Build what can be built after a failure.' }),
  'no-cache': Flags.boolean({
    helpGroup: 'BUILD',
    summary:
      'Run every step again. All stages are then built at once, whatever --jobs says, so that shared ones run once.',
  }),
  'cache-ttl': Flags.string({
    helpGroup: 'BUILD',
    helpValue: '12h',
    summary:
      'Fetch packages again where the cached ones are older (s, m, h, d), by ARG PACKAGES_EPOCH of the Dockerfile.',
  }),
};

/** Of the commands that do the long work; `BaseCommand` writes what it asks for. */
export const reportFlag = {
  report: Flags.string({
    helpValue: 'DIR',
    summary: 'Write DIR/index.html as well: the whole run as one page, whatever became of it.',
  }),
};

/** Beside a flag `page`. */
export const screenshotsFlag = {
  screenshots: Flags.string({
    helpValue: 'DIR',
    summary:
      'Keep a screenshot of every page there. Default: of failed pages only, in a temporary folder; with --report, of every page, in its folder screenshots.',
    dependsOn: ['page'],
  }),
};

/**
 * `KEY=VALUE` words as an object; values of keys that sound secret are concealed.
 *
 * @throws DwtError USAGE
 */
export function parseAssignments(
  flag: string,
  words: readonly string[],
  environment: NodeJS.ProcessEnv,
): Record<string, string> {
  const values: Record<string, string> = {};
  for (const word of words) {
    const equals = word.indexOf('=');
    const key = equals === -1 ? word : word.slice(0, equals);
    const value = equals === -1 ? environment[key] : word.slice(equals + 1);
    if (!/^[A-Za-z_][\w.-]*$/.test(key)) {
      throw new DwtError('USAGE', `A --${flag} has no name before its value.`, {
        hint: `Write it as --${flag} NAME=VALUE.`,
      });
    }
    if (value === undefined) {
      throw new DwtError('USAGE', `--${flag} ${key} has no value, and no variable ${key} is set.`, {
        hint: `Write it as --${flag} ${key}=VALUE.`,
      });
    }
    if (soundsSecret(key)) conceal(value);
    values[key] = value;
  }
  return values;
}

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86400, w: 604800 };

/**
 * `90s`, `12h`, `1d12h` in milliseconds.
 *
 * @throws DwtError USAGE
 */
export function parseDuration(flag: string, text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)([smhdw])/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text) {
    throw new DwtError('USAGE', `--${flag} ${text} is not a duration.`, {
      hint: 'Write a number and a unit: 90s, 30m, 12h, 7d.',
    });
  }
  return (
    parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (unitSeconds[unit ?? ''] ?? 0), 0) * 1000
  );
}

export type FlagsOfBuild = Interfaces.InferredFlags<typeof buildFlags>;
