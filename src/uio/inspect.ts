import type { Region, UioDeviceInfo } from '../model/device';
import { inspectPciInfo } from '../pci/inspect';
import { pciPath } from '../pci/paths';
import { AttributeReader, type ReadError } from '../sys/readers/attributes';
import type { SysTree } from '../sys/sys';
import { hex } from '../text/hex';

export const UIO_CLASS = '/sys/class/uio';

/** include/linux/uio_driver.h: MAX_UIO_MAPS and MAX_UIO_PORT_REGIONS. */
const MAX_REGIONS = 5;

/**
 * Lists every UIO device, by number.
 *
 * @param errors gets a note for each list that cannot be read
 */
export function listUio(sys: SysTree, errors: ReadError[] = []): UioDeviceInfo[] {
  return new AttributeReader(sys, errors)
    .names(UIO_CLASS)
    .filter((name) => /^uio\d+$/.test(name))
    .sort((a, b) => Number(a.slice(3)) - Number(b.slice(3)))
    .map((address) => inspectUio(sys, address))
    .filter((device) => device !== null);
}

/** Reads one UIO device from sysfs alone; null if there is none of that name. */
export function inspectUio(sys: SysTree, address: string): UioDeviceInfo | null {
  const reader = new AttributeReader(sys);
  const dir = `${UIO_CLASS}/${address}`;
  const parent = pciParent(reader, dir);
  const pci = parent === null ? null : inspectPciInfo(reader, parent);
  const name = reader.text(`${dir}/name`);
  const version = reader.text(`${dir}/version`);
  const eventCount = reader.number(`${dir}/event`);
  const regions = [...mapRegions(reader, dir), ...portRegions(reader, dir)];
  const driver = reader.linkName(`${dir}/device/driver`);
  const irq = parent === null ? null : hasInterrupt(reader, parent);
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
      regions: pci === null ? regions : [...regions, ...uncovered(pci.regions, regions)],
    },
    ...(pci === null ? {} : { pci }),
  };
}

/** Returns the address of the PCI function behind a UIO device; null if it is none. */
function pciParent(reader: AttributeReader, dir: string): string | null {
  if (reader.linkName(`${dir}/device/subsystem`) !== 'pci') return null;
  return reader.linkName(`${dir}/device`);
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
      offset: 0,
      read: true,
      write: true,
      mmap: false,
    });
  }
  return regions;
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

/** Returns the address of the first register: a map has it as a page and an offset. */
function firstRegister({ address, offset }: Region): string | null {
  if (address === null || BigInt(address) % 4096n !== 0n) return address;
  return hex(BigInt(address) + BigInt(offset));
}
