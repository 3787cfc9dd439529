import { PCI_DRIVERS, pciPath } from '../../pci/paths';
import { isServedByVfio } from '../../vfio/inspect/drivers';
import { type Check, command, type Finding } from '../check';
import { type Evidence, parameterPath } from '../evidence';
import { functionOf } from '../function-of';
import { kernelHasModule } from '../kernel-module';
import { makeNode } from '../node-findings';

/** The driver vfio-pci: not loaded, or not in this kernel. */
export const vfioModule: Check = {
  ids: ['vfio-pci-not-loaded', 'vfio-pci-missing'],
  about: 'VFIO driver',
  *run({ tree, device }) {
    const address = functionOf(device);
    if (address !== null && isServed(tree, address)) return;
    if (!tree.has(PCI_DRIVERS, 'vfio-pci')) yield absent(tree);
  },
};

function isServed(tree: Evidence, address: string): boolean {
  return isServedByVfio(tree, pciPath(address), tree.linkName(pciPath(address, 'driver')));
}

function absent(tree: Evidence): Finding {
  const seen = [{ path: `${PCI_DRIVERS}/vfio-pci`, value: 'not there' }];
  const prevents = 'VFIO: no device can be bound to it';
  const proof = `ls -d ${PCI_DRIVERS}/vfio-pci`;
  const built = kernelHasModule(tree, 'vfio-pci');
  if (built !== false)
    return {
      id: 'vfio-pci-not-loaded',
      severity: 'blocks',
      seen,
      means: 'The module vfio-pci is not loaded.',
      prevents,
      mend: [command('sudo modprobe vfio-pci')],
      proof,
    };
  return {
    id: 'vfio-pci-missing',
    severity: 'blocks',
    seen,
    means:
      'This kernel has no module vfio-pci: it was built without CONFIG_VFIO_PCI, or its package of further modules is not installed.',
    prevents,
    mend: [],
    proof,
  };
}

/** The back end of groups: without it a container takes no group. Its other back end is that of POWER. */
export const type1Module: Check = {
  ids: ['type1-not-loaded'],
  about: 'type 1 IOMMU',
  *run({ tree, device }) {
    const isByCdev = device?.framework === 'vfio' && device.node?.startsWith('/dev/vfio/devices/') === true;
    if (isByCdev || !tree.has('/sys/module', 'vfio')) return;
    if (['vfio_iommu_type1', 'vfio_iommu_spapr_tce'].some((name) => tree.has('/sys/module', name))) return;
    const isOther = tree.text(parameterPath('vfio', 'enable_unsafe_noiommu_mode')) === 'Y';
    yield {
      id: 'type1-not-loaded',
      severity: isOther ? 'note' : 'blocks',
      seen: [{ path: '/sys/module/vfio_iommu_type1', value: 'not there' }],
      means: 'The module vfio_iommu_type1 is not loaded, by which a container maps memory.',
      prevents: 'opening devices through their groups: the kernel answers ENODEV',
      mend: [command('sudo modprobe vfio_iommu_type1')],
      proof: 'ls -d /sys/module/vfio_iommu_type1',
    };
  },
};

/** The backend of newer kernels: cdevs are there and /dev/iommu is not. */
export const iommufdModule: Check = {
  ids: ['iommufd-not-loaded', 'no-cdev', 'node-missing'],
  about: 'iommufd',
  *run({ tree }) {
    const devices = tree.names('/sys/class/vfio-dev');
    if (devices.length === 0) return;
    const cdevs = devices.filter((name) => tree.text(`/sys/class/vfio-dev/${name}/dev`) !== null);
    if (cdevs.length === 0)
      yield {
        id: 'no-cdev',
        severity: 'note',
        seen: [{ path: `/sys/class/vfio-dev/${devices[0]}/dev`, value: 'not there' }],
        means: 'This kernel has groups alone: it was built without CONFIG_VFIO_DEVICE_CDEV.',
        prevents: '--backend iommufd',
        mend: [],
        proof: null,
      };
    else if (tree.sys.access(IOMMUFD.path) === null) yield withoutIommufd(tree);
  },
};

const IOMMUFD = { path: '/dev/iommu', directory: '/sys/class/misc/iommu' };

function withoutIommufd(tree: Evidence): Finding {
  const isLoaded = tree.has('/sys/class/misc', 'iommu');
  return {
    id: isLoaded ? 'node-missing' : 'iommufd-not-loaded',
    severity: 'note',
    seen: [{ path: IOMMUFD.path, value: 'not there' }],
    means: isLoaded
      ? 'The kernel has iommufd, and its node is missing.'
      : 'The devices have character devices, and the module iommufd, which they need, is not loaded.',
    prevents: '--backend iommufd; the group backend works',
    mend: isLoaded ? makeNode(tree, IOMMUFD) : [command('sudo modprobe iommufd')],
    proof: 'ls -l /dev/iommu',
  };
}
