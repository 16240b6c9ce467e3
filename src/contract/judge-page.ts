/** Check 9: a real browser renders its page, and nothing is wrong with it. */
import type { PageMark, PageSettings } from '../project/project.ts';
import { enumerate, fail, inSeconds, type Judgement, pass, plural } from './check.ts';
import type { PageEvidence, PageProblem } from './evidence.ts';

export function judgePage(evidence: PageEvidence, page: PageSettings): Judgement {
  const { path, prefix, status, refusal, title, requests } = evidence;
  const where = `${prefix}${path}`;
  if (status === null) return fail(`${where} could not be opened: ${refusal}`, 'Its last lines may say why.');
  if (status >= 400)
    return fail(
      `${where} answered ${status}`,
      prefix ? hints.prefix : 'Name the page under checks: page: path: in dwt.yaml.',
    );
  const { wrong, allowed } = sorted(evidence.problems, page.allow);
  const unseen = page.visible.filter((_, index) => evidence.seen[index] === null);
  const lost = page.visible.filter((_, index) => evidence.cut.lost.includes(index));
  const saw = `title ${JSON.stringify(title)}, ${plural(requests, 'request')}`;
  const faults = [
    ...(unseen.length > 0 ? [`${named(unseen)} not to be seen after ${inSeconds(page.within)}`] : []),
    ...(evidence.loaded === null && page.visible.length === 0
      ? [`not loaded after ${inSeconds(page.within)}`]
      : []),
    ...(lost.length > 0 ? [`${named(lost)} gone after ${cutOf(evidence)}`] : []),
    ...(evidence.blank && page.visible.length === 0 ? ['nothing to be seen at all'] : []),
    ...wrong.map(({ text, afterCut }) => (afterCut ? `after ${cutOf(evidence)}: ${text}` : text)),
  ];
  if (faults.length > 0) return fail(`${where} (${saw}): ${several(faults)}`, hintOf(wrong, evidence));
  const marked = page.visible.length > 0;
  const visible = marked
    ? `${named(page.visible)} visible after ${inSeconds(Math.max(...evidence.seen.map(Number)))}`
    : `loaded after ${inSeconds(evidence.loaded ?? 0)}`;
  const mended = marked && evidence.cut.websockets > 0 ? `, still so after ${cutOf(evidence)}` : '';
  const reasons = allowed.length > 0 ? `, allowed: ${enumerate(allowed, 3)}` : '';
  return pass(`${where}: ${saw}, ${visible}${mended}${reasons}`);
}

/** What is allowed is told by its reasons. */
function sorted(problems: readonly PageProblem[], allow: PageSettings['allow']) {
  const allowances = Object.entries(allow);
  const reasonFor = ({ text }: PageProblem) => allowances.find(([words]) => text.includes(words))?.[1];
  return {
    wrong: problems.filter((problem) => reasonFor(problem) === undefined),
    allowed: [...new Set(problems.map(reasonFor).filter((reason) => reason !== undefined))],
  };
}

const named = (marks: readonly PageMark[]): string =>
  enumerate(marks.map((mark) => ('text' in mark ? JSON.stringify(mark.text) : mark.selector)));

const several = (faults: readonly string[], most = 5): string =>
  [
    ...faults.slice(0, most),
    ...(faults.length > most ? [`${plural(faults.length - most, 'more problem')}`] : []),
  ].join('; ');

const cutOf = ({ cut }: PageEvidence): string =>
  cut.websockets > 0
    ? `the proxy had cut ${plural(cut.websockets, 'idle websocket')}`
    : 'the proxy had cut idle connections';

const hints = {
  prefix: 'Behind a proxy the tool must stay under the path that it is told: see checks: page: prefix:.',
  elsewhere: 'Serve from the image what the page fetches: the platform lets nothing out.',
  websocket: 'The platform hands websockets through with the Host that the browser sent.',
  cut: 'Connections that are idle are cut on the way: open them again.',
  allow: 'What is no fault is named under checks: page: allow: in dwt.yaml, with the reason.',
} as const;

function hintOf(wrong: readonly PageProblem[], { prefix, cut }: PageEvidence): string | undefined {
  const has = (kind: PageProblem['kind']) => wrong.some((problem) => problem.kind === kind);
  if (has('elsewhere')) return hints.elsewhere;
  if (prefix) return hints.prefix;
  if (has('websocket')) return hints.websocket;
  if (cut.lost.length > 0 || wrong.some(({ afterCut }) => afterCut)) return hints.cut;
  return wrong.length > 0 ? hints.allow : 'The screenshot shows what was there instead.';
}
