import { PCI_DRIVERS, pciPath } from '../../pci/paths';
import { type Check, command, type FunctionSubject } from '../check';
import { kernelHasModule } from '../kernel-module';
import { mustBeComplete, USE_IDS, usesOf } from '../uses';

const GENERIC = 'uio_pci_generic';

/** A PCI function that shall have a UIO device, and has none. */
export const pciDriver: Check<FunctionSubject> = {
  ids: [...USE_IDS, 'uio-pci-generic-not-loaded', 'uio-pci-generic-missing', 'no-intx', 'driver-bound', 'no-driver'],
  about: 'UIO driver',
  *run({ tree, device: { address, driver } }) {
    const prevents = 'UIO: there is no node to open';
    const irq = tree.number(pciPath(address, 'irq'));
    if (irq === 0)
      yield {
        id: 'no-intx',
        severity: 'limits',
        seen: [{ path: pciPath(address, 'irq'), value: '0' }],
        means: `The function has no INTx interrupt, and ${GENERIC} serves no other; kernels before 5.14 do not bind it at all.`,
        prevents: 'interrupts through UIO',
        mend: [command(`udrv bind ${address} vfio-pci`)],
        proof: `udrv vfio info ${address}`,
      };
    if (!tree.has(PCI_DRIVERS, GENERIC)) {
      const isBuilt = kernelHasModule(tree, GENERIC) !== false;
      yield {
        id: isBuilt ? 'uio-pci-generic-not-loaded' : 'uio-pci-generic-missing',
        severity: 'blocks',
        seen: [{ path: `${PCI_DRIVERS}/${GENERIC}`, value: 'not there' }],
        means: isBuilt ? `The module ${GENERIC} is not loaded.` : `This kernel has no module ${GENERIC}.`,
        prevents,
        mend: isBuilt ? [command(`sudo modprobe ${GENERIC}`)] : [],
        proof: `ls -d ${PCI_DRIVERS}/${GENERIC}`,
      };
    }
    const found = driver === null ? null : usesOf(tree, address);
    yield* found?.findings ?? [];
    yield {
      id: driver === null ? 'no-driver' : 'driver-bound',
      severity: 'blocks',
      seen: [{ path: pciPath(address, 'driver'), value: driver ?? 'not there' }],
      means: driver === null ? 'No driver has the device.' : `The driver ${driver} has the device.`,
      prevents,
      mend: found?.isVital ? [] : [command(`udrv bind ${address} ${GENERIC}`)],
      proof: 'udrv list --type uio',
    };
    if (found !== null) mustBeComplete(tree, found.doubts);
  },
};
