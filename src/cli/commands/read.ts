import { checkRange, findRegion, hexWord } from '../../model/registers';
import type { Width } from '../../sys/sys';
import type { Context } from '../context';
import { parseSize } from '../parse';
import { type FindTarget, uioTarget } from './target';

interface ReadOptions {
  width: Width;
}

export function readUio(context: Context, ...request: [string, string, string, ReadOptions]): undefined {
  read(context, uioTarget, ...request);
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
  checkRange(target.address, findRegion(target.address, target.regions, region), { offset, length: width }, width);
  using device = target.open({ write: false });
  const value = hexWord(device.region(region).read(offset, width), width);
  if (context.options.json) context.printJson({ region, offset, width, value });
  else context.stdout.write(`${value}\n`);
}
