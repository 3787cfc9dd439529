import { claimProbe } from '../../bind/in-use/storage';
import { findUses } from '../../bind/in-use/uses';
import { closing } from '../../cleanup';
import { Exit, UdrvError, usageError } from '../../errors';
import type { UsbDeviceInfo } from '../../model/device';
import { numberIn } from '../../model/notation';
import { UsbDevice } from '../../usb/device/device';
import type { FoundEndpoint } from '../../usb/device/endpoints';
import { closeWhole } from '../../usb/device/left-behind';
import { endpointName, interfaceName } from '../../usb/inspect/address';
import { journalOf } from '../journal/open';
import type { Context } from '../program/context';
import { interruptible } from '../program/signals';

/**
 * Opens a USB device for a command and gives everything back when `work` ends, by a signal too: transfers are ended,
 * interfaces released and returned to the drivers they were taken from.
 *
 * @returns the exit code where a signal ended it
 */
export async function withUsb(
  context: Context,
  info: UsbDeviceInfo,
  work: (device: UsbDevice, signal: AbortSignal) => Promise<void> | void,
): Promise<number | undefined> {
  return interruptible(async (signal) => {
    const device = UsbDevice.open(context.sys, info, { journal: journalOf(context) });
    const givingBack = { close: () => closeWhole(device) };
    try {
      await work(device, signal);
    } catch (error) {
      throw closing(givingBack, error);
    }
    givingBack.close();
  });
}

export interface TakeOptions {
  detach?: boolean | undefined;
  force?: boolean | undefined;
}

/** The options of commands that claim an endpoint's interface in an alternate setting. */
export type EndpointOptions = TakeOptions & { alt?: number | undefined };

/** Opens the device and claims an endpoint's interface, in the alternate setting that has it. */
export function withEndpoint(
  context: Context,
  info: UsbDeviceInfo,
  { setting }: FoundEndpoint,
  { detach = false, force, alt }: EndpointOptions,
  work: (usb: UsbDevice, signal: AbortSignal) => Promise<void> | void,
): Promise<number | undefined> {
  if (detach) mustBeIdle(context, info, setting.number, force);
  return withUsb(context, info, async (usb, signal) => {
    usb.claim(setting.number, { detach, alt });
    await work(usb, signal);
  });
}

/** Parses the address of an endpoint, `0x81` or decimal, other than that of the control endpoint. */
export function parseEndpoint(text: string): number {
  const value = Number(numberIn(text) ?? Number.NaN);
  if ((value & 0x70) !== 0 || (value & 0x0f) === 0 || !(value <= 0xff))
    throw usageError(
      text,
      'is not an endpoint address',
      'write 0x81 (IN) or 0x01 (OUT): udrv usb show DEVICE lists them',
    );
  return value;
}

/** Returns the steps of `--dry-run` around work with an interface. */
export function claimedSteps(info: UsbDeviceInfo, intf: number, detach: boolean, work: readonly string[]): string[] {
  const name = interfaceName(info, intf);
  const driver = info.usb.interfaces.find(({ number }) => number === intf)?.driver ?? null;
  const taken = detach && driver !== null;
  return [
    ...(taken ? [`${name}: take it from ${driver}`] : []),
    `${name}: claim`,
    ...work,
    `${name}: release`,
    ...(taken ? [`${name}: give it back to ${driver}`] : []),
  ];
}

/** Returns the steps of `--dry-run` for work with an endpoint. */
export function endpointSteps(
  info: UsbDeviceInfo,
  { setting, address }: FoundEndpoint,
  { detach = false, alt }: EndpointOptions,
  ...work: string[]
): string[] {
  const selected = alt === undefined ? [] : [`${interfaceName(info, setting.number)}: select alternate setting ${alt}`];
  const steps = work.map((step) => `${info.address} ${endpointName(address)}: ${step}`);
  return claimedSteps(info, setting.number, detach, [...selected, ...steps]);
}

/**
 * Refuses to take an interface, or with null the whole device, from a driver that is at work for somebody: a mounted
 * disk, a network interface that is up.
 *
 * @throws exit 5, unless `force`
 */
export function mustBeIdle(
  context: Context,
  info: UsbDeviceInfo,
  intf: number | null,
  force: boolean | undefined,
): void {
  const name = intf === null ? info.address : interfaceName(info, intf);
  const [use] = findUses(context.sys, [name], claimProbe(context.sys)).uses;
  if (use === undefined) return;
  if (force) {
    context.note(`${name}: ${use.what}, and loses its device`);
    return;
  }
  throw new UdrvError(`${use.what}, and would lose its device`, {
    code: 'EBUSY',
    exit: Exit.busy,
    subject: name,
    hint: use.hint === undefined ? '--force does it all the same' : `${use.hint}; --force does it all the same`,
    device: info.address,
  });
}
