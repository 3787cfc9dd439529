import { shellCommand } from '../../bind/plan';
import { lock } from '../../bind/remember';
import {
  changeVirtualFunctions,
  mustBePermitted,
  planVirtualFunctions,
  type VfPlan,
} from '../../bind/virtual-functions';
import { inspectPci } from '../../devices/pci-functions';
import { findDevice } from '../../devices/select';
import type { DeviceInfo } from '../../model/device';
import { parseSize } from '../../model/notation';
import { NO_NAMES } from '../../names/database';
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
    argument('<device>', 'the physical function', { type: 'pci' }),
    argument('<count>', 'virtual functions that it shall have; 0 removes them'),
  ],
  options: [option('--no-probe', 'give the new ones to no driver'), forceOption()],
  does: ['change'],
  examples: ['vfio vf nvme0 2', '-n vfio vf 0000:01:00.0 2 --no-probe'],
  run: virtualFunctions,
};

interface Options {
  probe: boolean;
  force?: boolean;
}

function virtualFunctions(context: Context, selector: string, count: string, { probe, force }: Options): undefined {
  const { sys } = context;
  const address = pciAddressOf(findDevice(sys, NO_NAMES, selector), selector);
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
  print(context, plan);
}

function remark(context: Context, { notes }: VfPlan): void {
  for (const note of notes) context.note(note);
}

/** Prints the physical function and its virtual ones, as they are now. */
function print(context: Context, { address, from }: VfPlan): void {
  const { sys, options } = context;
  const reader = new AttributeReader(sys);
  const vfs = readSriov(reader, address)?.virtualFunctions ?? [];
  const devices = [address, ...vfs]
    .map((one) => inspectPci(sys, context.names, one))
    .filter((device) => device !== null)
    .map((device) => ({ ...device, pci: { ...device.pci, sriov: readSriov(reader, device.address) } }));
  if (options.json) context.printJson({ schema: 'udrv.list/1', devices });
  else if (!options.quiet) {
    const [, ...made] = devices;
    const was = from.length === vfs.length ? 'as before' : `had ${from.length === 0 ? 'none' : from.length}`;
    const first = `${address}: ${vfs.length} virtual function${vfs.length === 1 ? '' : 's'}, ${was}`;
    context.stdout.write([first, ...made.map(line)].map((text) => `${visible(text)}\n`).join(''));
  }
}

/** Returns a line such as `0000:03:00.1: vfio-pci; /dev/vfio/13`. */
function line({ address, driver, node }: DeviceInfo): string {
  return `${address}: ${driver ?? 'no driver'}${node === null ? '' : `; ${node}`}`;
}
