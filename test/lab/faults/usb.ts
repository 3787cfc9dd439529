import type { LabFault } from './fault';

const GADGET = '3-1';
const sysfs = `/sys/bus/usb/devices/${GADGET}`;
/** The source of gadget zero. */
const read = `udrv usb bulk ${GADGET} 0x81 --length 512 -o /dev/null --timeout 30s`;
const node = (device: string) =>
  `$(printf /dev/bus/usb/%03d/%03d $(cat /sys/bus/usb/devices/${device}/{busnum,devnum}))`;

export const usbFaults: readonly LabFault[] = [
  {
    name: 'the node of a USB device is closed',
    user: true,
    doctor: GADGET,
    operation: read,
    fails: 4,
    first: 'node-closed',
    undo: 'restore_nodes',
    notInTree: 'mode of a node',
  },
  {
    name: 'the node of a USB device may only be read, as udev leaves it',
    inject: `chmod 0664 ${node(GADGET)}`,
    user: true,
    doctor: GADGET,
    operation: read,
    fails: 4,
    first: 'node-closed',
    undo: 'restore_nodes',
    notInTree: 'mode of a node',
  },
  {
    name: 'the node of a USB device is missing',
    inject: `rm ${node(GADGET)}`,
    doctor: GADGET,
    operation: read,
    fails: 3,
    first: 'node-missing',
    undo: 'restore_nodes',
  },
  {
    name: 'the device is not authorized',
    inject: `echo 0 >${sysfs}/authorized`,
    doctor: GADGET,
    operation: read,
    fails: 3,
    first: 'not-authorized',
  },
  {
    name: 'the interface is not authorized',
    inject: `echo 0 >${sysfs}:1.0/authorized`,
    doctor: GADGET,
    operation: read,
    fails: 4,
    first: 'interface-not-authorized',
  },
  {
    name: 'the device is not configured',
    inject: `echo 0 >${sysfs}/bConfigurationValue`,
    doctor: GADGET,
    operation: read,
    fails: 3,
    first: 'not-configured',
  },
  {
    name: 'usb-storage has the interface',
    doctor: '1-4',
    operation: "udrv do 1-4 'claim 0'",
    fails: 5,
    first: 'interface-claimed',
    undo: 'udrv usb attach 1-4:1.0',
  },
  {
    name: 'usbhid has the interface',
    doctor: '1-3.1',
    operation: "udrv do 1-3.1 'claim 0'",
    fails: 5,
    first: 'interface-claimed',
    undo: 'udrv usb attach 1-3.1:1.0',
  },
  {
    name: 'a serial driver has the interface',
    kernels: ['stock'],
    doctor: '1-7',
    operation: "udrv do 1-7 'claim 0'",
    fails: 5,
    first: 'interface-claimed',
    undo: 'udrv usb attach 1-7:1.0',
  },
  {
    name: 'a file system of the USB disk is mounted',
    inject: 'mkdir -p /run/stick && mkfs.ext2 -q /dev/$(stick) && mount -t ext2 /dev/$(stick) /run/stick',
    doctor: '1-6',
    operation: 'udrv usb detach 1-6:1.0',
    fails: 5,
    first: 'disk-in-use',
    undo: 'udrv usb attach 1-6:1.0',
  },
  {
    name: 'another program has claimed the interface',
    inject: `udrv usb bulk ${GADGET} 0x81 --length 1000G -o /dev/null >/dev/null 2>&1 & await claimed ${GADGET}:1.0`,
    doctor: GADGET,
    operation: read,
    fails: 5,
    first: 'open-elsewhere',
    notInTree: 'processes',
  },
  {
    name: 'the device sleeps while it is not used',
    kernels: ['stock'],
    inject:
      'cd /sys/bus/usb/devices/1-5/power && echo 0 >autosuspend_delay_ms && echo auto >control && await grep suspended runtime_status',
    doctor: '1-5',
    operation: 'grep active /sys/bus/usb/devices/1-5/power/runtime_status',
    fails: 1,
    first: 'autosuspend',
    undo: 'echo 2000 >/sys/bus/usb/devices/1-5/power/autosuspend_delay_ms',
  },
  {
    name: 'usbfs may have 1 MiB in flight',
    inject: 'echo 1 >/sys/module/usbcore/parameters/usbfs_memory_mb',
    doctor: `${GADGET} --queue 1 --chunk 4M`,
    operation: `udrv usb bulk ${GADGET} 0x81 --length 4M --queue 1 --chunk 4M -o /dev/null --timeout 60s`,
    fails: 1,
    first: 'usbfs-memory',
    undo: 'echo 16 >/sys/module/usbcore/parameters/usbfs_memory_mb',
  },
];
