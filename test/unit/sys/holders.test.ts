import { LinuxSys } from '../../../src/sys/linux/linux-sys';
import { findHolders, VFIO_DEVICE, vfioDeviceNode } from '../../../src/sys/readers/holders';
import { type Content, TreeSys } from '../../support/tree-sys';

interface Process {
  comm?: string;
  fds?: Record<string, string>;
  maps?: readonly string[];
  fdinfo?: Record<string, string>;
}

/** /proc of a machine with these processes, beside the first one. */
function machine(processes: Record<number, Process>, more: Record<string, Content> = {}): TreeSys {
  const sys = new TreeSys({ '/proc/swaps': '', '/proc/self': { link: '1' } });
  for (const [pid, { comm = 'x', fds = {}, maps = [], fdinfo = {} }] of Object.entries<Process>({
    1: {},
    ...processes,
  })) {
    sys.tree.mkdir(`/proc/${pid}/fd`);
    sys.add({ '/comm': `${comm}\n`, '/maps': maps.map((line) => `${line}\n`).join('') }, `/proc/${pid}`);
    for (const [fd, link] of Object.entries(fds)) sys.add({ [`/${fd}`]: { link } }, `/proc/${pid}/fd`);
    for (const [fd, info] of Object.entries(fdinfo)) sys.add({ [`/${fd}`]: info }, `/proc/${pid}/fdinfo`);
  }
  return sys.add(more);
}

const mapping = (path: string) => `7f1dea133000-7f1dea134000 rw-s 00000000 00:0c 1028                       ${path}`;
const seen = (sys: TreeSys, ...nodes: string[]) => {
  const { holders, complete } = findHolders(sys, nodes);
  return [...holders.map(({ pid, command, node, by }) => `${pid} ${command} ${node} ${by}`), complete];
};

test('a descriptor, a mapping, and both are one', () => {
  const sys = machine({
    30: { comm: 'qemu', fds: { 0: '/dev/null', 17: '/dev/vfio/3', 18: '/dev/vfio/vfio', 19: '/dev/vfio/3' } },
    4: { comm: 'child', maps: [mapping('/usr/lib/libc.so.6'), mapping('/dev/uio0')] },
    200: { fds: { 3: '/dev/uio0' }, maps: [mapping('/dev/uio0')] },
  });
  expect(seen(sys, '/dev/uio0', '/dev/vfio/3')).toEqual([
    '4 child /dev/uio0 mapping',
    '30 qemu /dev/vfio/3 descriptor',
    '200 x /dev/uio0 descriptor',
    true,
  ]);
  expect(seen(sys, '/dev/uio1')).toEqual([true]);
});

test('a node whose name begins with another, and one that was removed, are not it', () => {
  const sys = machine({
    2: {
      fds: { 3: '/dev/vfio/30', 4: '/dev/vfio/3 (deleted)' },
      maps: [mapping('/dev/vfio/31'), mapping('/dev/vfio/3 (deleted)')],
    },
    3: { maps: [mapping('/dev/vfio/30'), mapping('/dev/vfio/3')] },
    5: { fds: { 3: '/srv/chroot/dev/vfio/3' } },
  });
  expect(seen(sys, '/dev/vfio/3')).toEqual(['3 x /dev/vfio/3 mapping', '5 x /dev/vfio/3 descriptor', true]);
});

test('a VFIO device is its own where the kernel tells, and anybody elses where it does not', () => {
  const mine = '0000:00:03.0';
  const info = (address: string) => `pos:\t0\nflags:\t02\nvfio-device-syspath: /sys/devices/pci0000:00/${address}\n`;
  const sys = machine({
    2: { fds: { 9: VFIO_DEVICE }, fdinfo: { 9: info(mine) } },
    3: { fds: { 9: VFIO_DEVICE }, fdinfo: { 9: info('0000:00:09.0') } },
    4: { fds: { 9: VFIO_DEVICE }, fdinfo: { 9: 'pos:\t0\n' } },
    5: { fds: { 9: VFIO_DEVICE } },
    6: { maps: [mapping(VFIO_DEVICE)] },
    7: { fds: { 9: 'anon_inode:[eventfd]' } },
  });
  expect(findHolders(sys, [vfioDeviceNode(mine)]).holders.map(({ pid, by }) => `${pid} ${by}`)).toEqual([
    '2 descriptor',
    '4 descriptor',
    '5 descriptor',
    '6 mapping',
  ]);
  expect(findHolders(sys, [VFIO_DEVICE]).holders.map(({ pid }) => pid)).toEqual([2, 3, 4, 5, 6]);
});

test('processes that end meanwhile are passed over', () => {
  const sys = machine(
    { 2: { fds: { 3: '/dev/uio0' } } },
    {
      '/proc/3/comm': 'x',
      '/proc/4/fd': { error: 'ESRCH' },
      '/proc/5/fd/3': { error: 'ENOENT' },
    },
  );
  sys.tree.delete('/proc/2/comm');
  expect(seen(sys, '/dev/uio0')).toEqual(['2 ? /dev/uio0 descriptor', true]);
});

test.each([
  ['descriptors', { '/proc/2/fd': { error: 'EACCES' } }],
  ['mappings', { '/proc/2/maps': { error: 'EACCES' } }],
  ['mappings that are too many', { '/proc/2/maps': Buffer.alloc(16 * 1024 * 1024 + 1) }],
] as [string, Record<string, Content>][])('it says so when a process hides its %s', (_, entries) => {
  expect(seen(machine({ 3: { fds: { 3: '/dev/uio0' } } }, entries), '/dev/uio0')).toEqual([
    '3 x /dev/uio0 descriptor',
    false,
  ]);
});

test('it says so when the processes themselves are hidden', () => {
  const sys = machine({ 7: {} });
  sys.tree.delete('/proc/1');
  expect(findHolders(sys, ['/dev/uio0'])).toEqual({ holders: [], complete: false });
  expect(findHolders(new TreeSys(), ['/dev/uio0'])).toEqual({ holders: [], complete: false });
  // One that was recorded or made up: nothing runs there.
  expect(findHolders(new TreeSys({ '/proc/swaps': '' }), ['/dev/uio0'])).toEqual({ holders: [], complete: true });
});

test('a name may hold anything and is bounded', () => {
  const sys = machine({ 2: { comm: `\x1b[2J${'a'.repeat(5000)}`, fds: { 3: '/dev/uio0' } } });
  const [holder] = findHolders(sys, ['/dev/uio0']).holders;
  expect(holder?.command).toHaveLength(64);
});

test('this process holds what it has open', () => {
  const sys = new LinuxSys();
  const fd = sys.open('/dev/null', {});
  try {
    const mine = findHolders(sys, ['/dev/null']).holders.find(({ pid }) => pid === process.pid);
    expect(mine).toMatchObject({ node: '/dev/null', by: 'descriptor' });
  } finally {
    sys.close(fd);
  }
});
