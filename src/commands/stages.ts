import { type ArgsOf, BaseCommand, type FlagsOf } from '../cli/base-command.ts';
import type { Outcome } from '../cli/outcome.ts';
import type { Session } from '../cli/session.ts';

export default class Stages extends BaseCommand<typeof Stages> {
  static override summary =
    'Show the hierarchy of stages: what each is, where it is published, and whether it is built.';
  static override examples = [
    {
      description: 'The hierarchy of this project, or the shipped one',
      command: '<%= config.bin %> <%= command.id %>',
    },
    {
      description: 'The names of all tools',
      command: `<%= config.bin %> <%= command.id %> --json | jq -r '.stages[] | select(.kind == "tool").name'`,
    },
  ];

  protected override async perform(
    _flags: FlagsOf<typeof Stages>,
    _args: ArgsOf<typeof Stages>,
    session: Session,
  ): Promise<Outcome> {
    const [project, engine] = await Promise.all([session.project(), session.engineOrNull()]);
    const { listStages } = await import('../workflows/stages.ts');
    const result = await listStages({ project, engine });
    const { renderStages } = await import('../report/stages.ts');
    return { json: result, text: (paper) => renderStages(result.stages, paper) };
  }
}
