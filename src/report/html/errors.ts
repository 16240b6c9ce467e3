/** What failed, with all that helps: the place, the lines, the last output, the hint. */
import { enumerate } from '../../contract/check.ts';
import type { DwtError } from '../../errors.ts';
import type { TestedImage } from '../../workflows/smoke-test.ts';
import { causesOf, placeOf } from '../error.ts';
import { imageId } from './checks.ts';
import { html, type Markup } from './markup.ts';
import type { RecordedTask } from './run-record.ts';

/** Lines of one failure's output; a terminal shows fewer. */
const mostLines = 200;

/** Failed checks are told with their evidence elsewhere on the page; here they are only named. */
export function failures(
  errors: readonly DwtError[],
  tasks: readonly RecordedTask[],
  tested: readonly TestedImage[],
): Markup {
  const told = distinct(errors).filter(({ code }) => code !== 'CHECK_FAILED' || tested.length === 0);
  const judged = tested.flatMap((image, index) => {
    const names = image.checks.filter(({ verdict }) => verdict === 'fail').map(({ name }) => name);
    return names.length === 0 ? [] : [{ name: image.stage ?? image.reference, id: imageId(index), names }];
  });
  const elsewhere = new Set(judged.map(({ name }) => name));
  if (told.length + judged.length === 0) return html``;
  const text = told.map(({ message, detail }) => `${message}\n${detail ?? ''}`).join('\n');
  return html`
<section aria-labelledby="failures">
<h2 id="failures">What failed</h2>
${judged.map(({ name, id, names }) => html`<p><a href="#${id}">Checks of ${name}</a>: ${enumerate(names)}</p>\n`)}${told.map(failure)}
${outputs(
  tasks.filter(({ title }) => !elsewhere.has(title)),
  text,
)}
</section>`;
}

/** One failure may have several victims, each of which carries it; what was only called off comes last. */
function distinct(errors: readonly DwtError[]): DwtError[] {
  const isVictim = ({ code }: DwtError) => code === 'BUILD_CANCELLED' || code === 'INTERRUPTED';
  const byText = new Map(errors.map((error) => [`${error.code} ${error.message}`, error]));
  return [...byText.values()].sort((a, b) => Number(isVictim(a)) - Number(isVictim(b)));
}

function failure(error: DwtError): Markup {
  const { code, message, location, excerpt, detail, hint } = error;
  return html`<article class="failure">
<h3>${message}</h3>
<p>${code}${location && html` at ${placeOf(location)}`}</p>
${hint !== undefined && html`<p><strong>Hint:</strong> ${hint}</p>`}
${excerpt !== undefined && html`<pre tabindex="0">${excerpt}</pre>`}
${detail !== undefined && html`<h4>Last output</h4>\n<pre tabindex="0">${lastLines(detail)}</pre>`}
${causesOf(error).map((cause) => html`<p>Cause: ${cause}</p>`)}
</article>
`;
}

/** Of steps that failed and whose output no error carries. */
function outputs(tasks: readonly RecordedTask[], told: string): Markup[] {
  return tasks.flatMap(({ title: task, steps }) =>
    steps
      .filter(({ outcome, output }) => outcome === 'failed' && output.length > 0)
      .filter(({ output }) => !told.includes(output.at(-1) ?? ''))
      .map(
        ({ title, output }) =>
          html`<h3>${task}: ${title}</h3>\n<pre tabindex="0">${output.join('\n')}</pre>\n`,
      ),
  );
}

function lastLines(text: string): string {
  const lines = text.trimEnd().split('\n');
  if (lines.length <= mostLines) return lines.join('\n');
  return [`… (${lines.length - mostLines} lines left out)`, ...lines.slice(-mostLines)].join('\n');
}
