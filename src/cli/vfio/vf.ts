import { shellCommand } from '../../bind/plan';
import { lock } from '../../bind/remember';
import {
  changeVirtualFunctions,
  mustBePermitted,
  physicalFunction,
  planVirtualFunctions,
  type VfPlan,
} from '../../bind/virtual-functions';
import { inspectPci } from '../../devices/pci-functions';
import { findDevice } from '../../devices/select';
import type { DeviceInfo } from '../../model/device';
import { parseSize } from '../../model/notation';
import { NO_NAMES } from '../../names/database';
import { comparePciAddresses } from '../../pci/address';
import { PCI_DEVICES } from '../../pci/paths';
import { readSriov } from '../../pci/sriov';
import { AttributeReader } from '../../sys/readers/attributes';
import { forceOption, stateOf } from '../binding/change';
import { pciAddressOf } from '../devices/find';
import { visible } from '../output/escape';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument, option } from '../program/options';

export const command: VerbSpec = {
  description: 'make and remove virtual functions (SR-IOV)',
  arguments: [
    argument('[device]', 'the physical function; without it, all that there are', { type: 'pci' }),
    argument('[count]', 'virtual functions that it shall have; 0 removes them'),
  ],
  options: [option('--no-probe', 'give the new ones to no driver'), forceOption()],
  does: ['change'],
  examples: ['vfio vf', '--json vfio vf'],
  run: virtualFunctions,
};

interface Options {
  probe: boolean;
  force?: boolean;
}

function virtualFunctions(
  context: Context,
  selector: string | undefined,
  count: string | undefined,
  { probe, force }: Options,
): undefined {
  const { sys } = context;
  if (selector === undefined) return list(context);
  const address = pciAddressOf(findDevice(sys, NO_NAMES, selector), selector);
  if (count === undefined) return print(context, physicalFunction(sys, address).virtualFunctions, [address]);
  const wanted = parseSize(count, 'a count');
  const options = { force, ...(!probe && { probe }) };
  if (context.options.dryRun) {
    const plan = planVirtualFunctions(sys, address, wanted, options);
    remark(context, plan);
    context.printSteps(plan.steps.map(shellCommand));
    return;
  }
  mustBePermitted(sys, planVirtualFunctions(sys, address, wanted, options));
  using _ = lock(stateOf(context));
  const plan = planVirtualFunctions(sys, address, wanted, options);
  remark(context, plan);
  changeVirtualFunctions(sys, plan, (write) => {
    if (context.options.verbose) context.note(shellCommand(write));
  });
  print(context, plan.from, [address]);
}

/** Prints all functions that can have virtual ones, with those. */
function list(context: Context): undefined {
  const reader = new AttributeReader(context.sys);
  const found = reader.names(PCI_DEVICES).filter((address) => (readSriov(reader, address)?.totalVfs ?? 0) > 0);
  if (found.length === 0 && !context.options.json)
    context.note('no PCI function of this machine can have virtual functions: SR-IOV may be off in the firmware');
  else print(context, undefined, found.sort(comparePciAddresses));
}

function remark(context: Context, { notes }: VfPlan): void {
  for (const note of notes) context.note(note);
}

/** Prints physical functions and their virtual ones, as they are now. @param before those that there were; undefined: not changed */
function print(context: Context, before: readonly string[] | undefined, addresses: readonly string[]): undefined {
  const { sys, options } = context;
  const reader = new AttributeReader(sys);
  const inspected = (address: string) => {
    const device = inspectPci(sys, context.names, address);
    return device === null ? [] : [{ ...device, pci: { ...device.pci, sriov: readSriov(reader, address) } }];
  };
  const functions = addresses.flatMap(inspected).map((physical) => ({
    physical,
    vfs: (physical.pci.sriov?.virtualFunctions ?? []).flatMap(inspected),
  }));
  if (options.json) {
    context.printJson({ schema: 'udrv.list/1', devices: functions.flatMap(({ physical, vfs }) => [physical, ...vfs]) });
    return;
  }
  if (options.quiet) return;
  const lines = functions.flatMap(({ physical: { address, pci }, vfs }) => {
    const had = before === undefined || before.length === vfs.length ? '' : `, had ${before.length || 'none'}`;
    return [`${address}: ${vfs.length} of ${pci.sriov?.totalVfs} virtual functions${had}`, ...vfs.map(line)];
  });
  context.stdout.write(lines.map((text) => `${visible(text)}\n`).join(''));
}

/** Returns a line such as `0000:03:00.1: vfio-pci; /dev/vfio/13`. */
function line({ address, driver, node }: DeviceInfo): string {
  return `${address}: ${driver ?? 'no driver'}${node === null ? '' : `; ${node}`}`;
}
