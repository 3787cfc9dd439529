import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageFolder } from '../../../src/sys/package-folder';
import type { MemoryTree } from '../../../src/sys/tree/memory-tree';
import { parseSnapshot } from '../../../src/sys/tree/snapshot';

// The lab's machine as it is recorded in fixtures/, and beside it what a snapshot had not recorded before doctor came: a
// machine on which nothing is in the way.

/** The devices of the machine, by what they are. */
export const EDU = '0000:00:03.0';
export const NVME = '0000:01:00.0';
export const XHCI = '0000:00:07.0';
export const UIO_PARENT = '0000:00:04.0';
export const ADAPTER = '1-5';
export const DISK = '1-2';

const PATHS: Readonly<Record<string, string>> = {
  [EDU]: '/sys/devices/pci0000:00/0000:00:03.0',
  [UIO_PARENT]: '/sys/devices/pci0000:00/0000:00:04.0',
  [XHCI]: '/sys/devices/pci0000:00/0000:00:07.0',
  [NVME]: '/sys/devices/pci0000:00/0000:00:08.0/0000:01:00.0',
  [ADAPTER]: '/sys/devices/pci0000:00/0000:00:07.0/usb1/1-5',
  [DISK]: '/sys/devices/pci0000:00/0000:00:07.0/usb1/1-2',
};

/** The directory of a device without a link in its path, in which entries can be put. */
export function at(device: string, attribute = ''): string {
  const path = PATHS[device];
  if (path === undefined) throw new Error(`no path for ${device}`);
  return attribute === '' ? path : `${path}/${attribute}`;
}

export const text = (content: string) => ({ kind: 'file' as const, read: () => Buffer.from(content) });
export const link = (target: string) => ({ kind: 'link' as const, target });

/** Puts files at paths; a directory may be among them. */
export function put(tree: MemoryTree, entries: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries(entries)) tree.set(path, text(content));
}

const GROUPS: Readonly<Record<number, readonly string[]>> = {
  0: ['0000:00:00.0'],
  2: [UIO_PARENT],
  3: ['0000:00:05.0'],
  4: ['0000:00:06.0'],
  5: [XHCI],
  6: ['0000:00:08.0'],
  8: ['0000:00:0a.0'],
  9: ['0000:00:1f.0', '0000:00:1f.2', '0000:00:1f.3'],
  10: [NVME],
};

/** An ordinary user's, with 64 MiB of memory that may be locked. */
export function healthy(): MemoryTree {
  const tree = fixture('lab.snapshot');
  for (const [group, members] of Object.entries(GROUPS)) {
    tree.set(`/sys/kernel/iommu_groups/${group}/type`, text('DMA\n'));
    for (const member of members)
      tree.set(`/sys/kernel/iommu_groups/${group}/devices/${member}`, link(`../../../../bus/pci/devices/${member}`));
  }
  for (const group of [1, 7, ...Object.keys(GROUPS)])
    tree.set(`/sys/kernel/iommu_groups/${group}/reserved_regions`, text('0xfee00000 0xfeefffff msi\n'));
  for (const driver of ['vfio-pci', 'uio_pci_generic', 'nvme', 'virtio-pci', 'xhci_hcd', 'pcieport'])
    tree.set(`/sys/bus/pci/drivers/${driver}/bind`, text(''));
  for (const device of [EDU, UIO_PARENT, XHCI, NVME]) {
    tree.set(at(device, 'power_state'), text('D0\n'));
    tree.set(at(device, 'power/runtime_status'), text('active\n'));
    tree.set(at(device, 'power/control'), text('on\n'));
    tree.set(at(device, 'enable'), text('0\n'));
    tree.set(at(device, 'irq'), text('20\n'));
    tree.set(at(device, 'iommu'), link('/sys/devices/virtual/iommu/dmar0'));
  }
  for (const device of [ADAPTER, DISK]) {
    tree.set(at(device, 'authorized'), text('1\n'));
    tree.set(at(device, 'power/runtime_status'), text('active\n'));
    tree.set(at(device, 'power/control'), text('on\n'));
  }
  for (const node of ['vfio/vfio', 'vfio/1', 'vfio/7']) tree.set(`/dev/${node}`, { kind: 'node', access: 'rw' });
  tree.set('/sys/firmware/acpi/tables/DMAR', { kind: 'error', code: 'EACCES' });
  tree.mkdir('/proc/1/fd');
  tree.mkdir('/sys/bus/platform/drivers');
  put(tree, {
    '/proc/1/maps': '',
    '/proc/1/comm': 'init\n',
    '/proc/cmdline': 'console=ttyS0 intel_iommu=on quiet\n',
    '/proc/interrupts': '  2:  0  IO-APIC  2-edge  timer\n 24:  9  IR-PCI-MSIX-0000:01:00.0  0-edge  nvme0q0\n',
    '/proc/iomem': '00000000-00000fff : Reserved\nfe200000-fe2fffff : 0000:00:03.0\n',
    '/proc/self/limits': limits('67108864'),
    '/proc/self/mountinfo': '20 1 0:18 / / rw - tmpfs tmpfs rw\n21 20 0:19 / /sys rw,nosuid - sysfs sysfs rw\n',
    '/proc/self/status': 'Uid:\t1000\t1000\t1000\t1000\nCapEff:\t0000000000000000\n',
    '/proc/swaps': 'Filename\tType\tSize\tUsed\tPriority\n',
    '/proc/sys/kernel/osrelease': '6.12.95\n',
    '/sys/kernel/security/lockdown': '[none] integrity confidentiality\n',
    '/sys/module/usbcore/parameters/usbfs_memory_mb': '16\n',
    '/sys/module/vfio/parameters/enable_unsafe_noiommu_mode': 'N\n',
    '/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts': 'N\n',
    '/sys/module/vfio_iommu_type1/parameters/dma_entry_limit': '65535\n',
  });
  return tree;
}

export const limits = (bytes: string) =>
  `Limit                     Soft Limit           Hard Limit           Units\nMax locked memory         ${bytes}             ${bytes}             bytes\n`;

export function fixture(name: string): MemoryTree {
  const file = join(packageFolder(), 'fixtures', name);
  return parseSnapshot(readFileSync(file), file);
}
