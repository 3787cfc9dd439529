import type { Fields, RegisterValue } from '../../pci/config/fields';
import type { Capability, ConfigSpace } from '../../pci/config/types';
import type { PciDetails } from '../../pci/function-details';
import type { VitalProductData } from '../../pci/vpd';
import { hexDigits } from '../../text/hex';
import { sizeText } from '../../text/size';
import { brokenLine } from '../tables/facts';
import { table } from '../tables/table';
import { textWidth } from '../tables/text-width';
import { visible } from './escape';
import type { Style } from './style';

/** Width at which lines are broken between fields, as in lspci: some registers have 30 flags. */
const WIDTH = 100;

/** Fields that stand in the line above, or are shown in another way. */
const IN_HEADING = new Set(['id', 'name', 'offset', 'version', 'bytes']);
const IN_TITLE = new Set(['vendorId', 'deviceId', 'className']);
const IN_LABEL = new Set(['name']);
const NONE: ReadonlySet<string> = new Set();
/** Values that speak for themselves. */
const BARE_KEYS = new Set(['type', 'kind']);

export interface ConfigView {
  style: Style;
  /** Columns of the terminal; undefined where there is none. */
  width: number | undefined;
  /** Shows the value of each register too. */
  verbose: boolean;
}

/** Describes a decoded configuration space for a person. */
export function describeConfig(config: ConfigSpace, view: ConfigView): string {
  const { header, capabilities, extendedCapabilities, notes } = config;
  const describe = (digits: number) => (capability: Capability) => describeCapability(capability, digits, view);
  return [
    ...(header === null ? [] : describeFields('Header', header, '  ', view, IN_TITLE)),
    ...capabilities.flatMap(describe(2)),
    ...extendedCapabilities.flatMap(describe(3)),
    ...notes.map((note) => noteLine(note, view)),
  ].join('');
}

/** Describes the facts of a live function that are not in its space, as far as there are any. */
export function describeSystem(
  system: (PciDetails & { driver: string | null }) | undefined,
  vpd: VitalProductData | undefined,
  view: ConfigView,
): string {
  const lines: string[] = [];
  if (system !== undefined) {
    const { slot, irq, driver, modules } = system;
    const kernelModules = modules.length === 0 ? null : modules;
    const facts = { physicalSlot: slot, irq, driver, kernelModules };
    if (Object.values(facts).some((fact) => fact !== null))
      lines.push(...describeFields('System', facts, '  ', { ...view, verbose: false }, NONE));
  }
  if (vpd !== undefined) {
    const { name, fields, notes } = vpd;
    const text = [...(name === null ? [] : [visible(name)]), ...fields.map((f) => visible(`${f.keyword} ${f.value}`))];
    lines.push(...wrap('  Vital Product Data: ', text, '      ', view.width));
    lines.push(...notes.map((note) => noteLine(note, view)));
  }
  return lines.join('');
}

function noteLine(note: string, { style, width }: ConfigView): string {
  return table([['', { text: `note: ${visible(note)}`, meaning: 'warning' }]], { style, width, wrap: true });
}

/** `[40] MSI-X`, `[100 v2] Advanced Error Reporting`, as in lspci; a version of the registers' own stands behind the name. */
function describeCapability(capability: Capability, digits: number, view: ConfigView): string[] {
  const { name, offset, version } = capability;
  const extended = digits === 3;
  const at = `${hexDigits(offset, digits)}${extended ? ` v${version}` : ''}`;
  const own = extended || version === undefined ? '' : ` (v${version})`;
  return describeFields(`[${at}] ${name}${own}`, capability, '  ', view, IN_HEADING);
}

/** Puts plain values on one line, then each object with values of its own on a line further in. */
function describeFields(
  label: string,
  fields: Fields,
  indent: string,
  view: ConfigView,
  shown: ReadonlySet<string>,
): string[] {
  const { text, nested } = split(fields, view.verbose, shown);
  const inner = `${indent}    `;
  return [
    ...wrap(`${indent}${label}${text.length === 0 ? '' : ': '}`, text, inner, view.width),
    ...hexRows(fields, inner),
    ...nested.flatMap(([key, value]) => describeFields(key, value, inner, view, IN_LABEL)),
  ];
}

function split(
  fields: Fields,
  verbose: boolean,
  shown: ReadonlySet<string>,
): { text: string[]; nested: [string, Fields][] } {
  const text: string[] = [];
  const nested: [string, Fields][] = [];
  for (const [key, value] of Object.entries(fields)) {
    if (shown.has(key) || value === null || (key === 'value' && !verbose)) continue;
    const items = isList(value) ? value.filter(isFields) : [];
    if (isFields(value)) nested.push([capital(key), value]);
    else if (items.length === 0) text.push(fieldText(key, value));
    for (const [i, item] of items.entries())
      nested.push([capital(String(item['name'] ?? `${singular(key)} ${i}`)), item]);
  }
  return { text, nested };
}

/** Formats a field: `busMaster+`, `width x4`, `supported 1M 2M`. */
function fieldText(key: string, value: RegisterValue): string {
  if (typeof value === 'boolean') return `${key}${value ? '+' : '-'}`;
  if (key === 'size' && typeof value === 'number') return `${key} ${sizeText(value)}`;
  const words = isList(value) ? listText(value.map(String)) : String(value);
  return visible(BARE_KEYS.has(key) ? words : `${key} ${words}`);
}

function listText(items: readonly string[]): string {
  return items.join(items.some((item) => item.includes(' ')) ? ' / ' : ' ') || 'none';
}

/** Breaks fields into lines: flags follow each other with blanks, all else with commas. */
function wrap(head: string, fields: readonly string[], indent: string, width: number | undefined): string[] {
  // With room for the comma that may follow.
  const most = Math.min(WIDTH, (width ?? Number.POSITIVE_INFINITY) - 1);
  const lines: string[] = [];
  let line = head;
  let separator = '';
  for (const [i, field] of fields.entries()) {
    if (textWidth(`${line}${separator}${field}`) > most && separator !== '') {
      lines.push(`${line}${separator.trimEnd()}`);
      line = indent;
      separator = '';
    }
    line += `${separator}${field}`;
    separator = isFlag(field) && isFlag(fields[i + 1] ?? '') ? ' ' : ', ';
  }
  return [...lines, line].map((one) => brokenLine(one, width));
}

const isFlag = (text: string) => /[+-]$/.test(text) && !text.includes(' ');

/** Rows of bytes that only their vendor can read, with the offsets that they have in the space. */
function hexRows(fields: Fields, indent: string): string[] {
  const { bytes, offset } = fields;
  if (typeof bytes !== 'string' || typeof offset !== 'number') return [];
  const pairs = bytes.match(/../g) ?? [];
  return Array.from(
    { length: Math.ceil(pairs.length / 16) },
    (_, row) => `${indent}${hexDigits(offset + 16 * row)}: ${pairs.slice(16 * row, 16 * row + 16).join(' ')}\n`,
  );
}

const isList = (value: RegisterValue): value is readonly RegisterValue[] => Array.isArray(value);
const isFields = (value: RegisterValue): value is Fields =>
  typeof value === 'object' && value !== null && !isList(value);
const capital = (key: string) => key.charAt(0).toUpperCase() + key.slice(1);
const singular = (key: string) => key.replace(/ies$/, 'y').replace(/s$/, '');
