/** Tells what a container says, by whole lines: what is to be taken out of it may lie across two pieces. */

/** Characters that are waited for the end of a line. */
const longestWait = 65_536;

/** Ends quietly when there is no more to be heard, for whatever reason. */
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
