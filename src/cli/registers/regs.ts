import { extractField, wholeText } from '../../model/location';
import type { ListedRegister } from '../../regmap/listing';
import { fieldMeaning } from '../../regmap/model';
import type { Word } from '../../sys/sys';
import { hex } from '../../text/hex';
import type { NamedValue } from '../documents/registers';
import { visible } from '../output/escape';
import type { Context } from '../program/context';
import { interruptible, signalCheck } from '../program/signals';
import { bitsText } from './bits';
import { expectNames } from './maps';
import { type FindTarget, openTarget } from './target';

export interface RegsOptions {
  map?: string[];
  readAll?: boolean;
  swap?: boolean;
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
  { map, readAll, swap = false }: RegsOptions,
): Promise<number | undefined> {
  const target = find(context, selector);
  const names = expectNames(context, target, map);
  const { listRegisters, readListed } = require('../../regmap/listing') as typeof import('../../regmap/listing');
  const listed = listRegisters(names, target.address, pattern, { readAll });
  return await interruptible(async (signal) => {
    using device = openTarget(target, { write: false, swap });
    const interrupted = signalCheck(signal);
    const printer = context.options.json ? jsonPrinter(context, target.address) : registersPrinter(context, listed);
    for (const [i, one] of listed.entries()) {
      if (i % PIECE === 0 && i > 0 && (await interrupted())) break;
      printer.print(one, readListed(one, device));
    }
    printer.end();
  });
}

export interface RegistersPrinter {
  print(listed: ListedRegister, value: Word | null): void;
  end(): void;
}

/** Makes a printer of registers for people. @param all gives the widths of the columns */
export function registersPrinter({ stdout, style }: Context, all: readonly ListedRegister[]): RegistersPrinter {
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

/** Returns a register for programs. */
export function registerDocument({ placed, name, location, unread }: ListedRegister, value: Word | null): NamedValue {
  const { region, offset, width } = location;
  return {
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
  };
}

function jsonPrinter(context: Context, device: string): RegistersPrinter {
  const registers: NamedValue[] = [];
  return {
    print: (listed, value) => void registers.push(registerDocument(listed, value)),
    end: () => context.printJson({ schema: 'udrv.regs/1', device, registers }),
  };
}
