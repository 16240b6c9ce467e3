/** Text that is markup, and text that is not: what is put into a template is escaped, and nothing concealed is in it. */
import { redact } from '../../redact.ts';
import { harmless } from '../log-lines.ts';

/** Only made by `html` and `pictureUrl`: a string can never be taken for markup. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Part = Markup | string | number | null | undefined | false | readonly Part[];

/** A template whose parts are put in as text, unless they are markup themselves. */
export function html(literals: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  let text = literals[0] ?? '';
  parts.forEach((part, index) => {
    text += written(part) + (literals[index + 1] ?? '');
  });
  return new Markup(text);
}

function written(part: Part): string {
  if (part === null || part === undefined || part === false) return '';
  if (part instanceof Markup) return part.text;
  if (typeof part === 'object') return part.map(written).join('');
  return escaped(`${part}`);
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Secrets go before anything is escaped: one with a quote in it would not be found afterwards. */
const escaped = (text: string): string =>
  harmless(redact(text))
    .toWellFormed()
    .replace(/[&<>"']/g, (character) => entities[character] ?? '');
