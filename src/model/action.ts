import { usageError } from '../errors';
import type { Width, Word } from '../sys/sys';
import type { Region } from './device';
import { checkRange, checkValue, findRegion, type Registers } from './registers';

/** A register: `REGION:OFFSET[/WIDTH]`. */
export interface Location {
  region: string;
  offset: number;
  width: Width;
}

/** Write `value` to `target`; a location as value is read first: `map0:0x64=map0:0x24`. */
export interface Action {
  target: Location;
  value: Word | Location;
}

/** The source of the regions that actions name. */
export interface RegionSource {
  region(name: string): Registers;
}

/**
 * Resolves an action's regions and checks its offsets and value, so that running it is a write, or a read and a
 * write, and cannot fail for a mistake in the request.
 */
export function prepareAction({ target, value }: Action, source: RegionSource): () => void {
  const registers = source.region(target.region);
  if (typeof value !== 'object') {
    checkValue(registers.device, registers.info, target.width, value);
    const write = registers.writer(target.offset, target.width);
    return () => write(value);
  }
  checkFit(registers.device, target, value);
  const read = source.region(value.region).reader(value.offset, value.width);
  const write = registers.writer(target.offset, target.width);
  return () => write(read());
}

/** Returns the registers that an action touches: its target, and the one that is read first. */
export function locationsOf({ target, value }: Action): Location[] {
  return typeof value === 'object' ? [target, value] : [target];
}

/** Throws what {@link prepareAction} would, without a device: for a request that must be right before one is opened. */
export function checkAction(action: Action, device: string, regions: readonly Region[]): void {
  for (const { region, offset, width } of locationsOf(action))
    checkRange(device, findRegion(device, regions, region), { offset, length: width }, width);
  const { target, value } = action;
  if (typeof value === 'object') checkFit(device, target, value);
  else checkValue(device, findRegion(device, regions, target.region), target.width, value);
}

/** Refuses to read a wider register than the one that is written, whatever its value. */
function checkFit(device: string, target: Location, value: Location): void {
  if (value.width > target.width)
    throw usageError(
      `${device} ${target.region}`,
      `a value of ${value.width} bytes does not fit a register of ${target.width}`,
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
