/** What all commands share: the common flags, the event stream's way to the terminal, signals, and how results leave. */
import { Command, Flags, type Interfaces } from '@oclif/core';
import { DwtError } from '../errors.ts';
import type { Emit } from '../events.ts';
import { type Log, logLevels, openLog } from '../log.ts';
import { concealArguments, withoutVariables } from '../redact.ts';
import { cleanEvents } from '../report/clean-events.ts';
import { openDisplay, type ProgressMode, progressModes } from '../report/display.ts';
import { paperOf } from '../report/paper.ts';
import { keepMemoryOutOfCores } from './core-files.ts';
import { listenForInterruption } from './interruption.ts';
import { type Outcome, statusOf } from './outcome.ts';
import { printErrors, printJson, printText, printVerbatim } from './print.ts';
import { openSession, type Session } from './session.ts';

const common = 'COMMON';

export type FlagsOf<T extends typeof Command> = Interfaces.InferredFlags<
  (typeof BaseCommand)['baseFlags'] & T['flags']
>;
export type ArgsOf<T extends typeof Command> = Interfaces.InferredArgs<T['args']>;

export abstract class BaseCommand<T extends typeof Command> extends Command {
  static override baseFlags = {
    project: Flags.string({
      helpGroup: common,
      helpValue: 'DIR',
      summary: 'Folder of the project.',
      description:
        'Default: the nearest dwt.yaml upward or in dockerfiles/, else the hierarchy shipped with dwt.',
    }),
    engine: Flags.string({
      helpGroup: common,
      helpValue: 'URL',
      summary: 'Docker engine, such as unix:///var/run/docker.sock, tcp://host:2376 or ssh://user@host.',
      description:
        'Default: DOCKER_HOST, the current docker context, the default socket, then the private engine.',
    }),
    json: Flags.boolean({ helpGroup: common, summary: 'Print the result as JSON.' }),
    progress: Flags.option({ options: progressModes })({
      helpGroup: common,
      summary: 'How progress is shown on stderr.',
      default: 'auto',
    }),
    'log-file': Flags.string({
      helpGroup: common,
      helpValue: 'FILE',
      summary: 'Write a log of the run, as JSON lines.',
    }),
    'log-level': Flags.option({ options: logLevels })({
      helpGroup: common,
      summary: 'How much the log holds; debug has the output of every step.',
      default: 'info',
    }),
  };

  /** The one call that the command is. */
  protected abstract perform(flags: FlagsOf<T>, args: ArgsOf<T>, session: Session): Promise<Outcome>;

  /** Answers the exit status. */
  override async run(): Promise<number> {
    const { flags, args } = (await this.parse(this.ctor)) as unknown as {
      flags: FlagsOf<T>;
      args: ArgsOf<T>;
    };
    keepMemoryOutOfCores();
    // Before anything is written that could hold them.
    concealArguments([...this.argv, process.env['DOCKER_HOST'] ?? '']);
    const log = await openLog(flags['log-file'], flags['log-level']);
    log.start(this.id ?? '', withoutVariables(this.argv));
    const displayOf = (mode: ProgressMode) =>
      openDisplay({
        mode,
        stream: process.stderr,
        environment: process.env,
        resultFollows: process.stdout.isTTY === true && !flags.json,
      });
    const report = await this.openReport(flags);
    let display = await displayOf(flags.progress);
    const emit: Emit = cleanEvents((event) => {
      log.emit(event);
      report?.emit(event);
      display.emit(event);
    });
    const interruption = listenForInterruption((message) => emit({ type: 'warning', message }));
    if (flags['log-level'] === 'debug' && flags['log-file'] === undefined) {
      emit({ type: 'warning', message: '--log-level changes nothing without --log-file.' });
    }
    const session = openSession({
      project: flags.project,
      engine: flags.engine,
      emit,
      signal: interruption.signal,
      secondSignal: interruption.second,
      ...(report && { opened: report }),
    });
    try {
      const outcome = await this.perform(flags, args, session);
      display.close();
      const { report: results = {}, errors: failed = [] } = outcome;
      const interrupted = interruption.signal.aborted;
      const unreported = await report?.write({ results, errors: failed, interrupted });
      const status = await this.leave(outcome, flags.json === true, interruption.signal, log.failed);
      if (unreported) tell(unreported, log);
      if (!outcome.follow) return status || (unreported?.exitStatus ?? 0);
      // Lines alone: a picture that is drawn anew would hide what is said meanwhile.
      display = await displayOf(flags.progress === 'quiet' ? 'quiet' : 'plain');
      const errors = await outcome.follow();
      display.close();
      for (const error of errors) log.failed(error);
      printErrors(errors);
      return interruption.signal.aborted ? 130 : statusOf(errors);
    } catch (thrown) {
      display.close();
      const interrupted = interruption.signal.aborted;
      const error = interrupted ? interruptedBy(thrown) : thrown;
      log.failed(error);
      const unreported = await report?.write({ results: {}, errors: [error], interrupted });
      if (unreported) tell(unreported, log);
      throw error;
    } finally {
      interruption.dispose();
      session.close();
      const lost = log.close();
      if (lost !== null) process.stderr.write(`Warning: ${lost}\n`);
    }
  }

  /** Where `--report` asks for one; what writes it is loaded only then. */
  private async openReport(flags: object) {
    const { report: folder } = flags as { readonly report?: string };
    if (folder === undefined) return null;
    const { openRunReport } = await import('./run-report.ts');
    const argv = withoutVariables(this.argv);
    return openRunReport({ folder, command: this.id ?? '', argv, version: this.config.version });
  }

  private async leave(
    outcome: Outcome,
    json: boolean,
    signal: AbortSignal,
    failed: (error: unknown) => void,
  ): Promise<number> {
    const errors = outcome.errors ?? [];
    for (const error of errors) failed(error);
    if (outcome.verbatim !== undefined) printVerbatim(outcome.verbatim);
    else if (json) printJson(outcome.json, outcome.follow ? 0 : 2);
    else printText(await outcome.text(paperOf(process.stdout, process.env)));
    if (json || !outcome.textTellsErrors) printErrors(errors);
    return signal.aborted ? 130 : statusOf(errors);
  }
}

function tell(error: DwtError, log: Log): void {
  log.failed(error);
  printErrors([error]);
}

/** Whatever broke while the work was being ended broke because of that. */
function interruptedBy(thrown: unknown): DwtError {
  if (thrown instanceof DwtError && thrown.code === 'INTERRUPTED') return thrown;
  return new DwtError('INTERRUPTED', 'Interrupted.', { cause: thrown });
}
