import { Exit, fromSysError, SysError, UdrvError } from '../errors';
import type { DeviceInfo } from '../model/device';
import { AttributeReader } from '../sys/readers/attributes';
import type { Permissions, Sys, SysTree } from '../sys/sys';
import { pause } from '../sys/wait';
import { nodeChains } from './chain';
import { checkRules } from './check';
import { hasDaemon, readEntry } from './database';
import { changeFiles, type FileChange, foreignFileError, mustHaveRules, ownText } from './files';
import { deviceRules, type Grant, isOurs, rearmingFile, ruleFiles, stableName, takingBack } from './rule';

/** A file that rules give to somebody. */
export interface Target {
  /** The node, or a file of sysfs. */
  path: string;
  /** The file that has the kernel report the device anew when `add` is written to it; null where that of another target does. */
  uevent: string | null;
  /** The number of the node, `242:0`; null for a file of sysfs. */
  number: string | null;
}

export interface PreparedInstall {
  device: DeviceInfo;
  change: FileChange;
  targets: readonly Target[];
  grant: Grant;
  /** The number of the group; null where there is none, or /etc/group cannot be read. */
  gid: number | null;
  notes: readonly string[];
}

/**
 * Prepares the file with the rules that give a device to somebody. Nothing is written.
 *
 * @throws UdrvError exit 2 and 3 as {@link deviceRules}; exit 3 for a group that is not there; exit 5 where a file is
 *   not udrv's; exit 9 without udev
 */
export function prepareInstall(sys: SysTree, device: DeviceInfo, grant: Grant): PreparedInstall {
  const { path, lines, notes } = deviceRules(device, grant);
  mustHaveRules(sys);
  const before = ownText(sys, path);
  if (before !== null && !isOurs(before)) throw foreignFileError(path);
  const gid = grant === 'uaccess' ? null : groupNumber(sys, grant.group);
  const after = lines.map((line) => `${line}\n`).join('');
  const config = grant === 'uaccess' ? [] : configOf(device);
  const targets = [...nodesOf(sys, device), ...config];
  return { device, change: { path, before, after }, targets, grant, gid, notes };
}

/** @returns null where /etc/group cannot be read @throws UdrvError exit 3 where it has no such group */
function groupNumber(sys: SysTree, group: string): number | null {
  const text = new AttributeReader(sys).text('/etc/group');
  if (text === null) return null;
  const entry = text.split('\n').find((line) => line.startsWith(`${group}:`));
  if (entry !== undefined) return Number(entry.split(':')[2]);
  throw new UdrvError('no such group in /etc/group, and udev would leave the rule out', {
    code: 'ENOENT',
    exit: Exit.notFound,
    subject: group,
    hint: `sudo groupadd --system ${group}; or name another with --group`,
  });
}

function nodesOf(sys: SysTree, device: DeviceInfo): Target[] {
  const reader = new AttributeReader(sys);
  const paths = nodeChains(reader, device).flatMap(([node]) => (node === undefined ? [] : [node.path]));
  if (device.framework === 'vfio' && device.vfio.cdev !== null) paths.push('/sys/class/misc/iommu');
  return paths.flatMap((path) => {
    const name = /^DEVNAME=(.+)$/m.exec(reader.text(`${path}/uevent`) ?? '')?.[1];
    const number = reader.text(`${path}/dev`);
    return name === undefined ? [] : [{ path: `/dev/${name}`, uevent: `${path}/uevent`, number }];
  });
}

function configOf(device: DeviceInfo): Target[] {
  const path = rearmingFile(device);
  return path === null ? [] : [{ path, uevent: null, number: null }];
}

/** Returns the steps of an installation as a person would type them. */
export function applyingCommands(targets: readonly Target[]): string[] {
  const events = targets.flatMap(({ uevent }) => (uevent === null ? [] : [`echo add > ${uevent}`]));
  return ['udevadm control --reload', ...events, 'udevadm settle'];
}

/** Tells whether a target is given as the rules say. */
export function isGiven(sys: SysTree, { path, number }: Target, { grant, gid }: PreparedInstall): boolean {
  if (grant === 'uaccess') return number === null || isTagged(sys, number);
  const permissions = sys.permissions(path);
  return permissions !== null && permissions.gid === gid && (permissions.mode & 0o060) === 0o060;
}

function isTagged(sys: SysTree, number: string): boolean {
  return readEntry(new AttributeReader(sys), number)?.tags.has('uaccess') === true;
}

/**
 * Writes the rules, has udev apply them to the device, and sees that it did: all or nothing.
 *
 * @returns whether they are applied, which they are not where udev's daemon does not run; null where `signal` came first
 * @throws UdrvError exit 1 where the nodes stay as they were
 */
export async function install(sys: Sys, prepared: PreparedInstall, signal?: AbortSignal): Promise<boolean | null> {
  const { device, change, targets } = prepared;
  const written = changeFiles(sys, [change]);
  // Without a node there is nothing to be seen, and so nothing that worked.
  const isDone = () => targets.length > 0 && targets.every((target) => isGiven(sys, target, prepared));
  let keep = false;
  try {
    if (change.before === change.after && isDone()) keep = true;
    else if (!hasDaemon(new AttributeReader(sys))) {
      keep = true;
      return false;
    } else keep = await apply(sys, targets, isDone, signal);
    if (!keep && signal?.aborted !== true) throw notAppliedError(sys, device, prepared);
    return keep ? true : null;
  } finally {
    if (!keep) written.close();
  }
}

/** Udev looks for changed rules when an event comes, but at most once in three seconds (src/udev/udevd.c). */
const UNREAD_MS = 3500;
/** More than the programs of a rule take on a busy machine. */
const APPLIED_MS = 15_000;
const LOOK_MS = 50;

/** Reports devices anew until what their rules shall do is done. @returns false where it is not done in time, or a signal came */
async function apply(
  sys: Sys,
  targets: readonly Target[],
  isDone: () => boolean,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  for (const wait of [UNREAD_MS, APPLIED_MS]) {
    for (const { uevent } of targets) if (uevent !== null) report(sys, uevent);
    for (const end = performance.now() + wait; performance.now() < end; ) {
      if (isDone()) return true;
      if ((await pause(LOOK_MS, signal)) === 'aborted') return false;
    }
  }
  return isDone();
}

function report(sys: Sys, uevent: string): void {
  try {
    sys.writeFile(uevent, 'add');
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    throw fromSysError(error, {
      message: 'the kernel cannot be asked to report the device anew',
      hint: error.code === 'EROFS' ? 'containers have sysfs read-only: run it on the host' : undefined,
    });
  }
}

function notAppliedError(sys: SysTree, device: DeviceInfo, prepared: PreparedInstall): UdrvError {
  const { path } = prepared.change;
  const target = prepared.targets.find((one) => !isGiven(sys, one, prepared));
  const own = checkRules(new AttributeReader(sys), device).rules.filter((rule) => rule.path === path);
  const [problem] = own.flatMap(({ problems }) => problems);
  const is = permissionsText(target === undefined ? null : sys.permissions(target.path));
  return new UdrvError(`udev did not apply the rules (${is}), which are removed again`, {
    code: 'ENOTAPPLIED',
    exit: Exit.failed,
    subject: target?.path ?? path,
    device: device.address,
    hint: problem ?? 'the log of udev may say why: journalctl -u systemd-udevd',
  });
}

/** Writes an owner and a mode for a person: `group 46, mode 0660`. */
export function permissionsText(permissions: Permissions | null, group?: string): string {
  if (permissions === null) return 'not there';
  return `group ${group ?? permissions.gid}, mode 0${permissions.mode.toString(8).padStart(3, '0')}`;
}

export interface PreparedRemoval {
  changes: readonly FileChange[];
  /** The device whose nodes are given back; null where it is not there. */
  device: DeviceInfo | null;
  targets: readonly Target[];
}

/**
 * Prepares the removal of udrv's rules. Nothing is removed.
 *
 * @param device null: it is not there, and `selector` is what it is named by in its rules
 * @throws UdrvError exit 5 where a file is not udrv's
 */
export function prepareRemoval(sys: SysTree, selector: string, device: DeviceInfo | null): PreparedRemoval {
  const changes = ruleFiles(device === null ? selector : stableName(device)).flatMap((path): FileChange[] => {
    const before = ownText(sys, path);
    if (before === null) return [];
    if (!isOurs(before)) throw foreignFileError(path);
    return [{ path, before, after: null }];
  });
  const isDriven = device !== null && device.framework !== 'pci';
  return { changes, device, targets: isDriven ? [...nodesOf(sys, device), ...configOf(device)] : [] };
}

/**
 * Removes udrv's rules, and has udev give the nodes back to root, unless another rule gives them to somebody.
 *
 * @returns remarks for a person; null where `signal` came first: all is as before
 */
export async function remove(
  sys: Sys,
  { changes, device, targets }: PreparedRemoval,
  signal?: AbortSignal,
): Promise<string[] | null> {
  const removed = changeFiles(sys, changes);
  let keep = false;
  try {
    const notes = await takeBack(sys, device, targets, signal);
    keep = notes !== null;
    return notes;
  } finally {
    if (!keep) removed.close();
  }
}

async function takeBack(
  sys: Sys,
  device: DeviceInfo | null,
  targets: readonly Target[],
  signal: AbortSignal | undefined,
): Promise<string[] | null> {
  if (device === null || targets.length === 0) return [];
  const { address } = device;
  const stay = `${address}: its nodes stay as they are until it is plugged in again or the machine starts anew`;
  if (!hasDaemon(new AttributeReader(sys))) return [stay];
  const others = checkRules(new AttributeReader(sys), device).rules.filter(
    ({ matches, gives }) => matches === true && /GROUP|uaccess/.test(gives),
  );
  if (others.length > 0) return others.map(({ path, line }) => `${address}: ${path}:${line} gives it too`);
  const isDone = () =>
    targets.every(
      ({ path, number }) => sys.permissions(path)?.gid === 0 && (number === null || !isTagged(sys, number)),
    );
  const { path, lines } = takingBack(device);
  using _ = changeFiles(sys, [{ path, before: null, after: lines.map((line) => `${line}\n`).join('') }]);
  if (await apply(sys, targets, isDone, signal)) return [];
  return signal?.aborted ? null : [stay];
}
