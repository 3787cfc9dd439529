import * as fc from 'fast-check';
import { parseUevent, UEVENT_BUFFER } from '../../../src/monitor/uevent';

const message = (...records: string[]) => Buffer.from(records.map((record) => `${record}\0`).join(''));

/** A keyboard's message, as the lab's kernel sent it. */
const KEYBOARD = message(
  'add@/devices/pci0000:00/0000:00:07.0/usb1/1-6',
  'ACTION=add',
  'DEVPATH=/devices/pci0000:00/0000:00:07.0/usb1/1-6',
  'SUBSYSTEM=usb',
  'MAJOR=189',
  'MINOR=7',
  'DEVNAME=bus/usb/001/008',
  'DEVTYPE=usb_device',
  'PRODUCT=627/1/0',
  'TYPE=0/0/0',
  'BUSNUM=001',
  'DEVNUM=008',
  'SEQNUM=595',
);

test('a message of the kernel', () => {
  expect(parseUevent(KEYBOARD)).toEqual({
    action: 'add',
    devpath: '/devices/pci0000:00/0000:00:07.0/usb1/1-6',
    name: '1-6',
    subsystem: 'usb',
    properties: expect.any(Map),
  });
  expect(parseUevent(KEYBOARD)?.properties.get('DEVNUM')).toBe('008');
});

test('values keep what they hold: equals signs, nothing, control characters', () => {
  const uevent = parseUevent(message('add@/a', 'ACTION=add', 'DEVPATH=/a', 'NAME="x=y"', 'EMPTY=', 'ESC=\x1b[31m\n'));
  expect([...(uevent?.properties ?? [])].slice(2)).toEqual([
    ['NAME', '"x=y"'],
    ['EMPTY', ''],
    ['ESC', '\x1b[31m\n'],
  ]);
  expect(uevent?.subsystem).toBeNull();
});

test('what a driver adds does not replace what the core said', () => {
  const uevent = parseUevent(message('add@/a', 'ACTION=add', 'DEVPATH=/a', 'SUBSYSTEM=usb', 'SUBSYSTEM=pci'));
  expect(uevent?.subsystem).toBe('usb');
});

test.each<[string, Buffer]>([
  ['nothing', Buffer.alloc(0)],
  ['one NUL', Buffer.alloc(1)],
  ["udev's own", Buffer.concat([Buffer.from('libudev\0'), Buffer.from('feedcafe', 'hex'), KEYBOARD])],
  ['without its end', KEYBOARD.subarray(0, -1)],
  ['longer than any', Buffer.concat([KEYBOARD, message('X='.padEnd(UEVENT_BUFFER, 'x'))])],
  [
    'of more records than any',
    message('add@/a', 'ACTION=add', 'DEVPATH=/a', ...Array.from({ length: 300 }, (_, i) => `K${i}=`)),
  ],
  ['without records', message('add@/a')],
  ['with an empty record', message('add@/a', 'ACTION=add', '', 'DEVPATH=/a')],
  ['with a record that is none', message('add@/a', 'ACTION=add', 'DEVPATH=/a', 'nonsense')],
  ['with a record without a key', message('add@/a', 'ACTION=add', 'DEVPATH=/a', '=value')],
  ['whose head says something else', message('remove@/a', 'ACTION=add', 'DEVPATH=/a')],
  ['whose head means another device', message('add@/b', 'ACTION=add', 'DEVPATH=/a')],
  ['with an action that is no word', message('\x1b@/a', 'ACTION=\x1b', 'DEVPATH=/a')],
  ['with a way out of /sys', message('add@/a/../b', 'ACTION=add', 'DEVPATH=/a/../b')],
  ['with a path that is not absolute', message('add@a', 'ACTION=add', 'DEVPATH=a')],
  ['with a path that ends in nothing', message('add@/a/', 'ACTION=add', 'DEVPATH=/a/')],
])('none: %s', (_, bytes) => {
  expect(parseUevent(bytes)).toBeNull();
});

const key = fc.stringMatching(/^[A-Z][A-Z0-9_]{0,20}$/).filter((text) => text !== 'ACTION' && text !== 'DEVPATH');
const value = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\0', ''));

test('whatever the kernel puts in is what comes out', () => {
  const path = fc.array(fc.stringMatching(/^[a-z0-9:][a-z0-9:.-]{0,10}$/), { minLength: 1, maxLength: 8 });
  void fc.assert(
    fc.property(path, fc.dictionary(key, value, { maxKeys: 60, noNullPrototype: true }), (names, properties) => {
      const devpath = `/${names.join('/')}`;
      const records = Object.entries({ ACTION: 'change', DEVPATH: devpath, ...properties });
      const bytes = message(`change@${devpath}`, ...records.map(([name, text]) => `${name}=${text}`));
      fc.pre(bytes.length <= UEVENT_BUFFER);
      const uevent = parseUevent(bytes);
      expect(uevent).toMatchObject({ action: 'change', devpath, name: names.at(-1) });
      expect([...(uevent?.properties ?? [])]).toEqual(records);
    }),
  );
});

test('any bytes are taken apart or refused, and so is a message with some of its bytes changed', () => {
  void fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3 * UEVENT_BUFFER }), (bytes) => {
      const uevent = parseUevent(Buffer.from(bytes));
      expect(uevent === null || uevent.devpath.startsWith('/')).toBe(true);
    }),
  );
  void fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(KEYBOARD.length - 1), fc.nat(255)), { minLength: 1 }), (changes) => {
      const bytes = Buffer.from(KEYBOARD);
      for (const [at, byte] of changes) bytes[at] = byte;
      const uevent = parseUevent(bytes);
      if (uevent === null) return;
      expect(uevent.properties.get('ACTION')).toBe(uevent.action);
      expect(uevent.properties.get('DEVPATH')).toBe(uevent.devpath);
      expect(uevent.devpath.split('/')).not.toContain('..');
    }),
  );
});
