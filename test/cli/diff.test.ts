// Dumps of registers compared with each other, and with a device. The simulated machine of a file keeps what is written.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { scratch } from './tree';
import { cliFails, onTerminal, text, udrv } from './udrv';

const dir = scratch();
const edu = `--map ${join(__dirname, 'fixtures/edu.json')}`;
const sim = `--sim=${join(dir, 'machine')}`;
const file = (name: string) => join(dir, name);

const FORMATS = [
  ['words', '--format words'],
  ['hex', '--format hex'],
  ['bin', '--format bin'],
  ['json', '--json'],
] as const;

beforeAll(async () => {
  for (const [name, options] of FORMATS) await udrv(`${sim} dump uio0 map0 0x0+0x28 ${options} -o ${file(name)}`);
  await udrv(`${sim} dump uio0 map0 0x4+0x28 -o ${file('later')}`);
});

describe('against a device', () => {
  test.each(FORMATS)('a dump of the format %s has no difference, and then some', async (name) => {
    const machine = `--sim=${join(dir, `machine-${name}`)}`;
    const compare = `diff ${file(name)} uio0 map0 ${edu}`;
    expect(await udrv(`${machine} ${compare}`)).toEqual({ stdout: '', stderr: '', exit: 0 });
    await udrv(`${machine} write uio0 map0 0x20 0x80`);
    expect(await udrv(`${machine} ${compare}`)).toEqual({
      stdout: text`
        OFFSET  BEFORE      AFTER       NAME        FIELDS
        0x0020  0x00000000  0x00000080  EDU.STATUS  IRQ_WHEN_DONE off -> on
      `,
      stderr: '',
      exit: 1,
    });
    expect(await udrv(`${machine} diff ${file(name)} uio0 map0`)).toMatchObject({
      stdout: 'OFFSET  BEFORE      AFTER\n0x0020  0x00000000  0x00000080\n',
      exit: 1,
    });
    // The other registers are not read.
    expect(await udrv(`${machine} diff ${file(name)} uio0 map0 0x0+0x20`)).toMatchObject({ stdout: '', exit: 0 });
  });

  test('a dump as JSON tells the region, and VFIO is a device too', async () => {
    expect(await udrv(`--sim diff ${file('json')} uio0`)).toEqual({ stdout: '', stderr: '', exit: 0 });
    expect(await udrv(`--sim diff ${file('json')} 0000:00:03.0 bar0`)).toEqual({ stdout: '', stderr: '', exit: 0 });
  });

  test('as JSON', async () => {
    const machine = `--sim=${join(dir, 'machine-document')}`;
    await udrv(`${machine} write uio0 map0 0x20 0x80`);
    const { stdout, exit } = await udrv(`${machine} --json diff ${file('words')} uio0 map0 ${edu}`);
    expect(exit).toBe(1);
    expect(JSON.parse(stdout)).toEqual({
      schema: 'udrv.diff/1',
      before: file('words'),
      after: 'uio0 map0',
      region: 'map0',
      width: 4,
      same: false,
      differences: [
        {
          offset: 0x20,
          name: 'EDU.STATUS',
          before: '0x00000000',
          after: '0x00000080',
          fields: [
            {
              name: 'IRQ_WHEN_DONE',
              bits: '7',
              before: '0x0',
              after: '0x1',
              meaningBefore: 'off',
              meaningAfter: 'on',
            },
          ],
        },
      ],
      onlyBefore: [],
      onlyAfter: [],
      unread: [],
    });
  });

  test('what reading changes is left out, and named', async () => {
    await udrv(`--sim dump uio0 map0 0x58+0x10 -o ${file('raise')}`);
    const { stderr, exit } = await udrv(`--sim --trace diff ${file('raise')} uio0 map0 ${edu}`);
    expect(exit).toBe(0);
    expect(stderr).toMatch(/uio0: not read: EDU\.IRQ_RAISE \(write-only\), EDU\.IRQ_ACK \(write-only\)/);
    const loads = stderr.split('\n').filter((line) => line.startsWith('load('));
    expect(loads).toEqual([expect.stringContaining('0x58, 4)'), expect.stringContaining('0x5c, 4)')]);
  });

  test('big-endian registers, dumped and compared so', async () => {
    await udrv(`--sim dump uio0 map0 0x0+8 --swap -o ${file('swapped')}`);
    expect(await udrv(`--sim diff ${file('swapped')} uio0 map0 --swap`)).toMatchObject({ stdout: '', exit: 0 });
    expect(await udrv(`--sim diff ${file('swapped')} uio0 map0`)).toMatchObject({
      stdout: 'OFFSET  BEFORE      AFTER\n0x0000  0xed000001  0x010000ed\n',
      exit: 1,
    });
  });
});

describe('of two files', () => {
  test('says what only one has', async () => {
    expect(await udrv(`diff ${file('words')} ${file('later')}`)).toEqual({
      stdout: `only in ${file('words')}: 0x0-0x4\nonly in ${file('later')}: 0x28-0x2c\n`,
      stderr: '',
      exit: 1,
    });
  });

  test('has names by a map, wherever that places them', async () => {
    writeFileSync(file('changed'), '0x0020  0x00000081\n');
    for (const map of [edu, `${edu}@bar0`]) {
      const { stdout, exit } = await udrv(`diff ${file('words')} ${file('changed')} ${map}`);
      expect(exit).toBe(1);
      expect(stdout).toContain(
        '0x0020  0x00000000  0x00000081  EDU.STATUS  COMPUTING 0x0 -> 0x1, IRQ_WHEN_DONE off -> on',
      );
    }
  });

  test.each(FORMATS)('the format %s is the same as the words', async (name) => {
    expect(await udrv(`diff ${file('words')} ${file(name)}`)).toEqual({ stdout: '', stderr: '', exit: 0 });
  });

  test('is at most as wide as a terminal', async () => {
    const size = { columns: 80, rows: 24 };
    const { stdout } = await onTerminal(`diff ${file('words')} ${file('changed')} ${edu} --color never`, { size });
    for (const line of stdout.split('\r\n')) if (!line.startsWith('only')) expect(line.length).toBeLessThanOrEqual(80);
  });
});

cliFails(3, [
  [`--sim diff ${file('none')} uio0 map0`, `${file('none')}: no such file or directory (ENOENT)`],
  [`--sim diff ${join(__dirname, 'fixtures/edu.json')} frob`, 'frob: is neither a file nor a device (ENOENT)'],
  [`--sim diff ${join(__dirname, 'fixtures/edu.json')} 1-2 x`, '1-2: is a USB device: it has no registers (ENODEV)'],
]);

test('a request that cannot be', async () => {
  const failing = async (line: string) => {
    const { stdout, stderr, exit } = await udrv(line);
    return { stdout, exit, message: stderr.split('\n')[0] };
  };
  expect(await failing(`--sim diff ${file('words')} uio0`)).toEqual({
    stdout: '',
    exit: 2,
    message: "udrv: usage: missing required argument 'region'",
  });
  expect(await failing(`diff ${file('words')} ${file('later')} --swap`)).toMatchObject({
    exit: 2,
    message: 'udrv: --swap: is for a device: files have the values as they were dumped',
  });
  writeFileSync(file('odd'), Buffer.alloc(10));
  expect(await failing(`--sim diff ${file('odd')} uio0 map0`)).toMatchObject({
    exit: 2,
    message: `udrv: ${file('odd')}: has 0xa bytes at 0x0: no registers of 4 bytes`,
  });
  writeFileSync(file('long'), Buffer.alloc(0x100004));
  expect(await failing(`--sim diff ${file('long')} uio0 map0`)).toMatchObject({ exit: 2 });
});
