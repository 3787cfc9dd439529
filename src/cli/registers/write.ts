import { checkRange, checkValue, hexWord } from '../../model/registers';
import type { Width } from '../../sys/sys';
import { hex } from '../../text/hex';
import type { Context } from '../program/context';
import { parseSize, parseWord } from '../program/parse';
import { interruptible } from '../program/signals';
import { expectRegion, type FindTarget } from './target';

export interface WriteOptions {
  width: Width;
}

/** Writes one register of a device. */
export async function writeRegister(
  context: Context,
  find: FindTarget,
  selector: string,
  region: string,
  at: string,
  text: string,
  { width }: WriteOptions,
): Promise<number | undefined> {
  const offset = parseSize(at, 'an offset');
  const value = parseWord(text, 'a value');
  const target = find(context, selector);
  const info = expectRegion(target, region);
  checkRange(target.address, info, { offset, length: width }, width);
  checkValue(target.address, info, width, value);
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
