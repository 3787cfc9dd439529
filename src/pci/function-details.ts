import type { AttributeReader } from '../sys/readers/attributes';
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
export function inspectPlace(reader: AttributeReader, address: string): Omit<PciDetails, 'modules'> {
  const irq = reader.number(`${PCI_DEVICES}/${address}/irq`);
  return { slot: slotOf(reader, address), irq: irq === null || irq <= 0 ? null : irq };
}

/** A slot has the address of its device, without the function. */
function slotOf(reader: AttributeReader, address: string): string | null {
  const device = address.slice(0, address.lastIndexOf('.'));
  return reader.names(PCI_SLOTS).find((name) => reader.text(`${PCI_SLOTS}/${name}/address`) === device) ?? null;
}

/** Searches `modules.alias`, whose lines are `alias PATTERN MODULE` (depmod(8)). */
function modulesFor(reader: AttributeReader, modalias: string | null): string[] {
  const release = reader.text('/proc/sys/kernel/osrelease');
  if (modalias === null || release === null || release.includes('/')) return [];
  const aliases = reader.bytes(`/lib/modules/${release}/modules.alias`, MAX_ALIASES)?.toString('latin1') ?? '';
  const modules = new Set<string>();
  for (const [, pattern = '', module = ''] of aliases.matchAll(/^alias (pci:\S+) (\S+)$/gm))
    if (matches(pattern, modalias)) modules.add(module);
  return [...modules];
}

/** Tells whether a pattern with `*` and `?` matches all of a text. Each `*` is tried once more only: no pattern takes long. */
function matches(pattern: string, text: string): boolean {
  let [at, read] = [0, 0];
  let star = -1;
  let retry = 0;
  while (read < text.length) {
    if (pattern[at] === '*') {
      star = at++;
      retry = read;
    } else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === text[read])) {
      at++;
      read++;
    } else if (star >= 0) {
      at = star + 1;
      read = ++retry;
    } else return false;
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}
