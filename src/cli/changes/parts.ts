import { Exit, UdrvError, usageError } from '../../errors';
import type { Region } from '../../model/device';
import { checkLocation, type Location, prepareRead, type RegionSource, spanOf, valueText } from '../../model/location';
import { parseRange } from '../../model/notation';
import { checkRange, hexWord, type Range } from '../../model/registers';
import type { NamedRegister, RegisterField } from '../../regmap/model';
import type { RegisterNames } from '../../regmap/names';
import type { Width, Word } from '../../sys/sys';
import { hex } from '../../text/hex';
import type { Context } from '../program/context';
import { registerNames } from '../registers/maps';
import { isPlace, resolve, wholeRange } from '../registers/place';
import { expectPlace, expectRegion, hasRegion, type Target } from '../registers/target';

/** A register that is read again and again, or a field of one. */
export interface Cell {
  region: string;
  offset: number;
  width: Width;
  /** The name in a map; null: it has none. */
  name: string | null;
  /** The register in the map, where all of it is meant. */
  register: NamedRegister | null;
  field: RegisterField | null;
  text(value: Word): string;
}

/** Registers that are read one after the other. Those of a range belong together in rows. */
export interface Cells {
  isRange: boolean;
  cells: readonly Cell[];
  /** Registers that are left out. */
  unread: readonly Unread[];
  read(): Iterable<Word>;
}

/** A part of a request, checked as far as that goes before the device is open. */
export interface Part {
  region: string;
  prepare(source: RegionSource): Cells;
}

/** A register that is left out, because reading changes it. */
export interface Unread {
  name: string;
  region: string;
  offset: number;
  bytes: number;
  reason: string;
}

/** Registers in one request at most: their values are all kept. */
const MOST_CELLS = 2 ** 18;

export interface PartsOptions {
  width?: Width;
  map?: string[];
  readAll?: boolean;
}

/**
 * Parses what is to be read again: a region and ranges in it, `REGION:RANGE`, and names in a map, with `*` and `?`.
 * Registers that the map says reading changes will not be read, unless that is asked for.
 *
 * @throws UdrvError exit 3: no such region or register; exit 2: it cannot be read so
 */
export function parseParts(
  context: Context,
  target: Target,
  words: readonly string[],
  { width, map, readAll = false }: PartsOptions,
): Part[] {
  const names = registerNames(context, target, map);
  const hazards = names === null || readAll ? [] : hazardsOf(names);
  const rangePart = (region: Region, text: string | undefined): Part => {
    const each = width ?? 4;
    const asked = text === undefined ? null : parseRange(text, each);
    const most = asked ?? wholeRange(region, each);
    checkRange(target.address, region, most, each);
    const isKnown = asked !== null || target.regions.includes(region);
    if (isKnown) mustBeFew(target.address, region.name, most.length / each);
    const own = hazards.filter((one) => one.region === region.name);
    return rangeOf(target.address, names, region.name, asked, each, own);
  };
  const parts: Part[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    if (hasRegion(target, word) || target.unseen?.(word)) {
      const region = expectRegion(target, word);
      const before = parts.length;
      while (/^\d/.test(words[i + 1] ?? '')) parts.push(rangePart(region, words[++i]));
      if (parts.length === before) parts.push(rangePart(region, undefined));
    } else if (names === null || isPlace(target, word)) {
      const { region, at } = expectPlace(target, word, undefined);
      parts.push(rangePart(region, at));
    } else parts.push(...named(target, names, word, width, hazards));
  }
  return parts;
}

/** @throws UdrvError exit 5 */
export function nothingLeft(device: string): UdrvError {
  return new UdrvError('none of these registers is left to read: a read changes them, or they are write-only', {
    code: 'EUNSAFE',
    exit: Exit.busy,
    device,
    hint: '--read-all reads them all the same',
  });
}

function rangeOf(
  device: string,
  names: RegisterNames | null,
  region: string,
  asked: Range | null,
  width: Width,
  hazards: readonly Unread[],
): Part {
  return {
    region,
    prepare(source) {
      const registers = source.region(region);
      const range = asked ?? wholeRange(registers.info, width);
      mustBeFew(device, region, range.length / width);
      const known = namesIn(names, region);
      const text = (value: Word) => hexWord(value, width);
      const cells: Cell[] = [];
      const runs: Range[] = [];
      const unread = new Set<Unread>();
      const hazardAt = byOffset(hazards, width);
      for (let offset = range.offset; offset < range.offset + range.length; offset += width) {
        const hazard = hazardAt.get(offset);
        if (hazard !== undefined) {
          unread.add(hazard);
          continue;
        }
        const register = known.get(offset);
        const isWhole = register !== undefined && register.register.bits === 8 * width;
        cells.push({
          region,
          offset,
          width,
          name: register?.name ?? null,
          register: isWhole ? register.register : null,
          field: null,
          text,
        });
        const run = runs.at(-1);
        if (run !== undefined && run.offset + run.length === offset) run.length += width;
        else runs.push({ offset, length: width });
      }
      return {
        isRange: true,
        cells,
        unread: [...unread],
        *read() {
          for (const run of runs) yield* registers.words(run, width);
        },
      };
    },
  };
}

function named(
  target: Target,
  names: RegisterNames,
  word: string,
  width: Width | undefined,
  hazards: readonly Unread[],
): Part[] {
  const { fullName, locationOf } = require('../../regmap') as typeof import('../../regmap');
  const isPattern = /[*?]/.test(word);
  const found = isPattern
    ? names.matching(word).map((one) => ({ ...one, name: fullName(one), field: null, location: locationOf(one, null) }))
    : [resolve(word, names)];
  if (found.length === 0)
    throw new UdrvError('no register has a name like this', {
      code: 'ENOREGISTER',
      exit: Exit.notFound,
      subject: word,
    });
  return found.flatMap(({ name, register, field, location }) => {
    if (width !== undefined && width !== location.width)
      throw usageError(name, `is accessed with ${location.width} bytes: leave out -w ${width}`);
    checkLocation(target.address, expectRegion(target, location.region), location);
    const hazard = hazards.find((one) => overlaps(one, location));
    if (hazard !== undefined) {
      const prepare = () => ({ isRange: false, cells: [], unread: [hazard], read: () => [] });
      return { region: location.region, prepare };
    }
    const cell: Cell = {
      region: location.region,
      offset: location.offset,
      width: location.width,
      name,
      register: field === null ? register : null,
      field,
      text: (value) => valueText(location, value),
    };
    return {
      region: location.region,
      prepare(source: RegionSource) {
        const read = prepareRead(location, source);
        return { isRange: false, cells: [cell], unread: [], read: () => [read()] };
      },
    };
  });
}

/** Names the registers of a region by their offsets. @param region null: not known, but there is no other */
export function namesIn(
  names: RegisterNames | null,
  region: string | null,
): Map<number, { name: string; register: NamedRegister }> {
  if (names === null) return new Map();
  const { fullName } = require('../../regmap') as typeof import('../../regmap');
  const own = names.all().filter((one) => region === null || one.region === region);
  return new Map(own.map((one) => [one.offset, { name: fullName(one), register: one.register }]));
}

/** Lists the registers of a region that a map says reading changes. */
export function hazardsIn(names: RegisterNames, region: string): Unread[] {
  return hazardsOf(names).filter((one) => one.region === region);
}

/** Lists the registers that a map says reading changes. */
function hazardsOf(names: RegisterNames): Unread[] {
  const { fullName, readHazard } = require('../../regmap') as typeof import('../../regmap');
  const { bytesOf } = require('../../regmap/place') as typeof import('../../regmap/place');
  return names.all().flatMap((one) => {
    const reason = readHazard(one.register);
    if (reason === null) return [];
    return { name: fullName(one), region: one.region, offset: one.offset, bytes: bytesOf(one.register), reason };
  });
}

/** Finds hazards by the offsets of the accesses that reach them. */
export function byOffset(hazards: readonly Unread[], width: Width): Map<number, Unread> {
  const found = new Map<number, Unread>();
  for (const hazard of hazards)
    for (let at = hazard.offset - (hazard.offset % width); at < hazard.offset + hazard.bytes; at += width)
      found.set(at, hazard);
  return found;
}

function overlaps(one: Unread, location: Location): boolean {
  const { region, offset } = location;
  return one.region === region && one.offset < offset + spanOf(location) && offset < one.offset + one.bytes;
}

function mustBeFew(device: string, region: string, count: number): void {
  if (count <= MOST_CELLS) return;
  throw usageError(
    `${device} ${region}`,
    `has ${count} registers in this range: ${MOST_CELLS} at most are compared`,
    `give a part of it, as in ${region} 0x0+${hex(0x1000)}`,
  );
}

/** Remarks which registers are not read. */
export function noteUnread(context: Context, device: string, unread: readonly Unread[]): void {
  if (unread.length === 0) return;
  const { listed } = require('../../regmap/place') as typeof import('../../regmap/place');
  const names = unread.map(({ name, reason }) => `${name} (${reason})`);
  context.note(`${device}: not read: ${listed(names)}; --read-all reads what a read changes`);
}
