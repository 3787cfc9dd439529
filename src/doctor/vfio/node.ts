import { pciPath } from '../../pci/paths';
import { isServedByVfio } from '../../vfio/inspect/drivers';
import { IommuGroups } from '../../vfio/inspect/iommu-group';
import { type Check, command, type FunctionSubject } from '../check';
import { nodeFindings } from '../node-findings';
import { readUser } from '../user';

/** The nodes that opening takes: the device's or its group's, and the container's or iommufd's. */
export const node: Check<FunctionSubject> = {
  ids: ['node-missing', 'node-closed', 'raw-io-needed'],
  about: 'node',
  *run({ tree, device }) {
    if (device.framework !== 'vfio' || device.node === null) return;
    if (!isServedByVfio(tree, pciPath(device.address), device.driver)) return;
    const isCdev = device.node.startsWith('/dev/vfio/devices/');
    // A copy of a machine may have no /dev at all.
    tree.list('/dev');
    const proof = `udrv vfio info ${device.address}`;
    const noiommu = device.vfio.group !== null && new IommuGroups(tree.sys).get(device.vfio.group).noiommu;
    if (noiommu && readUser(tree).hasRawIo === false) {
      yield {
        id: 'raw-io-needed',
        severity: 'blocks',
        seen: [{ path: '/proc/self/status', value: 'CapEff without CAP_SYS_RAWIO' }],
        means: 'Nothing isolates this device, so the kernel lets root alone open its group.',
        prevents: 'opening it',
        mend: [command(`sudo ${proof}`)],
        proof: `sudo ${proof}`,
      };
      return;
    }
    const name = device.node.slice(device.node.lastIndexOf('/') + 1);
    const own = { path: device.node, directory: `/sys/class/${isCdev ? 'vfio-dev' : 'vfio'}/${name}` };
    const shared = isCdev
      ? { path: '/dev/iommu', directory: '/sys/class/misc/iommu' }
      : { path: '/dev/vfio/vfio', directory: '/sys/class/misc/vfio' };
    yield* nodeFindings(tree, device, [own, shared], proof);
  },
};
