/** An engine behind TLS: certificates made by openssl, and a proxy that asks for a client's. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createServer } from 'node:tls';

/** Makes `ca.pem`, and folders with key pairs and the CA to trust, as docker names them. */
export function certificates(folder: string): void {
  const openssl = (...values: string[]): void =>
    void execFileSync('openssl', values, { cwd: folder, stdio: 'pipe' });
  const authority = (name: string): void =>
    openssl(
      'req',
      '-x509',
      '-newkey',
      'ed25519',
      '-nodes',
      '-keyout',
      `${name}-key.pem`,
      '-out',
      `${name}.pem`,
      '-subj',
      `/CN=${name}`,
      '-days',
      '2',
    );
  const pair = (name: string, ca: string, days: string, extensions = ''): void => {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, 'extensions'), extensions);
    openssl(
      'req',
      '-newkey',
      'ed25519',
      '-nodes',
      '-keyout',
      `${name}/key.pem`,
      '-out',
      'request',
      '-subj',
      `/CN=${name}`,
    );
    openssl(
      'x509',
      '-req',
      '-in',
      'request',
      '-CA',
      `${ca}.pem`,
      '-CAkey',
      `${ca}-key.pem`,
      '-CAcreateserial',
      '-out',
      `${name}/cert.pem`,
      '-days',
      days,
      '-extfile',
      'extensions',
    );
    writeFileSync(join(folder, name, 'ca.pem'), readFileSync(join(folder, 'ca.pem')));
  };
  authority('ca');
  authority('other');
  pair('server', 'ca', '2', 'subjectAltName=IP:127.0.0.1,DNS:localhost');
  pair('elsewhere', 'ca', '2', 'subjectAltName=DNS:elsewhere.example');
  pair('client', 'ca', '2');
  pair('stranger', 'other', '2');
  mkdirSync(join(folder, 'distrustful'));
  for (const file of ['cert.pem', 'key.pem']) {
    writeFileSync(join(folder, 'distrustful', file), readFileSync(join(folder, 'client', file)));
  }
  renameSync(join(folder, 'other.pem'), join(folder, 'distrustful', 'ca.pem'));
}

/** Answers the port; `target` is the engine's URL. */
export async function tlsProxy(
  folder: string,
  target: string,
  server = 'server',
): Promise<{ port: number; close(): void }> {
  const read = (file: string): Buffer => readFileSync(join(folder, file));
  const open = new Set<Socket>();
  const proxy = createServer(
    {
      ca: read('ca.pem'),
      cert: read(`${server}/cert.pem`),
      key: read(`${server}/key.pem`),
      requestCert: true,
      rejectUnauthorized: true,
      allowHalfOpen: true,
    },
    (client) => {
      const url = new URL(target);
      const engine = target.startsWith('unix:')
        ? connect({ path: url.pathname, allowHalfOpen: true })
        : connect({ host: url.hostname, port: Number(url.port), allowHalfOpen: true });
      for (const each of [client, engine]) {
        open.add(each);
        each.on('close', () => {
          client.destroy();
          engine.destroy();
        });
        each.on('error', () => {});
      }
      client.pipe(engine).pipe(client);
    },
  );
  await new Promise<void>((ready) => proxy.listen(0, '127.0.0.1', ready));
  return {
    port: (proxy.address() as AddressInfo).port,
    close() {
      proxy.close();
      for (const socket of open) socket.destroy();
    },
  };
}
