/**
 * A stand-in for GitHub's server and runners, for the workflow of the examples: jobs by their needs, a job for each entry of
 * a matrix, expressions by GitHub's own evaluator, every `run` in bash as a runner starts it.
 */
import { spawn } from 'node:child_process';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { data, Evaluator, Lexer, Parser } from '@actions/expressions';
import type { ExpressionData } from '@actions/expressions/data/expressiondata';
import { parse } from 'yaml';
import type { CiRepository } from './repository.ts';

interface Step {
  readonly id?: string;
  readonly if?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}

interface Job {
  readonly needs?: string;
  readonly outputs?: Readonly<Record<string, string>>;
  readonly strategy?: { readonly matrix: Readonly<Record<string, string>> };
  readonly steps: readonly Step[];
}

export interface WorkflowRun {
  /** Outcome of each job, by its id and the place in its matrix: `prove 0`. */
  readonly jobs: ReadonlyMap<string, 'success' | 'failure' | 'skipped'>;
  /** Folders of uploaded artifacts by name. */
  readonly artifacts: ReadonlyMap<string, string>;
  readonly console: string;
}

type Value = Parameters<typeof asData>[0];

function asData(value: unknown): ExpressionData {
  if (typeof value === 'string') return new data.StringData(value);
  if (typeof value === 'boolean') return new data.BooleanData(value);
  if (typeof value === 'number') return new data.NumberData(value);
  if (Array.isArray(value)) return new data.Array(...value.map(asData));
  if (value === null || value === undefined) return new data.Null();
  const pairs = Object.entries(value).map(([key, each]) => ({ key, value: asData(each) }));
  return new data.Dictionary(...pairs);
}

const plain = (value: ExpressionData): unknown => JSON.parse(JSON.stringify(value, data.replacer));

type Contexts = Readonly<Record<string, Value>>;

function evaluate(expression: string, contexts: Contexts): ExpressionData {
  const { tokens } = new Lexer(expression).lex();
  const tree = new Parser(tokens, Object.keys(contexts), []).parse();
  return new Evaluator(tree, asData(contexts) as data.Dictionary).evaluate();
}

const filled = (text: string, contexts: Contexts): string =>
  `${text}`.replace(/\$\{\{(.*?)\}\}/gs, (_, expression: string) =>
    evaluate(expression.trim(), contexts).coerceString(),
  );

const filledAll = (texts: Readonly<Record<string, string>>, contexts: Contexts): Record<string, string> =>
  Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, filled(text, contexts)]));

export async function runWorkflow(
  ci: CiRepository,
  file: string,
  inputs: Readonly<Record<string, string | boolean>>,
): Promise<WorkflowRun> {
  const workflow = parse(await readFile(file, 'utf8')) as {
    readonly env: Readonly<Record<string, string>>;
    readonly on: {
      readonly workflow_dispatch: {
        readonly inputs: Readonly<Record<string, { default: string | boolean }>>;
      };
    };
    readonly jobs: Readonly<Record<string, Job>>;
  };
  const defaults = Object.entries(workflow.on.workflow_dispatch.inputs).map(([name, input]) => [
    name,
    input.default,
  ]);
  const github = { run_id: Date.now(), run_attempt: 1 };
  const contexts = { github, inputs: { ...Object.fromEntries(defaults), ...inputs } };
  const environment = filledAll(workflow.env, contexts);
  const jobs = new Map<string, 'success' | 'failure' | 'skipped'>();
  const artifacts = new Map<string, string>();
  const outputs: Record<string, { outputs: Record<string, string> }> = {};
  let console = '';

  const runJob = async (id: string, job: Job, workspace: string, known: Contexts): Promise<boolean> => {
    await mkdir(workspace, { recursive: true });
    const steps: Record<string, { outputs: Record<string, string> }> = {};
    let right = true;
    for (const [index, step] of job.steps.entries()) {
      if (!right && step.if !== 'always()') continue;
      if (step.uses?.startsWith('actions/checkout@'))
        await ci.git('worktree', 'add', '--quiet', '--detach', workspace, 'master');
      else if (step.uses?.startsWith('actions/upload-artifact@')) {
        const { name = '', path = '' } = filledAll(step.with ?? {}, known);
        const target = join(ci.folder, 'artifacts', `${github.run_id}`, name);
        await cp(join(workspace, path), target, { recursive: true });
        artifacts.set(name, target);
      } else if (step.run === undefined) throw new Error(`This runner does not know ${step.uses}.`);
      else {
        const answers = join(ci.folder, `outputs-${github.run_id}-${id}-${index}`);
        await writeFile(answers, '');
        const env = {
          ...ci.agent,
          ...environment,
          ...filledAll(step.env ?? {}, known),
          GITHUB_OUTPUT: answers,
        };
        const { status, said } = await bash(filled(step.run, known), workspace, env);
        console += said;
        right &&= status === 0;
        const lines = (await readFile(answers, 'utf8')).split('\n').filter((line) => line !== '');
        const values = lines.map((line) => [
          line.slice(0, line.indexOf('=')),
          line.slice(line.indexOf('=') + 1),
        ]);
        if (step.id !== undefined) steps[step.id] = { outputs: Object.fromEntries(values) };
      }
    }
    if (right) outputs[id] = { outputs: filledAll(job.outputs ?? {}, { ...known, steps }) };
    return right;
  };

  for (const [id, job] of Object.entries(workflow.jobs)) {
    const needed = job.needs === undefined || outputs[job.needs] !== undefined;
    if (!needed) {
      jobs.set(id, 'skipped');
      continue;
    }
    const known = { ...contexts, needs: outputs };
    const [dimension] = Object.entries(job.strategy?.matrix ?? {});
    const expression = /^\$\{\{(.*)\}\}$/s.exec(dimension?.[1] ?? '')?.[1];
    const entries =
      expression === undefined ? [null] : (plain(evaluate(expression.trim(), known)) as unknown[]);
    const results = await Promise.all(
      entries.map((entry, index) =>
        runJob(id, job, join(ci.folder, `runner-${github.run_id}-${id}-${index}`), {
          ...known,
          ...(dimension && { matrix: { [dimension[0]]: entry } }),
        }),
      ),
    );
    for (const [index, right] of results.entries())
      jobs.set(dimension ? `${id} ${index}` : id, right ? 'success' : 'failure');
    if (results.includes(false)) delete outputs[id];
  }
  return { jobs, artifacts, console };
}

/** As a runner starts it where no shell is named. */
function bash(
  script: string,
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<{ status: number | null; said: string }> {
  const child = spawn('bash', ['-e', '-c', script], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve({ status, said }));
  });
}
