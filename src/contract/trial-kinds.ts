/** Which checks an image is judged by follows from its kind. */
import { fail } from './check.ts';
import { StartRefused } from './subject.ts';
import { Findings, type TrialRequest, type TrialResult } from './trial.ts';
import { tryJob } from './trial-job.ts';
import { trySidecar } from './trial-sidecar.ts';
import { tryTool } from './trial-tool.ts';

/** What fails where an image does not even start. */
const first = { tool: 'http', visualisation: 'http', sidecar: 'up', job: 'ends' } as const;

export async function tryImage(request: TrialRequest): Promise<TrialResult> {
  try {
    return await tryKind(request);
  } catch (error) {
    if (!(error instanceof StartRefused)) throw error;
    const findings = new Findings(request.report);
    const name = first[request.kind];
    findings.begin(name);
    await findings.add(
      name,
      fail(`it does not start: ${error.said.trim()}`, 'See ENTRYPOINT and CMD.'),
      async () => '',
    );
    return findings;
  }
}

function tryKind(request: TrialRequest): Promise<TrialResult> {
  switch (request.kind) {
    case 'tool':
    case 'visualisation':
      return tryTool(request);
    case 'sidecar':
      return trySidecar(request);
    case 'job':
      return tryJob(request);
  }
}
