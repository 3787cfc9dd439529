// The drivers of USB disks and of FTDI's serial adapters on a real kernel, and QEMU's devices.
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeInLab } from './jest';
import type { RunOptions } from './lab';

const STICK = '1-6';
const ADAPTER = '1-8';
const MIB = 2 ** 20;
/** A trace with 50 of them. No piece matches in two ways: otherwise fewer would take exponential time. */
const MANY_URBS = /(?:SUBMITURB(?:(?!SUBMITURB)[\s\S])*){50}/;
/** The file system at the start of the stick, and the part behind it that the driver writes. */
const FILE_SYSTEM = 16 * MIB;
const WRITTEN = 64 * MIB;

const folder = mkdtempSync(join(tmpdir(), 'udrv-drivers-'));
const image = join(folder, 'stick');
writeFileSync(image, '');
truncateSync(image, FILE_SYSTEM + WRITTEN);

/** The other end of the serial line: gives back all that comes, and counts it. */
const wire = join(folder, 'wire');
let received = 0;
let echo: Server;
beforeAll(async () => {
  echo = createServer((socket) => {
    socket.on('data', (bytes) => {
      received += bytes.length;
      socket.write(bytes);
    });
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => echo.listen(wire, resolve));
});
afterAll(() => {
  echo.close();
  rmSync(folder, { recursive: true });
});

const PLUGGED = {
  stick: { driver: 'usb-storage', id: 'stick', bus: 'xhci.0', port: '6', drive: 'stick0', serial: 'UDRVSTICK' },
  adapter: { driver: 'usb-serial', id: 'adapter', bus: 'xhci.0', port: '8', chardev: 'wire', 'always-plugged': 'on' },
};
const argument = (device: Readonly<Record<string, string>>) =>
  Object.entries(device)
    .map(([name, value]) => (name === 'driver' ? value : `${name}=${value}`))
    .join(',');

const open = (driver: string, address: string) => `
  const { findDevice, LinuxSys, NameDatabase, UsbDevice } = require('./dist/index.js');
  const driver = require('./dist/drivers/${driver}.js');
  const sys = new LinuxSys();
  const device = UsbDevice.open(sys, findDevice(sys, new NameDatabase(sys), '${address}'));
`;

/** Writes 64 MiB, each word another, and reads them back; the file system is read and written as it is. */
const COPY = `
  ${open('usb-storage', STICK)}
  (async () => {
    const disk = await driver.UsbStorage.open(device);
    const { blockSize } = disk;
    const own = Buffer.alloc(${FILE_SYSTEM});
    await disk.read(own, 0);
    await disk.write(own, 0);
    const buffer = Buffer.alloc(${MIB});
    const words = new Uint32Array(buffer.buffer, buffer.byteOffset, ${MIB / 4});
    const each = async (work) => {
      for (let at = 0; at < ${WRITTEN}; at += ${MIB}) await work(at, (${FILE_SYSTEM} + at) / blockSize);
    };
    const start = performance.now();
    await each(async (at, block) => {
      for (let i = 0; i < words.length; i++) words[i] = Math.imul(at / 4 + i, 2654435761);
      await disk.write(buffer, block);
    });
    await disk.flush();
    const middle = performance.now();
    let wrong = 0;
    await each(async (at, block) => {
      buffer.fill(0);
      await disk.read(buffer, block);
      for (let i = 0; i < words.length; i++) if (words[i] !== Math.imul(at / 4 + i, 2654435761) >>> 0) wrong++;
    });
    const rate = (ms) => (${WRITTEN / MIB} / (ms / 1000)).toFixed(1);
    console.error('written ' + rate(middle - start) + ' MiB/s, read ' + rate(performance.now() - middle) + ' MiB/s');
    await disk.close();
    console.log(wrong + ' words differ, not given back: ' + device.close().length);
  })();
`;

/** Writes without end, and says when it has begun. */
const WRITE_ON = `
  ${open('usb-storage', STICK)}
  (async () => {
    const disk = await driver.UsbStorage.open(device);
    const buffer = Buffer.alloc(${MIB}, 0x5a);
    for (let i = 0; ; i = (i + 1) % ${WRITTEN / MIB}) {
      await disk.write(buffer, (${FILE_SYSTEM} + i * ${MIB}) / disk.blockSize);
      if (i === 1) console.log('writing');
    }
  })();
`;

/** Sends 64 KiB while it takes what comes back. */
const ECHO = `
  ${open('ftdi', ADAPTER)}
  (async () => {
    const port = await driver.Ftdi.open(device, { baud: 3000000, latencyMs: 1 });
    const sent = Buffer.from(Array.from({ length: 65536 }, (_, i) => Math.imul(i, 2654435761) >>> 24));
    const back = [];
    const taking = (async () => {
      let length = 0;
      for await (const bytes of port) {
        back.push(bytes);
        length += bytes.length;
        if (length >= sent.length) return;
      }
    })();
    await port.write(sent);
    await port.drain();
    await taking;
    console.log(port.chip, Buffer.concat(back).equals(sent), JSON.stringify(port.modem));
    await port.close();
    console.log('not given back: ' + device.close().length);
  })();
`;

const driverOf = (address: string) =>
  `basename $(readlink /sys/bus/usb/devices/${address}:1.0/driver) 2>/dev/null || echo none`;
const probe = (address: string) => `echo ${address}:1.0 > /sys/bus/usb/drivers_probe`;
/** Waits for the stick's disk; then \$node is its node. */
const NODE = `until node=/dev/$(ls /sys/bus/usb/devices/${STICK}:1.0/host*/target*/*/block 2>/dev/null) && [ -b $node ]; do sleep 0.1; done`;
const CHECK = `${NODE}; mkdir -p /run/lab/stick && mount -t ext2 $node /run/lab/stick && sha256sum < /run/lab/stick/file; umount /run/lab/stick; fsck.ext2 -f -n $node > /dev/null; echo fsck $?`;

describeInLab(
  'drivers of USB devices',
  (lab) => {
    const run = (command: string | readonly string[], options: RunOptions = {}) =>
      lab().run(command, { timeoutMs: 100_000, ...options });
    let sum = '';

    beforeAll(async () => {
      const made = await run(
        `${NODE}; mkfs.ext2 -q $node ${FILE_SYSTEM / 1024}k && mkdir -p /run/lab/stick && mount -t ext2 $node /run/lab/stick && head -c 4M /dev/urandom > /run/lab/stick/file; sha256sum < /run/lab/stick/file; umount /run/lab/stick`,
      );
      sum = made.stdout;
      expect(made).toMatchObject({ stdout: expect.stringMatching(/^[0-9a-f]{64} {2}-\n$/), code: 0 });
    }, 120_000);

    describe('a disk', () => {
      const isWhole = async () => expect((await run(CHECK)).stdout).toBe(`${sum}fsck 0\n`);

      test('64 MiB are written and read back, and the file system before them is whole', async () => {
        const { stdout, stderr, code } = await run(['node', '-e', COPY], { timeoutMs: 280_000 });
        expect({ stdout, code }).toEqual({ stdout: '0 words differ, not given back: 0\n', code: 0 });
        expect(stderr).toMatch(/^written [\d.]+ MiB\/s, read [\d.]+ MiB\/s\n$/);
        process.stderr.write(`      ${stderr}`);
        // The kernel reads what the driver wrote: the first words are 0 and the constant times 1.
        const first = await run(`${NODE}; dd if=$node bs=1M skip=16 count=1 2>/dev/null | head -c 8 | od -An -tx4`);
        expect(first.stdout.trim()).toBe('00000000 9e3779b1');
        await isWhole();
      }, 300_000);

      test('udrv run tells what it is, and measures it', async () => {
        const { stdout, code } = await run(`udrv run fixtures/examples/usb-storage.mjs ${STICK} 8`);
        expect(stdout).toMatch(/^QEMU QEMU HARDDISK, revision .*\n163840 blocks of 512 bytes, 80 MiB\nin a row: /);
        expect(code).toBe(0);
      });

      test('Ctrl-C in the middle: the kernel has it back, and it works', async () => {
        const reading = lab().spawn(`exec udrv --trace run fixtures/examples/usb-storage.mjs ${STICK} 80`);
        await reading.waitFor(MANY_URBS, 60_000);
        reading.kill('SIGINT');
        expect(await reading.exitWithin(20_000)).toEqual({ code: 130, signal: null });
        expect((await run(driverOf(STICK))).stdout).toBe('usb-storage\n');
        await isWhole();
      });

      test('SIGKILL in the middle of a write: the kernel takes it back, and it works', async () => {
        const writing = lab().spawn(['node', '-e', WRITE_ON]);
        await writing.waitFor(/writing/, 60_000);
        writing.kill('SIGKILL');
        await writing.exitWithin(20_000);
        expect((await run(driverOf(STICK))).stdout).toBe('none\n');
        await run(probe(STICK));
        expect((await run(driverOf(STICK))).stdout).toBe('usb-storage\n');
        await isWhole();
      });

      test('the driver takes a disk that another left in the middle of a write', async () => {
        const writing = lab().spawn(['node', '-e', WRITE_ON]);
        await writing.waitFor(/writing/, 60_000);
        writing.kill('SIGKILL');
        await writing.exitWithin(20_000);
        expect((await run(`udrv run fixtures/examples/usb-storage.mjs ${STICK} 1`)).code).toBe(0);
        await run(probe(STICK));
        await isWhole();
      });

      test('an unplug in the middle is exit 8, and the next plug is whole', async () => {
        const reading = lab().spawn(`exec udrv --trace run fixtures/examples/usb-storage.mjs ${STICK} 80`);
        await reading.waitFor(MANY_URBS, 60_000);
        await lab().qmp('device_del', { id: 'stick' });
        expect(await reading.exitWithin(20_000)).toEqual({ code: 8, signal: null });
        expect(reading.stderr).toMatch(/^udrv: 1-6 READ: the device went away/m);
        await run(`until [ ! -e /sys/bus/usb/devices/${STICK} ]; do sleep 0.1; done`);
        await lab().qmp('device_add', PLUGGED.stick);
        await isWhole();
      });
    });

    describe('a serial adapter', () => {
      test('64 KiB go out and come back equal, and the kernel has it back', async () => {
        expect((await run(driverOf(ADAPTER))).stdout).toBe('ftdi_sio\n');
        received = 0;
        expect(await run(['node', '-e', ECHO])).toMatchObject({
          stdout: 'FT232BM true {"cts":true,"dsr":true,"ring":false,"carrier":true}\nnot given back: 0\n',
          stderr: '',
          code: 0,
        });
        expect(received).toBe(65_536);
        expect((await run(driverOf(ADAPTER))).stdout).toBe('ftdi_sio\n');
      });

      test('the terminal sends what is piped in, and shows the answer', async () => {
        const { stdout, code } = await run(`udrv run fixtures/examples/ftdi.mjs ${ADAPTER}`, {
          stdin: 'from a pipe\n',
        });
        expect({ stdout, code }).toEqual({ stdout: 'from a pipe\n', code: 0 });
      });

      test('on a terminal keys go out as they are, and Ctrl-] leaves', async () => {
        const command = `udrv run fixtures/examples/ftdi.mjs ${ADAPTER}`;
        const terminal = lab().spawn(['script', '--quiet', '--return', '--command', command, '/dev/null']);
        await terminal.waitFor(/Ctrl-\] leaves/, 60_000);
        terminal.write('a\r\x03b');
        await terminal.waitFor(/a\r\x03b/);
        terminal.write('c\x1dd');
        expect(await terminal.exitWithin(20_000)).toEqual({ code: 0, signal: null });
        expect(terminal.stdout).toMatch(/leaves[\r\n]+a\r\x03b/);
        expect((await run(driverOf(ADAPTER))).stdout).toBe('ftdi_sio\n');
      });

      test.each([
        ['SIGINT', { code: 130, signal: null }, 'ftdi_sio\n'],
        ['SIGKILL', { code: null, signal: 'SIGKILL' }, 'none\n'],
      ] as const)('%s in the middle: the kernel has it back', async (signal, exit, driver) => {
        const terminal = lab().spawn(`exec udrv run fixtures/examples/ftdi.mjs ${ADAPTER}`);
        terminal.write('begun');
        await terminal.waitFor(/begun/, 60_000);
        terminal.kill(signal);
        expect(await terminal.exitWithin(20_000)).toEqual(exit);
        expect((await run(driverOf(ADAPTER))).stdout).toBe(driver);
        // Linux makes No Ops of transfers that a dying process leaves in the endpoint's ring. QEMU's xhci takes them for
        // transfers of 0 bytes, which this device never ends (xhci_xfer_create_sgl, usb_serial_token_in): a new ring helps.
        await run(signal === 'SIGKILL' ? `udrv usb reset ${ADAPTER}; ${probe(ADAPTER)}` : probe(ADAPTER));
        expect((await run(driverOf(ADAPTER))).stdout).toBe('ftdi_sio\n');
        // Read by the shell itself: the line is its terminal from the open on, and a program in the background, as
        // timeout(1) makes it, would be stopped there by SIGTTIN.
        const node = `/dev/$(basename /sys/bus/usb/devices/${ADAPTER}:1.0/ttyUSB*)`;
        const line = `exec 3<>${node}; stty -F ${node} raw -echo; echo by the kernel >&3; read -r -t 20 -u 3 && echo "$REPLY"`;
        expect((await run(line)).stdout).toBe('by the kernel\n');
      });

      test('an unplug in the middle is exit 8', async () => {
        const terminal = lab().spawn(`exec udrv run fixtures/examples/ftdi.mjs ${ADAPTER}`);
        terminal.write('begun');
        await terminal.waitFor(/begun/, 60_000);
        await lab().qmp('device_del', { id: 'adapter' });
        expect(await terminal.exitWithin(20_000)).toEqual({ code: 8, signal: null });
        expect(terminal.stderr).toMatch(/^udrv: 1-8 reading: the device went away/m);
      });
    });
  },
  {
    // ftdi_sio is a module of Debian's kernel; the others have none, and no serial adapter with it.
    long: 'stock',
    qemuArgs: [
      ...['-blockdev', `driver=file,filename=${image},node-name=stick0`],
      ...['-device', argument(PLUGGED.stick)],
      ...['-chardev', `socket,id=wire,path=${wire},server=off`],
      ...['-device', argument(PLUGGED.adapter)],
    ],
  },
);
