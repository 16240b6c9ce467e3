import { Args, Flags } from '@oclif/core';
import { type ArgsOf, BaseCommand, type FlagsOf } from '../cli/base-command.ts';
import type { Outcome } from '../cli/outcome.ts';
import type { Session } from '../cli/session.ts';
import { DwtError } from '../errors.ts';
import type { ImageToTest } from '../workflows/smoke-test.ts';

const container = 'CONTAINER';

export default class Run extends BaseCommand<typeof Run> {
  static override summary = 'Run one tool or visualisation on this machine, as Data Workspace would run it.';
  static override description = [
    'Starts the image on an empty home and on a network with no way to the internet, prints its address as soon as it answers, and then shows what it says. Ctrl-C stops it: SIGTERM, after 10 s SIGKILL; a second Ctrl-C does not wait. Container, network and home are then removed, and nothing of it is left on the engine.',
    'Exit status: 130 after Ctrl-C; 0 where the tool ended by itself with status 0; 1 where it ended with another one, or never answered.',
    'The address is for this machine alone, and there is no password: whoever is logged in to it can open it.',
  ].join('\n\n');
  static override examples = [
    { description: 'JupyterLab', command: '<%= config.bin %> <%= command.id %> python-jupyterlab' },
    {
      description: 'Keep what is saved in a volume of the engine; --home ./my-work for a folder',
      command: '<%= config.bin %> <%= command.id %> python-jupyterlab --home my-work',
    },
    {
      description: 'With the credentials of a database; the password is in no list of processes',
      command:
        'DATABASE_DSN__mine="$(cat dsn)" <%= config.bin %> <%= command.id %> python-jupyterlab --env DATABASE_DSN__mine --internet',
    },
    {
      description: "A user's own visualisation, on a port of its own",
      command: '<%= config.bin %> <%= command.id %> --image my-dashboard:latest --port 8501',
    },
    {
      description: 'For a script: one line of JSON as soon as it answers',
      command: '<%= config.bin %> <%= command.id %> python-jupyterlab --json >tool.json &',
    },
  ];
  static override args = {
    stage: Args.string({
      name: 'STAGE',
      description: 'The tool or visualisation, by name. It has been built.',
      ignoreStdin: true,
    }),
  };
  static override flags = {
    image: Flags.string({
      helpValue: 'REF',
      summary: 'Run this image, built elsewhere, instead of a stage of the project.',
    }),
    port: Flags.integer({
      helpValue: 'N',
      min: 0,
      max: 65_535,
      summary: 'Port of 127.0.0.1 to open it at. Default: 8888 if it is free, else a free one.',
    }),
    internet: Flags.boolean({
      summary: 'Let it out: to the internet, and to databases and buckets of yours.',
    }),
    home: Flags.string({
      helpGroup: container,
      helpValue: 'VOLUME|DIR',
      summary: 'Keep the home in a volume of the engine, or in a folder (a path with a "/").',
      description:
        'It is made where it does not exist. What the tool writes into a folder belongs to uid 4356, as on the platform.',
    }),
    env: Flags.string({
      char: 'e',
      helpGroup: container,
      helpValue: 'NAME=VALUE',
      multiple: true,
      multipleNonGreedy: true,
      summary: 'Variable of the tool; NAME alone takes its value from your environment.',
      description:
        'Values are in no log or message of dwt. APP_SCHEMA, AWS_DEFAULT_REGION and S3_REGION are set unless given.',
    }),
    'env-file': Flags.string({
      helpGroup: container,
      helpValue: 'FILE',
      multiple: true,
      multipleNonGreedy: true,
      summary: 'Variables from a file of lines NAME=VALUE, as docker reads it; --env comes after it.',
    }),
  };

  protected override async perform(
    flags: FlagsOf<typeof Run>,
    args: ArgsOf<typeof Run>,
    session: Session,
  ): Promise<Outcome> {
    const atOnce = session.secondSignal();
    const { readVariables, variablesFile } = await import('../run/variables.ts');
    const files = (flags['env-file'] ?? []).map(variablesFile);
    const variables = readVariables(flags.env ?? [], files, session.environment);
    const { readHome } = await import('../run/home.ts');
    const home = readHome(flags.home, session.cwd);
    const image = await chosen(args.stage, flags.image, session);
    const engine = await session.engine();
    const { runTool } = await import('../workflows/run.ts');
    const { port = null, internet } = flags;
    const running = await runTool({ ...session, engine, image, variables, home, port, internet, atOnce });
    const { renderRun } = await import('../report/run.ts');
    return {
      json: running.result,
      text: (paper) => renderRun(running, paper),
      follow: running.follow,
    };
  }
}

async function chosen(
  stage: string | undefined,
  reference: string | undefined,
  session: Session,
): Promise<Pick<ImageToTest, 'stage' | 'reference' | 'checks'>> {
  if ((stage === undefined) === (reference === undefined))
    throw new DwtError('USAGE', 'dwt run takes either a stage or --image.', {
      hint: 'Run dwt stages for the stages; the tools and visualisations among them can be run.',
    });
  if (reference !== undefined) {
    const { foreignImage } = await import('../workflows/smoke-test.ts');
    return foreignImage(reference, 'tool');
  }
  const { imageToRun } = await import('../workflows/run.ts');
  return imageToRun(await session.project(), stage ?? '');
}
