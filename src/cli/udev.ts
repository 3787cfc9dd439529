import { Exit, usageError } from '../errors';
import type { DeviceInfo } from '../model/device';
import { NO_NAMES } from '../names/database';
import { AttributeReader } from '../sys/readers/attributes';
import { checkRules, type RulesReport } from '../udev/check';
import { type DeviceRules, deviceRules, type Grant } from '../udev/rule';
import { findNamed } from './devices/find';
import { visible } from './output/escape';
import type { VerbSpec } from './program/command';
import type { Context } from './program/context';
import { argument, option } from './program/options';

export const command: VerbSpec = {
  description: 'udev rules that give you a device: print them, or find out why those that there are do not',
  arguments: [argument('<device>')],
  options: [
    option('--group <group>', 'give it to this group (plugdev)'),
    option('--uaccess', 'give it to whoever sits at the machine, by systemd-logind'),
    option('--check', 'examine the rules of this machine instead'),
  ],
  examples: ['udev uio0', 'udev 1-3.1 --uaccess'],
  run: udev,
};

interface UdevOptions {
  group?: string;
  uaccess?: boolean;
  check?: boolean;
}

const DEFAULT_GROUP = 'plugdev';

function udev(context: Context, selector: string, { group, uaccess, check }: UdevOptions): number | undefined {
  if (group !== undefined && uaccess) throw usageError('--uaccess', '--group is another way: give one of them');
  if (check && (group !== undefined || uaccess)) throw usageError('--check', 'examines the rules that there are');
  const device = findNamed(context, undefined, selector, NO_NAMES);
  if (check) return examine(context, device);
  const grant: Grant = uaccess ? 'uaccess' : { group: group ?? DEFAULT_GROUP };
  print(context, device, deviceRules(device, grant));
  return undefined;
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
