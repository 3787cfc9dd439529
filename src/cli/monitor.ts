import type { Framework } from '../model/device';
import { parseCount } from '../model/notation';
import type { DeviceEvent } from '../monitor/event';
import { monitorDevices } from '../monitor/monitor';
import { clock } from '../text/clock';
import { idPair } from '../text/ids';
import type { EventLine } from './documents/devices';
import { json, visible } from './output/escape';
import type { VerbSpec } from './program/command';
import type { Context } from './program/context';
import { option, typeOption } from './program/options';
import { caughtUp, interruptible } from './program/signals';
import { Waiting, waitingText } from './status/waiting';
import { padding } from './tables/text-width';

export const command: VerbSpec = {
  description: 'print what happens to devices: they come and go, drivers take them and leave them',
  options: [typeOption(), option('-c, --count <n>', 'end after N events', parseCount)],
  does: ['wait'],
  examples: ['monitor --count 3', '--json monitor --type usb --count 1'],
  run: monitor,
};

interface MonitorCommandOptions {
  type?: Framework;
  count?: number;
}

function monitor(
  context: Context,
  { type, count = Number.POSITIVE_INFINITY }: MonitorCommandOptions,
): Promise<number | undefined> {
  const asJson = context.options.json === true;
  return interruptible(async (signal) => {
    let seen = 0;
    const devices = type === undefined ? 'devices' : type === 'pci' ? 'PCI functions' : `${type} devices`;
    using _waiting = new Waiting(context.status, () => waitingText(`events of ${devices}`, seen));
    const onStart = ({ devices, listening }: { devices: number; listening: boolean }) => {
      if (!listening) context.note('no uevents from the kernel here: sysfs is read once a second instead');
      if (context.options.verbose) context.note(`watching ${devices} devices`);
      // Shown before the first event, so that a person sees that it waits.
      if (!asJson && !context.options.quiet) context.stdout.write(`${context.style.heading(line(TITLES))}\n`);
    };
    const timeoutMs = context.options.timeout;
    for await (const event of monitorDevices(context.sys, { type, timeoutMs, signal, names: context.names, onStart })) {
      context.stdout.write(asJson ? jsonLine(event) : `${line(cells(event))}\n`);
      if (++seen === count) break;
      await caughtUp();
    }
  });
}

function jsonLine(event: DeviceEvent): string {
  const { time, action, framework, address, vendorId, deviceId, driver, node, access, name } = event;
  const known = {
    time,
    action,
    framework,
    address,
    interface: event.interface,
    vendorId,
    deviceId,
    driver,
    node,
    access,
  };
  return `${json({ ...known, name } satisfies EventLine)}\n`;
}

const TITLES = ['TIME', 'ACTION', 'TYPE', 'ADDRESS', 'ID', 'DRIVER', 'NODE', 'NAME'];
/** Widths that most cells fit: a line is printed before the next ones are known. */
const WIDTHS = [12, 6, 4, 12, 9, 15, 20];

function cells(event: DeviceEvent): string[] {
  const { time, action, framework, address, vendorId, deviceId, driver, node, name } = event;
  const id = vendorId === null && deviceId === null ? '-' : idPair(vendorId, deviceId);
  return [clock(time), action, framework, event.interface ?? address, id, driver ?? '-', node ?? '-', name].map(
    visible,
  );
}

function line(columns: string[]): string {
  return columns.map((cell, i) => `${cell}${padding(cell, WIDTHS[i] ?? 0)}`).join('  ');
}
