import { INTERRUPTS, INTERRUPTS_LIMIT, interruptsOf } from '../devices/activity';
import { listDevices } from '../devices/list';
import type { DeviceInfo } from '../model/device';
import { NO_NAMES } from '../names/database';
import { inspectPlace } from '../pci/function-details';
import { PCI_DEVICES } from '../pci/paths';
import { attempt } from '../sys/attempt';
import { AttributeReader, type ReadError } from '../sys/readers/attributes';
import { parseInterruptCounts } from '../sys/readers/interrupt-counts';
import type { SysTree } from '../sys/sys';
import type { Family, Labels } from './family';

/** Devices that have series of their own, at most: each costs its reader memory for as long as it keeps them. */
export const MAX_DEVICES = 1000;

/** The kernel's counters of the errors that a function reports, by severity: the lines `TOTAL_ERR_COR 3` (sysfs-bus-pci-devices-aer). */
const ERROR_COUNTERS = { correctable: 'COR', nonfatal: 'NONFATAL', fatal: 'FATAL' } as const;

/**
 * Reads the metrics of a machine. There is one series for each kind of device, and some for each device that a program
 * in user space can drive through UIO or VFIO, but for no others: a server has hundreds of functions.
 */
export function collectMetrics(sys: SysTree): Family[] {
  const errors: ReadError[] = [];
  const devices = listDevices(sys, NO_NAMES, { all: true, errors });
  const own = devices.filter(({ framework }) => framework === 'uio' || framework === 'vfio');
  const reader = new AttributeReader(sys, errors);
  const families = new Families();
  countDevices(families, devices);
  for (const device of own.slice(0, MAX_DEVICES)) addDevice(families, device);
  addGroups(families, own);
  addFunctions(families, reader, own.slice(0, MAX_DEVICES));
  families
    .gauge('udrv_devices_without_series', 'Devices beyond the first of UIO and VFIO that have series.')
    .add({}, Math.max(0, own.length - MAX_DEVICES));
  const unreadable = errors.length + devices.reduce((sum, device) => sum + device.errors.length, 0);
  families.gauge('udrv_unreadable_attributes', 'Files in sysfs that could not be read.').add({}, unreadable);
  return families.all;
}

/** Adds samples to a metric. */
interface Adder {
  add(labels: Labels, value: number | null): void;
}

class Families {
  readonly #byName = new Map<string, Family>();

  get all(): Family[] {
    return [...this.#byName.values()];
  }

  gauge(name: string, help: string): Adder {
    return this.#adder(name, 'gauge', help);
  }

  counter(name: string, help: string): Adder {
    return this.#adder(name, 'counter', help);
  }

  #adder(name: string, type: Family['type'], help: string): Adder {
    let family = this.#byName.get(name);
    if (family === undefined) {
      family = { name, type, help, samples: [] };
      this.#byName.set(name, family);
    }
    const { samples } = family;
    return {
      add(labels, value) {
        if (value !== null) samples.push({ labels, value });
      },
    };
  }
}

function countDevices(families: Families, devices: readonly DeviceInfo[]): void {
  const counts = new Map<string, { labels: Labels; count: number }>();
  for (const { framework, driver } of devices) {
    const labels = { framework, driver: driver ?? 'none' };
    const key = `${labels.framework} ${labels.driver}`;
    const known = counts.get(key);
    if (known === undefined) counts.set(key, { labels, count: 1 });
    else known.count++;
  }
  const metric = families.gauge(
    'udrv_devices',
    'Devices by framework and driver; a USB device with several drivers has none here.',
  );
  for (const { labels, count } of counts.values()) metric.add(labels, count);
}

function addDevice(families: Families, device: DeviceInfo): void {
  const { address, framework, driver, vendorId, deviceId } = device;
  const ids = { vendor_id: vendorId ?? '', device_id: deviceId ?? '' };
  const group = device.framework === 'vfio' ? device.vfio.group : null;
  families.gauge('udrv_device_info', 'A UIO or VFIO device; the value is 1.').add(
    {
      device: address,
      framework,
      driver: driver ?? 'none',
      ...ids,
      iommu_group: group === null ? '' : String(group),
    },
    1,
  );
  if (device.framework === 'uio')
    families
      .counter('udrv_uio_events_total', 'Interrupts that UIO has counted since the device was registered.')
      .add({ device: address }, device.uio.eventCount);
}

function addGroups(families: Families, devices: readonly DeviceInfo[]): void {
  const groups = new Map<number, boolean>();
  for (const device of devices) {
    if (device.framework !== 'vfio') continue;
    const { group, viable } = device.vfio;
    if (group !== null && viable !== null) groups.set(group, viable);
  }
  const metric = families.gauge(
    'udrv_vfio_group_viable',
    'Whether an IOMMU group with a VFIO device can be given to user space (1), or a kernel driver blocks it (0).',
  );
  for (const [group, viable] of groups) metric.add({ iommu_group: String(group) }, viable ? 1 : 0);
}

/** Adds what the PCI functions have; a UIO device stands for the one behind it. */
function addFunctions(families: Families, reader: AttributeReader, devices: readonly DeviceInfo[]): void {
  const text = attempt(() => reader.sys.readFile(INTERRUPTS, INTERRUPTS_LIMIT).toString('latin1'), '');
  const counts = parseInterruptCounts(text);
  const functions = devices.map((device) => (device.framework === 'uio' ? device.uio.parent : device.address));
  const seen = new Set(functions.filter((address) => address !== null));
  for (const address of seen) {
    // A recording leaves the counts out, which is not 0.
    if (counts.size > 0)
      families
        .counter(
          'udrv_pci_interrupts_total',
          'Interrupts of the lines that a PCI function has now, which it may share.',
        )
        .add({ device: address }, interruptCount(reader, address, counts));
    addLink(families, reader, address);
    addErrors(families, reader, address);
  }
}

function interruptCount(reader: AttributeReader, address: string, counts: ReadonlyMap<number, number>): number | null {
  const lines = interruptsOf(reader, `${PCI_DEVICES}/${address}`);
  return lines.length === 0 ? null : lines.reduce((sum, line) => sum + (counts.get(line) ?? 0), 0);
}

function addLink(families: Families, reader: AttributeReader, address: string): void {
  const { link } = inspectPlace(reader, address, new Map());
  if (link === null) return;
  const labels = { device: address };
  const [speed, maxSpeed] = [transfers(link.speed), link.maxSpeed === null ? null : transfers(link.maxSpeed)];
  families
    .gauge('udrv_pci_link_transfers_per_second', 'Transfers a second on each lane of the link above a function.')
    .add(labels, speed);
  families
    .gauge('udrv_pci_link_max_transfers_per_second', 'The most transfers a second that the function can do.')
    .add(labels, maxSpeed);
  families.gauge('udrv_pci_link_lanes', 'Lanes of the link above a function.').add(labels, link.width);
  families.gauge('udrv_pci_link_max_lanes', 'The most lanes that the function can use.').add(labels, link.maxWidth);
  if (maxSpeed === null || link.maxWidth === null) return;
  families
    .gauge('udrv_pci_link_below_capability', 'Whether a link is slower or narrower than the function can do (1).')
    .add(labels, speed < maxSpeed || link.width < link.maxWidth ? 1 : 0);
}

/** @param speed `2.5 GT/s` */
function transfers(speed: string): number {
  return Math.round(Number.parseFloat(speed) * 1e9);
}

function addErrors(families: Families, reader: AttributeReader, address: string): void {
  const metric = families.counter(
    'udrv_pci_errors_total',
    'Errors that a function has reported to the kernel (AER), by severity.',
  );
  for (const [severity, name] of Object.entries(ERROR_COUNTERS)) {
    const text = reader.text(`${PCI_DEVICES}/${address}/aer_dev_${severity}`);
    const total = new RegExp(`^TOTAL_ERR_${name} (\\d{1,15})$`, 'm').exec(text ?? '')?.[1];
    metric.add({ device: address, severity }, total === undefined ? null : Number(total));
  }
}
