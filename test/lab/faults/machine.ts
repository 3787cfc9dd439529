import { IOMMU } from '../machine';
import type { LabFault, Machine, MachineName } from './fault';
import { EDU } from './vfio';

/** One that the kernel or QEMU was started with in another way. */
export const MACHINES: Readonly<Record<MachineName, Machine>> = {
  usual: { iommu: IOMMU, parameters: {} },
  withoutIommu: { iommu: null, parameters: { lockdown: 'integrity' } },
  iommuOff: { iommu: IOMMU, parameters: { intel_iommu: 'off' } },
  withoutRemapping: { iommu: IOMMU, parameters: { intremap: 'off' } },
};

const groups = `udrv bind ${EDU} vfio-pci`;
const buffer = (size: string) => `udrv do ${EDU} 'buf A ${size}'`;
const mine = `chown 1000 $(cat /run/lab/nodes | grep /dev/vfio | cut -d ' ' -f 6) /dev/iommu || true`;

export const machineFaults: readonly LabFault[] = [
  {
    name: 'the user may lock 64 KiB',
    inject: mine,
    session: 'ulimit -l 64',
    user: true,
    doctor: EDU,
    operation: buffer('1M'),
    fails: 4,
    first: 'memlock-too-small',
    undo: 'restore_nodes',
    notInTree: 'mode of a node',
  },
  {
    name: 'the user may lock less than the program maps',
    inject: mine,
    user: true,
    doctor: `${EDU} --memory 16M`,
    operation: buffer('16M'),
    fails: 4,
    first: 'memlock-too-small',
    undo: 'restore_nodes',
    notInTree: 'mode of a node',
  },
  {
    name: 'a container may have 4 mappings',
    inject: 'echo 4 >/sys/module/vfio_iommu_type1/parameters/dma_entry_limit',
    doctor: EDU,
    operation: `udrv do ${EDU} --backend group ${[...'ABCDE'].map((name) => `'buf ${name} 4K'`).join(' ')}`,
    fails: 1,
    first: 'dma-entry-limit',
  },
  {
    name: "the IOMMU's addresses have 39 bits, and a program maps memory at its own",
    inject: 'echo 4 >/proc/sys/vm/nr_hugepages',
    doctor: EDU,
    operation: `node test/lab/map-memory.cjs ${EDU} group 0x7f0000000000 0x1000`,
    fails: 2,
    first: 'iommu-narrow',
    mend: 'boot',
    undo: 'echo 0 >/proc/sys/vm/nr_hugepages',
  },
  {
    name: 'the virtual machine has no IOMMU',
    machine: 'withoutIommu',
    doctor: EDU,
    operation: groups,
    fails: 9,
    first: 'iommu-missing-in-vm',
    mend: 'boot',
  },
  {
    name: 'VFIO does without an IOMMU, and a program wants DMA',
    kernels: ['built'],
    machine: 'withoutIommu',
    inject: `echo Y >/sys/module/vfio/parameters/enable_unsafe_noiommu_mode; drive ${EDU} vfio-pci`,
    doctor: `${EDU} --for vfio`,
    operation: buffer('4K'),
    fails: 9,
    first: 'no-isolation',
    mend: 'boot',
    undo: `[ -e /sys/class/iommu/dmar0 ] || leave ${EDU} vfio-pci; echo N >/sys/module/vfio/parameters/enable_unsafe_noiommu_mode`,
  },
  {
    name: 'the kernel has the IOMMU off',
    machine: 'iommuOff',
    doctor: EDU,
    operation: groups,
    fails: 9,
    first: 'iommu-off-in-kernel',
    mend: 'boot',
  },
  {
    name: 'the kernel has interrupt remapping off',
    machine: 'withoutRemapping',
    doctor: EDU,
    operation: `udrv vfio info ${EDU}`,
    fails: 4,
    first: 'interrupt-remapping-off',
    mend: 'boot',
  },
  {
    name: 'nothing remaps interrupts, and the owner of the machine accepts that',
    machine: 'withoutRemapping',
    doctor: EDU,
    operation: `udrv vfio info ${EDU}`,
    fails: 4,
    first: 'interrupt-remapping-off',
    undo: 'for one in /sys/module/{vfio_iommu_type1,iommufd}/parameters/allow_unsafe_interrupts; do [ ! -e $one ] || echo 0 >$one; done',
  },
  {
    name: 'the kernel is locked down',
    kernels: ['stock'],
    machine: 'withoutIommu',
    doctor: 'uio0',
    operation: 'udrv uio watch-irq uio0 -c 2 --trigger map0:0x60=1 --ack map0:0x64=map0:0x24 --timeout 60s',
    fails: 4,
    first: 'lockdown',
    mend: 'boot',
  },
  {
    name: 'sysfs may only be read',
    inject: 'mount -o remount,ro /sys',
    doctor: '--for vfio',
    operation: `udrv bind ${EDU} uio_pci_generic`,
    fails: 4,
    first: 'sysfs-read-only',
    undo: `mount -o remount,rw /sys; drive ${EDU} vfio-pci`,
  },
];
