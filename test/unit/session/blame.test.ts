import { blame, type Suspect } from '../../../src/session/blame';

const A: Suspect = { name: 'A', iova: 0x100000n, length: 0x1000, access: { read: true, write: false } };
const B: Suspect = { name: 'B', iova: 0x200000n, length: 0x2000, access: null };
const FREED: Suspect = { name: 'OLD', iova: 0x300000n, length: 0x1000, access: null, isFreed: true };

const where = (address: bigint, access: 'read' | 'write' | null, suspects: readonly Suspect[]) => {
  const {
    buffer,
    offset,
    where: text,
  } = blame({ iommu: 'intel', device: null, address, access, reason: '' }, suspects);
  return [buffer, offset, text];
};

test.each([
  [0x200010n, 'write', 'B', 0x10n, 'in B at 0x10, which is not mapped'],
  [0x100fffn, 'write', 'A', 0xfffn, 'in A at 0xfff, which is mapped for reads only'],
  [0x100000n, 'read', 'A', 0n, 'in A at 0x0, which is mapped now'],
  [0x101000n, 'read', 'A', 0x1000n, 'right behind the end of A'],
  [0x101001n, 'read', 'A', 0x1001n, '0x1 byte behind the end of A'],
  [0xfff00n, 'read', 'A', -0x100n, '0x100 bytes before the beginning of A'],
  [0x300004n, 'write', 'OLD', 4n, 'in OLD at 0x4, which was freed'],
  [0x1ff000n, 'read', 'B', -0x1000n, '0x1000 bytes before the beginning of B'],
] as const)('%p, a %s', (address, access, buffer, offset, text) => {
  expect(where(address, access, [A, B, FREED])).toEqual([buffer, offset, text]);
});

test('without a buffer there is nothing to blame', () => {
  expect(where(0n, null, [])).toEqual([null, null, 'the session has no buffer']);
});
