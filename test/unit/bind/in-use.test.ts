import { claimProbe } from '../../../src/bind/in-use/storage';
import { findUses } from '../../../src/bind/in-use/uses';
import { SysError } from '../../../src/errors';
import { parseMounts } from '../../../src/sys/readers/mounts';
import { type Content, TreeSys } from '../../support/tree-sys';

const NVME = '0000:01:00.0';
const DIR = `/sys/devices/pci0000:00/0000:00:08.0/${NVME}`;
const DISK = `${DIR}/nvme/nvme0/nvme0n1`;

/** An NVMe function with a disk of two partitions. */
function machine(more: Record<string, Content> = {}): TreeSys {
  const block = (name: string, dir: string, number: string): Record<string, Content> => ({
    [`${dir}/dev`]: `${number}\n`,
    [`${dir}/uevent`]: `MAJOR=259\nDEVNAME=${name}\nDEVTYPE=disk\n`,
    [`/sys/class/block/${name}`]: { link: `../../..${dir}` },
  });
  return new TreeSys({
    '/proc/swaps': 'Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n',
    '/proc/self/mountinfo': '21 1 0:18 / / rw - tmpfs none rw\n',
    [`/sys/bus/pci/devices/${NVME}`]: { link: `../../../..${DIR}` },
    [`${DIR}/driver`]: { link: '../../../../bus/pci/drivers/nvme' },
    [`${DIR}/enable`]: '1\n',
    ...block('nvme0n1', DISK, '259:0'),
    ...block('nvme0n1p1', `${DISK}/nvme0n1p1`, '259:1'),
    ...block('nvme0n1p2', `${DISK}/nvme0n1p2`, '259:2'),
    // Somebody else's.
    ...block('sda', '/sys/devices/pci0000:00/0000:00:07.0/usb1/block/sda', '8:0'),
  }).add(more);
}

const mounts = (...lines: string[]) => ({ '/proc/self/mountinfo': lines.map((line) => `${line}\n`).join('') });
const found = (more: Record<string, Content>, addresses = [NVME]) => {
  const { uses, doubts } = findUses(machine(more), addresses);
  return [...uses.map(({ what, busy }) => (busy ? `busy: ${what}` : what)), ...doubts];
};
const stacked = (name: string, number: string, more: Record<string, Content> = {}): Record<string, Content> => {
  const dir = `/sys/devices/virtual/block/${name}`;
  const entries = Object.entries(more).map(([path, content]) => [`${dir}${path}`, content]);
  return {
    [`/sys/class/block/${name}`]: { link: `../../..${dir}` },
    [`${dir}/dev`]: `${number}\n`,
    ...Object.fromEntries(entries),
  };
};

test('nothing', () => {
  expect(found({})).toEqual([]);
  expect(found(mounts('30 1 8:0 / /usb rw - ext4 /dev/sda rw'))).toEqual([]);
});

test.each<[string, Record<string, Content>, string[]]>([
  ['a partition', mounts('30 1 259:2 / /home rw shared:1 - ext4 /dev/nvme0n1p2 rw'), ['nvme0n1p2 is mounted on /home']],
  ['by number alone', mounts('30 1 259:0 / /a\\040b rw - ext4 /dev/root rw'), ['nvme0n1 is mounted on /a b']],
  [
    'btrfs, by what was mounted and by its other members',
    {
      ...mounts('30 1 0:40 / /data rw - btrfs /dev/nvme0n1p1 rw'),
      '/sys/fs/btrfs/features/x': '0\n',
      '/sys/fs/btrfs/1111/devices/nvme0n1p1': { link: '../../../../devices/x' },
      '/sys/fs/btrfs/1111/devices/nvme0n1p2': { link: '../../../../devices/y' },
    },
    ['nvme0n1p1 is mounted on /data', 'nvme0n1p2 is part of a mounted btrfs file system'],
  ],
  [
    'bcachefs over two',
    mounts('30 1 0:41 / /b rw - bcachefs /dev/sda:/dev/nvme0n1p1 rw'),
    ['nvme0n1p1 is mounted on /b'],
  ],
  ['swap', { '/proc/swaps': 'Filename Type\n/dev/nvme0n1p2 partition 1 0 -2\n' }, ['nvme0n1p2 is used as swap space']],
  [
    'a member of an array that is not used',
    { [`${DISK}/nvme0n1p1/holders/md127`]: { link: 'x' }, ...stacked('md127', '9:127') },
    ['nvme0n1p1 belongs to md127'],
  ],
  [
    'LVM on md: up to where it is mounted',
    {
      ...mounts('30 1 254:1 / / rw - ext4 /dev/mapper/vg-root rw'),
      [`${DISK}/nvme0n1p1/holders/md0`]: { link: 'x' },
      ...stacked('md0', '9:0', { '/holders/dm-1': { link: 'x' } }),
      ...stacked('dm-1', '254:1', { '/dm/name': 'vg-root\n' }),
    },
    ['nvme0n1p1 belongs to md0, which is mounted on /'],
  ],
  [
    'swap on a mapped device, by its name',
    {
      '/proc/swaps': 'Filename Type\n/dev/mapper/vg-swap partition 1 0 -2\n',
      [`${DISK}/holders/dm-0`]: { link: 'x' },
      ...stacked('dm-0', '254:0', { '/dm/name': 'vg-swap\n' }),
    },
    ['nvme0n1 belongs to dm-0 (vg-swap), which is used as swap space'],
  ],
  [
    'holders that go round in a circle',
    {
      [`${DISK}/holders/dm-0`]: { link: 'x' },
      ...stacked('dm-0', '254:0', { '/holders/dm-1': { link: 'x' } }),
      ...stacked('dm-1', '254:1', { '/holders/dm-0': { link: 'x' }, '/holders/nvme0n1': { link: 'x' } }),
    },
    ['nvme0n1 belongs to dm-0'],
  ],
])('storage: %s', (_, more, expected) => {
  expect(found(more)).toEqual(expected);
});

test('a mount that only a container has', () => {
  const ns = (number: number) => ({ link: `mnt:[${number}]` });
  const more = {
    '/proc/1/fd/0': { link: '/dev/null' },
    '/proc/1/maps': '',
    '/proc/1/ns/mnt': ns(1),
    '/proc/self/ns/mnt': ns(1),
    '/proc/50/fd/0': { link: '/dev/null' },
    '/proc/50/maps': '',
    '/proc/50/ns/mnt': ns(2),
    '/proc/50/mountinfo': '30 1 259:2 / /var rw - ext4 /dev/nvme0n1p2 rw\n',
  };
  expect(found(more)).toEqual(['nvme0n1p2 is mounted on /var']);
});

test('what the kernel keeps for itself without saying why', () => {
  const sys = machine();
  const opened: string[] = [];
  sys.open = (path, flags) => {
    opened.push(`${path} ${JSON.stringify(flags)}`);
    if (path === '/dev/nvme0n1p2') throw new SysError('open', 'EBUSY', path);
    if (path === '/dev/nvme0n1p1') throw new SysError('open', 'EACCES', path);
    return 3;
  };
  const closed: number[] = [];
  sys.close = (fd) => closed.push(fd);
  expect(findUses(sys, [NVME]).uses).toEqual([]);
  expect(opened).toEqual([]);
  expect(findUses(sys, [NVME], claimProbe(sys)).uses.map(({ what }) => what)).toEqual([
    'nvme0n1p2 is in use by the kernel (ZFS, or a mount that is not visible here)',
  ]);
  expect(opened).toEqual(['nvme0n1', 'nvme0n1p1', 'nvme0n1p2'].map((name) => `/dev/${name} {"exclusive":true}`));
  expect(closed).toEqual([3]);
});

test('with native multipath the disk is below the subsystem', () => {
  const subsystem = '/sys/devices/virtual/nvme-subsystem/nvme-subsys0';
  const more = {
    ...mounts('30 1 259:9 / /home rw - ext4 /dev/nvme1n1p1 rw'),
    '/sys/class/nvme/nvme0': { link: `../../..${DIR}/nvme/nvme0` },
    '/sys/class/nvme-subsystem/nvme-subsys0': { link: `../../..${subsystem}` },
    [`${subsystem}/nvme0`]: { link: '../../../x' },
    [`${subsystem}/nvme1n1/dev`]: '259:8\n',
    [`${subsystem}/nvme1n1/nvme1n1p1/dev`]: '259:9\n',
    '/sys/class/block/nvme1n1': { link: `../../..${subsystem}/nvme1n1` },
    '/sys/class/block/nvme1n1p1': { link: `../../..${subsystem}/nvme1n1/nvme1n1p1` },
  };
  expect(found(more)).toEqual(['nvme1n1p1 is mounted on /home']);
});

test.each<[string, Record<string, Content>, string[]]>([
  ['up', { '/flags': '0x1003\n' }, ['the network interface eth0 is up']],
  ['down', { '/flags': '0x1002\n' }, []],
  [
    'up in a bond',
    { '/flags': '0x1003\n', '/master': { link: '../bond0' } },
    ['the network interface eth0 is up and part of bond0'],
  ],
  [
    'down in a bridge',
    { '/flags': '0x1002\n', '/master': { link: '../br0' } },
    ['the network interface eth0 is down and part of br0'],
  ],
])('a network interface that is %s', (_, attributes, expected) => {
  const dir = `${DIR}/virtio0/net/eth0`;
  const entries = Object.entries(attributes).map(([path, content]) => [dir + path, content]);
  expect(found({ '/sys/class/net/eth0': { link: `../../..${dir}` }, ...Object.fromEntries(entries) })).toEqual(
    expected,
  );
});

test.each([`${DIR}/net`, `${DIR}/virtio0/net`])('an interface of another network namespace, in %s, is doubt', (net) => {
  expect(found({ [`${net}/x`]: '' })).toEqual([]);
  const tree = machine({ [`${net}/x`]: '' });
  const { readDir } = tree;
  // sysfs leaves its name out.
  tree.readDir = (path) => readDir.call(tree, path).filter((name) => name !== 'x');
  expect(findUses(tree, [NVME])).toEqual({
    uses: [],
    doubts: [`the network interface of ${NVME}, which is in another network namespace`],
  });
});

test('virtual functions go with theirs', () => {
  expect(found({ [`${DIR}/sriov_numvfs`]: '4\n' })).toEqual([
    'it has 4 virtual functions, which would be removed with it',
  ]);
  expect(found({ [`${DIR}/sriov_numvfs`]: '0\n' })).toEqual([]);
});

describe('nodes that a process has open', () => {
  const processes = (fds: Record<number, string>): Record<string, Content> => ({
    '/proc/1/maps': '',
    '/proc/1/fd/0': { link: '/dev/null' },
    ...Object.fromEntries(
      Object.entries(fds).flatMap(([pid, target]) => [
        [`/proc/${pid}/fd/3`, { link: target }],
        [`/proc/${pid}/maps`, ''],
        [`/proc/${pid}/comm`, 'qemu\n'],
      ]),
    ),
  });
  const vfio = { [`${DIR}/driver`]: { link: 'x/vfio-pci' }, [`${DIR}/iommu_group`]: { link: 'x/10' } };

  test('a disk: refused; what this process was given is not counted', () => {
    const open = processes({ 20: '/dev/nvme0n1p1', 30: '/dev/nvme0n1p1' });
    expect(found({ ...open, '/proc/self': { link: '30' }, '/proc/30/mountinfo': '' })).toEqual([
      '/dev/nvme0n1p1 is open in qemu (pid 20)',
    ]);
  });

  test('UIO, VFIO cdev and group: busy', () => {
    const uio = {
      '/sys/class/uio/uio3': { link: `../../..${DIR}/uio/uio3` },
      [`${DIR}/uio/uio3/uevent`]: 'DEVNAME=uio3\n',
    };
    expect(found({ ...processes({ 20: '/dev/uio3' }), ...uio })).toEqual(['busy: /dev/uio3 is open in qemu (pid 20)']);
    const cdev = {
      '/sys/class/vfio-dev/vfio2': { link: `../../..${DIR}/vfio-dev/vfio2` },
      [`${DIR}/vfio-dev/vfio2/uevent`]: 'DEVNAME=vfio/devices/vfio2\n',
    };
    expect(found({ ...processes({ 20: '/dev/vfio/devices/vfio2' }), ...vfio, ...cdev })).toEqual([
      'busy: /dev/vfio/devices/vfio2 is open in qemu (pid 20)',
    ]);
    expect(found({ ...processes({ 20: '/dev/vfio/10', 21: '/dev/vfio/1' }), ...vfio })).toEqual([
      'busy: /dev/vfio/10 is open in qemu (pid 20)',
    ]);
    // A vendor's driver that serves VFIO under its own name.
    const vendor = { ...vfio, ...cdev, [`${DIR}/driver`]: { link: 'x/nvidia' } };
    expect(found({ ...processes({ 20: '/dev/vfio/10' }), ...vendor })).toEqual([
      'busy: /dev/vfio/10 is open in qemu (pid 20)',
    ]);
    expect(found({ ...processes({}), ...vendor })).toEqual([]);
  });

  test('a descriptor of a VFIO device counts if this device is open, and there is one even if nobody is seen', () => {
    const open = processes({ 20: 'anon_inode:[vfio-device]' });
    expect(found({ ...open, ...vfio, [`${DIR}/enable`]: '0\n' })).toEqual([]);
    expect(found({ ...open, ...vfio })).toEqual(['busy: it is open in qemu (pid 20)']);
    expect(found({ ...processes({}), ...vfio })).toEqual(['busy: it is open in a process that is not visible here']);
  });
});

describe('a directory that the host shares with a virtual machine', () => {
  const virtio = (type: number, more: Record<string, Content> = {}): Record<string, Content> => ({
    '/sys/bus/virtio/devices/virtio3': { link: `../../../..${DIR}/virtio3` },
    [`${DIR}/virtio3/device`]: `0x${type.toString(16).padStart(4, '0')}\n`,
    ...more,
  });
  const p9 = virtio(9, { [`${DIR}/virtio3/mount_tag`]: 'host\0' });

  test.each<[string, Record<string, Content>, string[]]>([
    [
      '9p, by its tag',
      { ...p9, ...mounts('30 1 0:30 / /mnt rw - 9p host rw,trans=virtio') },
      ['the 9p share host is mounted on /mnt'],
    ],
    ['9p with another tag', { ...p9, ...mounts('30 1 0:30 / /mnt rw - 9p other rw') }, []],
    ['another file system of that name', { ...p9, ...mounts('30 1 0:30 / /mnt rw - tmpfs host rw') }, []],
    [
      'virtiofs, by its tag',
      {
        ...virtio(26, {
          '/sys/fs/virtiofs/0/tag': 'home dir\n',
          '/sys/fs/virtiofs/0/device': { link: `../../../..${DIR}/virtio3` },
        }),
        ...mounts('30 1 0:30 / /home rw - virtiofs home\\040dir rw', '31 1 0:31 / /srv rw - virtiofs other rw'),
      },
      ['the virtiofs share home dir is mounted on /home'],
    ],
    [
      'virtiofs of a kernel that does not tell the tag',
      { ...virtio(26), ...mounts('30 1 0:30 / /srv rw - virtiofs srv rw') },
      ['a virtiofs share, maybe its own, is mounted on /srv'],
    ],
    [
      'unknown, where the mounts cannot be read',
      { ...p9, '/proc/self/mountinfo': { error: 'EACCES' } },
      [
        ...['nvme0n1', 'nvme0n1p1', 'nvme0n1p2'].map((name) => `cannot tell whether ${name} is mounted`),
        'cannot tell whether its 9p share is mounted',
        '/proc/self/mountinfo: EACCES',
      ],
    ],
  ])('%s', (_, more, expected) => {
    expect(found(more)).toEqual(expected);
  });

  test('the root file system is vital, and of this function alone', () => {
    const tree = machine({ ...p9, ...mounts('1 0 0:20 / / rw - 9p host rw') });
    expect(findUses(tree, [NVME, '0000:02:00.0']).uses).toEqual([
      expect.objectContaining({ address: NVME, kind: 'storage', vital: true, hint: undefined }),
    ]);
  });
});

test('a serial line that is a console of the kernel', () => {
  const tty = (active: string) => ({
    '/sys/class/tty/ttyS1': { link: `../../..${DIR}/tty/ttyS1` },
    '/sys/class/tty/console/active': active,
  });
  expect(found(tty('tty0 ttyS1\n'))).toEqual(['ttyS1 is a console of the kernel']);
  expect(found(tty('tty0 ttyS10\n'))).toEqual([]);
});

test('devices that the kernel would take from their drivers first', () => {
  const consumer = (name: string, status: string, more: Record<string, Content> = {}) => ({
    [`${DIR}/consumer:${name}/status`]: `${status}\n`,
    ...Object.fromEntries(Object.entries(more).map(([file, content]) => [`${DIR}/consumer:${name}/${file}`, content])),
  });
  expect(
    found({
      ...consumer('platform:fe200000.ethernet', 'active'),
      ...consumer('pci:0000:01:00.1', 'active', { sync_state_only: '0\n' }),
      ...consumer('platform:a.clock', 'active', { sync_state_only: '1\n' }),
      ...consumer('pci:0000:01:00.2', 'not tracked'),
      ...consumer('i2c:1-0050', 'available'),
    }),
  ).toEqual(['it supplies 0000:01:00.1, fe200000.ethernet, which would lose their drivers too']);
  expect(found(consumer('fe200000.ethernet', 'active'))).toEqual([
    'it supplies fe200000.ethernet, which would lose its driver too',
  ]);
});

test('it says what it could not see', () => {
  expect(found({ '/proc/self/mountinfo': { error: 'EACCES' } })).toEqual([
    ...['nvme0n1', 'nvme0n1p1', 'nvme0n1p2'].map((name) => `cannot tell whether ${name} is mounted`),
    '/proc/self/mountinfo: EACCES',
  ]);
  expect(found({ '/proc/2/maps': '' })).toEqual(["other users' processes"]);
});

test('lines of mountinfo that are not understood are passed over', () => {
  expect(parseMounts('x\n\n30 1 8:1 / /a rw - ext4\n31 1 8:2 / /b\\134c rw master:1 x - ext4 /dev/sdb rw\n')).toEqual([
    { device: '8:2', point: '/b\\c', source: '/dev/sdb', type: 'ext4' },
  ]);
});
