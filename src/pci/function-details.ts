import type { AttributeReader } from '../sys/readers/attributes';
import { matchesWildcard } from '../text/wildcard';
import { PCI_DEVICES } from './paths';

/** Facts of a function that a listing does without: each costs a search. Reading them wakes no device. */
export interface PciDetails {
  /** The name of the physical slot, as the kernel has it from ACPI or the hot-plug driver. */
  slot: string | null;
  /** The interrupt of the function's pin, or the first of its message interrupts; null for none. */
  irq: number | null;
  /** Kernel modules that claim the function, by the aliases of the running kernel's modules. */
  modules: string[];
}

const PCI_SLOTS = '/sys/bus/pci/slots';

/** A distribution's kernel has some 2 MiB of aliases. */
const MAX_ALIASES = 32 * 1024 * 1024;

/** Reads the details of a function. @param address as the kernel names it */
export function inspectPciDetails(reader: AttributeReader, address: string): PciDetails {
  return {
    ...inspectPlace(reader, address),
    modules: modulesFor(reader, reader.text(`${PCI_DEVICES}/${address}/modalias`)),
  };
}

/** Reads the details that a recorded machine has too: the aliases of all modules would be most of the record. */
export function inspectPlace(
  reader: AttributeReader,
  address: string,
  slots: PciSlots = readPciSlots(reader),
): Omit<PciDetails, 'modules'> {
  const irq = reader.number(`${PCI_DEVICES}/${address}/irq`);
  const device = address.slice(0, address.lastIndexOf('.'));
  return { slot: slots.get(device) ?? null, irq: irq === null || irq <= 0 ? null : irq };
}

/** Names of slots by the address of the device, which has no function number. */
export type PciSlots = ReadonlyMap<string | null, string>;

/** Reads the slots of a machine. Of two with one device the first counts. */
export function readPciSlots(reader: AttributeReader): PciSlots {
  const names = reader.names(PCI_SLOTS).reverse();
  return new Map(names.map((name) => [reader.text(`${PCI_SLOTS}/${name}/address`), name]));
}

/** Searches `modules.alias`, whose lines are `alias PATTERN MODULE` (depmod(8)). */
function modulesFor(reader: AttributeReader, modalias: string | null): string[] {
  const release = reader.text('/proc/sys/kernel/osrelease');
  if (modalias === null || release === null || release.includes('/')) return [];
  const aliases = reader.bytes(`/lib/modules/${release}/modules.alias`, MAX_ALIASES)?.toString('latin1') ?? '';
  const modules = new Set<string>();
  for (const [, pattern = '', module = ''] of aliases.matchAll(/^alias (pci:\S+) (\S+)$/gm))
    if (matchesWildcard(pattern, modalias)) modules.add(module);
  return [...modules];
}
