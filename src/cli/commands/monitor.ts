import type { Framework } from '../../model/device';
import type { DeviceEvent } from '../../monitor/event';
import { monitorDevices } from '../../monitor/monitor';
import { idPair } from '../../text/ids';
import type { Context } from '../context';
import { json, visible } from '../output/escape';
import { interruptible } from '../signals';

interface MonitorCommandOptions {
  type?: Framework;
  count?: number;
}

/** Prints what happens to devices, until enough has happened. */
export function monitor(
  context: Context,
  { type, count = Number.POSITIVE_INFINITY }: MonitorCommandOptions,
): Promise<number | undefined> {
  const asJson = context.options.json === true;
  return interruptible(async (signal) => {
    let left = count;
    const onStart = ({ devices, listening }: { devices: number; listening: boolean }) => {
      if (!listening) context.note('no messages of the kernel can be had here: it is looked once a second instead');
      if (context.options.verbose) context.note(`knows ${devices} devices, and waits`);
      // Shown before there is anything to tell: who waits sees that it waits.
      if (!asJson && !context.options.quiet) context.stdout.write(`${context.style.heading(line(TITLES))}\n`);
    };
    const timeoutMs = context.options.timeout;
    for await (const event of monitorDevices(context.sys, { type, timeoutMs, signal, names: context.names, onStart })) {
      context.stdout.write(asJson ? jsonLine(event) : `${line(cells(event))}\n`);
      if (--left === 0) break;
    }
  });
}

function jsonLine(event: DeviceEvent): string {
  const { time, action, framework, address, vendorId, deviceId, driver, node, access, name } = event;
  return `${json({ time, action, framework, address, interface: event.interface, vendorId, deviceId, driver, node, access, name })}\n`;
}

const TITLES = ['TIME', 'ACTION', 'TYPE', 'ADDRESS', 'ID', 'DRIVER', 'NODE', 'NAME'];
/** What most of them need: a line cannot wait for the next ones. */
const WIDTHS = [12, 6, 4, 12, 9, 15, 20];

function cells(event: DeviceEvent): string[] {
  const { time, action, framework, address, vendorId, deviceId, driver, node, name } = event;
  const id = vendorId === null && deviceId === null ? '-' : idPair(vendorId, deviceId);
  return [clock(time), action, framework, event.interface ?? address, id, driver ?? '-', node ?? '-', name].map(
    visible,
  );
}

function line(columns: string[]): string {
  return columns.map((cell, i) => cell.padEnd(WIDTHS[i] ?? 0)).join('  ');
}

/** Local, as a person looks at it. */
function clock(time: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const milliseconds = String(time.getMilliseconds()).padStart(3, '0');
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${milliseconds}`;
}
