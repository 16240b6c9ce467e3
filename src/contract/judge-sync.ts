/** Whether a sidecar brings a file of a bucket into the home as the user's own, and takes one of the home into the bucket. */
import { fail, inSeconds, type Judgement, pass } from './check.ts';
import type { SyncEvidence } from './evidence.ts';
import { platform } from './platform.ts';

export function judgeSync({ down, up, within }: SyncEvidence): Judgement {
  if (down === null) {
    return fail(
      `what was in the bucket from the beginning was not in the home after ${inSeconds(within)}`,
      'The bucket is that of S3_BUCKET and S3_PREFIX at AWS_ENDPOINT_URL_S3; its last lines say what is wrong.',
    );
  }
  if (!down.isSame) return fail('what came into the home is not what is in the bucket');
  const { user, group } = platform;
  if (down.uid !== user.id || down.gid !== group.id) {
    return fail(
      `what came into the home belongs to ${down.uid}:${down.gid}, not to ${user.id}:${group.id}`,
      `The tool beside it runs as ${user.name}, and could not change it.`,
    );
  }
  const came = `a file came into the home as ${user.id}:${group.id} within ${inSeconds(down.seconds)}`;
  if (up === null) return fail(`${came}, and none went into the bucket within ${inSeconds(within)}`);
  if (!up.isSame) return fail(`${came}, and what went into the bucket is not what was written`);
  return pass(`${came}, and one went into the bucket within ${inSeconds(up.seconds)}`);
}
