/**
 * The errors of USB devices. A factory that ends in `Failed` turns a failed system call into the user's error: the
 * errnos are few, and what mends them depends on the call. The other factories are for conditions that udrv finds itself.
 */
import { Exit, type ExitCode, fromSysError, type SysError, UdrvError } from '../errors';
import type { TransferType, UsbDeviceInfo, UsbEndpoint } from '../model/device';
import { AttributeReader } from '../sys/readers/attributes';
import { findHolders } from '../sys/readers/holders';
import type { Sys, SysTree } from '../sys/sys';
import { didYouMean } from '../text/nearest';
import { endpointName, interfaceName } from './inspect/address';
import { authorizeCommand } from './inspect/authorize';
import { USB_DEVICES } from './inspect/inspect';
import { udevRule } from './inspect/udev-rule';
import { driverOf, USBFS_DRIVER } from './usbfs';

const MEMORY_LIMIT = '/sys/module/usbcore/parameters/usbfs_memory_mb';

/** Words for an errno, instead of those that it usually has. */
export interface Advice {
  message?: string;
  hint?: string | undefined;
  exit?: ExitCode;
}

/**
 * A failed call on a device.
 *
 * @param advice by errno
 * @param subject the part of the device that the call was about: an interface, an endpoint
 */
export function callFailed(
  { address }: UsbDeviceInfo,
  error: SysError,
  advice: Readonly<Record<string, Advice>> = {},
  subject: string = address,
): UdrvError {
  const usual = error.code === 'ENODEV' ? { message: 'the device went away' } : {};
  return fromSysError(error, { subject, device: address, ...usual, ...advice[error.code] });
}

/** A node that does not open. */
export function openFailed(device: UsbDeviceInfo, error: SysError): UdrvError {
  const advice: Record<string, Advice> = {
    EACCES: {
      hint: `put ${udevRule(device)} into /etc/udev/rules.d/70-udrv.rules and plug the device in again; or run as root`,
    },
    EPERM: { hint: 'a container must be given the device: --device or a cgroup rule' },
    ENOENT: {
      message: 'the kernel has this device, but its node is missing',
      hint: 'in a container, pass /dev/bus/usb in; else: sudo udevadm trigger -s usb',
    },
    ENODEV: { message: 'the device went away', hint: 'udrv list --type usb' },
    EIO: {
      message: 'the device does not resume',
      hint: `cat /sys/bus/usb/devices/${device.address}/power/runtime_status; to keep it awake: echo on > .../power/control`,
    },
  };
  return callFailed(device, error, advice, error.path);
}

/** An interface that cannot be claimed. @param options.detach whether the claim was to take it from its driver */
export function claimFailed(
  sys: Sys,
  fd: number,
  device: UsbDeviceInfo,
  intf: number,
  error: SysError,
  { detach }: { detach: boolean },
): UdrvError {
  const driver = error.code === 'EBUSY' ? currentDriver(sys, fd, intf) : null;
  if (driver === USBFS_DRIVER) return claimedElsewhere(sys, device, intf);
  const missing = {
    message: 'no such interface in the active configuration',
    hint: `udrv usb show ${device.address}`,
  };
  const driven = driver !== null && {
    message: `is driven by ${driver}`,
    hint: detach ? undefined : `--detach takes it from ${driver} and gives it back afterwards`,
  };
  const name = interfaceName(device, intf);
  // usb_driver_claim_interface() gives the errno of a device that is gone.
  const unauthorized = new AttributeReader(sys).text(`${USB_DEVICES}/${name}/authorized`) === '0' && {
    message: 'the interface is not authorized',
    hint: authorizeCommand(name),
    exit: Exit.permission,
  };
  const advice = {
    ENOENT: missing,
    EINVAL: missing,
    ...(driven && { EBUSY: driven }),
    ...(unauthorized && { ENODEV: unauthorized }),
  };
  return callFailed(device, error, advice, name);
}

const UNAUTHORIZED = 'the device is not authorized, so that the kernel does not configure it';

/** A device that has to be configured, and may not. */
export function notAuthorized({ address }: UsbDeviceInfo): UdrvError {
  return new UdrvError(UNAUTHORIZED, {
    code: 'EPERM',
    exit: Exit.permission,
    hint: authorizeCommand(address),
    device: address,
  });
}

/** An interface that another process has claimed. */
export function claimedElsewhere(sys: SysTree, device: UsbDeviceInfo, intf: number): UdrvError {
  const { holders } = findHolders(sys, device.node === null ? [] : [device.node]);
  const others = holders.filter(({ pid }) => pid !== process.pid);
  const names = others.map(({ pid, command }) => `${command} (pid ${pid})`);
  return new UdrvError(
    `is claimed by ${names.length > 0 ? names.join(', ') : 'another process (only root can see which)'}`,
    {
      code: 'EBUSY',
      exit: Exit.busy,
      subject: interfaceName(device, intf),
      hint: others[0] === undefined ? `sudo fuser -v ${device.node}` : `end that process first: kill ${others[0].pid}`,
      device: device.address,
    },
  );
}

/** An URB that the kernel refused. @param endpoint bEndpointAddress */
export function submitFailed(sys: SysTree, device: UsbDeviceInfo, endpoint: number, error: SysError): UdrvError {
  const advice: Record<string, Advice> = {
    ENOMEM: {
      message: `no memory for the transfer: usbfs limits all that is in flight to ${memoryLimit(sys)}`,
      hint: `smaller --chunk or --queue, or: echo 256 | sudo tee ${MEMORY_LIMIT}`,
    },
    ENOSPC: {
      message: 'not enough bus bandwidth',
      hint: 'select an alternate setting with smaller packets: --alt N',
    },
    EHOSTUNREACH: { message: 'the device is suspended or not configured' },
    ENOENT: {
      message: 'no such endpoint in the current alternate setting',
      hint: `udrv usb show ${device.address}`,
    },
    EMSGSIZE: { message: 'the packets are larger than the endpoint allows' },
    EINVAL: { message: 'the kernel refuses such a transfer' },
  };
  return callFailed(device, error, advice, `${device.address} ${endpointName(endpoint)}`);
}

/** A second loop over one stream. @param endpoint with its direction in bit 7 */
export function readTwice(endpoint: number): UdrvError {
  return new UdrvError('the stream is read already: it is read once, by one loop', {
    code: 'EBUSY',
    exit: Exit.busy,
    subject: endpointName(endpoint),
    hint: 'readStream() makes another one',
  });
}

/** A request for an endpoint that is of another kind. @param hint what would be right */
function wrongEndpoint(device: UsbDeviceInfo, address: number, message: string, hint: string): UdrvError {
  return new UdrvError(message, {
    code: 'EUSAGE',
    exit: Exit.usage,
    subject: `${device.address} ${endpointName(address)}`,
    hint,
    device: device.address,
  });
}

/** An endpoint of the wrong direction. @param wanted what the request needs */
export function wrongDirection(device: UsbDeviceInfo, address: number, wanted: UsbEndpoint['direction']): UdrvError {
  return wanted === 'in'
    ? wrongEndpoint(device, address, 'is an OUT endpoint: it takes data', 'give the data: --data HEX|@FILE|-')
    : wrongEndpoint(device, address, 'is an IN endpoint: it takes no data', 'say how much to read: --length N');
}

/** An endpoint of a type that the request is not for. */
export function wrongType(
  device: UsbDeviceInfo,
  address: number,
  type: TransferType,
  wanted: readonly TransferType[],
): UdrvError {
  return wrongEndpoint(device, address, `is of type ${type}, not ${wanted.join(' or ')}`, COMMAND_OF_TYPE[type]);
}

const COMMAND_OF_TYPE: Readonly<Record<TransferType, string>> = {
  control: 'udrv usb ctrl',
  isochronous: 'udrv usb iso',
  bulk: 'udrv usb bulk',
  interrupt: 'udrv usb int',
};

/** An endpoint that the current settings do not have. @param alt the alternate setting that is wanted, if not the current */
export function noSuchEndpoint(device: UsbDeviceInfo, address: number, alt: number | undefined): UdrvError {
  const name = endpointName(address);
  const { configuration, interfaces } = device.usb;
  const error = (message: string, hint: string) =>
    new UdrvError(message, {
      code: 'ENOENT',
      exit: Exit.notFound,
      subject: `${device.address} ${name}`,
      hint,
      device: device.address,
    });
  if (configuration === null && device.usb.authorized === false)
    return error(`${UNAUTHORIZED}: it has no endpoint but the control endpoint`, authorizeCommand(device.address));
  if (configuration === null)
    return error(
      'the device is not configured: it has no endpoint but the control endpoint',
      `udrv usb config ${device.address} 1`,
    );
  const elsewhere = interfaces.find(({ endpoints }) => endpoints.some((endpoint) => endpoint.address === name));
  if (elsewhere !== undefined) {
    const { number, alt: has } = elsewhere;
    const current = interfaces.find((i) => i.number === number && i.active)?.alt ?? 0;
    return error(
      `belongs to alternate setting ${has} of interface ${number}; ${alt === undefined ? `the current one is ${current}` : `not to ${alt}`}`,
      `--alt ${has}`,
    );
  }
  const active = interfaces.filter((i) => i.active).flatMap(({ endpoints }) => endpoints.map((e) => e.address));
  return error(
    `no such endpoint in configuration ${configuration}`,
    active.length === 0
      ? `udrv usb show ${device.address}`
      : [didYouMean(name, active), `it has ${[...new Set(active)].sort().join(', ')}`].filter(Boolean).join(' '),
  );
}

function memoryLimit(sys: SysTree): string {
  const megabytes = new AttributeReader(sys).number(MEMORY_LIMIT);
  return megabytes === null ? 'usbfs_memory_mb' : `${megabytes} MiB (usbfs_memory_mb)`;
}

/** Asks for the driver of an interface. @returns null also where that fails: an error is explained as far as possible */
function currentDriver(sys: Sys, fd: number, intf: number): string | null {
  try {
    return driverOf(sys, fd, intf);
  } catch {
    return null;
  }
}
