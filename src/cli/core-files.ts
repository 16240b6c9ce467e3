/** What a crash would leave behind. */
import { writeFileSync } from 'node:fs';

/**
 * Keeps memory, and so the secrets in it, out of core files of this process and of what it starts; what is left are the
 * processor's registers, of 64 bytes at most. Linux alone has such a setting; elsewhere `ulimit -c 0` does it.
 */
export function keepMemoryOutOfCores(): void {
  try {
    writeFileSync('/proc/self/coredump_filter', '0');
  } catch {
    // Another system, or a container that hides it: nothing that a user could be asked to mend.
  }
}
