import { checkRange, checkValue, hexWord } from '../../model/registers';
import type { Width } from '../../sys/sys';
import { hex } from '../../text/hex';
import type { OpenOptions } from '../../vfio/device/device';
import type { Context } from '../context';
import { parseSize, parseWord } from '../parse';
import { expectRegion, type FindTarget, uioTarget, vfioTarget } from './target';

interface WriteOptions {
  width: Width;
}

export function writeUio(context: Context, ...request: [string, string, string, string, WriteOptions]): undefined {
  write(context, uioTarget, ...request);
}

export function writeVfio(
  context: Context,
  selector: string,
  region: string,
  at: string,
  value: string,
  options: WriteOptions & OpenOptions,
): undefined {
  write(context, vfioTarget(options), selector, region, at, value, options);
}

function write(
  context: Context,
  find: FindTarget,
  selector: string,
  region: string,
  at: string,
  text: string,
  { width }: WriteOptions,
): void {
  const offset = parseSize(at, 'an offset');
  const value = parseWord(text, 'a value');
  const target = find(context, selector);
  const info = expectRegion(target, region);
  checkRange(target.address, info, { offset, length: width }, width);
  checkValue(target.address, info, width, value);
  const step = `${target.address} ${region}:${hex(offset)}/${width}=${hexWord(value, width)}`;
  if (context.options.dryRun) {
    context.printSteps([step]);
    return;
  }
  using device = target.open({ write: true });
  device.region(region).write(offset, width, value);
  if (context.options.verbose) context.note(step);
}
