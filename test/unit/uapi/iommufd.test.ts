import * as F from '../../../src/uapi/iommufd';
import { cValues, type Expected, layoutOf } from '../../support/c-header';
import { describeWithHeader } from '../../support/requires';

/** Our tables, and the structures they describe: each field by its C name. All begin with their size. */
const STRUCTS: readonly [table: Record<string, number>, struct: string, fields: Record<string, string>][] = [
  [F.destroy, 'struct iommu_destroy', { id: 'id' }],
  [F.ioasAlloc, 'struct iommu_ioas_alloc', { flags: 'flags', id: 'out_ioas_id' }],
  [
    F.iovaRanges,
    'struct iommu_ioas_iova_ranges',
    { ioas: 'ioas_id', count: 'num_iovas', pointer: 'allowed_iovas', alignment: 'out_iova_alignment' },
  ],
  [
    F.ioasMap,
    'struct iommu_ioas_map',
    { flags: 'flags', ioas: 'ioas_id', vaddr: 'user_va', length: 'length', iova: 'iova' },
  ],
  [F.ioasUnmap, 'struct iommu_ioas_unmap', { ioas: 'ioas_id', iova: 'iova', length: 'length' }],
  [
    F.option,
    'struct iommu_option',
    { option: 'option_id', op: 'op', reserved: '__reserved', object: 'object_id', value: 'val64' },
  ],
  [
    F.hwInfo,
    'struct iommu_hw_info',
    {
      flags: 'flags',
      device: 'dev_id',
      dataLength: 'data_len',
      data: 'data_uptr',
      type: 'out_data_type',
      capabilities: 'out_capabilities',
    },
  ],
  [
    F.hwInfoVtd,
    'struct iommu_hw_info_vtd',
    { flags: 'flags', capabilities: 'cap_reg', extendedCapabilities: 'ecap_reg' },
  ],
];

const EXPECTED: Expected[] = [
  ...Object.entries(F)
    .filter((entry): entry is [string, number] => typeof entry[1] === 'number')
    .map(([name, value]): [string, number, string] => [name, value, name]),
  ...STRUCTS.flatMap(layoutOf),
  ['an IOVA range', F.iovaRanges.rangeSize, 'sizeof(struct iommu_iova_range)'],
];

describeWithHeader('linux/iommufd.h', '<linux/iommufd.h>', () => {
  let values: number[];
  beforeAll(() => {
    values = cValues(
      ['sys/ioctl.h', 'linux/iommufd.h'],
      EXPECTED.map(([, , c]) => c),
    );
  });

  test.each(EXPECTED.map(([name, ours], i) => ({ name, ours, i })))('$name', ({ ours, i }) => {
    expect(ours).toBe(values[i]);
  });
});

test('the tables say all there is to say', () => {
  expect(EXPECTED.length).toBeGreaterThan(40);
  for (const [table, , fields] of STRUCTS)
    expect(Object.keys(table).filter((name) => name !== 'size' && name !== 'rangeSize')).toEqual(Object.keys(fields));
});
