/**
 * The guest's devices. Each has its address pinned, so that tests and examples can name it: the kernel gives the
 * same names on every boot. guest/setup.sh binds the drivers and makes the USB gadget.
 *
 *   0000:00:03.0  edu             vfio-pci
 *   0000:00:04.0  edu             uio_pci_generic, as uio0
 *   0000:00:05.0  virtio-9p       the host's file system
 *   0000:00:06.0  virtio-serial   the agent's channel
 *   0000:00:07.0  xhci            USB buses 1 (USB 2, ports 1 to 8) and 2 (USB 3, port 1, shared with 1-1)
 *   0000:00:08.0  root port       to bus 1
 *   0000:00:09.0  PCIe-PCI bridge to bus 2, whose functions all share its IOMMU group
 *   0000:00:0a.0  virtio-9p       the checkout
 *   0000:01:00.0  NVMe            nvme, 64 MiB of zeros
 *   0000:02:01.0  edu             vfio-pci, in a group that is not viable because of the next
 *   0000:02:02.0  virtio-rng      virtio-pci
 *
 *   1-3           hub             with a keyboard at 1-3.1 and a tablet at 1-3.2
 *   1-4           disk            high speed, 16 MiB of zeros
 *   1-5           audio           full speed, an isochronous endpoint
 *   1-7           serial adapter
 *   3-1           gadget zero     on dummy_hcd: source and sink (configuration 1), loopback (2)
 *
 * The simulation has these too, but for the tablet, the audio device and the serial adapter, and its gadget zero at 3-1
 * is the same. It adds another at 1-2, which stays empty here: dummy_hcd has one port, on a bus of its own.
 *
 * Ports 1, 6 and 8 of the xhci (`bus=xhci.0,port=6`) are free for tests that plug something in.
 */
const DEVICES = words(`
  -nodefaults -no-user-config -display none -no-reboot

  -device edu,id=edu0,addr=03.0
  -device edu,id=edu1,addr=04.0

  -device virtio-9p-pci,fsdev=host,mount_tag=host,addr=05.0
  -device virtio-serial-pci,id=ports,addr=06.0

  -blockdev null-co,node-name=nvme0,size=67108864,read-zeroes=on

  -device qemu-xhci,id=xhci,addr=07.0,p2=8,p3=1
  -device usb-hub,id=hub,bus=xhci.0,port=3
  -device usb-kbd,id=kbd,bus=xhci.0,port=3.1
  -device usb-tablet,id=tablet,bus=xhci.0,port=3.2
  -blockdev null-co,node-name=disk0,size=16777216,read-zeroes=on
  -device usb-storage,id=disk,bus=xhci.0,port=4,drive=disk0,serial=UDRV0002
  -audiodev none,id=audio
  -device usb-audio,id=audio,bus=xhci.0,port=5,audiodev=audio
  -chardev null,id=serial
  -device usb-serial,id=serial,bus=xhci.0,port=7,chardev=serial,always-plugged=on
`);

/** NVMe, in a slot of its own. */
const IN_SLOT = words(`
  -device pcie-root-port,id=rp0,addr=08.0,chassis=1
  -device nvme,id=nvme0,bus=rp0,drive=nvme0,serial=UDRV0001
`);

/** Functions that no IOMMU can tell apart. */
const BEHIND_BRIDGE = words(`
  -device pcie-pci-bridge,id=br0,addr=09.0
  -device edu,id=edu2,bus=br0,addr=01.0
  -device virtio-rng-pci,id=rng,bus=br0,addr=02.0
`);

/**
 * Without protection keys: Node has some of its own, and QEMU's emulation empties the whole TLB at each switch between
 * threads that differ in them, which costs an interrupt 40 us.
 */
const Q35 = words('-machine q35,accel=tcg,kernel-irqchip=split -cpu max,-pku -m 2048');

/** Pointer authentication that QEMU makes up: the real one costs the emulation half of its speed. */
const VIRT = words('-machine virt,gic-version=3,iommu=smmuv3,accel=tcg -cpu max,pauth-impdef=on -m 2048');

export type Architecture = 'x64' | 'arm64';

/** A machine that can be booted. */
export interface Machine {
  readonly title: string;
  readonly architecture: Architecture;
  /** QEMU's arguments for the machine itself. */
  readonly board: readonly string[];
  /** And for what is in it. */
  readonly devices: readonly string[];
  /** QEMU's IOMMU, as -device takes it; null: none, or the board has it. */
  readonly iommu: string | null;
  /** Parameters of the kernel's command line; null: without one that every guest has. */
  readonly parameters: Readonly<Record<string, string | null>>;
  /** PCI address of the NVMe controller. */
  readonly nvme: string;
}

const USUAL: Machine = {
  title: 'Intel VT-d, 39 address bits',
  architecture: 'x64',
  board: Q35,
  devices: [...DEVICES, ...IN_SLOT, ...BEHIND_BRIDGE],
  iommu: 'intel-iommu,intremap=on,caching-mode=on',
  parameters: { intel_iommu: 'on' },
  nvme: '0000:01:00.0',
};

const VIRTIO_IOMMU: Machine = {
  ...USUAL,
  title: 'virtio-iommu',
  // On x86 it does not go together with a conventional bus.
  devices: [...DEVICES, ...IN_SLOT],
  iommu: 'virtio-iommu-pci,addr=02.0',
  parameters: {},
};

/** The lab's machines, by the names that `npm run lab -- --machine` takes. The first is the one of most tests. */
export const MACHINES = {
  'vt-d': USUAL,
  'vt-d-48': {
    ...USUAL,
    title: 'Intel VT-d, 48 address bits',
    iommu: 'intel-iommu,intremap=on,caching-mode=on,aw-bits=48',
  },
  passthrough: {
    ...USUAL,
    title: "Intel VT-d that lets the kernel's own drivers past it",
    parameters: { ...USUAL.parameters, iommu: 'pt' },
  },
  'no-intremap': {
    ...USUAL,
    title: 'Intel VT-d without interrupt remapping',
    parameters: { ...USUAL.parameters, intremap: 'off' },
  },
  'amd-vi': {
    ...USUAL,
    title: 'AMD-Vi',
    // NVMe behind a root port does not go together with the one of QEMU 7.2.
    devices: [...DEVICES, ...words('-device nvme,id=nvme0,drive=nvme0,serial=UDRV0001,addr=08.0')],
    iommu: 'amd-iommu,intremap=on',
    parameters: {},
    nvme: '0000:00:08.0',
  },
  'virtio-iommu': VIRTIO_IOMMU,
  'virtio-iommu-unsafe': {
    ...VIRTIO_IOMMU,
    title: 'virtio-iommu, and VFIO accepts that it remaps no interrupts',
    parameters: {
      'vfio_iommu_type1.allow_unsafe_interrupts': '1',
      'iommufd.allow_unsafe_interrupts': '1',
    },
  },
  none: { ...USUAL, title: 'no IOMMU', iommu: null, parameters: {} },
  noiommu: {
    ...USUAL,
    title: 'no IOMMU, and VFIO does without one',
    iommu: null,
    parameters: { 'vfio.enable_unsafe_noiommu_mode': '1' },
  },
  arm64: {
    ...USUAL,
    title: 'arm64 with SMMUv3 and a device tree',
    architecture: 'arm64',
    board: VIRT,
    // Linux 6.12's driver of the SMMU takes one function of a conventional bus alone.
    devices: [...DEVICES, ...IN_SLOT],
    iommu: null,
    // No driver knows how to reset the platform device that the device tree puts behind the IOMMU.
    parameters: { 'uio_pdrv_genirq.of_id': 'generic-uio', 'vfio_platform.reset_required': '0' },
  },
} as const satisfies Record<string, Machine>;

export type MachineName = keyof typeof MACHINES;

/** The IOMMU of the usual machine, which a test can leave out or change. */
export const IOMMU = USUAL.iommu;

/**
 * Network ports, for tests that ask for them (`qemuArgs`): 0000:00:0d.0 to 0000:00:10.0, a cable between the first two and
 * one between the others. The simulation has them too (`more: ['network']`).
 */
export const NETWORK: readonly string[] = ['0d', '0e', '0f', '10'].flatMap((slot, i) => [
  ...['-netdev', `hubport,id=net${i},hubid=${i < 2 ? 1 : 2}`],
  ...['-device', `e1000e,addr=${slot}.0,netdev=net${i},mac=52:54:00:12:34:${(0x56 + i).toString(16)}`],
]);

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}
