import { Exit, UdrvError } from '../errors';
import { type Location, prepareRead, type RegionSource } from '../model/location';
import type { Word } from '../sys/sys';
import { readHazard } from './hazards';
import { accessWidth, fullName, locationOf, type PlacedRegister, type RegisterNames } from './names';

/** A register to show, with its place, and the reason why it is not read. */
export interface ListedRegister {
  placed: PlacedRegister;
  name: string;
  location: Location;
  unread: string | null;
}

/**
 * Lists registers to read and to show. Those that reading changes are not to be read, unless that is asked for.
 *
 * @param pattern with `*` and `?`; undefined: all
 * @throws UdrvError exit 3: no register has a name like this
 */
export function listRegisters(
  names: RegisterNames,
  device: string,
  pattern: string | undefined,
  { readAll = false }: { readAll?: boolean | undefined } = {},
): ListedRegister[] {
  const found = pattern === undefined ? names.all() : names.matching(pattern);
  if (found.length === 0)
    throw new UdrvError('no register has a name like this', {
      code: 'ENOREGISTER',
      exit: Exit.notFound,
      subject: pattern ?? device,
    });
  return found.map((placed) => {
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
}

/** Reads a register that is listed; null: it is not to be read. */
export function readListed({ location, unread }: ListedRegister, source: RegionSource): Word | null {
  return unread === null ? prepareRead(location, source)() : null;
}
