import type { Activity } from '../../devices/activity';
import { fullName } from '../devices/full-name';
import type { TopLine } from '../documents/devices';
import { json, visible } from '../output/escape';
import type { Style } from '../output/style';
import { table } from '../tables/table';

const RATE = { align: 'right', least: 9 } as const;
const COLUMNS = [
  { title: 'TYPE', need: 1 },
  { title: 'ADDRESS' },
  { title: 'IRQ/s', ...RATE },
  { title: 'EVENTS/s', ...RATE },
  { title: 'URB/s', ...RATE },
  { title: 'BYTES/s', ...RATE },
  { title: 'NAME', least: 12 },
];

/** Sorts the most active first; those that are as active stay in their order. */
export function byActivity(activities: readonly Activity[]): Activity[] {
  return [...activities].sort((a, b) => most(b) - most(a));
}

function most({ interruptsPerSecond, eventsPerSecond, urbsPerSecond }: Activity): number {
  return Math.max(interruptsPerSecond ?? -1, eventsPerSecond ?? -1, urbsPerSecond ?? -1);
}

/** Formats a frame as a table, a device in each row. @param width of the terminal, where there is one */
export function frameTable(activities: readonly Activity[], style: Style, width?: number): string {
  const rows = activities.map(({ device, interruptsPerSecond, eventsPerSecond, urbsPerSecond, bytesPerSecond }) => [
    device.framework,
    visible(device.address),
    ...[interruptsPerSecond, eventsPerSecond, urbsPerSecond].map((rate) => rateText(rate)),
    bytesText(bytesPerSecond),
    visible(fullName(device)),
  ]);
  return table(rows, { columns: COLUMNS, headings: true, style, width });
}

function rateText(rate: number | null): string {
  if (rate === null) return '-';
  return rate >= 100 || rate === 0 ? rate.toFixed(0) : rate.toFixed(1);
}

function bytesText(rate: number | null): string {
  if (rate === null || rate < 10_000) return rate === null ? '-' : rate.toFixed(0);
  return rate < 10_000 * 1024 ? `${(rate / 2 ** 10).toFixed(0)}K` : `${(rate / 2 ** 20).toFixed(0)}M`;
}

/** Formats a frame as one line of JSON. @param seconds that it was measured for */
export function frameJson(activities: readonly Activity[], seconds: number, time: Date): string {
  const tenth = (rate: number | null) => (rate === null ? null : Math.round(rate * 10) / 10);
  const devices = activities.map(({ device, ...rates }) => ({
    address: device.address,
    framework: device.framework,
    name: device.name,
    interruptsPerSecond: tenth(rates.interruptsPerSecond),
    eventsPerSecond: tenth(rates.eventsPerSecond),
    urbsPerSecond: tenth(rates.urbsPerSecond),
    bytesPerSecond: tenth(rates.bytesPerSecond),
  }));
  const line: TopLine = { schema: 'udrv.top/1', time, seconds: Math.round(seconds * 1000) / 1000, devices };
  return `${json(line)}\n`;
}
