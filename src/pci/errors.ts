import { Exit, fromSysError, SysError, UdrvError, usageError } from '../errors';
import { attempt } from '../sys/attempt';
import type { SysTree } from '../sys/sys';
import type { BarPlace } from './resources';

/** security(7): the modes of lockdown, with the one that is on in brackets. */
const LOCKDOWN = '/sys/kernel/security/lockdown';

const subjectOf = ({ device, region }: BarPlace): string => `${device} ${region}`;

/** A device that is no longer in sysfs. */
export function wentAway(device: string): UdrvError {
  return new UdrvError('the device went away', { code: 'ENODEV', exit: Exit.gone, device });
}

/** open(2) of the file that sysfs has for a BAR. */
export function openResourceFailed(device: string, error: unknown): unknown {
  if (!(error instanceof SysError)) return error;
  if (error.code === 'ENOENT' || error.code === 'ENODEV') return wentAway(device);
  return fromSysError(error, {
    device,
    hint: error.code === 'EACCES' ? 'a BAR in sysfs is for root alone: run this command with sudo' : undefined,
  });
}

/**
 * mmap(2) of a BAR: pci_mmap_resource() in drivers/pci/pci-sysfs.c. EINVAL is iomem_is_exclusive() in kernel/resource.c:
 * something in the kernel has claimed the BAR, and CONFIG_IO_STRICT_DEVMEM keeps programs out of what is claimed.
 */
export function mapBarFailed(sys: SysTree, place: BarPlace, error: unknown): unknown {
  if (!(error instanceof SysError)) return error;
  const details = { subject: subjectOf(place), device: place.device };
  if (error.code === 'EPERM') return fromSysError(error, { ...details, ...forbidden(sys, place) });
  if (error.code !== 'EINVAL' && error.code !== 'EBUSY')
    return fromSysError(error, { ...details, message: 'cannot be mapped' });
  const driver = place.driver ?? 'a part of the kernel';
  return fromSysError(error, {
    ...details,
    message: `cannot be mapped: ${driver} has claimed it, and this kernel lets no program into what is claimed`,
    hint: `boot with iomem=relaxed (the kernel has CONFIG_IO_STRICT_DEVMEM)${
      place.driver === null ? '' : `, or take it from the driver: sudo udrv unbind ${place.address}`
    }`,
    exit: Exit.busy,
  });
}

/** pread(2) or pwrite(2) of I/O ports. */
export function portFailed(sys: SysTree, place: BarPlace, error: unknown): unknown {
  if (!(error instanceof SysError)) return error;
  const details = { subject: subjectOf(place), device: place.device };
  return fromSysError(error, { ...details, ...(error.code === 'EPERM' && forbidden(sys, place)) });
}

/** security_locked_down(LOCKDOWN_PCI_ACCESS) in drivers/pci/pci-sysfs.c, or a security module. */
function forbidden(sys: SysTree, { address }: BarPlace): { message: string; hint: string } {
  const modes = attempt(() => sys.readFile(LOCKDOWN).toString('latin1'), '');
  const mode = /\[(\w+)\]/.exec(modes)?.[1];
  if (mode === undefined)
    return { message: 'the kernel forbids the access', hint: `is it locked down? sudo cat ${LOCKDOWN}` };
  if (mode === 'none')
    return { message: 'the kernel forbids the access', hint: 'a security policy (SELinux, AppArmor) may: sudo dmesg' };
  return {
    message: `the kernel forbids the access: it is locked down (${mode}), as Secure Boot has it in many distributions`,
    hint: `VFIO works all the same: sudo udrv bind ${address} vfio-pci; else switch Secure Boot off`,
  };
}

/** A BAR that the kernel has found no place for. */
export function notPlaced(place: BarPlace): UdrvError {
  return new UdrvError('has no address: the kernel found no room for it', {
    code: 'ENXIO',
    exit: Exit.unsupported,
    subject: subjectOf(place),
    device: place.device,
    hint: 'sudo dmesg tells of BARs that could not be assigned',
  });
}

/** A region that is neither memory nor I/O ports. */
export function noAccess(place: BarPlace): UdrvError {
  return new UdrvError('cannot be accessed through sysfs', {
    code: 'EOPNOTSUPP',
    exit: Exit.unsupported,
    subject: subjectOf(place),
    device: place.device,
  });
}

export function portTooWide(place: BarPlace): UdrvError {
  return usageError(subjectOf(place), 'I/O ports have no accesses of 8 bytes', 'use -w 1, 2 or 4');
}

/** @param transferred bytes, fewer than the register has */
export function accessIncomplete(place: BarPlace, transferred: number, width: number): UdrvError {
  return new UdrvError(`the kernel transferred ${transferred} of ${width} bytes`, {
    code: 'EIO',
    exit: Exit.failed,
    subject: subjectOf(place),
    device: place.device,
  });
}
