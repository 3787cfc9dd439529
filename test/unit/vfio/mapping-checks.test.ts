import { simulatedMachine } from '../../../src/sim';
import type { Iommu } from '../../../src/vfio/dma/iommu';
import { mappingChecks } from '../../../src/vfio/dma-test/generic';

// IOVAs of AMD-Vi and virtio-iommu reach the end of the 64-bit space, which no IOMMU of the simulation or the lab does.

const PAGE = 0x1000n;
const LAST_PAGE = 2n ** 64n - PAGE;

/** An address space without end. @param loses the mapping of its last page is never found again, as by type1 before 6.18 */
function endless(kind: Iommu['kind'], loses: boolean) {
  const mapped = new Map<bigint, bigint>();
  const iommu: Iommu = {
    kind,
    info: () => ({ pageSizes: [PAGE], ranges: [{ start: 0n, end: 2n ** 64n - 1n }], dmaAvail: null }),
    objects: () => [],
    map: (iova, _memory, length) => void mapped.set(iova, BigInt(length)),
    mapping: () => {
      throw new Error('not prepared here');
    },
    unmap(iova) {
      if (loses && iova === LAST_PAGE) return 0;
      const length = mapped.get(iova) ?? 0n;
      mapped.delete(iova);
      return Number(length);
    },
    unmapAll: () => mapped.clear(),
  };
  return { iommu, mapped };
}

async function rangeEdges({ iommu, mapped }: ReturnType<typeof endless>) {
  const used: bigint[] = [];
  const watched: Iommu = {
    ...iommu,
    map: (iova, ...rest) => {
      used.push(iova);
      iommu.map(iova, ...rest);
    },
    unmapAll: () => expect([...mapped.keys()]).toEqual([]),
  };
  const check = mappingChecks(simulatedMachine().sys, watched).find(({ name }) => name === 'range-edges');
  return { finding: await check?.run(new AbortController().signal), used };
}

test('type1: the last page of the 64-bit space is left out, as older kernels do not unmap it', async () => {
  const { finding, used } = await rangeEdges(endless('type1', true));
  expect(finding).toEqual({
    verdict: 'pass',
    detail:
      '0x0; 0xffffffffffffe000; 0xfffffffffffff000 left out: type1 before Linux 6.18 cannot unmap the last page of the 64-bit space',
  });
  expect(used).toEqual([0n, LAST_PAGE - PAGE]);
});

test('iommufd: it is a page like any other', async () => {
  const { finding, used } = await rangeEdges(endless('iommufd', false));
  expect(finding).toEqual({ verdict: 'pass', detail: '0x0; 0xfffffffffffff000' });
  expect(used).toEqual([0n, LAST_PAGE]);
});
