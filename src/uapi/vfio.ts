/**
 * Numbers and layouts of <linux/vfio.h>, for the 64-bit architectures that share the asm-generic ioctl encoding
 * (x86-64, arm64, riscv64, loongarch64). Integers are in the CPU's byte order. A layout is a table of offsets in
 * bytes; `size` is what goes into `argsz`. test/unit/uapi-vfio.test.ts holds them against the header.
 *
 * Numbers repeat: 0x3b70 to 0x3b75 mean one thing on a device and another on a container.
 */

/** _IO(';', 100 + nr) */
const io = (nr: number) => 0x3b00 + 100 + nr;

// On a container (/dev/vfio/vfio)
export const VFIO_GET_API_VERSION = io(0);
/** The extension is passed by value. */
export const VFIO_CHECK_EXTENSION = io(1);
/** The type is passed by value. */
export const VFIO_SET_IOMMU = io(2);
export const VFIO_IOMMU_GET_INFO = io(12);
export const VFIO_IOMMU_MAP_DMA = io(13);
export const VFIO_IOMMU_UNMAP_DMA = io(14);

// On a group (/dev/vfio/N)
export const VFIO_GROUP_GET_STATUS = io(3);
/** The argument is a pointer to the container's descriptor, an s32. */
export const VFIO_GROUP_SET_CONTAINER = io(4);
export const VFIO_GROUP_UNSET_CONTAINER = io(5);
/** The argument is the device's name, NUL-terminated. Returns a descriptor. */
export const VFIO_GROUP_GET_DEVICE_FD = io(6);

// On a device
export const VFIO_DEVICE_GET_INFO = io(7);
export const VFIO_DEVICE_GET_REGION_INFO = io(8);
export const VFIO_DEVICE_GET_IRQ_INFO = io(9);
export const VFIO_DEVICE_SET_IRQS = io(10);
export const VFIO_DEVICE_RESET = io(11);
export const VFIO_DEVICE_GET_PCI_HOT_RESET_INFO = io(12);
export const VFIO_DEVICE_PCI_HOT_RESET = io(13);
export const VFIO_DEVICE_FEATURE = io(17);
/** On a cdev (/dev/vfio/devices/vfioN). */
export const VFIO_DEVICE_BIND_IOMMUFD = io(18);
export const VFIO_DEVICE_ATTACH_IOMMUFD_PT = io(19);
export const VFIO_DEVICE_DETACH_IOMMUFD_PT = io(20);

export const VFIO_API_VERSION = 0;

/** Extensions for VFIO_CHECK_EXTENSION; those that are a type are for VFIO_SET_IOMMU too. */
export const VFIO_TYPE1_IOMMU = 1;
export const VFIO_TYPE1v2_IOMMU = 3;
export const VFIO_NOIOMMU_IOMMU = 8;
export const VFIO_UNMAP_ALL = 9;

export const groupStatus = { size: 8, argsz: 0, flags: 4 } as const;
export const VFIO_GROUP_FLAGS_VIABLE = 1;
export const VFIO_GROUP_FLAGS_CONTAINER_SET = 2;

/** The head of each capability: id u16, version u16, next u32 (from the start of the struct; 0 ends the chain). */
export const capHeader = { size: 8, id: 0, version: 2, next: 4 } as const;

/** Kernels before 5.10 know 20 bytes of it. */
export const deviceInfo = { size: 24, argsz: 0, flags: 4, numRegions: 8, numIrqs: 12, capOffset: 16 } as const;
export const VFIO_DEVICE_FLAGS = {
  reset: 1 << 0,
  pci: 1 << 1,
  platform: 1 << 2,
  amba: 1 << 3,
  ccw: 1 << 4,
  ap: 1 << 5,
  fslMc: 1 << 6,
  caps: 1 << 7,
  cdx: 1 << 8,
} as const;

/** regionSize and offset are u64. */
export const regionInfo = {
  size: 32,
  argsz: 0,
  flags: 4,
  index: 8,
  capOffset: 12,
  regionSize: 16,
  offset: 24,
} as const;
export const VFIO_REGION_INFO_FLAG_READ = 1;
export const VFIO_REGION_INFO_FLAG_WRITE = 2;
export const VFIO_REGION_INFO_FLAG_MMAP = 4;
export const VFIO_REGION_INFO_FLAG_CAPS = 8;
export const VFIO_REGION_INFO_CAP_SPARSE_MMAP = 1;
export const VFIO_REGION_INFO_CAP_TYPE = 2;
export const VFIO_REGION_INFO_CAP_MSIX_MAPPABLE = 3;
/** After it `count` areas of 16 bytes: offset u64, size u64, from the start of the region. */
export const sparseMmapCap = { size: 16, count: 8, areas: 16, areaSize: 16 } as const;
export const typeCap = { size: 16, type: 8, subtype: 12 } as const;

/** Indices of a PCI device's regions; from 9 on they are the device's own. */
export const VFIO_PCI_BAR0_REGION_INDEX = 0;
export const VFIO_PCI_ROM_REGION_INDEX = 6;
export const VFIO_PCI_CONFIG_REGION_INDEX = 7;
export const VFIO_PCI_VGA_REGION_INDEX = 8;
export const VFIO_PCI_NUM_REGIONS = 9;

export const irqInfo = { size: 16, argsz: 0, flags: 4, index: 8, count: 12 } as const;
export const VFIO_IRQ_INFO_EVENTFD = 1;
export const VFIO_IRQ_INFO_MASKABLE = 2;
export const VFIO_IRQ_INFO_AUTOMASKED = 4;
export const VFIO_IRQ_INFO_NORESIZE = 8;

/**
 * Names of a PCI device's interrupts by index. `err` tells of errors of PCI Express; newer kernels count one on
 * conventional functions too.
 */
export const VFIO_PCI_IRQS = ['intx', 'msi', 'msix', 'err', 'req'] as const;

/** `data` follows: nothing, a byte each, or a descriptor (s32, -1 takes it away) each. */
export const irqSet = { size: 20, argsz: 0, flags: 4, index: 8, start: 12, count: 16, data: 20 } as const;
export const VFIO_IRQ_SET_DATA_NONE = 1;
export const VFIO_IRQ_SET_DATA_BOOL = 2;
export const VFIO_IRQ_SET_DATA_EVENTFD = 4;
export const VFIO_IRQ_SET_ACTION_MASK = 8;
export const VFIO_IRQ_SET_ACTION_UNMASK = 16;
export const VFIO_IRQ_SET_ACTION_TRIGGER = 32;

/** pageSizes is u64, a bit for each size. */
export const iommuInfo = { size: 24, argsz: 0, flags: 4, pageSizes: 8, capOffset: 16 } as const;
export const VFIO_IOMMU_INFO_PGSIZES = 1;
export const VFIO_IOMMU_INFO_CAPS = 2;
export const VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE = 1;
export const VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION = 2;
export const VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL = 3;
/** After it `count` ranges of 16 bytes: first u64, last u64, inclusive. */
export const iovaRangeCap = { size: 16, count: 8, ranges: 16, rangeSize: 16 } as const;
export const dmaAvailCap = { size: 12, available: 8 } as const;
export const migrationCap = { size: 32, flags: 8, pageSizes: 16, maxBitmapSize: 24 } as const;

/** READ and WRITE are the device's. vaddr, iova and length are u64. */
export const dmaMap = { size: 32, argsz: 0, flags: 4, vaddr: 8, iova: 16, length: 24 } as const;
export const VFIO_DMA_MAP_FLAG_READ = 1;
export const VFIO_DMA_MAP_FLAG_WRITE = 2;
/** length comes back as the bytes that were unmapped. */
export const dmaUnmap = { size: 24, argsz: 0, flags: 4, iova: 8, length: 16 } as const;
/** Unmaps all; iova and length are 0. */
export const VFIO_DMA_UNMAP_FLAG_ALL = 2;

/** After it `count` entries of 8 bytes: group or device id u32, segment u16, bus u8, devfn u8. */
export const hotResetInfo = { size: 12, argsz: 0, flags: 4, count: 8, devices: 12, deviceSize: 8 } as const;
export const hotResetDevice = { id: 0, segment: 4, bus: 6, devfn: 7 } as const;
export const VFIO_PCI_HOT_RESET_FLAG_DEV_ID = 1;
export const VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED = 2;
/** After it `count` descriptors of groups, s32 each; none for a cdev. */
export const hotReset = { size: 12, argsz: 0, flags: 4, count: 8, groupFds: 12 } as const;

/** Bits 0 to 15 of flags are the feature. */
export const deviceFeature = { size: 8, argsz: 0, flags: 4, data: 8 } as const;
export const VFIO_DEVICE_FEATURE_GET = 0x10000;
export const VFIO_DEVICE_FEATURE_SET = 0x20000;
export const VFIO_DEVICE_FEATURE_PROBE = 0x40000;
/** Names of the features by index, up to VFIO_DEVICE_FEATURE_ZPCI_ERROR of Linux 7.3. */
export const VFIO_DEVICE_FEATURES = [
  'pci-vf-token',
  'migration',
  'mig-device-state',
  'low-power-entry',
  'low-power-entry-with-wakeup',
  'low-power-exit',
  'dma-logging-start',
  'dma-logging-stop',
  'dma-logging-report',
  'mig-data-size',
  'bus-master',
  'dma-buf',
  'mig-precopy-info-v2',
  'zpci-error',
] as const;

/** iommufd is s32; devid comes back. Kernels before 6.17 know 16 bytes of it, and no flag. */
export const bindIommufd = { size: 16, argsz: 0, flags: 4, iommufd: 8, devid: 12 } as const;
/** The whole of it since 6.17: tokenPtr is the address of the 16 bytes of a UUID, in the order in which it is written. */
export const bindIommufdToken = { size: 24, tokenPtr: 16 } as const;
export const VFIO_DEVICE_BIND_FLAG_TOKEN = 1;
/** The index of `pci-vf-token`, whose data are the 16 bytes of a UUID. */
export const VFIO_DEVICE_FEATURE_PCI_VF_TOKEN = 0;
/** pt is the id of an IOAS or page table; that of the page table comes back. */
export const attachIommufdPt = { size: 12, argsz: 0, flags: 4, pt: 8 } as const;
export const detachIommufdPt = { size: 8, argsz: 0, flags: 4 } as const;
