import { hex } from '../text/hex';
import type { DmaFault } from '../vfio/dma/faults';
import type { DmaAccess } from '../vfio/dma/iommu';
import type { BlamedFault } from './result';

/** A buffer that a device may have meant. */
export interface Suspect {
  name: string;
  iova: bigint;
  length: number;
  /** Access that the device has now; null: not mapped. */
  access: DmaAccess | null;
  isFreed?: boolean;
}

/** Finds the buffer that a fault's address belongs to, or missed by the fewest bytes. */
export function blame(fault: DmaFault, suspects: readonly Suspect[]): BlamedFault {
  let nearest: { suspect: Suspect; distance: bigint } | undefined;
  for (const suspect of suspects) {
    const distance = distanceTo(fault.address, suspect);
    if (nearest === undefined || distance < nearest.distance) nearest = { suspect, distance };
  }
  if (nearest === undefined) return { ...fault, buffer: null, offset: null, where: 'the session has no buffer' };
  const { suspect, distance } = nearest;
  const { name, iova } = suspect;
  return { ...fault, buffer: name, offset: fault.address - iova, where: describe(fault, suspect, distance) };
}

function distanceTo(address: bigint, { iova, length }: Suspect): bigint {
  const end = iova + BigInt(length);
  if (address < iova) return iova - address;
  return address < end ? 0n : address - end + 1n;
}

function describe(fault: DmaFault, { name, iova, length, access, isFreed }: Suspect, distance: bigint): string {
  if (fault.address < iova) return `${bytes(distance)} before the beginning of ${name}`;
  const behind = fault.address - iova - BigInt(length);
  if (distance > 0n)
    return behind === 0n ? `right behind the end of ${name}` : `${bytes(behind)} behind the end of ${name}`;
  const place = `in ${name} at ${hex(fault.address - iova)}`;
  if (isFreed) return `${place}, which was freed`;
  if (access === null) return `${place}, which is not mapped`;
  if (fault.access !== null && !access[fault.access])
    return `${place}, which is mapped for ${access.read ? 'reads' : 'writes'} only`;
  return `${place}, which is mapped now`;
}

const bytes = (count: bigint) => `${hex(count)} byte${count === 1n ? '' : 's'}`;
