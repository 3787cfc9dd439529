import { type BindRequest, change, type Prepared, prepare } from '../../bind/bind';
import { findDriver } from '../../bind/driver';
import { withChanged, withGroups } from '../../bind/group';
import { driverAfter, type Plan, shellCommand } from '../../bind/plan';
import { readBinding } from '../../bind/read';
import { inspectPci } from '../../devices/pci-functions';
import { findDevice } from '../../devices/select';
import { Exit, UdrvError, usageError } from '../../errors';
import type { DeviceInfo } from '../../model/device';
import { NO_NAMES } from '../../names/database';
import { pciPath } from '../../pci/paths';
import { AttributeReader } from '../../sys/readers/attributes';
import { inspectUio } from '../../uio/inspect';
import type { Context } from '../context';
import { visible } from '../output/escape';
import { interruptible } from '../signals';
import { pciAddressOf } from './target';

interface BindOptions {
  group?: boolean;
  force?: boolean;
}

export function bind(context: Context, first: string, rest: string[], options: BindOptions) {
  const driver = findDriver(context.sys, rest.at(-1) ?? '');
  const addresses = addressesOf(context, [first, ...rest.slice(0, -1)]);
  const members = options.group ? withGroups(context.sys, addresses) : addresses;
  return run(context, { kind: 'bind', addresses: members, driver }, options);
}

export function unbind(context: Context, selectors: string[], options: BindOptions) {
  return run(context, { kind: 'unbind', addresses: addressesOf(context, selectors) }, options);
}

export function restore(context: Context, selectors: string[], options: BindOptions) {
  const addresses = addressesOf(context, selectors);
  const members = options.group ? withChanged(context.sys, context.state, addresses) : addresses;
  return run(context, { kind: 'restore', addresses: members }, options);
}

/** The PCI functions that selectors name, each once. */
function addressesOf(context: Context, selectors: readonly string[]): string[] {
  return [...new Set(selectors.map((selector) => pciAddressOf(findDevice(context.sys, NO_NAMES, selector), selector)))];
}

async function run(context: Context, request: BindRequest, { force }: BindOptions): Promise<number | undefined> {
  const { sys, state } = context;
  if (request.addresses.length === 0) throw usageError('--group', 'has no function to work on: all are bridges');
  if (context.options.dryRun) {
    const { plans, notes } = prepare(sys, state, request, force);
    for (const note of notes) context.note(note);
    context.printSteps(plans.flatMap(({ steps }) => steps.map(shellCommand)));
    return undefined;
  }
  const onWrite = context.options.verbose
    ? (write: Parameters<typeof shellCommand>[0]) => context.note(shellCommand(write))
    : undefined;
  let prepared: Prepared | null = null;
  const signal = await interruptible(async (signal) => {
    prepared = await change(sys, state, request, { force, signal, ...(onWrite && { onWrite }) });
  });
  // Nothing is left of an attempt that was interrupted, and nothing to say of it.
  if (prepared === null) return signal;
  report(context, prepared);
  return undefined;
}

function report(context: Context, { plans, notes }: Prepared): void {
  for (const note of notes) context.note(note);
  for (const plan of plans) mustHaveStayed(context, plan);
  const devices = plans.map((plan) => deviceOf(context, plan.address));
  if (context.options.json) context.printJson({ schema: 'udrv.list/1', devices });
  else if (!context.options.quiet)
    context.stdout.write(plans.map((plan, i) => `${visible(line(context, plan, devices[i] ?? null))}\n`).join(''));
}

/** Some drivers take a device and find out later that they cannot drive it: nvme resets it in the background. */
function mustHaveStayed({ sys }: Context, plan: Plan): void {
  const { address } = plan;
  const driver = driverAfter(plan);
  if (driver === undefined || readBinding(sys, address).driver === driver) return;
  throw new UdrvError(`${driver ?? 'no driver'} had the device, and it did not stay so`, {
    code: 'ENODRIVER',
    exit: Exit.failed,
    subject: address,
    hint: `udrv restore ${address}; the kernel's log may say why: sudo dmesg | grep ${address}`,
    device: address,
  });
}

/** `0000:01:00.0: vfio-pci, was nvme; /dev/vfio/9` */
function line(context: Context, { address, from, steps }: Plan, device: DeviceInfo | null): string {
  const now = readBinding(context.sys, address);
  const was = steps.length === 0 ? 'as before' : from.driver === null ? 'had none' : `was ${from.driver}`;
  const node = device?.node ?? null;
  return `${address}: ${now.driver ?? 'no driver'}, ${was}${node === null ? '' : `; ${node}`}`;
}

/** As `list` shows it: one behind UIO by its UIO name. */
function deviceOf({ sys, names }: Context, address: string): DeviceInfo | null {
  const uio = new AttributeReader(sys).names(pciPath(address, 'uio')).find((name) => /^uio\d+$/.test(name));
  return (uio === undefined ? null : inspectUio(sys, uio)) ?? inspectPci(sys, names, address);
}
