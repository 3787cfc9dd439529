import { posix } from 'node:path';
import type { AttributeReader } from '../sys/readers/attributes';
import type { SysDevice } from './chain';
import { readEntry } from './database';
import { globbed } from './glob';
import { isMatch, type Rule, type Term, termText } from './rules-file';

/** Keys that match a device or one of its parents, which all have to be of the same one. */
const OF_PARENTS = new Set(['KERNELS', 'SUBSYSTEMS', 'DRIVERS', 'ATTRS']);

/** The answer to whether a rule is for a device. `unknown`: it depends on what sysfs does not tell. */
export type Verdict = { is: 'yes' } | { is: 'no'; failed: Term[] } | { is: 'unknown'; because: Term };

/** Tells whether a rule is for the device at the start of a chain when it is added. */
export function matchRule(reader: AttributeReader, rule: Rule, chain: readonly SysDevice[]): Verdict {
  const [device] = chain;
  if (device === undefined) return { is: 'no', failed: [] };
  let unknown: Term | undefined;
  const ofParents: Term[] = [];
  for (const term of rule.terms) {
    if (!isMatch(term)) continue;
    if (OF_PARENTS.has(term.key)) {
      ofParents.push(term);
      continue;
    }
    const is = matchOwn(reader, term, device);
    if (is === false) return { is: 'no', failed: [term] };
    if (is === undefined) unknown ??= term;
  }
  const failed = failedOfParents(reader, ofParents, chain);
  if (failed.length > 0) return { is: 'no', failed };
  return unknown === undefined ? { is: 'yes' } : { is: 'unknown', because: unknown };
}

/** Returns the terms that fail at the parent that fits best; none where one parent fits them all. */
function failedOfParents(reader: AttributeReader, terms: readonly Term[], chain: readonly SysDevice[]): Term[] {
  if (terms.length === 0) return [];
  let least: Term[] = [...terms];
  for (const device of chain) {
    const failed = terms.filter(
      (term) => !compare(term, readValue(reader, term.key.slice(0, -1), term.attribute, device)),
    );
    if (failed.length < least.length) least = failed;
    if (failed.length === 0) break;
  }
  return least;
}

function matchOwn(reader: AttributeReader, term: Term, device: SysDevice): boolean | undefined {
  switch (term.key) {
    case 'ACTION':
      return compare(term, 'add');
    case 'KERNEL':
    case 'SUBSYSTEM':
    case 'DRIVER':
    case 'ATTR':
    case 'DEVPATH':
      return compare(term, readValue(reader, term.key, term.attribute, device));
    case 'ENV':
      return matchProperty(reader, term, device);
    case 'TEST':
      return (reader.sys.access(substituted(term.value, device)) !== null) === (term.operator === '==');
    default:
      return undefined;
  }
}

/** Properties of the kernel are in `uevent`, those that rules have made in udev's database; without one they are unknown. */
function matchProperty(reader: AttributeReader, term: Term, device: SysDevice): boolean | undefined {
  const value = propertyOf(reader, term.attribute ?? '', device);
  return value === null ? undefined : compare(term, value);
}

function propertyOf(reader: AttributeReader, name: string, device: SysDevice): string | null {
  const lines = (reader.text(`${device.path}/uevent`) ?? '').split('\n');
  const line = lines.find((one) => one.startsWith(`${name}=`));
  if (line !== undefined) return line.slice(name.length + 1);
  const number = reader.text(`${device.path}/dev`);
  const entry = number === null ? null : readEntry(reader, number);
  return entry === null ? null : (entry.properties.get(name) ?? '');
}

/** Returns a value that a term is compared with, empty where the device has none. */
export function readValue(reader: AttributeReader, key: string, attribute: string | null, device: SysDevice): string {
  switch (key) {
    case 'KERNEL':
      return device.kernel;
    case 'SUBSYSTEM':
      return device.subsystem ?? '';
    case 'DRIVER':
      return device.driver ?? '';
    case 'DEVPATH':
      return device.path.slice('/sys'.length);
    case 'ATTR':
      // An attribute that leads out of the device is none of its own.
      return attribute === null || attribute.includes('..') ? '' : (reader.text(`${device.path}/${attribute}`) ?? '');
    case 'ENV':
      return propertyOf(reader, attribute ?? '', device) ?? '';
    default:
      return '';
  }
}

function compare({ operator, value }: Term, actual: string): boolean {
  return value.split('|').some((pattern) => globbed(pattern, actual)) === (operator === '==');
}

function substituted(text: string, device: SysDevice): string {
  const path = text
    .replaceAll('%k', device.kernel)
    .replaceAll('$kernel', device.kernel)
    .replaceAll('%p', device.path.slice('/sys'.length))
    .replaceAll('$devpath', device.path.slice('/sys'.length));
  return path.startsWith('/') ? posix.normalize(path) : `${device.path}/${path}`;
}

/** Lists terms for a person. */
export function termsText(terms: readonly Term[]): string {
  return terms.map(termText).join(', ');
}
