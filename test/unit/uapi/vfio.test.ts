import fc from 'fast-check';
import { capabilities, pairs } from '../../../src/uapi/capability-chain';
import * as V from '../../../src/uapi/vfio';
import { cValues, type Expected } from '../../support/c-header';
import { describeWith } from '../../support/requires';

/** Our tables, and the structures they describe: each field by its C name, `size` by sizeof unless the end is open. */
const STRUCTS: readonly [table: Record<string, number>, struct: string, fields: Record<string, string>][] = [
  [V.groupStatus, 'struct vfio_group_status', { argsz: 'argsz', flags: 'flags' }],
  [V.capHeader, 'struct vfio_info_cap_header', { id: 'id', version: 'version', next: 'next' }],
  [
    V.deviceInfo,
    'struct vfio_device_info',
    { argsz: 'argsz', flags: 'flags', numRegions: 'num_regions', numIrqs: 'num_irqs', capOffset: 'cap_offset' },
  ],
  [
    V.regionInfo,
    'struct vfio_region_info',
    {
      argsz: 'argsz',
      flags: 'flags',
      index: 'index',
      capOffset: 'cap_offset',
      regionSize: 'size',
      offset: 'offset',
    },
  ],
  [V.sparseMmapCap, 'struct vfio_region_info_cap_sparse_mmap', { count: 'nr_areas', areas: 'areas' }],
  [V.typeCap, 'struct vfio_region_info_cap_type', { type: 'type', subtype: 'subtype' }],
  [V.irqInfo, 'struct vfio_irq_info', { argsz: 'argsz', flags: 'flags', index: 'index', count: 'count' }],
  [
    V.irqSet,
    'struct vfio_irq_set',
    { argsz: 'argsz', flags: 'flags', index: 'index', start: 'start', count: 'count', data: 'data' },
  ],
  [
    V.iommuInfo,
    'struct vfio_iommu_type1_info',
    { argsz: 'argsz', flags: 'flags', pageSizes: 'iova_pgsizes', capOffset: 'cap_offset' },
  ],
  [V.iovaRangeCap, 'struct vfio_iommu_type1_info_cap_iova_range', { count: 'nr_iovas', ranges: 'iova_ranges' }],
  [V.dmaAvailCap, 'struct vfio_iommu_type1_info_dma_avail', { available: 'avail' }],
  [
    V.migrationCap,
    'struct vfio_iommu_type1_info_cap_migration',
    { flags: 'flags', pageSizes: 'pgsize_bitmap', maxBitmapSize: 'max_dirty_bitmap_size' },
  ],
  [
    V.dmaMap,
    'struct vfio_iommu_type1_dma_map',
    { argsz: 'argsz', flags: 'flags', vaddr: 'vaddr', iova: 'iova', length: 'size' },
  ],
  [V.dmaUnmap, 'struct vfio_iommu_type1_dma_unmap', { argsz: 'argsz', flags: 'flags', iova: 'iova', length: 'size' }],
  [
    V.hotResetInfo,
    'struct vfio_pci_hot_reset_info',
    { argsz: 'argsz', flags: 'flags', count: 'count', devices: 'devices' },
  ],
  [
    V.hotResetDevice,
    'struct vfio_pci_dependent_device',
    { id: 'group_id', segment: 'segment', bus: 'bus', devfn: 'devfn' },
  ],
  [V.hotReset, 'struct vfio_pci_hot_reset', { argsz: 'argsz', flags: 'flags', count: 'count', groupFds: 'group_fds' }],
  [V.deviceFeature, 'struct vfio_device_feature', { argsz: 'argsz', flags: 'flags', data: 'data' }],
];

/** Newer than Debian 12's header, or not numbers of its own. */
const NOT_THERE =
  /^(VFIO_DEVICE_(BIND_IOMMUFD|BIND_FLAG_TOKEN|ATTACH_IOMMUFD_PT|DETACH_IOMMUFD_PT)|VFIO_PCI_HOT_RESET_FLAG_DEV_ID(_OWNED)?)$/;
const NAMED = Object.entries(V).filter(
  (entry): entry is [string, number] => typeof entry[1] === 'number' && !NOT_THERE.test(entry[0]),
);

/** Headers before 6.8 do not spell the padding at the end of this one, which 64-bit kernels take all the same. */
const sizeOf = (struct: string) =>
  struct === 'struct vfio_device_info' ? `(sizeof(${struct}) + 7) / 8 * 8` : `sizeof(${struct})`;

const EXPECTED: Expected[] = [
  ...NAMED.map(([name, value]): [string, number, string] => [name, value, name]),
  ...STRUCTS.flatMap(([table, struct, fields]) => [
    ...('size' in table ? [[`${struct} size`, table['size'], sizeOf(struct)] as Expected] : []),
    ...Object.entries(fields).map(
      ([ours, theirs]): Expected => [`${struct} ${theirs}`, table[ours], `offsetof(${struct}, ${theirs})`],
    ),
  ]),
  ['a sparse area', V.sparseMmapCap.areaSize, 'sizeof(struct vfio_region_sparse_mmap_area)'],
  ['an IOVA range', V.iovaRangeCap.rangeSize, 'sizeof(struct vfio_iova_range)'],
  ['a dependent device', V.hotResetInfo.deviceSize, 'sizeof(struct vfio_pci_dependent_device)'],
  ...Object.entries({
    reset: 'RESET',
    pci: 'PCI',
    platform: 'PLATFORM',
    amba: 'AMBA',
    ccw: 'CCW',
    ap: 'AP',
    fslMc: 'FSL_MC',
    caps: 'CAPS',
  } as const).map(([ours, theirs]): [string, number, string] => [
    `flag ${ours}`,
    V.VFIO_DEVICE_FLAGS[ours as 'reset'],
    `VFIO_DEVICE_FLAGS_${theirs}`,
  ]),
  ...V.VFIO_PCI_IRQS.map((name, index): [string, number, string] => [
    `interrupt ${name}`,
    index,
    `VFIO_PCI_${name.toUpperCase()}_IRQ_INDEX`,
  ]),
];

describeWith('gcc', '<linux/vfio.h>', () => {
  let values: number[];
  beforeAll(() => {
    values = cValues(
      ['sys/ioctl.h', 'linux/vfio.h'],
      EXPECTED.map(([, , c]) => c),
    );
  });

  test.each(EXPECTED.map(([name, ours], i) => ({ name, ours, i })))('$name', ({ ours, i }) => {
    expect(ours).toBe(values[i]);
  });
});

test('the tables say all there is to say', () => {
  expect(NAMED.length).toBeGreaterThan(50);
  const extra = new Set(['size', 'areaSize', 'rangeSize', 'deviceSize']);
  for (const [table, , fields] of STRUCTS)
    expect(Object.keys(fields)).toEqual(Object.keys(table).filter((name) => !extra.has(name)));
});

describe('capability chains', () => {
  const link = (struct: Buffer, at: number, id: number, next: number) => {
    struct.writeUInt16LE(id, at);
    struct.writeUInt16LE(1, at + 2);
    struct.writeUInt32LE(next, at + 4);
  };

  test('are walked in their order, wherever they lie', () => {
    const struct = Buffer.alloc(64);
    link(struct, 40, 7, 24);
    link(struct, 24, 8, 0);
    expect([...capabilities(struct, 40)].map(({ id }) => id)).toEqual([7, 8]);
    expect([...capabilities(struct, 0)]).toEqual([]);
  });

  test('that loop or lead outside end there', () => {
    const struct = Buffer.alloc(64);
    link(struct, 24, 1, 32);
    link(struct, 32, 2, 24);
    expect([...capabilities(struct, 24)].map(({ id }) => id)).toEqual([1, 2]);
    link(struct, 32, 2, 57);
    expect([...capabilities(struct, 24)].map(({ id }) => id)).toEqual([1, 2]);
    link(struct, 32, 2, 0xffffffff);
    expect([...capabilities(struct, 24)].map(({ id }) => id)).toEqual([1, 2]);
  });

  test('of any bytes end, and give no more pairs than there are bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 24, maxLength: 400 }), fc.nat(500), (bytes, first) => {
        const struct = Buffer.from(bytes);
        const found = [...capabilities(struct, first)];
        expect(found.length).toBeLessThanOrEqual(struct.length);
        for (const capability of found)
          expect(pairs(capability, 8, 16).length * 16).toBeLessThanOrEqual(Math.max(0, struct.length - 16));
      }),
    );
  });
});
