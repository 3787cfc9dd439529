import { usageError } from '../errors';
import type { EnumeratedValue, RegisterField, ResolvedLocation } from '../regmap';
import { hex } from '../text/hex';
import type { DescribeDocument } from './documents/registers';
import { visible } from './output/escape';
import type { VerbSpec } from './program/command';
import type { Context } from './program/context';
import { readInput } from './program/input';
import { argument } from './program/options';
import { bitsText, drawBits } from './registers/bits';
import { mapOption } from './registers/options';
import { wrapWords } from './tables/text-width';

export const command: VerbSpec = {
  description: 'a register as a map has it: its bits, fields and values',
  arguments: [argument('<register>', 'REG, PERIPHERAL.REG, or either with .FIELD')],
  options: [mapOption()],
  examples: ['describe STATUS --map edu.json', '--json describe EDU.DMA_COMMAND --map edu.json'],
  run: describe,
};

/** Columns that a text takes at most. */
const WIDTH = 80;

function describe(context: Context, word: string, { map: given = [] }: { map?: string[] }): undefined {
  if (given.length === 0) throw usageError('describe', 'no map', 'give --map FILE');
  const regmap = require('../regmap') as typeof import('../regmap');
  const { LARGEST_FILE } = require('../regmap/limits') as typeof import('../regmap/limits');
  const placed = given.flatMap((text) => {
    const { file, peripheral } = regmap.parseMapReference(text);
    const map = regmap.parseRegisterMap(readInput(file, LARGEST_FILE, context.options.timeout), file);
    const wanted = peripheral === null ? map.peripherals : [regmap.findPeripheral(map, file, peripheral)];
    // In no region: nothing is accessed.
    return wanted.map((one) => ({ peripheral: one, region: '', offset: 0 }));
  });
  const found = regmap.resolveLocation(word, new regmap.RegisterNames(placed));
  if (context.options.json) context.printJson(document(found));
  else context.stdout.write(text(context, found));
}

function text({ style }: Context, { peripheral, register, field }: ResolvedLocation): string {
  const { offset, bits, access, readAction, writeAction, resetValue } = register;
  const facts = [
    `at ${hex(peripheral.base + BigInt(offset))}`,
    `${bits} bits`,
    access,
    ...(readAction === null ? [] : [`reading: ${readAction}`]),
    ...(writeAction === null ? [] : [`writing: ${writeAction}`]),
    ...(resetValue === null ? [] : [`reset ${hex(resetValue, Math.ceil(bits / 4))}`]),
  ];
  const fields = field === null ? [...register.fields].sort((a, b) => b.lsb - a.lsb) : [field];
  const lines = [
    style.heading(visible(`${peripheral.name}.${register.name}`)),
    ...indented(facts.join(', '), 2),
    ...indented(register.description ?? '', 2),
    '',
    ...drawBits(bits, register.fields),
    ...fields.flatMap((one) => ['', ...fieldLines(one, access)]),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function fieldLines(
  { name, lsb, bits, access, readAction, writeAction, description, values }: RegisterField,
  around: string,
): string[] {
  const facts = [
    ...(access === around ? [] : [access]),
    ...(readAction === null ? [] : [`reading: ${readAction}`]),
    ...(writeAction === null ? [] : [`writing: ${writeAction}`]),
  ];
  return [
    `${bitsText({ lsb, bits }).padStart(7)}  ${visible(name)}${facts.length === 0 ? '' : `  (${facts.join(', ')})`}`,
    ...indented(description ?? '', 9),
    ...values.flatMap((value) =>
      indented(
        `${patternText(value, bits)} ${value.name}${value.description === null ? '' : `: ${value.description}`}`,
        11,
      ),
    ),
  ];
}

/** Breaks a text of a file into lines. */
function indented(text: string, columns: number): string[] {
  if (text === '') return [];
  return wrapWords(visible(text).split(' '), WIDTH - columns).map((line) => `${' '.repeat(columns)}${line}`);
}

/** Formats a value: `0x3`, `1xx` in binary where bits do not count, `other` for all that have no name. */
function patternText({ value, mask }: EnumeratedValue, bits: number): string {
  if (value === null) return 'other';
  const digits = Array.from({ length: bits }, (_, i) => BigInt(bits - 1 - i)).map((bit) =>
    ((mask >> bit) & 1n) === 0n ? 'x' : String((value >> bit) & 1n),
  );
  return digits.includes('x') ? `0b${digits.join('')}` : hex(value);
}

function document({ name, peripheral, register, field }: ResolvedLocation): DescribeDocument {
  const { offset, bits, access, readAction, writeAction, resetValue, description } = register;
  return {
    schema: 'udrv.describe/1',
    name,
    peripheral: peripheral.name,
    address: hex(peripheral.base + BigInt(offset)),
    offset,
    bits,
    access,
    readAction,
    writeAction,
    reset: resetValue === null ? null : hex(resetValue, Math.ceil(bits / 4)),
    description,
    fields: (field === null ? register.fields : [field]).map((one) => ({
      name: one.name,
      bits: bitsText(one),
      access: one.access,
      readAction: one.readAction,
      writeAction: one.writeAction,
      description: one.description,
      values: one.values.map((value) => ({
        name: value.name,
        value: patternText(value, one.bits),
        description: value.description,
      })),
    })),
  };
}
