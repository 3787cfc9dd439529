import { checkRange, checkValue, hexWord } from '../../model/registers';
import type { Width } from '../../sys/sys';
import { hex } from '../../text/hex';
import type { Context } from '../program/context';
import { missingArgument } from '../program/options';
import { parseValue } from '../program/parse';
import { interruptible } from '../program/signals';
import { expectOffset, expectPlace, type FindTarget } from './target';

export interface WriteOptions {
  width: Width;
}

/**
 * Writes one register of a device.
 *
 * @param given the region, or `REGION:OFFSET`, and then the value is the last argument
 * @throws CommanderError where the value is missing: behind a region alone, one argument is the offset
 */
export async function writeRegister(
  context: Context,
  find: FindTarget,
  selector: string,
  given: string,
  second: string,
  third: string | undefined,
  { width }: WriteOptions,
): Promise<number | undefined> {
  const [at, text] = third === undefined ? [undefined, second] : [second, third];
  const value = parseValue(text, width);
  const target = find(context, selector);
  const place = expectPlace(target, given, at);
  if (third === undefined && place.at === undefined) throw missingArgument('value');
  const offset = expectOffset(target, place);
  checkRange(target.address, place.region, { offset, length: width }, width);
  checkValue(target.address, place.region, width, value);
  const region = place.region.name;
  const step = `${target.address} ${region}:${hex(offset)}/${width}=${hexWord(value, width)}`;
  if (context.options.dryRun) {
    context.printSteps(target.openStep === undefined ? [step] : [target.openStep, step]);
    return undefined;
  }
  const signal = await interruptible(() => {
    using device = target.open({ write: true });
    device.region(region).write(offset, width, value);
    if (context.options.verbose) context.note(step);
  });
  const note = target.writeNote?.(region) ?? null;
  if (note !== null) context.note(`${target.address} ${region}: ${note}`);
  return signal;
}
