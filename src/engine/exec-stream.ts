/** A command in a running container as a connection: what is written is its stdin, what is read its stdout. */
import { Duplex } from 'node:stream';
import type Docker from 'dockerode';
import { demultiplex } from './demultiplex.ts';

/** The engine's API cannot end a command: one that must not outlive its connection ends when its stdin does. */
export async function openExec(
  docker: Docker,
  id: string,
  command: readonly string[],
  { user }: { user?: string } = {},
): Promise<Duplex> {
  const exec = await docker.getContainer(id).exec({
    Cmd: [...command],
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    ...(user !== undefined && { User: user }),
  });
  return new CommandStream(await exec.start({ hijack: true, stdin: true }));
}

/** What a command said on stderr instead of doing its work. */
class CommandFailure extends Error {}

class CommandStream extends Duplex {
  readonly #connection: Duplex;
  #wanted = () => {};

  constructor(connection: Duplex) {
    super();
    this.#connection = connection;
    // What becomes of the connection is told where it is read.
    connection.on('error', () => {});
    this.#relay().catch((error) => this.destroy(error));
  }

  async #relay(): Promise<void> {
    let said = '';
    for await (const { stream, data } of demultiplex(this.#connection)) {
      if (stream === 2) said = (said + data.toString()).slice(-2000);
      else if (!this.push(data))
        await new Promise<void>((resolve) => {
          this.#wanted = resolve;
        });
    }
    if (said) throw new CommandFailure(said.trim());
    this.push(null);
  }

  override _read(): void {
    this.#wanted();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#connection.write(chunk, done);
  }

  override _final(done: () => void): void {
    this.#connection.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#connection.destroy();
    this.#wanted();
    done(error);
  }

  // What node's HTTP asks of a socket, and a command has not.
  setKeepAlive = (): this => this;
  setNoDelay = (): this => this;
  setTimeout = (): this => this;
  ref = (): this => this;
  unref = (): this => this;
}
