/** A connection to an engine through the system's ssh, which knows the user's configuration, keys, agent and jump hosts. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import type { Address } from './endpoint.ts';

type SshAddress = Extract<Address, { kind: 'ssh' }>;

/** ssh ended before it carried an answer; `message` is what it said. */
class SshFailure extends Error {
  override readonly name = 'SshFailure';
  readonly code = 'ESSH';
}

/**
 * Opens connections that share one ssh login: the first one authenticates, the others are channels of it. A server
 * that allows fewer channels than are asked for gets further logins from ssh itself.
 */
export class SshDialler {
  readonly #address: SshAddress;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #folder = mkdtempSync(join(tmpdir(), 'dwt-ssh-'));
  readonly #destination: string[];

  constructor(address: SshAddress, environment: NodeJS.ProcessEnv) {
    this.#address = address;
    this.#environment = environment;
    const { host, port, user } = address;
    this.#destination = [...(user ? ['-l', user] : []), ...(port ? ['-p', String(port)] : []), '--', host];
  }

  dial(): Duplex {
    const remote = this.#address.socket
      ? ['docker', '--host', quoted(`unix://${this.#address.socket}`)]
      : ['docker'];
    const options = ['-T', '-o', 'ConnectTimeout=30', '-o', 'ServerAliveInterval=30', '-o', 'BatchMode=yes'];
    return new SshConnection(
      spawn(
        'ssh',
        [
          ...options,
          ...this.#sharing('auto'),
          '-o',
          'ControlPersist=30',
          ...this.#destination,
          ...remote,
          'system',
          'dial-stdio',
        ],
        {
          stdio: 'pipe',
          env: this.#environment,
          // A Ctrl-C in the terminal is for dwt, which still has to end its builds over this connection.
          detached: true,
        },
      ),
    );
  }

  close(): void {
    const exit = spawn('ssh', [...this.#sharing('no'), '-O', 'exit', ...this.#destination], {
      stdio: 'ignore',
      env: this.#environment,
      detached: true,
    });
    exit.on('error', () => {});
    exit.on('close', () => rmSync(this.#folder, { recursive: true, force: true }));
  }

  #sharing(master: 'auto' | 'no'): string[] {
    return ['-o', `ControlMaster=${master}`, '-o', `ControlPath=${join(this.#folder, 'c')}`];
  }
}

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

/** A child's stdin and stdout as one socket-like stream. */
class SshConnection extends Duplex {
  readonly #child: ChildProcessWithoutNullStreams;
  #said = '';

  constructor(child: ChildProcessWithoutNullStreams) {
    super({ allowHalfOpen: true });
    this.#child = child;
    child.stdout.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) child.stdout.pause();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      this.#said = (this.#said + chunk.toString()).slice(-2000);
    });
    child.stdin.on('error', () => {});
    child.on('error', (cause) =>
      this.destroy(Object.assign(new SshFailure(`ssh could not be started: ${cause.message}`), { cause })),
    );
    child.on('close', (status) => {
      if (status === 0) this.push(null);
      else this.destroy(new SshFailure(this.#said.trim() || `ssh ended with status ${status}`));
    });
  }

  override _read(): void {
    this.#child.stdout.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#child.stdin.write(chunk, done);
  }

  override _final(done: () => void): void {
    this.#child.stdin.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#child.kill('SIGTERM');
    done(error);
  }

  // What node's HTTP agent asks of a socket that it keeps.
  setKeepAlive(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setTimeout(): this {
    return this;
  }

  ref(): this {
    return this.#each('ref');
  }

  unref(): this {
    return this.#each('unref');
  }

  #each(method: 'ref' | 'unref'): this {
    for (const part of [this.#child, this.#child.stdin, this.#child.stdout, this.#child.stderr]) {
      (part as unknown as Partial<Record<typeof method, () => void>>)[method]?.();
    }
    return this;
  }
}
