import { checkRange, hexWord } from '../../model/registers';
import type { Width } from '../../sys/sys';
import type { Context } from '../program/context';
import { interruptible } from '../program/signals';
import { expectOffset, expectPlace, type FindTarget, noteAllOnes } from './target';

export interface ReadOptions {
  width: Width;
}

/** Reads one register of a device, and prints it. @param given the region, or `REGION:OFFSET` */
export function readRegister(
  context: Context,
  find: FindTarget,
  selector: string,
  given: string,
  at: string | undefined,
  { width }: ReadOptions,
): Promise<number | undefined> {
  const target = find(context, selector);
  const place = expectPlace(target, given, at);
  const offset = expectOffset(target, place);
  checkRange(target.address, place.region, { offset, length: width }, width);
  const region = place.region.name;
  return interruptible(() => {
    using device = target.open({ write: false });
    const value = hexWord(device.region(region).read(offset, width), width);
    if (context.options.json) context.printJson({ region, offset, width, value });
    else context.stdout.write(`${value}\n`);
    if (/^0xf+$/.test(value)) noteAllOnes(context, target, region);
  });
}
