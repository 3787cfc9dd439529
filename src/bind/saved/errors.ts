import { Exit, UdrvError } from '../../errors';
import { nameOf, type SavedBinding } from './list';

/** @param subject the function or the ids to save a binding for, or to forget it for */
export function conflictError(subject: string, binding: SavedBinding): UdrvError {
  const { driver, writer, path } = binding;
  const name = nameOf(binding);
  const remove =
    writer === 'driverctl'
      ? `sudo driverctl ${busOption(binding)}unset-override ${name}`
      : `udrv restore ${name} --forget`;
  return new UdrvError(`${writer} binds ${name} to ${driver ?? 'a driver that cannot be read'} at each boot: ${path}`, {
    code: 'EEXIST',
    exit: Exit.busy,
    subject,
    hint: `to end that: ${remove}`,
  });
}

/** Returns the option by which driverctl is told the bus, with a blank behind it; PCI is what it assumes. */
export function busOption({ bus }: SavedBinding): string {
  return bus === 'pci' ? '' : `-b ${bus} `;
}

/** A name that could mean something else in a rule, or a device that does not tell its ids. */
export function unnamableError(subject: string, what: string): UdrvError {
  return new UdrvError(`no udev rule can name it: ${what}`, { code: 'EINVAL', exit: Exit.unsupported, subject });
}
