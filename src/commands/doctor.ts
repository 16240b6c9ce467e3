import { Flags } from '@oclif/core';
import { type ArgsOf, BaseCommand, type FlagsOf } from '../cli/base-command.ts';
import type { Outcome } from '../cli/outcome.ts';
import type { Session } from '../cli/session.ts';
import { asDwtError, DwtError } from '../errors.ts';

export default class Doctor extends BaseCommand<typeof Doctor> {
  static override summary = 'Say what works from here, and which stages that lets you build.';
  static override description =
    'Looks at the engine and its disk, the package sources and artifacts that the project needs, the certificates, the registry credentials and the browser for pages; with --env also at the registry of an environment: who you are there, and whether you may push. Changes nothing.';
  static override examples = [
    { description: 'Before the first build on a machine', command: '<%= config.bin %> <%= command.id %>' },
    {
      description: 'The stages that cannot be built from here',
      command: `<%= config.bin %> <%= command.id %> --json | jq -r '.stages[] | select(.buildable | not).name'`,
    },
    {
      description: 'Who you are to the registry of prod, and whether you may push there',
      command: '<%= config.bin %> <%= command.id %> --env prod',
    },
  ];
  static override flags = {
    env: Flags.string({
      helpValue: 'NAME',
      summary: 'Environment of the project file to ask about; nothing is pushed.',
    }),
  };

  protected override async perform(
    flags: FlagsOf<typeof Doctor>,
    _args: ArgsOf<typeof Doctor>,
    session: Session,
  ): Promise<Outcome> {
    const { environment, emit, signal } = session;
    // An engine out of reach is a finding here, not the end.
    const [project, engine] = await Promise.all([session.project(), session.engine().catch(asDwtError)]);
    signal.throwIfAborted();
    const { doctor } = await import('../workflows/doctor.ts');
    const result = await doctor({
      engine,
      project,
      publishing: flags.env ?? null,
      environment,
      emit,
      signal,
    });
    const { renderDoctor } = await import('../report/doctor.ts');
    return {
      json: result,
      text: (paper) => renderDoctor(result, paper),
      errors: result.checks
        .filter(({ verdict }) => verdict === 'fail')
        .map(
          ({ name, detail, hint }) =>
            // Without an engine nothing works from here, and that is the status of everything else then.
            new DwtError(
              name === 'engine' ? 'ENGINE_UNREACHABLE' : 'CHECK_FAILED',
              `${name}: ${detail}.`,
              hint === null ? {} : { hint },
            ),
        ),
      textTellsErrors: true,
    };
  }
}
