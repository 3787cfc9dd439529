import type { Sriov } from '../model/device';
import type { AttributeReader } from '../sys/readers/attributes';
import { pciPath } from './paths';

/** VF numbers have 16 bits; that many links would take a minute to read. */
const MAX_VFS = 4096;

/** Reads sysfs alone. @returns null for a function that is neither */
export function readSriov(reader: AttributeReader, address: string): Sriov | null {
  const physicalFunction = reader.linkName(pciPath(address, 'physfn'));
  const totalVfs = reader.number(pciPath(address, 'sriov_totalvfs'));
  if (physicalFunction === null && totalVfs === null) return null;
  const count = Math.min(reader.number(pciPath(address, 'sriov_numvfs')) ?? 0, MAX_VFS);
  const links = Array.from({ length: count }, (_, i) => reader.linkName(pciPath(address, `virtfn${i}`)));
  return { physicalFunction, totalVfs, virtualFunctions: links.filter((name) => name !== null) };
}
