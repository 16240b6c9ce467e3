import { type ArgsOf, BaseCommand, type FlagsOf } from '../cli/base-command.ts';
import { readBuildFlags, readBuildSecrets } from '../cli/build-options.ts';
import { buildFlags, reportFlag, stagesArgument } from '../cli/flags.ts';
import type { Outcome } from '../cli/outcome.ts';
import { gitRevision } from '../cli/revision.ts';
import type { Session } from '../cli/session.ts';

export default class Build extends BaseCommand<typeof Build> {
  static override summary = 'Build what has changed, walking the hierarchy.';
  static override description =
    'A stage is built when something that decides its image has changed: base image, instructions, arguments, the files that it copies, or its parent. All else is reused. Several stages are built at once, and each shared stage once.';
  static override examples = [
    { description: 'Build every image of the project', command: '<%= config.bin %> <%= command.id %>' },
    {
      description: 'Build one tool, with a secret that no layer keeps',
      command: '<%= config.bin %> <%= command.id %> python-jupyterlab --secret id=netrc,src=$HOME/.netrc',
    },
    {
      description: 'Build all Python images, fetching packages again that are older than a day',
      command: "<%= config.bin %> <%= command.id %> 'python-*' --cache-ttl 1d --keep-going",
    },
    {
      description: 'Build all images without an optional part that cannot be had from here',
      command: '<%= config.bin %> <%= command.id %> --without conda',
    },
  ];
  static override args = { stage: stagesArgument };
  static override flags = { ...buildFlags, ...reportFlag };

  protected override async perform(
    flags: FlagsOf<typeof Build>,
    args: ArgsOf<typeof Build>,
    session: Session,
  ): Promise<Outcome> {
    const { environment, emit, signal } = session;
    const given = readBuildFlags(flags, environment);
    const { projectOnEngine } = await import('../workflows/project-on-engine.ts');
    const [secrets, { project, engine, options }] = await Promise.all([
      readBuildSecrets(flags, environment),
      projectOnEngine(session.project, given, session.engine),
    ]);
    const { buildImages } = await import('../workflows/build.ts');
    const result = await buildImages({
      ...options,
      project,
      engine,
      stages: args.stage ?? [],
      secrets,
      credentials: session.credentials,
      environment,
      revision: () => gitRevision(project.folder),
      emit,
      signal,
    });
    const { renderBuild } = await import('../report/build.ts');
    return {
      json: result,
      text: (paper) => renderBuild(result, paper),
      errors: result.images.flatMap(({ error }) => error ?? []),
      report: { built: result.images },
    };
  }
}
