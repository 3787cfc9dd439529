import type { WayToVfio } from '../../bind/way-to-vfio';
import type {
  DeviceInfo,
  Region,
  UioAttributes,
  UsbAttributes,
  UsbDeviceInfo,
  UsbEndpoint,
  UsbInterface,
} from '../../model/device';
import { hex } from '../../text/hex';
import { sizeText } from '../../text/size';
import { authorizeCommand } from '../../usb/inspect/authorize';
import type { VfioCandidate } from '../../vfio/inspect/candidate';
import { visible } from '../output/escape';
import type { MachineOptions } from '../output/hint';
import type { Style } from '../output/style';
import { type Fact, factTable, titleLine, visibleRow } from '../tables/facts';
import type { Cell, Row } from '../tables/row';
import { table } from '../tables/table';
import { driverText } from './driver';
import { fullName } from './full-name';
import { candidateFacts, pciFacts, vfioFacts, wayFacts } from './pci-facts';

/** A device, with as much as is known of it. */
type DescribedDevice = DeviceInfo & { candidate?: VfioCandidate; wayToVfio?: WayToVfio };

export interface DeviceView {
  style: Style;
  /** The width of the terminal; nothing is broken into lines without one. */
  width?: number | undefined;
  /** The machine that commands in the text are for. */
  machine?: MachineOptions;
}

/** Describes a device in depth, for a person. */
export function describeDevice(device: DescribedDevice, { style, width, machine = {} }: DeviceView): string {
  const { address, vendorId, deviceId } = device;
  const id = vendorId === null ? '' : `${vendorId}:${deviceId ?? '????'}`;
  const layout = { style, width, wrap: true };
  return [
    titleLine([address, id, fullName(device)], layout),
    factTable([...common(device), ...frameworkFacts(device, machine)], layout),
    ...tables(device).map(({ titles, rows }) =>
      rows.length === 0
        ? ''
        : `\n${table(rows.map(visibleRow), { ...layout, columns: titles.map((title) => ({ title })), headings: true })}`,
    ),
    ...device.errors.map(({ path, code }) => style.warning(`could not read ${visible(path)} (${code})\n`)),
  ].join('');
}

export interface TableOf {
  titles: string[];
  rows: Row[];
}

/** Returns the facts of a USB device that are no part of its descriptors: speed, drivers, node and access. */
export function usbFactsInShort(device: UsbDeviceInfo): Fact[] {
  const facts: Fact[] = [['speed', bitRate(device.usb)], ...common(device)];
  return facts.map(([key, value]) => [key, value ?? 'none']);
}

const ACCESS = { rw: 'you may read and write', r: 'you may only read', none: 'you may not open it' };

function common(device: DeviceInfo): Fact[] {
  const { node, access } = device;
  return [
    ['driver', driverText(device, ', ') ?? 'none'],
    ['node', node === null ? null : nodeCell(node, access)],
  ];
}

function nodeCell(node: string, access: DeviceInfo['access']): Cell {
  const text = `${node} (${access === null ? 'missing' : ACCESS[access]})`;
  return { text, meaning: access === null || access === 'none' ? 'bad' : undefined };
}

function frameworkFacts(device: DescribedDevice, machine: MachineOptions): Fact[] {
  switch (device.framework) {
    case 'uio':
      return [...uioFacts(device.uio), ...(device.pci ? pciFacts(device.pci) : [])];
    case 'vfio':
      return [...vfioFacts(device.vfio), ...wayFacts(device, machine), ...pciFacts(device.pci)];
    case 'pci':
      return [...pciFacts(device.pci), ...candidateFacts(device), ...wayFacts(device, machine)];
    case 'usb':
      return usbFacts(device);
  }
}

function uioFacts({ version, eventCount, irq, parentBus, parentDevice, links }: UioAttributes): Fact[] {
  const has = irq === null ? 'not known from sysfs' : irq ? 'yes' : 'none';
  const bus = parentBus === null || parentBus === 'pci' ? '' : ` (${parentBus})`;
  return [
    ['links', links.join(', ') || null],
    ['version', version],
    ['interrupt', eventCount === null ? has : `${has}, ${eventCount} so far`],
    ['parent', parentDevice === null ? null : `${parentDevice}${bus}`],
  ];
}

function usbFacts({ address, usb }: UsbDeviceInfo): Fact[] {
  return [
    ['bus, device', `${usb.bus}, ${usb.device}`],
    ['ports', usb.ports.length === 0 ? null : usb.ports.join('.')],
    ['speed', bitRate(usb)],
    ['usb version', usb.usbVersion],
    ['manufacturer', usb.manufacturer],
    ['product', usb.product],
    ['serial', usb.serial],
    ['configuration', usb.configuration === null ? notConfigured(address, usb) : String(usb.configuration)],
  ];
}

function bitRate({ speedMbps }: UsbAttributes): string {
  return speedMbps === null ? 'unknown' : `${speedMbps} Mbit/s`;
}

function notConfigured(address: string, { authorized }: UsbAttributes): string {
  return authorized === false ? `not configured: not authorized; ${authorizeCommand(address)}` : 'not configured';
}

function tables(device: DeviceInfo): TableOf[] {
  switch (device.framework) {
    case 'uio':
      return [regionTable(device.uio.regions)];
    case 'vfio':
    case 'pci':
      return [regionTable(device.pci.regions)];
    case 'usb':
      return [interfaceTable(device.usb.interfaces), endpointTable(device.usb.interfaces)];
  }
}

export function regionTable(regions: readonly Region[]): TableOf {
  const labelled = regions.some(({ label }) => label !== undefined);
  return {
    titles: ['REGION', 'KIND', 'ADDRESS', 'SIZE', 'OFFSET', 'ACCESS', ...(labelled ? ['NAME'] : [])],
    rows: regions.map(({ name, kind, address, size, registers, label, offset, read, write, mmap }) => [
      name,
      kind,
      address ?? '-',
      registers === undefined ? sizeText(size) : `${sizeText(registers)} in ${sizeText(size)}`,
      hex(offset),
      `${read ? 'r' : ''}${write ? 'w' : ''}${mmap ? ' mmap' : ''}`,
      ...(labelled ? [label ?? '-'] : []),
    ]),
  };
}

function interfaceTable(interfaces: readonly UsbInterface[]): TableOf {
  return {
    titles: ['INTERFACE', 'ALT', 'CLASS', 'DRIVER', 'NAME'],
    rows: interfaces.map((i) => [
      String(i.number),
      { text: `${i.alt}${i.active ? ' *' : ''}`, meaning: i.active ? 'good' : undefined },
      `${i.class}/${i.subclass}/${i.protocol}`,
      i.driver ?? '-',
      i.className,
    ]),
  };
}

function endpointTable(interfaces: readonly UsbInterface[]): TableOf {
  return {
    titles: ['INTERFACE', 'ALT', 'ENDPOINT', 'DIRECTION', 'TYPE', 'PACKET', 'INTERVAL'],
    rows: interfaces.flatMap((i) =>
      i.endpoints.map((e) => [
        String(i.number),
        String(i.alt),
        e.address,
        e.direction,
        e.type,
        packetText(e),
        intervalText(e),
      ]),
    ),
  };
}

/** Bytes of a packet, `512`; with several at a time, `3 x 1024`. */
export function packetText({ packets, maxPacketSize }: UsbEndpoint): string {
  return packets > 1 ? `${packets} x ${maxPacketSize}` : String(maxPacketSize);
}

/** The time between services of a periodic endpoint, `125 us`, `4 ms`; bInterval where that has no meaning. */
export function intervalText({ bytesPerInterval, interval, intervalUs }: UsbEndpoint): string {
  if (bytesPerInterval === null) return '-';
  if (intervalUs === null) return `bInterval ${interval}`;
  return intervalUs < 1000 ? `${intervalUs} us` : `${intervalUs / 1000} ms`;
}
