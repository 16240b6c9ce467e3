/** The way to a tool on an engine whose networks are not here: every connection through the peer beside the tool. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { Laboratory } from '../../src/contract/laboratory.ts';
import { Subject } from '../../src/contract/subject.ts';
import { connectEngine } from '../../src/engine/connect.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { Relay } from '../../src/run/relay.ts';
import { testBase, testEngine } from '../support/engine.ts';
import { startSshd, type TestSshd } from './engine-sshd.ts';

jest.setTimeout(60_000);

/** Sends back what it gets, and says goodbye when the other end has said all. */
const echo = `use Socket; $SIG{CHLD} = 'IGNORE'; $SIG{TERM} = sub { exit 0 };
socket(my $s, PF_INET, SOCK_STREAM, 0); bind($s, sockaddr_in(8888, INADDR_ANY)) or die; listen($s, 64);
while (1) { accept(my $c, $s) or next; if (fork) { close $c; next } $SIG{TERM} = 'DEFAULT';
  while (sysread($c, my $in, 65536)) { my $at = 0; while ($at < length $in) { $at += syswrite($c, $in, length($in) - $at, $at) || exit } } syswrite($c, 'bye'); exit }`;

let sshd: TestSshd;
let engine: Engine;
let laboratory: Laboratory;
let subject: Subject;
let relay: Relay;

beforeAll(async () => {
  sshd = await startSshd(testEngine());
  const environment = { ...process.env, PATH: `${sshd.bin}:${process.env['PATH']}` };
  engine = await connectEngine({ engine: `ssh://${sshd.host}`, environment });
  const { signal } = new AbortController();
  laboratory = await Laboratory.open({ engine, probeImage: testBase(), signal });
  subject = await Subject.start(laboratory, { image: testBase(), entrypoint: ['perl', '-e', echo] });
  relay = await Relay.listen(0, 0);
  relay.lead(() => laboratory.dial(subject.address ?? '', 8888));
});

afterAll(async () => {
  relay?.close();
  expect(await laboratory?.close()).toEqual([]);
  engine?.close();
  await sshd?.stop();
});

const dial = () => connect({ port: relay.port, host: '127.0.0.1', allowHalfOpen: true });

test('carries megabytes both ways at once, byte for byte, and each end’s goodbye', async () => {
  const sent = Buffer.alloc(3_000_000, 'päckchen\0\r\n');
  const socket = dial();
  const got = buffer(socket);
  socket.end(sent);
  expect((await got).equals(Buffer.concat([sent, Buffer.from('bye')]))).toBe(true);
});

test('several at once, none of which waits for another', async () => {
  const idle = dial();
  await once(idle, 'connect');
  const words = await Promise.all(
    Array.from({ length: 6 }, async (_, index) => {
      const socket = dial();
      socket.end(`${index}`);
      return text(socket);
    }),
  );
  expect(words).toEqual(['0bye', '1bye', '2bye', '3bye', '4bye', '5bye']);
  idle.write('late');
  expect(`${(await once(idle, 'data'))[0]}`).toBe('late');
  idle.destroy();
  // Nothing of a connection outlives it: what remains is the peer and who looks.
  const processes = async () =>
    (await engine.exec(`dwt-${laboratory.run}-1`, ['sh', '-c', 'echo /proc/[0-9]*'])).stdout.split(' ')
      .length;
  while ((await processes()) > 2) await pause(200);
});

test('a conversation that goes on, as a websocket does', async () => {
  const socket = dial();
  for (const word of ['one', 'two', 'three']) {
    socket.write(word);
    expect(`${(await once(socket, 'data'))[0]}`).toBe(word);
  }
  socket.end();
  expect(await text(socket)).toBe('bye');
});

test('what nothing listens on, and what is led nowhere yet, turns away', async () => {
  const nowhere = await Relay.listen(0, 0);
  const refused = async () => {
    const socket = connect({ port: nowhere.port, host: '127.0.0.1' });
    return text(socket).catch(() => '');
  };
  try {
    expect(await refused()).toBe('');
    nowhere.lead(() => laboratory.dial(subject.address ?? '', 9));
    expect(await refused()).toBe('');
  } finally {
    nowhere.close();
  }
});
