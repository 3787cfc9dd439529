import { prepareRead, valueText } from '../../model/location';
import type { Width } from '../../sys/sys';
import type { Context } from '../program/context';
import { interruptible } from '../program/signals';
import { expectRegister } from './place';
import { type FindTarget, noteAllOnes, openTarget } from './target';

export interface ReadOptions {
  width?: Width;
  map?: string[];
  swap?: boolean;
}

/** Reads one register of a device, and prints it. @param given the region, `REGION:OFFSET`, or a name in a map */
export function readRegister(
  context: Context,
  find: FindTarget,
  selector: string,
  given: string,
  at: string | undefined,
  { width, map, swap = false }: ReadOptions,
): Promise<number | undefined> {
  const target = find(context, selector);
  const { location, named } = expectRegister(context, target, given, at, width, map);
  const { region, offset } = location;
  return interruptible(() => {
    using device = openTarget(target, { write: false, swap });
    const word = prepareRead(location, device)();
    const value = valueText(location, word);
    const meaning = named?.field ? meaningOf(named.field, word) : null;
    if (context.options.json) {
      const names = named === null ? {} : { name: named.name, ...(named.field !== null && { meaning }) };
      context.printJson({ region, offset, width: location.width, value, ...names });
    } else context.stdout.write(`${value}\n`);
    if (location.field === undefined && /^0xf+$/.test(value)) noteAllOnes(context, target, region);
  });
}

function meaningOf(...given: Parameters<typeof import('../../regmap').fieldMeaning>): string | null {
  return (require('../../regmap') as typeof import('../../regmap')).fieldMeaning(...given);
}
