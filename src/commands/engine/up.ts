import { type ArgsOf, BaseCommand, type FlagsOf } from '../../cli/base-command.ts';
import type { Outcome } from '../../cli/outcome.ts';
import type { Session } from '../../cli/session.ts';

export default class EngineUp extends BaseCommand<typeof EngineUp> {
  static override summary = 'Start a private Docker engine on a machine that has none.';
  static override description =
    "Installs Debian's docker.io where it is missing, starts a daemon of its own in the user's XDG folders and waits until it answers. An engine that runs already is left alone.";
  static override examples = [
    { description: 'Start it, or do nothing where it runs', command: '<%= config.bin %> <%= command.id %>' },
    {
      description: 'Use it from docker too',
      command: 'export DOCKER_HOST=$(<%= config.bin %> <%= command.id %> --json | jq -r .url)',
    },
  ];

  protected override async perform(
    _flags: FlagsOf<typeof EngineUp>,
    _args: ArgsOf<typeof EngineUp>,
    session: Session,
  ): Promise<Outcome> {
    const { engineUp } = await import('../../workflows/engine.ts');
    const result = await engineUp(session);
    return {
      json: result,
      text: () =>
        `The private engine ${result.started ? 'is up' : 'was up already'}: Docker ${result.version}\n${result.url}`,
    };
  }
}
