import { PCI_DRIVERS, pciPath } from '../../pci/paths';
import { isServedByVfio } from '../../vfio/inspect/drivers';
import { type Check, command, type Finding, type FunctionSubject, type Seen } from '../check';
import { mustBeComplete, USE_IDS, usesOf } from '../uses';

/** The driver that has the function, uses that keep it there, and the driver that the function is reserved for. */
export const driver: Check<FunctionSubject> = {
  ids: [...USE_IDS, 'driver-bound', 'override-stale', 'no-driver'],
  about: 'driver',
  *run({ tree, device, log }) {
    const { address, pci } = device;
    const bound = tree.linked(pciPath(address, 'driver'));
    if (isServedByVfio(tree, pciPath(address), bound)) return;
    const found = bound === null ? null : usesOf(tree, address);
    yield* found?.findings ?? [];
    const override = pci.driverOverride;
    const seen: Seen[] = [
      { path: pciPath(address, 'driver'), value: bound ?? 'not there' },
      ...(override === null ? [] : [{ path: pciPath(address, 'driver_override'), value: override }]),
      ...refusals(log(), address),
    ];
    const common = {
      severity: 'blocks' as const,
      seen,
      prevents: 'VFIO: the device is not bound to a VFIO driver',
      mend: found?.isVital ? [] : [command(`udrv bind ${address} vfio-pci`)],
      proof: `udrv list ${address}`,
    } satisfies Partial<Finding>;
    if (bound !== null) yield { id: 'driver-bound', means: `The kernel's driver ${bound} has the device.`, ...common };
    else if (override !== null && override !== 'vfio-pci')
      yield {
        id: 'override-stale',
        means: `The device is reserved for ${override}${tree.names(PCI_DRIVERS).includes(override) ? '' : ', which is not loaded'}, and has no driver: driver_override keeps every other one away.`,
        ...common,
      };
    else
      yield {
        id: 'no-driver',
        means: `No driver has the device${override === null ? '' : `, although it is reserved for ${override}`}.`,
        ...common,
      };
    if (found !== null) mustBeComplete(tree, found.doubts);
  },
};

/** Messages of a probe that failed: `vfio-pci 0000:00:03.0: probe with driver vfio-pci failed with error -22`. */
function refusals(log: readonly string[], address: string): Seen[] {
  const last = log.findLast((line) => line.startsWith(`vfio-pci ${address}: `) && /fail|error|can't/i.test(line));
  return last === undefined ? [] : [{ path: 'kernel log', value: last }];
}
