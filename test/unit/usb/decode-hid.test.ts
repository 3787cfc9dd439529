import { decodeReport, describeReport, encodeReport } from '../../../src/usb/decode/hid/report';
import { USAGE_TABLES } from '../../../src/usb/decode/hid/usage-tables';
import { usageName, usagePageName } from '../../../src/usb/decode/hid/usages';
import * as fixtures from '../../support/usb-fixtures';

const described = (hex: string) => describeReport(decodeReport(Buffer.from(hex.replaceAll(' ', ''), 'hex')));

describe('a HID report descriptor', () => {
  const report = decodeReport(fixtures.HID_REPORT);
  const lines = describeReport(report).items.map(
    ({ depth, tag, value, means }) => `${' '.repeat(depth)}${tag} ${value} ${means}`,
  );

  test('is written as it was read', () => {
    expect(encodeReport(report).equals(fixtures.HID_REPORT)).toBe(true);
  });

  test('has its bytes beside the items', () => {
    expect(
      describeReport(report)
        .items.map(({ bytes }) => bytes)
        .join(''),
    ).toBe(fixtures.HID_REPORT.subarray(0, fixtures.HID_REPORT.length - report.rest.length).toString('hex'));
  });

  test.each([
    'Usage Page 1 Generic Desktop',
    'Collection 1 Application',
    ' Report ID 1 null',
    ' Usage Minimum 224 Keyboard LeftControl',
    ' Input 2 Data, Variable, Absolute',
    ' Output 130 Data, Variable, Absolute, Volatile',
    // Unsigned, as its minimum is not negative; and signed.
    ' Logical Maximum 255 null',
    ' Logical Minimum -127 null',
    // A usage with its page.
    ' Usage 65592 Generic Desktop: Wheel',
    ' Unit Exponent -2 10^-2',
    ' Unit 20 English Rotation: deg',
    ' Long Item 0xf0 2 1234',
    'End Collection 0 null',
    'Usage Page 65280 Vendor Defined',
  ])('%s', (line) => {
    expect(lines).toContain(line);
  });

  test('that ends within an item keeps the bytes of it', () => {
    expect(decodeReport(Buffer.from('05012701', 'hex'))).toMatchObject({
      items: [{ prefix: 0x05 }],
      rest: Buffer.from('2701', 'hex'),
    });
    expect(described('05012701').notes).toEqual(['ends within an item: 2701']);
  });

  // HID 1.11, chapter 6.2.2.7: a nibble; devices have whole bytes, too.
  test.each([
    ['55 07', 7],
    ['55 08', -8],
    ['55 0f', -1],
    ['55 fd', -3],
    ['56 0d 00', -3],
    ['56 fd ff', -3],
    ['57 fdffffff', -3],
    ['54', 0],
    ['55 10', 16],
  ])('a unit exponent of %s is %i', (hex, value) => {
    expect(described(hex).items).toMatchObject([{ value, means: `10^${value}` }]);
  });
});

describe('the reports that it makes up', () => {
  test('are told with their size: a keyboard without IDs', () => {
    const boot =
      '05010906a101 050719e029e71500250175019508 8102 9501750881 01 95057501050819012905 9102 95017503 9101' +
      '95067508150025650507190029658100 c0';
    expect(described(boot)).toMatchObject({
      sizes: [
        { type: 'input', id: null, bits: 64, bytes: 8 },
        { type: 'output', id: null, bits: 8, bytes: 1 },
      ],
      notes: [],
    });
  });

  test('each with its ID, which is a byte more; what Push keeps comes back with Pop', () => {
    expect(described('7508 9503 8501 8102 a4 7501 9504 8502 b102 b4 8102 8503 7504 9501 9102').sizes).toEqual([
      { type: 'input', id: 1, bits: 48, bytes: 7 },
      { type: 'feature', id: 2, bits: 4, bytes: 2 },
      { type: 'output', id: 3, bits: 4, bytes: 2 },
    ]);
  });

  test('are not told where they have no fields', () => {
    expect(described('a101 8102 c0').sizes).toEqual([]);
  });
});

describe('a usage', () => {
  // HID 1.11, chapter 5.4: the page is that of the main item.
  test('belongs to the page that is in force at its main item', () => {
    const [usage, , input, after] = described('0930 0501 8102 0930').items;
    expect([usage?.means, input?.tag, after?.means]).toEqual(['X', 'Input', 'X']);
    expect(described('0501 0930 050c 8102').items[1]?.means).toBe('Power');
    // With its page in it, it keeps that.
    expect(described('0b30000100 050c 8102').items[0]?.means).toBe('Generic Desktop: X');
  });

  // Gamepads change the page between the usages of one field: hid_concatenate_last_usage_page of the kernel.
  test('keeps its page where a usage behind it has used the new one', () => {
    const meanings = (hex: string) =>
      described(hex)
        .items.filter(({ tag }) => tag === 'Usage')
        .map(({ means }) => means);
    expect(meanings('0501 0930 0935 0502 09c5 09c4 8102')).toEqual(['X', 'Rz', 'Brake', 'Accelerator']);
    // A page behind the last usage holds for all up to one that has it already; usages with a page do not count.
    expect(meanings('0502 09c5 0501 0930 0502 8102')).toEqual(['Brake', null]);
    expect(meanings('0501 0930 0502 0bc5000200 8102')).toEqual([null, 'Simulation Controls: Brake']);
  });

  test.each([
    // The Power page, Power Device Class 1.0.
    [0x84, 0x1a, 'Input'],
    [0x84, 0x1c, 'Output'],
    [0x84, 0x1d, 'Output ID'],
    [0x84, 0x1e, 'Flow'],
    [0x84, 0x1f, 'Flow ID'],
    [0x84, 0x20, 'Outlet'],
    [0x84, 0x63, 'Voltage Out Of Range'],
    [0x84, 0xfd, 'iManufacturer'],
    [0x85, 0x44, 'Charging'],
    [0x85, 0x66, 'Remaining Capacity'],
    [0x85, 0xd0, 'AC Present'],
    [0x01, 0x30, 'X'],
    [0x01, 0x80, 'System Control'],
    [0x01, 0x91, 'D-pad Down'],
    [0x02, 0xbb, 'Throttle'],
    [0x05, 0x20, 'Point of View'],
    [0x06, 0x20, 'Battery Strength'],
    [0x07, 0x04, 'Keyboard A'],
    [0x07, 0x63, 'Keypad Period and Delete'],
    [0x07, 0xe7, 'Keyboard Right GUI'],
    [0x08, 0x03, 'Scroll Lock'],
    [0x09, 0x01, 'Button 1'],
    [0x09, 0xffff, 'Button 65535'],
    [0x0a, 0x02, 'Instance 2'],
    [0x0b, 0x20, 'Hook Switch'],
    [0x0c, 0x01, 'Consumer Control'],
    [0x0c, 0xcd, 'Play/Pause'],
    [0x0c, 0xe9, 'Volume Increment'],
    [0x0c, 0x238, 'AC Pan'],
    [0x0d, 0x54, 'Contact Count'],
    [0x0e, 0x21, 'Manual Trigger'],
    [0x0f, 0x30, 'ET Square'],
    [0x10, 0x41, 'U+0041'],
    [0x14, 0x20, 'Display Attributes Report'],
    [0x20, 0x73, 'Motion: Accelerometer 3D'],
    [0x20, 0x1453, 'Data Field: Acceleration Axis X (Modifier: Change Sensitivity Absolute)'],
    [0x59, 0x01, 'LampArray'],
    [0x80, 0x01, 'Monitor Control'],
    [0x81, 0x03, 'Enum 3'],
    [0x82, 0x10, 'Brightness'],
    [0x8c, 0x02, 'Barcode Scanner'],
    [0x8d, 0x40, 'Data Weight'],
    [0xf1d0, 0x20, 'Input Report Data'],
    [0x01, 0x00, 'Undefined'],
    [0x01, 0x02 + 1, null],
    [0x20, 0xf000 + 0xfff, null],
    [0x55, 0x01, null],
    [0xff00, 0x01, null],
  ])('of page %i, %i, is %s', (page, usage, name) => {
    expect(usageName(page, usage)).toBe(name);
  });

  test.each([
    [0x01, 'Generic Desktop'],
    [0x20, 'Sensors'],
    [0x84, 'Power'],
    [0x85, 'Battery System'],
    [0x10, 'Unicode'],
    [0xf1d0, 'FIDO Alliance'],
    [0xff00, 'Vendor Defined'],
    [0xffff, 'Vendor Defined'],
    [0x10000, null],
    [0x55, null],
  ])('page %i is %s', (page, name) => {
    expect(usagePageName(page)).toBe(name);
  });

  /** Usages of each page, counted in the HID Usage Tables 1.6. */
  const COUNTS: Readonly<Record<string, number>> = {
    '0x01': 115,
    '0x02': 51,
    '0x03': 12,
    '0x04': 34,
    '0x05': 29,
    '0x06': 24,
    '0x07': 218,
    '0x08': 96,
    '0x09': 0,
    '0x0a': 0,
    '0x0b': 99,
    '0x0c': 450,
    '0x0d': 108,
    '0x0e': 29,
    '0x0f': 105,
    '0x11': 10,
    '0x12': 34,
    '0x14': 75,
    '0x20': 673,
    '0x40': 29,
    '0x41': 43,
    '0x59': 33,
    '0x80': 4,
    '0x81': 0,
    '0x82': 45,
    '0x84': 77,
    '0x85': 91,
    '0x8c': 194,
    '0x8d': 46,
    '0x8e': 10,
    '0x90': 2,
    '0x91': 27,
    '0xf1d0': 3,
  };

  test('of every page is there: 2,766 in 30 pages, and three whose usages are numbered', () => {
    const counts: Record<string, number> = {};
    let page = '';
    for (const line of USAGE_TABLES.trim().split('\n')) {
      const [, indent, id = '', names = ''] = /^( ?)(\w+)(?:\.\.)? (.+)$/.exec(line) ?? [];
      if (indent === '') {
        page = id;
        counts[page] = 0;
      } else if (!line.includes('..')) {
        const all = names.split('|');
        counts[page] = (counts[page] ?? 0) + all.length;
        for (const [i, name] of all.entries()) expect(usageName(Number(page), Number(id) + i)).toBe(name);
      }
    }
    expect(counts).toEqual(COUNTS);
    expect(Object.values(counts).reduce((sum, count) => sum + count)).toBe(2766);
  });
});

describe('a report descriptor that is wrong has a note', () => {
  test.each([
    ['a collection that is never ended', 'a101', ['1 collection is never ended']],
    ['more of them', 'a101a100', ['2 collections are never ended']],
    ['an end without a beginning', 'c0c0', ['End Collection without a collection to end (2 times)']],
    ['a Pop too many', 'a4b4b4', ['Pop without a Push before it']],
    ['a Delimiter set that stays open', 'a901', ['a Delimiter set is never closed']],
    ['Report ID 0', '8500', ['Report ID 0, which is reserved']],
    ['a field too large', '760101', ['Report Size above 256 bits, which Linux refuses']],
    ['nothing wrong', 'a101a100c0c0a901a900a4b4', []],
  ])('%s', (_, hex, notes) => {
    expect(described(hex).notes).toEqual(notes);
  });

  test('and no depth below zero', () => {
    expect(described('c0c0b4b40901').items.map(({ depth }) => depth)).toEqual([0, 0, 0, 0, 0]);
  });
});
