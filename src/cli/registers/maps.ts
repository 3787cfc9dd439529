import { type UdrvError, usageError } from '../../errors';
import type { Region } from '../../model/device';
import type { RegisterNames } from '../../regmap/names';
import type { MapDevice } from '../../regmap/place';
import type { Context, GlobalOptions } from '../program/context';
import { readInput } from '../program/input';
import { keptMap } from './kept-maps';
import { expectRegion, type Target } from './target';

/**
 * Reads the maps that `--map` gives, or the one that is kept for a device of this kind, and places them in the device.
 *
 * @returns null, where there is none
 * @throws UdrvError exit 3: no such file, peripheral or region; exit 2: it is no map, or does not fit
 */
export function registerNames(context: Context, target: Target, given: readonly string[] = []): RegisterNames | null {
  const kept = given.length > 0 ? null : keptMap(context.env, target.kinds?.() ?? []);
  const references = kept === null ? given : [kept];
  if (references.length === 0) return null;
  const device = {
    address: target.address,
    regions: target.regions,
    isPhysical: target.isPhysical === true,
    find: (name: string) => expectRegion(target, name),
  };
  return placed(references, device, context.options);
}

/**
 * Reads the maps that `--map` gives for registers that are in a file: every region is there, and has room.
 *
 * @param region of the registers, where it is known
 */
export function namesWithoutDevice(
  { options }: Context,
  given: readonly string[] = [],
  region = '',
): RegisterNames | null {
  if (given.length === 0) return null;
  const find = (name: string): Region => ({
    name,
    kind: 'mmio',
    address: null,
    size: Number.MAX_SAFE_INTEGER,
    offset: 0,
    read: true,
    write: false,
    mmap: false,
  });
  return placed(given, { address: 'the dump', regions: [find(region)], isPhysical: false, find }, options);
}

function placed(references: readonly string[], device: MapDevice, { timeout }: GlobalOptions): RegisterNames {
  // Loaded only for names: most lines have offsets.
  const { parseMapReference, parseRegisterMap, placeMap, RegisterNames } = require('../../regmap') as Regmap;
  const { LARGEST_FILE } = require('../../regmap/limits') as typeof import('../../regmap/limits');
  const found = references.flatMap((text) => {
    const reference = parseMapReference(text);
    const map = parseRegisterMap(readInput(reference.file, LARGEST_FILE, timeout), reference.file);
    return placeMap(map, reference, device);
  });
  return new RegisterNames(found);
}

/** {@link registerNames}. @throws usage, where there are none */
export function expectNames(context: Context, target: Target, given: readonly string[] | undefined): RegisterNames {
  return registerNames(context, target, given) ?? fail(noMap(target));
}

function noMap({ address }: Target): UdrvError {
  return usageError(address, 'no map names its registers', 'give --map FILE, or keep one with udrv map add');
}

function fail(error: UdrvError): never {
  throw error;
}

type Regmap = typeof import('../../regmap');
