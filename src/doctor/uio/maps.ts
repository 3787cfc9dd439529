import { UIO_CLASS } from '../../uio/inspect';
import { whyNotMappable } from '../../uio/mappable';
import type { Check, Finding, UioSubject } from '../check';
import type { Evidence } from '../evidence';

/** AT_PAGESZ of <elf.h>. */
const AT_PAGESZ = 6n;
const USUAL_PAGE = 4096;

/** Maps that the kernel maps not at all, for their place or size. */
export const maps: Check<UioSubject> = {
  ids: ['map-not-mappable'],
  about: 'maps',
  *run({ tree, device }) {
    const page = pageSize(tree);
    const regions = device.uio.regions.filter(({ name }) => /^map\d$/.test(name));
    for (const region of regions) {
      const { isCertain, message, hint } = whyNotMappable(region, page);
      if (!isCertain) continue;
      const dir = `${UIO_CLASS}/${device.address}/maps/${region.name}`;
      yield {
        id: 'map-not-mappable',
        severity: regions.length === 1 ? 'blocks' : 'limits',
        seen: ['addr', 'size'].map((name) => ({ path: `${dir}/${name}`, value: tree.text(`${dir}/${name}`) ?? '' })),
        means: `${region.name} cannot be mapped: ${message}.`,
        prevents: `access to the registers of ${region.name}`,
        mend: hint === undefined ? [] : [{ kind: 'firmware', text: hint }],
        proof: `udrv uio dump ${device.address} ${region.name}`,
      } satisfies Finding;
    }
  },
};

/** Reads the size of a page from the auxiliary vector (getauxval(3)), pairs of 64 bits on 64-bit machines. */
function pageSize(tree: Evidence): number {
  const vector = tree.bytes('/proc/self/auxv') ?? Buffer.alloc(0);
  for (let at = 0; at + 16 <= vector.length; at += 16)
    if (vector.readBigUInt64LE(at) === AT_PAGESZ) return Number(vector.readBigUInt64LE(at + 8));
  return USUAL_PAGE;
}
