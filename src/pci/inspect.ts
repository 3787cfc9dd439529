import type { PciAttributes } from '../model/device';
import type { AttributeReader } from '../sys/readers/attributes';
import { pciClassName } from './class-names';
import { pciPath } from './paths';
import { parsePciResources } from './resources';

/**
 * Reads the facts of PCI itself about a function, whichever framework it is shown under. The kernel remembers them all:
 * reading them wakes no device, as reading `config` may.
 *
 * @param address as the kernel names it
 */
export function inspectPciInfo(reader: AttributeReader, address: string): PciAttributes {
  const dir = pciPath(address);
  const classCode = reader.hex(`${dir}/class`, 6);
  const driverOverride = reader.text(`${dir}/driver_override`);
  const numaNode = reader.number(`${dir}/numa_node`);
  return {
    class: classCode === null ? null : `0x${classCode}`,
    className: classCode === null ? null : pciClassName(classCode),
    revision: reader.hex(`${dir}/revision`, 2),
    subsystem: subsystem(reader, dir),
    regions: parsePciResources(reader.text(`${dir}/resource`) ?? ''),
    iommuGroup: groupNumber(reader.linkName(`${dir}/iommu_group`)),
    driverOverride: driverOverride === '(null)' ? null : driverOverride,
    numaNode: numaNode === null || numaNode < 0 ? null : numaNode,
  };
}

/** `vendor:device`; null for a function without one, which bridges and old devices show as all zeros. */
function subsystem(reader: AttributeReader, dir: string): string | null {
  const vendor = reader.hex(`${dir}/subsystem_vendor`, 4);
  const device = reader.hex(`${dir}/subsystem_device`, 4);
  return vendor === null || device === null || (vendor === '0000' && device === '0000') ? null : `${vendor}:${device}`;
}

function groupNumber(name: string | null): number | null {
  return name !== null && /^\d{1,9}$/.test(name) ? Number(name) : null;
}
