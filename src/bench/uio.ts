import type { UioDeviceInfo } from '../model/device';
import { prepareRead } from '../model/location';
import type { Sys } from '../sys/sys';
import { UioDevice } from '../uio/device';
import { type Bounds, measured, type OnResult, timeEach, timeOpens } from './figure';
import { deviceActions, NO_TRIGGER, timeInterrupts } from './interrupts';
import { type DeviceWork, locationText, NO_REGISTER } from './work';

const OPENS = 100;

/** Lists what {@link benchUio} does to a device. */
export function uioSteps({ address }: UioDeviceInfo, { registers, trigger }: DeviceWork): string[] {
  return [
    `${address}: open and close it up to ${OPENS} times`,
    ...registers.map((register) => `${address}: read ${locationText(register)}`),
    ...(trigger.length === 0 ? [] : [`${address}: have it raise its interrupt, and re-arm it each time`]),
  ];
}

/** Measures a UIO device; {@link uioSteps} says what is done to it. */
export async function benchUio(
  sys: Sys,
  info: UioDeviceInfo,
  work: DeviceWork,
  bounds: Bounds,
  onResult: OnResult,
): Promise<void> {
  const { registers, trigger } = work;
  const open = () => UioDevice.open(sys, info, { write: true });
  const opens = { ...bounds, count: Math.min(bounds.count, OPENS) };
  if (!(await measured(onResult, bounds, 'open', {}, () => timeOpens({}, open, opens)))) return;
  using device = open();
  if (registers.length === 0) onResult({ figure: 'read', variant: { by: 'mmap' }, reason: NO_REGISTER });
  for (const register of registers) {
    const variant = { register: locationText(register), by: 'mmap' } as const;
    const read = () => timeEach('read', variant, prepareRead(register, device), bounds);
    await measured(onResult, bounds, 'read', variant, read);
  }
  const variant = { by: 'device' } as const;
  if (trigger.length === 0) {
    onResult({ figure: 'interrupt', variant, reason: NO_TRIGGER });
    return;
  }
  await measured(onResult, bounds, 'interrupt', variant, () =>
    timeInterrupts(variant, device.interruptSource(), deviceActions(work, device), bounds),
  );
}
