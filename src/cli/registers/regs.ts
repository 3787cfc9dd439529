import { Exit, UdrvError } from '../../errors';
import { extractField, type Location, prepareRead, type RegionSource } from '../../model/location';
import type { PlacedRegister } from '../../regmap/names';
import type { Word } from '../../sys/sys';
import { hex } from '../../text/hex';
import { visible } from '../output/escape';
import type { Context } from '../program/context';
import { interruptible, signalCheck } from '../program/signals';
import { bitsText } from './bits';
import { expectNames } from './maps';
import { wholeText } from './place';
import type { FindTarget } from './target';

export interface RegsOptions {
  map?: string[];
  readAll?: boolean;
}

/** A register to show, with its place, and the reason why it is not read. */
interface Shown {
  placed: PlacedRegister;
  name: string;
  location: Location;
  unread: string | null;
}

/** Registers between two looks for a signal. */
const PIECE = 64;

/**
 * Reads the registers that a map names, each once, and prints them with their fields. Registers that reading changes are
 * left out of the reading, unless it is asked for.
 *
 * @param pattern with `*` and `?`; undefined: all
 */
export async function showRegisters(
  context: Context,
  find: FindTarget,
  selector: string,
  pattern: string | undefined,
  { map, readAll }: RegsOptions,
): Promise<number | undefined> {
  const target = find(context, selector);
  const names = expectNames(context, target, map);
  const { accessWidth, fullName, locationOf, readHazard } = require('../../regmap') as typeof import('../../regmap');
  const found = pattern === undefined ? names.all() : names.matching(pattern);
  if (found.length === 0)
    throw new UdrvError('no register has a name like this', {
      code: 'ENOREGISTER',
      exit: Exit.notFound,
      subject: pattern ?? target.address,
    });
  const shown = found.map((placed): Shown => {
    const { access, bits } = placed.register;
    const hazard = readHazard(placed.register);
    const isWriteOnly = access === 'write-only' || access === 'writeOnce';
    const { region, offset } = placed;
    const location = accessWidth(placed.register) === null ? null : locationOf(placed, null);
    return {
      placed,
      name: fullName(placed),
      location: location ?? { region, offset, width: 1 },
      unread: location === null ? `no access has ${bits} bits` : readAll && !isWriteOnly ? null : hazard,
    };
  });
  return await interruptible(async (signal) => {
    using device = target.open({ write: false });
    const interrupted = signalCheck(signal);
    const printer = context.options.json ? jsonPrinter(context, target.address) : textPrinter(context, shown);
    for (const [i, one] of shown.entries()) {
      if (i % PIECE === 0 && i > 0 && (await interrupted())) break;
      printer.print(one, readValue(one, device));
    }
    printer.end();
  });
}

function readValue({ location, unread }: Shown, device: RegionSource): Word | null {
  return unread === null ? prepareRead(location, device)() : null;
}

interface Printer {
  print(shown: Shown, value: Word | null): void;
  end(): void;
}

function textPrinter({ stdout, style }: Context, all: readonly Shown[]): Printer {
  const places = all.map(({ location }) => `${location.region}:${hex(location.offset)}`);
  const widest = (texts: readonly string[]) => texts.reduce((most, text) => Math.max(most, text.length), 0);
  const placeWidth = widest(places);
  const nameWidth = Math.min(40, widest(all.map(({ name }) => visible(name))));
  return {
    print({ placed, name, location, unread }, value) {
      const place = `${location.region}:${hex(location.offset)}`.padEnd(placeWidth);
      const text = value === null ? style.dim(`(${visible(unread ?? '')})`) : wholeText(location, value);
      stdout.write(`${place}  ${style.heading(visible(name).padEnd(nameWidth))}  ${text}\n`);
      if (value === null) return;
      const { fields } = placed.register;
      const fieldWidth = widest(fields.map((field) => visible(field.name)));
      for (const field of fields) {
        const own = extractField(value, field);
        const meaning = fieldMeaning(field, own);
        const line = `${bitsText(field).padStart(7)}  ${visible(field.name).padEnd(fieldWidth)}  ${hex(own)}`;
        stdout.write(`    ${line}${meaning === null ? '' : `  ${visible(meaning)}`}\n`);
      }
    },
    end() {},
  };
}

function jsonPrinter(context: Context, device: string): Printer {
  const registers: object[] = [];
  return {
    print({ placed, name, location, unread }, value) {
      const { region, offset, width } = location;
      registers.push({
        name,
        region,
        offset,
        width,
        value: value === null ? null : wholeText(location, value),
        unread,
        fields: placed.register.fields.map((field) => {
          const own = value === null ? null : extractField(value, field);
          return {
            name: field.name,
            bits: bitsText(field),
            value: own === null ? null : hex(own),
            meaning: own === null ? null : fieldMeaning(field, own),
          };
        }),
      });
    },
    end: () => context.printJson({ device, registers }),
  };
}

const fieldMeaning: typeof import('../../regmap').fieldMeaning = (...given) =>
  (require('../../regmap') as typeof import('../../regmap')).fieldMeaning(...given);
