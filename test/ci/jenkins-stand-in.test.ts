/** The stand-in for Jenkins is as strict as what it stands in for: a Jenkinsfile that Jenkins would refuse does not pass. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type JenkinsRun, startJob } from './jenkins.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dwt-stand-in-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function run(name: string, jenkinsfile: string): Promise<JenkinsRun> {
  const file = join(folder, name);
  await writeFile(file, jenkinsfile);
  const agent = { PATH: process.env['PATH'] ?? '' };
  return startJob({ folder, repository: folder, agent }, { file }).result;
}

const stage = (steps: string, more = '') =>
  `pipeline { agent none\n stages { stage('One') { agent { label 'docker' }\n ${more}\n steps { ${steps} } } } }`;

test.each([
  ['a step that there is none of', stage(`shell 'true'`), /No signature of method.*shell/],
  [
    'a flag that a step does not have',
    stage(`sh(script: 'true', returnOutput: true)`),
    /sh knows no \[returnOutput\]/,
  ],
  [
    'objects of a library instead of lists',
    stage(`script { readJSON(text: '[]') }`),
    /readJSON without returnPojo/,
  ],
  ['code among steps', stage(`def x = 1`), /steps takes steps alone/],
  ['a loop by a closure', stage(`script { [1].each { echo 'x' } }`), /each takes a closure/],
  ['a matcher', stage(`script { if ('a' =~ 'b') { echo 'x' } }`), /a matcher cannot be saved/],
  [
    'an option of a job in a stage',
    stage(`echo 'x'`, 'options { disableConcurrentBuilds() }'),
    /options of a stage know no disableConcurrentBuilds/,
  ],
  [
    'a section that there is none of',
    'pipeline { agent none\n lastly { } }',
    /PipelineModel knows no lastly/,
  ],
  ['a job without stages', 'pipeline { agent none }', /pipeline has no stages/],
  ['an agent that nobody is', stage(`echo 'x'`).replace('docker', 'dokcer'), /No agent has the label dokcer/],
  [
    'a shell without an agent',
    `pipeline { agent none\n stages { stage('One') { steps { sh 'true' } } } }`,
    /sh needs an agent/,
  ],
])('%s', async (name, jenkinsfile, why) => {
  const { events, result } = await run(name, jenkinsfile);
  expect(result).not.toBe('SUCCESS');
  const told = events
    .filter(({ type }) => type === 'refused' || type === 'failed')
    .map(({ message }) => message);
  expect(told.join('\n')).toMatch(why);
});

test('what is right runs: an agent, a shell, its output, what comes after', async () => {
  const { events, result, console } = await run(
    'right',
    `def said = ''
pipeline { agent none
  stages { stage('One') { agent { label 'docker' }
    steps { script { said = sh(script: 'echo to stdout; echo to stderr >&2', returnStdout: true).trim() } }
    post { always { echo "said \${said}" } } } }
  post { success { echo 'well' } \n failure { echo 'ill' } } }`,
  );
  expect(result).toBe('SUCCESS');
  expect(console).toContain('to stderr');
  expect(events.filter(({ type }) => type === 'echo').map(({ text }) => text)).toEqual([
    'said to stdout',
    'well',
  ]);
});
