import { NameDatabase } from '../../../src/names/database';
import { describeUsb, usbDocument } from '../../../src/usb/inspect/describe';
import { inspectUsb } from '../../../src/usb/inspect/inspect';
import { TreeSys } from '../../support/tree-sys';

const hex = (text: string) => Buffer.from(text.replace(/\s+/g, ''), 'hex');

const DEVICE = hex('12 01 00 02 00 00 00 08 34 12 78 56 00 01 00 00 00 01');
const CONFIGURATION = hex('09 02 22 00 01 01 00 a0 32  09 04 00 00 01 03 00 00 00');
const HID = hex('09 21 11 01 00 01 22 12 00');
const ENDPOINT = hex('07 05 81 03 08 00 0a');
/** 18 bytes, as the HID descriptor says. */
const REPORT = hex('05 01 09 02 a1 01 09 30 15 00 26 ff 00 75 08 95 01 c0');

/** A mouse whose report descriptor in sysfs is the given one. */
function described(report: Buffer | null, pieces: readonly Buffer[] = [CONFIGURATION, HID, ENDPOINT]) {
  const dir = '/sys/bus/usb/devices';
  const sys = new TreeSys();
  sys.add(
    {
      bConfigurationValue: '1\n',
      busnum: '1\n',
      devnum: '2\n',
      speed: '12\n',
      descriptors: Buffer.concat([DEVICE, ...pieces]),
    },
    `${dir}/1-2/`,
  );
  sys.add({ bAlternateSetting: ' 0\n' }, `${dir}/1-2:1.0/`);
  if (report !== null) sys.add({ report_descriptor: report }, `${dir}/1-2:1.0/0003:1234:5678.0001/`);
  const names = new NameDatabase(sys);
  const device = inspectUsb(sys, names, '1-2');
  if (device === null) throw new Error('1-2 is not there');
  return describeUsb(sys, names, device);
}

/** The notes of all descriptors, with their titles. */
function notesOf(description: ReturnType<typeof described>): string[] {
  const all = description.tree.descriptors.flatMap(function down(found): typeof description.tree.descriptors {
    return [found, ...found.children.flatMap(down)];
  });
  return all.flatMap(({ layout, notes }) => notes.map((note) => `${layout.title}: ${note}`));
}

describe('the report descriptor in sysfs', () => {
  test('as long as the device says', () => {
    const description = described(REPORT);
    expect(notesOf(description)).toEqual([]);
    expect(description.context.reports.size).toBe(1);
    expect(description.raw.reports).toEqual([{ interface: '1-2:1.0', bytes: REPORT }]);
  });

  test('of another length: the kernel has rewritten it', () => {
    const description = described(Buffer.concat([REPORT, hex('05 01')]));
    expect(notesOf(description)).toEqual([
      'HID: the report descriptor in sysfs has 20 bytes, wDescriptorLength is 18: the kernel has rewritten it',
    ]);
    expect(description.context.reports.size).toBe(1);
    expect(JSON.stringify(usbDocument(description))).toContain('wDescriptorLength is 18');
  });

  test('empty', () => {
    const description = described(Buffer.alloc(0));
    expect(notesOf(description)).toEqual(['HID: the report descriptor in sysfs is empty']);
    expect(description.context.reports.size).toBe(0);
    expect(description.raw.reports).toEqual([]);
  });

  test('none, without a driver', () => {
    const description = described(null);
    expect([notesOf(description), description.raw.reports]).toEqual([[], []]);
  });

  test('of a HID descriptor that stands behind the endpoint', () => {
    const description = described(REPORT, [CONFIGURATION, ENDPOINT, HID]);
    expect(description.context.reports.size).toBe(1);
    expect(description.raw.reports).toEqual([{ interface: '1-2:1.0', bytes: REPORT }]);
  });

  test('of a HID descriptor that announces no report', () => {
    const description = described(REPORT, [CONFIGURATION, hex('09 21 11 01 00 01 23 12 00'), ENDPOINT]);
    expect(notesOf(description)).toEqual([]);
    expect(description.context.reports.size).toBe(1);
  });
});
