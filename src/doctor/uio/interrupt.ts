import { isPciAddress } from '../../pci/address';
import { pciPath } from '../../pci/paths';
import { namesInterrupt } from '../../uio/device-tree';
import { type Check, command, type PlatformSubject, type UioSubject } from '../check';

/** A UIO device without an interrupt. */
export const interrupt: Check<UioSubject> = {
  ids: ['no-intx', 'no-interrupt'],
  about: 'interrupt',
  *run({ tree, device: { address, driver, uio } }) {
    const { parent, parentDevice } = uio;
    if (parent !== null && isPciAddress(parent) && uio.irq === false)
      yield {
        id: 'no-intx',
        severity: 'limits',
        seen: [{ path: pciPath(parent, 'irq'), value: tree.text(pciPath(parent, 'irq')) ?? '' }],
        means: `The function has no INTx interrupt that the kernel could route${driver === 'uio_pci_generic' ? ', and uio_pci_generic serves no other' : ''}.`,
        prevents: 'waiting for interrupts: the node answers EIO',
        mend: [command(`udrv bind ${parent} vfio-pci`)],
        proof: `udrv vfio info ${parent}`,
      };
    if (uio.parentBus !== 'platform' || parentDevice === null || (uio.eventCount ?? 0) > 0) return;
    const dir = `/sys/bus/platform/devices/${parentDevice}/of_node`;
    const properties = tree.names(dir);
    if (properties.length === 0 || namesInterrupt(properties)) return;
    yield {
      id: 'no-interrupt',
      severity: 'limits',
      seen: [{ path: `${dir}/interrupts`, value: 'not there' }],
      means: 'The device has no interrupt in the device tree.',
      prevents: 'waiting for interrupts: the node answers EIO',
      mend: [{ kind: 'firmware', text: 'give its node in the device tree the property interrupts' }],
      proof: `udrv show ${address}`,
    };
  },
};

/** The same for a node that has no UIO device yet. */
export const platformInterrupt: Check<PlatformSubject> = {
  ids: ['no-interrupt'],
  about: 'interrupt',
  *run({ tree, device: { address } }) {
    const dir = `/sys/bus/platform/devices/${address}/of_node`;
    const properties = tree.names(dir);
    // A recording of a node that has no more than what told its kind.
    if (!properties.includes('reg') || namesInterrupt(properties)) return;
    yield {
      id: 'no-interrupt',
      severity: 'limits',
      seen: [{ path: `${dir}/interrupts`, value: 'not there' }],
      means: 'The device has no interrupt in the device tree.',
      prevents: 'waiting for interrupts, once it is a UIO device',
      mend: [{ kind: 'firmware', text: 'give its node in the device tree the property interrupts' }],
      proof: null,
    };
  },
};
