import type { LabFault } from './fault';

/** The guest's devices: machine.ts has them, and shell.ts those that only this table has. */
export const EDU = '0000:00:03.0';
export const UIO_EDU = '0000:00:04.0';
export const NVME = '0000:01:00.0';
export const LUMPED = '0000:02:01.0';
export const RNG = '0000:02:02.0';
export const ROOT_PORT = '0000:00:08.0';
export const NIC = '0000:00:0b.0';
export const DISK = '0000:00:0c.0';
export const PLAIN = '0000:00:0d.0';

/** A physical function that can have virtual ones, and the first of these. */
const [PF, VF] = ['0000:03:00.0', '0000:03:00.1'];

const info = (address: string) => `udrv vfio info ${address}`;

const drivers: readonly LabFault[] = [
  {
    name: 'the driver of a disk has it',
    doctor: `${NVME} --for vfio`,
    operation: info(NVME),
    fails: 3,
    first: 'driver-bound',
    undo: `drive ${NVME}`,
  },
  {
    name: 'UIO has it',
    doctor: `${UIO_EDU} --for vfio`,
    operation: info(UIO_EDU),
    fails: 3,
    first: 'driver-bound',
    undo: `drive ${UIO_EDU} uio_pci_generic`,
  },
  {
    name: 'no driver has it',
    inject: `leave ${EDU}`,
    doctor: `${EDU} --for vfio`,
    operation: info(EDU),
    fails: 3,
    first: 'no-driver',
    undo: `drive ${EDU} vfio-pci`,
  },
  {
    name: 'it was unbound by hand and is still reserved for vfio-pci',
    inject: `leave ${EDU} vfio-pci`,
    doctor: `${EDU} --for vfio`,
    operation: info(EDU),
    fails: 3,
    first: 'no-driver',
    undo: `drive ${EDU} vfio-pci`,
  },
  {
    name: 'a stale driver_override keeps drivers away',
    inject: `leave ${EDU} pci-stub-of-old`,
    doctor: `${EDU} --for vfio`,
    operation: info(EDU),
    fails: 3,
    first: 'override-stale',
    undo: `drive ${EDU} vfio-pci`,
  },
  {
    name: 'the module vfio-pci is not loaded',
    kernels: ['stock'],
    inject: 'modprobe -r vfio-pci',
    doctor: `${EDU} --for vfio`,
    operation: info(EDU),
    fails: 3,
    first: 'vfio-pci-not-loaded',
    undo: 'modprobe vfio-pci',
  },
  {
    name: 'the module of the containers is not loaded',
    kernels: ['stock'],
    inject: 'modprobe -r vfio_iommu_type1',
    doctor: `${EDU} --for vfio`,
    operation: info(EDU),
    fails: 9,
    first: 'type1-not-loaded',
    undo: 'modprobe vfio_iommu_type1',
  },
  {
    name: 'a bridge is asked for',
    doctor: `${ROOT_PORT} --for vfio`,
    operation: info(ROOT_PORT),
    fails: 3,
    first: 'bridge',
    mend: 'nothing',
  },
];

const uses: readonly LabFault[] = [
  {
    name: 'a file system of the disk is mounted',
    inject: 'mkfs.ext2 -q /dev/$(disk) && mkdir -p "/run/a mount" && mount -t ext2 /dev/$(disk) "/run/a mount"',
    doctor: `${DISK} --for vfio`,
    operation: `udrv bind ${DISK} vfio-pci`,
    fails: 5,
    first: 'disk-in-use',
    undo: `drive ${DISK}; await disk`,
  },
  {
    name: 'the disk has swap space',
    inject: 'mkswap /dev/$(disk) && swapon /dev/$(disk)',
    doctor: `${DISK} --for vfio`,
    operation: `udrv bind ${DISK} vfio-pci`,
    fails: 5,
    first: 'disk-in-use',
    undo: `drive ${DISK}; await disk`,
  },
  {
    name: 'a program reads the disk',
    inject: 'hold /dev/$(disk)',
    doctor: `${DISK} --for vfio`,
    operation: `udrv bind ${DISK} vfio-pci`,
    fails: 5,
    first: 'held-open',
    undo: `drive ${DISK}; await disk`,
    notInTree: 'processes',
  },
  {
    name: 'the network interface is up',
    inject: `ip link set $(ls /sys/bus/pci/devices/${NIC}/net) up`,
    doctor: `${NIC} --for vfio`,
    operation: `udrv bind ${NIC} vfio-pci`,
    fails: 5,
    first: 'interface-up',
    undo: `drive ${NIC}`,
  },
];

const groups: readonly LabFault[] = [
  {
    name: 'every way to reset it is switched off',
    inject: `drive ${NVME} vfio-pci && echo >/sys/bus/pci/devices/${NVME}/reset_method`,
    doctor: NVME,
    operation: `udrv vfio reset ${NVME}`,
    fails: 9,
    first: 'no-reset',
    undo: `drive ${NVME}`,
  },
  {
    name: 'a foreign member is in the group',
    doctor: LUMPED,
    operation: info(LUMPED),
    fails: 5,
    first: 'group-not-viable',
    undo: `drive ${RNG}`,
  },
  {
    name: 'UIO has another member of the group',
    inject: `drive ${RNG} uio_pci_generic`,
    doctor: LUMPED,
    operation: info(LUMPED),
    fails: 5,
    first: 'group-not-viable',
    undo: `drive ${RNG}`,
  },
  {
    name: 'another program has the group',
    inject: 'hold /dev/vfio/$(group 0000:00:03.0)',
    doctor: EDU,
    operation: info(EDU),
    fails: 5,
    first: 'held',
    notInTree: 'processes',
  },
];

const nodes: readonly LabFault[] = [
  {
    name: 'VFIO has the physical function too, and nobody has told the token',
    inject: [
      'echo Y >/sys/module/vfio_pci/parameters/enable_sriov',
      `drive ${PF} vfio-pci`,
      `echo 0 >/sys/bus/pci/devices/${PF}/sriov_drivers_autoprobe`,
      `echo 1 >/sys/bus/pci/devices/${PF}/sriov_numvfs`,
      `drive ${VF} vfio-pci`,
    ].join('\n'),
    doctor: `${VF} --for vfio`,
    operation: `${info(VF)} --backend group`,
    fails: 4,
    first: 'vf-token-needed',
    mend: 'nothing',
    undo: `echo 0 >/sys/bus/pci/devices/${PF}/sriov_numvfs; drive ${PF}; echo N >/sys/module/vfio_pci/parameters/enable_sriov`,
  },
  {
    name: 'the nodes are closed to the user',
    inject: '[ ! -e /dev/iommu ] || chmod 0600 /dev/iommu',
    user: true,
    doctor: EDU,
    operation: info(EDU),
    fails: 4,
    first: 'node-closed',
    undo: 'restore_nodes',
    notInTree: 'mode of a node',
  },
  {
    name: 'the node of the containers is closed to the user',
    kernels: ['stock'],
    inject: `chown 1000 /dev/vfio/$(group ${EDU}); chmod 0600 /dev/vfio/vfio`,
    user: true,
    doctor: EDU,
    operation: info(EDU),
    fails: 4,
    first: 'node-closed',
    undo: 'restore_nodes',
    notInTree: 'mode of a node',
  },
  {
    name: 'the node of iommufd is closed to the user',
    kernels: ['built'],
    inject: 'chown 1000 /dev/vfio/devices/vfio0',
    user: true,
    doctor: EDU,
    operation: info(EDU),
    fails: 4,
    first: 'node-closed',
    undo: 'restore_nodes',
    notInTree: 'mode of a node',
  },
  {
    name: 'the node of the group is missing',
    kernels: ['stock'],
    inject: `rm /dev/vfio/$(group ${EDU})`,
    doctor: EDU,
    operation: info(EDU),
    fails: 3,
    first: 'node-missing',
    undo: 'restore_nodes',
  },
  {
    name: 'the node of the containers is missing',
    kernels: ['stock'],
    inject: 'rm /dev/vfio/vfio',
    doctor: EDU,
    operation: info(EDU),
    fails: 3,
    first: 'node-missing',
    undo: 'restore_nodes',
  },
  {
    name: 'the character device is missing',
    kernels: ['built'],
    inject: 'rm /dev/vfio/devices/vfio0',
    doctor: EDU,
    operation: `${info(EDU)} --backend iommufd`,
    fails: 3,
    first: 'node-missing',
    undo: 'restore_nodes',
  },
  {
    name: 'the node of iommufd is missing',
    kernels: ['built'],
    inject: 'rm /dev/iommu',
    doctor: EDU,
    operation: `${info(EDU)} --backend iommufd`,
    fails: 3,
    first: 'node-missing',
    undo: 'restore_nodes',
  },
];

export const vfioFaults: readonly LabFault[] = [...drivers, ...uses, ...groups, ...nodes];
