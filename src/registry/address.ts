/** Where a registry answers, and the one rule about plain http. */
import { DwtError } from '../errors.ts';
import { dockerHub } from './reference.ts';

/** True for 127.0.0.0/8, ::1 and localhost: the only hosts to which plain http is spoken. */
export function isLoopback(domain: string): boolean {
  const url = `http://${domain}/`;
  if (!URL.canParse(url)) return false;
  const host = new URL(url).hostname;
  return host === 'localhost' || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/**
 * Base URLs to try in turn: https for every registry; for one on this machine plain http first, which is what it
 * nearly always speaks.
 *
 * @throws DwtError REFERENCE_INVALID for a host that the grammar of references allows and the network does not.
 */
export function registryUrls(domain: string): readonly [URL, URL?] {
  const host = domain === dockerHub ? 'registry-1.docker.io' : domain;
  if (!URL.canParse(`https://${host}/`)) {
    throw new DwtError('REFERENCE_INVALID', `"${domain}" is not a host that can be connected to.`, {
      hint: 'Look for an address with a number above 255, or a port above 65535.',
    });
  }
  const secure = new URL(`https://${host}/`);
  return isLoopback(domain) ? [new URL(`http://${host}/`), secure] : [secure];
}
