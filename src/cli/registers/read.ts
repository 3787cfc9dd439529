import { checkRange, hexWord } from '../../model/registers';
import type { Width } from '../../sys/sys';
import type { Context } from '../program/context';
import { parseSize } from '../program/parse';
import { interruptible } from '../program/signals';
import { expectRegion, type FindTarget, noteAllOnes } from './target';

export interface ReadOptions {
  width: Width;
}

/** Reads one register of a device, and prints it. */
export function readRegister(
  context: Context,
  find: FindTarget,
  selector: string,
  region: string,
  at: string,
  { width }: ReadOptions,
): Promise<number | undefined> {
  const offset = parseSize(at, 'an offset');
  const target = find(context, selector);
  const info = expectRegion(target, region);
  checkRange(target.address, info, { offset, length: width }, width);
  return interruptible(() => {
    using device = target.open({ write: false });
    const value = hexWord(device.region(region).read(offset, width), width);
    if (context.options.json) context.printJson({ region, offset, width, value });
    else context.stdout.write(`${value}\n`);
    if (/^0xf+$/.test(value)) noteAllOnes(context, target, region);
  });
}
