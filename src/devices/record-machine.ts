import { listOnBuses } from '../bind/bus';
import { kernelDevices } from '../bind/in-use/kernel-devices';
import type { DeviceInfo } from '../model/device';
import { NameDatabase } from '../names/database';
import { isPciAddress } from '../pci/address';
import { inspectPlace, readPciSlots } from '../pci/function-details';
import { pciHierarchy } from '../pci/hierarchy';
import { AttributeReader } from '../sys/readers/attributes';
import type { SysTree } from '../sys/sys';
import { RecordableTree } from '../sys/tree/recordable';
import { RecordingTree } from '../sys/tree/recording';
import { driverlessForUio } from '../uio/platform';
import { describeUsb } from '../usb/inspect/describe';
import { listUsbNodes } from '../usb/inspect/nodes';
import { usbTree } from '../usb/inspect/port-tree';
import { groupNode, IommuGroups } from '../vfio/inspect/iommu-group';
import { iommuHardware } from '../vfio/inspect/iommu-hardware';
import { reservedRegions } from '../vfio/inspect/reserved-regions';
import { listDevices } from './list';

/** Reads more of a machine, which is recorded by that. */
export type ReadMore = (recording: SysTree, devices: readonly DeviceInfo[]) => void;

/**
 * Records a machine as a manifest: all that listing it reads, PCI functions of the kernel's drivers included, and of
 * the name databases the lines of its devices. Replayed, it gives the same answers.
 *
 * @param more reads what else shall be known
 */
export function recordMachine(sys: SysTree, more: ReadMore = () => {}): string {
  const recorder = new RecordingTree(new RecordableTree(sys));
  const names = new NameDatabase(recorder);
  const devices = [...listDevices(recorder, names), ...listDevices(recorder, names, { type: 'pci' })];
  readClassLinks(recorder);
  readPci(recorder, [...new Set(devices.map(({ address }) => address).filter(isPciAddress))]);
  readIommu(recorder, devices);
  readUsb(recorder, names, devices);
  driverlessForUio(recorder);
  listOnBuses(recorder);
  more(recorder, devices);
  recorder.add(
    '/usr/share/hwdata/pci.ids',
    Buffer.from(names.excerpt('pci', devices.filter((d) => d.framework !== 'usb').flatMap(ids))),
  );
  recorder.add(
    '/usr/share/hwdata/usb.ids',
    Buffer.from(names.excerpt('usb', devices.filter((d) => d.framework === 'usb').flatMap(ids))),
  );
  return recorder.manifest();
}

/** Reads the links of names that kernel drivers gave (`nvme0n1`, `ttyUSB0`), so that they select devices on replay too. */
function readClassLinks(sys: SysTree): void {
  const reader = new AttributeReader(sys);
  for (const name of reader.names('/sys/class'))
    for (const device of reader.names(`/sys/class/${name}`)) reader.linkName(`/sys/class/${name}/${device}`);
}

/** Reads the slots, interrupts, interfaces and disks that `show` has, and the places that `vfio groups --tree` has. */
function readPci(sys: SysTree, functions: readonly string[]): void {
  const reader = new AttributeReader(sys);
  const slots = readPciSlots(reader);
  for (const address of functions) inspectPlace(reader, address, slots);
  kernelDevices(sys);
  pciHierarchy(sys, functions);
}

/** Reads the IOMMU as `show` and `vfio groups` do, without the holders: processes are no part of a machine. */
function readIommu(sys: SysTree, devices: readonly DeviceInfo[]): void {
  for (const { address, framework } of devices) if (framework !== 'usb') iommuHardware(sys, address);
  const reader = new AttributeReader(sys);
  const groups = new IommuGroups(sys);
  for (const number of groups.numbers()) {
    const { noiommu } = groups.get(number);
    sys.access(groupNode(number, noiommu));
    reservedRegions(reader, number);
  }
}

/** Reads what `usb show` and `usb list --tree` need beyond a listing. */
function readUsb(sys: SysTree, names: NameDatabase, devices: readonly DeviceInfo[]): void {
  const usb = devices.filter((device) => device.framework === 'usb');
  for (const device of usb) describeUsb(sys, names, device);
  usbTree(sys, usb);
  listUsbNodes(sys);
}

function ids({ vendorId, deviceId }: DeviceInfo): { vendor: string; device: string | null }[] {
  return vendorId === null ? [] : [{ vendor: vendorId, device: deviceId }];
}
