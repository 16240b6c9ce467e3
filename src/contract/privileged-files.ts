/** Which files may give their user another user, group or capability, and which of those found may not. */
import type { PrivilegedFile } from './evidence.ts';
import { platform } from './platform.ts';

/**
 * What base distributions (Debian's minimal root and what its ordinary packages bring, Alpine, Red Hat's) ship
 * setuid or setgid: account and mount tools, and helpers that are no way to become root for a user without a password.
 */
const ordinary = new Set(
  [
    [
      'bin',
      'su mount umount passwd chsh chfn newgrp gpasswd chage expiry sudo sudo-rs su-rs ssh-agent wall write write.ul bsd-write crontab fusermount fusermount3 ntfs-3g dotlockfile bbsuid screen',
    ],
    ['sbin', 'unix_chkpwd pam_extrausers_chkpwd pam_timestamp_check mount.nfs'],
    ['lib', 'dbus-1.0/dbus-daemon-launch-helper openssh/ssh-keysign utempter/utempter'],
    ['libexec', 'dbus-1/dbus-daemon-launch-helper openssh/ssh-keysign utempter/utempter'],
  ].flatMap(([folder, names]) =>
    (names ?? '').split(' ').flatMap((name) => [`/${folder}/${name}`, `/usr/${folder}/${name}`]),
  ),
);

/** CAP_NET_RAW: what ping is given where it is not setuid. */
const netRaw = 1n << 13n;
const pings = new Set(['/bin/ping', '/usr/bin/ping']);

export function unexpectedPrivileges(files: readonly PrivilegedFile[]): string[] {
  return files.flatMap((file) => {
    const gains = gainsOf(file);
    return gains.length > 0 ? [`${file.path} (${gains.join(', ')})`] : [];
  });
}

function gainsOf({ path, mode, uid, gid, capabilities }: PrivilegedFile): string[] {
  const known = ordinary.has(path);
  const held = capabilities === null ? 0n : BigInt(`0x${capabilities}`);
  const raw = pings.has(path) && (held & ~netRaw) === 0n;
  const ping = pings.has(path) && uid === 0;
  return [
    ...(mode & 0o4000 && uid !== platform.user.id && !known && !ping ? [`setuid ${uid}`] : []),
    // Without the group's right to execute, the bit asks for record locks.
    ...(mode & 0o2000 && mode & 0o0010 && gid !== platform.group.id && !known ? [`setgid ${gid}`] : []),
    ...(held !== 0n && !raw ? [`capabilities ${capabilities}`] : []),
  ];
}
