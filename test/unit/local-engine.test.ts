import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { lostRules, parseRules } from '../../src/local-engine/firewall.ts';
import {
  defaultDevice,
  freeBridgeAddress,
  parseNameservers,
  parseRoutes,
  type Route,
} from '../../src/local-engine/network.ts';
import { enginePaths, privateEngineSocket } from '../../src/local-engine/paths.ts';

const header = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT';
const route = (text: string): Route[] => parseRoutes(`${header}\n${text}`);

describe('the folders of the private engine', () => {
  test('are in the XDG base directories', () => {
    const paths = enginePaths({ HOME: '/home/a', XDG_DATA_HOME: '/data', XDG_RUNTIME_DIR: '/run/user/7' });
    expect(paths.dataRoot).toBe('/data/dwt/engine/data');
    expect(paths.socket).toBe('/run/user/7/dwt/docker.sock');
    expect(privateEngineSocket({ XDG_RUNTIME_DIR: '/run/user/7' })).toBe('/run/user/7/dwt/docker.sock');
  });

  test('are the defaults of the XDG specification where a variable is missing, empty or relative', () => {
    for (const value of [undefined, '', 'relative']) {
      const paths = enginePaths({ HOME: '/home/a', XDG_DATA_HOME: value, XDG_RUNTIME_DIR: value });
      expect(paths.home).toBe('/home/a/.local/share/dwt/engine');
      expect(paths.socket).toBe('/run/dwt/docker.sock');
    }
  });

  test('give each engine a bridge of its own, with a name that Linux takes', () => {
    const one = enginePaths({ HOME: '/home/a' }).bridge;
    const other = enginePaths({ HOME: '/home/b' }).bridge;
    expect(one).not.toBe(other);
    expect(one).toMatch(/^dwt-[0-9a-f]{8}$/);
  });
});

describe('the network of the private engine', () => {
  test('routes are read as the kernel writes them', () => {
    expect(route('eth0\t000200C0\t00000000\t0001\t0\t0\t5\t00FFFFFF\t0\t0\t0\n')).toEqual([
      { device: 'eth0', address: 0xc0000200, mask: 0xffffff00, metric: 5 },
    ]);
  });

  test('the default route with the lowest metric decides the device', () => {
    const routes = route(
      'wlan0\t00000000\t0100A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\neth0\t00000000\t0100A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0',
    );
    expect(defaultDevice(routes)).toBe('eth0');
    expect(defaultDevice([])).toBeNull();
  });

  test('a network that a route covers is passed over', () => {
    const routes = route(
      'br0\t00001DAC\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\nbr1\t00021DAC\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0',
    );
    expect(freeBridgeAddress(routes, [])).toBe('172.29.1.1/24');
    const wide = route('vpn\t000010AC\t00000000\t0001\t0\t0\t0\t0000F0FF\t0\t0\t0'); // 172.16.0.0/12
    expect(freeBridgeAddress(wide, [])).toBe('10.213.0.1/24');
  });

  test('a network that holds a resolver is passed over', () => {
    expect(freeBridgeAddress([], ['172.29.0.53'])).toBe('172.29.1.1/24');
  });

  test('none is answered where everything is taken, and a default route takes nothing', () => {
    expect(
      freeBridgeAddress(
        [
          { device: 'x', address: 0, mask: 0x80000000, metric: 0 },
          { device: 'y', address: 0x80000000, mask: 0x80000000, metric: 0 },
        ],
        [],
      ),
    ).toBeNull();
    expect(freeBridgeAddress([{ device: 'x', address: 0, mask: 0, metric: 0 }], [])).toBe('172.29.0.1/24');
  });

  test('what is answered lies in no route', () => {
    const anyRoute = fc.record({
      address: fc.nat(0xffffffff),
      prefix: fc.integer({ min: 1, max: 32 }),
    });
    fc.assert(
      fc.property(fc.array(anyRoute), (list) => {
        const routes = list.map(({ address, prefix }) => ({
          device: 'x',
          address,
          mask: (0xffffffff << (32 - prefix)) >>> 0,
          metric: 0,
        }));
        const answer = freeBridgeAddress(routes, []);
        if (answer === null) return;
        const own = answer
          .replace('/24', '')
          .split('.')
          .reduce((sum, part) => sum * 256 + Number(part), 0);
        for (const { address, mask } of routes) {
          const shared = (mask & 0xffffff00) >>> 0;
          expect((own & shared) >>> 0).not.toBe((address & shared) >>> 0);
        }
      }),
    );
  });

  test('name servers are read with comments and options around them', () => {
    expect(
      parseNameservers(
        '# nameserver 1.1.1.1\nsearch a b\nnameserver 10.0.0.1\n  nameserver ::1\noptions edns0',
      ),
    ).toEqual(['10.0.0.1', '::1']);
  });
});

describe('the packet-filter rules of another engine', () => {
  const before = parseRules(
    '*filter\n:FORWARD DROP [0:0]\n:DOCKER - [0:0]\n-A FORWARD -j DOCKER\n-A DOCKER -d 172.17.0.2/32 -j ACCEPT\n-A DOCKER -d 172.17.0.3/32 -j ACCEPT\nCOMMIT\n*nat\n-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE\nCOMMIT\n',
  );

  test('are put back in their order, in front of what came in between', () => {
    const after = parseRules(
      '*filter\n-A FORWARD -j DOCKER\n-A DOCKER -i dwt-1 -j RETURN\nCOMMIT\n*nat\n-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE\nCOMMIT\n',
    );
    expect(lostRules(before, after, ['dwt-1'])).toBe(
      '*filter\n-I DOCKER 1 -d 172.17.0.2/32 -j ACCEPT\n-I DOCKER 2 -d 172.17.0.3/32 -j ACCEPT\nCOMMIT\n',
    );
  });

  test('are left alone where none is lost', () => {
    expect(lostRules(before, before, ['dwt-1'])).toBeNull();
  });

  test('of our own bridge are not brought back', () => {
    const own = parseRules('*nat\n-A POSTROUTING -s 172.29.0.0/24 ! -o dwt-1 -j MASQUERADE\nCOMMIT\n');
    expect(lostRules(own, parseRules(''), ['dwt-1'])).toBeNull();
  });

  test('about a device that is gone are not brought back, others of that chain are', () => {
    const after = parseRules('*filter\n-A FORWARD -j DOCKER\n-A DOCKER -j RETURN\nCOMMIT\n');
    const mixed = parseRules(
      '*filter\n-A DOCKER -i br-1 -j RETURN\n-A DOCKER -i br-10 -j RETURN\n-A DOCKER -o br-1 -j DROP\nCOMMIT\n',
    );
    expect(lostRules(mixed, after, ['dwt-1', 'br-1'])).toBe(
      '*filter\n-I DOCKER 1 -i br-10 -j RETURN\nCOMMIT\n',
    );
  });

  test('bring a chain back that is gone', () => {
    expect(
      lostRules(parseRules('*nat\n-A OTHER -j RETURN\nCOMMIT\n'), parseRules('*nat\nCOMMIT\n'), ['dwt-1']),
    ).toBe('*nat\n:OTHER - [0:0]\n-I OTHER 1 -j RETURN\nCOMMIT\n');
  });
});
