import { Flags } from '@oclif/core';
import { type ArgsOf, BaseCommand, type FlagsOf } from '../cli/base-command.ts';
import { reportFlag } from '../cli/flags.ts';
import type { Outcome } from '../cli/outcome.ts';
import type { Session } from '../cli/session.ts';

export default class Rollback extends BaseCommand<typeof Rollback> {
  static override summary = 'Put the tags of an environment back to what they were before its last release.';
  static override description =
    'Tags move together, or not at all. A release that was broken off while its tags moved is taken back; else the last one, and the next rollback takes back the one before. Nothing is built or sent, and no engine is needed.';
  static override examples = [
    { description: 'Take back the last release', command: '<%= config.bin %> <%= command.id %> --env prod' },
    {
      description: 'Go back to a release by its id, whatever came after',
      command: '<%= config.bin %> <%= command.id %> --env prod --to 20261126-043900-67d5a9c',
    },
  ];
  static override flags = {
    env: Flags.string({ helpValue: 'NAME', required: true, summary: 'Environment of the project file.' }),
    to: Flags.string({ helpValue: 'ID', summary: 'The release that is to be in force again.' }),
    'dry-run': Flags.boolean({ summary: 'Only say what the tags would be.' }),
    ...reportFlag,
  };

  protected override async perform(
    flags: FlagsOf<typeof Rollback>,
    _args: ArgsOf<typeof Rollback>,
    session: Session,
  ): Promise<Outcome> {
    const project = await session.project();
    const { rollback } = await import('../workflows/rollback.ts');
    const { environment, emit, signal } = session;
    const result = await rollback({
      project,
      env: flags.env,
      to: flags.to ?? null,
      dryRun: flags['dry-run'],
      environment,
      emit,
      signal,
    });
    const { renderRollback } = await import('../report/release.ts');
    return {
      json: result,
      text: (paper) => renderRollback(result, paper),
      report: { published: result.images, facts: [['Environment', flags.env]] },
    };
  }
}
