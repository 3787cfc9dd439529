// Memory where the kernel does not survive an access that nothing answers: by mappings, wherever there are some.
import { openForAccess } from '../../../src/cli/devices/vfio';
import type { Context } from '../../../src/cli/program/context';
import { findDevice } from '../../../src/devices/select';
import type { VfioDeviceInfo } from '../../../src/model/device';
import { NameDatabase } from '../../../src/names/database';
import { simulatedMachine } from '../../../src/sim';
import type { Width } from '../../../src/sys/sys';
import { mapsFirst, PreadSpace } from '../../../src/vfio/device/region-pread';
import { openThroughGroup } from '../../support/vfio-ioctls';

const EDU = '0000:00:03.0';
const BAR = { index: 0, name: 'bar0', kind: 'mmio', address: null, size: 0x100000, offset: 0 } as const;

test.each([
  ['x64', false],
  ['ia32', false],
  ['arm64', true],
  ['riscv64', true],
] as const)('on %s: %s', (architecture, first) => expect(mapsFirst(architecture)).toBe(first));

test.each([
  ['arm64', false, [`${EDU}: the kernel makes each access, and may not survive one that nothing decodes`]],
  ['arm64', true, []],
  ['arm64', undefined, []],
  ['x64', false, []],
] as const)('on %s a command warns with mmap %s: %j', (arch, mmap, warnings) => {
  const { sys } = simulatedMachine();
  const device = findDevice(sys, new NameDatabase(sys), EDU) as VfioDeviceInfo;
  const said: string[] = [];
  const mapped: number[] = [];
  const map = sys.mmap.bind(sys);
  sys.mmap = (...args) => {
    mapped.push(args[1]);
    return map(...args);
  };
  const { arch: ours } = process;
  Object.defineProperty(process, 'arch', { value: arch });
  try {
    const context = { sys, warn: (text: string) => said.push(text) } as unknown as Context;
    using opened = openForAccess(context, device, { mmap });
    expect(opened.region('bar0').read(0, 4)).toBe(0x010000ed);
  } finally {
    Object.defineProperty(process, 'arch', { value: ours });
  }
  expect(said).toEqual(warnings);
  expect(mapped).toHaveLength(mmap === false ? 0 : 1);
});

test('an access outside of what can be mapped is left to the kernel', () => {
  const { sys } = simulatedMachine();
  const device = findDevice(sys, new NameDatabase(sys), EDU) as VfioDeviceInfo;
  const opened = openThroughGroup(sys, EDU);
  // As a device has it whose table of vectors is in the page before.
  const sparse = [{ offset: 0, size: 0x1000 }];
  const info = { ...BAR, read: true, write: true, mmap: true, sparse, type: null, msixMappable: false };
  const calls: string[] = [];
  const pread = sys.pread.bind(sys);
  const preadWords = sys.preadWords.bind(sys);
  sys.pread = (fd, buffer, position) => {
    calls.push(`pread ${buffer.length}`);
    return pread(fd, buffer, position);
  };
  sys.preadWords = (fd, buffer, width: Width, position) => {
    calls.push(`preadv ${buffer.length}`);
    return preadWords(fd, buffer, width, position);
  };
  const space = new PreadSpace(sys, opened.device, device, { info, position: 0 }, true);
  const buffer = Buffer.alloc(16);

  expect(space.read(0, 4)).toBe(0x010000ed);
  space.write(4, 4, 0x12345678);
  expect(space.read(4, 4)).toBe(0xedcba987);
  expect(space.readMany(0, 4, buffer)).toBe(4);
  expect(buffer.readUInt32LE()).toBe(0x010000ed);
  expect(calls).toEqual([]);

  space.read(0x1000, 4);
  expect(space.readMany(0x1000, 4, buffer)).toBe(4);
  expect(calls).toEqual(['pread 4', 'preadv 4']);

  space.close();
  opened.close();
});
