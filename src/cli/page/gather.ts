import { readBenchMachine } from '../../bench/machine';
import { type IommuTree, type IommuTreeNode, readIommuTree } from '../../devices/iommu-tree';
import { listDevices } from '../../devices/list';
import { type Diagnosis, diagnose } from '../../doctor/diagnose';
import type { DeviceInfo, UsbDeviceInfo } from '../../model/device';
import type { Names } from '../../names/database';
import { isPciAddress } from '../../pci/address';
import { inspectPlace, type PciDetails, readPciSlots } from '../../pci/function-details';
import { AttributeReader, type ReadError } from '../../sys/readers/attributes';
import type { SysTree } from '../../sys/sys';
import { listUsbNodes, type UsbNode } from '../../usb/inspect/nodes';
import { type UsbBranch, usbTree } from '../../usb/inspect/port-tree';
import { withUses } from '../lists/uses';

/** A machine as the page of `udrv report` shows it. */
export interface MachineReport {
  /** Version of udrv. */
  version: string;
  time: Date;
  /** The source: `this machine`, `snapshot FILE`. */
  source: string;
  /** The user whose access to nodes is shown, `root`; null for a recorded machine. */
  user: string | null;
  /** Whether commands are for another machine than the one that made the page. */
  isRecorded: boolean;
  /** Facts by name; null where the machine does not tell. */
  facts: readonly (readonly [name: string, value: string | null])[];
  /** Those of `udrv list --all`, in its order. */
  devices: readonly DeviceInfo[];
  errors: readonly ReadError[];
  iommu: Pick<IommuTree, 'roots' | 'groups' | 'holdersComplete'>;
  functions: readonly FunctionPlace[];
  usb: readonly UsbBranch[];
  usbNodes: readonly UsbNode[];
  /** The machine's, then those of devices that have a finding or an undecided check. */
  diagnoses: readonly Pick<Diagnosis, 'device' | 'purpose' | 'findings' | 'unknown'>[];
  /** Devices that were left unexamined when the time was over. */
  unexamined: number;
}

/** A PCI function with what `show` has beyond a list. */
export interface FunctionPlace extends Omit<PciDetails, 'modules'> {
  address: string;
}

export interface GatherOptions {
  version: string;
  source: string;
  user: string | null;
  isRecorded: boolean;
  /** Reads the messages of the kernel, where the machine has them. */
  log?: (() => readonly string[]) | undefined;
  /** Completes the commands of a diagnosis for the machine. */
  complete(diagnosis: Diagnosis): Pick<Diagnosis, 'device' | 'purpose' | 'findings' | 'unknown'>;
  /** The longest time for the diagnoses of devices, in milliseconds: each searches all processes, and USB for disks. */
  examineMs?: number;
}

const EXAMINE_MS = 3000;

/** Reads a machine from sysfs and procfs alone: no node is opened, and no device is woken. */
export function gatherReport(sys: SysTree, names: Names, options: GatherOptions): MachineReport {
  const { version, source, user, isRecorded, log, complete, examineMs = EXAMINE_MS } = options;
  const errors: ReadError[] = [];
  const devices = withUses(sys, listDevices(sys, names, { all: true, errors }));
  const { roots, groups, holdersComplete } = readIommuTree(sys, names);
  const usbDevices = devices.filter((device): device is UsbDeviceInfo => device.framework === 'usb');
  const diagnoses = [diagnose(sys, undefined, { log })];
  // A function that a kernel driver has is blocked by that driver, as it should be: nobody wants it.
  const examined = devices.filter(({ framework }) => framework !== 'pci');
  const deadline = performance.now() + examineMs;
  const late = examined.findIndex(({ address }) => {
    if (performance.now() > deadline) return true;
    const diagnosis = diagnose(sys, address, { log });
    if (diagnosis.findings.length + diagnosis.unknown.length > 0) diagnoses.push(diagnosis);
    return false;
  });
  return {
    version,
    source,
    user,
    isRecorded,
    time: new Date(),
    facts: machineFacts(sys),
    devices,
    errors: [...errors, ...devices.flatMap((device) => device.errors)],
    iommu: { roots, groups, holdersComplete },
    functions: readPlaces(sys, roots),
    usb: usbTree(sys, usbDevices),
    usbNodes: listUsbNodes(sys),
    diagnoses: diagnoses.map(complete),
    unexamined: late < 0 ? 0 : examined.length - late,
  };
}

function readPlaces(sys: SysTree, roots: readonly IommuTreeNode[]): FunctionPlace[] {
  const reader = new AttributeReader(sys);
  const slots = readPciSlots(reader);
  return addressesIn(roots)
    .filter(isPciAddress)
    .map((address) => ({ address, ...inspectPlace(reader, address, slots) }));
}

function addressesIn(nodes: readonly IommuTreeNode[]): string[] {
  return nodes.flatMap(({ address, children }) => [address, ...addressesIn(children)]);
}

function machineFacts(sys: SysTree): MachineReport['facts'] {
  const { name, product, kernel, cpu, cpus, memory, iommus, iommuModes } = readBenchMachine(sys);
  const reader = new AttributeReader(sys);
  const modes = iommuModes.length === 0 ? '' : `; groups: ${iommuModes.join(', ')}`;
  return [
    ['host', name],
    ['product', product],
    ['kernel', kernel],
    ['command line', reader.text('/proc/cmdline')],
    ['IOMMU', iommus.length === 0 ? 'none' : `${iommus.join(', ')}${modes}`],
    ['processors', cpu === null ? null : `${cpus} x ${cpu}`],
    ['memory', memory === null ? null : `${(memory / 2 ** 30).toFixed(1)} GiB`],
  ];
}
