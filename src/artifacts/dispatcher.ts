/** How artifacts are fetched: by the machine's proxies and certificates, in bounded time. */
import { rootCertificates } from 'node:tls';
import { type Dispatcher, EnvHttpProxyAgent, interceptors } from 'undici';
import { readBuildCa } from '../secrets/build-ca.ts';

const connectMs = 30_000;
const mostRedirects = 10;

/**
 * Proxies are those of `https_proxy`, `http_proxy` and `no_proxy`; the CAs are Node's, this machine's, and those of
 * `--build-ca`.
 *
 * @param silenceMs A server that says nothing for so long is given up, in milliseconds.
 */
export async function openDispatcher(
  environment: NodeJS.ProcessEnv,
  buildCa: string | null,
  silenceMs: number,
): Promise<Dispatcher> {
  const authorities = await readBuildCa(buildCa, environment);
  const tls = {
    timeout: connectMs,
    ...(authorities && { ca: [...rootCertificates, Buffer.from(authorities).toString('utf8')] }),
  };
  const proxy = (name: string) => environment[name] ?? environment[name.toUpperCase()];
  return new EnvHttpProxyAgent({
    httpProxy: proxy('http_proxy') ?? '',
    httpsProxy: proxy('https_proxy') ?? '',
    noProxy: proxy('no_proxy') ?? '',
    connect: tls,
    requestTls: tls,
    proxyTls: tls,
    // Plain http is asked of a proxy as it always was: many refuse a tunnel to port 80.
    proxyTunnel: false,
    headersTimeout: silenceMs,
    bodyTimeout: silenceMs,
  }).compose(interceptors.redirect({ maxRedirections: mostRedirects }));
}
