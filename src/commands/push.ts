import { Flags } from '@oclif/core';
import { type ArgsOf, BaseCommand, type FlagsOf } from '../cli/base-command.ts';
import { reportFlag, stagesArgument } from '../cli/flags.ts';
import type { Outcome } from '../cli/outcome.ts';
import type { Session } from '../cli/session.ts';

/** More connections make a registry slow rather than a push fast. */
const usualJobs = 4;

export default class Push extends BaseCommand<typeof Push> {
  static override summary = 'Tag and push the images that have changed.';
  static override description =
    "Nothing that the registry has is sent again, and a layer that several images share is sent once. What may pass by itself (a cut connection, 429, 5xx) is tried again, with a pause that grows and Retry-After honoured, up to five times and not after 45 s in which nothing arrived. Credentials are those of docker on this machine (docker login, or the helpers that its configuration names), at ECR those of AWS's default chain; they are renewed where they end in the middle of a push.";
  static override examples = [
    {
      description: 'Publish every image to an environment of dwt.yaml',
      command: '<%= config.bin %> <%= command.id %> --env dev',
    },
    {
      description: 'Publish one image to a registry of your own',
      command: '<%= config.bin %> <%= command.id %> python-jupyterlab --registry localhost:5000/tools',
    },
    {
      description: 'Give each image two tags more: the git revision and the day that it was built of',
      command: "<%= config.bin %> <%= command.id %> --env dev --tag '{tag}-{revision}' --tag '{tag}-{date}'",
    },
    {
      description: 'Only say what would be sent',
      command: '<%= config.bin %> <%= command.id %> --env dev --dry-run',
    },
  ];
  static override args = { stage: stagesArgument };
  static override flags = {
    env: Flags.string({
      helpValue: 'NAME',
      summary: 'Environment of the project file.',
      exactlyOne: ['env', 'registry'],
    }),
    registry: Flags.string({
      helpValue: 'HOST[/PATH]',
      summary: 'Registry instead of an environment: images are HOST/PATH/SUFFIX:TAG.',
    }),
    tag: Flags.string({
      helpValue: 'TAG',
      multiple: true,
      multipleNonGreedy: true,
      summary:
        "Further tag of each image, put before its own: {revision}, {date} (of the build), {stage} and {tag} stand for the image's.",
    }),
    'create-repositories': Flags.boolean({
      summary: 'Create the repositories that ECR lacks, as the environment says under "create".',
    }),
    'dry-run': Flags.boolean({ summary: 'Look at what is there, and send nothing.' }),
    jobs: Flags.integer({
      char: 'j',
      helpValue: 'N',
      min: 1,
      default: usualJobs,
      summary: 'How many images are sent at once.',
    }),
    ...reportFlag,
  };

  protected override async perform(
    flags: FlagsOf<typeof Push>,
    args: ArgsOf<typeof Push>,
    session: Session,
  ): Promise<Outcome> {
    const project = await session.project();
    const [{ pushTargets, repositorySettings }, { pushImages }, { checkTagTemplate }] = await Promise.all([
      import('../workflows/push-targets.ts'),
      import('../workflows/push.ts'),
      import('../workflows/push-tags.ts'),
    ]);
    const tags = flags.tag ?? [];
    for (const template of tags) checkTagTemplate(template);
    const destination = flags.env === undefined ? { registry: flags.registry ?? '' } : { env: flags.env };
    const targets = pushTargets(project, args.stage ?? [], destination, session.environment);
    const engine = await session.engine();
    const result = await pushImages({
      ...session,
      project,
      engine,
      targets,
      tags,
      jobs: flags.jobs,
      dryRun: flags['dry-run'],
      createRepositories: flags['create-repositories'] ? repositorySettings(project, destination) : null,
    });
    const { renderPush } = await import('../report/push.ts');
    return {
      json: result,
      text: (paper) => renderPush(result, paper),
      errors: result.images.flatMap(({ error }) => error ?? []),
      report: {
        published: result.images,
        facts: flags.env === undefined ? [] : [['Environment', flags.env]],
      },
    };
  }
}
