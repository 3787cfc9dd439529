// What is another thing on arm64 than on x86: platform devices of a device tree, and accesses that nothing answers.
import { bootLab, type Lab } from './lab';

/** A boot, on a busy host. */
const BOOT_MS = 130_000;
/** A command takes three times as long as on x86. */
const TEST_MS = 180_000;

const VFIO_EDU = '0000:00:03.0';
/** The edu at 0000:00:04.0: the clock is found first. */
const UIO_EDU = 'uio1';
/** A PL031 that counts seconds: data, match, load, interrupt mask and clear at 0, 4, 8, 0x10 and 0x1c (Arm DDI 0224). */
const CLOCK = 'uio0';
const LINES = '9030000.pl061';

const { UDRV_LAB: wanted = '' } = process.env;
const described = wanted === '1' || wanted === 'built' ? describe : describe.skip;

described('arm64', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await bootLab({ machine: 'arm64', kernel: 'built', processors: 1 });
  }, BOOT_MS);
  afterAll(() => lab?.shutdown());
  const run = (command: string) => lab.run(command, { timeoutMs: TEST_MS });

  test(
    'sets its devices up without a complaint, and lists them',
    async () => {
      expect(lab.setupLog).toBe('');
      const { stdout, stderr } = await run('uname -m; udrv --json list | tee /tmp/list; udrv list --type platform');
      expect({ stderr, machine: stdout.split('\n')[0] }).toEqual({ stderr: '', machine: 'aarch64' });
      expect(stdout).toMatch(/"address":"uio0".*"driver":"uio_pdrv_genirq"/s);
      expect(stdout).toMatch(/^9030000\.pl061 +platform /m);
    },
    TEST_MS,
  );

  test(
    'a node of the device tree is driven through UIO, its interrupt too',
    async () => {
      const { stdout, stderr, code } = await run(
        [
          'set -e',
          `udrv uio read ${CLOCK} map0 0`,
          // It counts from 1000 on, and its match is two seconds later.
          `udrv uio write ${CLOCK} map0 4 1002`,
          `udrv uio write ${CLOCK} map0 0x10 1`,
          `udrv uio watch-irq ${CLOCK} -c 2 --trigger map0:8=1000 --ack map0:0x1c=1 --timeout 60s`,
          `udrv uio write ${CLOCK} map0 0x10 0`,
          `udrv show ${CLOCK}`,
        ].join('\n'),
      );
      expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
      expect(stdout).toMatch(/^0x[0-9a-f]{8}$/m);
      expect(stdout).toMatch(/^ +2 +2 +0 +[\d.]+ m?s$/m);
      expect(stdout).toMatch(/^ {2}parent +9010000\.pl031 \(platform\)$/m);
    },
    TEST_MS,
  );

  test(
    'an interrupt of a PCI function comes by each framework',
    async () => {
      const { stdout, stderr, code } = await run(
        [
          'set -e',
          `udrv uio watch-irq ${UIO_EDU} -c 2 --trigger map0:0x60=1 --ack map0:0x64=map0:0x24 --timeout 60s`,
          `udrv vfio watch-irq ${VFIO_EDU} --irq msi -c 2 --trigger bar0:0x60=1 --ack bar0:0x64=bar0:0x24 --timeout 60s`,
        ].join('\n'),
      );
      expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
      expect(stdout.match(/^ +2 /gm)).toHaveLength(2);
    },
    TEST_MS,
  );

  test(
    'an access of a width that the device does not have is exit 7, and the machine goes on',
    async () => {
      const line = (subject: string, width: string) =>
        `udrv: ${subject}: nothing answers an access of ${width} at 0x0 (EIO)`;
      const results: Record<string, string> = {
        [`udrv uio read ${UIO_EDU} map0 0 -w 1`]: line('uio1 map0', '1 byte'),
        [`udrv uio write ${UIO_EDU} map0 0 1 -w 2`]: line('uio1 map0', '2 bytes'),
        [`udrv vfio read ${VFIO_EDU} bar0 0 -w 1`]: line(`${VFIO_EDU} bar0`, '1 byte'),
        [`udrv vfio read ${VFIO_EDU} bar0 0 -w 2 --backend group --mmap`]: line(`${VFIO_EDU} bar0`, '2 bytes'),
        [`udrv pci read ${VFIO_EDU} bar0 0 -w 1`]: line(`${VFIO_EDU} bar0`, '1 byte'),
      };
      for (const [command, first] of Object.entries(results)) {
        const { code, stdout, stderr } = await run(command);
        expect({ command, code, stdout, first: stderr.split('\n')[0] }).toEqual({
          command,
          code: 7,
          stdout: '',
          first,
        });
      }
      // What was read before is printed, and what was changed is put back: bus mastering, bit 2 of the command register.
      const { stdout, stderr, code } = await run(
        [
          `udrv do ${VFIO_EDU} 'irq msi on' 'master on' 'read bar0:0' 'read bar0:0 -w 1' 'read bar0:4'`,
          'echo $?',
          `od -An -tx1 -j4 -N1 /sys/bus/pci/devices/${VFIO_EDU}/config`,
          `udrv vfio read ${VFIO_EDU} bar0 0`,
          "dmesg | grep -c -e Oops -e 'Internal error'",
        ].join('\n'),
      );
      expect(stderr).toMatch(/nothing answers an access of 1 byte at 0x0/);
      expect(stdout.split('\n').slice(-6)).toEqual([
        expect.stringContaining('0x010000ed'),
        '7',
        expect.stringMatching(/^ 0[0-3]$/),
        '0x010000ed',
        '0',
        '',
      ]);
      expect(code).toBe(1);
    },
    TEST_MS,
  );

  test(
    'dumps: whole registers, and a file',
    async () => {
      const { stdout, stderr, code } = await run(
        `udrv vfio dump ${VFIO_EDU} bar0 0+0x10 && udrv uio dump ${UIO_EDU} map0 0+0x20 -o /tmp/dump --format bin && wc -c </tmp/dump`,
      );
      expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
      expect(stdout).toMatch(/^0x0000 {2}0x010000ed .*\n32\n$/s);
    },
    TEST_MS,
  );

  test(
    'USB: control, bulk and interrupt transfers',
    async () => {
      const { stdout, stderr, code } = await run(
        [
          'set -e',
          'udrv usb ctrl 1-4 GET_DESCRIPTOR device',
          'udrv usb bulk 3-1 0x81 --length 64K -o /tmp/bulk; wc -c </tmp/bulk',
          'udrv usb show 1-5 | head -n 1',
        ].join('\n'),
      );
      expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
      expect(stdout).toMatch(/^0x0000 {2}12 01 .*\n65536\n1-5 /s);
    },
    TEST_MS,
  );

  test(
    'bind, and back: a function that comes into its group only then, and a platform device behind the IOMMU',
    async () => {
      const { stdout, stderr, code } = await run(
        [
          'set -e',
          'udrv bind 0000:01:00.0 vfio-pci',
          'udrv restore 0000:01:00.0',
          `udrv bind ${LINES} vfio-platform`,
          `udrv show ${LINES}`,
          `udrv unbind ${LINES}`,
        ].join('\n'),
      );
      expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
      expect(stdout).toMatch(/^0000:01:00\.0: vfio-pci, was nvme; \/dev\/vfio\/devices\/vfio\d+\n/);
      expect(stdout).toMatch(/^ {2}driver +vfio-platform$/m);
      expect(stdout).toMatch(/^ {2}group +\d+/m);
    },
    TEST_MS,
  );
});
