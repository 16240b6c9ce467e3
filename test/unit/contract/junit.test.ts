import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { SaxesParser } from 'saxes';
import { DwtError } from '../../../src/errors.ts';
import { junit, prepareJunit, writeJunit } from '../../../src/report/junit.ts';
import type { TestedImage } from '../../../src/workflows/smoke-test.ts';

interface Node {
  readonly name: string;
  readonly attributes: Record<string, string>;
  text: string;
  readonly path: string;
}

/** Throws where the text is not well-formed. */
function read(xml: string): Node[] {
  const nodes: Node[] = [];
  const open: Node[] = [];
  const parser = new SaxesParser();
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', ({ name, attributes }) => {
    const node = {
      name,
      attributes: { ...attributes },
      text: '',
      path: open.map((each) => each.name).join('/'),
    };
    open.push(node);
    nodes.push(node);
  });
  parser.on('closetag', () => void open.pop());
  parser.on('text', (text) => {
    const node = open.at(-1);
    if (node) node.text += text;
  });
  parser.write(xml).close();
  return nodes;
}

const nasty =
  'a<b> & "c" \'d\' ]]> \u001b[31mred\u001b[0m \u0000\u0007\u000b \ud800 \uffff ä€😀\r\nnext\ttab';
const image: TestedImage = {
  stage: 'python-jupyterlab',
  reference: 'tools/python-jupyterlab:latest',
  id: 'sha256:1',
  verdict: 'fail',
  seconds: 3.2,
  checks: [
    { name: 'http', verdict: 'pass', detail: 'answered', seconds: 1.5 },
    { name: 'page', verdict: 'pass', detail: 'seen', seconds: 3, screenshot: '/shots/a & b.png' },
    {
      name: 'user',
      verdict: 'fail',
      detail: nasty,
      seconds: 0.25,
      output: `last ${nasty}`,
      error: new DwtError('CHECK_FAILED', 'x.', { hint: 'Do <this>.' }),
    },
  ],
  skipped: [{ name: 'restart', because: 'it did not serve' }],
};
const missing: TestedImage = {
  stage: null,
  reference: 'gone:latest',
  id: null,
  verdict: 'fail',
  seconds: 0,
  checks: [],
  skipped: [],
  error: new DwtError('IMAGE_NOT_FOUND', 'The engine has no image gone:latest.', { hint: 'Pull it.' }),
};

test('a suite per image, a case per check, with the evidence and the last lines', () => {
  const nodes = read(junit({ images: [image, missing] }));
  const named = (name: string) => nodes.filter((node) => node.name === name);
  expect(named('testsuites')[0]?.attributes).toMatchObject({
    tests: '5',
    failures: '1',
    errors: '1',
    skipped: '1',
  });
  expect(
    named('testsuite').map(({ attributes }) => [
      attributes['name'],
      attributes['tests'],
      attributes['failures'],
      attributes['errors'],
    ]),
  ).toEqual([
    ['python-jupyterlab', '4', '1', '0'],
    ['gone:latest', '1', '0', '1'],
  ]);
  const [standIn] = read(junit({ images: [{ ...image, standIns: ['a', 'b'] }] })).filter(
    ({ attributes }) => attributes['name'] === 'stand-in',
  );
  expect(standIn?.attributes['value']).toBe('a, b');
  expect(named('property').map(({ attributes }) => attributes['name'])).toEqual([
    'reference',
    'id',
    'reference',
  ]);
  expect(named('testcase').map(({ attributes }) => attributes['name'])).toEqual([
    'http',
    'page',
    'user',
    'restart',
    'judged',
  ]);
  expect(named('system-out').map(({ text }) => text)).toEqual([
    'answered',
    'seen\n\n[[ATTACHMENT|/shots/a & b.png]]',
  ]);
  const [failure] = named('failure');
  expect(failure?.attributes['type']).toBe('CHECK_FAILED');
  expect(failure?.text).toContain('Do <this>.');
  expect(failure?.text).toContain(
    'Last lines of output:\nlast a<b> & "c" \'d\' ]]> red \ufffd\ufffd\ufffd \ufffd \ufffd ä€😀\nnext\ttab',
  );
  expect(failure?.attributes['message']).toContain('ä€😀\nnext\ttab');
  expect(named('skipped')[0]?.attributes['message']).toBe('it did not serve');
  expect(named('error')[0]?.attributes).toEqual({
    type: 'IMAGE_NOT_FOUND',
    message: 'The engine has no image gone:latest.',
  });
});

test('no images', () => {
  expect(read(junit({ images: [] }))).toHaveLength(1);
});

test('the file is tried before there is a report, and left as it was', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dwt-junit-'));
  try {
    const file = join(folder, 'smoke-test.xml');
    await prepareJunit(file);
    expect(await readdir(folder)).toEqual([]);
    await writeFile(file, 'of an earlier run');
    await prepareJunit(file);
    expect(await readFile(file, 'utf8')).toBe('of an earlier run');
    expect(await writeJunit(file, { images: [] })).toBeNull();
    expect(await readFile(file, 'utf8')).toContain('<testsuites');
    await expect(prepareJunit(folder)).rejects.toMatchObject({ code: 'USAGE' });
    // What breaks later is told beside the result.
    expect(await writeJunit(folder, { images: [] })).toMatchObject({ code: 'USAGE' });
  } finally {
    await rm(folder, { recursive: true });
  }
});
