import { cliFails, cliPasses } from './udrv';

// The examples of drivers, as scripts that udrv runs.

const example = (name: string, ...args: string[]) => ['--sim', 'run', `fixtures/examples/${name}.mjs`, ...args];

describe('udrv run', () => {
  cliPasses([
    [
      example('usb-storage', '1-4', '1'),
      /^QEMU QEMU HARDDISK, revision 2\.5\+\n32768 blocks of 512 bytes, 16 MiB\nin a row: [\d.]+ MiB\/s\n4 KiB here and there: \d+ reads a second\n$/,
    ],
    [
      example('edu', 'uio0', '20'),
      /^edu 1\.0, liveness 0xedcba987\n5! = 120\n10! = 3628800\n12! = 479001600\n20 interrupts, p50 [\d.]+ us, p99 [\d.]+ us\n$/,
    ],
  ]);

  cliFails(9, [
    [example('usb-storage', '1-3.1'), '1-3.1: is no disk with bulk-only transport and SCSI commands (ENOTSUP)'],
    [example('ftdi', '1-4'), '1-4: has no port 0 of an FTDI chip (ENOTSUP)'],
    [example('edu', 'uio2'), 'uio2: is no edu (id 0x0) (ENOTSUP)'],
  ]);
});
