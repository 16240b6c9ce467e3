/** What is in the registry now. */
import { html, type Markup } from './markup.ts';
import type { PublishedImage } from './results.ts';

const words = {
  pushed: '✔ pushed',
  released: '✔ released',
  prepared: '✔ prepared, tag not moved',
  present: '○ was there',
  push: '– would be pushed',
  release: '– would be released',
} as const;

export function publishedImages(images: readonly PublishedImage[]): Markup {
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
    html`<tr><th scope="row">${stage}</th><td>${resultOf(action, error)}</td><td><code>${reference}</code></td><td>${digest && html`<code>${digest}</code>`}</td></tr>
`,
)}</tbody>
</table>
</div>
</section>`;
}

/** Where one image fails, none is published: the others have no error of their own. */
function resultOf(action: PublishedImage['action'], error: PublishedImage['error']): string {
  if (action !== null) return words[action];
  if (error === undefined) return '– not published';
  return error.exitStatus === 130 ? '– cancelled' : '✖ failed';
}
