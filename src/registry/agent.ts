/** The way to hosts of the network: through the proxy that the environment names, if it names one. */
import type { Agent } from 'node:https';

let agent: Agent | null | undefined;

const proxied = ['HTTPS_PROXY', 'https_proxy'];

/** An agent for https that heeds `https_proxy` and `no_proxy`; null where there is no proxy, and the usual one does. */
export function webAgent(): Agent | null {
  if (agent !== undefined) return agent;
  if (!proxied.some((name) => process.env[name])) {
    agent = null;
    return null;
  }
  // An import statement would read every export of the module, and one of them loads all of fetch.
  const https = process.getBuiltinModule('node:https');
  agent = new https.Agent({ keepAlive: true, proxyEnv: process.env });
  return agent;
}
