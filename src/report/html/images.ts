/** The images that a build made or found: how large, and which stage makes them so. */
import type { BuiltImage } from '../../workflows/build.ts';
import type { SizePart } from '../../workflows/image-sizes.ts';
import { shortId } from '../short-id.ts';
import { formatBytes, formatSeconds } from '../units.ts';
import { html, type Markup } from './markup.ts';

/** The same part has the same tone in all images; there are as many as can be told apart. */
const tones = ['#57606a', '#0a6ebd', '#8250df', '#1a7f37', '#9a6700', '#bf3989'];

export function builtImages(
  images: readonly BuiltImage[],
  sizes: ReadonlyMap<string, readonly SizePart[]>,
): Markup {
  if (images.length === 0) return html``;
  const largest = Math.max(1, ...images.map(({ size }) => size ?? 0));
  const names = [...new Set([...sizes.values()].flatMap((parts) => parts.map(({ name }) => name)))];
  const toneOf = (name: string): string => tones[names.indexOf(name) % tones.length] ?? 'currentColor';
  return html`
<section aria-labelledby="images">
<h2 id="images">Images</h2>
<div class="wide" role="region" tabindex="0" aria-labelledby="images-table">
<table>
<caption id="images-table">What each image is called, how large it is, and what of it each stage adds</caption>
<thead><tr><th scope="col">Image</th><th scope="col">Result</th><th scope="col" class="number">Size</th><th scope="col">Of which</th><th scope="col" class="number">Took</th></tr></thead>
<tbody>
${images.map(
  (image) =>
    html`<tr><th scope="row">${image.reference.replace(/:latest$/, '')}${image.id && html`<br><small>${shortId(image.id)}</small>`}</th><td>${resultOf(image)}</td><td class="number">${image.size === null ? '' : formatBytes(image.size)}</td><td class="parts">${composition(sizes.get(image.stage) ?? [], largest, toneOf)}</td><td class="number">${image.action === 'reused' ? '' : formatSeconds(image.seconds)}</td></tr>
`,
)}</tbody>
</table>
</div>
</section>`;
}

function resultOf({ action, error }: BuiltImage): string {
  if (action !== null) return action === 'built' ? '✔ built' : '○ reused';
  return error?.code === 'BUILD_CANCELLED' || error?.code === 'INTERRUPTED' ? '– cancelled' : '✖ failed';
}

/** A bar as long as the image is large beside the others, and the same in words. */
function composition(
  parts: readonly SizePart[],
  largest: number,
  toneOf: (name: string) => string,
): Markup | null {
  if (parts.length === 0) return null;
  let x = 0;
  const bars = parts.map(({ name, bytes }) => {
    const width = (bytes / largest) * 100;
    const bar = html`<rect x="${x.toFixed(3)}%" width="${width.toFixed(3)}%" height="10" fill="${toneOf(name)}"/>`;
    x += width;
    return bar;
  });
  const shown = parts.filter(({ bytes }, index) => bytes > 0 || index === parts.length - 1);
  return html`<svg class="sizes" width="100%" height="10" aria-hidden="true">${bars}</svg>
<ul>${shown.map(({ name, bytes }) => html`<li><svg width="10" height="10" aria-hidden="true"><rect width="10" height="10" fill="${toneOf(name)}"/></svg> ${name} ${formatBytes(bytes)}</li>`)}</ul>`;
}
