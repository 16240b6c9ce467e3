/** What the host's routes and resolvers mean for an engine's own network. Pure: files come in as text. */

/** An IPv4 network as two unsigned 32-bit numbers. */
export interface Subnet {
  readonly address: number;
  readonly mask: number;
}

export interface Route extends Subnet {
  readonly device: string;
  readonly metric: number;
}

const littleEndian = (hex: string): number =>
  Number.parseInt((hex.match(/../g) ?? []).reverse().join(''), 16) >>> 0;

/** The routes of `/proc/net/route`, which gives addresses as hexadecimal words of little-endian machines. */
export function parseRoutes(text: string): Route[] {
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .flatMap(([device, destination, , , , , metric, mask]) =>
      device && destination && mask
        ? [{ device, address: littleEndian(destination), mask: littleEndian(mask), metric: Number(metric) }]
        : [],
    );
}

/** The device through which this machine reaches everything else, or null where it reaches nothing. */
export function defaultDevice(routes: readonly Route[]): string | null {
  const defaults = routes.filter((route) => route.mask === 0).sort((a, b) => a.metric - b.metric);
  return defaults[0]?.device ?? null;
}

const parseAddress = (text: string): number | null => {
  const parts = text.split('.').map(Number);
  const valid =
    parts.length === 4 && parts.every((part) => Number.isInteger(part) && part >= 0 && part < 256);
  return valid ? parts.reduce((sum, part) => sum * 256 + part, 0) >>> 0 : null;
};

const formatAddress = (address: number): string =>
  [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');

const overlap = (a: Subnet, b: Subnet): boolean => {
  const mask = (a.mask & b.mask) >>> 0;
  return (a.address & mask) >>> 0 === (b.address & mask) >>> 0;
};

const mask24 = 0xffffff00;
/** Private networks that neither home routers nor engines hand out first. */
const candidateBlocks = ['172.29.0.0', '172.30.0.0', '10.213.0.0', '192.168.0.0'];

/** The bridge's own address in the first /24 that no route and no resolver of the host is in, such as `172.29.0.1/24`; null where all are taken. */
export function freeBridgeAddress(routes: readonly Route[], nameservers: readonly string[]): string | null {
  const taken: Subnet[] = [
    ...routes.filter((route) => route.mask !== 0),
    ...nameservers.flatMap((server) => {
      const address = parseAddress(server);
      return address === null ? [] : [{ address, mask: 0xffffffff }];
    }),
  ];
  for (const block of candidateBlocks) {
    const start = parseAddress(block) ?? 0;
    for (let third = 0; third < 256; third++) {
      const subnet = { address: start + third * 256, mask: mask24 };
      if (!taken.some((other) => overlap(subnet, other))) return `${formatAddress(subnet.address + 1)}/24`;
    }
  }
  return null;
}

/** The name servers of a resolv.conf, in order. */
export const parseNameservers = (text: string): string[] =>
  [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].flatMap((match) => (match[1] ? [match[1]] : []));

/** True for an address that inside a container means the container itself. */
export const isLoopback = (address: string): boolean => address.startsWith('127.') || address === '::1';
