/** Check 3: the account that the platform and the s3sync sidecar count on, with a home that it can write to. */
import { fail, type Judgement, pass } from './check.ts';
import type { InsideEvidence } from './evidence.ts';
import { platform } from './platform.ts';

export function judgeAccount({
  passwd,
  group,
  home,
}: Pick<InsideEvidence, 'passwd' | 'group' | 'home'>): Judgement {
  const { user, group: team, home: folder } = platform;
  const add = `groupadd --gid ${team.id} ${team.name} && useradd --uid ${user.id} --gid ${team.id} --home-dir ${folder} ${user.name}`;
  const users = entries(passwd);
  const entry = users.find(([name]) => name === user.name);
  if (!entry) return fail(`/etc/passwd has no user ${user.name}`, add);
  const [, , uid, gid, , where] = entry;
  if (Number(uid) !== user.id) return fail(`${user.name} has uid ${uid}, not ${user.id}`, add);
  if (Number(gid) !== team.id) return fail(`${user.name} has gid ${gid}, not ${team.id}`, add);
  if (where !== folder) return fail(`the home of ${user.name} is ${where || 'empty'}, not ${folder}`, add);
  const first = users.find(([, , id]) => Number(id) === user.id);
  if (first?.[0] !== user.name)
    return fail(`uid ${user.id} is called ${first?.[0]}, before ${user.name}, in /etc/passwd`, add);
  const teams = entries(group);
  const named = teams.find(([name]) => name === team.name);
  if (!named) return fail(`/etc/group has no group ${team.name}`, add);
  if (Number(named[2]) !== team.id)
    return fail(`group ${team.name} has gid ${named[2]}, not ${team.id}`, add);
  if (!home) return fail(`${folder} is not a folder at run time`);
  const owner = `${folder} belongs to ${home.uid}:${home.gid} with mode ${(home.mode & 0o7777).toString(8).padStart(4, '0')}`;
  if (home.refusal) {
    return fail(
      `${user.name} cannot write to its home: ${home.refusal}; ${owner}`,
      `The volume there is new and root's: start as root and chown ${folder} before the tool starts. (An image with USER gives the folder to it in its Dockerfile.)`,
    );
  }
  return pass(`${user.name} is ${uid}:${gid}; ${owner} and can be written to`);
}

const entries = (text: string | null): string[][] =>
  (text ?? '')
    .split('\n')
    .filter((line) => line && !line.startsWith('#'))
    .map((line) => line.split(':'));
