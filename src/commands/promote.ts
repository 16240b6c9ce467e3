import { Flags } from '@oclif/core';
import { type ArgsOf, BaseCommand, type FlagsOf } from '../cli/base-command.ts';
import { reportFlag, stagesArgument } from '../cli/flags.ts';
import type { Outcome } from '../cli/outcome.ts';
import type { Session } from '../cli/session.ts';

/** Each is up to four connections of its own. */
const usualJobs = 2;

export default class Promote extends BaseCommand<typeof Promote> {
  static override summary = 'Copy what one environment has to another one, by digest.';
  static override description =
    'The very bits that were released, with what was proved of them: nothing is built, and no engine is needed. Evidence that does not hold, or a feature that the environment demands and an image lacks, is refused before anything is copied. Tags move last and together, as in a release.';
  static override examples = [
    {
      description: 'Promote all that staging has',
      command: '<%= config.bin %> <%= command.id %> --from staging --to prod',
    },
    {
      description: 'Promote one tool',
      command: '<%= config.bin %> <%= command.id %> python-jupyterlab --from dev --to staging',
    },
  ];
  static override args = { stage: stagesArgument };
  static override flags = {
    from: Flags.string({ helpValue: 'NAME', required: true, summary: 'Environment that has the images.' }),
    to: Flags.string({ helpValue: 'NAME', required: true, summary: 'Environment that gets them.' }),
    'dry-run': Flags.boolean({ summary: 'Only say what would be copied.' }),
    jobs: Flags.integer({
      char: 'j',
      helpValue: 'N',
      min: 1,
      default: usualJobs,
      summary: 'How many images are copied at once.',
    }),
    ...reportFlag,
  };

  protected override async perform(
    flags: FlagsOf<typeof Promote>,
    args: ArgsOf<typeof Promote>,
    session: Session,
  ): Promise<Outcome> {
    const project = await session.project();
    const { promote } = await import('../workflows/promote.ts');
    const { environment, emit, signal } = session;
    const result = await promote({
      project,
      stages: args.stage ?? [],
      from: flags.from,
      to: flags.to,
      dryRun: flags['dry-run'],
      jobs: flags.jobs,
      environment,
      emit,
      signal,
    });
    const { renderPromotion } = await import('../report/release.ts');
    return {
      json: result,
      text: (paper) => renderPromotion(result, paper),
      errors: result.images.flatMap(({ error }) => error ?? []),
      report: {
        published: result.images,
        facts: [
          ['From', flags.from],
          ['To', flags.to],
        ],
      },
    };
  }
}
