import { checkRange, hexWord } from '../../model/registers';
import type { Width } from '../../sys/sys';
import type { OpenOptions } from '../../vfio/device/device';
import type { Context } from '../context';
import { parseSize } from '../parse';
import { expectRegion, type FindTarget, noteAllOnes, uioTarget, vfioTarget } from './target';

interface ReadOptions {
  width: Width;
}

export function readUio(context: Context, ...request: [string, string, string, ReadOptions]): undefined {
  read(context, uioTarget, ...request);
}

export function readVfio(
  context: Context,
  selector: string,
  region: string,
  at: string,
  options: ReadOptions & OpenOptions,
): undefined {
  read(context, vfioTarget(options), selector, region, at, options);
}

function read(
  context: Context,
  find: FindTarget,
  selector: string,
  region: string,
  at: string,
  { width }: ReadOptions,
): void {
  const offset = parseSize(at, 'an offset');
  const target = find(context, selector);
  const info = expectRegion(target, region);
  checkRange(target.address, info, { offset, length: width }, width);
  using device = target.open({ write: false });
  const value = hexWord(device.region(region).read(offset, width), width);
  if (context.options.json) context.printJson({ region, offset, width, value });
  else context.stdout.write(`${value}\n`);
  if (/^0xf+$/.test(value)) noteAllOnes(context, target, region);
}
