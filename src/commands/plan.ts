import { Flags } from '@oclif/core';
import { type ArgsOf, BaseCommand, type FlagsOf } from '../cli/base-command.ts';
import { readBuildFlags, secretWords } from '../cli/build-options.ts';
import { buildFlags, stagesArgument } from '../cli/flags.ts';
import type { Outcome } from '../cli/outcome.ts';
import type { Session } from '../cli/session.ts';

export default class PlanCommand extends BaseCommand<typeof PlanCommand> {
  static override summary = 'Show what build would do and why, changing nothing.';
  static override description = "Takes build's arguments, so that the plan is of that very build.";
  static override examples = [
    { description: 'What has changed since the last build', command: '<%= config.bin %> <%= command.id %>' },
    {
      description: 'Why one image would be built',
      command: '<%= config.bin %> <%= command.id %> python-jupyterlab --cache-ttl 12h',
    },
    {
      description: 'What several CI agents can build side by side, no layer twice',
      command: '<%= config.bin %> <%= command.id %> --json | jq .families',
    },
    {
      description: 'The same build with docker buildx alone',
      command:
        '<%= config.bin %> <%= command.id %> --format bake > bake.json && docker buildx bake -f bake.json',
    },
  ];
  static override args = { stage: stagesArgument };
  static override flags = {
    ...buildFlags,
    format: Flags.option({ options: ['tree', 'json', 'bake'] as const })({
      summary: 'How the plan is printed; bake is a file for docker buildx bake.',
      default: 'tree',
    }),
  };

  protected override async perform(
    flags: FlagsOf<typeof PlanCommand>,
    args: ArgsOf<typeof PlanCommand>,
    session: Session,
  ): Promise<Outcome> {
    const { environment, emit, credentials } = session;
    const given = readBuildFlags(flags, environment);
    const { projectOnEngine } = await import('../workflows/project-on-engine.ts');
    const { project, engine, options } = await projectOnEngine(session.project, given, session.engineOrNull);
    const { planBuild } = await import('../workflows/plan.ts');
    const plan = await planBuild({
      ...options,
      project,
      engine,
      stages: args.stage ?? [],
      credentials,
      environment,
      emit,
    });
    if (flags.format === 'bake') {
      const { bakeFile, bakeWarnings } = await import('../plan/bake.ts');
      for (const message of bakeWarnings(plan)) emit({ type: 'warning', message });
      const file = bakeFile(plan, project, await secretWords(flags, environment));
      const text = JSON.stringify(file, null, 2);
      return { json: file, text: () => text, verbatim: text };
    }
    const { planJson, renderPlan } = await import('../report/plan.ts');
    const result = planJson(plan, project.hierarchy);
    if (flags.format === 'json') return { json: result, text: () => JSON.stringify(result, null, 2) };
    return { json: result, text: (paper) => renderPlan(plan, project.hierarchy, paper) };
  }
}
