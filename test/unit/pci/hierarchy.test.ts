import fc from 'fast-check';
import { isRootBus, type PciNode, pciHierarchy } from '../../../src/pci/hierarchy';
import { TreeSys } from '../../support/tree-sys';

/** Functions by the paths that their links have below /sys/devices. */
function hierarchy(paths: Readonly<Record<string, string>>): PciNode[] {
  const sys = new TreeSys();
  for (const [address, path] of Object.entries(paths))
    sys.add({ [`/sys/bus/pci/devices/${address}`]: { link: `../../../devices/${path}` } });
  return pciHierarchy(sys, Object.keys(paths));
}

/** `name(child child)` */
const text = (nodes: readonly PciNode[]): string =>
  nodes.map(({ name, children }) => name + (children.length === 0 ? '' : `(${text(children)})`)).join(' ');

test('several root buses and domains, bridges behind bridges, by address', () => {
  expect(
    text(
      hierarchy({
        '10000:e1:00.0': 'pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0/10000:e1:00.0',
        '0001:00:00.0': 'platform/3f000000.pcie/pci0001:00/0001:00:00.0',
        '0000:80:01.0': 'pci0000:80/0000:80:01.0',
        '0000:03:00.0': 'pci0000:00/0000:00:01.0/0000:01:00.0/0000:02:00.0/0000:03:00.0',
        '0000:00:0e.0': 'pci0000:00/0000:00:0e.0',
        '0000:00:01.0': 'pci0000:00/0000:00:01.0',
        '0000:00:01.1': 'pci0000:00/0000:00:01.1',
        '10000:e0:06.0': 'pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0',
      }),
    ),
  ).toBe(
    'pci0000:00(0000:00:01.0(0000:01:00.0(0000:02:00.0(0000:03:00.0))) 0000:00:01.1 ' +
      '0000:00:0e.0(pci10000:e0(10000:e0:06.0(10000:e1:00.0)))) ' +
      'pci0000:80(0000:80:01.0) pci0001:00(0001:00:00.0)',
  );
});

test('a function whose link is missing, or leads elsewhere, stands at the top', () => {
  const sys = new TreeSys({
    '/sys/bus/pci/devices/0000:00:02.0/vendor': '0x1234\n',
    '/sys/bus/pci/devices/0000:00:01.0': { link: '../../../devices/pci0000:00/0000:00:03.0' },
    '/sys/bus/pci/devices/0000:00:04.0': { error: 'EACCES' },
  });
  const addresses = ['0000:00:04.0', '0000:00:02.0', '0000:00:01.0', '0000:00:05.0'];
  expect(text(pciHierarchy(sys, addresses))).toBe('0000:00:01.0 0000:00:02.0 0000:00:04.0 0000:00:05.0');
});

test('two functions that are behind each other are no circle', () => {
  expect(
    text(hierarchy({ '0000:00:01.0': '0000:00:02.0/0000:00:01.0', '0000:00:02.0': '0000:00:01.0/0000:00:02.0' })),
  ).toBe('0000:00:01.0(0000:00:02.0) 0000:00:02.0(0000:00:01.0)');
});

test('a path with more bridges than there are buses is not believed', () => {
  const path = Array.from({ length: 5000 }, () => '0000:00:01.0').join('/');
  expect(text(hierarchy({ '0000:00:02.0': `pci0000:00/${path}/0000:00:02.0` }))).toBe('0000:00:02.0');
});

test('whatever the links say, each function is there once at its place, and all ends', () => {
  const names = ['pci0000:00', 'pci0001:00', '0000:00:01.0', '0000:00:02.0', '0000:01:00.0', '0001:00:00.0'];
  const addresses = names.filter((name) => !isRootBus(name));
  const step = fc.constantFrom(...names, '..', '.', '', 'platform', '\u0000');
  const path = fc.array(step, { maxLength: 6 }).map((steps) => steps.join('/'));
  fc.assert(
    fc.property(fc.array(path, { minLength: addresses.length, maxLength: addresses.length }), (paths) => {
      const links = Object.fromEntries(addresses.map((address, i) => [address, `${paths[i]}/${address}`]));
      const places: string[] = [];
      const visit = ({ name, children }: PciNode, above: string) => {
        places.push(`${above}/${name}`);
        expect(new Set(children.map((child) => child.name)).size).toBe(children.length);
        for (const child of children) visit(child, `${above}/${name}`);
      };
      for (const root of hierarchy(links)) visit(root, '');
      for (const [address, link] of Object.entries(links)) {
        const place = link.split('/').filter((name) => names.includes(name));
        expect(places.filter((one) => one === `/${place.join('/')}`)).toHaveLength(1);
        expect(place.at(-1)).toBe(address);
      }
    }),
  );
});

test.each([
  ['pci0000:00', true],
  ['pci10000:e0', true],
  ['pci_bus', false],
  ['0000:00:01.0', false],
  ['pci0000:00:01.0', false],
])('%s is a root bus: %s', (name, expected) => {
  expect(isRootBus(name)).toBe(expected);
});
