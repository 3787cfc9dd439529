import {
  checkLocationValue,
  insertField,
  type Location,
  prepareRead,
  prepareWrite,
  type RegionSource,
  readsBeforeWrite,
  valueText,
  wholeText,
} from '../../model/location';
import { parseValue } from '../../model/notation';
import { checkNamedWrite } from '../../regmap/hazards';
import { fieldValue } from '../../regmap/values';
import type { Width, Word } from '../../sys/sys';
import { hex } from '../../text/hex';
import type { Context } from '../program/context';
import { missingArgument } from '../program/options';
import { interruptible } from '../program/signals';
import { expectRegister } from './place';
import { type FindTarget, hasRegion, openTarget } from './target';

export interface WriteOptions {
  width?: Width;
  map?: string[];
  force?: boolean;
  swap?: boolean;
}

/**
 * Writes one register of a device, or a field of one by reading the register first.
 *
 * @param given the region, `REGION:OFFSET`, or a name in a map, and in the last two the value is the last argument
 * @throws CommanderError where the value is missing: behind a region alone, one argument is the offset
 */
export async function writeRegister(
  context: Context,
  find: FindTarget,
  selector: string,
  given: string,
  second: string,
  third: string | undefined,
  { width, map, force, swap = false }: WriteOptions,
): Promise<number | undefined> {
  const [at, text] = third === undefined ? [undefined, second] : [second, third];
  // A mistake in a number is told before the device is looked for; its width may be that of a name.
  if (/^-?\d/.test(text) || third !== undefined) parseValue(text, width ?? 8);
  const target = find(context, selector);
  if (third === undefined && hasRegion(target, given)) throw missingArgument('value');
  const { location, region, named } = expectRegister(context, target, given, at, width, map);
  const value = (named === null ? null : fieldValue(named, text, 'write')) ?? parseValue(text, location.width);
  checkLocationValue(target.address, region, location, value);
  if (!force) target.checkWrite?.();
  if (named !== null && !force) checkNamedWrite(named, true);
  const place = `${target.address} ${location.region}:${hex(location.offset)}/${location.width}`;
  const step = `${place}=${valueText(location, value)}${named === null ? '' : ` (${named.name})`}`;
  const readsFirst = readsBeforeWrite(location);
  if (context.options.dryRun) {
    const steps = readsFirst ? [`read ${place}`, `write ${step}, the other bits as they were read`] : [step];
    context.printSteps(target.openStep === undefined ? steps : [target.openStep, ...steps]);
    return undefined;
  }
  const signal = await interruptible(() => {
    using device = openTarget(target, { write: true, swap });
    if (readsFirst) context.note(`${place}: ${writeField(location, value, device)} (${named?.name})`);
    else {
      prepareWrite(location, device)(value);
      if (context.options.verbose) context.note(step);
    }
  });
  const note = target.writeNote?.(location.region) ?? null;
  if (note !== null) context.note(`${target.address} ${location.region}: ${note}`);
  return signal;
}

/** Writes a field. @returns the accesses that were made */
function writeField(location: Location, value: Word, source: RegionSource): string {
  const { field, ...whole } = location;
  const read = prepareRead(whole, source);
  const write = prepareWrite(whole, source);
  const before = read();
  const after = field === undefined ? value : insertField(before, field, value);
  write(after);
  return `read ${wholeText(location, before)}, wrote ${wholeText(location, after)}`;
}
