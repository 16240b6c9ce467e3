import { Flags } from '@oclif/core';
import { type ArgsOf, BaseCommand, type FlagsOf } from '../cli/base-command.ts';
import { readBuildFlags, readBuildSecrets } from '../cli/build-options.ts';
import { buildFlags, reportFlag, screenshotsFlag, stagesArgument } from '../cli/flags.ts';
import type { Outcome } from '../cli/outcome.ts';
import { pageOptions } from '../cli/page-options.ts';
import { gitRevision } from '../cli/revision.ts';
import type { Session } from '../cli/session.ts';
import { DwtError } from '../errors.ts';
import type { ReleaseResult } from '../workflows/release-result.ts';

/** As `smoke-test` and `push` have them. */
const trialsAtOnce = 2;
const uploadsAtOnce = 4;

const { 'keep-going': _, ...ofBuild } = buildFlags;

export default class Release extends BaseCommand<typeof Release> {
  static override summary = 'Build, prove and publish: all images, or none.';
  static override description =
    'Builds what has changed, judges it, and sends the same bits. Each image goes up under a tag of its own (TAG-ID), with the report of its smoke test, a bill of materials and its provenance attached. The tags that people use move last and together; where one does not, those that did are put back. What the environment has already is neither judged nor sent again.';
  static override examples = [
    { description: 'Release every image', command: '<%= config.bin %> <%= command.id %> --env dev' },
    {
      description: "Look at the tools' pages too, with a report for Jenkins",
      command: '<%= config.bin %> <%= command.id %> --env staging --page --junit release.xml',
    },
    {
      description: 'On several machines: each prepares its part, and one moves all tags',
      command: `<%= config.bin %> <%= command.id %> 'python*' --env dev --id build-417 --prepare
<%= config.bin %> <%= command.id %> 'rv4*' --env dev --id build-417 --prepare
<%= config.bin %> <%= command.id %> --env dev --id build-417 --finish`,
    },
    {
      description: 'Go on with a release that was broken off',
      command: '<%= config.bin %> <%= command.id %> --env dev --resume',
    },
  ];
  static override args = { stage: stagesArgument };
  static override flags = {
    env: Flags.string({ helpValue: 'NAME', required: true, summary: 'Environment of the project file.' }),
    id: Flags.string({
      helpValue: 'ID',
      summary: 'What the release is called. Default: the time and the git revision.',
    }),
    prepare: Flags.boolean({
      summary: 'Build, prove and send, and leave the tags where they are, for --finish.',
      dependsOn: ['id'],
      exclusive: ['finish', 'resume', 'dry-run'],
    }),
    finish: Flags.boolean({
      summary: 'Move the tags of all that was prepared under the id.',
      dependsOn: ['id'],
      exclusive: ['resume', 'dry-run'],
    }),
    resume: Flags.boolean({
      summary: 'Go on with the last release that was begun, or that of --id, with the images that it had.',
      exclusive: ['dry-run'],
    }),
    'dry-run': Flags.boolean({ summary: 'Only say what would be released.' }),
    'create-repositories': Flags.boolean({
      summary: 'Create the repositories that ECR lacks, that of the records too.',
    }),
    page: Flags.boolean({
      summary: "Open the pages of tools and visualisations in this machine's chromium as well.",
    }),
    ...screenshotsFlag,
    junit: Flags.string({ helpValue: 'FILE', summary: 'Write a JUnit report of what was judged as well.' }),
    ...reportFlag,
    ...ofBuild,
  };

  protected override async perform(
    flags: FlagsOf<typeof Release>,
    args: ArgsOf<typeof Release>,
    session: Session,
  ): Promise<Outcome> {
    const { checkReleaseId } = await import('../release/release-id.ts');
    if (flags.id !== undefined) checkReleaseId(flags.id);
    const junit = flags.junit === undefined ? null : await import('../report/junit.ts');
    if (flags.junit !== undefined) await junit?.prepareJunit(flags.junit);
    const result = await (flags.finish || flags.resume
      ? goOn(flags, args.stage ?? [], session)
      : begin(flags, args.stage ?? [], session));
    const tested = { images: result.tested };
    const unwritten = flags.junit === undefined ? null : await junit?.writeJunit(flags.junit, tested);
    const [{ renderRelease }, { failuresOf }] = await Promise.all([
      import('../report/release.ts'),
      import('../report/smoke-test.ts'),
    ]);
    return {
      json: result,
      text: (paper) => renderRelease(result, paper),
      errors: [
        ...result.images.flatMap(({ error }) => error ?? []),
        ...failuresOf(tested),
        ...(unwritten ? [unwritten] : []),
      ],
      report: {
        ...(result.built && { built: result.built }),
        tested: result.tested,
        published: result.images,
        facts: [['Environment', flags.env], ...(result.id === null ? [] : [['Release', result.id] as const])],
      },
    };
  }
}

async function begin(
  flags: FlagsOf<typeof Release>,
  stages: readonly string[],
  session: Session,
): Promise<ReleaseResult> {
  const { environment, emit, signal } = session;
  const given = readBuildFlags({ ...flags, 'keep-going': false }, environment);
  const [{ projectOnEngine }, { release }, { repositorySettings }] = await Promise.all([
    import('../workflows/project-on-engine.ts'),
    import('../workflows/release.ts'),
    import('../workflows/push-targets.ts'),
  ]);
  const [secrets, { project, engine, options }] = await Promise.all([
    readBuildSecrets({ ...flags, 'keep-going': false }, environment),
    projectOnEngine(session.project, given, session.engine),
  ]);
  const demanded = project.environments.get(flags.env)?.proved === 'page';
  return release({
    project,
    engine,
    stages,
    env: flags.env,
    id: flags.id ?? null,
    prepare: flags.prepare,
    dryRun: flags['dry-run'],
    createRepositories: flags['create-repositories'] ? repositorySettings(project, { env: flags.env }) : null,
    build: { ...options, secrets, credentials: session.credentials },
    trials: trialsAtOnce,
    uploads: uploadsAtOnce,
    pages: flags.page || demanded ? await pageOptions(flags, environment) : null,
    environment,
    revision: () => gitRevision(project.folder),
    emit,
    signal,
  });
}

async function goOn(
  flags: FlagsOf<typeof Release>,
  stages: readonly string[],
  session: Session,
): Promise<ReleaseResult> {
  const { environment, emit, signal } = session;
  const {
    buildArguments,
    platform,
    without,
    with: asked,
  } = readBuildFlags({ ...flags, 'keep-going': false }, environment);
  const project = await session.project({ buildArguments, platform, without, with: asked });
  const { finishRelease, resumeRelease } = await import('../workflows/release-finish.ts');
  const common = { project, env: flags.env, environment, emit, signal };
  if (flags.finish) return finishRelease({ ...common, id: flags.id ?? '', stages });
  if (stages.length > 0) {
    throw new DwtError('USAGE', 'A release goes on with all the images that it was begun with.', {
      hint: 'Leave the stages out, or begin another release without --resume.',
    });
  }
  return resumeRelease({
    ...common,
    engine: session.engine,
    id: flags.id ?? null,
    uploads: uploadsAtOnce,
    buildArguments,
  });
}
