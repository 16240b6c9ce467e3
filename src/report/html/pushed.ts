/** What is in the registry now. */
import { html, type Markup } from './markup.ts';
import type { RunResults } from './results.ts';

type Pushed = NonNullable<RunResults['pushed']>;

const words = { pushed: '✔ pushed', present: '○ was there', push: '– would be pushed' } as const;

export function pushedImages(images: Pushed): Markup {
  if (images.length === 0) return html``;
  return html`
<section aria-labelledby="published">
<h2 id="published">Published</h2>
<div class="wide" role="region" tabindex="0" aria-labelledby="published-table">
<table>
<caption id="published-table">References and the digests that the registry has under them</caption>
<thead><tr><th scope="col">Stage</th><th scope="col">Result</th><th scope="col">Reference</th><th scope="col">Digest</th></tr></thead>
<tbody>
${images.map(
  ({ stage, reference, digest, action, error }) =>
    html`<tr><th scope="row">${stage}</th><td>${action === null ? (error?.exitStatus === 130 ? '– cancelled' : '✖ failed') : words[action]}</td><td><code>${reference}</code></td><td>${digest && html`<code>${digest}</code>`}</td></tr>
`,
)}</tbody>
</table>
</div>
</section>`;
}
