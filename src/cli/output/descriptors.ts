/** USB descriptors for a person: a tree with a line for each field, its value, and the meaning of that. */
import { hex } from '../../text/hex';
import { idPair } from '../../text/ids';
import type { Descriptor } from '../../usb/decode/descriptor';
import { describeReport, type ReportDescriptor, type ReportLine, type ReportSize } from '../../usb/decode/hid/report';
import { contextIn, type DecodeContext } from '../../usb/decode/json';
import type { AnyField, DescriptorValue, Layout, Values } from '../../usb/decode/layout';
import { bcd, counted } from '../../usb/decode/meaning';
import type { Answers } from '../../usb/inspect/ask';
import { authorizeCommand } from '../../usb/inspect/authorize';
import type { UsbDescription } from '../../usb/inspect/describe';
import { visible } from './escape';
import type { Style } from './style';
import { columns } from './table';
import { shortened, textWidth } from './text-width';

/** Width of meanings side by side; where there are more, they stand one below the other. */
const WIDE = 72;
const BYTES_IN_LINE = 16;
/** Depth at which collections of a report descriptor are not indented any further. */
const DEEPEST = 12;

interface Row {
  name: string;
  value: string;
  means: readonly string[];
}

export interface DescriptorOptions {
  style: Style;
  /** Shows length and type of each descriptor too, which its heading tells. */
  verbose: boolean;
  /** The width of the terminal; no line is broken without one. */
  width: number | undefined;
}

interface Look extends DescriptorOptions {
  /** The value of the active configuration. */
  active: number | null;
}

/** Describes the descriptors of a device. @param facts of the device itself, for its head */
export function describeDescriptors(
  description: UsbDescription,
  facts: readonly (readonly [key: string, value: string])[],
  options: DescriptorOptions,
): string {
  const { device, tree, bos, context, answers, errors } = description;
  const look = { ...options, active: device.usb.configuration };
  const { style, width = Number.POSITIVE_INFINITY } = options;
  const address = visible(device.address);
  const id = idPair(device.vendorId, device.deviceId);
  const room = width - textWidth(`${address}  ${id}  `);
  const parts: string[] = [
    `${style.heading(address)}  ${id}  ${shortened(visible(device.name), room)}\n`,
    columns(facts.map(([key, value]) => [`  ${key}`, visible(value)])),
  ];
  if (device.usb.authorized === false)
    parts.push(style.warning(`not authorized: ${authorizeCommand(device.address)}\n`));
  const add = (descriptors: readonly Descriptor[]) => {
    for (const found of descriptors) addDescriptor(parts, found, context, look, 0);
  };
  add(tree.descriptors);
  if (tree.descriptors.length === 0) parts.push(style.warning('no descriptors\n'));
  for (const note of tree.notes) parts.push(noteText(note, '', look), hexBlock(tree.rest, '  '));
  if (bos !== null) {
    add(bos.descriptors);
    for (const note of bos.notes) parts.push(noteText(note, '', look), hexBlock(bos.rest, '  '));
  }
  if (answers !== null) addAnswers(parts, answers, context, look);
  for (const { path, code } of errors) parts.push(style.warning(`could not read ${visible(path)} (${code})\n`));
  return parts.join('');
}

function addAnswers(
  lines: string[],
  { descriptors, strings, unanswered }: Answers,
  context: DecodeContext,
  look: Look,
): void {
  const { style } = look;
  for (const found of descriptors) addDescriptor(lines, found, context, look, 0);
  if (strings.length > 0) lines.push(style.heading('Strings\n'));
  for (const { langId, index, text } of strings)
    lines.push(`  ${hex(langId, 4)}  ${String(index).padStart(3)}  ${visible(text)}\n`);
  if (unanswered.length > 0) lines.push(style.heading('Not answered\n'));
  for (const { what, code } of unanswered)
    lines.push(`  ${what}: ${code === 'EPIPE' ? 'the device has none (stall)' : code}\n`);
}

/**
 * Appends the lines of a descriptor and those below it to one list: there may be more than a call can have arguments.
 */
function addDescriptor(
  lines: string[],
  descriptor: Descriptor,
  around: DecodeContext,
  look: Look,
  depth: number,
): void {
  const { style, active, verbose } = look;
  const context = contextIn(descriptor, around);
  const { layout, values, rest, byShape, notes, children } = descriptor;
  const indent = '  '.repeat(depth);
  const inner = `${indent}  `;
  const scope = { ...context, values };
  const rows = layout.fields.flatMap((field) => {
    const value = values[field.name];
    if (value === undefined || (!verbose && isTold(field, layout))) return [];
    return fieldRows(field, value, field.means(value, scope), context);
  });
  if (rest.length > 0) rows.push({ name: 'more', value: hexText(rest.toString('hex')), means: [] });
  lines.push(`${indent}${style.heading(title(descriptor, active))}${byShape ? ' (by its shape)' : ''}\n`);
  addRows(lines, rows, inner, look);
  for (const note of notes) lines.push(noteText(note, inner, look));
  const report = context.reports.get(descriptor);
  if (report !== undefined) addReport(lines, report, inner, look);
  for (const child of children) addDescriptor(lines, child, context, look, depth + 1);
}

/** Length, type and subtype, with the names that they have in the specifications of the classes. */
const HEADER = /^(?:[bw]Length|bFunctionLength|bDescLength|[bw]DescriptorType|bDescriptorSubtype|bDevCapabilityType)$/;

/** Layouts for whatever is not known, whose heading tells no type. */
const OF_ANY_TYPE = /unknown$|^capability$/;

/** Tells whether a field is the same in each descriptor under this heading. */
function isTold({ name }: AnyField, { id }: Layout): boolean {
  return HEADER.test(name) && !OF_ANY_TYPE.test(id);
}

function addReport(lines: string[], report: ReportDescriptor, indent: string, look: Look): void {
  const { style, width } = look;
  const { items, sizes, notes } = describeReport(report);
  const inner = `${indent}  `;
  lines.push(`${indent}${style.heading('Report descriptor')}\n`);
  for (const item of items) {
    const nesting = '  '.repeat(Math.min(item.depth, DEEPEST));
    const bytes = hexText(item.bytes.slice(0, SHORT_ITEM * 2)).padEnd(SHORT_ITEM * 3 - 1);
    const [first = '', ...more] = words(itemText(item), width, `${inner}${bytes}  ${nesting}`.length);
    lines.push(`${inner}${style.dim(bytes)}  ${nesting}${first}\n`);
    for (const text of more) lines.push(`${inner}${' '.repeat(bytes.length + 2)}${nesting}${text}\n`);
  }
  for (const size of sizes) lines.push(`${inner}${sizeText(size)}\n`);
  for (const note of notes) lines.push(noteText(note, inner, look));
}

/** The length in bytes of the longest short item; a long one's data stands in the text. */
const SHORT_ITEM = 5;

/** Items that have no value, those whose value only matters for its meaning, and those that count in hex. */
const WITHOUT_VALUE = /^(?:End Collection|Push|Pop)$/;
const MEANING_ONLY = /^(?:Input|Output|Feature|Collection|Unit|Delimiter)$/;
const IN_HEX = /^Usage/;

function itemText({ tag, bytes, value, means }: ReportLine): string {
  if (WITHOUT_VALUE.test(tag)) return tag;
  // Two digits at least, and eight where the page stands in the usage.
  const digits = bytes.length === SHORT_ITEM * 2 ? 8 : value > 0xff ? 4 : 2;
  const text = IN_HEX.test(tag) ? hex(value, digits) : value;
  if (means === null) return `${tag} ${text}`;
  return MEANING_ONLY.test(tag) ? `${tag} ${means}` : `${tag} ${text}  ${means}`;
}

function sizeText({ type, id, bits, bytes }: ReportSize): string {
  const name = `${type[0]?.toUpperCase()}${type.slice(1)} report${id === null ? '' : ` ${id}`}`;
  return `${name}: ${counted(bits, 'bit')}, ${counted(bytes, 'byte')}${id === null ? '' : ' with its ID'}`;
}

/** Returns the heading of a descriptor, with the number that tells it from its neighbours. */
function title({ layout, values }: Descriptor, active: number | null): string {
  switch (layout.id) {
    case 'configuration': {
      const value = values['bConfigurationValue'];
      return value === undefined ? layout.title : `${layout.title} ${value}${value === active ? ' (active)' : ''}`;
    }
    case 'interface': {
      const { bInterfaceNumber: number, bAlternateSetting: alt } = values;
      return number === undefined
        ? layout.title
        : `${layout.title} ${number}${alt === undefined || alt === 0 ? '' : `, alternate setting ${alt}`}`;
    }
    case 'endpoint': {
      const address = values['bEndpointAddress'];
      return typeof address === 'number' ? `${layout.title} ${hex(address, 2)}` : layout.title;
    }
    case 'portStatus':
    case 'superSpeedPortStatus':
      return `${layout.title} ${values['port'] ?? ''}`.trimEnd();
    default:
      return layout.title;
  }
}

function fieldRows(
  field: AnyField,
  value: DescriptorValue,
  means: string | readonly string[] | null,
  context: DecodeContext,
): Row[] {
  const { name } = field;
  if (!Array.isArray(value)) {
    const text = typeof value === 'string' ? stringValue(field, value) : numberText(field, value as number);
    return [{ name, value: text, means: means === null ? [] : [means].flat() }];
  }
  if (field.group !== undefined) return groupRows(field, value as readonly Values[], context);
  const numbers = value as readonly number[];
  if (!Array.isArray(means))
    return [{ name, value: numbers.map((item) => numberText(field, item)).join(' '), means: [] }];
  return numbers.map((item, i) => ({
    name: `${name}[${i}]`,
    value: numberText(field, item),
    means: [means[i] ?? ''].filter((text) => text !== ''),
  }));
}

function groupRows({ name, group = [] }: AnyField, items: readonly Values[], context: DecodeContext): Row[] {
  return items.flatMap((values, i) =>
    group.flatMap((field) => {
      const value = values[field.name];
      const prefixed = { ...field, name: `${name}[${i}].${field.name}` };
      return value === undefined ? [] : fieldRows(prefixed, value, field.means(value, { ...context, values }), context);
    }),
  );
}

function numberText({ notation, unit, unitIn }: AnyField, value: number): string {
  if (notation === 'bcd') return bcd(value);
  if (notation === 'decimal') return String(value);
  const digits = unitIn === undefined ? unit * 2 : 2;
  return hex(value, digits);
}

/** Formats bytes in hex, in pairs, and text as it is. */
function stringValue({ unit }: AnyField, value: string): string {
  return unit === 1 ? hexText(value) : visible(value);
}

function hexText(digits: string): string {
  return digits.replace(/(..)(?=.)/g, '$1 ');
}

function addRows(lines: string[], rows: readonly Row[], indent: string, { style, width }: Look): void {
  const nameWidth = Math.max(0, ...rows.map(({ name }) => name.length));
  const valueWidth = Math.max(
    0,
    ...rows.filter(({ means }) => means.length > 0).map(({ value }) => Math.min(value.length, 24)),
  );
  const column = indent.length + nameWidth + valueWidth + 4;
  for (const { name, value, means } of rows) {
    const pieces = wrapped(value);
    const texts = means.map(visible);
    const together = texts.join(', ');
    const shown = (together.length <= WIDE ? [together] : texts).flatMap((text) => words(text, width, column));
    const heads = pieces.map((piece, i) => `${indent}${(i === 0 ? name : '').padEnd(nameWidth)}  ${piece}`.trimEnd());
    const last = heads.pop() ?? '';
    const [first = ''] = shown;
    const isBeside = width === undefined || Math.max(last.length + 2, column) + textWidth(first) <= width;
    lines.push(...heads.map((head) => `${head}\n`));
    lines.push(first !== '' && isBeside ? `${last.padEnd(column - 2)}  ${style.dim(first)}\n` : `${last}\n`);
    for (const more of isBeside ? shown.slice(1) : shown) lines.push(`${' '.repeat(column)}${style.dim(more)}\n`);
  }
}

function noteText(note: string, indent: string, { style, width }: Look): string {
  const lines = words(note, width, indent.length + 'note: '.length);
  return lines.map((line, i) => `${indent}${style.warning(`${i === 0 ? 'note: ' : '      '}${line}`)}\n`).join('');
}

/** The columns that text has at least, before its lines are left for the terminal to break. */
const LEAST = 20;

/** Breaks a text between words, for a terminal. @param column at which it begins */
function words(text: string, width: number | undefined, column: number): string[] {
  if (width === undefined || width - column < LEAST) return [text];
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const longer = lines.length === 0 ? word : `${lines.at(-1)} ${word}`;
    if (lines.length === 0 || textWidth(longer) > width - column) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}

/** Breaks long rows of bytes, sixteen in a line. */
function wrapped(value: string): string[] {
  const width = BYTES_IN_LINE * 3;
  if (value.length <= width || !/^([0-9a-f]{2} )+[0-9a-f]{2}$/.test(value)) return [value];
  return Array.from({ length: Math.ceil(value.length / width) }, (_, i) =>
    value.slice(i * width, (i + 1) * width).trimEnd(),
  );
}

function hexBlock(bytes: Buffer, indent: string): string {
  return bytes.length === 0
    ? ''
    : wrapped(hexText(bytes.toString('hex')))
        .map((line) => `${indent}${line}\n`)
        .join('');
}
