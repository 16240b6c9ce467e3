/**
 * Chromium gives up what it is loading (ERR_NETWORK_CHANGED) whenever an address of the machine comes or goes, and on a
 * machine with an engine one does with every network and many a container. It hears of them by a netlink socket; where it
 * cannot make one, it takes the network for steady. So it is started by perl, which forbids it such sockets first.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '../host/command.ts';

/** The kernel's numbers, by processor: its own, and those of two system calls. */
const numbers = {
  x64: { audit: 0xc000003e, prctl: 157, socket: 41 },
  arm64: { audit: 0xc00000b7, prctl: 167, socket: 198 },
} as const;

/** A program that starts `program` so; null on machines where there is no way. The caller calls `remove` once it runs. */
export async function steadied(
  program: string,
): Promise<{ readonly program: string; readonly remove: () => Promise<void> } | null> {
  const known = process.platform === 'linux' ? numbers[process.arch as keyof typeof numbers] : undefined;
  const perl = known && findProgram('perl', process.env);
  if (!perl) return null;
  const folder = await mkdtemp(join(tmpdir(), 'dwt-browser-'));
  const file = join(folder, 'browser');
  await writeFile(file, `#!${perl}\n${script(program, known)}`, { mode: 0o700 });
  return { program: file, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** A filter of system calls: of this processor's, socket() for netlink (16) says that there is no such family (97). */
const script = (
  program: string,
  { audit, prctl, socket }: (typeof numbers)[keyof typeof numbers],
): string => `
use strict; use warnings;
my @filter = (
  [0x20, 0, 0, 4], [0x15, 0, 4, ${audit}],
  [0x20, 0, 0, 0], [0x15, 0, 2, ${socket}],
  [0x20, 0, 0, 16], [0x15, 1, 0, 16],
  [0x06, 0, 0, 0x7fff0000], [0x06, 0, 0, 0x00050000 | 97],
);
my $filter = join '', map { pack 'SCCL', @$_ } @filter;
my $set = pack 'S x![P] P', scalar @filter, $filter;
syscall(${prctl}, 38, 1, 0, 0, 0) == 0 && syscall(${prctl}, 22, 2, $set) == 0 or die "no filter: $!";
exec { '${program.replace(/[\\']/g, '\\$&')}' } '${program.replace(/[\\']/g, '\\$&')}', @ARGV or die "$!";
`;
