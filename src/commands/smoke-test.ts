import { Flags } from '@oclif/core';
import { type ArgsOf, BaseCommand, type FlagsOf } from '../cli/base-command.ts';
import { reportFlag, screenshotsFlag, stagesArgument } from '../cli/flags.ts';
import type { Outcome } from '../cli/outcome.ts';
import { pageOptions } from '../cli/page-options.ts';
import type { Session } from '../cli/session.ts';
import { DwtError } from '../errors.ts';
import type { ImageToTest } from '../workflows/smoke-test.ts';

/** Each image is several containers, and time is what is judged: a machine that is busy makes right images fail. */
const usualJobs = 2;

const kinds = ['tool', 'visualisation', 'sidecar', 'job'] as const;

export default class SmokeTest extends BaseCommand<typeof SmokeTest> {
  static override summary = 'Start each image as Data Workspace would, and judge its contract.';
  static override description =
    'Nothing is needed inside the image. Containers, networks and volumes are removed whatever happens.';
  static override examples = [
    { description: 'Judge every image of the project', command: '<%= config.bin %> <%= command.id %>' },
    {
      description: 'Judge one tool, with a report for Jenkins',
      command: '<%= config.bin %> <%= command.id %> python-jupyterlab --junit smoke-test.xml',
    },
    {
      description: "Look at the tools' pages in a real browser too, and keep what they look like",
      command: '<%= config.bin %> <%= command.id %> --page --screenshots screenshots',
    },
    {
      description: "Judge a user's own visualisation",
      command: '<%= config.bin %> <%= command.id %> --image my-dashboard:latest --kind visualisation',
    },
  ];
  static override args = { stage: stagesArgument };
  static override flags = {
    image: Flags.string({
      helpValue: 'REF',
      summary: 'Judge this image, built elsewhere, instead of stages of the project.',
    }),
    kind: Flags.option({ options: kinds })({
      summary: 'What the image is to be; tool if not given.',
      dependsOn: ['image'],
    }),
    page: Flags.boolean({
      summary: "Open the pages of tools and visualisations in this machine's chromium as well.",
    }),
    ...screenshotsFlag,
    junit: Flags.string({ helpValue: 'FILE', summary: 'Write a JUnit report as well.' }),
    jobs: Flags.integer({
      char: 'j',
      helpValue: 'N',
      min: 1,
      default: usualJobs,
      summary: 'How many images are judged at once.',
    }),
    ...reportFlag,
  };

  protected override async perform(
    flags: FlagsOf<typeof SmokeTest>,
    args: ArgsOf<typeof SmokeTest>,
    session: Session,
  ): Promise<Outcome> {
    const patterns = args.stage ?? [];
    const images =
      flags.image === undefined
        ? await ofProject(patterns, session)
        : [await alone(flags.image, flags.kind, patterns)];
    // Before minutes of judging, whose report would be lost.
    const junit = flags.junit === undefined ? null : await import('../report/junit.ts');
    if (flags.junit !== undefined) await junit?.prepareJunit(flags.junit);
    const pages = flags.page ? await pageOptions(flags, session.environment) : null;
    const engine = await session.engine();
    const { smokeTest } = await import('../workflows/smoke-test.ts');
    const result = await smokeTest({ ...session, engine, images, jobs: flags.jobs, pages });
    const unwritten = flags.junit === undefined ? null : await junit?.writeJunit(flags.junit, result);
    const { failuresOf, renderSmokeTest } = await import('../report/smoke-test.ts');
    return {
      json: result,
      text: (paper) => renderSmokeTest(result, paper),
      errors: [...failuresOf(result), ...(unwritten ? [unwritten] : [])],
      textTellsErrors: !unwritten,
      report: { tested: result.images },
    };
  }
}

async function ofProject(patterns: readonly string[], session: Session): Promise<ImageToTest[]> {
  const { imagesToTest } = await import('../workflows/smoke-test.ts');
  return imagesToTest(await session.project(), patterns);
}

async function alone(
  reference: string,
  kind: ImageToTest['kind'] = 'tool',
  patterns: readonly string[],
): Promise<ImageToTest> {
  const { foreignImage } = await import('../workflows/smoke-test.ts');
  if (patterns.length === 0) return foreignImage(reference, kind);
  throw new DwtError('USAGE', `--image ${reference} is judged alone, and stages were named as well.`, {
    hint: 'Leave out --image, or the stages.',
  });
}
