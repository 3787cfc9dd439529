import { hex } from '../text/hex';
import { sizeText } from '../text/size';
import type { DecodedIoctl, IoctlDecoder } from './ioctl-decoder';
import * as F from './iommufd';
import * as V from './vfio';

type Bits = readonly (readonly [bit: number, name: string])[];
/** One ioctl in words: its argument and its answer. */
type Shape = Omit<DecodedIoctl, 'name'>;
type Decode = (argument: Buffer) => Shape;

const REGION_FLAGS: Bits = [
  [V.VFIO_REGION_INFO_FLAG_READ, 'read'],
  [V.VFIO_REGION_INFO_FLAG_WRITE, 'write'],
  [V.VFIO_REGION_INFO_FLAG_MMAP, 'mmap'],
  [V.VFIO_REGION_INFO_FLAG_CAPS, 'caps'],
];
const IRQ_FLAGS: Bits = [
  [V.VFIO_IRQ_INFO_EVENTFD, 'eventfd'],
  [V.VFIO_IRQ_INFO_MASKABLE, 'maskable'],
  [V.VFIO_IRQ_INFO_AUTOMASKED, 'automasked'],
  [V.VFIO_IRQ_INFO_NORESIZE, 'noresize'],
];
const IRQ_SET_FLAGS: Bits = [
  [V.VFIO_IRQ_SET_DATA_NONE, 'none'],
  [V.VFIO_IRQ_SET_DATA_BOOL, 'bool'],
  [V.VFIO_IRQ_SET_DATA_EVENTFD, 'eventfd'],
  [V.VFIO_IRQ_SET_ACTION_MASK, 'mask'],
  [V.VFIO_IRQ_SET_ACTION_UNMASK, 'unmask'],
  [V.VFIO_IRQ_SET_ACTION_TRIGGER, 'trigger'],
];
const GROUP_FLAGS: Bits = [
  [V.VFIO_GROUP_FLAGS_VIABLE, 'viable'],
  [V.VFIO_GROUP_FLAGS_CONTAINER_SET, 'container_set'],
];
const DEVICE_FLAGS: Bits = Object.entries(V.VFIO_DEVICE_FLAGS).map(([name, bit]) => [bit, name]);
const DMA_FLAGS: Bits = [
  [V.VFIO_DMA_MAP_FLAG_READ, 'read'],
  [V.VFIO_DMA_MAP_FLAG_WRITE, 'write'],
];
const IOAS_FLAGS: Bits = [
  [F.IOMMU_IOAS_MAP_FIXED_IOVA, 'fixed'],
  [F.IOMMU_IOAS_MAP_WRITEABLE, 'write'],
  [F.IOMMU_IOAS_MAP_READABLE, 'read'],
];
const FEATURE_FLAGS: Bits = [
  [V.VFIO_DEVICE_FEATURE_GET, 'get'],
  [V.VFIO_DEVICE_FEATURE_SET, 'set'],
  [V.VFIO_DEVICE_FEATURE_PROBE, 'probe'],
];

const nothing: Decode = () => ({ in: '' });

/** On a group or a container; none of the numbers repeat there. */
const GROUP: Record<number, readonly [name: string, decode: Decode]> = {
  [V.VFIO_GROUP_GET_STATUS]: [
    'VFIO_GROUP_GET_STATUS',
    (b) => ({ in: '', out: () => `{flags: ${flags(b.readUInt32LE(V.groupStatus.flags), GROUP_FLAGS)}}` }),
  ],
  [V.VFIO_GROUP_SET_CONTAINER]: ['VFIO_GROUP_SET_CONTAINER', (b) => ({ in: `{container: ${b.readInt32LE(0)}}` })],
  [V.VFIO_GROUP_UNSET_CONTAINER]: ['VFIO_GROUP_UNSET_CONTAINER', nothing],
  [V.VFIO_GROUP_GET_DEVICE_FD]: [
    'VFIO_GROUP_GET_DEVICE_FD',
    (b) => ({ in: `"${b.toString('latin1').replace(/\0.*$/s, '')}"` }),
  ],
};

const CONTAINER: typeof GROUP = {
  [V.VFIO_IOMMU_GET_INFO]: [
    'VFIO_IOMMU_GET_INFO',
    (b) => ({
      in: '',
      out: () => `{argsz: ${b.readUInt32LE(0)}, page_sizes: ${hex(b.readBigUInt64LE(V.iommuInfo.pageSizes))}}`,
    }),
  ],
  [V.VFIO_IOMMU_MAP_DMA]: [
    'VFIO_IOMMU_MAP_DMA',
    (b) => ({
      in: fields({
        vaddr: hex(b.readBigUInt64LE(V.dmaMap.vaddr)),
        iova: hex(b.readBigUInt64LE(V.dmaMap.iova)),
        size: size(b.readBigUInt64LE(V.dmaMap.length)),
        flags: flags(b.readUInt32LE(V.dmaMap.flags), DMA_FLAGS),
      }),
    }),
  ],
  [V.VFIO_IOMMU_UNMAP_DMA]: [
    'VFIO_IOMMU_UNMAP_DMA',
    (b) => ({
      in:
        (b.readUInt32LE(V.dmaUnmap.flags) & V.VFIO_DMA_UNMAP_FLAG_ALL) !== 0
          ? '{all}'
          : fields({
              iova: hex(b.readBigUInt64LE(V.dmaUnmap.iova)),
              size: size(b.readBigUInt64LE(V.dmaUnmap.length)),
            }),
      out: () => `{size: ${size(b.readBigUInt64LE(V.dmaUnmap.length))}}`,
    }),
  ],
};

const DEVICE: typeof GROUP = {
  [V.VFIO_DEVICE_GET_INFO]: [
    'VFIO_DEVICE_GET_INFO',
    (b) => ({
      in: '',
      out: () =>
        fields({
          flags: flags(b.readUInt32LE(V.deviceInfo.flags), DEVICE_FLAGS),
          regions: String(b.readUInt32LE(V.deviceInfo.numRegions)),
          irqs: String(b.readUInt32LE(V.deviceInfo.numIrqs)),
        }),
    }),
  ],
  [V.VFIO_DEVICE_GET_REGION_INFO]: [
    'VFIO_DEVICE_GET_REGION_INFO',
    (b) => ({
      in: `{index: ${b.readUInt32LE(V.regionInfo.index)}}`,
      out: () =>
        fields({
          size: size(b.readBigUInt64LE(V.regionInfo.regionSize)),
          offset: hex(b.readBigUInt64LE(V.regionInfo.offset)),
          flags: flags(b.readUInt32LE(V.regionInfo.flags), REGION_FLAGS),
        }),
    }),
  ],
  [V.VFIO_DEVICE_GET_IRQ_INFO]: [
    'VFIO_DEVICE_GET_IRQ_INFO',
    (b) => ({
      in: `{index: ${irqName(b.readUInt32LE(V.irqInfo.index))}}`,
      out: () =>
        fields({
          count: String(b.readUInt32LE(V.irqInfo.count)),
          flags: flags(b.readUInt32LE(V.irqInfo.flags), IRQ_FLAGS),
        }),
    }),
  ],
  [V.VFIO_DEVICE_SET_IRQS]: [
    'VFIO_DEVICE_SET_IRQS',
    (b) => {
      const eventfds = (b.readUInt32LE(V.irqSet.flags) & V.VFIO_IRQ_SET_DATA_EVENTFD) !== 0;
      const count = Math.min(b.readUInt32LE(V.irqSet.count), (b.length - V.irqSet.data) / 4);
      const fds = Array.from({ length: eventfds ? count : 0 }, (_, i) => b.readInt32LE(V.irqSet.data + 4 * i));
      return {
        in: fields({
          index: irqName(b.readUInt32LE(V.irqSet.index)),
          flags: flags(b.readUInt32LE(V.irqSet.flags), IRQ_SET_FLAGS),
          start: String(b.readUInt32LE(V.irqSet.start)),
          count: String(b.readUInt32LE(V.irqSet.count)),
          ...(eventfds ? { eventfds: `[${fds.join(', ')}]` } : {}),
        }),
      };
    },
  ],
  [V.VFIO_DEVICE_GET_PCI_HOT_RESET_INFO]: [
    'VFIO_DEVICE_GET_PCI_HOT_RESET_INFO',
    (b) => ({ in: '', out: () => `{count: ${b.readUInt32LE(V.hotResetInfo.count)}}` }),
  ],
  [V.VFIO_DEVICE_FEATURE]: [
    'VFIO_DEVICE_FEATURE',
    (b) => {
      const word = b.readUInt32LE(V.deviceFeature.flags);
      const id = word & 0xffff;
      return { in: fields({ feature: V.VFIO_DEVICE_FEATURES[id] ?? String(id), flags: flags(word, FEATURE_FLAGS) }) };
    },
  ],
  [V.VFIO_DEVICE_BIND_IOMMUFD]: [
    'VFIO_DEVICE_BIND_IOMMUFD',
    (b) => ({
      in: fields({
        iommufd: String(b.readInt32LE(V.bindIommufd.iommufd)),
        ...(b.readUInt32LE(V.bindIommufd.flags) & V.VFIO_DEVICE_BIND_FLAG_TOKEN ? { flags: 'token' } : {}),
      }),
      out: () => `{devid: ${b.readUInt32LE(V.bindIommufd.devid)}}`,
    }),
  ],
  [V.VFIO_DEVICE_ATTACH_IOMMUFD_PT]: [
    'VFIO_DEVICE_ATTACH_IOMMUFD_PT',
    (b) => ({
      in: `{pt: ${b.readUInt32LE(V.attachIommufdPt.pt)}}`,
      out: () => `{pt: ${b.readUInt32LE(V.attachIommufdPt.pt)}}`,
    }),
  ],
  [V.VFIO_DEVICE_DETACH_IOMMUFD_PT]: ['VFIO_DEVICE_DETACH_IOMMUFD_PT', nothing],
};

const IOMMUFD: typeof GROUP = {
  [F.IOMMU_DESTROY]: ['IOMMU_DESTROY', (b) => ({ in: `{id: ${b.readUInt32LE(F.destroy.id)}}` })],
  [F.IOMMU_IOAS_ALLOC]: [
    'IOMMU_IOAS_ALLOC',
    (b) => ({ in: '', out: () => `{ioas: ${b.readUInt32LE(F.ioasAlloc.id)}}` }),
  ],
  [F.IOMMU_IOAS_IOVA_RANGES]: [
    'IOMMU_IOAS_IOVA_RANGES',
    (b) => ({
      in: `{ioas: ${b.readUInt32LE(F.iovaRanges.ioas)}}`,
      out: () =>
        fields({
          ranges: String(b.readUInt32LE(F.iovaRanges.count)),
          alignment: hex(b.readBigUInt64LE(F.iovaRanges.alignment)),
        }),
    }),
  ],
  [F.IOMMU_IOAS_MAP]: [
    'IOMMU_IOAS_MAP',
    (b) => ({
      in: fields({
        ioas: String(b.readUInt32LE(F.ioasMap.ioas)),
        vaddr: hex(b.readBigUInt64LE(F.ioasMap.vaddr)),
        iova: hex(b.readBigUInt64LE(F.ioasMap.iova)),
        size: size(b.readBigUInt64LE(F.ioasMap.length)),
        flags: flags(b.readUInt32LE(F.ioasMap.flags), IOAS_FLAGS),
      }),
    }),
  ],
  [F.IOMMU_IOAS_UNMAP]: [
    'IOMMU_IOAS_UNMAP',
    (b) => ({
      in: fields({
        ioas: String(b.readUInt32LE(F.ioasUnmap.ioas)),
        iova: hex(b.readBigUInt64LE(F.ioasUnmap.iova)),
        size: size(b.readBigUInt64LE(F.ioasUnmap.length)),
      }),
      out: () => `{size: ${size(b.readBigUInt64LE(F.ioasUnmap.length))}}`,
    }),
  ],
};

/** Ioctls whose argument is a value, or nothing. */
const VALUES: Record<number, string> = {
  [V.VFIO_GET_API_VERSION]: 'VFIO_GET_API_VERSION',
  [V.VFIO_CHECK_EXTENSION]: 'VFIO_CHECK_EXTENSION',
  [V.VFIO_SET_IOMMU]: 'VFIO_SET_IOMMU',
  [V.VFIO_DEVICE_RESET]: 'VFIO_DEVICE_RESET',
};
const TYPES: Record<number, string> = {
  [V.VFIO_TYPE1_IOMMU]: 'type1',
  [V.VFIO_TYPE1v2_IOMMU]: 'type1v2',
  [V.VFIO_NOIOMMU_IOMMU]: 'noiommu',
  [V.VFIO_UNMAP_ALL]: 'unmap_all',
};

/** Puts the ioctls of VFIO's nodes and of iommufd into words, by the labels that the trace gives them. */
export const decodeVfio: IoctlDecoder = (request, argument, label) => {
  const table = label.startsWith('vfio-device')
    ? DEVICE
    : label.startsWith('vfio-group')
      ? GROUP
      : label.startsWith('vfio-container')
        ? CONTAINER
        : label.startsWith('iommufd')
          ? IOMMUFD
          : null;
  if (table === null) return null;
  if (typeof argument === 'number') {
    const name = VALUES[request];
    if (name === undefined) return null;
    const takesType = request === V.VFIO_CHECK_EXTENSION || request === V.VFIO_SET_IOMMU;
    return { name, in: takesType ? (TYPES[argument] ?? String(argument)) : '' };
  }
  const known = table[request];
  if (known === undefined) return null;
  const [name, decode] = known;
  return { name, ...decode(argument) };
};

function fields(values: Readonly<Record<string, string>>): string {
  return `{${Object.entries(values)
    .map(([name, value]) => `${name}: ${value}`)
    .join(', ')}}`;
}

function flags(word: number, bits: Bits): string {
  const names = bits.filter(([bit]) => (word & bit) !== 0).map(([, name]) => name);
  return names.length === 0 ? '0' : names.join('|');
}

function irqName(index: number): string {
  return V.VFIO_PCI_IRQS[index] ?? String(index);
}

/** Returns a length as people speak of regions; one that is no length, but nonsense or all ones, as it is. */
function size(bytes: bigint): string {
  return bytes < 1n << 50n ? sizeText(bytes) : hex(bytes);
}
