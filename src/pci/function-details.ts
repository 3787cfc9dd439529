import type { Sriov } from '../model/device';
import type { AttributeReader } from '../sys/readers/attributes';
import { matchesWildcard } from '../text/wildcard';
import { PCI_DEVICES, pciPath } from './paths';
import { readSriov } from './sriov';

/** The link above a function: `2.5 GT/s`, and lanes. */
export interface PciLink {
  speed: string;
  width: number;
  /** The most that the function can do; null where it does not tell. */
  maxSpeed: string | null;
  maxWidth: number | null;
}

/** Facts of a function that a listing does without. Reading them wakes no device. */
export interface PciDetails {
  /** The name of the physical slot, as the kernel has it from ACPI or the hot-plug driver. */
  slot: string | null;
  /** The interrupt of the function's pin, or the first of its message interrupts; null for none. */
  irq: number | null;
  /** Null for a function without PCI Express, and where the link is down. */
  link: PciLink | null;
  /** `D0` to `D3cold`; null where no driver has enabled it, and before Linux 5.12. */
  powerState: string | null;
  /** Runtime power management: `active`, `suspended`, `error`...; null without. */
  runtimeStatus: string | null;
  /** Ways in which the kernel can reset it, first choice first; null where the kernel does not tell (before Linux 5.15). */
  resetMethods: string[] | null;
  /** Null for a function without SR-IOV. */
  sriov: Sriov | null;
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
  const state = reader.text(pciPath(address, 'power_state'));
  const methods = reader.bytes(pciPath(address, 'reset_method'))?.toString('utf8');
  return {
    slot: slots.get(device) ?? null,
    irq: irq === null || irq <= 0 ? null : irq,
    link: readLink(reader, address),
    powerState: state === 'unknown' ? null : state,
    runtimeStatus: reader.text(pciPath(address, 'power/runtime_status')),
    resetMethods: methods?.split(/\s+/).filter((method) => method !== '') ?? null,
    sriov: readSriov(reader, address),
  };
}

/** Lanes that a link has where all bits of its status are ones: the device does not answer. */
const NO_ANSWER = 63;

function readLink(reader: AttributeReader, address: string): PciLink | null {
  const speed = (attribute: string) =>
    /^[\d.]+ GT\/s/.exec(reader.text(pciPath(address, attribute)) ?? '')?.[0] ?? null;
  const width = (attribute: string) => reader.number(pciPath(address, attribute)) || null;
  const [now, lanes] = [speed('current_link_speed'), width('current_link_width')];
  if (now === null || lanes === null || lanes === NO_ANSWER) return null;
  return { speed: now, width: lanes, maxSpeed: speed('max_link_speed'), maxWidth: width('max_link_width') };
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
