import { type ArgsOf, BaseCommand, type FlagsOf } from '../../cli/base-command.ts';
import type { Outcome } from '../../cli/outcome.ts';
import type { Session } from '../../cli/session.ts';

export default class EngineStatus extends BaseCommand<typeof EngineStatus> {
  static override summary = 'Say whether the private engine runs, and where.';
  static override examples = [
    { description: 'State, URL, folder and free space', command: '<%= config.bin %> <%= command.id %>' },
  ];

  protected override async perform(
    _flags: FlagsOf<typeof EngineStatus>,
    _args: ArgsOf<typeof EngineStatus>,
    session: Session,
  ): Promise<Outcome> {
    const { engineStatus } = await import('../../workflows/engine.ts');
    const result = await engineStatus(session);
    const { renderEngineStatus } = await import('../../report/engine.ts');
    return { json: result, text: () => renderEngineStatus(result) };
  }
}
