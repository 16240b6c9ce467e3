/** Reads `dwt.yaml`: YAML with positions, judged by the schema, each complaint at its line and column. */
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { DwtError, type Location } from '../errors.ts';
import { type Complaint, complaintsOf, type Locate, type Path } from './complaints.ts';
import { type ProjectData, projectSchema } from './schema.ts';

export interface ProjectFile {
  readonly data: ProjectData;
  readonly locate: Locate;
}

/** Characters; far above any project, and far below what would take a second to read. */
const largest = 1024 * 1024;
/** Aliases that one file may follow; more is an attempt to exhaust the memory. */
const mostAliases = 1000;

/** Parses and validates the text of a project file; `file` is its name in errors. */
export function parseProjectFile(text: string, file: string): ProjectFile {
  if (text.length > largest)
    throw invalid({ message: 'The project file is larger than 1 MiB.', location: { file, line: 1 } });
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true });
  const at = (offset: number): Location => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const [broken] = document.errors;
  if (broken) throw invalid(yamlComplaint(text, broken.code, broken.message, at(broken.pos[0])), text);

  const locate: Locate = (path, part = 'value') => at(offsetOf(document, path, part));
  const value = plainValue(document, at(0));
  const result = projectSchema.safeParse(value);
  if (result.success) return { data: result.data, locate };
  const complaints = result.error.issues
    .flatMap((issue) => complaintsOf(issue, value, locate))
    .sort((a, b) => a.location.line - b.location.line);
  const [first = { message: 'The project file is not valid.', location: at(0) }, ...others] = complaints;
  throw invalid(first, text, others);
}

function invalid(
  { message, location, hint }: Complaint,
  text?: string,
  others: readonly Complaint[] = [],
): DwtError {
  const more = others.map((other) => `${other.location.line}:${other.location.column} ${other.message}`);
  const detail = [
    ...(text === undefined ? [] : [quote(text, location)]),
    ...(more.length > 0 ? ['', 'And also:', ...more] : []),
  ].join('\n');
  return new DwtError('PROJECT_INVALID', message, {
    location,
    ...(hint !== undefined && { hint }),
    ...(detail && { detail }),
  });
}

function plainValue(document: Document, start: Location): unknown {
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: mostAliases });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw invalid({
      message: `The project file cannot be read: ${reason.replace(/\.$/, '')}.`,
      location: start,
    });
  }
  if (value !== null && value !== undefined) return value;
  throw invalid({
    message: 'The project file is empty.',
    location: start,
    hint: 'Begin it with "version: 1".',
  });
}

/** The offset of a key or value; aliases are followed, and the search ends at what the file has. */
function offsetOf(document: Document, path: Path, part: 'key' | 'value'): number {
  let node = document.contents as Node | null;
  let offset = node?.range?.[0] ?? 0;
  for (const [index, key] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document) ?? null;
    if (isSeq(node)) node = (node.items[Number(key)] as Node | undefined) ?? null;
    else if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
      offset = (pair?.key as Node | undefined)?.range?.[0] ?? offset;
      if (part === 'key' && index === path.length - 1) return offset;
      node = (pair?.value as Node | undefined) ?? null;
    } else return offset;
    offset = node?.range?.[0] ?? offset;
  }
  return offset;
}

function yamlComplaint(text: string, code: string, message: string, location: Location): Complaint {
  if (code === 'DUPLICATE_KEY') {
    const line = text.split('\n', location.line)[location.line - 1] ?? '';
    const key = /^["']?([\w.-]+)["']?\s*:/.exec(line.slice((location.column ?? 1) - 1))?.[1];
    return {
      message:
        key === undefined
          ? 'A key is given twice in one map.'
          : `The key "${key}" is given twice in one map.`,
      location,
      hint: 'Remove one of the two.',
    };
  }
  // A tab before the complaint is its cause more often than not, whatever the parser made of it.
  const tab = text.split('\n', location.line).findIndex((line) => /^ *\t/.test(line));
  const hint = tab < 0 ? {} : { hint: `Line ${tab + 1} is indented with a tab: use spaces.` };
  if (code === 'TAB_AS_INDENT')
    return { message: 'A tab indents this line, and YAML allows spaces only.', location, ...hint };
  if (code === 'MULTIPLE_DOCS')
    return { message: 'The project file has more than one YAML document.', location };
  const reason = message.split('\n')[0]?.replace(/[.:]$/, '');
  return { message: `The project file is no YAML: ${reason}.`, location, ...hint };
}

function quote(text: string, { line, column = 1 }: Location): string {
  const source = text.split('\n', line)[line - 1]?.trimEnd().slice(0, 200) ?? '';
  const number = `${String(line).padStart(5)} | `;
  return `${number}${source}\n${' '.repeat(number.length + column - 1)}^`;
}
