import { isPciAddress } from '../../pci/address';
import { pciPath } from '../../pci/paths';
import { UIO_CLASS } from '../../uio/inspect';
import { type Check, command, type UioSubject } from '../check';
import { nodeFindings } from '../node-findings';
import { readUser } from '../user';

const RULE = `echo 'SUBSYSTEM=="uio", GROUP="plugdev", MODE="0660"' | sudo tee /etc/udev/rules.d/70-udrv-uio.rules && sudo udevadm control --reload && sudo udevadm trigger -s uio`;

/** To map registers for reading takes no more than to read. */
const WRITING = 'writing its registers, and every interrupt but the first';

/** The node of a UIO device. */
export const node: Check<UioSubject> = {
  ids: ['node-missing', 'node-closed'],
  about: 'node',
  *run({ tree, device }) {
    tree.list('/dev');
    const { address, node: path = null } = device;
    const own = { path: path ?? `/dev/${address}`, directory: `${UIO_CLASS}/${address}`, withoutWriting: WRITING };
    yield* nodeFindings(tree, device, [own], `udrv show ${address}`, RULE);
  },
};

/** The configuration space, by which interrupts of uio_pci_generic are switched on again, and bus mastering. */
export const config: Check<UioSubject> = {
  ids: ['config-closed'],
  about: 'configuration space',
  *run({ tree, device: { driver, uio } }) {
    if (uio.parent === null || !isPciAddress(uio.parent) || driver !== 'uio_pci_generic' || readUser(tree).uid === 0)
      return;
    const path = pciPath(uio.parent, 'config');
    if (tree.sys.access(path) !== 'r') return;
    yield {
      id: 'config-closed',
      severity: 'limits',
      seen: [{ path, value: 'you may read' }],
      means: `This user may not write the configuration space: ${driver} has its interrupt switched on again there.`,
      prevents: 'more than one interrupt, and bus mastering',
      mend: [command(`sudo chown "$USER" ${path}`)],
      proof: `ls -l ${path}`,
    };
  },
};
