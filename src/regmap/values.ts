import { usageError } from '../errors';
import { parseWord } from '../model/notation';
import type { Word } from '../sys/sys';
import type { ResolvedLocation } from './names';

/** Values that are suggested at most. */
const MOST = 16;

/**
 * Returns the value of a field that a name of the map or a number stands for; null: it is no field.
 *
 * @param use of the value: a field may give other names to those that are read
 * @throws usage
 */
export function fieldValue({ name, field }: ResolvedLocation, text: string, use: 'read' | 'write'): Word | null {
  if (field === null) return null;
  const values = field.values.filter(({ usage }) => usage === use || usage === 'read-write');
  const value = values.find((one) => one.name === text)?.value ?? null;
  if (value !== null) return value < 2n ** 53n ? Number(value) : value;
  if (values.length > 0 && !/^\d/.test(text)) {
    const names = values.slice(0, MOST).map((one) => one.name);
    throw usageError(text, `is no value of ${name}`, `a number, or ${names.join(', ')}`);
  }
  return parseWord(text, 'a value');
}
