import { SysError } from '../../../src/errors';
import { NameDatabase } from '../../../src/names/database';
import { simulatedMachine } from '../../../src/sim';
import { decodeBos, decodeDescriptors } from '../../../src/usb/decode/descriptor-tree';
import { type Answers, askDevice, type ControlIn, type Setup } from '../../../src/usb/inspect/ask';
import { describeUsb, usbDocument, withAnswers } from '../../../src/usb/inspect/describe';
import { inspectUsb } from '../../../src/usb/inspect/inspect';
import { stringText } from '../../../src/usb/inspect/strings';
import { BOS, MSOS20_SET, PRINTER } from '../../support/usb-fixtures';

const hex = (text: string) => Buffer.from(text.replace(/\s+/g, ''), 'hex');
const stringOf = (text: string) => Buffer.concat([Buffer.from([2 + 2 * text.length, 3]), Buffer.from(text, 'utf16le')]);

/** A device that answers what it is told to, and stalls otherwise. Keys: bmRequestType, bRequest, wValue, wIndex. */
function deviceWith(answers: Readonly<Record<string, Buffer>>) {
  const asked: string[] = [];
  const control: ControlIn = async ({ bmRequestType, bRequest, wValue, wIndex }: Setup, length) => {
    const key = [bmRequestType, bRequest, wValue, wIndex].map((part) => part.toString(16)).join(' ');
    asked.push(`${key} ${length}`);
    const answer = answers[key];
    if (answer === undefined) throw new SysError('ioctl', 'EPIPE', 'usb');
    return answer.subarray(0, length);
  };
  return { asked, control };
}

const device = (bcdUSB: string, more = '00 00 00') =>
  decodeDescriptors(hex(`12 01 ${bcdUSB} ${more} 40 34 12 78 56 00 01 00 00 00 00`));

const ids = ({ descriptors }: Answers) => descriptors.map(({ layout }) => layout.id);

test('strings, in each language, of the indices that descriptors name', async () => {
  const { control } = deviceWith({
    '80 6 300 0': hex('06 03 09 04 07 04'),
    '80 6 301 409': stringOf('udrv'),
    '80 6 302 409': stringOf('printer'),
    '80 6 302 407': stringOf('Drucker'),
  });
  const answers = await askDevice(control, { tree: decodeDescriptors(PRINTER), bos: null });
  expect(answers.strings).toEqual([
    { langId: 0x409, index: 1, text: 'udrv' },
    { langId: 0x409, index: 2, text: 'printer' },
    { langId: 0x407, index: 2, text: 'Drucker' },
  ]);
  // Index 4 is that of the IPP printer's descriptor.
  expect(answers.unanswered).toContainEqual({ what: 'string 4', code: 'EPIPE' });
});

test('a hub and each of its ports', async () => {
  const { control, asked } = deviceWith({
    'a0 6 2900 0': hex('09 29 02 00 00 32 64 02 ff ff ff ff'),
    'a3 0 0 1': hex('03 05 00 00'),
    'a3 0 0 2': hex('00 01 01 00'),
  });
  const answers = await askDevice(control, { tree: device('00 02', '09 00 01'), bos: null });
  const [hub] = answers.descriptors;
  expect(hub).toMatchObject({
    layout: { id: 'hub' },
    values: { bNbrPorts: 2, DeviceRemovable: [2], PortPwrCtrlMask: [0xff] },
  });
  expect(hub?.children.map(({ values }) => values)).toEqual([
    { port: 1, wPortStatus: 0x0503, wPortChange: 0 },
    { port: 2, wPortStatus: 0x0100, wPortChange: 1 },
  ]);
  expect(asked).not.toContain('a3 0 0 3 4');
});

test('a SuperSpeed hub has another descriptor, and another port status', async () => {
  const { control } = deviceWith({
    'a0 6 2a00 0': hex('0c 2a 01 0a 00 32 00 00 00 00 00 00'),
    'a3 0 0 1': hex('a0 02 00 00'),
  });
  const answers = await askDevice(control, { tree: device('00 03', '09 00 03'), bos: null });
  expect(ids(answers)).toEqual(['superSpeedHub']);
  expect(answers.descriptors[0]?.children[0]).toMatchObject({ layout: { id: 'superSpeedPortStatus' } });
});

test('the BOS where sysfs has none, and what its platforms offer', async () => {
  const { control, asked } = deviceWith({
    '80 6 f00 0': BOS,
    'c0 22 1 2': hex('0f 03 01 65 78 61 6d 70 6c 65 2e 6f 72 67 2f'),
    'c0 15 0 7': MSOS20_SET,
  });
  const answers = await askDevice(control, { tree: device('01 02'), bos: null });
  expect(asked.slice(0, 2)).toEqual(['80 6 f00 0 5', `80 6 f00 0 ${BOS.length}`]);
  expect(answers.bos?.descriptors[0]?.children).toHaveLength(13);
  expect(ids(answers)).toEqual(['webusbUrl', 'msos20.setHeader']);
  expect(asked).toContain('c0 15 0 7 158');
});

test('no BOS is asked for where there can be none, or where it is known', async () => {
  for (const known of [
    { tree: device('00 02'), bos: null },
    { tree: device('10 02'), bos: decodeBos(BOS) },
  ]) {
    const { control, asked } = deviceWith({});
    await askDevice(control, known);
    expect(asked.filter((line) => line.startsWith('80 6 f00'))).toEqual([]);
  }
});

test('the other speed, debug, Microsoft OS 1.0, status', async () => {
  const { control } = deviceWith({
    '80 6 600 0': hex('0a 06 00 02 00 00 00 40 01 00'),
    '80 6 700 0': hex('09 07 12 00 01 01 00 80 32 09 04 00 00 00 ff 00 00 00'),
    '80 6 a00 0': hex('04 0a 81 02'),
    '80 6 3ee 0': hex('12 03 4d 00 53 00 46 00 54 00 31 00 30 00 30 00 20 00'),
    'c0 20 0 4': hex('28 00 00 00 00 01 04 00 01 00000000000000 00 01 57494e5553420000 0000000000000000 000000000000'),
    '80 0 0 0': hex('03 00'),
  });
  const answers = await askDevice(control, { tree: device('00 02'), bos: null });
  expect(ids(answers)).toEqual([
    'deviceQualifier',
    'otherSpeedConfiguration',
    'debug',
    'msos10.string',
    'msos10.compatibleId',
    'deviceStatus',
  ]);
  expect(answers.descriptors.find(({ layout }) => layout.id === 'msos10.compatibleId')?.values).toMatchObject({
    functions: [{ bFirstInterfaceNumber: 0, compatibleID: 'WINUSB' }],
  });
  expect(answers.unanswered).toEqual([]);
});

test('what is not answered is noted, and is no failure', async () => {
  const { control } = deviceWith({});
  const { unanswered, descriptors, strings } = await askDevice(control, { tree: device('00 02'), bos: null });
  expect({ descriptors, strings }).toEqual({ descriptors: [], strings: [] });
  expect(unanswered).toEqual(
    ['device qualifier', 'debug descriptor', 'Microsoft OS 1.0 string', 'device status'].map((what) => ({
      what,
      code: 'EPIPE',
    })),
  );
});

test('a device that has gone is asked no more', async () => {
  let asked = 0;
  const control: ControlIn = async () => {
    asked++;
    throw new SysError('ioctl', 'ENODEV', 'usb');
  };
  await expect(askDevice(control, { tree: device('00 02'), bos: null })).rejects.toThrow(
    expect.objectContaining({ code: 'ENODEV' }),
  );
  expect(asked).toBe(1);
});

test('a device that lets three questions pass is asked no more', async () => {
  let asked = 0;
  const control: ControlIn = async () => {
    asked++;
    throw new SysError('control', 'ETIMEDOUT', 'usb');
  };
  const { unanswered } = await askDevice(control, { tree: device('00 02', '09 00 01'), bos: null });
  expect(asked).toBe(3);
  expect(unanswered).toHaveLength(3);
});

test('a device that answers with noise keeps nobody busy', async () => {
  let asked = 0;
  const control: ControlIn = async (_, length) => {
    asked++;
    return Buffer.alloc(length, 0xff);
  };
  await askDevice(control, { tree: device('00 02', '09 00 01'), bos: decodeBos(BOS) });
  expect(asked).toBeLessThan(600);
});

test.each([
  ['06 03 68 00 69 00', 'hi'],
  // Longer than what came, and of an odd length.
  ['ff 03 68 00 69', 'h'],
  ['02 03', ''],
  ['06 04 68 00 69 00', null],
  ['06', null],
])('a string descriptor %s is %p', (bytes, text) => {
  expect(stringText(hex(bytes))).toBe(text);
});

test('answers are added to what sysfs tells', async () => {
  const { sys } = simulatedMachine();
  const names = new NameDatabase(sys);
  const found = inspectUsb(sys, names, '1-2');
  if (found === null) throw new Error('1-2 is not there');
  const description = describeUsb(sys, names, found);
  const { control } = deviceWith({
    '80 6 300 0': hex('04 03 09 04'),
    '80 6 306 409': stringOf('loop input to output'),
  });
  const document = usbDocument(withAnswers(description, await askDevice(control, description)));
  const iInterface = (i: number) => document.descriptors[i]?.children?.[0]?.means?.['iInterface'];
  expect(iInterface(2)).toBe('loop input to output');
  expect(document.opened?.strings).toEqual([{ langId: 0x409, index: 6, text: 'loop input to output' }]);
  expect(
    withAnswers(description, { descriptors: [], bos: decodeBos(BOS), strings: [], unanswered: [] }).raw.bos,
  ).toEqual(BOS);
  // And what sysfs knew stays.
  expect(document.descriptors[0]?.means).toMatchObject({ iProduct: 'Source/sink data' });
});
