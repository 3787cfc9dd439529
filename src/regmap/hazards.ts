import { Exit, UdrvError } from '../errors';
import { readsBeforeWrite } from '../model/location';
import type { AccessType, NamedRegister, RegisterField, WriteAction } from './model';
import type { ResolvedLocation } from './names';

/** Effects of writing back a value that was read: these change something. */
const UNSAFE_WRITES: Partial<Record<WriteAction, string>> = {
  oneToClear: 'write-one-to-clear',
  oneToToggle: 'write-one-to-toggle',
  zeroToSet: 'write-zero-to-set',
  zeroToToggle: 'write-zero-to-toggle',
  clear: 'cleared by any write',
  set: 'set by any write',
};

const isReadable = (access: AccessType): boolean => access !== 'write-only' && access !== 'writeOnce';

/** Returns the reason why a register must not be read unasked; null: reading changes nothing. */
export function readHazard({ access, readAction, fields }: NamedRegister): string | null {
  if (!isReadable(access)) return 'write-only';
  if (readAction !== null) return 'changed by a read';
  const changed = fields.find((field) => field.readAction !== null);
  return changed === undefined ? null : `${changed.name} is changed by a read`;
}

/**
 * Returns the reason why a field must not be written by reading its register and writing it back; null: nothing but the
 * field changes, or it is the whole register, which is not read then.
 */
export function fieldWriteHazard(register: NamedRegister, field: RegisterField): string | null {
  if (field.lsb === 0 && field.bits >= register.bits) return null;
  const unreadable = readHazard(register);
  if (unreadable !== null)
    return `its register is ${unreadable}`.replace(/^its register is (.*) is /, '$1 of its register is ');
  const whole = register.writeAction === null ? undefined : UNSAFE_WRITES[register.writeAction];
  if (whole !== undefined) return `its register is ${whole}`;
  for (const other of register.fields) {
    if (other === field || overlaps(other, field)) continue;
    const action = other.writeAction === null ? undefined : UNSAFE_WRITES[other.writeAction];
    if (action !== undefined) return `${other.name} of its register is ${action}`;
    if (!isReadable(other.access)) return `${other.name} of its register is write-only`;
    if (other.access === 'read-writeOnce') return `${other.name} of its register is written once`;
  }
  return null;
}

/** Returns the reason why a register or field must not be written at all; null: the map says that it may. */
export function writeHazard(register: NamedRegister, field: RegisterField | null): string | null {
  return (field?.access ?? register.access) === 'read-only' ? 'read-only' : null;
}

/**
 * Refuses writes that the map says are wrong: to what is read-only, and of a field whose register must not be read or
 * written back.
 *
 * @param canForce whether the hint may name `--force`
 * @throws UdrvError exit 5
 */
export function checkNamedWrite({ register, field, location, name }: ResolvedLocation, canForce: boolean): void {
  const readOnly = writeHazard(register, field);
  const written = field !== null && readsBeforeWrite(location) ? fieldWriteHazard(register, field) : null;
  const reason =
    readOnly !== null ? `is ${readOnly}` : written !== null ? `is not written by a read and a write: ${written}` : null;
  if (reason === null) return;
  const whole = name.slice(0, field === null ? undefined : -field.name.length - 1);
  const advice = [
    ...(readOnly === null ? [`write the whole register, ${whole}`] : []),
    ...(canForce ? ['--force does it all the same'] : []),
  ];
  throw new UdrvError(reason, {
    code: 'EUNSAFE',
    exit: Exit.busy,
    subject: name,
    hint: advice.join('; ') || undefined,
  });
}

/** Files describe bits twice where their meaning depends on a mode. */
function overlaps(a: RegisterField, b: RegisterField): boolean {
  return a.lsb < b.lsb + b.bits && b.lsb < a.lsb + a.bits;
}
