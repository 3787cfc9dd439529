import { usageError } from '../../errors';
import type { Region } from '../../model/device';
import { checkLocation, type Location, spanOf } from '../../model/location';
import { type Range, registersSize } from '../../model/registers';
import type { RegisterNames, ResolvedLocation } from '../../regmap/names';
import type { Width } from '../../sys/sys';
import { hex } from '../../text/hex';
import type { Context } from '../program/context';
import { registerNames } from './maps';
import { expectOffset, expectPlace, expectRegion, hasRegion, type Place, type Target } from './target';

/** A register that a command line gives, by its place or by its name. */
export interface RegisterPlace {
  region: Region;
  location: Location;
  /** Null where it was given by its place. */
  named: ResolvedLocation | null;
}

/**
 * Finds a register that is given as `REGION OFFSET`, `REGION:OFFSET`, or by a name in a map.
 *
 * @param at undefined where it was not given by itself
 * @param width undefined where it was not given: that of the register, or 4
 * @param maps as `--map` gives them
 * @throws UdrvError exit 3: no such region or register; exit 2: it is not in its region
 */
export function expectRegister(
  context: Context,
  target: Target,
  given: string,
  at: string | undefined,
  width: Width | undefined,
  maps: readonly string[] | undefined,
): RegisterPlace {
  const named = at === undefined ? namedRegister(context, target, given, maps) : null;
  const found = named === null ? byPlace(target, given, at, width ?? 4) : byName(target, named, width);
  checkLocation(target.address, found.region, found.location);
  return found;
}

/** Finds a part of a region to dump: as {@link expectPlace} does, or a register by its name. */
export function expectRange(
  context: Context,
  target: Target,
  given: string,
  at: string | undefined,
  maps: readonly string[] | undefined,
): Place & { location?: Location } {
  const named = at === undefined ? namedRegister(context, target, given, maps) : null;
  if (named === null) return expectPlace(target, given, at);
  if (named.field !== null) throw usageError(named.name, 'is a field: a dump shows registers');
  const { region, offset } = named.location;
  const range = `${hex(offset)}+${hex(spanOf(named.location))}`;
  return { region: expectRegion(target, region), at: range, location: named.location };
}

/** Finds the register that a word names; null: the word is a place, or there is no map. */
function namedRegister(
  context: Context,
  target: Target,
  word: string,
  maps: readonly string[] | undefined,
): ResolvedLocation | null {
  const names = isPlace(target, word) ? null : registerNames(context, target, maps);
  return names === null ? null : resolve(word, names);
}

/** Tells whether a word is a region, or a place in one, and so no name of a register. */
export function isPlace(target: Target, word: string): boolean {
  const isRegion = (name: string) => hasRegion(target, name) || Boolean(target.unseen?.(name));
  const colon = word.lastIndexOf(':');
  return isRegion(word) || (colon >= 0 && isRegion(word.slice(0, colon)));
}

/** Resolves a word by {@link resolveLocation}, which is loaded with the maps. */
export function resolve(word: string, names: RegisterNames): ResolvedLocation {
  return (require('../../regmap') as typeof import('../../regmap')).resolveLocation(word, names);
}

function byPlace(target: Target, given: string, at: string | undefined, width: Width): RegisterPlace {
  const place = expectPlace(target, given, at);
  const offset = expectOffset(target, place);
  return { region: place.region, location: { region: place.region.name, offset, width }, named: null };
}

function byName(target: Target, named: ResolvedLocation, width: Width | undefined): RegisterPlace {
  if (width !== undefined && width !== named.location.width)
    throw usageError(named.name, `is accessed with ${named.location.width} bytes: leave out -w ${width}`);
  return { region: expectRegion(target, named.location.region), location: named.location, named };
}

/**
 * Returns the range of a whole region, as far as it is known to have registers, without the last where its size is no
 * multiple of the width.
 */
export function wholeRange(region: Region, width: Width): Range {
  const size = Math.min(registersSize(region), region.registers ?? Number.POSITIVE_INFINITY);
  return { offset: 0, length: size - (size % width) };
}
