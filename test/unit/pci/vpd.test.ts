import fc from 'fast-check';
import { parseVpd } from '../../../src/pci/vpd';

/** A part with its tag and length; a field with its keyword and length. */
const part = (tag: number, ...data: Buffer[]) => {
  const body = Buffer.concat(data);
  return Buffer.concat([Buffer.from([tag, body.length & 0xff, body.length >> 8]), body]);
};
const field = (keyword: string, data: Buffer | string) => {
  const bytes = Buffer.from(data);
  return Buffer.concat([Buffer.from(keyword), Buffer.from([bytes.length]), bytes]);
};
const END = Buffer.from([0x78]);

/** With the checksum that makes all bytes up to it zero. */
function withChecksum(...fields: Buffer[]): Buffer {
  const bytes = Buffer.concat([part(0x82, Buffer.from('Card')), part(0x90, ...fields, field('RV', '\0')), END]);
  const at = bytes.length - 2;
  bytes[at] = -bytes.subarray(0, at).reduce((sum, byte) => sum + byte, 0) & 0xff;
  return bytes;
}

test('names, part and serial number', () => {
  const bytes = withChecksum(field('PN', 'SM-25-AB  '), field('SN', 'XY0000001\0'));
  expect(parseVpd(bytes)).toEqual({
    name: 'Card',
    fields: [
      { keyword: 'PN', value: 'SM-25-AB', writable: false },
      { keyword: 'SN', value: 'XY0000001', writable: false },
    ],
    notes: [],
  });
});

test('a wrong checksum is a note', () => {
  const bytes = withChecksum(field('PN', 'A'));
  bytes[10] = 0x42;
  expect(parseVpd(bytes).notes).toEqual(['VPD checksum is wrong']);
});

test('the writable part', () => {
  const bytes = Buffer.concat([part(0x91, field('YA', 'tag 1'), field('RW', Buffer.alloc(9))), END]);
  expect(parseVpd(bytes)).toEqual({
    name: null,
    fields: [{ keyword: 'YA', value: 'tag 1', writable: true }],
    notes: [],
  });
});

test.each<[string, Buffer, string]>([
  ['without an end', part(0x82, Buffer.from('Card')), 'VPD has no end tag'],
  ['cut off', part(0x82, Buffer.from('Card')).subarray(0, 5), 'VPD has no end tag'],
  ['of zeros', Buffer.alloc(16), 'VPD ends at 0: 0 is no tag'],
  [
    'with a field longer than its part',
    Buffer.concat([part(0x90, Buffer.from('PN\xff', 'latin1')), END]),
    'VPD field PN is longer than the part that it is in',
  ],
])('data %s', (_, bytes, note) => {
  expect(parseVpd(bytes).notes).toEqual([note]);
});

test('any bytes are read', () =>
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (array) => {
      const { fields } = parseVpd(Buffer.from(array));
      expect(fields.length).toBeLessThanOrEqual(256);
    }),
  ));
