import { Context } from '../../../src/cli/program/context';
import { dumpRegisters } from '../../../src/cli/registers/dump';
import type { Region } from '../../../src/model/device';
import { Registers } from '../../../src/model/registers';
import { simulatedMachine } from '../../../src/sim';

/** A region whose driver rounded 32 bytes of registers to a page. */
const ROUNDED: Region = {
  name: 'map0',
  kind: 'mmio',
  address: '0xa0000000',
  size: 4096,
  registers: 32,
  offset: 0,
  read: true,
  write: true,
  mmap: true,
};

/** Dumps a range of the region, in which each register has its offset as value. */
async function dumped(range: string | undefined): Promise<string> {
  let text = '';
  const stdout = {
    isTTY: false,
    write: (data: string | Buffer) => {
      text += data.toString();
    },
  };
  const context = new Context({ color: 'never' }, simulatedMachine().sys, stdout as never, stdout as never, {});
  const space = { read: (offset: number) => offset, write: () => {}, close: () => {} };
  const device = { region: () => new Registers('uio0', ROUNDED, () => space), [Symbol.dispose]: () => {} };
  const target = { address: 'uio0', regions: [ROUNDED], open: () => device };
  await dumpRegisters(context, () => target, 'uio0', 'map0', range, { width: 4, format: 'words' });
  return text;
}

test('the whole of a region ends with its registers: behind them may be SIGBUS', async () => {
  expect(await dumped(undefined)).toBe(
    '0x0000  0x00000000 0x00000004 0x00000008 0x0000000c\n0x0010  0x00000010 0x00000014 0x00000018 0x0000001c\n',
  );
});

test('a range that is asked for may go on', async () => {
  expect(await dumped('0x20+8')).toBe('0x0020  0x00000020 0x00000024\n');
});
