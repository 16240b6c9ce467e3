/**
 * Which registry hosts are Amazon's ECR, and what their names say. Pure. A token goes to whatever is one: so only domains
 * that are Amazon's, or a government's, count.
 */

/** A private registry: an account's, in a region. */
export interface PrivateEcr {
  readonly type: 'private';
  /** Twelve digits. */
  readonly account: string;
  readonly region: string;
  readonly fips: boolean;
  /** Reached by IPv6 too, under names of their own. */
  readonly dualStack: boolean;
}

/** The public gallery, which is one for all and logs in through one region. */
export interface PublicEcr {
  readonly type: 'public';
  readonly region: 'us-east-1';
}

export type EcrHost = PrivateEcr | PublicEcr;

/** Of every partition: commercial and GovCloud, China, Europe's own cloud, and the isolated ones. */
const partitions =
  'amazonaws\\.com(?:\\.cn)?|amazonaws\\.eu|sc2s\\.sgov\\.gov|c2s\\.ic\\.gov|cloud\\.adc-e\\.uk|csp\\.hci\\.ic\\.gov';
const singleStack = new RegExp(`^(\\d{12})\\.dkr\\.ecr(-fips)?\\.([a-z0-9-]+)\\.(?:${partitions})$`);
const dualStack = /^(\d{12})\.dkr-ecr(-fips)?\.([a-z0-9-]+)\.on\.(?:aws|amazonwebservices\.(?:com\.cn|eu))$/;
const publicHosts: readonly string[] = ['public.ecr.aws', 'ecr-public.aws.com'];

/** What the name of an ECR registry says; null for any other registry. */
export function ecrHost(domain: string): EcrHost | null {
  const name = domain.toLowerCase().replace(/:443$/, '');
  if (publicHosts.includes(name)) return { type: 'public', region: 'us-east-1' };
  const dual = dualStack.exec(name);
  const [, account, fips, region] = dual ?? singleStack.exec(name) ?? [];
  if (account === undefined || region === undefined) return null;
  return { type: 'private', account, region, fips: fips !== undefined, dualStack: dual !== null };
}
