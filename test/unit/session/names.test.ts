import { complete } from '../../../src/cli/session/complete';
import { findDevice } from '../../../src/devices/select';
import { UdrvError } from '../../../src/errors';
import type { Region } from '../../../src/model/device';
import { findRegion } from '../../../src/model/registers';
import { NO_NAMES } from '../../../src/names/database';
import { parseMapReference, parseRegisterMap, placeMap, RegisterNames } from '../../../src/regmap';
import { checkSteps } from '../../../src/session/check';
import { parseSteps } from '../../../src/session/grammar';
import { Scope, type SessionDeviceInfo } from '../../../src/session/scope';
import { Session } from '../../../src/session/session';
import { simulatedMachine } from '../../../src/sim';

// Registers by name in the steps of a session.

const { sys } = simulatedMachine();
const info = findDevice(sys, NO_NAMES, 'uio0') as SessionDeviceInfo & { framework: 'uio' };

const MAP = {
  schema: 'udrv.map/1',
  peripherals: [
    {
      name: 'EDU',
      registers: [
        {
          name: 'ID',
          offset: 0,
          access: 'read-only',
          fields: [{ name: 'MAGIC', bits: '7:0', values: { edu: '0xed' } }],
        },
        { name: 'LIVENESS', offset: 4 },
        {
          name: 'STATUS',
          offset: '0x20',
          fields: [
            { name: 'IRQ', bits: '7', values: { off: 0, on: 1 } },
            { name: 'HIGH', bits: '31:16' },
          ],
        },
        { name: 'RAISE', offset: '0x60', access: 'write-only', fields: [{ name: 'LOW', bits: '7:0' }] },
        { name: 'CLEARED', offset: '0x24', readAction: 'clear', fields: [{ name: 'LOW', bits: '7:0' }] },
        { name: 'ESC\u001b[2J', offset: '0x2c' },
      ],
    },
  ],
};

function namesIn(address: string, regions: readonly Region[], region: string): RegisterNames {
  const find = (name: string) => findRegion(address, regions, name);
  const map = parseRegisterMap(Buffer.from(JSON.stringify(MAP)), 'edu.json');
  const device = { address, regions, isPhysical: false, find };
  return new RegisterNames(placeMap(map, parseMapReference(`edu.json@${region}`), device));
}

const names = namesIn('uio0', info.uio.regions, 'map0');
const scope = () => new Scope(info, sys.pageSize, { names: () => names });

function check(text: string): string {
  try {
    checkSteps(parseSteps(text), scope(), 'none');
    return 'right';
  } catch (error) {
    if (!(error instanceof UdrvError)) throw error;
    return `${error.exit} ${error.subject}: ${error.message}${error.hint === undefined ? '' : `; ${error.hint}`}`;
  }
}

test.each([
  'read ID; read EDU.ID; read id.magic; read STATUS -w 4; read map0:0; read map0 0x4',
  'write LIVENESS 1; write STATUS.IRQ on; write STATUS.IRQ 1; write STATUS.HIGH 0xffff; write RAISE 1',
  'expect ID==0x10000ed; expect ID.MAGIC==edu; expect ID & 0xff == 0xed; poll STATUS.IRQ==off 1s',
  'dump ID; dump ID -w 1; dump map0:0+8; regs; regs S*',
])('%s', (text) => {
  expect(check(text)).toBe('right');
});

test.each([
  ['read STATSU', '3 STATSU: no register has this name; did you mean STATUS?'],
  ['read ID.MAGI', '3 ID.MAGI: EDU.ID has no field MAGI; did you mean ID.MAGIC?'],
  ['read map7:0', '3 uio0 map7: no such region; did you mean map0?'],
  ['read ID -w 2', '2 EDU.ID: is accessed with 4 bytes: leave out -w 2'],
  ['dump ID.MAGIC', '2 EDU.ID.MAGIC: is a field: a dump shows registers'],
  ['write ID 1', '5 EDU.ID: is read-only'],
  [
    'write RAISE.LOW 1',
    '5 EDU.RAISE.LOW: is not written by a read and a write: its register is write-only; write the whole register, EDU.RAISE',
  ],
  [
    'write CLEARED.LOW 1',
    '5 EDU.CLEARED.LOW: is not written by a read and a write: its register is changed by a read; write the whole register, EDU.CLEARED',
  ],
  ['write STATUS.IRQ 2', '2 uio0 map0: 0x2 does not fit a field of 1 bits'],
  ['write STATUS.IRQ maybe', '2 maybe: is no value of EDU.STATUS.IRQ; a number, or off, on'],
  ['write LIVENESS 1 2', '2 2: is too much: a name takes one value; usage: write LOCATION VALUE... [-w W]'],
  ['regs NONE*', '3 NONE*: no register has a name like this'],
  ['regs S* 1', '2 1: is too much for regs; usage: regs [PATTERN]'],
])('%s is refused', (text, message) => {
  expect(check(text)).toBe(message);
});

test('a map is asked for only where a word is no region', () => {
  const source = jest.fn(() => names);
  const lazy = new Scope(info, sys.pageSize, { names: source });
  checkSteps(parseSteps('read map0:0; dump map0 0+8; write map0 4 1'), lazy, 'none');
  expect(source).not.toHaveBeenCalled();
  checkSteps(parseSteps('read ID'), lazy, 'none');
  expect(source).toHaveBeenCalled();
});

test('a buffer comes before a register of its name, and goes on meaning the buffer', async () => {
  const device = findDevice(sys, NO_NAMES, '0000:00:03.0') as SessionDeviceInfo & { framework: 'vfio' };
  const edu = namesIn(device.address, device.pci.regions, 'bar0');
  using session = Session.open(sys, device, { names: () => edu });
  expect(await session.do('buf ID 4K; fill ID 0x11; read ID:0')).toMatchObject({ region: 'ID', value: 0x11111111 });
  expect(await session.do('read EDU.ID')).toMatchObject({ region: 'bar0', value: 0x010000ed, name: 'EDU.ID' });
  expect(await session.do('read ID.MAGIC')).toMatchObject({ value: 0xed, meaning: 'edu' });
  await expect(session.do('free ID; read ID:0')).rejects.toThrow('was freed');
});

test('a field is written by a read and a write, and regs reads nothing that reading changes', async () => {
  using session = Session.open(sys, info, { names: () => names });
  expect(await session.do('write STATUS.IRQ on; read STATUS')).toMatchObject({ value: 0x80 });
  const result = await session.do('regs');
  if (result.kind !== 'registers') throw new Error('no registers');
  expect(result.registers.map(({ name, value, unread }) => `${name} ${value === null ? unread : 'read'}`)).toEqual([
    'EDU.ID read',
    'EDU.LIVENESS read',
    'EDU.STATUS read',
    'EDU.CLEARED changed by a read',
    'EDU.ESC\u001b[2J read',
    'EDU.RAISE write-only',
  ]);
});

test.each([
  ['read ', ['map0:', 'ID', 'LIVENESS', 'STATUS', 'CLEARED', 'RAISE'], ''],
  ['read ST', ['STATUS'], 'ST'],
  ['read EDU.ST', ['EDU.STATUS'], 'EDU.ST'],
  ['read STATUS.', ['STATUS.IRQ', 'STATUS.HIGH'], 'STATUS.'],
  ['poll EDU.STATUS.I', ['EDU.STATUS.IRQ'], 'EDU.STATUS.I'],
  ['regs L', ['LIVENESS'], 'L'],
  ['write STATUS.IRQ ', ['off', 'on'], ''],
  ['write map0 0x20 ', [], ''],
])('Tab after "%s"', (line, candidates, part) => {
  expect(complete(line, scope())).toEqual([candidates, part]);
});

test('Tab does not fail for a map that is wrong', () => {
  const broken = () => {
    throw new UdrvError('is damaged', { code: 'EUSAGE', exit: 2, subject: 'maps.json' });
  };
  expect(complete('read ', new Scope(info, sys.pageSize, { names: broken }))).toEqual([['map0:'], '']);
});
