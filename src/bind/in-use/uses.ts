import { pciPath } from '../../pci/paths';
import { AttributeReader } from '../../sys/readers/attributes';
import { type Mount, readMounts } from '../../sys/readers/mounts';
import type { SysTree } from '../../sys/sys';
import { devicePath } from '../bus';
import { type ClassDevice, classDevices, multipathDisks } from './class-devices';
import { findConsumers } from './consumers';
import { findNetUse, hasHiddenInterface } from './network';
import { NodeUses } from './nodes';
import { SharedFileSystems } from './shared-file-systems';
import { type IsClaimed, StorageUses } from './storage';
import type { Report, Use, Uses } from './use';

/**
 * Finds the uses of devices and of all that is behind them: mounted and swapped file systems, also through dm, md, LVM
 * and bcache; members of those; file systems of a virtual machine's host; network interfaces that are up; consoles of
 * the kernel; devices that would lose their drivers too; nodes that a process has open; disks that the kernel keeps for
 * itself without saying what for, as it does for ZFS.
 *
 * @param isClaimed without it no node is opened, and the last are not found
 */
export function findUses(sys: SysTree, addresses: readonly string[], isClaimed: IsClaimed = () => false): Uses {
  const reader = new AttributeReader(sys);
  const devices = classDevices(reader);
  const nodes = new NodeUses(sys);
  const uses: Use[] = [];
  const hidden: string[] = [];
  let table: { mounts: Mount[] | null } | undefined;
  const mounts = () => {
    table ??= { mounts: readMounts(reader) };
    return table.mounts;
  };
  let storage: StorageUses | undefined;
  const shared = new SharedFileSystems(reader, mounts);
  for (const address of addresses) {
    const mine = devices.filter(({ path }) => path.includes(address)).map(({ device }) => device);
    mine.push(...multipathDisks(reader, mine));
    const refuse =
      (kind: Use['kind']): Report =>
      (what, hint, vital = false) =>
        uses.push({ address, kind, what, hint, busy: false, ...(vital && { vital }) });
    for (const device of mine) {
      if (device.kind === 'block') {
        storage ??= new StorageUses(isClaimed, reader, mounts());
        storage.find(device, refuse('storage'));
      }
      if (device.kind === 'net') findNetUse(reader, device, refuse('network'));
      if (device.kind === 'tty') findConsole(reader, device, refuse('console'));
    }
    if (hasHiddenInterface(reader, devicePath(sys, address))) hidden.push(address);
    shared.find(address, refuse('storage'));
    findConsumers(reader, devicePath(sys, address), refuse('consumers'));
    findVirtualFunctions(reader, address, refuse('virtual functions'));
    nodes.want(reader, address, mine);
  }
  uses.push(...nodes.find());
  const doubts = reader.errors.map(({ path, code }) => `${path}: ${code}`);
  doubts.push(...hidden.map((address) => `the network interface of ${address}, which is in another network namespace`));
  if (!nodes.complete) doubts.push("other users' processes");
  return { uses, doubts };
}

/** Finds serial lines to which the kernel writes its messages (Documentation/admin-guide/serial-console.rst). */
function findConsole(reader: AttributeReader, { name }: ClassDevice, report: Report) {
  const consoles = (reader.text('/sys/class/tty/console/active') ?? '').split(' ');
  if (consoles.includes(name)) report(`${name} is a console of the kernel`);
}

/** Finds virtual functions. They vanish with the driver of their physical function, whoever uses them. */
function findVirtualFunctions(reader: AttributeReader, address: string, report: Report) {
  const count = reader.number(pciPath(address, 'sriov_numvfs'));
  if (count !== null && count > 0)
    report(
      `it has ${count} virtual function${count === 1 ? '' : 's'}, which would be removed with it`,
      `udrv vfio vf ${address} 0`,
    );
}
