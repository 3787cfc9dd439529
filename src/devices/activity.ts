import type { DeviceInfo } from '../model/device';
import { PCI_DEVICES } from '../pci/paths';
import { attempt } from '../sys/attempt';
import { AttributeReader } from '../sys/readers/attributes';
import { parseInterruptCounts } from '../sys/readers/interrupt-counts';
import type { SysTree } from '../sys/sys';
import { UIO_CLASS } from '../uio/inspect';
import { USB_DEVICES } from '../usb/inspect/inspect';
import type { UsbTraffic } from '../usb/usbmon';

export const INTERRUPTS = '/proc/interrupts';
/** A line for each interrupt, a column for each CPU: there may be thousands of both. */
export const INTERRUPTS_LIMIT = 64 * 1024 * 1024;

/** A device's activity in one interval. A rate is null where nothing counts it, or it could not be told. */
export interface Activity {
  device: DeviceInfo;
  /** Interrupts a second. Devices that share a line each have those of the line. */
  interruptsPerSecond: number | null;
  /** Events a second that UIO counted. */
  eventsPerSecond: number | null;
  /** Transfers a second that were submitted to a USB device. */
  urbsPerSecond: number | null;
  /** Bytes a second that a USB device moved. */
  bytesPerSecond: number | null;
}

/** Counters of a device that count up, and wrap at 32 bits. */
interface Counters {
  interrupts: Map<number, number>;
  events: number | null;
  urbs: number | null;
  /** The bus and the device's number on it, another one each time that it is reset or plugged in. */
  place: string | null;
}

/** Measures how active devices are, by counters of the kernel in sysfs and /proc/interrupts. Opens no node. */
export class ActivityMeter {
  readonly #sys: SysTree;
  readonly #traffic: UsbTraffic | null;
  #before = new Map<string, Counters>();
  #at: number;

  /**
   * Takes a first look at the devices, from which the first interval is measured.
   *
   * @param traffic counts bytes, where it was opened
   */
  constructor(sys: SysTree, devices: readonly DeviceInfo[], traffic: UsbTraffic | null = null) {
    this.#sys = sys;
    this.#traffic = traffic;
    this.#at = performance.now();
    this.#look(devices);
    traffic?.take();
  }

  /** Looks again. @returns the activities since the last look, and its length; a device that was not there then has no rates */
  measure(devices: readonly DeviceInfo[]): { seconds: number; activities: Activity[] } {
    const before = this.#before;
    const now = performance.now();
    const seconds = Math.max(1e-3, (now - this.#at) / 1000);
    this.#at = now;
    this.#look(devices);
    const bytes = this.#traffic?.take() ?? null;
    const rate = (count: number | null) => (count === null ? null : count / seconds);
    const activities = devices.map((device) => {
      const last = before.get(device.address);
      const counters = this.#before.get(device.address);
      return {
        device,
        interruptsPerSecond: rate(last && counters ? sumSince(counters.interrupts, last.interrupts) : null),
        eventsPerSecond: rate(since(counters?.events, last?.events)),
        urbsPerSecond: rate(since(counters?.urbs, last?.urbs)),
        bytesPerSecond: rate(bytes === null || !counters?.place ? null : (bytes.get(counters.place) ?? 0)),
      };
    });
    return { seconds, activities };
  }

  #look(devices: readonly DeviceInfo[]): void {
    const text = attempt(() => this.#sys.readFile(INTERRUPTS, INTERRUPTS_LIMIT).toString('latin1'), null);
    const counts = text === null ? null : parseInterruptCounts(text);
    const reader = new AttributeReader(this.#sys);
    this.#before = new Map(devices.map((device) => [device.address, countersOf(reader, counts, device)]));
  }
}

function countersOf(reader: AttributeReader, counts: Map<number, number> | null, device: DeviceInfo): Counters {
  const { framework, address } = device;
  const pci = framework === 'uio' ? device.uio.parent : framework === 'usb' ? null : address;
  const lines = pci === null || counts === null ? [] : interruptsOf(reader, `${PCI_DEVICES}/${pci}`);
  return {
    // A line that nobody handles is not listed: nothing has come.
    interrupts: new Map(lines.map((line) => [line, counts?.get(line) ?? 0])),
    events: framework === 'uio' ? reader.number(`${UIO_CLASS}/${address}/event`) : null,
    urbs: framework === 'usb' ? reader.number(`${USB_DEVICES}/${address}/urbnum`) : null,
    place: framework === 'usb' ? `${device.usb.bus}/${reader.number(`${USB_DEVICES}/${address}/devnum`)}` : null,
  };
}

/**
 * Returns the interrupt lines of a PCI function: those of its messages while it has some, else that of its pin.
 * Documentation/ABI/testing/sysfs-bus-pci; with MSI-X, `irq` goes on showing the pin's.
 */
export function interruptsOf(reader: AttributeReader, path: string): number[] {
  const messages = reader.names(`${path}/msi_irqs`).map(Number).filter(Number.isSafeInteger);
  if (messages.length > 0) return messages;
  const pin = reader.number(`${path}/irq`);
  return pin === null || pin === 0 ? [] : [pin];
}

/** Returns how far the lines have counted; null where there are none, or none that were there before. */
function sumSince(now: Map<number, number>, before: Map<number, number>): number | null {
  const counts = Array.from(now, ([line, count]) => since(count, before.get(line)));
  const known = counts.filter((count) => count !== null);
  return known.length === 0 ? null : known.reduce((sum, count) => sum + count, 0);
}

/** Returns how far a counter of 32 bits has come; null where it began anew, or one of the two is not known. */
function since(now: number | null | undefined, before: number | null | undefined): number | null {
  if (now === null || now === undefined || before === null || before === undefined) return null;
  const count = (now - before) >>> 0;
  return count < 2 ** 31 ? count : null;
}

/** Returns a text that changes when devices come or go. */
export function presence(sys: SysTree): string {
  return [UIO_CLASS, PCI_DEVICES, USB_DEVICES]
    .flatMap((directory) => attempt(() => sys.readDir(directory), []).sort())
    .join(' ');
}

/** Tells whether a device is still there. */
export function isPresent(sys: SysTree, { framework, address }: DeviceInfo): boolean {
  const directory = { uio: UIO_CLASS, usb: USB_DEVICES, pci: PCI_DEVICES, vfio: PCI_DEVICES }[framework];
  return sys.access(`${directory}/${address}`) !== null;
}
