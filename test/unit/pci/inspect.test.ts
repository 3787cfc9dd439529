import { inspectPci, listPci } from '../../../src/devices/pci-functions';
import type { PciDeviceInfo, VfioDeviceInfo } from '../../../src/model/device';
import { NameDatabase } from '../../../src/names/database';
import { inspectPciInfo } from '../../../src/pci/inspect';
import { AttributeReader } from '../../../src/sys/readers/attributes';
import { type Content, TreeSys } from '../../support/tree-sys';

const NO_RESOURCE = '0x0000000000000000 0x0000000000000000 0x0000000000000000\n';
const EDU_RESOURCE = `0x00000000feb00000 0x00000000febfffff 0x0000000000040200\n${NO_RESOURCE.repeat(6)}`;

/** An `edu` as QEMU and the kernel show it; `null` takes an attribute away. */
function addFunction(sys: TreeSys, address: string, attributes: Record<string, Content | null> = {}): TreeSys {
  const all: Record<string, Content | null> = {
    vendor: '0x1234\n',
    device: '0x11e8\n',
    subsystem_vendor: '0x1af4\n',
    subsystem_device: '0x1100\n',
    class: '0x00ff00\n',
    revision: '0x10\n',
    numa_node: '-1\n',
    driver_override: '(null)\n',
    resource: EDU_RESOURCE,
    ...attributes,
  };
  const home = `/sys/devices/pci0000:00/${address}`;
  sys.tree.mkdir(home);
  for (const [name, content] of Object.entries(all)) if (content !== null) sys.add({ [name]: content }, `${home}/`);
  return sys.add({ [`/sys/bus/pci/devices/${address}`]: { link: `../../../devices/pci0000:00/${address}` } });
}

const driver = (name: string): Content => ({ link: `../../../bus/pci/drivers/${name}` });
const group = (number: number): Content => ({ link: `../../../kernel/iommu_groups/${number}` });

const list = (sys: TreeSys, options = {}) => listPci(sys, new NameDatabase(sys), options);
function inspect(sys: TreeSys, address = '0000:00:03.0'): PciDeviceInfo | VfioDeviceInfo {
  const device = inspectPci(sys, new NameDatabase(sys), address);
  if (device === null) throw new Error(`no ${address}`);
  return device;
}
/** Inspects one function with these attributes. */
const seen = (attributes: Record<string, Content | null>) =>
  inspect(addFunction(new TreeSys(), '0000:00:03.0', attributes));

test('a function without a driver, on a machine without IOMMU and names', () => {
  expect(inspect(addFunction(new TreeSys(), '0000:00:03.0'))).toEqual({
    address: '0000:00:03.0',
    framework: 'pci',
    vendorId: '1234',
    deviceId: '11e8',
    name: 'Unclassified device [1234:11e8]',
    driver: null,
    node: null,
    access: null,
    errors: [],
    pci: {
      class: '0x00ff00',
      className: 'Unclassified device',
      revision: '10',
      subsystem: '1af4:1100',
      regions: [
        {
          name: 'bar0',
          kind: 'mmio',
          address: '0xfeb00000',
          size: 1048576,
          offset: 0,
          read: true,
          write: true,
          mmap: true,
        },
      ],
      iommuGroup: null,
      driverOverride: null,
      numaNode: null,
    },
  });
});

test('what else the kernel may say', () => {
  const { pci } = seen({ numa_node: '1\n', driver_override: 'vfio-pci\n', iommu_group: group(12) });
  expect(pci).toMatchObject({ numaNode: 1, driverOverride: 'vfio-pci', iommuGroup: 12 });
});

test.each([
  ['absent', null],
  ['empty', ''],
  ['garbage', 'zz\n'],
  ['control characters', '\x1b[2J\0\xff'],
  ['too long', '0x12345678901234567890\n'],
  ['unreadable', { error: 'EACCES' }],
])('attributes that are %s are null', (_, content) => {
  const names = ['vendor', 'device', 'subsystem_vendor', 'class', 'revision', 'numa_node', 'resource'];
  const device = seen(Object.fromEntries(names.map((name) => [name, content])));
  expect(device).toMatchObject({
    vendorId: null,
    deviceId: null,
    name: 'PCI device',
    pci: { class: null, className: null, revision: null, subsystem: null, numaNode: null, regions: [] },
  });
  const unreadable = typeof content === 'object' && content !== null ? names.length : 0;
  expect(device.errors).toHaveLength(unreadable);
});

test('what could not be read is named', () => {
  expect(seen({ resource: { error: 'EACCES' }, driver: { error: 'EIO' } }).errors).toEqual([
    { path: '/sys/bus/pci/devices/0000:00:03.0/driver', code: 'EIO' },
    { path: '/sys/bus/pci/devices/0000:00:03.0/resource', code: 'EACCES' },
  ]);
});

test('a bridge has no subsystem', () => {
  expect(seen({ subsystem_vendor: '0x0000\n', subsystem_device: '0x0000\n' }).pci.subsystem).toBeNull();
});

describe('the name', () => {
  const database = { '/usr/share/misc/pci.ids': '1234  Technical Corp.\n\t11e8  QEMU Educational Device\n' };
  const named = (attributes: Record<string, Content | null>, files: Record<string, string> = database) =>
    inspect(addFunction(new TreeSys(files), '0000:00:03.0', attributes)).name;

  test.each([
    ['vendor and device known', {}, 'Technical Corp. QEMU Educational Device'],
    ['vendor known', { device: '0x0001' }, 'Technical Corp. Unclassified device [0001]'],
    ['unknown', { vendor: '0x4321', class: '0x010802' }, 'NVMe controller [4321:11e8]'],
    ['of a reserved class', { vendor: '0x4321', class: '0x550000' }, 'PCI device [4321:11e8]'],
    ['no vendor', { vendor: null, class: '0x020000' }, 'Ethernet controller'],
  ])('%s', (_, attributes, name) => {
    expect(named(attributes)).toBe(name);
  });
});

describe('a function of a VFIO driver', () => {
  const withVfio = (sys: TreeSys, name = 'vfio-pci') =>
    addFunction(sys, '0000:00:03.0', { driver: driver(name), iommu_group: group(3) }).add({
      '/sys/kernel/iommu_groups/3/devices/0000:00:03.0': { link: '../../../../devices/pci0000:00/0000:00:03.0' },
      '/sys/kernel/iommu_groups/3/type': 'DMA-FQ\n',
      '/dev/vfio/3': { node: 'rw' },
    });

  test('is a VFIO device', () => {
    expect(inspect(withVfio(new TreeSys()))).toMatchObject({
      framework: 'vfio',
      driver: 'vfio-pci',
      node: '/dev/vfio/3',
      access: 'rw',
      errors: [],
      vfio: { group: 3, cdev: null, viable: true, blockers: [], groupDevices: ['0000:00:03.0'] },
      pci: { iommuGroup: 3 },
    });
  });

  test.each(['vfio-pci', 'mlx5_vfio_pci', 'hisi-acc-vfio-pci', 'nvgrace-gpu-vfio-pci', 'vfio'])('%s is one', (name) => {
    expect(inspect(withVfio(new TreeSys(), name)).framework).toBe('vfio');
  });

  test.each(['virtio-pci', 'novfio', 'vfiox-pci', 'nvme'])('%s is none', (name) => {
    expect(inspect(withVfio(new TreeSys(), name)).framework).toBe('pci');
  });

  test('a driver of another name that registers with VFIO', () => {
    const sys = withVfio(new TreeSys(), 'nvidia').add({
      '/sys/bus/pci/devices/0000:00:03.0': { link: '../../../devices/pci0000:00/0000:00:03.0' },
      '/sys/devices/pci0000:00/0000:00:03.0/vfio-dev/vfio0/dev': '511:0\n',
      '/sys/devices/pci0000:00/0000:00:03.0/vfio-dev/vfio0/device': { link: '../../../0000:00:03.0' },
      '/sys/class/vfio-dev/vfio0': { link: '../../devices/pci0000:00/0000:00:03.0/vfio-dev/vfio0' },
    });
    expect(inspect(sys)).toMatchObject({ framework: 'vfio', vfio: { cdev: 'vfio0' } });
    expect(list(sys, { vfioOnly: true })).toHaveLength(1);
  });
});

describe('the list', () => {
  test('is in the order of addresses, whatever the directory has', () => {
    const addresses = ['10000:00:00.0', '0000:01:00.0', '0000:00:1f.0', '0000:00:03.0'];
    const sys = new TreeSys({ '/sys/bus/pci/devices/..stray': 'x', '/sys/bus/pci/devices/0000:00:3.0': 'x' });
    for (const address of addresses) addFunction(sys, address);
    expect(list(sys).map((device) => device.address)).toEqual([...addresses].reverse());
  });

  test('of a machine without PCI is empty', () => {
    expect(list(new TreeSys())).toEqual([]);
    expect(list(new TreeSys(), { vfioOnly: true })).toEqual([]);
    expect(list(new TreeSys({ '/sys/bus/pci/devices': { error: 'EACCES' } }))).toEqual([]);
  });

  test('leaves a function out that vanishes while it is read', () => {
    const sys = addFunction(new TreeSys(), '0000:00:04.0');
    addFunction(sys, '0000:00:03.0', {
      revision: () => {
        sys.tree.delete('/sys/bus/pci/devices/0000:00:03.0');
        sys.tree.delete('/sys/devices/pci0000:00/0000:00:03.0');
        return '0x10\n';
      },
    });
    expect(list(sys).map((device) => device.address)).toEqual(['0000:00:04.0']);
  });

  test('has a function out of which nothing can be read', () => {
    const sys = new TreeSys();
    sys.tree.mkdir('/sys/bus/pci/devices/0000:00:03.0');
    expect(list(sys)).toMatchObject([{ address: '0000:00:03.0', vendorId: null, name: 'PCI device', errors: [] }]);
  });

  test('with vfioOnly costs one readlink for each function that is not wanted', () => {
    const sys = new TreeSys();
    addFunction(sys, '0000:00:03.0', { driver: driver('vfio-pci') });
    addFunction(sys, '0000:00:04.0', { driver: driver('nvme') });
    addFunction(sys, '0000:00:05.0');
    expect(list(sys, { vfioOnly: true }).map((device) => device.address)).toEqual(['0000:00:03.0']);
    expect(sys.calls.filter((call) => /0000:00:0[45]/.test(call))).toEqual([
      'readLink /sys/bus/pci/devices/0000:00:04.0/driver',
      'readLink /sys/bus/pci/devices/0000:00:05.0/driver',
    ]);
  });

  test('costs eleven calls for a function, whatever the size of its group', () => {
    const cost = (count: number) => {
      const sys = new TreeSys();
      for (let i = 0; i < count; i++) {
        const address = `0000:${i.toString(16).padStart(2, '0')}:00.0`;
        addFunction(sys, address, { driver: driver('vfio-pci'), iommu_group: group(1) });
        sys.add({
          [`/sys/kernel/iommu_groups/1/devices/${address}`]: { link: `../../../../devices/pci0000:00/${address}` },
        });
      }
      expect(list(sys)).toHaveLength(count);
      return sys.calls.filter((call) => !call.includes('/usr/share/')).length;
    };
    // Three more for VFIO: the cdev, the group's member, the node.
    expect(cost(200) - cost(100)).toBe(100 * 14);
    const sys = addFunction(new TreeSys(), '0000:00:03.0', { driver: driver('nvme') });
    inspect(sys);
    expect(sys.calls.filter((call) => call.includes('0000:00:03.0'))).toHaveLength(11);
  });
});

describe('one function', () => {
  const sys = addFunction(new TreeSys(), '0000:00:03.0');
  const names = new NameDatabase(sys);

  test('may be named shortly', () => {
    expect(inspectPci(sys, names, '00:03.0')?.address).toBe('0000:00:03.0');
    expect(inspectPci(sys, names, { domain: 0, bus: 0, device: 3, function: 0 })?.address).toBe('0000:00:03.0');
  });

  test.each(['0000:00:04.0', 'garbage', '../../../etc', ''])('%j is none', (address) => {
    expect(inspectPci(sys, names, address)).toBeNull();
  });

  test('is the same for every framework', () => {
    expect(inspectPciInfo(new AttributeReader(sys), '0000:00:03.0')).toEqual(inspect(sys).pci);
  });
});
