import { existsSync } from 'node:fs';
import { findDevices } from '../devices/select';
import { Exit, UdrvError, usageError } from '../errors';
import { parseRange } from '../model/notation';
import { checkRange, hexWord, putWordLE, type Range } from '../model/registers';
import { NO_NAMES } from '../names/database';
import type { NamedRegister } from '../regmap/model';
import type { RegisterNames } from '../regmap/names';
import { attempt } from '../sys/attempt';
import type { Width } from '../sys/sys';
import { hex } from '../text/hex';
import { type Comparison, compareBlocks, type Difference } from './changes/compare';
import { type Block, clipped, type Dump, parseDump } from './changes/dump-file';
import { changedFields, changedFieldsText } from './changes/fields';
import { byOffset, hazardsIn, namesIn, noteUnread, nothingLeft, type Unread } from './changes/parts';
import { visible } from './output/escape';
import type { VerbSpec } from './program/command';
import type { Context } from './program/context';
import { readInput } from './program/input';
import { argument, missingArgument } from './program/options';
import { interruptible } from './program/signals';
import { findAnyTarget } from './registers/any';
import { namesWithoutDevice, registerNames } from './registers/maps';
import { mapOption, readAllOption, swapOption, widthOption } from './registers/options';
import { expectRegion, openTarget } from './registers/target';
import { table } from './tables/table';

export const command: VerbSpec = {
  description: 'compare a dump of registers with another, or with a device',
  arguments: [
    argument('<file>', 'what dump wrote, in any format; - is standard input'),
    argument('<device>', 'a device with these registers now, or another file'),
    argument('[region]', 'of the device; needed unless the dump is JSON, which tells'),
    argument('[range]', 'only this part: OFFSET, OFFSET+LENGTH or OFFSET-END'),
  ],
  options: [widthOption(), mapOption(), swapOption(), readAllOption()],
  does: ['open'],
  decides: true,
  examples: ['diff before.txt uio0 map0 --map edu.json', 'diff before.txt after.json'],
  run: diff,
};

interface DiffOptions {
  width?: Width;
  map?: string[];
  swap?: boolean;
  readAll?: boolean;
}

/** A dump of all of a BAR of 64 MiB, as lines of words, has three times as many bytes. */
const LARGEST_DUMP = 256 * 1024 * 1024;

/** One side of a comparison, ready to be compared. */
interface Side {
  title: string;
  region: string | null;
  blocks: Block[];
}

function diff(
  context: Context,
  file: string,
  second: string,
  region: string | undefined,
  range: string | undefined,
  options: DiffOptions,
): Promise<number | undefined> | number {
  const before = readDump(context, file);
  if (region !== undefined || (second !== '-' && !existsSync(second))) {
    if (region === undefined && attempt(() => findDevices(context.sys, NO_NAMES, second), []).length === 0)
      throw new UdrvError('is neither a file nor a device', { code: 'ENOENT', exit: Exit.notFound, subject: second });
    return againstDevice(context, file, before, { selector: second, region: region ?? before.region, range }, options);
  }
  if (options.swap) throw usageError('--swap', 'is for a device: files have the values as they were dumped');
  const after = readDump(context, second);
  const width = options.width ?? before.width ?? after.width ?? 4;
  for (const [path, { blocks }] of [[file, before] as const, [second, after] as const])
    for (const block of blocks) mustFit(path, block, width);
  const own = before.region ?? after.region;
  const names = namesWithoutDevice(context, options.map, own ?? undefined);
  return print(
    context,
    { title: file, region: own, blocks: before.blocks },
    { title: second, region: own, blocks: after.blocks },
    { width, names, unread: [] },
  );
}

function readDump({ options }: Context, path: string): Dump {
  return parseDump(readInput(path, LARGEST_DUMP, options.timeout), path);
}

interface Asked {
  selector: string;
  region: string | null;
  range: string | undefined;
}

/** Compares with the registers of a device: those that the dump has, each read once, with the dump's width. */
async function againstDevice(
  context: Context,
  file: string,
  dump: Dump,
  { selector, region: regionName, range: rangeText }: Asked,
  { width: typed, map, swap = false, readAll = false }: DiffOptions,
): Promise<number | undefined> {
  const target = findAnyTarget(context, selector);
  if (regionName === null)
    throw missingArgument('region', undefined, { values: target.regions.map(({ name }) => name), none: 'no regions' });
  const region = expectRegion(target, regionName);
  const width = typed ?? dump.width ?? 4;
  const range = rangeText === undefined ? null : parseRange(rangeText, width);
  if (range !== null) checkRange(target.address, region, range, width);
  const names = registerNames(context, target, map);
  const hazards = readAll || names === null ? [] : hazardsIn(names, region.name);
  const blocks = blocksToRead(file, dump, range, width);
  for (const { offset, bytes } of blocks) checkRange(target.address, region, { offset, length: bytes.length }, width);
  const unread = new Set<Unread>();
  const before = withoutHazards(blocks, byOffset(hazards, width), width, unread);
  noteUnread(context, target.address, [...unread]);
  if (before.length === 0 && blocks.length > 0) throw nothingLeft(target.address);
  let different: number | undefined;
  const signalled = await interruptible(() => {
    using device = openTarget(target, { write: false, swap });
    const registers = device.region(region.name);
    const after = before.map(({ offset, bytes }) => {
      const now = Buffer.alloc(bytes.length);
      let at = 0;
      for (const word of registers.words({ offset, length: bytes.length }, width)) {
        putWordLE(now, at, width, word);
        at += width;
      }
      return { offset, bytes: now };
    });
    const title = `${target.address} ${region.name}`;
    different = print(
      context,
      { title: file, region: region.name, blocks: before },
      { title, region: region.name, blocks: after },
      { width, names, unread: [...unread] },
    );
  });
  return signalled ?? different;
}

/** Returns the part of a dump that a range has; raw bytes begin where the range does. */
function blocksToRead(file: string, { blocks, isRaw }: Dump, range: Range | null, width: Width): Block[] {
  const placed = isRaw ? blocks.map(({ bytes }) => ({ offset: range?.offset ?? 0, bytes })) : blocks;
  const asked = range === null ? placed : clipped(placed, range.offset, range.offset + range.length);
  for (const block of asked) mustFit(file, block, width);
  return asked;
}

/** @throws usage, unless a block has whole registers of this width */
function mustFit(path: string, { offset, bytes }: Block, width: Width): void {
  if (offset % width === 0 && bytes.length % width === 0) return;
  throw usageError(
    path,
    `has ${hex(bytes.length)} bytes at ${hex(offset)}: no registers of ${width} bytes`,
    'choose another width with -w 1|2|4|8',
  );
}

/** Leaves out the registers that reading changes. */
function withoutHazards(
  blocks: readonly Block[],
  hazards: ReadonlyMap<number, Unread>,
  width: Width,
  unread: Set<Unread>,
): Block[] {
  if (hazards.size === 0) return [...blocks];
  return blocks.flatMap(({ offset, bytes }) => {
    const kept: Block[] = [];
    let start = offset;
    const keep = (end: number) => {
      if (end > start) kept.push({ offset: start, bytes: bytes.subarray(start - offset, end - offset) });
    };
    for (let at = offset; at < offset + bytes.length; at += width) {
      const hazard = hazards.get(at);
      if (hazard === undefined) continue;
      unread.add(hazard);
      keep(at);
      start = at + width;
    }
    keep(offset + bytes.length);
    return kept;
  });
}

interface Comparing {
  width: Width;
  names: RegisterNames | null;
  unread: readonly Unread[];
}

/** Prints the differences. @returns the exit code */
function print(context: Context, before: Side, after: Side, { width, names, unread }: Comparing): number {
  const comparison = compareBlocks(before.blocks, after.blocks, width);
  const { differences, onlyBefore, onlyAfter } = comparison;
  const known = namesIn(names, before.region);
  const nameOf = ({ offset }: Difference) => known.get(offset)?.name ?? null;
  const fieldsOf = (one: Difference) => {
    const register: NamedRegister | undefined = known.get(one.offset)?.register;
    return register?.bits === 8 * width ? changedFields(register, one.before, one.after) : [];
  };
  const same = differences.length + onlyBefore.length + onlyAfter.length === 0;
  if (context.options.json)
    context.printJson({
      schema: 'udrv.diff/1',
      before: before.title,
      after: after.title,
      region: before.region,
      width,
      same,
      differences: differences.map((one) => ({
        offset: one.offset,
        name: nameOf(one),
        before: hexWord(one.before, width),
        after: hexWord(one.after, width),
        fields: fieldsOf(one),
      })),
      onlyBefore,
      onlyAfter,
      unread: unread.map(({ name, offset, reason }) => ({ name, offset, reason })),
    });
  else if (!same) {
    const rows = differences.map((one) => [
      hex(one.offset, 4),
      hexWord(one.before, width),
      hexWord(one.after, width),
      visible(nameOf(one) ?? ''),
      changedFieldsText(fieldsOf(one)),
    ]);
    context.page(text(context, rows, comparison, before.title, after.title));
  }
  return same ? Exit.ok : Exit.failed;
}

const COLUMNS = [{ title: 'OFFSET' }, { title: 'BEFORE' }, { title: 'AFTER' }, { title: 'NAME' }, { title: 'FIELDS' }];

function text(
  { style, width }: Context,
  rows: readonly (readonly string[])[],
  { onlyBefore, onlyAfter }: Comparison,
  before: string,
  after: string,
): string {
  // Columns in which nothing stands are left out.
  const used = COLUMNS.map((_, i) => i < 3 || rows.some((row) => row[i] !== ''));
  const shown = rows.map((row) => row.filter((_, i) => used[i]));
  const columns = COLUMNS.filter((_, i) => used[i]);
  const only = (ranges: readonly Range[], title: string) =>
    ranges.map(({ offset, length }) => `only in ${visible(title)}: ${hex(offset)}-${hex(offset + length)}\n`);
  return [
    rows.length === 0 ? '' : table(shown, { columns, headings: true, style, width, wrap: true }),
    ...only(onlyBefore, before),
    ...only(onlyAfter, after),
  ].join('');
}
