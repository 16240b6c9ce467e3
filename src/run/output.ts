/** What a container says, for its user. */

/** Complaints that are told; who has more of them reads the log. */
const mostComplaints = 5;

/** Lines such as `start: the home cannot be written`: how an image of the platform says what is wrong and starts anyway. */
export const complaintsOf = (log: string): string[] =>
  [...new Set(log.split(/\r?\n/))]
    .filter((line) => /^[a-z][a-z0-9-]*: \S/.test(line))
    .slice(0, mostComplaints);

/** Characters that are waited for the end of a line. */
const longestWait = 65_536;

/**
 * Tells whole lines, since what is to be taken out of them may lie across two pieces. Ends quietly when there is no more to be heard, for
 * whatever reason.
 */
export async function tellOutput(
  pieces: AsyncIterable<Uint8Array>,
  tell: (text: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  let begun = '';
  try {
    for await (const piece of pieces) {
      begun += decoder.decode(piece, { stream: true });
      const end = begun.length > longestWait ? begun.length : begun.lastIndexOf('\n') + 1;
      if (end > 0) tell(begun.slice(0, end));
      begun = begun.slice(end);
    }
  } catch {
    // The tool's own end is judged elsewhere.
  }
  if (begun !== '') tell(`${begun}\n`);
}
