import { usageError } from '../errors';

/** A map as `--map` names it: `FILE[#PERIPHERAL][@REGION[+OFFSET]]`. */
export interface MapReference {
  file: string;
  /** The one peripheral that is meant; its base is where the map is placed. */
  peripheral: string | null;
  region: string | null;
  /** In bytes, from the begin of the region; null: not given. */
  offset: number | null;
}

/**
 * Parses `FILE[#PERIPHERAL][@REGION[+OFFSET]]`. OFFSET is decimal or 0x hex. A slash belongs to the file, so that
 * directories may have `#` and `@` in their names.
 *
 * @throws usage
 */
export function parseMapReference(text: string): MapReference {
  const match = /^(.+?)(?:#([^#@/]+))?(?:@([^@+/#]+)(?:\+(0x[0-9a-f]{1,13}|\d{1,15}))?)?$/is.exec(text);
  if (match?.[1] === undefined)
    throw usageError(text, 'is no map', 'write FILE[#PERIPHERAL][@REGION[+OFFSET]], as in soc.svd#UART0@map0+0x1000');
  const [, file, peripheral, region, offset] = match;
  return {
    file,
    peripheral: peripheral ?? null,
    region: region ?? null,
    offset: offset === undefined ? null : Number(offset),
  };
}
