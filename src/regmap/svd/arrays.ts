import { type Budget, mapError } from '../limits';
import type { Properties } from './elements';
import { parseNumber } from './numbers';

/** One of the elements that an array stands for. */
export interface Instance {
  name: string;
  /** Added to the element's offset: bytes, or bits of a field. */
  shift: number;
}

/**
 * Lists the elements that one with `dim` stands for: an array `NAME[%s]`, or a list `NAME%s` whose parts dimIndex names:
 * `0-3`, `A-D` or `RX,TX`. Without `dim` it is the one element.
 *
 * @throws usage, where the array makes no sense or is too large
 */
export function instances(name: string, properties: Properties, file: string, budget: Budget): Instance[] {
  const { dim: dimText, dimIncrement, dimIndex } = properties;
  if (dimText === undefined) return [{ name, shift: 0 }];
  const dim = Number(parseNumber(dimText) ?? -1n);
  if (dim < 1) throw mapError(file, `${name}: its dim is no count: ${dimText}`);
  budget.spend(dim);
  const increment = parseNumber(dimIncrement);
  if (increment === null && dim > 1) throw mapError(file, `${name}: has a dim and no dimIncrement`);
  const indexes = name.includes('[%s]') ? null : parseIndexes(dimIndex, dim);
  return Array.from({ length: dim }, (_, i) => ({
    name: name.includes('%s') ? name.replaceAll('%s', indexes?.[i] ?? String(i)) : dim === 1 ? name : `${name}${i}`,
    shift: i * Number(increment ?? 0n),
  }));
}

/** @returns null where the text does not name each part: then they are numbered */
function parseIndexes(text: string | undefined, dim: number): string[] | null {
  if (text === undefined) return null;
  const listed = text.split(',').map((part) => part.trim());
  if (listed.length === dim && dim > 1) return listed;
  const numbers = /^(\d{1,9})\s*-\s*(\d{1,9})$/.exec(text);
  if (numbers !== null) return range(Number(numbers[1]), Number(numbers[2]), dim, String);
  const letters = /^([A-Za-z])\s*-\s*([A-Za-z])$/.exec(text);
  const code = (letter: string | undefined) => letter?.charCodeAt(0) ?? 0;
  if (letters !== null) return range(code(letters[1]), code(letters[2]), dim, (at) => String.fromCharCode(at));
  return listed.length === dim ? listed : null;
}

function range(first: number, last: number, dim: number, show: (at: number) => string): string[] | null {
  if (last - first + 1 !== dim) return null;
  return Array.from({ length: dim }, (_, i) => show(first + i));
}
