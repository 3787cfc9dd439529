import type { Option } from 'commander';
import { type BindRequest, changeBindings, type PreparedBindings, prepareBindings } from '../../bind/bind';
import { type BusDeviceInfo, devicePath, findOnBus, inspectOnBus } from '../../bind/bus';
import { type BindPlan, driverAfter, shellCommand } from '../../bind/plan';
import { readBinding } from '../../bind/read';
import { remembered, STATE_DIRECTORY } from '../../bind/remember';
import type { PreparedFiles } from '../../bind/saved/changes';
import type { Cleanup } from '../../cleanup';
import { inspectPci } from '../../devices/pci-functions';
import { findDevice } from '../../devices/select';
import { Exit, UdrvError, usageError } from '../../errors';
import type { DeviceInfo } from '../../model/device';
import { NO_NAMES } from '../../names/database';
import { isPciAddress } from '../../pci/address';
import { AttributeReader } from '../../sys/readers/attributes';
import { DirectoryState, MemoryState, type StateStore } from '../../sys/state';
import type { SysTree } from '../../sys/sys';
import type { FileChange } from '../../udev/files';
import { inspectUio } from '../../uio/inspect';
import { pciAddressOf } from '../devices/find';
import { visible } from '../output/escape';
import type { Context } from '../program/context';
import { isThisMachine } from '../program/machine';
import { option } from '../program/options';
import { interruptible } from '../program/signals';

export interface BindOptions {
  group?: boolean;
  force?: boolean;
}

/** No files are changed: the binding lasts until the machine starts anew, or one that is saved stays saved. */
const NO_FILES: PreparedFiles = { changes: [], notes: [] };

export function forceOption(): Option {
  return option('--force', 'do it to a device that is in use; never to one that a program drives');
}

/** Opens the memory of earlier bindings: files on this machine, that of a machine in a file, else none that lasts. */
export function stateOf({ options, bindings }: Context): StateStore {
  return bindings ?? (isThisMachine(options) ? new DirectoryState(STATE_DIRECTORY) : new MemoryState());
}

/**
 * Returns the addresses of the PCI functions that selectors name, or the names of devices on other buses whose drivers
 * can be chosen, each once.
 */
export function addressesOf(context: Context, selectors: readonly string[]): string[] {
  return [...new Set(selectors.map((selector) => addressOf(context, selector)))];
}

function addressOf({ sys }: Context, selector: string): string {
  const device = deviceNamed(sys, selector);
  if (typeof device === 'string') return device;
  const behind = device.framework === 'uio' && device.uio.parent === null ? device.uio.parentDevice : null;
  return (behind === null ? null : findOnBus(sys, behind)) ?? pciAddressOf(device, selector);
}

/** Finds a device of udrv's lists, else the name of one on another bus. */
function deviceNamed(sys: SysTree, selector: string): DeviceInfo | string {
  try {
    return findDevice(sys, NO_NAMES, selector);
  } catch (error) {
    if (!(error instanceof UdrvError) || error.exit !== Exit.notFound) throw error;
    const name = findOnBus(sys, selector);
    if (name !== null) return name;
    throw error;
  }
}

/**
 * Changes the drivers of PCI functions, and prints what they have then; with `--dry-run` the writes are printed instead.
 *
 * @param state remembers what the functions had before
 * @param files of bindings that last, which are changed with it or not at all
 * @returns the exit code where a signal ended it
 */
export async function changeDrivers(
  context: Context,
  state: StateStore,
  request: BindRequest,
  options: BindOptions,
  files: PreparedFiles = NO_FILES,
): Promise<number | undefined> {
  if (request.addresses.length === 0) throw usageError('--group', 'has no function to work on: all are bridges');
  const changed = await change(context, state, request, options, files);
  if (typeof changed === 'number') return changed;
  print(context, changed.plans, files.changes);
  return undefined;
}

/**
 * Gives back every function that is remembered to have had another binding. One that fails does not stop the others.
 *
 * @returns the exit code where a signal ended it
 * @throws AggregateError with the errors of those that failed
 */
export async function restoreAll(
  context: Context,
  state: StateStore,
  options: BindOptions,
): Promise<number | undefined> {
  const addresses = remembered(context.sys, state);
  if (addresses.length === 0) context.note('no earlier binding is recorded: there is nothing to give back');
  const plans: BindPlan[] = [];
  const failures: UdrvError[] = [];
  let signal: number | undefined;
  for (const address of addresses) {
    try {
      const changed = await change(context, state, { kind: 'restore', addresses: [address] }, options);
      if (typeof changed === 'number') signal = changed;
      else plans.push(...changed.plans);
    } catch (error) {
      if (!(error instanceof UdrvError)) throw error;
      failures.push(error);
    }
    if (signal !== undefined) break;
  }
  print(context, plans);
  if (failures.length > 0) throw new AggregateError(failures);
  return signal;
}

/**
 * Changes bindings, or with `--dry-run` plans to.
 *
 * @returns the exit code where a signal ended it
 */
async function change(
  context: Context,
  state: StateStore,
  request: BindRequest,
  { force }: BindOptions,
  files: PreparedFiles = NO_FILES,
): Promise<PreparedBindings | number> {
  const { sys } = context;
  const alongside = files.changes.length === 0 ? undefined : () => writeFiles(context, files.changes);
  let prepared: PreparedBindings | null = null;
  if (context.options.dryRun) prepared = prepareBindings(sys, state, request, force);
  else {
    const onWrite = context.options.verbose
      ? (write: Parameters<typeof shellCommand>[0]) => context.note(shellCommand(write))
      : undefined;
    const signal = await interruptible(async (signal) => {
      prepared = await changeBindings(sys, state, request, { force, signal, alongside, ...(onWrite && { onWrite }) });
    });
    // An attempt that was interrupted was taken back, and there is nothing to report.
    if (prepared === null) return signal ?? Exit.interrupted;
  }
  for (const note of [...prepared.notes, ...files.notes]) context.note(note);
  if (!context.options.dryRun) for (const plan of prepared.plans) mustHaveStayed(context, plan);
  return prepared;
}

/**
 * Changes files, and names them with `--verbose`; `--dry-run` has their text.
 *
 * @returns the owner of the undoing
 */
export function writeFiles(context: Context, changes: readonly FileChange[]): Cleanup {
  if (context.options.verbose)
    for (const { path, after } of changes) context.note(`${after === null ? 'rm' : 'write'} ${path}`);
  return filesOf().changeFiles(context.sys, changes);
}

/** Returns the steps of changes of files as a person would type them. */
export function fileCommands(changes: readonly FileChange[]): string[] {
  return changes.filter(({ before, after }) => before !== after).map(filesOf().fileCommand);
}

/** Loads what few changes of drivers need. */
function filesOf(): typeof import('../../udev/files') {
  return require('../../udev/files');
}

function print(context: Context, plans: readonly BindPlan[], files: readonly FileChange[] = []): void {
  if (context.options.dryRun) {
    const steps = plans.flatMap(({ steps }) => steps.map(shellCommand));
    context.printSteps([...(files.length === 0 ? [] : fileCommands(files)), ...steps]);
    return;
  }
  const devices = plans.map((plan) => deviceOf(context, plan.address));
  if (context.options.json) context.printJson({ schema: 'udrv.list/1', devices });
  else if (!context.options.quiet)
    context.stdout.write(plans.map((plan, i) => `${visible(line(context, plan, devices[i] ?? null))}\n`).join(''));
}

/** @throws UdrvError where a driver took a device and could not drive it: nvme finds out in the background, later */
function mustHaveStayed({ sys }: Context, plan: BindPlan): void {
  const { address } = plan;
  const driver = driverAfter(plan);
  if (driver === undefined || readBinding(sys, address).driver === driver) return;
  throw new UdrvError(`did not stay bound (driver: ${driver ?? 'none'})`, {
    code: 'ENODRIVER',
    exit: Exit.failed,
    hint: `udrv restore ${address}; the kernel's log may say why: sudo dmesg | grep ${address}`,
    device: address,
  });
}

/** Returns a line such as `0000:01:00.0: vfio-pci, was nvme; /dev/vfio/9`. */
function line(context: Context, { address, from, steps }: BindPlan, device: DeviceInfo | BusDeviceInfo | null): string {
  const now = readBinding(context.sys, address);
  const was = steps.length === 0 ? 'as before' : from.driver === null ? 'had none' : `was ${from.driver}`;
  const node = device === null || device.framework === 'platform' ? null : device.node;
  return `${address}: ${now.driver ?? 'no driver'}, ${was}${node === null ? '' : `; ${node}`}`;
}

/** Returns a device as `list` shows it: one that UIO drives under its UIO name. */
function deviceOf({ sys, names }: Context, address: string): DeviceInfo | BusDeviceInfo | null {
  const uio = new AttributeReader(sys).names(devicePath(sys, address, 'uio')).find((name) => /^uio\d+$/.test(name));
  const device = uio === undefined ? null : inspectUio(sys, uio, names);
  return device ?? (isPciAddress(address) ? inspectPci(sys, names, address) : inspectOnBus(sys, address));
}
