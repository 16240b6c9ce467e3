import { Flags } from '@oclif/core';
import { type ArgsOf, BaseCommand, type FlagsOf } from '../cli/base-command.ts';
import type { Outcome } from '../cli/outcome.ts';
import type { Session } from '../cli/session.ts';

export default class Base extends BaseCommand<typeof Base> {
  static override summary = 'Make the Debian base image where it cannot be pulled.';
  static override description =
    "Makes a minimal Debian root from Debian's packages on this machine and loads it into the engine. The same package versions give the same image.";
  static override examples = [
    { description: 'Make it, or find it on the engine', command: '<%= config.bin %> <%= command.id %>' },
    {
      description: 'Make it anew with the packages of today',
      command: '<%= config.bin %> <%= command.id %> --refresh',
    },
  ];
  static override flags = { refresh: Flags.boolean({ summary: 'Make it anew though the engine has one.' }) };

  protected override async perform(
    flags: FlagsOf<typeof Base>,
    _args: ArgsOf<typeof Base>,
    session: Session,
  ): Promise<Outcome> {
    const engine = await session.engine();
    const { makeBase } = await import('../workflows/base.ts');
    const result = await makeBase({ ...session, engine, refresh: flags.refresh });
    const { renderBase } = await import('../report/base.ts');
    return { json: result, text: () => renderBase(result) };
  }
}
