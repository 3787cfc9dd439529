import { UdrvError } from '../errors';
import type { UioDeviceInfo } from '../model/device';
import { isPciAddress } from '../pci/address';
import { pciPath } from '../pci/paths';
import { readConfig } from '../pci/sysfs-config';
import { attempt } from '../sys/attempt';
import { type Journal, startIn } from '../sys/journal';
import { AttributeReader } from '../sys/readers/attributes';
import { findHolders } from '../sys/readers/holders';
import type { Sys } from '../sys/sys';
import { PCI_COMMAND, PCI_COMMAND_MASTER } from '../uapi/pci-regs';
import { restoreBusMasterFailed } from './errors';
import { UIO_CLASS } from './inspect';

const DRIVER = 'uio_pci_generic';

/** A note in the journal: a device whose bus mastering the end of this process switches off. */
export interface TakenBusMaster {
  kind: 'uio';
  /** `uio0` */
  address: string;
  /** The PCI function behind it. */
  parent: string;
  /** The processes that had the node open, by pid and start: theirs is the device that goes on working. */
  holders: [pid: number, start: string | null][];
}

/**
 * Keeps bus mastering as it is across the use of a node: uio_pci_generic switches it off whenever a node is closed
 * (release(), drivers/uio/uio_pci_generic.c), also under another process that goes on driving the device.
 *
 * @param journal remembers it, should this process be killed
 * @returns a function to call once the node is closed; it throws exit 4 where bus mastering cannot be put back, because
 *   the configuration space is for root
 */
export function keepBusMaster(sys: Sys, device: UioDeviceInfo, journal?: Journal): () => void {
  const { driver, uio } = device;
  if (driver !== DRIVER || uio.parent === null) return () => {};
  const { parent } = uio;
  if ((readCommand(sys, parent) & PCI_COMMAND_MASTER) === 0) return () => {};
  const note = journal?.keep(takenOf(sys, device, parent));
  return () => {
    switchOn(sys, device, parent);
    note?.drop();
  };
}

/** Switches bus mastering on, if it is off now. @throws exit 4, as {@link keepBusMaster} */
function switchOn(sys: Sys, device: Pick<UioDeviceInfo, 'address'>, parent: string): void {
  const command = readCommand(sys, parent);
  // Unreadable: the device is gone. Still on: this kernel leaves it alone.
  if (command === 0 || command === 0xffff || (command & PCI_COMMAND_MASTER) !== 0) return;
  try {
    writeCommand(sys, parent, command | PCI_COMMAND_MASTER);
  } catch (error) {
    throw restoreBusMasterFailed(device, parent, error);
  }
}

/** Tells whether a note is about a device that is still there, and without its bus mastering. */
export function lacksBusMaster(sys: Sys, { address, parent }: TakenBusMaster): boolean {
  const reader = new AttributeReader(sys);
  return (
    reader.linkName(pciPath(parent, 'driver')) === DRIVER &&
    reader.linkName(`${UIO_CLASS}/${address}/device`) === parent &&
    (readCommand(sys, parent) & PCI_COMMAND_MASTER) === 0
  );
}

/** Tells whether all processes go on that had the device: what one of them left in it must not begin to move again. */
export function isStillDriven(sys: Sys, { holders }: TakenBusMaster): boolean {
  return holders.every(([pid, start]) => sys.access(`/proc/${pid}`) !== null && startOf(sys, pid) === start);
}

/** Switches on what a process that was killed could not. @throws exit 4, as {@link keepBusMaster} */
export function giveBackBusMaster(sys: Sys, { address, parent }: TakenBusMaster): void {
  switchOn(sys, { address }, parent);
}

/** Reads a note. @returns null where it is about something else, or none that can be right */
export function asTakenBusMaster(what: unknown): TakenBusMaster | null {
  if (typeof what !== 'object' || what === null) return null;
  const { kind, address, parent, holders } = what as { [name: string]: unknown };
  if (kind !== 'uio' || typeof address !== 'string' || !/^uio\d+$/.test(address)) return null;
  if (typeof parent !== 'string' || !isPciAddress(parent) || !Array.isArray(holders)) return null;
  return holders.every(isHolder) ? { kind, address, parent, holders } : null;
}

function isHolder(entry: unknown): entry is [number, string | null] {
  if (!Array.isArray(entry) || entry.length !== 2) return false;
  const [pid, start] = entry;
  return Number.isSafeInteger(pid) && pid > 0 && (start === null || typeof start === 'string');
}

function takenOf(sys: Sys, { address, node }: UioDeviceInfo, parent: string): TakenBusMaster {
  const { holders } = findHolders(sys, [node ?? `/dev/${address}`]);
  const others = holders.filter(({ pid }) => pid !== process.pid);
  return { kind: 'uio', address, parent, holders: others.map(({ pid }) => [pid, startOf(sys, pid)]) };
}

function startOf(sys: Sys, pid: number): string | null {
  const stat = attempt(() => sys.readFile(`/proc/${pid}/stat`), null);
  return stat === null ? null : startIn(stat.toString('latin1'));
}

/** Returns 0 where it cannot be read, also on a machine that can only be inspected: the open of the node tells that. */
function readCommand(sys: Sys, address: string): number {
  try {
    return readConfig(sys, address, PCI_COMMAND, 2)?.readUInt16LE() ?? 0;
  } catch (error) {
    if (error instanceof UdrvError) return 0;
    throw error;
  }
}

function writeCommand(sys: Sys, address: string, command: number): void {
  const fd = sys.open(pciPath(address, 'config'), { write: true });
  try {
    const register = Buffer.alloc(2);
    register.writeUInt16LE(command);
    sys.pwrite(fd, register, PCI_COMMAND);
  } finally {
    sys.close(fd);
  }
}
