/**
 * The CAs that this machine trusts beside Node's own, such as that of a proxy which signs TLS anew. To read them takes
 * longer than a push with nothing to send, so that is done where a certificate is not trusted otherwise, and once.
 */

/** What OpenSSL says of a certificate whose CA it does not know. */
const unknownAuthority: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

let trusted = false;

/** Does `work`, and again where it failed for a CA that this machine may trust. */
export async function withMachineCas<T>(work: () => Promise<T>): Promise<T> {
  const before = trusted;
  try {
    return await work();
  } catch (error) {
    const { code = '' } = error as { code?: string };
    if (before || !unknownAuthority.has(code) || !trustMachine()) throw error;
    return work();
  }
}

/** False where this Node has no way to. */
function trustMachine(): boolean {
  const tls = process.getBuiltinModule('node:tls');
  if (!trusted && 'setDefaultCACertificates' in tls) {
    const known = [...tls.getCACertificates('default'), ...tls.getCACertificates('system')];
    tls.setDefaultCACertificates([...new Set(known)]);
    trusted = true;
  }
  return trusted;
}
