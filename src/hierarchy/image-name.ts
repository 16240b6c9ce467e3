/** Whether FROM and COPY --from name an image that a registry could have; the grammar of distribution references. */
import { SyntaxFault } from './failure.ts';

const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const domain = `(?:${label}(?:\\.${label})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const tag = '[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}';
const digest = '[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}';
const reference = new RegExp(`^(?:${domain}/)?${component}(?:/${component})*(?::${tag})?(?:@${digest})?$`);

export function checkImageName(name: string, hint?: string): void {
  if (name.length <= 1024 && reference.test(name) && !/^[a-f0-9]{64}$/.test(name)) return;
  throw new SyntaxFault(
    `"${name}" is neither a stage above nor a legal name of an image.`,
    hint ?? (name === name.toLowerCase() ? undefined : 'Names of images are lower case.'),
  );
}
