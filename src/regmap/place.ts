import { Exit, UdrvError } from '../errors';
import type { Region } from '../model/device';
import { registersAddress, registersSize } from '../model/registers';
import { hex } from '../text/hex';
import { didYouMean } from '../text/nearest';
import { mapError } from './limits';
import type { NamedRegister, Peripheral, RegisterMap } from './model';
import type { MapReference } from './reference';

/** The regions of a device, which a map is placed in. */
export interface MapDevice {
  address: string;
  regions: readonly Region[];
  /** Whether the regions' addresses are those that the device's CPU uses: an SVD file has the same. */
  isPhysical: boolean;
  /** Finds a region that may not be among `regions`. @throws exit 3 */
  find(name: string): Region;
}

/** A peripheral in a region of a device. */
export interface PlacedPeripheral {
  peripheral: Peripheral;
  region: string;
  /** Offset of the peripheral's base in the region, in bytes. */
  offset: number;
}

/**
 * Places the peripherals of a map in the regions of a device:
 *
 * - One that the reference names has its base at the begin of the region, or OFFSET behind it.
 * - A whole map has its own base there, the lowest address: for LiteX that of its memory region `csr`.
 * - Where addresses are physical and neither REGION nor OFFSET is given, peripherals are where they are, if there are any
 *   in the device; the others are left out.
 *
 * Without a region that the reference or the map names, it is the first one with registers in memory.
 *
 * @throws UdrvError exit 3: no such peripheral or region; exit 2: the map does not fit the region
 */
export function placeMap(map: RegisterMap, reference: MapReference, target: MapDevice): PlacedPeripheral[] {
  const wanted =
    reference.peripheral === null ? map.peripherals : [findPeripheral(map, reference.file, reference.peripheral)];
  if (target.isPhysical && map.format !== 'json' && reference.region === null && reference.offset === null) {
    const there = wanted.flatMap((peripheral) => physicalPlace(peripheral, target.regions));
    if (there.length > 0) return there.map((one) => fitting(one, reference.file, target));
  }
  const origin = map.format !== 'json' && reference.peripheral !== null ? (wanted[0]?.base ?? 0n) : map.base;
  return wanted.map((peripheral) => {
    const region = reference.region ?? peripheral.region ?? firstRegion(target);
    const offset = Number(peripheral.base - origin) + (reference.offset ?? 0);
    return fitting({ peripheral, region: target.find(region).name, offset }, reference.file, target);
  });
}

/** @throws exit 3, naming some that there are */
export function findPeripheral({ peripherals }: RegisterMap, file: string, name: string): Peripheral {
  const exact = peripherals.find((one) => one.name === name);
  const found = exact ?? peripherals.find((one) => one.name.toLowerCase() === name.toLowerCase());
  if (found !== undefined) return found;
  const names = peripherals.map((one) => one.name);
  throw new UdrvError(`has no peripheral ${name}`, {
    code: 'ENOREGISTER',
    exit: Exit.notFound,
    subject: file,
    hint: didYouMean(name, names) ?? `it has ${listed(names)}`,
  });
}

function physicalPlace(peripheral: Peripheral, regions: readonly Region[]): PlacedPeripheral[] {
  for (const region of regions) {
    const address = registersAddress(region);
    if (address === null) continue;
    const offset = peripheral.base - address;
    if (offset >= 0n && offset < BigInt(registersSize(region)))
      return [{ peripheral, region: region.name, offset: Number(offset) }];
  }
  return [];
}

function firstRegion({ address, regions }: MapDevice): string {
  const first = regions.find(({ kind }) => kind === 'mmio') ?? regions[0];
  if (first !== undefined) return first.name;
  throw new UdrvError('has no regions', { code: 'ENOREGION', exit: Exit.notFound, device: address });
}

/** @throws usage, unless every register is in the region */
function fitting(placed: PlacedPeripheral, file: string, target: MapDevice): PlacedPeripheral {
  const { peripheral, region, offset } = placed;
  const size = registersSize(target.find(region));
  for (const register of peripheral.registers) {
    const at = offset + register.offset;
    if (at >= 0 && at + bytesOf(register) <= size) continue;
    throw mapError(
      file,
      `does not fit ${region} of ${target.address}: ${peripheral.name}.${register.name} would be at ${hex(at)}, and the region has ${hex(size)} bytes`,
      'name the peripheral and its place: --map FILE#PERIPHERAL@REGION+OFFSET',
    );
  }
  return placed;
}

/** Returns the bytes from a register's first to its last. */
export function bytesOf({ bits, words }: NamedRegister): number {
  return words === undefined ? Math.ceil(bits / 8) : words.count * words.stride;
}

/** Names some of many. */
export function listed(names: readonly string[]): string {
  const some = names.slice(0, 8).join(', ');
  return names.length > 8 ? `${some} and ${names.length - 8} more` : some;
}
