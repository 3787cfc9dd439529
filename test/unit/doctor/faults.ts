import type { Need, Purpose, ReadConfig, Seen, Severity } from '../../../src/doctor/check';
import { type Diagnosis, diagnose } from '../../../src/doctor/diagnose';
import type { MemoryTree } from '../../../src/sys/tree/memory-tree';
import { ADAPTER, at, DISK, EDU, healthy, limits, link, NVME, put, UIO_PARENT, XHCI } from './healthy';

/** A fault that is put into a healthy machine, and the verdict that is right. */
export interface Fault {
  name: string;
  /** The device that is asked about; absent: the machine. */
  device?: string;
  purpose?: Purpose;
  need?: Partial<Need>;
  log?: readonly string[];
  config?: ReadConfig;
  /** Puts it in. */
  inject(tree: MemoryTree): void;
  /** The finding that must be first, and how bad it is. */
  first: string;
  severity: Severity;
  /** One of the facts that led to it. */
  seen?: Seen;
  /** Texts of its mends, in their order; a pattern has to match all of them, joined. Empty: nothing mends it. */
  mend: readonly string[] | RegExp;
}

/** Diagnoses a machine with a fault in it. */
export function diagnosed({ inject, device, purpose, need, log = [], config }: Fault): Diagnosis {
  const tree = healthy();
  inject(tree);
  return diagnose(tree, device, { purpose, need, log: () => log, config });
}

/** Tells whether the right cause is first, with the right mend. */
export function isRight(fault: Fault): boolean {
  const first = diagnosed(fault).findings[0];
  if (first?.id !== fault.first || first.severity !== fault.severity) return false;
  const texts = first.mend.map(({ text: line }) => line);
  return fault.mend instanceof RegExp ? fault.mend.test(texts.join('\n')) : texts.join('\n') === fault.mend.join('\n');
}

const NARROW = {
  '/proc/sys/vm/nr_hugepages': '8\n',
  '/sys/devices/virtual/iommu/dmar0/intel-iommu/cap': 'd2008c22260206\n',
};

/** Takes all IOMMU groups away. */
function withoutGroups(tree: MemoryTree): void {
  tree.delete('/sys/kernel/iommu_groups');
  tree.delete('/sys/class/iommu');
  for (const device of tree.readDir('/sys/bus/pci/devices')) {
    const dir = tree.readLink(`/sys/bus/pci/devices/${device}`).replace('../../..', '/sys');
    tree.delete(`${dir}/iommu_group`);
  }
}

function withoutFirmware(tree: MemoryTree): void {
  withoutGroups(tree);
  tree.delete('/sys/firmware/acpi/tables/DMAR');
  tree.set('/sys/firmware/acpi/tables/FACP', { kind: 'error', code: 'EACCES' });
}

/** Puts another function, with a driver, into a group. */
function addMember(tree: MemoryTree, group: number, address: string, driver: string | null): void {
  const dir = `/sys/devices/pci0000:00/${address}`;
  tree.set(`/sys/bus/pci/devices/${address}`, link(`../../../devices/pci0000:00/${address}`));
  put(tree, { [`${dir}/vendor`]: '0x8086\n', [`${dir}/class`]: '0x020000\n', [`${dir}/driver_override`]: '(null)\n' });
  if (driver !== null) tree.set(`${dir}/driver`, link(`../../../bus/pci/drivers/${driver}`));
  tree.set(`${dir}/iommu_group`, link(`../../../kernel/iommu_groups/${group}`));
  tree.set(`/sys/kernel/iommu_groups/${group}/devices/${address}`, link(`../../../../bus/pci/devices/${address}`));
}

function networkInterface(tree: MemoryTree, address: string, flags: string, bus = 'pci0000:00'): void {
  const dir = `/sys/devices/${bus}/${address}/net/eth0`;
  tree.set('/sys/class/net/eth0', link(`../../devices/${bus}/${address}/net/eth0`));
  put(tree, { [`${dir}/flags`]: `${flags}\n` });
}

function mountNvme(tree: MemoryTree, point: string): void {
  const disk = at(NVME, 'nvme/nvme0/nvme0n1');
  put(tree, { [`${disk}/dev`]: '259:0\n', [`${disk}/uevent`]: 'DEVNAME=nvme0n1\n' });
  put(tree, { '/proc/self/mountinfo': `20 1 259:0 / ${point} rw - ext4 /dev/nvme0n1 rw\n` });
}

function unbind(tree: MemoryTree, override: string): void {
  tree.delete(at(EDU, 'driver'));
  tree.delete(at(EDU, 'vfio-dev'));
  tree.delete('/sys/class/vfio-dev/vfio0');
  put(tree, { [at(EDU, 'driver_override')]: `${override}\n` });
}

function holds(tree: MemoryTree, node: string): void {
  tree.set('/proc/4711/fd/9', link(node));
  put(tree, { '/proc/4711/comm': 'qemu-system-x86\n', '/proc/4711/maps': '' });
}

const PLATFORM = '/sys/devices/platform/a0010000.dma';
function deviceTreeNode(tree: MemoryTree, compatible = 'generic-uio'): void {
  tree.set('/sys/bus/platform/devices/a0010000.dma', link('../../../devices/platform/a0010000.dma'));
  put(tree, {
    [`${PLATFORM}/of_node/compatible`]: `${compatible}\0`,
    [`${PLATFORM}/of_node/reg`]: '\0',
    [`${PLATFORM}/of_node/interrupts`]: '\0',
    [`${PLATFORM}/driver_override`]: '(null)\n',
  });
}
const withPdrv = (tree: MemoryTree) => put(tree, { '/sys/bus/platform/drivers/uio_pdrv_genirq/bind': '' });

/** The node in a group of its own, with a driver, and vfio-platform beside it. */
function forVfio(tree: MemoryTree, driver: string): void {
  deviceTreeNode(tree, 'acme,dma');
  tree.set(`${PLATFORM}/driver`, link(`../../../bus/platform/drivers/${driver}`));
  tree.set(`${PLATFORM}/iommu_group`, link('../../../kernel/iommu_groups/20'));
  tree.set('/sys/kernel/iommu_groups/20/devices/a0010000.dma', link('../../../../devices/platform/a0010000.dma'));
  put(tree, {
    '/sys/kernel/iommu_groups/20/type': 'DMA\n',
    '/sys/bus/platform/drivers/vfio-platform/bind': '',
    '/sys/module/vfio_platform/parameters/reset_required': 'Y\n',
  });
}

const UIO = at(UIO_PARENT, 'uio/uio0');
const header = (vendor: number, command: number): ReadConfig => {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(vendor, 0);
  bytes.writeUInt16LE(command, 4);
  return (_address, offset, length) => bytes.subarray(offset, offset + length);
};

const iommuFaults: Fault[] = [
  {
    name: 'the IOMMU is off in the firmware',
    inject: withoutFirmware,
    first: 'iommu-off-in-firmware',
    severity: 'blocks',
    mend: /VT-d, AMD-Vi \(IOMMU\) or SMMU on in the firmware/,
  },
  {
    name: 'the IOMMU is off in the firmware, asked for a device',
    device: EDU,
    inject: withoutFirmware,
    first: 'iommu-off-in-firmware',
    severity: 'blocks',
    mend: /firmware/,
  },
  {
    name: 'an Intel IOMMU that the kernel leaves off',
    device: EDU,
    inject(tree) {
      withoutGroups(tree);
      put(tree, { '/proc/cmdline': 'console=ttyS0\n' });
    },
    first: 'iommu-off-in-kernel',
    severity: 'blocks',
    mend: ['intel_iommu=on'],
  },
  {
    name: 'intel_iommu=off on the command line',
    device: EDU,
    inject(tree) {
      withoutGroups(tree);
      put(tree, { '/proc/cmdline': 'intel_iommu=off quiet\n' });
    },
    first: 'iommu-off-in-kernel',
    severity: 'blocks',
    mend: ['intel_iommu=off', 'intel_iommu=on'],
  },
  {
    name: 'amd_iommu=off on the command line',
    device: EDU,
    inject(tree) {
      withoutGroups(tree);
      tree.delete('/sys/firmware/acpi/tables/DMAR');
      tree.set('/sys/firmware/acpi/tables/IVRS', { kind: 'error', code: 'EACCES' });
      put(tree, { '/proc/cmdline': 'amd_iommu=off\n' });
    },
    first: 'iommu-off-in-kernel',
    severity: 'blocks',
    mend: ['amd_iommu=off'],
  },
  {
    name: 'iommu=off on the command line',
    inject(tree) {
      withoutGroups(tree);
      put(tree, { '/proc/cmdline': 'iommu=off intel_iommu=on\n' });
    },
    first: 'iommu-off-in-kernel',
    severity: 'blocks',
    mend: ['iommu=off', 'intel_iommu=on'],
  },
  {
    name: 'a virtual machine without an IOMMU',
    device: EDU,
    inject(tree) {
      withoutFirmware(tree);
      put(tree, { '/proc/cpuinfo': 'flags\t\t: fpu vme hypervisor\n' });
    },
    first: 'iommu-missing-in-vm',
    severity: 'blocks',
    mend: /-device intel-iommu,intremap=on/,
  },
  {
    name: 'a virtio-iommu whose driver is missing',
    device: EDU,
    inject(tree) {
      withoutFirmware(tree);
      tree.set('/sys/firmware/acpi/tables/VIOT', { kind: 'error', code: 'EACCES' });
    },
    first: 'iommu-driver-missing',
    severity: 'blocks',
    mend: ['sudo modprobe virtio_iommu'],
  },
  {
    name: 'a function that the IOMMU does not cover',
    device: EDU,
    inject: (tree) => tree.delete(at(EDU, 'iommu_group')),
    first: 'iommu-not-covering',
    severity: 'blocks',
    mend: /slot/,
  },
  {
    name: 'a function that may come into a group when a driver takes it',
    device: EDU,
    inject(tree) {
      unbind(tree, 'vfio-pci');
      tree.delete(at(EDU, 'iommu_group'));
    },
    // It is worth a try.
    first: 'no-driver',
    severity: 'blocks',
    mend: [`udrv bind ${EDU} vfio-pci`],
  },
  {
    name: 'VFIO without an IOMMU',
    device: EDU,
    inject(tree) {
      put(tree, {
        '/sys/kernel/iommu_groups/1/name': 'vfio-noiommu\n',
        '/sys/module/vfio/parameters/enable_unsafe_noiommu_mode': 'Y\n',
        '/proc/self/status': 'Uid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\n',
      });
      tree.set('/dev/vfio/noiommu-1', { kind: 'node', access: 'rw' });
      tree.delete(at(EDU, 'vfio-dev'));
    },
    first: 'no-isolation',
    severity: 'limits',
    mend: /slot/,
  },
  {
    name: 'VFIO without an IOMMU, where nothing remaps interrupts either',
    device: EDU,
    inject(tree) {
      put(tree, {
        '/sys/kernel/iommu_groups/1/name': 'vfio-noiommu\n',
        '/sys/module/vfio/parameters/enable_unsafe_noiommu_mode': 'Y\n',
        '/proc/self/status': 'Uid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\n',
        '/proc/interrupts': ' 24:  9  PCI-MSIX-0000:01:00.0  0-edge  nvme0q0\n',
      });
      tree.set('/dev/vfio/noiommu-1', { kind: 'node', access: 'rw' });
      tree.delete(at(EDU, 'vfio-dev'));
    },
    first: 'no-isolation',
    severity: 'limits',
    mend: /slot/,
  },
  {
    name: 'VFIO without an IOMMU, as an ordinary user',
    device: EDU,
    inject(tree) {
      put(tree, {
        '/sys/kernel/iommu_groups/1/name': 'vfio-noiommu\n',
        '/sys/module/vfio/parameters/enable_unsafe_noiommu_mode': 'Y\n',
      });
      tree.set('/dev/vfio/noiommu-1', { kind: 'node', access: 'rw' });
      tree.delete(at(EDU, 'vfio-dev'));
    },
    first: 'raw-io-needed',
    severity: 'blocks',
    mend: [`sudo udrv vfio info ${EDU}`],
  },
  {
    name: 'interrupts that are not remapped',
    device: EDU,
    inject: (tree) => put(tree, { '/proc/interrupts': ' 24:  9  PCI-MSIX-0000:01:00.0  0-edge  nvme0q0\n' }),
    first: 'interrupt-remapping-off',
    severity: 'blocks',
    mend: /^switch interrupt remapping on in the firmware.*\necho 1 \| sudo tee .*allow_unsafe_interrupts$/,
  },
  {
    name: 'intremap=off on the command line',
    inject: (tree) =>
      put(tree, {
        '/proc/interrupts': ' 24:  9  PCI-MSIX-0000:01:00.0  0-edge  nvme0q0\n',
        '/proc/cmdline': 'intel_iommu=on intremap=off\n',
      }),
    first: 'interrupt-remapping-off',
    severity: 'blocks',
    mend: /^intremap=off\n/,
  },
  {
    name: 'interrupts that are not remapped, and a kernel that was told to accept it',
    device: EDU,
    inject: (tree) =>
      put(tree, {
        '/proc/interrupts': ' 24:  9  PCI-MSIX-0000:01:00.0  0-edge  nvme0q0\n',
        '/sys/module/iommufd/parameters/allow_unsafe_interrupts': 'Y\n',
      }),
    first: 'unsafe-interrupts',
    severity: 'note',
    mend: /firmware/,
  },
  {
    name: 'interrupts that are not remapped, which groups accept and iommufd does not',
    device: EDU,
    inject: (tree) =>
      put(tree, {
        '/proc/interrupts': ' 24:  9  PCI-MSIX-0000:01:00.0  0-edge  nvme0q0\n',
        '/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts': 'Y\n',
        '/sys/module/iommufd/parameters/allow_unsafe_interrupts': 'N\n',
      }),
    first: 'interrupt-remapping-off',
    severity: 'blocks',
    mend: /tee \/sys\/module\/vfio_iommu_type1\/\S+ \/sys\/module\/iommufd\/\S+$/,
  },
  {
    name: 'a group that the firmware needs (RMRR)',
    device: EDU,
    inject: (tree) =>
      put(tree, {
        '/sys/kernel/iommu_groups/1/reserved_regions': '0xbddde000 0xbdddefff direct\n0xfee00000 0xfeefffff msi\n',
      }),
    first: 'firmware-region',
    severity: 'blocks',
    mend: /no kernel setting does/,
  },
];

const machineFaults: Fault[] = [
  {
    name: 'no IOMMU group, and a copy that has nothing of the firmware',
    inject(tree) {
      withoutGroups(tree);
      tree.delete('/sys/firmware');
    },
    first: 'iommu-missing',
    severity: 'blocks',
    mend: /firmware.*\nintel_iommu=on$/,
  },
  {
    name: 'vfio-pci is not loaded',
    inject: (tree) => tree.delete('/sys/bus/pci/drivers/vfio-pci'),
    first: 'vfio-pci-not-loaded',
    severity: 'blocks',
    mend: ['sudo modprobe vfio-pci'],
  },
  {
    name: 'vfio-pci is not loaded, asked for a device with another driver',
    device: NVME,
    inject: (tree) => tree.delete('/sys/bus/pci/drivers/vfio-pci'),
    first: 'vfio-pci-not-loaded',
    severity: 'blocks',
    mend: ['sudo modprobe vfio-pci'],
  },
  {
    name: 'a kernel without vfio-pci',
    inject(tree) {
      tree.delete('/sys/bus/pci/drivers/vfio-pci');
      put(tree, { '/lib/modules/6.12.95/modules.dep': 'kernel/drivers/uio/uio.ko:\n' });
    },
    first: 'vfio-pci-missing',
    severity: 'blocks',
    mend: [],
  },
  {
    name: 'iommufd is not loaded, and the devices have cdevs',
    device: EDU,
    inject(tree) {
      tree.delete('/dev/iommu');
      tree.delete('/sys/class/misc/iommu');
    },
    first: 'iommufd-not-loaded',
    severity: 'note',
    mend: ['sudo modprobe iommufd'],
  },
  {
    name: 'a kernel without cdevs',
    device: EDU,
    inject(tree) {
      tree.delete(at(EDU, 'vfio-dev/vfio0/dev'));
      tree.delete('/sys/devices/pci0000:00/0000:00:09.0/0000:02:01.0/vfio-dev/vfio1/dev');
    },
    first: 'no-cdev',
    severity: 'note',
    mend: [],
  },
  {
    name: 'RLIMIT_MEMLOCK of 64 KiB',
    device: EDU,
    inject: (tree) => put(tree, { '/proc/self/limits': limits('65536') }),
    first: 'memlock-too-small',
    severity: 'blocks',
    mend: /^sudo prlimit --pid \$\$ --memlock=unlimited\necho "\$USER - memlock unlimited" \| sudo tee /,
  },
  {
    name: 'RLIMIT_MEMLOCK smaller than what shall be mapped',
    device: EDU,
    need: { memory: 1 << 30 },
    inject: () => {},
    first: 'memlock-too-small',
    severity: 'blocks',
    mend: /--memlock=1073741824\n.*memlock 1048576"/,
  },
  {
    name: "RLIMIT_MEMLOCK of the kernel's default",
    inject: (tree) => put(tree, { '/proc/self/limits': limits('8388608') }),
    first: 'memlock-small',
    severity: 'note',
    mend: /memlock/,
  },
  {
    name: 'dma_entry_limit of 4',
    device: EDU,
    inject: (tree) => put(tree, { '/sys/module/vfio_iommu_type1/parameters/dma_entry_limit': '4\n' }),
    first: 'dma-entry-limit',
    severity: 'blocks',
    mend: ['echo 65535 | sudo tee /sys/module/vfio_iommu_type1/parameters/dma_entry_limit'],
  },
  {
    name: 'dma_entry_limit below the default',
    inject: (tree) => put(tree, { '/sys/module/vfio_iommu_type1/parameters/dma_entry_limit': '1024\n' }),
    first: 'dma-entry-limit',
    severity: 'limits',
    mend: ['echo 65535 | sudo tee /sys/module/vfio_iommu_type1/parameters/dma_entry_limit'],
  },
  {
    name: 'a passthrough default domain',
    inject: (tree) => put(tree, { '/proc/cmdline': 'intel_iommu=on iommu=pt\n' }),
    first: 'iommu-passthrough',
    severity: 'note',
    mend: ['iommu=pt'],
  },
  {
    name: 'lockdown after Secure Boot',
    inject(tree) {
      put(tree, { '/sys/kernel/security/lockdown': 'none [integrity] confidentiality\n' });
      put(tree, { '/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c': '\x06\0\0\0\x01' });
    },
    first: 'lockdown',
    severity: 'note',
    mend: /Secure Boot/,
  },
  {
    name: 'lockdown on the command line',
    inject(tree) {
      put(tree, { '/sys/kernel/security/lockdown': 'none [integrity] confidentiality\n' });
      put(tree, { '/proc/cmdline': 'console=ttyS0 intel_iommu=on lockdown=integrity\n' });
    },
    first: 'lockdown',
    severity: 'note',
    mend: ['lockdown=integrity'],
  },
  {
    name: 'the Windows Subsystem for Linux',
    purpose: 'usb',
    inject: (tree) => put(tree, { '/proc/sys/kernel/osrelease': '5.15.153.1-microsoft-standard-WSL2\n' }),
    first: 'wsl',
    severity: 'limits',
    mend: /usbipd attach/,
  },
  {
    name: 'a container with sysfs read-only',
    purpose: 'vfio',
    inject: (tree) =>
      put(tree, {
        '/proc/self/mountinfo': '20 1 0:18 / / rw - overlay overlay rw\n21 20 0:19 / /sys ro,nosuid - sysfs sysfs ro\n',
      }),
    first: 'sysfs-read-only',
    severity: 'limits',
    mend: /on the host/,
  },
  {
    name: 'sysfs read-only without a container',
    purpose: 'vfio',
    inject: (tree) =>
      put(tree, {
        '/proc/self/mountinfo': '20 1 0:18 / / rw - ext4 /dev/sda1 rw\n21 20 0:19 / /sys ro,nosuid - sysfs sysfs ro\n',
      }),
    first: 'sysfs-read-only',
    severity: 'limits',
    mend: ['sudo mount -o remount,rw /sys'],
  },
  {
    name: 'huge pages on another NUMA node',
    device: EDU,
    inject(tree) {
      put(tree, { [at(EDU, 'numa_node')]: '1\n' });
      for (const [node, count] of [
        ['node0', '64'],
        ['node1', '0'],
      ] as const)
        for (const file of ['nr_hugepages', 'free_hugepages'])
          put(tree, { [`/sys/devices/system/node/${node}/hugepages/hugepages-2048kB/${file}`]: `${count}\n` });
    },
    first: 'hugepages-elsewhere',
    severity: 'note',
    mend: ['echo 64 | sudo tee /sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages'],
  },
  {
    name: 'huge pages that are all in use',
    inject(tree) {
      const pool = '/sys/devices/system/node/node0/hugepages/hugepages-2048kB';
      put(tree, { [`${pool}/nr_hugepages`]: '8\n', [`${pool}/free_hugepages`]: '0\n' });
    },
    first: 'hugepages-used-up',
    severity: 'note',
    mend: ['echo 16 | sudo tee /proc/sys/vm/nr_hugepages'],
  },
  {
    name: 'an IOMMU with addresses of 39 bits, and huge pages that are reserved',
    device: EDU,
    inject: (tree) => put(tree, NARROW),
    first: 'iommu-narrow',
    severity: 'note',
    seen: { path: `/sys/bus/pci/devices/${EDU}/iommu/intel-iommu/cap`, value: 'd2008c22260206, MGAW 39' },
    mend: [],
  },
  {
    name: 'a virtual IOMMU with addresses of 39 bits, and huge pages that are reserved',
    inject: (tree) => put(tree, { ...NARROW, '/sys/class/dmi/id/sys_vendor': 'QEMU\n' }),
    first: 'iommu-narrow',
    severity: 'note',
    mend: /^in the hypervisor.*,aw-bits=48$/,
  },
];

const vfioFaults: Fault[] = [
  {
    name: "a kernel's driver",
    device: NVME,
    inject: () => {},
    first: 'driver-bound',
    severity: 'blocks',
    mend: [`udrv bind ${NVME} vfio-pci`],
  },
  {
    name: 'no driver',
    device: EDU,
    inject: (tree) => unbind(tree, '(null)'),
    first: 'no-driver',
    severity: 'blocks',
    mend: [`udrv bind ${EDU} vfio-pci`],
  },
  {
    name: 'a bind that came to nothing',
    device: EDU,
    log: [`vfio-pci ${EDU}: probe with driver vfio-pci failed with error -22`],
    inject: (tree) => unbind(tree, 'vfio-pci'),
    first: 'no-driver',
    severity: 'blocks',
    mend: [`udrv bind ${EDU} vfio-pci`],
  },
  {
    name: 'a stale driver_override',
    device: EDU,
    inject: (tree) => unbind(tree, 'pci-stub'),
    first: 'override-stale',
    severity: 'blocks',
    mend: [`udrv bind ${EDU} vfio-pci`],
  },
  {
    name: 'a bridge',
    device: '0000:00:08.0',
    inject: () => {},
    first: 'bridge',
    severity: 'blocks',
    mend: [],
  },
  {
    name: 'another function of the group has a driver',
    device: EDU,
    inject: (tree) => addMember(tree, 1, '0000:00:03.1', 'e1000e'),
    first: 'group-not-viable',
    severity: 'blocks',
    mend: [`udrv bind ${EDU} vfio-pci --group`],
  },
  {
    name: 'another function of the group has a driver whose interface is up',
    device: EDU,
    inject(tree) {
      addMember(tree, 1, '0000:00:03.1', 'e1000e');
      networkInterface(tree, '0000:00:03.1', '0x1003');
    },
    first: 'group-not-viable',
    severity: 'blocks',
    mend: /^sudo ip link set eth0 down && udrv bind 0000:00:03\.0 vfio-pci --group\nput the card/,
  },
  {
    name: 'the physical function is in the group of the virtual one',
    device: EDU,
    inject(tree) {
      addMember(tree, 1, '0000:00:03.1', 'ice');
      put(tree, { '/sys/devices/pci0000:00/0000:00:03.1/sriov_numvfs': '2\n' });
      tree.set(at(EDU, 'physfn'), link('../0000:00:03.1'));
    },
    first: 'group-not-viable',
    severity: 'blocks',
    // To remove the virtual functions would remove the device.
    mend: /^put the card/,
  },
  {
    name: 'a platform device of the group has a driver',
    device: EDU,
    inject(tree) {
      const dir = '/sys/devices/platform/fe200000.ethernet';
      tree.set(
        '/sys/kernel/iommu_groups/1/devices/fe200000.ethernet',
        link('../../../../devices/platform/fe200000.ethernet'),
      );
      tree.set(`${dir}/driver`, link('../../../bus/platform/drivers/macb'));
      tree.set(`${dir}/subsystem`, link('../../../bus/platform'));
    },
    first: 'group-not-viable',
    severity: 'blocks',
    mend: ['echo fe200000.ethernet | sudo tee /sys/bus/platform/drivers/macb/unbind'],
  },
  {
    name: 'a program has the group open',
    device: EDU,
    inject: (tree) => holds(tree, '/dev/vfio/1'),
    first: 'held',
    severity: 'blocks',
    mend: ['sudo kill 4711'],
  },
  {
    name: 'a program has the cdev open',
    device: EDU,
    inject: (tree) => holds(tree, '/dev/vfio/devices/vfio0'),
    first: 'held',
    severity: 'blocks',
    mend: ['sudo kill 4711'],
  },
  {
    name: 'a node that is closed to the user',
    device: EDU,
    inject: (tree) => tree.set('/dev/vfio/devices/vfio0', { kind: 'node', access: 'none' }),
    first: 'node-closed',
    severity: 'blocks',
    mend: ['sudo chown "$USER" /dev/vfio/devices/vfio0'],
  },
  {
    name: 'a node for a group that the user is not in',
    device: EDU,
    inject(tree) {
      tree.set('/dev/vfio/devices/vfio0', {
        kind: 'node',
        access: 'none',
        permissions: { mode: 0o660, uid: 0, gid: 107 },
      });
      put(tree, { '/etc/group': 'root:x:0:\nvfio:x:107:somebody\n' });
    },
    first: 'node-closed',
    severity: 'blocks',
    mend: ['sudo usermod -aG vfio "$USER" && newgrp vfio', 'sudo chown "$USER" /dev/vfio/devices/vfio0'],
  },
  {
    name: 'both nodes are closed to the user, which one command mends',
    device: EDU,
    inject(tree) {
      tree.set('/dev/vfio/devices/vfio0', { kind: 'node', access: 'none' });
      tree.set('/dev/iommu', { kind: 'node', access: 'none' });
    },
    first: 'node-closed',
    severity: 'blocks',
    mend: ['sudo chown "$USER" /dev/vfio/devices/vfio0 /dev/iommu'],
  },
  {
    name: 'the module vfio_iommu_type1 is not loaded',
    device: EDU,
    inject(tree) {
      tree.delete(at(EDU, 'vfio-dev'));
      tree.delete('/sys/class/vfio-dev/vfio0');
      tree.delete('/sys/module/vfio_iommu_type1');
    },
    first: 'type1-not-loaded',
    severity: 'blocks',
    mend: ['sudo modprobe vfio_iommu_type1'],
  },
  {
    name: '/dev/iommu is missing, although the kernel has iommufd',
    device: EDU,
    inject(tree) {
      tree.delete('/dev/iommu');
      put(tree, { '/sys/devices/virtual/misc/iommu/dev': '10:257\n' });
    },
    first: 'node-missing',
    severity: 'note',
    mend: ['sudo mknod -m 600 /dev/iommu c 10 257'],
  },
  {
    name: '/dev/iommu is closed to the user',
    device: EDU,
    inject: (tree) => tree.set('/dev/iommu', { kind: 'node', access: 'none' }),
    first: 'node-closed',
    severity: 'blocks',
    mend: ['sudo chown "$USER" /dev/iommu'],
  },
  {
    name: "a group's node that is missing",
    device: EDU,
    inject(tree) {
      tree.delete(at(EDU, 'vfio-dev'));
      tree.delete('/sys/class/vfio-dev/vfio0');
      tree.delete('/dev/vfio/1');
      put(tree, { '/sys/devices/virtual/vfio/1/dev': '243:0\n' });
    },
    first: 'node-missing',
    severity: 'blocks',
    mend: ['sudo mkdir -p /dev/vfio && sudo mknod -m 600 /dev/vfio/1 c 243 0'],
  },
  {
    name: "a group's node that the container was not given",
    device: EDU,
    inject(tree) {
      tree.delete(at(EDU, 'vfio-dev'));
      tree.delete('/sys/class/vfio-dev/vfio0');
      tree.delete('/dev/vfio/1');
      put(tree, { '/run/systemd/container': 'docker\n' });
    },
    first: 'node-missing',
    severity: 'blocks',
    mend: ['start the container with --device /dev/vfio/1'],
  },
  {
    name: 'a mounted disk',
    device: NVME,
    inject: (tree) => mountNvme(tree, '/home'),
    first: 'disk-in-use',
    severity: 'blocks',
    mend: ['sudo umount /home'],
  },
  {
    name: 'the root disk',
    device: NVME,
    inject: (tree) => mountNvme(tree, '/'),
    first: 'disk-in-use',
    severity: 'blocks',
    mend: [],
  },
  {
    name: 'a disk that is swapped to',
    device: NVME,
    inject(tree) {
      mountNvme(tree, '/home');
      put(tree, {
        '/proc/self/mountinfo': '20 1 0:18 / / rw - tmpfs tmpfs rw\n',
        '/proc/swaps': 'Filename\tType\n/dev/nvme0n1\tpartition\n',
      });
    },
    first: 'disk-in-use',
    severity: 'blocks',
    mend: ['sudo swapoff /dev/nvme0n1'],
  },
  {
    name: 'a program has the disk open',
    device: NVME,
    inject(tree) {
      mountNvme(tree, '/home');
      put(tree, { '/proc/self/mountinfo': '20 1 0:18 / / rw - tmpfs tmpfs rw\n' });
      holds(tree, '/dev/nvme0n1');
    },
    first: 'held-open',
    severity: 'blocks',
    mend: ['sudo kill 4711'],
  },
  {
    name: 'an interface that is up',
    device: '0000:00:05.0',
    inject: (tree) => networkInterface(tree, '0000:00:05.0', '0x1003'),
    first: 'interface-up',
    severity: 'blocks',
    mend: ['sudo ip link set eth0 down'],
  },
  {
    name: 'an interface that is up, with a name that a shell would run',
    device: '0000:00:05.0',
    inject(tree) {
      tree.set('/sys/class/net/a;reboot', link('../../devices/pci0000:00/0000:00:05.0/net/a;reboot'));
      put(tree, { '/sys/devices/pci0000:00/0000:00:05.0/net/a;reboot/flags': '0x1003\n' });
    },
    first: 'interface-up',
    severity: 'blocks',
    mend: ["sudo ip link set 'a;reboot' down"],
  },
  {
    name: 'a physical function with virtual ones',
    device: NVME,
    inject: (tree) => put(tree, { [at(NVME, 'sriov_numvfs')]: '4\n' }),
    first: 'has-virtual-functions',
    severity: 'blocks',
    mend: [`echo 0 | sudo tee /sys/bus/pci/devices/${NVME}/sriov_numvfs`],
  },
  {
    name: 'a serial card that has the console of the kernel',
    device: NVME,
    inject(tree) {
      tree.set('/sys/class/tty/ttyS4', link(`../../devices/pci0000:00/0000:00:09.0/${NVME}/tty/ttyS4`));
      put(tree, { '/sys/devices/virtual/tty/console/active': 'tty0 ttyS4\n' });
    },
    first: 'console',
    severity: 'blocks',
    mend: [],
  },
  {
    name: 'a function that another device needs',
    device: NVME,
    inject: (tree) => put(tree, { [at(NVME, 'consumer:pci:0000:02:02.0/status')]: 'active\n' }),
    first: 'has-consumers',
    severity: 'blocks',
    mend: [],
  },
  {
    name: 'a virtual function whose physical one has VFIO',
    device: EDU,
    inject(tree) {
      tree.set(at(EDU, 'physfn'), link('../0000:00:09.0/0000:02:01.0'));
      put(tree, { '/proc/sys/kernel/osrelease': '6.17.2\n' });
    },
    first: 'vf-token-needed',
    severity: 'limits',
    mend: [],
  },
  {
    name: 'a virtual function whose physical one has VFIO, on a kernel whose character device asks for no token',
    device: EDU,
    inject: (tree) => tree.set(at(EDU, 'physfn'), link('../0000:00:09.0/0000:02:01.0')),
    first: 'vf-token-needed',
    severity: 'note',
    mend: [],
  },
  {
    name: 'the controller of the only keyboard',
    device: XHCI,
    inject(tree) {
      for (const name of ['input0', 'input1', 'input3']) tree.delete(`/sys/class/input/${name}`);
      tree.set('/sys/class/input/input5', link('../../devices/pci0000:00/0000:00:07.0/usb1/1-3/1-3.1/input/input5'));
      put(tree, { '/sys/devices/pci0000:00/0000:00:07.0/usb1/1-3/1-3.1/input/input5/capabilities/led': '1f\n' });
    },
    // The driver comes first; the keyboard is what to know before.
    first: 'driver-bound',
    severity: 'blocks',
    mend: [`udrv bind ${XHCI} vfio-pci`],
  },
  {
    name: 'a device without power (D3cold)',
    device: EDU,
    inject: (tree) =>
      put(tree, { [at(EDU, 'power_state')]: 'D3cold\n', [at(EDU, 'power/runtime_status')]: 'suspended\n' }),
    first: 'power-off',
    severity: 'limits',
    mend: [`echo on | sudo tee /sys/bus/pci/devices/${EDU}/power/control`],
  },
  {
    name: 'a device that did not wake up',
    device: EDU,
    inject: (tree) => put(tree, { [at(EDU, 'power/runtime_status')]: 'error\n' }),
    first: 'resume-failed',
    severity: 'blocks',
    mend: /\/remove && echo 1 \| sudo tee \/sys\/bus\/pci\/rescan$/,
  },
  {
    name: 'a device that reads as all ones',
    device: EDU,
    config: header(0xffff, 0xffff),
    inject: () => {},
    first: 'not-answering',
    severity: 'blocks',
    mend: /rescan$/,
  },
  {
    name: 'a dead link',
    device: EDU,
    inject: (tree) => put(tree, { [at(EDU, 'current_link_width')]: '63\n' }),
    first: 'not-answering',
    severity: 'blocks',
    mend: /rescan$/,
  },
  {
    name: 'the framebuffer of the boot is on a BAR',
    device: EDU,
    inject: (tree) =>
      put(tree, {
        [at(EDU, 'class')]: '0x030000\n',
        '/proc/iomem': 'fe200000-fe2fffff : 0000:00:03.0\n  fe200000-fe27ffff : BOOTFB\n',
      }),
    first: 'framebuffer-on-bar',
    severity: 'blocks',
    mend: ['initcall_blacklist=sysfb_init'],
  },
  {
    name: 'the display of the boot',
    device: EDU,
    inject: (tree) => put(tree, { [at(EDU, 'class')]: '0x030000\n', [at(EDU, 'boot_vga')]: '1\n' }),
    first: 'boot-display',
    severity: 'note',
    mend: [],
  },
  {
    name: 'accesses that the IOMMU stopped',
    device: EDU,
    log: [
      'DMAR: [DMA Write NO_PASID] Request device [00:03.0] fault addr 0x800000 [fault reason 0x05] PTE Write access is not set',
    ],
    inject: () => {},
    first: 'dma-stopped',
    severity: 'note',
    mend: [],
  },
  {
    name: 'an empty reset_method',
    device: EDU,
    inject: (tree) => put(tree, { [at(EDU, 'reset_method')]: '\n' }),
    first: 'no-reset',
    severity: 'note',
    mend: [`echo default | sudo tee /sys/bus/pci/devices/${EDU}/reset_method`],
  },
];

const uioFaults: Fault[] = [
  {
    name: 'a generic-uio node, and of_id is not set',
    inject(tree) {
      deviceTreeNode(tree);
      withPdrv(tree);
    },
    first: 'of-id-missing',
    severity: 'blocks',
    mend: ['udrv bind a0010000.dma uio_pdrv_genirq', 'uio_pdrv_genirq.of_id=generic-uio'],
  },
  {
    name: 'a generic-uio node, asked for',
    device: 'a0010000.dma',
    inject(tree) {
      deviceTreeNode(tree);
      withPdrv(tree);
    },
    first: 'of-id-missing',
    severity: 'blocks',
    mend: /of_id=generic-uio$/,
  },
  {
    name: 'a generic-uio node, and the module is not loaded',
    device: 'a0010000.dma',
    inject: deviceTreeNode,
    first: 'pdrv-not-loaded',
    severity: 'blocks',
    mend: ['sudo modprobe uio_pdrv_genirq of_id=generic-uio', 'uio_pdrv_genirq.of_id=generic-uio'],
  },
  {
    name: 'a generic-uio node, and a kernel without the module',
    device: 'a0010000.dma',
    inject(tree) {
      deviceTreeNode(tree);
      put(tree, { '/lib/modules/6.12.95/modules.dep': 'kernel/drivers/uio/uio.ko:\n' });
    },
    first: 'pdrv-missing',
    severity: 'blocks',
    mend: [],
  },
  {
    name: 'a node of the device tree without driver, that is not meant for UIO',
    device: 'a0010000.dma',
    inject(tree) {
      deviceTreeNode(tree, 'acme,dma');
      withPdrv(tree);
    },
    first: 'platform-no-driver',
    severity: 'blocks',
    mend: ['udrv bind a0010000.dma uio_pdrv_genirq'],
  },
  {
    name: "a node of the device tree that a kernel's driver has",
    device: 'a0010000.dma',
    inject(tree) {
      deviceTreeNode(tree, 'acme,dma');
      withPdrv(tree);
      tree.set(`${PLATFORM}/driver`, link('../../../bus/platform/drivers/acme-dma'));
    },
    first: 'platform-driver-bound',
    severity: 'blocks',
    mend: ['udrv bind a0010000.dma uio_pdrv_genirq'],
  },
  {
    name: 'a platform device with an interface that is up',
    device: 'a0010000.dma',
    inject(tree) {
      deviceTreeNode(tree, 'acme,eth');
      withPdrv(tree);
      tree.set(`${PLATFORM}/driver`, link('../../../bus/platform/drivers/acme-eth'));
      networkInterface(tree, 'a0010000.dma', '0x1003', 'platform');
    },
    first: 'interface-up',
    severity: 'blocks',
    mend: ['sudo ip link set eth0 down'],
  },
  {
    name: 'a platform device for VFIO on a machine without IOMMU',
    device: 'a0010000.dma',
    purpose: 'vfio',
    inject(tree) {
      withoutFirmware(tree);
      deviceTreeNode(tree, 'acme,dma');
    },
    first: 'platform-no-group',
    severity: 'blocks',
    mend: [],
  },
  {
    name: 'vfio-platform is not loaded',
    device: 'a0010000.dma',
    purpose: 'vfio',
    inject(tree) {
      deviceTreeNode(tree, 'acme,dma');
      withPdrv(tree);
    },
    first: 'vfio-platform-not-loaded',
    severity: 'blocks',
    mend: ['sudo modprobe vfio-platform'],
  },
  {
    name: 'a kernel without vfio-platform',
    device: 'a0010000.dma',
    purpose: 'vfio',
    inject(tree) {
      deviceTreeNode(tree, 'acme,dma');
      withPdrv(tree);
      put(tree, { '/lib/modules/6.12.95/modules.dep': 'kernel/drivers/vfio/vfio.ko:\n' });
    },
    first: 'vfio-platform-missing',
    severity: 'blocks',
    mend: [],
  },
  {
    name: "a platform device for VFIO that a kernel's driver has",
    device: 'a0010000.dma',
    purpose: 'vfio',
    inject: (tree) => forVfio(tree, 'acme-dma'),
    first: 'platform-driver-bound',
    severity: 'blocks',
    seen: { path: '/sys/module/vfio_platform/parameters/reset_required', value: 'Y' },
    mend: ['udrv bind a0010000.dma vfio-platform'],
  },
  {
    name: 'a platform device that has VFIO, and another of its group has not',
    device: 'a0010000.dma',
    inject(tree) {
      forVfio(tree, 'vfio-platform');
      tree.set('/sys/devices/platform/b0000000.eth/driver', link('../../../bus/platform/drivers/macb'));
      tree.set('/sys/devices/platform/b0000000.eth/subsystem', link('../../../bus/platform'));
      tree.set('/sys/kernel/iommu_groups/20/devices/b0000000.eth', link('../../../../devices/platform/b0000000.eth'));
    },
    first: 'group-not-viable',
    severity: 'blocks',
    mend: ['echo b0000000.eth | sudo tee /sys/bus/platform/drivers/macb/unbind'],
  },
  {
    name: 'a node that is closed to the user',
    device: 'uio0',
    inject: (tree) => tree.set('/dev/uio0', { kind: 'node', access: 'none' }),
    first: 'node-closed',
    severity: 'blocks',
    mend: /^sudo chown "\$USER" \/dev\/uio0\necho 'SUBSYSTEM=="uio"/,
  },
  ...[
    { name: 'where udev runs', device: 'uio0', path: '/dev/uio0' },
    { name: 'for VFIO, where udev runs', device: EDU, path: '/dev/vfio/devices/vfio0' },
    { name: 'for USB, where udev runs', device: ADAPTER, path: '/dev/bus/usb/001/006' },
  ].map(
    ({ name, device, path }): Fault => ({
      name: `a node that is closed to the user, ${name}`,
      device,
      inject(tree) {
        tree.set(path, { kind: 'node', access: 'none' });
        put(tree, {
          '/run/udev/control': '',
          '/proc/net/unix': 'Num RefCount\n0: 00000002 00000000 00010000 0005 01 1234 /run/udev/control\n',
        });
      },
      first: 'node-closed',
      severity: 'blocks',
      mend: [`sudo chown "$USER" ${path}`, `sudo udrv udev ${device} --install`],
    }),
  ),
  {
    name: 'a node that may only be read',
    device: 'uio0',
    inject: (tree) => tree.set('/dev/uio0', { kind: 'node', access: 'r' }),
    first: 'node-closed',
    severity: 'limits',
    mend: /^sudo chown "\$USER" \/dev\/uio0\n/,
  },
  {
    name: 'a node that a rule compares a group with instead of giving it to the group',
    device: 'uio0',
    inject(tree) {
      tree.set('/dev/uio0', { kind: 'node', access: 'none' });
      tree.set(`${UIO}/subsystem`, link('../../../../../class/uio'));
      put(tree, { '/etc/udev/rules.d/70-uio.rules': 'SUBSYSTEM=="uio", GROUP=="plugdev", MODE="0660"\n' });
    },
    first: 'node-closed',
    severity: 'blocks',
    seen: {
      path: '/etc/udev/rules.d/70-uio.rules:1',
      value: 'GROUP=="plugdev" compares and does not set: write GROUP="plugdev"',
    },
    mend: /^sudo chown "\$USER" \/dev\/uio0\n/,
  },
  {
    name: 'a node that is missing',
    device: 'uio0',
    inject(tree) {
      tree.delete('/dev/uio0');
      put(tree, { [`${UIO}/dev`]: '242:0\n' });
    },
    first: 'node-missing',
    severity: 'blocks',
    mend: ['sudo mknod -m 600 /dev/uio0 c 242 0'],
  },
  {
    name: 'a map that begins no page',
    device: 'uio0',
    inject: (tree) => put(tree, { [`${UIO}/maps/map0/addr`]: '0x43c00040\n', [`${UIO}/maps/map0/size`]: '0x40\n' }),
    first: 'map-not-mappable',
    severity: 'blocks',
    mend: /whole pages/,
  },
  {
    name: 'uio_pci_generic without INTx',
    device: 'uio0',
    inject: (tree) => put(tree, { [at(UIO_PARENT, 'irq')]: '0\n' }),
    first: 'no-intx',
    severity: 'limits',
    mend: [`udrv bind ${UIO_PARENT} vfio-pci`],
  },
  {
    name: 'a configuration space that is closed to the user',
    device: 'uio0',
    inject: (tree) => put(tree, { [at(UIO_PARENT, 'config')]: '\0' }),
    first: 'config-closed',
    severity: 'limits',
    mend: [`sudo chown "$USER" /sys/bus/pci/devices/${UIO_PARENT}/config`],
  },
  {
    name: 'decoding that is off',
    device: 'uio0',
    config: header(0x1234, 0x0400),
    inject: () => {},
    first: 'decoding-off',
    severity: 'blocks',
    mend: [`sudo setpci -s ${UIO_PARENT} COMMAND=2:2`],
  },
  {
    name: 'bus mastering that is off',
    device: 'uio0',
    config: header(0x1234, 0x0403),
    inject: () => {},
    first: 'bus-mastering-off',
    severity: 'note',
    mend: [`sudo setpci -s ${UIO_PARENT} COMMAND=4:4`],
  },
  {
    name: 'a function that sleeps',
    device: 'uio0',
    inject: (tree) => put(tree, { [at(UIO_PARENT, 'power_state')]: 'D3hot\n' }),
    first: 'asleep',
    severity: 'blocks',
    mend: [`echo on | sudo tee /sys/bus/pci/devices/${UIO_PARENT}/power/control`],
  },
  {
    name: 'lockdown, for a UIO device',
    device: 'uio0',
    inject: (tree) => put(tree, { '/sys/kernel/security/lockdown': 'none [integrity] confidentiality\n' }),
    first: 'lockdown',
    severity: 'limits',
    mend: [],
  },
  {
    name: 'uio_pci_generic is not loaded',
    device: NVME,
    purpose: 'uio',
    inject: (tree) => tree.delete('/sys/bus/pci/drivers/uio_pci_generic'),
    first: 'uio-pci-generic-not-loaded',
    severity: 'blocks',
    mend: ['sudo modprobe uio_pci_generic'],
  },
  {
    name: 'a kernel without uio_pci_generic',
    device: NVME,
    purpose: 'uio',
    inject(tree) {
      tree.delete('/sys/bus/pci/drivers/uio_pci_generic');
      put(tree, { '/lib/modules/6.12.95/modules.dep': 'kernel/drivers/uio/uio.ko:\n' });
    },
    first: 'uio-pci-generic-missing',
    severity: 'blocks',
    mend: [],
  },
  {
    name: 'a UIO device whose node in the device tree has no interrupt',
    device: 'uio1',
    inject(tree) {
      deviceTreeNode(tree);
      withPdrv(tree);
      tree.delete(`${PLATFORM}/of_node/interrupts`);
      tree.set(`${PLATFORM}/subsystem`, link('../../../bus/platform'));
      tree.set(`${PLATFORM}/driver`, link('../../../bus/platform/drivers/uio_pdrv_genirq'));
      tree.set('/sys/class/uio/uio1', link('../../devices/platform/a0010000.dma/uio/uio1'));
      tree.set(`${PLATFORM}/uio/uio1/device`, link('../../../a0010000.dma'));
      tree.set('/dev/uio1', { kind: 'node', access: 'rw' });
      put(tree, { [`${PLATFORM}/uio/uio1/name`]: 'dma\n', [`${PLATFORM}/uio/uio1/event`]: '0\n' });
    },
    first: 'no-interrupt',
    severity: 'limits',
    mend: /property interrupts/,
  },
  {
    name: 'a function that shall have a UIO device',
    device: NVME,
    purpose: 'uio',
    inject: () => {},
    first: 'driver-bound',
    severity: 'blocks',
    mend: [`udrv bind ${NVME} uio_pci_generic`],
  },
];

const usbFaults: Fault[] = [
  {
    name: 'a device that the kernel gave up on',
    purpose: 'usb',
    log: ['usb 1-6: device descriptor read/64, error -71', 'usb usb1-port6: unable to enumerate USB device'],
    inject: () => {},
    first: 'enumeration-failed',
    severity: 'note',
    mend: /another cable or port/,
  },
  {
    name: 'a node that is closed to the user',
    device: ADAPTER,
    inject: (tree) => tree.set('/dev/bus/usb/001/006', { kind: 'node', access: 'r' }),
    first: 'node-closed',
    severity: 'blocks',
    mend: /^sudo chown .*\/006\necho 'SUBSYSTEM=="usb", ATTR\{idVendor\}=="46f4", .*udevadm trigger \/sys\/bus\/usb\/devices\/1-5$/,
  },
  {
    name: 'a node that is missing',
    device: ADAPTER,
    inject(tree) {
      tree.delete('/dev/bus/usb/001/006');
      put(tree, { [at(ADAPTER, 'dev')]: '189:5\n' });
    },
    first: 'node-missing',
    severity: 'blocks',
    mend: ['sudo mkdir -p /dev/bus/usb/001 && sudo mknod -m 664 /dev/bus/usb/001/006 c 189 5'],
  },
  {
    name: 'a device that is not authorized',
    device: ADAPTER,
    inject: (tree) => put(tree, { [at(ADAPTER, 'authorized')]: '0\n', [at(ADAPTER, 'bConfigurationValue')]: '\n' }),
    first: 'not-authorized',
    severity: 'blocks',
    mend: ['echo 1 | sudo tee /sys/bus/usb/devices/1-5/authorized'],
  },
  {
    name: 'an interface that is not authorized',
    device: ADAPTER,
    inject(tree) {
      tree.set('/sys/bus/usb/devices/1-5:1.0', link('../../../devices/pci0000:00/0000:00:07.0/usb1/1-5/1-5:1.0'));
      put(tree, { [at(ADAPTER, '1-5:1.0/authorized')]: '0\n' });
    },
    first: 'interface-not-authorized',
    severity: 'blocks',
    mend: ['echo 1 | sudo tee /sys/bus/usb/devices/1-5:1.0/authorized'],
  },
  {
    name: 'a device that is not configured',
    device: ADAPTER,
    inject: (tree) => put(tree, { [at(ADAPTER, 'bConfigurationValue')]: '\n' }),
    first: 'not-configured',
    severity: 'blocks',
    mend: ['udrv usb config 1-5 1', 'echo 1 | sudo tee /sys/bus/usb/devices/1-5/bConfigurationValue'],
  },
  {
    name: "an interface that a kernel's driver has",
    device: DISK,
    inject: () => {},
    first: 'interface-claimed',
    severity: 'limits',
    mend: ['udrv usb detach 1-2:1.0'],
  },
  {
    name: 'a disk that is mounted',
    device: DISK,
    inject(tree) {
      const block = at(DISK, '1-2:1.0/host0/target0:0:0/0:0:0:0/block/sda');
      tree.set('/sys/class/block/sda', link(`../..${block.slice('/sys'.length)}`));
      put(tree, { [`${block}/dev`]: '8:0\n', [`${block}/uevent`]: 'DEVNAME=sda\n' });
      put(tree, { '/proc/self/mountinfo': '20 1 8:0 / /media/disk rw - vfat /dev/sda rw\n' });
    },
    first: 'disk-in-use',
    severity: 'limits',
    mend: ['sudo umount /media/disk'],
  },
  {
    name: 'brltty takes a serial adapter',
    device: ADAPTER,
    log: ["usb 1-5: usbfs: interface 0 claimed by ch341 while 'brltty' sets config #1"],
    inject: () => {},
    first: 'claimed-by-program',
    severity: 'limits',
    mend: ['sudo systemctl mask --now brltty-udev.service brltty.service'],
  },
  {
    name: 'another program has it open',
    device: ADAPTER,
    inject: (tree) => holds(tree, '/dev/bus/usb/001/006'),
    first: 'open-elsewhere',
    severity: 'limits',
    mend: ['sudo kill 4711'],
  },
  {
    name: 'usbfs_memory_mb of 1',
    purpose: 'usb',
    inject: (tree) => put(tree, { '/sys/module/usbcore/parameters/usbfs_memory_mb': '1\n' }),
    first: 'usbfs-memory',
    severity: 'limits',
    mend: ['echo 16 | sudo tee /sys/module/usbcore/parameters/usbfs_memory_mb'],
  },
  {
    name: 'more in flight than usbfs_memory_mb',
    device: ADAPTER,
    need: { transfers: 64 << 20 },
    inject: () => {},
    first: 'usbfs-memory',
    severity: 'blocks',
    mend: ['echo 128 | sudo tee /sys/module/usbcore/parameters/usbfs_memory_mb'],
  },
  {
    name: 'a device that does not wake up',
    device: ADAPTER,
    inject: (tree) => put(tree, { [at(ADAPTER, 'power/runtime_status')]: 'error\n' }),
    first: 'resume-failed',
    severity: 'blocks',
    mend: /^echo on \| sudo tee \/sys\/bus\/usb\/devices\/1-5\/power\/control\n/,
  },
  {
    name: 'a device that sleeps while it is not used',
    device: ADAPTER,
    inject: (tree) =>
      put(tree, { [at(ADAPTER, 'power/runtime_status')]: 'suspended\n', [at(ADAPTER, 'power/control')]: 'auto\n' }),
    first: 'autosuspend',
    severity: 'note',
    mend: ['echo on | sudo tee /sys/bus/usb/devices/1-5/power/control'],
  },
  {
    name: 'a port that switched off for over-current',
    device: ADAPTER,
    inject(tree) {
      tree.set('/sys/bus/usb/devices/1-0:1.0', link('../../../devices/pci0000:00/0000:00:07.0/usb1/1-0:1.0'));
      put(tree, { '/sys/devices/pci0000:00/0000:00:07.0/usb1/1-0:1.0/usb1-port5/over_current_count': '3\n' });
    },
    first: 'over-current',
    severity: 'limits',
    mend: /another cable or port/,
  },
  {
    name: 'a port that switches off for over-current, by the log of the kernel',
    device: ADAPTER,
    log: ['usb usb1-port5: over-current change #2'],
    inject: () => {},
    first: 'over-current',
    severity: 'limits',
    mend: /another cable or port/,
  },
  {
    name: 'a hub with too little power',
    device: '1-3.1',
    inject(tree) {
      const hub = '/sys/devices/pci0000:00/0000:00:07.0/usb1/1-3';
      put(tree, { [`${hub}/bmAttributes`]: 'a0\n', [`${hub}/1-3.1/bMaxPower`]: '500mA\n' });
      tree.delete(`${hub}/1-3.1/1-3.1:1.0/driver`);
    },
    first: 'too-little-power',
    severity: 'limits',
    mend: /power supply\n/,
  },
  {
    name: 'a SuperSpeed device at high speed',
    device: ADAPTER,
    inject: (tree) =>
      tree.set(at(ADAPTER, 'bos_descriptors'), {
        kind: 'file',
        read: () => Buffer.from('050f0f00010a1003000e00010aff07', 'hex'),
      }),
    first: 'slower-than-possible',
    severity: 'note',
    mend: /that speed/,
  },
];

/** Every fault, with the family that it is of. */
export const faults: readonly (Fault & { family: string })[] = Object.entries({
  IOMMU: iommuFaults,
  machine: machineFaults,
  VFIO: vfioFaults,
  UIO: uioFaults,
  USB: usbFaults,
}).flatMap(([family, list]) => list.map((fault) => ({ family, ...fault })));
