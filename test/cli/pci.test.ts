// BARs of PCI functions through sysfs, whatever driver has them: nvme has the disk of the simulated machine.
import { join } from 'node:path';
import { cliFails, cliPasses, text, udrv } from './udrv';

const NVME = '0000:01:00.0';
const edu = `--map ${join(__dirname, 'fixtures/edu.json')}`;

describe('reads', () => {
  cliPasses([
    [`--sim pci read ${NVME} bar0 0x8`, '0x00010400\n'],
    ['--sim pci read nvme0n1 bar0:0x8 -w 4', '0x00010400\n'],
    [`--sim --json pci read ${NVME} bar0 0x8`, '{"region":"bar0","offset":8,"width":4,"value":"0x00010400"}\n'],
    // Functions that UIO and VFIO have, by their addresses and their other names.
    ['--sim pci read 00:04.0 bar0:0', '0x010000ed\n'],
    ['--sim pci read uio0 bar0:0', '0x010000ed\n'],
    ['--sim pci read vfio0 bar0:0', '0x010000ed\n'],
    ['--sim pci read 0000:00:0b.0 bar0 0 -w 1', '0xcb\n'],
    [
      `--sim pci dump ${NVME} bar0 0+0x20`,
      text`
        0x0000  0x0f0107ff 0x00401820 0x00010400 0x00000000
        0x0010  0x00000000 0x00000000 0x00000000 0x00000000
      `,
    ],
    [`--sim pci read 00:04.0 ID.MAGIC ${edu}`, '0xed\n'],
    [`--sim pci regs 00:04.0 IRQ_STATUS ${edu}`, 'bar0:0x24  EDU.IRQ_STATUS  0x00000000\n'],
  ]);

  cliFails(3, [
    [`--sim pci read ${NVME} bar2 0`, `${NVME} bar2: no such region`, 'it has bar0'],
    ['--sim pci read 1-2 bar0 0', '1-2: is no PCI function (ENODEV)', 'udrv --sim list --type pci'],
    // Not silently: the user may have meant to have it alone.
    [
      '--sim read nvme0 bar0 0',
      'nvme0: not bound to a VFIO driver (driver: nvme) (ENODEV)',
      `udrv --sim bind ${NVME} vfio-pci; beside its driver: udrv --sim pci read ${NVME}`,
    ],
    [
      '--sim vfio dump nvme0 bar0',
      'nvme0: not bound to a VFIO driver (driver: nvme) (ENODEV)',
      `udrv --sim bind ${NVME} vfio-pci; beside its driver: udrv --sim pci dump ${NVME}`,
    ],
  ]);

  cliFails(2, [
    [`--sim pci read ${NVME} bar0 0x4000`, /^udrv: 0000:01:00\.0 bar0: offset 0x4000 is outside of the region/],
    [`--sim pci read ${NVME} bar0`, /no offset/, 'bar0:0x0 is its first register'],
    ['--sim pci read 0000:00:0b.0 bar0 0 -w 8', /I\/O ports have no accesses of 8 bytes/, 'use -w 1, 2 or 4'],
  ]);
});

describe('a write beside a driver', () => {
  cliFails(5, [
    [
      `--sim pci write ${NVME} bar0 0xc 1`,
      `${NVME}: is driven by nvme: a write beside the driver can crash it, or lose data`,
      `--force writes all the same; to have it alone: udrv --sim bind ${NVME} vfio-pci`,
    ],
    [
      `--sim -n pci write ${NVME} bar0 0xc 1`,
      `${NVME}: is driven by nvme: a write beside the driver can crash it, or lose data`,
      `--force writes all the same; to have it alone: udrv --sim bind ${NVME} vfio-pci`,
    ],
  ]);

  cliPasses([
    [`--sim -n pci write ${NVME} bar0 0xc 1 --force`, `${NVME} bar0:0xc/4=0x00000001\n`],
    // No driver of the kernel has these.
    ['--sim pci write 00:04.0 bar0 0x4 1', ''],
    ['--sim pci write 00:03.0 bar0 0x4 1', ''],
  ]);

  test('is one store and no load', async () => {
    const { stderr, exit } = await udrv(`--sim --trace pci write ${NVME} bar0 0xc 1 --force`);
    expect(exit).toBe(0);
    const accesses = stderr.split('\n').filter((line) => /^(load|store)\(/.test(line));
    expect(accesses).toEqual([expect.stringMatching(/^store\(.*0xc, 4, 0x1\)$/)]);
  });

  test('a refusal touches nothing', async () => {
    const { stderr } = await udrv(`--sim --trace pci write ${NVME} bar0 0xc 1`);
    expect(stderr.split('\n').filter((line) => /^(open|load|store)\(/.test(line))).toEqual([]);
  });
});
