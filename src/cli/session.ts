/** What a command is given for one run: the project, the engine, and where its events go. */
import type { Engine } from '../engine/engine.ts';
import { DwtError } from '../errors.ts';
import type { Emit } from '../events.ts';
import type { Project } from '../project/project.ts';
import type { AuthProvider } from '../registry/login.ts';

export interface Session {
  readonly environment: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly emit: Emit;
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal;
  /** Asked for by a command that has something to end in an orderly way: aborted by the second Ctrl-C. */
  secondSignal(): AbortSignal;
  project(options?: ProjectOptions): Promise<Project>;
  engine(): Promise<Engine>;
  /** As `engine`, but null where none can be reached. */
  engineOrNull(): Promise<Engine | null>;
  /** Credentials for a registry host as builds ask for them; null for anonymous. */
  readonly credentials: (host: string) => Promise<{ username: string; secret: string } | null>;
  close(): void;
}

export interface ProjectOptions {
  readonly buildArguments?: Readonly<Record<string, string>>;
  /** Such as `linux/arm64`; null for the engine's own. */
  readonly platform?: string | null;
  /** Names of features to be left out. */
  readonly without?: readonly string[];
  /** Names of features that are wanted where they are left out unless asked for. */
  readonly with?: readonly string[];
}

export interface SessionOptions {
  readonly project: string | undefined;
  readonly engine: string | undefined;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  readonly secondSignal: () => AbortSignal;
  /** Told of what the command opens. */
  readonly opened?: { project(project: Project): void; engine(engine: Engine): void };
}

/** Opens nothing yet: a command that needs no engine never looks for one, nor loads the code that would. */
export function openSession(options: SessionOptions): Session {
  const { project, engine, emit, signal, secondSignal, opened } = options;
  const environment = process.env;
  const cwd = process.cwd();
  let connected: Engine | null = null;
  /** By host: builds ask for the same one again and again. */
  const logins = new Map<string, AuthProvider>();
  const connect = async (): Promise<Engine> => {
    const { connectEngine } = await import('../engine/connect.ts');
    connected ??= await connectEngine({ ...(engine !== undefined && { engine }), environment, signal });
    opened?.engine(connected);
    return connected;
  };
  return {
    environment,
    cwd,
    emit,
    signal,
    secondSignal,
    async project({ buildArguments = {}, platform = null, without = [], with: asked = [] } = {}) {
      const { loadProject } = await import('../project/load.ts');
      const loaded = await loadProject({
        ...(project !== undefined && { project }),
        ...(platform !== null && { platform }),
        cwd,
        environment,
        buildArguments,
        without,
        with: asked,
      });
      opened?.project(loaded);
      return loaded;
    },
    engine: connect,
    async engineOrNull() {
      try {
        return await connect();
      } catch (error) {
        // An engine that was asked for by name and does not answer is an error for everybody.
        if (engine !== undefined || !(error instanceof DwtError) || error.exitStatus !== 3) throw error;
        emit({
          type: 'warning',
          message: `What is built is not known: ${error.message}`,
          ...(error.hint && { hint: error.hint }),
        });
        return null;
      }
    },
    async credentials(host) {
      const { authProvider } = await import('../registry/login.ts');
      const login = logins.get(host) ?? authProvider(host, environment);
      logins.set(host, login);
      const auth = await login.current();
      if (!auth) return null;
      // An identity token travels as the secret of a user without a name, as docker sends it.
      const secret = auth.identityToken ?? auth.password ?? '';
      return { username: auth.identityToken === undefined ? (auth.username ?? '') : '', secret };
    },
    close: () => connected?.close(),
  };
}
