import { listGroups } from '../../../src/devices/iommu-groups';
import type { VfioDeviceInfo } from '../../../src/model/device';
import { NO_NAMES } from '../../../src/names/database';
import { AttributeReader } from '../../../src/sys/readers/attributes';
import { isServedByVfio, isVfioDriver } from '../../../src/vfio/inspect/drivers';
import { holdersOf } from '../../../src/vfio/inspect/holders';
import { VfioInspector } from '../../../src/vfio/inspect/inspector';
import { IommuGroups } from '../../../src/vfio/inspect/iommu-group';
import { type Content, TreeSys } from '../../support/tree-sys';

interface Member {
  driver?: string;
  class?: string;
  content?: Record<string, Content>;
}

/** A group with PCI functions, or others where a name is no PCI address. */
function addGroup(sys: TreeSys, number: number, members: Record<string, Member>): TreeSys {
  for (const [name, member] of Object.entries(members)) {
    const home = name.includes(':') ? `/sys/devices/pci0000:00/${name}` : `/sys/devices/platform/${name}`;
    sys.tree.mkdir(home);
    sys.add(member.content ?? {}, `${home}/`);
    if (member.driver !== undefined)
      sys.add({ driver: { link: `../../../bus/x/drivers/${member.driver}` } }, `${home}/`);
    if (member.class !== undefined) sys.add({ class: `${member.class}\n` }, `${home}/`);
    sys.add({ [`/sys/kernel/iommu_groups/${number}/devices/${name}`]: { link: `../../../..${home.slice(4)}` } });
    if (name.includes(':')) sys.add({ [`/sys/bus/pci/devices/${name}`]: { link: `../../../..${home}` } });
  }
  return sys;
}

const EDU = '0000:00:03.0';
const own: Member = { driver: 'vfio-pci', class: '0x00ff00' };

test.each([
  ['alone', { [EDU]: own }, true, []],
  ['with one without a driver', { [EDU]: own, '0000:00:04.0': { class: '0x020000' } }, true, []],
  ['with a root port', { [EDU]: own, '0000:00:01.0': { driver: 'pcieport', class: '0x060400' } }, true, []],
  [
    'with a bridge of another driver',
    { [EDU]: own, '0000:00:01.0': { driver: 'shpchp', class: '0x060401' } },
    true,
    [],
  ],
  ['with a CardBus bridge', { [EDU]: own, '0000:00:01.0': { driver: 'yenta_cardbus', class: '0x060700' } }, true, []],
  ['with one of pci-stub', { [EDU]: own, '0000:00:04.0': { driver: 'pci-stub', class: '0x020000' } }, true, []],
  ['with one of a variant', { [EDU]: own, '0000:00:04.0': { driver: 'mlx5_vfio_pci', class: '0x020000' } }, true, []],
  [
    'with one in use',
    { [EDU]: own, '0000:02:02.0': { driver: 'virtio-pci', class: '0x00ff00' } },
    false,
    ['0000:02:02.0'],
  ],
  ['with one of unknown class', { [EDU]: own, '0000:02:02.0': { driver: 'virtio-pci' } }, false, ['0000:02:02.0']],
  [
    'with an ISA bridge, which is no bridge here',
    { [EDU]: own, '0000:00:1f.0': { driver: 'lpc_ich', class: '0x060100' } },
    false,
    ['0000:00:1f.0'],
  ],
  [
    'with a platform device in use',
    { [EDU]: own, 'fe0b0000.ethernet': { driver: 'gem' } },
    false,
    ['fe0b0000.ethernet'],
  ],
  [
    'with a virtual function that its vendor serves through VFIO',
    { '0000:41:00.4': { driver: 'nvidia', class: '0x030200', content: { 'vfio-dev/vfio3/dev': '511:3\n' } } },
    true,
    [],
  ],
  ['with a platform device of VFIO', { 'fe0b0000.ethernet': { driver: 'vfio-platform' } }, true, []],
  [
    'with several in use',
    { '0000:01:00.0': { driver: 'b' }, '0000:00:1f.3': { driver: 'c' }, [EDU]: { driver: 'a' } },
    false,
    [EDU, '0000:00:1f.3', '0000:01:00.0'],
  ],
] as [string, Record<string, Member>, boolean, string[]][])('a group %s', (_, members, viable, blockers) => {
  const group = new IommuGroups(addGroup(new TreeSys(), 3, members)).get(3);
  expect({ viable: group.viable, blockers: group.blockers, errors: group.errors }).toEqual({
    viable,
    blockers,
    errors: [],
  });
});

test('members are in order, PCI functions first', () => {
  const members = Object.fromEntries(
    ['z.platform', '0000:01:00.0', 'a.platform', '0000:00:1f.3'].map((name) => [name, {}]),
  );
  expect(new IommuGroups(addGroup(new TreeSys(), 3, members)).get(3).devices).toEqual([
    '0000:00:1f.3',
    '0000:01:00.0',
    'a.platform',
    'z.platform',
  ]);
});

test('what cannot be read makes viability unknown, not good', () => {
  const sys = addGroup(new TreeSys(), 3, { [EDU]: own, '0000:00:04.0': { content: { driver: { error: 'EACCES' } } } });
  expect(new IommuGroups(sys).get(3)).toMatchObject({
    viable: null,
    errors: [{ path: '/sys/bus/pci/devices/0000:00:04.0/driver', code: 'EACCES' }],
  });
  addGroup(sys, 3, { '0000:00:05.0': { driver: 'nvme' } });
  expect(new IommuGroups(sys).get(3).viable).toBe(false);
  expect(new IommuGroups(new TreeSys()).get(3).viable).toBeNull();
});

test('a group of which nothing can be read does not fill the list with errors', () => {
  const sys = new TreeSys();
  for (let i = 0; i < 1000; i++)
    sys.add({ [`/sys/kernel/iommu_groups/3/devices/dev${i}/driver`]: { error: 'EACCES' } });
  expect(new IommuGroups(sys).get(3)).toMatchObject({ viable: null, blockers: [] });
  expect(new IommuGroups(sys).get(3).errors).toHaveLength(10);
});

test('all groups, by number', () => {
  const sys = new TreeSys({ '/sys/kernel/iommu_groups/10/type': 'identity\n', '/sys/kernel/iommu_groups/stray': '' });
  addGroup(sys, 9, { [EDU]: own });
  const groups = new IommuGroups(sys);
  expect(groups.numbers()).toEqual([9, 10]);
  expect(groups.get(10).type).toBe('identity');
  expect(groups.get(9).type).toBeNull();
  expect(new IommuGroups(new TreeSys()).numbers()).toEqual([]);
});

test('a group is read once', () => {
  const sys = addGroup(new TreeSys(), 3, { [EDU]: own });
  const groups = new IommuGroups(sys);
  const first = groups.get(3);
  const { length } = sys.calls;
  expect(groups.get(3)).toBe(first);
  expect(sys.calls).toHaveLength(length);
});

describe('the node', () => {
  const dir = `/sys/bus/pci/devices/${EDU}`;
  const home = `/sys/devices/pci0000:00/${EDU}`;
  const look = (entries: Record<string, Content>, group: number | null = 3) => {
    const sys = addGroup(new TreeSys(), 3, { [EDU]: own }).add(entries);
    return new VfioInspector(sys).inspect(new AttributeReader(sys), dir, group);
  };
  const cdev = { [`${home}/vfio-dev/vfio7/dev`]: '511:7\n', '/dev/vfio/devices/vfio7': { node: 'r' } } as const;

  test('is that of the group', () => {
    expect(look({ '/dev/vfio/3': { node: 'none' } })).toMatchObject({
      node: '/dev/vfio/3',
      access: 'none',
      vfio: { cdev: null },
    });
  });

  test('may be missing', () => {
    expect(look({})).toMatchObject({ node: '/dev/vfio/3', access: null });
  });

  test('is the cdev where iommufd is there to use it', () => {
    expect(look({ ...cdev, '/dev/iommu': { node: 'rw' } })).toMatchObject({
      node: '/dev/vfio/devices/vfio7',
      access: 'r',
      vfio: { cdev: 'vfio7', group: 3 },
    });
    expect(look(cdev)).toMatchObject({ node: '/dev/vfio/3', vfio: { cdev: 'vfio7' } });
  });

  test('is no cdev where the directory has no device number', () => {
    const sys = { [`${home}/vfio-dev/vfio7/power/control`]: 'auto\n', '/dev/iommu': { node: 'rw' } } as const;
    expect(look(sys)).toMatchObject({ node: '/dev/vfio/3', vfio: { cdev: null } });
  });

  test('of a group without IOMMU', () => {
    const noiommu = {
      '/sys/kernel/iommu_groups/3/name': 'vfio-noiommu\n',
      '/dev/vfio/noiommu-3': { node: 'rw' },
    } as const;
    expect(look(noiommu)).toMatchObject({ node: '/dev/vfio/noiommu-3', access: 'rw', vfio: { viable: true } });
  });

  test('of a group without IOMMU, also where the kernel has a cdev that nothing isolates', () => {
    const noiommu = {
      [`${home}/vfio-dev/noiommu-vfio7/dev`]: '511:7\n',
      '/dev/vfio/devices/noiommu-vfio7': { node: 'rw' },
      '/dev/iommu': { node: 'rw' },
      '/sys/kernel/iommu_groups/3/name': 'vfio-noiommu\n',
      '/dev/vfio/noiommu-3': { node: 'rw' },
    } as const;
    expect(look(noiommu)).toMatchObject({ node: '/dev/vfio/noiommu-3', vfio: { cdev: null, viable: true } });
    const sys = addGroup(new TreeSys(noiommu), 3, { [EDU]: own });
    expect(isServedByVfio(new AttributeReader(sys), dir, 'nvidia')).toBe(true);
  });

  // The kernel opens it with CAP_SYS_RAWIO alone, bit 17.
  test.each([
    ['root', '000001ffffffffff', 'rw', 'rw'],
    ['an ordinary user', '0000000000000000', 'rw', 'none'],
    ['a user with all capabilities but that', '000001fffffdffff', 'r', 'none'],
    ['a user with that', '0000000000020000', 'none', 'none'],
  ] as const)('the node of a group without IOMMU is as %s may open it', (_, capabilities, mode, access) => {
    const noiommu = {
      '/sys/kernel/iommu_groups/3/name': 'vfio-noiommu\n',
      '/dev/vfio/noiommu-3': { node: mode },
      '/proc/self/status': `Name:\tudrv\nCapEff:\t${capabilities}\n`,
    } as const;
    expect(look(noiommu)).toMatchObject({ access });
    const sys = addGroup(new TreeSys(noiommu), 3, { [EDU]: own });
    expect(listGroups(sys, NO_NAMES).groups).toMatchObject([{ node: '/dev/vfio/noiommu-3', access }]);
  });

  test('the node of a group with an IOMMU is as its mode says', () => {
    const sys = { '/dev/vfio/3': { node: 'rw' }, '/proc/self/status': 'CapEff:\t0000000000000000\n' } as const;
    expect(look(sys)).toMatchObject({ access: 'rw' });
  });

  test('without a group there is none, and no word on viability', () => {
    expect(look({}, null)).toEqual({
      node: null,
      access: null,
      vfio: { group: null, cdev: null, viable: null, blockers: [], groupDevices: [] },
    });
  });

  test('what could not be read of the group is said of the device', () => {
    const sys = addGroup(new TreeSys(), 3, { [EDU]: own }).add({ '/sys/kernel/iommu_groups/3/name': { error: 'EIO' } });
    const reader = new AttributeReader(sys);
    new VfioInspector(sys).inspect(reader, dir, 3);
    expect(reader.errors).toEqual([{ path: '/sys/kernel/iommu_groups/3/name', code: 'EIO' }]);
  });
});

test('no driver is no VFIO driver', () => {
  expect(isVfioDriver(null)).toBe(false);
});

test('a device that is held without its node has an owner, if it is open', () => {
  const sys = addGroup(new TreeSys(), 3, { [EDU]: { ...own, content: { vendor: '0x1234\n', enable: '1\n' } } });
  addGroup(sys, 4, { '0000:00:04.0': { ...own, content: { vendor: '0x1234\n', enable: '0\n' } } });
  sys.add({
    '/proc/1/maps': '',
    '/proc/20/comm': 'vhost\n',
    '/proc/20/maps': '7f00-7f01 rw-s 00000000 00:0e 1 anon_inode:[vfio-device]\n',
    '/proc/30/comm': 'qemu\n',
    '/proc/30/maps': '',
    '/proc/30/fd/7': { link: 'anon_inode:[vfio-device]' },
    '/proc/30/fdinfo/7': `vfio-device-syspath:\t/sys/devices/pci0000:00/${EDU}\n`,
  });
  const owners = listGroups(sys, NO_NAMES).groups.map(({ group, holders }) => [
    group,
    ...holders.map(({ pid, by }) => `${pid} ${by}`),
  ]);
  expect(owners).toEqual([[3, '20 mapping', '30 descriptor'], [4]]);
  const shown = (address: string, group: number) =>
    holdersOf(sys, { address, vfio: { group, cdev: null } } as VfioDeviceInfo).others.map(({ pid }) => pid);
  expect(shown(EDU, 3)).toEqual([20, 30]);
  expect(shown('0000:00:04.0', 4)).toEqual([]);
});
