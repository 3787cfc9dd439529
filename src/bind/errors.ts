import { Exit, errnoMessage, fromSysError, type SysError, UdrvError } from '../errors';
import type { StateLocked } from '../sys/state';
import { nearest } from '../text/nearest';
import { shellWord } from '../text/shell';
import { type Bus, PCI } from './bus';
import type { Use } from './in-use/use';

/** The most uses that a message names. */
const MAX_SHOWN = 5;

/** Makes the error of a user who may not write to sysfs: not root, or in a container. */
export function permissionError(address: string, failure: SysError): UdrvError {
  switch (failure.code) {
    case 'EACCES':
    case 'EPERM':
      return fromSysError(failure, { device: address, hint: 'run it as root: sudo udrv ...' });
    case 'EROFS':
      return fromSysError(failure, {
        device: address,
        exit: Exit.permission,
        hint: 'containers have sysfs read-only: run it on the host',
      });
    default:
      return fromSysError(failure, { device: address, exit: Exit.gone });
  }
}

/** @param loaded the names of the drivers that the bus has */
export function noDriverError(name: string, loaded: readonly string[], bus: Bus): UdrvError {
  const kind = bus.name === PCI.name ? 'PCI driver' : `driver of the bus ${bus.name}`;
  return new UdrvError(`no ${kind} of this name is loaded`, {
    code: 'ENODRIVER',
    exit: Exit.unsupported,
    subject: name,
    hint: missingDriverHint(name, loaded, bus),
  });
}

/** A driver of another bus than the device's. @param home of the driver */
export function otherBusError(name: string, home: Bus, bus: Bus): UdrvError {
  const others =
    home.name === PCI.name ? 'udrv list --type pci shows the functions' : 'udrv list --type platform shows the devices';
  const own = bus.wellKnown.slice(0, 2).join(' or ');
  return new UdrvError(`is a driver of ${kindOf(home)}s, and this is a ${kindOf(bus)}`, {
    code: 'ENODRIVER',
    exit: Exit.unsupported,
    subject: name,
    hint: `${own === '' ? '' : `a ${kindOf(bus)} can have ${own}; `}${others} for it`,
  });
}

/** `PCI function`, `platform device` */
function kindOf({ name }: Bus): string {
  return name === PCI.name ? 'PCI function' : `${name} device`;
}

/** A driver that takes and leaves devices by the kernel's own choice alone (suppress_bind_attrs). */
export function fixedDriverError(address: string, driver: string, action: string): UdrvError {
  const what = action === 'bind' ? `${driver} takes no device by hand` : `its driver, ${driver}, does not let it go`;
  return new UdrvError(what, {
    code: 'ENOTSUP',
    exit: Exit.unsupported,
    device: address,
    hint: `the driver has no ${action} in sysfs (suppress_bind_attrs): nothing but another kernel changes that`,
  });
}

/** A bind that the kernel would not survive. @param instead a driver that does */
export function crashError(address: string, driver: string, instead: string): UdrvError {
  return new UdrvError(`refused: ${driver} wants platform data, and the kernel crashes on a device of a device tree`, {
    code: 'EINUSE',
    exit: Exit.busy,
    device: address,
    hint: `udrv bind ${shellWord(address)} ${instead}`,
  });
}

function missingDriverHint(name: string, loaded: readonly string[], { wellKnown, drivers }: Bus): string {
  const typed = withoutDashes(name);
  const known = [...wellKnown, ...loaded];
  const [near] = nearest(typed, known.map(withoutDashes));
  const meant =
    known.find((one) => withoutDashes(one) === near) ?? wellKnown.find((one) => withoutDashes(one).startsWith(typed));
  if (meant !== undefined && meant !== name)
    return `perhaps ${meant} is meant${loaded.includes(meant) ? '' : `; load it: sudo modprobe ${meant}`}`;
  // Modules and drivers are mostly called alike; modprobe takes either dash.
  return /^[\w-]+$/.test(name) ? `load it: sudo modprobe ${name}` : `ls ${drivers} lists the drivers`;
}

function withoutDashes(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, '');
}

export function noGroupError(address: string): UdrvError {
  return new UdrvError('not in an IOMMU group', {
    code: 'ENOGROUP',
    exit: Exit.unsupported,
    device: address,
    hint: 'without an IOMMU there are no groups; drop --group',
  });
}

/** @param code `EBUSY`: a program drives the device, which `--force` does not change; `EINUSE`: refused without `--force` */
export function inUseError(uses: readonly Use[], code: 'EBUSY' | 'EINUSE'): UdrvError {
  const [first] = uses;
  const address = first?.address ?? '';
  const others = uses.filter((use) => use.address !== address);
  const named = [
    ...uses.filter((use) => use.address === address).map(({ what }) => what),
    ...others.map((use) => `${use.address}: ${use.what}`),
  ];
  const more = named.length > MAX_SHOWN ? [`and ${named.length - MAX_SHOWN} more`] : [];
  const all = [...named.slice(0, MAX_SHOWN), ...more].join('; ');
  const remedy = first?.hint;
  let forced = remedy === undefined ? '--force does it anyway' : `${remedy}; or --force does it anyway`;
  if (uses.some(({ vital }) => vital))
    forced = 'the root file system is on it, which cannot be given away while the system runs from it';
  return new UdrvError(code === 'EBUSY' ? `in use: ${all}` : `refused: ${all}`, {
    code,
    exit: Exit.busy,
    device: address,
    hint: code === 'EBUSY' ? remedy : forced,
  });
}

/** @param left the functions that are not as they were, in words */
export function notRestoredError(reason: string, left: readonly string[], details: UdrvError | string): UdrvError {
  const about = typeof details === 'string' ? { code: 'EINTR', exit: Exit.failed, subject: details } : details;
  return new UdrvError(`${reason}, and the binding could not be restored: ${left.join(', ')}`, about);
}

export function lockedError({ pid }: StateLocked): UdrvError {
  return new UdrvError(`another udrv is changing them${pid === null ? '' : ` (pid ${pid})`}`, {
    code: 'EBUSY',
    exit: Exit.busy,
    subject: 'bindings',
  });
}

/** A device whose ids cannot be read, so that its record may be another one's. */
export function unidentifiedError(address: string): UdrvError {
  return new UdrvError('its ids cannot be read, and its earlier binding may be that of another device', {
    code: 'EIO',
    exit: Exit.failed,
    device: address,
  });
}

/** @param subject the function, or `bindings` */
export function stateError(subject: string, { code, path }: SysError): UdrvError {
  const denied = code === 'EACCES' || code === 'EPERM';
  return new UdrvError(`the binding to restore cannot be saved: ${path}: ${errnoMessage(code)}`, {
    code,
    exit: denied ? Exit.permission : Exit.failed,
    subject,
    hint: denied ? `it must belong to root, and nobody else may write to it: ls -ld ${path}` : undefined,
  });
}
