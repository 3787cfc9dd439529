import { usageError } from '../../errors';

/**
 * Checks a number that is given to the library: 0 transfers in flight, or pieces of NaN bytes, would move nothing and
 * look like success.
 *
 * @param name of the option
 * @returns the number
 * @throws usage
 */
export function wholeNumber(
  name: string,
  value: number,
  { least, most = Number.MAX_SAFE_INTEGER }: { least: number; most?: number },
): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  const upTo = most === Number.MAX_SAFE_INTEGER ? '' : ` to ${most}`;
  throw usageError(name, `${String(value)} is no whole number from ${least}${upTo}`);
}
