import { Args } from '@oclif/core';
import { type ArgsOf, BaseCommand, type FlagsOf } from '../cli/base-command.ts';
import type { Outcome } from '../cli/outcome.ts';
import type { Session } from '../cli/session.ts';

export default class Verify extends BaseCommand<typeof Verify> {
  static override summary = 'Read what was proved of an image in its registry.';
  static override description =
    'The report of its smoke test, its bill of materials and its provenance are attached to an image that was released. Each is judged against the image itself: what speaks of another image, says that a check failed, or is not there, is a failure. No engine is needed.';
  static override examples = [
    {
      description: 'By tag',
      command: '<%= config.bin %> <%= command.id %> registry.example.com/jupyterhub-jupyterlab-python:master',
    },
    {
      description: 'By digest, for a program',
      command: '<%= config.bin %> <%= command.id %> registry.example.com/tools/pgadmin@sha256:… --json',
    },
  ];
  static override args = {
    reference: Args.string({
      name: 'REF',
      required: true,
      description: 'HOST/REPOSITORY:TAG or HOST/REPOSITORY@sha256:…',
    }),
  };

  protected override async perform(
    _flags: FlagsOf<typeof Verify>,
    { reference }: ArgsOf<typeof Verify>,
    session: Session,
  ): Promise<Outcome> {
    const { verify } = await import('../workflows/verify.ts');
    const result = await verify({ ...session, reference });
    const { renderVerify } = await import('../report/verify.ts');
    return {
      json: result,
      text: (paper) => renderVerify(result, paper),
      errors: result.proofs.flatMap(({ error }) => error ?? []),
      textTellsErrors: true,
    };
  }
}
