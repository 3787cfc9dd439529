import fc from 'fast-check';
import { type DmaFault, faultIsOf, parseFaults } from '../../../src/vfio/dma/faults';

test.each<[string, string, DmaFault]>([
  [
    'Intel',
    'DMAR: [DMA Write NO_PASID] Request device [00:03.0] fault addr 0x800000 [fault reason 0x05] PTE Write access is not set',
    {
      iommu: 'intel',
      device: '00:03.0',
      address: 0x800000n,
      access: 'write',
      reason: 'reason 0x05, PTE Write access is not set',
    },
  ],
  [
    'Intel before 5.14',
    'DMAR: [DMA Read] Request device [00:02.0] PASID ffffffff fault addr 9c000000 [fault reason 06] PTE Read access is not set',
    {
      iommu: 'intel',
      device: '00:02.0',
      address: 0x9c000000n,
      access: 'read',
      reason: 'reason 0x06, PTE Read access is not set',
    },
  ],
  [
    'Intel of long ago',
    'DMAR:[DMA Write] Request device [00:12.0] fault addr 0 [fault reason 05] PTE Write access is not set',
    {
      iommu: 'intel',
      device: '00:12.0',
      address: 0n,
      access: 'write',
      reason: 'reason 0x05, PTE Write access is not set',
    },
  ],
  [
    'Intel 5.14, 0x in the device, domain not told',
    'DMAR: [DMA Read NO_PASID] Request device [0x00:0x02.0] fault addr 0x70ad5000 [fault reason 0x07] Next page table ptr is invalid',
    {
      iommu: 'intel',
      device: '00:02.0',
      address: 0x70ad5000n,
      access: 'read',
      reason: 'reason 0x07, Next page table ptr is invalid',
    },
  ],
  [
    'Intel with a PASID',
    'DMAR: [DMA Write PASID 0x1] Request device [20:00.0] fault addr 0x1234600000 [fault reason 0x71] SM: Present bit in first-level paging entry is clear',
    {
      iommu: 'intel',
      device: '20:00.0',
      address: 0x1234600000n,
      access: 'write',
      reason: 'reason 0x71, SM: Present bit in first-level paging entry is clear',
    },
  ],
  [
    'AMD, a device that is known',
    'vfio-pci 0000:03:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0023 address=0x10b4a0100 flags=0x0020]',
    {
      iommu: 'amd',
      device: '0000:03:00.0',
      address: 0x10b4a0100n,
      access: 'write',
      reason: 'IO_PAGE_FAULT, no mapping (flags 0x0020)',
    },
  ],
  [
    'AMD, a device that is not',
    'AMD-Vi: Event logged [IO_PAGE_FAULT device=0a:00.0 domain=0x001d address=0x000000000637c000 flags=0x0010]',
    {
      iommu: 'amd',
      device: '0a:00.0',
      address: 0x637c000n,
      access: 'read',
      reason: 'IO_PAGE_FAULT, no right (flags 0x0010)',
    },
  ],
  [
    'virtio-iommu',
    'virtio_iommu virtio3: page fault from EP 40 at 0x101000 [R]',
    { iommu: 'virtio', device: null, address: 0x101000n, access: 'read', reason: 'page fault from endpoint 40' },
  ],
  [
    'virtio-iommu, a write without a domain',
    'virtio_iommu virtio3: domain fault from EP 40 at 0xfffff000 [RW]',
    { iommu: 'virtio', device: null, address: 0xfffff000n, access: 'write', reason: 'domain fault from endpoint 40' },
  ],
])('%s', (_, line, fault) => {
  expect(parseFaults([line])).toEqual([fault]);
});

const SMMU_WORDS = [
  'arm-smmu-v3 9050000.smmuv3: event 0x10 received:',
  'arm-smmu-v3 9050000.smmuv3: \t0x0000010000000010',
  'arm-smmu-v3 9050000.smmuv3: \t0x0000020000000000',
  'arm-smmu-v3 9050000.smmuv3: \t0x000000090000f040',
  'arm-smmu-v3 9050000.smmuv3: \t0x0000000000000000',
];

test('SMMUv3: an event in words', () => {
  expect(parseFaults(SMMU_WORDS)).toEqual([
    { iommu: 'smmuv3', device: '01:00.0', address: 0x90000f040n, access: 'write', reason: 'F_TRANSLATION' },
  ]);
});

test('SMMUv3 since 6.14: the same event twice is one', () => {
  const named = [
    'arm-smmu-v3 9050000.smmuv3: event: F_TRANSLATION client: 0002:01:00.0 sid: 0x100 ssid: 0x0 iova: 0x90000f040 ipa: 0x0',
    'arm-smmu-v3 9050000.smmuv3: unpriv data write s1 "Input address caused fault" stag: 0x0',
  ];
  expect(parseFaults([...SMMU_WORDS, ...named])).toEqual([
    { iommu: 'smmuv3', device: '0002:01:00.0', address: 0x90000f040n, access: 'write', reason: 'F_TRANSLATION' },
  ]);
});

test('SMMUv3: an event that is cut off, or of another kind, is none', () => {
  expect(parseFaults(SMMU_WORDS.slice(0, 3))).toEqual([]);
  expect(parseFaults(['arm-smmu-v3 9050000.smmuv3: event 0x0a received:', ...SMMU_WORDS.slice(1)])).toEqual([]);
});

test.each([
  'DMAR: DRHD: handling fault status reg 2',
  'DMAR: [INTR-REMAP] Request device [00:03.0] fault index 0x12 [fault reason 0x26] Blocked',
  'New fault is not recorded due to compression',
  '',
])('%j is no fault', (line) => {
  expect(parseFaults([line])).toEqual([]);
});

test('whose fault, and where', () => {
  const [fault] = parseFaults([
    'DMAR: [DMA Write NO_PASID] Request device [00:03.0] fault addr 0x800800 [fault reason 0x05] PTE',
  ]);
  if (fault === undefined) throw new Error('not parsed');
  expect(faultIsOf(fault, '0000:00:03.0', 0x800000n, 4096)).toBe(true);
  expect(faultIsOf(fault, '0000:00:03.0', 0x801000n, 4096)).toBe(false);
  expect(faultIsOf(fault, '0000:00:03.0', 0x800000n, 0x800)).toBe(false);
  expect(faultIsOf(fault, '0000:10:03.0', 0x800000n, 4096)).toBe(false);
  expect(faultIsOf({ ...fault, device: '0001:00:03.0' }, '0000:00:03.0', 0x800000n, 4096)).toBe(false);
});

test('property: any lines at all are taken', () => {
  const piece = fc.constantFrom(
    'DMAR: [DMA Write',
    'fault addr 0x',
    'AMD-Vi: Event logged [IO_PAGE_FAULT ',
    ...SMMU_WORDS,
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string()), { maxLength: 40 }), (lines) => {
      for (const { address } of parseFaults(lines)) expect(address).toBeGreaterThanOrEqual(0n);
    }),
  );
});
