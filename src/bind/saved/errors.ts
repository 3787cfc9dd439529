import { Exit, errnoMessage, type SysError, UdrvError } from '../../errors';
import { RULES } from '../../udev/rules-file';
import { nameOf, type SavedBinding } from './list';

export function noUdevError(code: string): UdrvError {
  return new UdrvError('is not there: udev makes bindings that last, and it is not installed', {
    code,
    exit: Exit.unsupported,
    subject: RULES,
    hint: 'without --save the binding lasts until the machine starts anew',
  });
}

/** A directory that leads somewhere else, where a file of udrv's would not be udev's. */
export function linkError(path: string): UdrvError {
  return new UdrvError('is a symbolic link, which is not followed', {
    code: 'ELOOP',
    exit: Exit.busy,
    subject: path,
    hint: `ls -l ${path} shows the target`,
  });
}

/** A file in the place of a rule that udrv did not write, or that was changed since. */
export function foreignFileError(path: string): UdrvError {
  return new UdrvError('is not as udrv wrote it, and is left alone', {
    code: 'EEXIST',
    exit: Exit.busy,
    subject: path,
    hint: `look at it, and remove it if it is not needed: sudo rm ${path}`,
  });
}

/** @param subject the function or the ids to save a binding for, or to forget it for */
export function conflictError(subject: string, binding: SavedBinding): UdrvError {
  const { driver, writer, path } = binding;
  const name = nameOf(binding);
  const remove = writer === 'driverctl' ? `sudo driverctl unset-override ${name}` : `udrv restore ${name} --forget`;
  return new UdrvError(`${writer} binds ${name} to ${driver ?? 'a driver that cannot be read'} at each boot: ${path}`, {
    code: 'EEXIST',
    exit: Exit.busy,
    subject,
    hint: `to end that: ${remove}`,
  });
}

/** A name that could mean something else in a rule, or a device that does not tell its ids. */
export function unnamableError(subject: string, what: string): UdrvError {
  return new UdrvError(`no udev rule can name it: ${what}`, { code: 'EINVAL', exit: Exit.unsupported, subject });
}

/** @param failed `saved` or `forgotten` */
export function fileError(failed: string, { code, path }: SysError): UdrvError {
  const denied = code === 'EACCES' || code === 'EPERM';
  return new UdrvError(`the binding cannot be ${failed}: ${errnoMessage(code)}`, {
    code,
    exit: denied || code === 'EROFS' ? Exit.permission : Exit.failed,
    subject: path,
    hint: denied ? 'run it as root: sudo udrv ...' : undefined,
  });
}
