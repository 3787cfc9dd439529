/**
 * The faults of a device's descriptors as a whole: counts and lengths that do not agree, numbers that USB 2.0 (chapter
 * 9.6) or USB 3.2 forbid. The kernel looks for most of them too (drivers/usb/core/config.c), and then drops what it
 * cannot use.
 */

import { hex } from '../../text/hex';
import { type Descriptor, encodeAll } from './descriptor';
import { numberOf } from './layout';
import { counted, field } from './meaning';
import {
  AUDIO_ENDPOINT,
  CONFIGURATION,
  DEVICE,
  ENDPOINT,
  INTERFACE,
  OTHER_SPEED,
  SUPERSPEED_COMPANION,
  TRANSFER_TYPES,
} from './standard';

/**
 * Adds a note to each descriptor that is at fault.
 *
 * @param speedMbps null: what depends on the speed is not checked
 */
export function checkDescriptors(roots: readonly Descriptor[], speedMbps: number | null): void {
  const device = roots.find(({ layout }) => layout === DEVICE);
  const configurations = roots.filter(({ layout }) => layout === CONFIGURATION);
  if (device !== undefined && configurations.length > 0)
    differs(device, 'bNumConfigurations', configurations.length, 'configuration');
  for (const configuration of configurations) checkConfiguration(configuration, speedMbps);
  for (const other of roots) if (other.layout === OTHER_SPEED) checkConfiguration(other, null);
}

/** Notes a count that a descriptor claims where another number is there. */
export function differs(of: Descriptor, name: string, there: number, one: string, many = `${one}s`): void {
  const claimed = of.values[name];
  if (typeof claimed === 'number' && claimed !== there)
    of.notes.push(`${name} is ${claimed}, there ${there === 1 ? 'is' : 'are'} ${counted(there, one, many)}`);
}

function checkConfiguration(configuration: Descriptor, speedMbps: number | null): void {
  const { values, notes, children } = configuration;
  const settings = children.filter(({ layout }) => layout === INTERFACE);
  const alternates = alternatesOf(settings);
  differs(configuration, 'bNumInterfaces', alternates.size, 'interface');
  differs(configuration, 'wTotalLength', encodeAll([configuration]).length, 'byte');
  if (values['bmAttributes'] !== undefined && (numberOf(values, 'bmAttributes') & 0x80) === 0)
    notes.push('bit 7 of bmAttributes is 0, it has to be 1');
  notes.push(...checkNumbers([...alternates.keys()]));
  /** The interface that an endpoint address was first seen in. */
  const owners = new Map<number, number>();
  for (const setting of settings) checkSetting(setting, owners, speedMbps);
}

/** Collects the alternate settings of each interface, both in the order of the bytes; notes those that come twice. */
function alternatesOf(settings: readonly Descriptor[]): Map<number, Set<number>> {
  const alternates = new Map<number, Set<number>>();
  for (const { values, notes } of settings) {
    const number = numberOf(values, 'bInterfaceNumber');
    const alternate = numberOf(values, 'bAlternateSetting');
    const seen = alternates.get(number) ?? new Set();
    alternates.set(number, seen);
    if (seen.has(alternate))
      notes.push(`alternate setting ${alternate} of interface ${number} is there more than once`);
    seen.add(alternate);
  }
  return alternates;
}

/** Returns a note for interface numbers that are not 0, 1, 2... in this order. */
function checkNumbers(numbers: readonly number[]): string[] {
  const sorted = [...numbers].sort((a, b) => a - b);
  const notes: string[] = [];
  if (numbers.some((number, i) => number !== sorted[i]))
    notes.push(`interfaces are out of order: ${numbers.join(', ')}`);
  if (sorted.some((number, i) => number !== i)) notes.push(`interface numbers have gaps: ${sorted.join(', ')}`);
  return notes;
}

function checkSetting(setting: Descriptor, owners: Map<number, number>, speedMbps: number | null): void {
  const endpoints = setting.children.filter(({ layout }) => layout === ENDPOINT || layout === AUDIO_ENDPOINT);
  differs(setting, 'bNumEndpoints', endpoints.length, 'endpoint');
  const interfaceNumber = numberOf(setting.values, 'bInterfaceNumber');
  const seen = new Set<number>();
  for (const endpoint of endpoints) {
    const { values, notes } = endpoint;
    const address = values['bEndpointAddress'];
    if (typeof address !== 'number') continue;
    const owner = owners.get(address) ?? interfaceNumber;
    owners.set(address, owner);
    if ((address & 0x0f) === 0) notes.push('endpoint 0 is the control endpoint, which has no descriptor');
    if ((address & 0x70) !== 0) notes.push('bits 4 to 6 of bEndpointAddress are reserved');
    if (seen.has(address)) notes.push(`endpoint ${hex(address, 2)} is there more than once in this setting`);
    else if (owner !== interfaceNumber) notes.push(`endpoint ${hex(address, 2)} belongs to interface ${owner} too`);
    seen.add(address);
    checkPacketSize(endpoint, speedMbps);
    if (
      speedMbps !== null &&
      speedMbps >= 5000 &&
      !endpoint.children.some(({ layout }) => layout === SUPERSPEED_COMPANION)
    )
      notes.push('no SuperSpeed endpoint companion behind it');
  }
}

const CONTROL = 0;
const ISOCHRONOUS = 1;
const BULK = 2;
const INTERRUPT = 3;

interface PacketSizes {
  speed: string;
  /** The sizes that control and bulk endpoints may have. */
  exact: Readonly<Record<number, readonly number[]>>;
  /** The largest size of isochronous and interrupt endpoints. */
  most: Readonly<Record<number, number>>;
}

/** The sizes by transfer type, in bytes: USB 2.0, chapters 5.5 to 5.8; USB 3.2, chapter 8.12. */
const LOW: PacketSizes = { speed: 'low speed', exact: { [CONTROL]: [8] }, most: { [INTERRUPT]: 8 } };
const FULL: PacketSizes = {
  speed: 'full speed',
  exact: { [CONTROL]: [8, 16, 32, 64], [BULK]: [8, 16, 32, 64] },
  most: { [ISOCHRONOUS]: 1023, [INTERRUPT]: 64 },
};
const HIGH: PacketSizes = {
  speed: 'high speed',
  exact: { [CONTROL]: [64], [BULK]: [512] },
  most: { [ISOCHRONOUS]: 1024, [INTERRUPT]: 1024 },
};
const SUPER: PacketSizes = {
  speed: 'SuperSpeed',
  exact: { [CONTROL]: [512], [BULK]: [1024] },
  most: { [ISOCHRONOUS]: 1024, [INTERRUPT]: 1024 },
};

function packetSizes(speedMbps: number): PacketSizes {
  if (speedMbps >= 5000) return SUPER;
  if (speedMbps >= 480) return HIGH;
  return speedMbps >= 12 ? FULL : LOW;
}

function checkPacketSize({ values, notes }: Descriptor, speedMbps: number | null): void {
  const packet = values['wMaxPacketSize'];
  if (speedMbps === null || typeof packet !== 'number') return;
  const { speed, exact, most } = packetSizes(speedMbps);
  const type = numberOf(values, 'bmAttributes') & 3;
  const name = TRANSFER_TYPES[type];
  // Bits 11 and 12 count transactions in a microframe.
  const size = speed === 'high speed' ? field(packet, 0, 11) : packet;
  const sizes = exact[type];
  const largest = most[type];
  if (sizes === undefined && largest === undefined) notes.push(`there are no ${name} endpoints at ${speed}`);
  else if (sizes !== undefined && !sizes.includes(size))
    notes.push(`a ${name} packet has ${oneOf(sizes)} bytes at ${speed}, not ${size}`);
  else if (largest !== undefined && size > largest)
    notes.push(`an ${name} packet has at most ${largest} bytes at ${speed}, not ${size}`);
  else if (type === INTERRUPT && size === 0) notes.push('an interrupt packet of 0 bytes can carry nothing');
}

function oneOf(sizes: readonly number[]): string {
  return sizes.length === 1 ? String(sizes[0]) : `${sizes.slice(0, -1).join(', ')} or ${sizes.at(-1)}`;
}
