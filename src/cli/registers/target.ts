import { usageError } from '../../errors';
import type { Region } from '../../model/device';
import type { RegionSource } from '../../model/location';
import { parseSize } from '../../model/notation';
import { findRegion } from '../../model/registers';
import type { Context } from '../program/context';

/** A device with registers, whatever its framework: known, and not opened yet, so that a wrong request touches nothing. */
export interface Target {
  address: string;
  regions: readonly Region[];
  /** Whether the regions' addresses are the CPU's, as those of SVD files are. */
  isPhysical?: boolean;
  /** Names under which a map may be kept for the device: `1234:11e8`, or what its `compatible` says. */
  kinds?(): string[];
  /** Returns what is known of a region that is not among `regions`, but may show once the device is open. */
  unseen?(name: string): Region | null;
  /** Tells a person how to find out whether the device answers at all. */
  allOnesHint?: string;
  /** The open as a step of `--dry-run`, where it changes the device. */
  openStep?: string;
  /** Tells, after a write and the close, why the value may not have lasted; null where it does. */
  writeNote?(region: string): string | null;
  /** Refuses a write that nobody insists on. @throws UdrvError exit 5 */
  checkWrite?(): void;
  open(options: { write: boolean }): OpenTarget;
}

/** A device that is open. */
export interface OpenTarget extends RegionSource, Disposable {
  /** Makes sure that an access to a region still reaches the device, for loops that last. @throws exit 8 and 1 */
  mustAnswer?(region: string): void;
}

/** Opens a device for its registers. @param swap exchange the bytes of each value: the registers are big-endian */
export function openTarget(target: Target, { write, swap = false }: { write: boolean; swap?: boolean }): OpenTarget {
  const device = target.open({ write });
  if (!swap) return device;
  return {
    region: (name) => device.region(name).swapped(),
    mustAnswer: (region) => device.mustAnswer?.(region),
    [Symbol.dispose]: () => device[Symbol.dispose](),
  };
}

/** Finds the device that a selector names. */
export type FindTarget = (context: Context, selector: string) => Target;

/**
 * Returns what is known of a region before its device is opened.
 *
 * @throws exit 3, naming the regions there are
 */
export function expectRegion(target: Target, name: string): Region {
  const seen = target.regions.find((region) => region.name === name);
  return seen ?? target.unseen?.(name) ?? findRegion(target.address, target.regions, name);
}

/** A region and the text behind it, which says where in it. */
export interface Place {
  region: Region;
  at: string | undefined;
}

/**
 * Finds a region and the place in it, given as two arguments or as one, `REGION:OFFSET`.
 *
 * @param at undefined where it was not given by itself
 * @throws exit 3, naming the regions there are; usage, where the place is given twice
 */
export function expectPlace(target: Target, given: string, at: string | undefined): Place {
  const colon = given.lastIndexOf(':');
  // The name of a region may have a colon too: `recv:14748`.
  if (at !== undefined && hasRegion(target, given.slice(0, Math.max(colon, 0))) && !hasRegion(target, given))
    throw usageError(`${given} ${at}`, 'both say where in the region: give one', `${given}, or a region and ${at}`);
  if (at !== undefined || colon < 0 || hasRegion(target, given)) return { region: expectRegion(target, given), at };
  return { region: expectRegion(target, given.slice(0, colon)), at: given.slice(colon + 1) };
}

/** @throws usage, where the place of a register was not given */
export function expectOffset(target: Target, { region, at }: Place): number {
  if (at !== undefined) return parseSize(at, 'an offset');
  const others = target.regions.map(({ name }) => name).filter((name) => name !== region.name);
  throw usageError(
    `${target.address} ${region.name}`,
    'no offset: write REGION OFFSET or REGION:OFFSET',
    `${region.name}:0x0 is its first register${others.length === 0 ? '' : `; other regions are ${others.join(', ')}`}`,
  );
}

export function hasRegion({ regions }: Target, name: string): boolean {
  return regions.some((region) => region.name === name || region.label === name);
}

/**
 * Remarks that all registers that were read are ones. Those of a device that sleeps or has no power are; of one that
 * works, some may be.
 */
export function noteAllOnes(context: Context, { address, allOnesHint }: Target, region: string): void {
  if (allOnesHint === undefined) return;
  context.note(`${address} ${region}: all ones, as where nothing answers: ${allOnesHint}`);
}
