import type { Region, UioDeviceInfo } from '../model/device';
import { type Names, NO_NAMES } from '../names/database';
import { inspectPciInfo } from '../pci/inspect';
import { pciPath } from '../pci/paths';
import { AttributeReader, type ReadError } from '../sys/readers/attributes';
import type { SysTree } from '../sys/sys';
import { hex } from '../text/hex';
import { linksTo } from './links';
import { barSizes, firstRegister, treeSizes, withRegisters } from './register-sizes';

export const UIO_CLASS = '/sys/class/uio';

/** include/linux/uio_driver.h: MAX_UIO_MAPS and MAX_UIO_PORT_REGIONS. */
const MAX_REGIONS = 5;

/**
 * Lists every UIO device, by number.
 *
 * @param errors gets a note for each list that cannot be read
 * @param names for `pciName`
 */
export function listUio(sys: SysTree, errors: ReadError[] = [], names: Names = NO_NAMES): UioDeviceInfo[] {
  return new AttributeReader(sys, errors)
    .names(UIO_CLASS)
    .filter((name) => /^uio\d+$/.test(name))
    .sort((a, b) => Number(a.slice(3)) - Number(b.slice(3)))
    .map((address) => inspectUio(sys, address, names))
    .filter((device) => device !== null);
}

/** Reads one UIO device from sysfs alone; null if there is none of that name. */
export function inspectUio(sys: SysTree, address: string, names: Names = NO_NAMES): UioDeviceInfo | null {
  const reader = new AttributeReader(sys);
  const dir = `${UIO_CLASS}/${address}`;
  const parentBus = reader.linkName(`${dir}/device/subsystem`);
  const parentDevice = reader.linkName(`${dir}/device`);
  const parent = parentBus === 'pci' ? parentDevice : null;
  const pci = parent === null ? null : inspectPciInfo(reader, parent);
  const name = reader.text(`${dir}/name`);
  const version = reader.text(`${dir}/version`);
  const eventCount = reader.number(`${dir}/event`);
  const labels = (region: Region) => (region.label === parentDevice ? withoutLabel(region) : region);
  const exported = [...mapRegions(reader, dir), ...portRegions(reader, dir)].map(labels);
  const sizes = pci === null ? treeSizes(reader, dir) : barSizes(pci.regions);
  const regions = exported.map((region) => withRegisters(region, sizes(region)));
  const driver = reader.linkName(`${dir}/device/driver`);
  // An interrupt that was counted is one, also where sysfs has no word of it.
  const irq = eventCount !== null && eventCount > 0 ? true : parent === null ? null : hasInterrupt(reader, parent);
  const ids = (attribute: string) => (parent === null ? null : reader.hex(pciPath(parent, attribute), 4));
  const vendorId = ids('vendor');
  const deviceId = ids('device');
  const node = `/dev/${address}`;
  // Last: a device that went away in the middle of this must not be shown half-read.
  if (sys.access(dir) === null) return null;
  return {
    address,
    framework: 'uio',
    vendorId,
    deviceId,
    name: name ?? address,
    driver,
    node,
    access: sys.access(node),
    errors: reader.errors,
    uio: {
      version,
      eventCount,
      irq,
      parent,
      parentBus,
      parentDevice,
      pciName: pciName(names, vendorId, deviceId),
      links: linksTo(sys, node),
      regions: pci === null ? regions : [...regions, ...uncovered(pci.regions, regions)],
    },
    ...(pci === null ? {} : { pci }),
  };
}

function pciName(names: Names, vendorId: string | null, deviceId: string | null): string | null {
  const { vendor, device } = names.pciName(vendorId, deviceId);
  return [vendor, device].filter(Boolean).join(' ') || null;
}

function withoutLabel({ label: _, ...region }: Region): Region {
  return region;
}

/**
 * Tells whether a function has an interrupt. Without a usable INTx line the kernel gives it the number 0, or
 * IRQ_NOTCONNECTED (1 << 31); its driver may have MSI or MSI-X all the same: virtual functions have nothing else.
 */
function hasInterrupt(reader: AttributeReader, parent: string): boolean | null {
  const dir = pciPath(parent);
  const irq = reader.number(`${dir}/irq`);
  if (irq === null) return null;
  return (irq > 0 && irq < 2 ** 31) || reader.names(`${dir}/msi_irqs`).length > 0;
}

function mapRegions(reader: AttributeReader, dir: string): Region[] {
  const regions: Region[] = [];
  for (const index of indices(reader, `${dir}/maps`, 'map')) {
    const map = `${dir}/maps/map${index}`;
    const size = reader.number(`${map}/size`);
    if (size === null || size <= 0) continue;
    regions.push({
      name: `map${index}`,
      kind: 'mmio',
      address: address(reader, `${map}/addr`),
      size,
      ...labelOf(reader, map),
      offset: reader.number(`${map}/offset`) ?? 0,
      read: true,
      write: true,
      mmap: true,
    });
  }
  return regions;
}

function portRegions(reader: AttributeReader, dir: string): Region[] {
  const regions: Region[] = [];
  for (const index of indices(reader, `${dir}/portio`, 'port')) {
    const port = `${dir}/portio/port${index}`;
    const size = reader.number(`${port}/size`);
    if (size === null || size <= 0) continue;
    const type = reader.text(`${port}/porttype`);
    regions.push({
      name: `port${index}`,
      kind: type === 'port_x86' ? 'portio' : 'other',
      address: address(reader, `${port}/start`),
      size,
      ...labelOf(reader, port),
      offset: 0,
      read: true,
      write: true,
      mmap: false,
    });
  }
  return regions;
}

function labelOf(reader: AttributeReader, dir: string): { label?: string } {
  const label = reader.text(`${dir}/name`);
  return label === null ? {} : { label };
}

/** Returns the numbers of map0..map4 (port0..port4) that exist. Not every kernel numbers them without gaps. */
function indices(reader: AttributeReader, dir: string, prefix: string): number[] {
  const names = new Set(reader.names(dir));
  return Array.from({ length: MAX_REGIONS }, (_, index) => index).filter((index) => names.has(`${prefix}${index}`));
}

/** All ones are no address: uio_dmem_genirq has DMEM_MAP_ERROR there while nobody has the device open. */
function address(reader: AttributeReader, path: string): string | null {
  const text = reader.text(path);
  if (text !== null && /^0x(?:f{8}){1,2}$/i.test(text)) return null;
  return text !== null && /^0x[0-9a-f]{1,16}$/i.test(text) ? hex(BigInt(text)) : null;
}

/**
 * Returns the parent's BARs that the UIO driver exports neither as map nor as port: all of them on kernels before 5.14,
 * the I/O ports on later ones. sysfs reaches them as `resourceN`.
 */
function uncovered(bars: readonly Region[], exported: readonly Region[]): Region[] {
  const taken = new Set(exported.map(firstRegister));
  return bars.filter((bar) => bar.name.startsWith('bar') && !taken.has(bar.address));
}
