/** What was judged of each image, with the evidence: what was seen, the last output, a picture of the page. */
import { type CheckResult, enumerate } from '../../contract/check.ts';
import type { SkippedCheck } from '../../contract/trial.ts';
import { standInNote } from '../../plan/stand-ins.ts';
import type { TestedImage } from '../../workflows/smoke-test.ts';
import { formatSeconds } from '../units.ts';
import { html, Markup } from './markup.ts';
import type { Picture } from './pictures.ts';

type Pictures = ReadonlyMap<string, Picture>;

export function testedImages(images: readonly TestedImage[], pictures: Pictures): Markup {
  if (images.length === 0) return html``;
  return html`
<section aria-labelledby="checks">
<h2 id="checks">Checks</h2>
${images.map((image, index) => testedImage(image, imageId(index), pictures))}
</section>`;
}

/** Where on the page an image's checks are, by its place among the images. */
export const imageId = (index: number): string => `image-${index + 1}`;

const nameOf = ({ stage, reference }: TestedImage): string => stage ?? reference;

function testedImage(image: TestedImage, id: string, pictures: Pictures): Markup {
  const { checks, skipped, error } = image;
  const note = standInNote(image.standIns ?? []);
  return html`<article aria-labelledby="${id}">
<h3 id="${id}">${verdictOf(image)} ${nameOf(image)}</h3>
<p>${image.reference}${image.id && html` <small>${image.id}</small>`}, judged in ${formatSeconds(image.seconds)}.</p>
${note !== null && html`<p><strong>It is a ${note}.</strong></p>`}
${error && html`<p class="failed">Not judged: ${error.message}${error.hint !== undefined && ` ${error.hint}`}</p>`}
${
  checks.length + skipped.length > 0 &&
  html`<div class="wide" role="region" tabindex="0" aria-labelledby="${id}-checks">
<table>
<caption id="${id}-checks">Checks of ${nameOf(image)}</caption>
<thead><tr><th scope="col">Check</th><th scope="col">Verdict</th><th scope="col">What was seen</th><th scope="col" class="number">Took</th></tr></thead>
<tbody>
${checks.map(checkRow)}${skipped.map(skippedRow)}</tbody>
</table>
</div>`
}
${outputs(checks)}${checks.map(
  ({ screenshot }) =>
    screenshot !== undefined && figure(pictures.get(screenshot) ?? null, screenshot, nameOf(image)),
)}
</article>
`;
}

const verdictOf = ({ verdict, error }: TestedImage): string =>
  verdict === 'pass' ? '✔ Passed:' : error?.code === 'INTERRUPTED' ? '– Cancelled:' : '✖ Failed:';

const checkRow = ({ name, verdict, detail, seconds, error }: CheckResult): Markup =>
  html`<tr><th scope="row">${name}</th><td class="${verdict === 'fail' ? 'failed' : 'verdict'}">${verdict === 'pass' ? '✔ pass' : '✖ fail'}</td><td class="seen">${detail}${error?.hint !== undefined && html`<br>Hint: ${error.hint}`}</td><td class="number">${formatSeconds(seconds)}</td></tr>
`;

const skippedRow = ({ name, because }: SkippedCheck): Markup =>
  html`<tr><th scope="row">${name}</th><td>– not judged</td><td>${because}</td><td></td></tr>
`;

/** Several checks may have failed on the same run of the container, whose last lines are then told once. */
function outputs(checks: readonly CheckResult[]): Markup[] {
  const byOutput = new Map<string, string[]>();
  for (const { name, output } of checks) {
    if (!output) continue;
    const names = byOutput.get(output);
    if (names) names.push(name);
    else byOutput.set(output, [name]);
  }
  return [...byOutput].map(
    ([output, names]) =>
      html`<h4>Last output: ${enumerate(names)}</h4>\n<pre tabindex="0">${output.trimEnd()}</pre>\n`,
  );
}

function figure(picture: Picture | null, file: string, image: string): Markup {
  if (picture === null) return html`<p>The picture of the page is kept as ${file}.</p>\n`;
  return html`<figure>
<img src="${new Markup(picture.url)}" alt="The page of ${image} as the check saw it" width="${picture.width}" height="${picture.height}">
<figcaption>The page of ${image} as the check saw it</figcaption>
</figure>
`;
}
