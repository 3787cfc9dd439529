import { kernelDevices } from '../../../src/bind/in-use/kernel-devices';
import { type Content, TreeSys } from '../../support/tree-sys';

const NIC = '0000:01:00.0';
const NVME = '0000:02:00.0';
const XHCI = '0000:03:00.0';
const home = (address: string) => `../../devices/pci0000:00/${address}`;

function found(entries: Record<string, Content>, address: string) {
  return kernelDevices(new TreeSys({ '/proc/self/mountinfo': '', '/proc/swaps': '', ...entries })).get(address);
}

function net(name: string, flags: string, more: Record<string, Content> = {}): Record<string, Content> {
  const target = `/sys/devices/pci0000:00/${NIC}/net/${name}`;
  return { [`/sys/class/net/${name}`]: { link: `${home(NIC)}/net/${name}` }, [`${target}/flags`]: flags, ...more };
}

function disk(path: string, number: string): Record<string, Content> {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return {
    [`/sys/class/block/${name}`]: { link: `../../devices/${path}` },
    [`/sys/devices/${path}/dev`]: `${number}\n`,
  };
}

const NVME_DISK = `pci0000:00/${NVME}/nvme/nvme0/nvme0n1`;
const mounted = (number: string) => ({
  '/proc/self/mountinfo': `20 1 ${number} / /home rw - ext4 /dev/x rw\n`,
});

test('interfaces: up, down, and down but part of a bridge', () => {
  const bridged = { [`/sys/devices/pci0000:00/${NIC}/net/eth2/master`]: { link: '../br0' } };
  expect(
    found({ ...net('eth0', '0x1003\n'), ...net('eth1', '0x1002\n'), ...net('eth2', '0x2\n', bridged) }, NIC),
  ).toEqual([
    { kind: 'net', name: 'eth0', state: 'active' },
    { kind: 'net', name: 'eth1', state: null },
    { kind: 'net', name: 'eth2', state: 'active' },
  ]);
});

test('a disk has the use of its partitions, which are not listed', () => {
  const tree = { ...disk(NVME_DISK, '259:0'), ...disk(`${NVME_DISK}/nvme0n1p1`, '259:1') };
  expect(found(tree, NVME)).toEqual([{ kind: 'block', name: 'nvme0n1', state: null }]);
  expect(found({ ...tree, ...mounted('259:1') }, NVME)).toEqual([{ kind: 'block', name: 'nvme0n1', state: 'mounted' }]);
  const swap = { '/proc/swaps': 'Filename Type\n/dev/nvme0n1p1 partition 1 0 -2\n' };
  expect(found({ ...tree, ...swap }, NVME)).toEqual([{ kind: 'block', name: 'nvme0n1', state: 'swap' }]);
});

test('a disk that a logical volume is made of, mounted or not', () => {
  const holder = { [`/sys/devices/${NVME_DISK}/holders/dm-0`]: '', '/sys/class/block/dm-0/dev': '253:0\n' };
  const tree = { ...disk(NVME_DISK, '259:0'), ...holder };
  expect(found(tree, NVME)).toEqual([{ kind: 'block', name: 'nvme0n1', state: 'member' }]);
  expect(found({ ...tree, ...mounted('253:0') }, NVME)).toEqual([{ kind: 'block', name: 'nvme0n1', state: 'mounted' }]);
});

test('a disk behind a controller is one of the controller, and not of the ports above it', () => {
  const tree = disk(`pci0000:00/0000:00:1c.0/${XHCI}/usb1/1-4/1-4:1.0/host0/target0:0:0/0:0:0:0/block/sda`, '8:0');
  expect(found(tree, XHCI)).toEqual([{ kind: 'block', name: 'sda', state: null }]);
  expect(found(tree, '0000:00:1c.0')).toBeUndefined();
});

test('with native multipath the disk is below its subsystem', () => {
  const subsystem = 'virtual/nvme-subsystem/nvme-subsys0';
  const tree = {
    ...disk(`${subsystem}/nvme0n1`, '259:0'),
    '/sys/class/nvme/nvme0': { link: `${home(NVME)}/nvme/nvme0` },
    '/sys/class/nvme-subsystem/nvme-subsys0': { link: `../../devices/${subsystem}` },
    [`/sys/devices/${subsystem}/nvme0`]: { link: `../../../pci0000:00/${NVME}/nvme/nvme0` },
    ...disk(`pci0000:00/${NVME}/nvme/nvme0/nvme0c0n1`, '259:1'),
  };
  expect(found({ ...tree, ...mounted('259:0') }, NVME)).toEqual([{ kind: 'block', name: 'nvme0n1', state: 'mounted' }]);
});

test('a machine that tells nothing', () => {
  expect(kernelDevices(new TreeSys()).size).toBe(0);
});
