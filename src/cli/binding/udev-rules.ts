import { Exit, UdrvError } from '../../errors';
import type { DeviceInfo } from '../../model/device';
import { AttributeReader } from '../../sys/readers/attributes';
import type { SysTree } from '../../sys/sys';
import { fileCommand } from '../../udev/files';
import {
  applyingCommands,
  install,
  type PreparedInstall,
  permissionsText,
  prepareInstall,
  prepareRemoval,
  remove,
} from '../../udev/install';
import { type Grant, ruleFiles } from '../../udev/rule';
import { visible } from '../output/escape';
import type { Context } from '../program/context';
import { isThisMachine } from '../program/machine';
import { interruptible } from '../program/signals';

/** Gives a device to somebody from now on, and prints what its nodes have then. @returns the exit code where a signal ended it */
export async function installRules(context: Context, device: DeviceInfo, grant: Grant): Promise<number | undefined> {
  const { sys } = context;
  const prepared = prepareInstall(sys, device, grant);
  const { change, targets } = prepared;
  const isNew = change.before !== change.after;
  if (context.options.dryRun) {
    context.printSteps([...(isNew ? [fileCommand(change)] : []), ...applyingCommands(targets)]);
    return undefined;
  }
  let applied: boolean | null = null;
  const exit = await interruptible(async (signal) => {
    applied = await install(sys, prepared, signal);
  });
  if (applied === null) return exit ?? Exit.interrupted;
  const notes = [...prepared.notes, ...remarks(context, prepared, applied)];
  const nodes = targets.map(({ path }) => ({ path, permissions: sys.permissions(path) }));
  if (context.options.json) {
    const { address } = device;
    const { path } = change;
    context.printJson({ schema: 'udrv.udev.install/1', address, path, applied, nodes: nodes.map(nodeJson), notes });
    return undefined;
  }
  const group = grant === 'uaccess' ? undefined : grant.group;
  const given = (gid: number | undefined) => (gid === prepared.gid ? group : undefined);
  if (!context.options.quiet) {
    const lines = nodes.map(
      ({ path, permissions }) => `${path}: ${permissionsText(permissions, given(permissions?.gid))}`,
    );
    const file = `${change.path}: ${isNew ? 'written' : 'as before'}`;
    context.stdout.write([file, ...(applied ? lines : [])].map((line) => `${visible(line)}\n`).join(''));
  }
  for (const note of notes) context.note(`${device.address}: ${note}`);
  return undefined;
}

function nodeJson({ path, permissions }: { path: string; permissions: ReturnType<SysTree['permissions']> }) {
  return { path, gid: permissions?.gid ?? null, mode: permissions === null ? null : permissions.mode.toString(8) };
}

function remarks({ sys, env, options }: Context, { grant }: PreparedInstall, applied: boolean): string[] {
  const notes: string[] = [];
  if (!applied) {
    const start = isThisMachine(options) ? ': sudo systemctl start systemd-udevd' : '';
    notes.push(`udev does not run here, and the rules count once it does${start}`);
  }
  if (grant === 'uaccess') {
    if (applied && sys.access('/run/systemd/seats') === null)
      notes.push('systemd-logind does not run here, and it is what gives the node to the user at the seat');
    return notes;
  }
  const members = membersOf(sys, grant.group);
  const user = env['SUDO_USER'];
  const join = (name: string) => `sudo usermod -aG ${grant.group} ${name}; that counts from the next login on`;
  if (user !== undefined && /^[\w.-]+$/.test(user) && user !== 'root' && members !== null && !members.includes(user))
    notes.push(`${user} is not in the group ${grant.group}: ${join(user)}`);
  else if (user === undefined && members?.length === 0)
    notes.push(`/etc/group names nobody in the group ${grant.group}: ${join('USER')}`);
  return notes;
}

/** Returns the members that /etc/group names; those whose own group it is are not among them. */
function membersOf(sys: SysTree, group: string): string[] | null {
  const text = new AttributeReader(sys).text('/etc/group');
  const entry = text?.split('\n').find((line) => line.startsWith(`${group}:`));
  if (entry === undefined) return null;
  return (entry.split(':')[3] ?? '').split(',').filter((name) => name !== '');
}

/**
 * Removes the rules that udrv wrote for a device, which need not be there any more.
 *
 * @param find finds it
 * @returns the exit code where a signal ended it
 * @throws UdrvError exit 3 where there is neither a device nor a rule of this name
 */
export async function removeRules(
  context: Context,
  selector: string,
  find: () => DeviceInfo,
): Promise<number | undefined> {
  const { sys } = context;
  const prepared = prepareRemoval(sys, selector, deviceOrNull(sys, selector, find));
  const { changes, targets } = prepared;
  if (context.options.dryRun) {
    context.printSteps(changes.length === 0 ? [] : changes.map(fileCommand));
    return undefined;
  }
  let notes: string[] | null = null;
  const exit = await interruptible(async (signal) => {
    notes = changes.length === 0 ? [`${selector}: udrv wrote no rules for it`] : await remove(sys, prepared, signal);
  });
  if (notes === null) return exit ?? Exit.interrupted;
  const nodes = targets.map(({ path }) => ({ path, permissions: sys.permissions(path) }));
  const paths = changes.map(({ path }) => path);
  if (context.options.json)
    context.printJson({ schema: 'udrv.udev.remove/1', paths, nodes: nodes.map(nodeJson), notes });
  else {
    if (!context.options.quiet) context.stdout.write(paths.map((path) => `${visible(path)}: removed\n`).join(''));
    for (const note of notes as string[]) context.note(note);
  }
  return undefined;
}

function deviceOrNull(sys: SysTree, selector: string, find: () => DeviceInfo): DeviceInfo | null {
  try {
    return find();
  } catch (error) {
    const isNamed = ruleFiles(selector).some((path) => sys.access(path) !== null);
    if (error instanceof UdrvError && isNamed) return null;
    throw error;
  }
}
