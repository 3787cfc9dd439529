import fc from 'fast-check';
import { formatConfigRows, idsInTitle, parseConfigDump, parseLspciDump } from '../../../src/pci/config/lspci-dump';
import { configImage, lspciAddress } from '../../support/config-image';

const zeros = (bytes: number) => '00'.repeat(bytes);

describe('a file', () => {
  const image = configImage({ capabilities: [[0x01, zeros(6)]] });
  const parse = (text: string) => parseConfigDump(Buffer.from(text), 'dump');

  test('of lspci -vv -xxxx, with several functions', () => {
    const text = `00:1f.2 SATA controller: Some Vendor\r
\tSubsystem: x\r
\tCapabilities: [80] MSI: Enable- Count=1/1\r
00: 86 80 22 29 07 04 b0 02\r
08: 02 01 06 01\r

10000:e1:00.0 NVMe: b
${formatConfigRows(image)}
0001:00:00.0 No bytes
`;
    const [sata, nvme, ...more] = parse(text);
    expect(more).toEqual([]);
    expect(sata).toEqual({
      address: '0000:00:1f.2',
      title: 'SATA controller: Some Vendor',
      bytes: Buffer.from('868022290704b00202010601', 'hex'),
      notes: [],
    });
    expect(nvme).toMatchObject({ address: '10000:e1:00.0', bytes: image, notes: [] });
  });

  test('with names that are not English', () => {
    expect(parse(`00:00.0 Contrôleur: Société™\n${formatConfigRows(image)}`)).toMatchObject([
      { title: 'Contrôleur: Société™', bytes: image },
    ]);
  });

  test('with a byte order mark', () => {
    expect(parse(`\ufeff00:1f.2 x\n${formatConfigRows(image)}`)).toMatchObject([{ address: '0000:00:1f.2' }]);
  });

  test.each([64, 256, 4096])('that is an image of %i bytes', (size) => {
    const bytes = configImage({ size: 4096 }).subarray(0, size);
    expect(parseConfigDump(bytes, 'image')).toEqual([{ address: null, title: '', bytes, notes: [] }]);
  });

  test('that is an image of ones', () => {
    expect(parseConfigDump(Buffer.alloc(64, 0xff), 'image')).toMatchObject([{ address: null }]);
  });

  test('of text that is 64 bytes long is text', () => {
    const text = '00:00.0 x\n00: 86 80 22 29 07 04 b0 02 02 01\n'.padEnd(64, '\n');
    expect(parse(text)).toMatchObject([{ address: '0000:00:00.0', bytes: Buffer.from('868022290704b0020201', 'hex') }]);
  });

  test('of rows alone', () => {
    expect(parse(formatConfigRows(image))).toMatchObject([{ address: null, bytes: image }]);
  });

  test.each([
    ['00: 86 80 zz 29', '8680', 'row 0: "zz" is no byte'],
    ['00: 86 8022', '86', 'row 0: "8022" is no byte'],
    ['00: 86\n04: 01', '86ffffff01', 'rows are missing before 4: taken as all ones'],
    ['00: 86\n1000: 01', '86', 'row 1000 lies beyond the 4096 bytes of a space'],
    ['00: 86\nffffffff: 01', '86', 'row ffffffff lies beyond the 4096 bytes of a space'],
  ])('with a row %j', (rows, bytes, note) => {
    expect(parse(`00:00.0 x\n${rows}`)).toMatchObject([{ bytes: Buffer.from(bytes, 'hex'), notes: [note] }]);
  });

  test('whose rows go beyond 4096 bytes keeps those', () => {
    const [dump] = parse(`00:00.0 x\nff8: ${'01 '.repeat(16)}`);
    expect(dump?.bytes).toHaveLength(4096);
  });

  test.each([
    ['', 0],
    ['hello\n', 6],
    ['00:00.0 a device without bytes\n', 31],
    ['\0'.repeat(65), 65],
  ])('%j is none', (text, length) => {
    expect(() => parse(text)).toThrow(
      expect.objectContaining({
        exit: 2,
        subject: 'dump',
        message: `has no configuration space: neither lines of lspci -x, nor 64, 256, 4096 bytes (it has ${length})`,
      }),
    );
  });

  test('reads as it is written', () =>
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 4096 }), { minLength: 1, maxLength: 4 }),
        (images) => {
          const buffers = images.map((bytes) => Buffer.from(bytes));
          const dumps = parseLspciDump(
            buffers.map((b, i) => `${lspciAddress(i)} x\n${formatConfigRows(b)}\n`).join(''),
          );
          expect(dumps).toEqual(buffers.map((b, i) => ({ address: lspciAddress(i), title: 'x', bytes: b, notes: [] })));
        },
      ),
      { numRuns: 30 },
    ));

  test('of any text is read, or refused', () => {
    const line = fc.oneof(
      fc.string(),
      fc.constantFrom('00:00.0 x', '0000:00:1f.7 y', '00: 86 80', 'ff0: 00', '', '\t00: 01', '00:'),
      fc.tuple(fc.nat(0xffff), fc.string()).map(([at, rest]) => `${at.toString(16)}: ${rest}`),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 30 }), (text) => {
        for (const { bytes, notes } of parseLspciDump(text.join('\n'))) {
          expect(bytes.length).toBeGreaterThan(0);
          expect(bytes.length).toBeLessThanOrEqual(4096);
          expect(notes.length).toBeLessThanOrEqual(8);
        }
      }),
    );
  });
});

describe('the line of a function', () => {
  const rows = formatConfigRows(configImage());
  const bridge = formatConfigRows(
    configImage({ headerType: 1, header: `8680 1e24 0700 0000 00 000406 00000100 ${zeros(8)} 00260700` }),
  );
  const parse = (text: string) => parseLspciDump(text).map(({ address, title, notes }) => ({ address, title, notes }));

  test('with the path through bridges, as lspci -PP writes it', () => {
    expect(parse(`00:03.1/26:00.0/27:00.0/28:00.0 VGA: x\n${rows}\n10000:00:03.1/0a:00.1 y\n${rows}`)).toEqual([
      { address: '0000:28:00.0', title: 'VGA: x', notes: [] },
      { address: '10000:0a:00.1', title: 'y', notes: [] },
    ]);
  });

  test('with a path without bus numbers, as lspci -P writes it: the bridges of the file have them', () => {
    const inner = bridge.replace(/^10: (.. ){8}00 26/m, (line) => `${line.slice(0, -2)}31`);
    const text = `00:1c.0 port\n${bridge}\n00:1c.0/00.0 switch\n${inner}\n00:1c.0/00.0/01.0 x\n${rows}\n00:1d.0/00.0 y\n${rows}`;
    expect(parse(text)).toEqual([
      { address: '0000:00:1c.0', title: 'port', notes: [] },
      { address: '0000:26:00.0', title: 'switch', notes: [] },
      { address: '0000:31:01.0', title: 'x', notes: [] },
      {
        address: null,
        title: 'y',
        notes: ['the path 00:1d.0/00.0 tells no bus number, and its bridge is not in the file'],
      },
    ]);
  });

  test('as lspci -vmm writes it', () => {
    expect(parse(`Slot:\t00:1f.2\nClass:\tSATA controller\nRev:\t02\n${rows}\nDevice:\t01:00.0\n${rows}`)).toEqual([
      { address: '0000:00:1f.2', title: '', notes: [] },
      { address: '0000:01:00.0', title: '', notes: [] },
    ]);
  });

  const note = (line: string) => `the line "${line}" is no function's that is understood`;

  test.each(['0g:00.0 x', '00:03.1/zz:00.0 x', '123456789:00:03.1 x', 'PCI device:'])(
    'that is not understood is a function with a note: %j',
    (line) => {
      for (const gap of ['', '\n'])
        expect(parse(`00:00.0 a\n${rows}${gap}${line}\n${rows}`)).toEqual([
          { address: '0000:00:00.0', title: 'a', notes: [] },
          { address: null, title: line, notes: [note(line)] },
        ]);
      expect(parse(`${line}\n${rows}`)).toEqual([{ address: null, title: line, notes: [note(line)] }]);
    },
  );

  test("that is lost: its rows are no other function's", () => {
    for (const gap of ['', '\n'])
      expect(parse(`00:00.0 a\n${rows}${gap}${rows}`)).toEqual([
        { address: '0000:00:00.0', title: 'a', notes: [] },
        { address: null, title: '', notes: ['rows without the line of a function'] },
      ]);
  });

  test('that is not understood and has no rows is a note of the last function', () => {
    expect(parse(`00:00.0 a\n${rows}\nzz:1f.0 b\n\n# a remark\n`)).toEqual([
      { address: '0000:00:00.0', title: 'a', notes: [note('zz:1f.0 b')] },
    ]);
  });

  test('more of them than any machine has are told, not read', () => {
    const line = '00:00.0 x\n00: 01\n';
    const dumps = parseLspciDump(`${line.repeat(16384)}00: 02\n`);
    expect(dumps).toHaveLength(16384);
    expect(dumps.at(-1)?.notes).toEqual(['the file has more than 16384 functions: the others are not read']);
  });
});

test.each([
  ['Ethernet controller [0200]: Intel Corporation Ethernet Adaptive VF [8086:1889] (rev 02)', '8086:1889'],
  ['0200: 8086:1889 (rev 02)', '8086:1889'],
  ['Ethernet controller: Intel Corporation Ethernet Adaptive VF', undefined],
])('ids in the title %j: %s', (title, ids) => {
  const found = idsInTitle(title);
  expect(found && `${found.vendorId}:${found.deviceId}`).toBe(ids);
});
