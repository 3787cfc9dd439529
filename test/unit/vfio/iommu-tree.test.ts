import { type IommuTreeNode, readIommuTree } from '../../../src/devices/iommu-tree';
import { NO_NAMES } from '../../../src/names/database';
import { TreeSys } from '../../support/tree-sys';

interface Function {
  driver?: string;
  class?: string;
  group?: number;
}

/** A machine with functions by their places below /sys/devices, and platform devices by theirs. */
function machine(devices: Readonly<Record<string, Function>>): TreeSys {
  const sys = new TreeSys();
  for (const [path, { driver, class: code = '020000', group }] of Object.entries(devices)) {
    const name = path.slice(path.lastIndexOf('/') + 1);
    const home = `/sys/devices/${path}`;
    const up = '../'.repeat(home.split('/').length - 2);
    sys.add({ vendor: '0x1234\n', device: '0x5678\n', class: `0x${code}\n` }, `${home}/`);
    if (driver !== undefined) sys.add({ driver: { link: `${up}bus/x/drivers/${driver}` } }, `${home}/`);
    if (path.startsWith('pci')) sys.add({ [`/sys/bus/pci/devices/${name}`]: { link: `../../../devices/${path}` } });
    if (group === undefined) continue;
    sys.add({ iommu_group: { link: `${up}kernel/iommu_groups/${group}` } }, `${home}/`);
    sys.add({ [`/sys/kernel/iommu_groups/${group}/devices/${name}`]: { link: `../../../../devices/${path}` } });
  }
  return sys;
}

const PORT = { driver: 'pcieport', class: '060400' };

const split = (devices: Readonly<Record<string, Function>>) =>
  readIommuTree(machine(devices), NO_NAMES)
    .groups.filter((group) => group.split)
    .map(({ group }) => group);

test.each([
  ['one function', { 'pci0000:00/0000:00:01.0': { group: 1 } }, []],
  ['functions side by side', { 'pci0000:00/0000:00:01.0': { group: 1 }, 'pci0000:00/0000:00:02.0': { group: 1 } }, []],
  [
    'a bridge and what is behind it',
    {
      'pci0000:00/0000:00:01.0': { ...PORT, group: 1 },
      'pci0000:00/0000:00:01.0/0000:01:00.0': { group: 1 },
      'pci0000:00/0000:00:01.0/0000:01:00.1': { group: 1 },
    },
    [],
  ],
  [
    'functions behind two ports, without ACS',
    {
      'pci0000:00/0000:00:01.0': { ...PORT, group: 1 },
      'pci0000:00/0000:00:01.0/0000:01:00.0': { group: 1 },
      'pci0000:00/0000:00:02.0': { ...PORT, group: 1 },
      'pci0000:00/0000:00:02.0/0000:02:00.0': { group: 1 },
      'pci0000:00/0000:00:03.0': { group: 2 },
    },
    [1],
  ],
  [
    'a function behind a port, and the port beside it',
    {
      'pci0000:00/0000:00:01.0': { ...PORT, group: 1 },
      'pci0000:00/0000:00:01.0/0000:01:00.0': { group: 1 },
      'pci0000:00/0000:00:02.0': { ...PORT, group: 1 },
    },
    [1],
  ],
  ['two root buses', { 'pci0000:00/0000:00:01.0': { group: 1 }, 'pci0000:80/0000:80:01.0': { group: 1 } }, [1]],
  [
    'a platform device beside a function',
    { 'pci0000:00/0000:00:01.0': { group: 1 }, 'platform/ff500000.dma': { group: 1 } },
    [1],
  ],
  ['platform devices alone', { 'platform/ff500000.dma': { group: 1 }, 'platform/ff600000.dma': { group: 1 } }, []],
])('a group of %s: split %#', (_, devices, expected) => {
  expect(split(devices)).toEqual(expected);
});

test('a function has its driver and group, a bridge is one and does not block', () => {
  const { roots, groups } = readIommuTree(
    machine({
      'pci0000:00/0000:00:01.0': { ...PORT, group: 1 },
      'pci0000:00/0000:00:01.0/0000:01:00.0': { driver: 'nvme', class: '010802', group: 1 },
      'pci0000:00/0000:00:02.0': {},
    }),
    NO_NAMES,
  );
  const [bus] = roots;
  expect(bus).toMatchObject({ address: 'pci0000:00', kind: 'bus', vendorId: null, group: null, blocks: false });
  expect(bus?.children).toMatchObject([
    { address: '0000:00:01.0', kind: 'bridge', driver: 'pcieport', group: 1, blocks: false },
    { address: '0000:00:02.0', kind: 'function', driver: null, group: null, blocks: false, children: [] },
  ]);
  expect(bus?.children[0]?.children).toMatchObject([
    { address: '0000:01:00.0', kind: 'function', vendorId: '1234', driver: 'nvme', group: 1, blocks: true },
  ]);
  expect(groups).toMatchObject([{ group: 1, viable: false, blockers: ['0000:01:00.0'], split: false }]);
});

test('a bridge that is only in the path of another is a bridge without facts', () => {
  const { roots } = readIommuTree(machine({ 'pci0000:00/0000:00:01.0/0000:01:00.0': {} }), NO_NAMES);
  expect(roots[0]?.children[0]).toMatchObject({
    address: '0000:00:01.0',
    kind: 'bridge',
    vendorId: null,
    name: '0000:00:01.0',
    group: null,
    children: [{ address: '0000:01:00.0', kind: 'function' }],
  });
});

test('links in a circle, and attributes that cannot be read, leave the others in place', () => {
  const sys = machine({ 'pci0000:00/0000:00:03.0': { group: 1 } }).add({
    '/sys/bus/pci/devices/0000:00:01.0': { link: '../../../devices/0000:00:02.0/0000:00:01.0' },
    '/sys/bus/pci/devices/0000:00:02.0': { link: '../../../devices/0000:00:01.0/0000:00:02.0' },
    '/sys/devices/0000:00:02.0': { link: '0000:00:01.0/0000:00:02.0' },
    '/sys/devices/0000:00:01.0': { link: '0000:00:02.0/0000:00:01.0' },
    '/sys/devices/pci0000:00/0000:00:03.0/resource': { error: 'EIO' },
  });
  const { roots } = readIommuTree(sys, NO_NAMES);
  const bus = roots.find(({ address }) => address === 'pci0000:00') as IommuTreeNode;
  expect(bus.children).toMatchObject([
    { address: '0000:00:03.0', group: 1, errors: [{ path: expect.stringMatching(/resource$/), code: 'EIO' }] },
  ]);
});
