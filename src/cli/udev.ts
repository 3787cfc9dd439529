import { Exit, usageError } from '../errors';
import type { DeviceInfo } from '../model/device';
import { NO_NAMES } from '../names/database';
import { AttributeReader } from '../sys/readers/attributes';
import { checkRules, type RulesReport } from '../udev/check';
import { type DeviceRules, deviceRules, type Grant } from '../udev/rule';
import { findNamed, uioOf } from './devices/find';
import { visible } from './output/escape';
import type { VerbSpec } from './program/command';
import type { Context } from './program/context';
import { argument, option } from './program/options';

export const command: VerbSpec = {
  description:
    'udev rules that give you a device: print, install or remove them, or find out why those that there are fail',
  arguments: [argument('<device>')],
  options: [
    option('--group <group>', 'give it to this group (plugdev)'),
    option('--uaccess', 'give it to whoever sits at the machine, by systemd-logind'),
    option('--install', 'write the rules to /etc/udev/rules.d, have udev apply them, and see that it did'),
    option('--remove', 'take back what --install did'),
    option('--check', 'examine the rules of this machine instead'),
  ],
  examples: ['udev uio0', '-n udev 1-3.1 --uaccess --install'],
  run: udev,
};

interface UdevOptions {
  group?: string;
  uaccess?: boolean;
  install?: boolean;
  remove?: boolean;
  check?: boolean;
}

const DEFAULT_GROUP = 'plugdev';

async function udev(context: Context, selector: string, options: UdevOptions): Promise<number | undefined> {
  const { group, uaccess, install, remove, check } = options;
  if (group !== undefined && uaccess) throw usageError('--uaccess', '--group is another way: give one of them');
  if (check && (group !== undefined || uaccess)) throw usageError('--check', 'examines the rules that there are');
  const [first, second] = [check && '--check', install && '--install', remove && '--remove'].filter(Boolean);
  if (first && second) throw usageError(second, `${first} is something else: give one of them`);
  if (remove) {
    if (group !== undefined || uaccess) throw usageError('--remove', 'takes the rules back, whoever they are for');
    return installing().removeRules(context, selector, () => deviceOf(context, selector));
  }
  const device = deviceOf(context, selector);
  if (check) return examine(context, device);
  const grant: Grant = uaccess ? 'uaccess' : { group: group ?? DEFAULT_GROUP };
  if (install) return installing().installRules(context, device, grant);
  print(context, device, deviceRules(device, grant));
  return undefined;
}

/** Finds a device by its node: a PCI function that UIO drives under its UIO name. */
function deviceOf(context: Context, selector: string): DeviceInfo {
  const device = findNamed(context, undefined, selector, NO_NAMES);
  const uio = device.framework === 'pci' ? uioOf(context.sys, device.address) : undefined;
  return uio === undefined ? device : findNamed(context, 'uio', uio, NO_NAMES);
}

function installing(): typeof import('./binding/udev-rules') {
  return require('./binding/udev-rules');
}

function print(context: Context, device: DeviceInfo, { path, lines, notes }: DeviceRules): void {
  if (context.options.json) {
    context.printJson({ schema: 'udrv.udev/1', address: device.address, path, rules: lines, notes });
    return;
  }
  context.stdout.write(lines.map((line) => `${line}\n`).join(''));
  for (const note of notes) context.note(`${device.address}: ${note}`);
}

function examine(context: Context, device: DeviceInfo): number | undefined {
  const report = checkRules(new AttributeReader(context.sys), device);
  const ok = isOk(report);
  if (context.options.json)
    context.printJson({ schema: 'udrv.udev.check/1', address: device.address, access: device.access, ...report });
  else printReport(context, device, report);
  return ok ? undefined : Exit.failed;
}

/** Tells whether there is a rule for the device, and nothing is wrong with any that means it. */
function isOk({ rules }: RulesReport): boolean {
  return rules.some(({ matches }) => matches !== false) && rules.every(({ problems }) => problems.length === 0);
}

function printReport(context: Context, device: DeviceInfo, { rules, unread, found }: RulesReport): void {
  const lines = rules.flatMap(({ path, line, matches, gives, problems }) => [
    `${visible(path)}:${line}: ${verdict(matches)}${gives === '' ? '' : `: ${visible(gives)}`}`,
    ...problems.map((problem) => `  ${context.style.bad('wrong')}: ${visible(problem)}`),
  ]);
  if (rules.length === 0)
    lines.push(
      found
        ? `no rule gives ${visible(device.address)} to anybody but root`
        : `no rules of udev here: neither /etc/udev/rules.d nor /usr/lib/udev/rules.d has any`,
    );
  context.stdout.write(lines.map((line) => `${line}\n`).join(''));
  if (rules.every(({ matches }) => matches === false))
    context.note(`udrv udev ${visible(device.address)} prints a rule that does`);
  else if (device.access !== 'rw' && rules.every(({ problems }) => problems.length === 0))
    context.note(
      `${visible(device.address)}: the node is closed to you all the same: sudo udevadm trigger -c add applies rules to devices that are there; a new group counts from the next login on`,
    );
  for (const path of unread) context.note(`not read: ${visible(path)}`);
}

function verdict(matches: boolean | null): string {
  if (matches === null) return 'may be for this device (it depends on other rules)';
  return matches ? 'for this device' : 'not for this device';
}
