import { usageError } from '../errors';
import type { Word } from '../sys/sys';
import type { Region } from './device';
import {
  checkLocation,
  checkLocationValue,
  type Location,
  prepareRead,
  prepareWrite,
  type RegionSource,
  valueBits,
} from './location';
import { findRegion } from './registers';

/** Write `value` to `target`; a location as value is read first: `map0:0x64=map0:0x24`. */
export interface Action {
  target: Location;
  value: Word | Location;
}

/**
 * Resolves an action's regions and checks its offsets and value, so that running it is a write, or a read and a
 * write, and cannot fail for a mistake in the request.
 */
export function prepareAction({ target, value }: Action, source: RegionSource): () => void {
  const { device, info } = source.region(target.region);
  if (typeof value !== 'object') {
    checkLocationValue(device, info, target, value);
    const write = prepareWrite(target, source);
    return () => write(value);
  }
  checkFit(device, target, value);
  const read = prepareRead(value, source);
  const write = prepareWrite(target, source);
  return () => write(read());
}

/** Returns the registers that an action touches: its target, and the one that is read first. */
export function locationsOf({ target, value }: Action): Location[] {
  return typeof value === 'object' ? [target, value] : [target];
}

/** Throws what {@link prepareAction} would, without a device: for a request that must be right before one is opened. */
export function checkAction(action: Action, device: string, regions: readonly Region[]): void {
  for (const location of locationsOf(action))
    checkLocation(device, findRegion(device, regions, location.region), location);
  const { target, value } = action;
  if (typeof value === 'object') checkFit(device, target, value);
  else checkLocationValue(device, findRegion(device, regions, target.region), target, value);
}

/** Refuses to read a wider register than the one that is written, whatever its value. */
function checkFit(device: string, target: Location, value: Location): void {
  if (valueBits(value) <= valueBits(target)) return;
  const whole = [target, value].every(({ field, words }) => field === undefined && words === undefined);
  throw usageError(
    `${device} ${target.region}`,
    whole
      ? `a value of ${value.width} bytes does not fit a register of ${target.width}`
      : `a value of ${valueBits(value)} bits does not fit ${valueBits(target)} bits`,
  );
}

/** Prepares several actions as one call. */
export function prepareActions(actions: readonly Action[], source: RegionSource): () => void {
  const steps = actions.map((action) => prepareAction(action, source));
  const [only] = steps;
  // Usually it is one, and then the caller may be measuring latency.
  if (only !== undefined && steps.length === 1) return only;
  return () => {
    for (const step of steps) step();
  };
}
