import { Flags } from '@oclif/core';
import { type ArgsOf, BaseCommand, type FlagsOf } from '../../cli/base-command.ts';
import type { Outcome } from '../../cli/outcome.ts';
import type { Session } from '../../cli/session.ts';

export default class EngineDown extends BaseCommand<typeof EngineDown> {
  static override summary = 'Stop the private engine.';
  static override description =
    'Images, containers and volumes stay for the next start unless --purge is given.';
  static override examples = [
    { description: 'Stop it and keep its images', command: '<%= config.bin %> <%= command.id %>' },
    {
      description: 'Stop it and remove all that it holds',
      command: '<%= config.bin %> <%= command.id %> --purge',
    },
  ];
  static override flags = { purge: Flags.boolean({ summary: 'Remove its images, containers and volumes.' }) };

  protected override async perform(
    flags: FlagsOf<typeof EngineDown>,
    _args: ArgsOf<typeof EngineDown>,
    session: Session,
  ): Promise<Outcome> {
    const { engineDown } = await import('../../workflows/engine.ts');
    const result = await engineDown({ ...session, purge: flags.purge });
    const state = result.stopped ? 'The private engine is down.' : 'The private engine did not run.';
    return {
      json: result,
      text: () => `${state}${result.purged ? ' Its images, containers and volumes are removed.' : ''}`,
    };
  }
}
