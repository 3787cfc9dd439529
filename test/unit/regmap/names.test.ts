import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Exit, UdrvError } from '../../../src/errors';
import type { Region } from '../../../src/model/device';
import { prepareRead, prepareWrite, type RegionSource } from '../../../src/model/location';
import { type RegisterSpace, Registers } from '../../../src/model/registers';
import { fieldWriteHazard, readHazard, writeHazard } from '../../../src/regmap/hazards';
import { RegisterNames, resolveLocation } from '../../../src/regmap/names';
import { parseRegisterMap } from '../../../src/regmap/parse';
import { type MapDevice, placeMap } from '../../../src/regmap/place';
import { parseMapReference } from '../../../src/regmap/reference';

const SVD = parseRegisterMap(readFileSync(join(__dirname, 'maps/features.svd')), 'features.svd');

function region(name: string, size: number, address: string | null = null): Region {
  return { name, kind: 'mmio', address, size, offset: 0, read: true, write: true, mmap: true };
}

function target(regions: readonly Region[], isPhysical = false): MapDevice {
  return {
    address: 'uio0',
    regions,
    isPhysical,
    find(name) {
      const found = regions.find((one) => one.name === name);
      if (found === undefined)
        throw new UdrvError('no such region', { code: 'ENOREGION', exit: Exit.notFound, device: 'uio0' });
      return found;
    },
  };
}

const BARS = target([region('bar0', 0x1000, '0xfe000000'), region('bar1', 0x20000)]);
const place = (reference: string, on = BARS, map = SVD) => placeMap(map, parseMapReference(reference), on);
const names = (reference: string, on = BARS, map = SVD) => new RegisterNames(place(reference, on, map));

describe('references', () => {
  test.each([
    ['soc.svd', { file: 'soc.svd', peripheral: null, region: null, offset: null }],
    ['soc.svd#UART0', { file: 'soc.svd', peripheral: 'UART0', region: null, offset: null }],
    ['soc.svd@map0', { file: 'soc.svd', peripheral: null, region: 'map0', offset: null }],
    ['soc.svd#UART0@bar1+0x1000', { file: 'soc.svd', peripheral: 'UART0', region: 'bar1', offset: 0x1000 }],
    ['/a@b/c#d/soc.svd@bar1+16', { file: '/a@b/c#d/soc.svd', peripheral: null, region: 'bar1', offset: 16 }],
    ['soc.svd@bar1+x', { file: 'soc.svd@bar1+x', peripheral: null, region: null, offset: null }],
  ])('%s', (text, reference) => {
    expect(parseMapReference(text)).toEqual(reference);
  });

  test('nothing', () => {
    expect(() => parseMapReference('')).toThrow(expect.objectContaining({ exit: 2 }));
  });
});

describe('places', () => {
  const shown = (placed: ReturnType<typeof place>) =>
    placed.map((one) => `${one.peripheral.name} ${one.region} ${one.offset}`);

  test('a peripheral that is named is at the begin of the first region, or where the reference says', () => {
    expect(shown(place('f#UART1'))).toEqual(['UART1 bar0 0']);
    expect(shown(place('f#uart1@bar1+0x100'))).toEqual(['UART1 bar1 256']);
  });

  test('a whole map has its lowest address at the begin of the region', () => {
    const placed = place('f@bar1');
    expect(shown(placed)).toEqual([
      'UART0 bar1 0',
      'UART1 bar1 4096',
      'UART2 bar1 8192',
      'TIMER0 bar1 61440',
      'TIMER1 bar1 61696',
    ]);
  });

  test('with physical addresses, peripherals are where they are', () => {
    const soc = target([region('map0', 0x1000, '0x40002000'), region('map1', 0x80, '0x40010100')], true);
    expect(shown(place('f', soc))).toEqual(['UART1 map0 0', 'TIMER1 map1 0']);
    expect(shown(place('f#TIMER1', soc))).toEqual(['TIMER1 map1 0']);
    expect(shown(place('f#UART0@map0', soc))).toEqual(['UART0 map0 0']);
  });

  test('a map that does not fit its region', () => {
    expect(() => place('f')).toThrow(
      expect.objectContaining({
        exit: 2,
        subject: 'f',
        message: 'does not fit bar0 of uio0: UART1.CTRL would be at 0x1000, and the region has 0x1000 bytes',
      }),
    );
    expect(() => place('f#UART0@bar0+0xf00')).toThrow(/UART0.CH\[0\].SOURCE would be at 0x1000/);
  });

  test('no such peripheral, no such region', () => {
    expect(() => place('f#UART9')).toThrow(
      expect.objectContaining({ exit: 3, hint: 'did you mean one of UART0, UART1, UART2?' }),
    );
    expect(() => place('f#nothing-like-it')).toThrow(
      expect.objectContaining({ exit: 3, hint: 'it has UART0, UART1, UART2, TIMER0, TIMER1' }),
    );
    expect(() => place('f#UART0@bar7')).toThrow(expect.objectContaining({ exit: 3, code: 'ENOREGION' }));
  });
});

describe('names', () => {
  const uart = names('f#UART0@bar1+0x100');
  const all = names('f@bar1');

  test.each([
    ['CTRL', { region: 'bar1', offset: 0x100, width: 4 }, 'UART0.CTRL'],
    ['UART0.CTRL', { region: 'bar1', offset: 0x100, width: 4 }, 'UART0.CTRL'],
    ['ctrl', { region: 'bar1', offset: 0x100, width: 4 }, 'UART0.CTRL'],
    ['CTRL.MODE', { region: 'bar1', offset: 0x100, width: 4, field: { lsb: 4, bits: 3 } }, 'UART0.CTRL.MODE'],
    ['uart0.ctrl.pinb', { region: 'bar1', offset: 0x100, width: 4, field: { lsb: 18, bits: 2 } }, 'UART0.CTRL.PINB'],
    ['DATA', { region: 'bar1', offset: 0x108, width: 1 }, 'UART0.DATA'],
    ['SLOT[2]', { region: 'bar1', offset: 0x128, width: 4 }, 'UART0.SLOT[2]'],
    ['SLOT2', { region: 'bar1', offset: 0x128, width: 4 }, 'UART0.SLOT[2]'],
    ['CH[1].TIMING.COUNT', { region: 'bar1', offset: 0x254, width: 2 }, 'UART0.CH[1].TIMING.COUNT'],
    ['CH0.SOURCE', { region: 'bar1', offset: 0x200, width: 8 }, 'UART0.CH[0].SOURCE'],
  ])('%s', (word, location, name) => {
    expect(resolveLocation(word, uart)).toMatchObject({ location, name });
  });

  test('a name that several peripherals have needs theirs', () => {
    expect(() => resolveLocation('CTRL', all)).toThrow(
      expect.objectContaining({
        exit: 3,
        message: 'is the name of several registers',
        hint: 'write UART0.CTRL, UART1.CTRL, UART2.CTRL',
      }),
    );
    expect(resolveLocation('UART2.KEY', all).location).toEqual({ region: 'bar1', offset: 0x201c, width: 4 });
    expect(resolveLocation('STATUS2', all).name).toBe('UART2.STATUS2');
  });

  test.each([
    ['CRTL', 'did you mean CTRL?'],
    ['UART0.STATSU', 'did you mean UART0.STATUS?'],
    ['STATUS.REDY', 'did you mean STATUS.READY?'],
    ['STATUS.nothing', 'it has DONE, READY'],
    ['QQQQQQQQ', undefined],
  ])('%s is not there: what may be meant', (word, hint) => {
    expect(() => resolveLocation(word, uart)).toThrow(expect.objectContaining({ exit: 3, code: 'ENOREGISTER', hint }));
  });

  test('patterns', () => {
    const shown = (pattern: string) =>
      all.matching(pattern).map(({ peripheral, register }) => `${peripheral.name}.${register.name}`);
    expect(shown('uart?.k*')).toEqual(['UART0.KEY', 'UART1.KEY', 'UART2.KEY']);
    expect(shown('COUNT')).toEqual(['TIMER0.COUNT', 'TIMER1.COUNT']);
    expect(shown(`${'*a'.repeat(5000)}`)).toEqual([]);
  });
});

describe('values', () => {
  /** A region of plain memory, which notes its accesses. */
  class Memory implements RegionSource, RegisterSpace {
    readonly bytes = Buffer.alloc(0x100);
    readonly log: string[] = [];
    region(name: string): Registers {
      return new Registers('uio0', region(name, this.bytes.length), () => this);
    }
    read(offset: number, width: number): number {
      this.log.push(`r${width} ${offset}`);
      return this.bytes.readUIntLE(offset, width);
    }
    write(offset: number, width: number, value: number | bigint): void {
      this.log.push(`w${width} ${offset}`);
      this.bytes.writeUIntLE(Number(value), offset, width);
    }
    close(): void {}
  }

  test('a field is shifted and masked, and written by a read and a write', () => {
    const memory = new Memory();
    memory.bytes.writeUInt32LE(0xffffff8f, 0);
    const { location } = resolveLocation('CTRL.MODE', names('f#UART0'));
    expect(prepareRead(location, memory)()).toBe(0);
    prepareWrite(location, memory)(5);
    expect(memory.bytes.readUInt32LE(0)).toBe(0xffffffdf);
    expect(memory.log).toEqual(['r4 0', 'r4 0', 'w4 0']);
  });

  test('a wide register of LiteX has its most significant word first', () => {
    const csv =
      'csr_base,t,0x0,,\ncsr_register,t_a,0x0,1,rw\ncsr_register,t_wide,0x10,2,rw\nconstant,config_csr_data_width,32,,\n';
    const map = parseRegisterMap(Buffer.from(csv), 'csr.csv');
    const memory = new Memory();
    const { location } = resolveLocation('t_wide', names('csr.csv', BARS, map));
    prepareWrite(location, memory)(0x1122334455667788n);
    expect(memory.bytes.readUInt32LE(0x10)).toBe(0x11223344);
    expect(memory.bytes.readUInt32LE(0x14)).toBe(0x55667788);
    expect(prepareRead(location, memory)()).toBe(0x1122334455667788n);
    expect(memory.log).toEqual(['w4 16', 'w4 20', 'r4 16', 'r4 20']);
  });
});

describe('hazards', () => {
  const resolve = (word: string) => resolveLocation(word, names('f#UART0'));
  const reason = (word: string) => {
    const { register, field } = resolve(word);
    return field === null ? null : fieldWriteHazard(register, field);
  };

  test('registers that must not be read unasked', () => {
    const shown = ['CTRL', 'KEY', 'DATA'].map((word) => readHazard(resolve(word).register));
    expect(shown).toEqual([null, 'write-only', 'changed by a read']);
  });

  test('fields that must not be written back with their register', () => {
    expect(reason('CTRL.MODE')).toBeNull();
    // The bit that is written is the one that is meant; the other would be written back.
    expect(reason('STATUS.DONE')).toBeNull();
    expect(reason('STATUS.READY')).toBe('DONE of its register is write-one-to-clear');
  });

  test('what is read-only', () => {
    const { register, field } = resolve('STATUS.READY');
    expect(writeHazard(register, field)).toBe('read-only');
    expect(writeHazard(resolve('CTRL').register, null)).toBeNull();
  });
});
