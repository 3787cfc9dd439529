// Drivers in TypeScript on a real kernel, and QEMU's devices.
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeInLab } from './jest';

/** A disk of these tests' own, which keeps what is written to it. */
const DISK = '0000:00:0c.0';
const folder = mkdtempSync(join(tmpdir(), 'udrv-drivers-'));
const image = join(folder, 'nvme');
writeFileSync(image, '');
truncateSync(image, 96 * 1024 * 1024);
afterAll(() => rmSync(folder, { recursive: true }));

/** Writes 64 MiB, each word another, and reads them back. */
const COPY = `
  const { findDevice, LinuxSys, NameDatabase, VfioDevice } = require('./dist/index.js');
  const { Nvme } = require('./dist/drivers/nvme.js');
  const MIB = 2 ** 20;
  (async () => {
    const sys = new LinuxSys();
    const device = VfioDevice.open(sys, findDevice(sys, new NameDatabase(sys), '${DISK}'));
    const disk = await Nvme.open(device, { queues: 2, depth: 32 });
    const size = Math.min(disk.controller.maxTransfer, MIB / 2);
    const { blockSize } = await disk.namespace();
    const count = size / blockSize;
    const buffers = Array.from({ length: 8 }, () => disk.allocate(size));
    const words = buffers.map(({ bytes }) => new Uint32Array(bytes.buffer, bytes.byteOffset, size / 4));
    const each = async (work) => {
      for (let at = 0; at < 64 * MIB; at += 8 * size)
        await Promise.all(buffers.map((buffer, i) => work(buffer, words[i], at + i * size)));
    };
    await each(async (buffer, all, at) => {
      for (let i = 0; i < all.length; i++) all[i] = Math.imul(at / 4 + i, 2654435761);
      await disk.write(buffer, at / blockSize, count);
    });
    await disk.flush();
    let wrong = 0;
    await each(async (buffer, all, at) => {
      buffer.bytes.fill(0);
      await disk.read(buffer, at / blockSize, count);
      for (let i = 0; i < all.length; i++) if (all[i] !== Math.imul(at / 4 + i, 2654435761) >>> 0) wrong++;
    });
    await disk.close();
    device.close();
    console.log(wrong + ' words differ');
  })();
`;

describeInLab(
  'drivers',
  (lab) => {
    const run = (command: string | readonly string[]) => lab().run(command, { timeoutMs: 300_000 });

    beforeAll(async () => {
      const ready = `until ls /sys/bus/pci/devices/${DISK}/nvme/nvme*/ | grep -q -x 'nvme[0-9]*n1'; do sleep 0.1; done`;
      expect((await run(`${ready}; udrv bind ${DISK} vfio-pci`)).code).toBe(0);
    }, 120_000);

    test('64 MiB are written to the NVMe and read back', async () => {
      expect(await run(['node', '-e', COPY])).toMatchObject({ stdout: '0 words differ\n', stderr: '', code: 0 });
    }, 300_000);

    test('udrv run tells what the controller is, and measures it', async () => {
      const { stdout, code } = await run(`udrv run fixtures/examples/nvme.mjs ${DISK} 1`);
      expect(stdout).toMatch(/^QEMU NVMe Ctrl, serial UDRVDRIVERS, firmware .*\n196608 blocks of 512 bytes; /);
      expect(stdout).toMatch(/^depth 32: \d+ reads a second, p50 [\d.]+ us, p99 [\d.]+ us$/m);
      expect(code).toBe(0);
    });

    test('Ctrl-C in the middle: the device is quiet, and the kernel takes it back with what was written', async () => {
      const { code } = await run(
        `udrv run fixtures/examples/nvme.mjs ${DISK} 100 & pid=$!; until grep -q ' R ' /proc/$pid/stat; do sleep 0.1; done; sleep 8; kill -INT $pid; wait $pid`,
      );
      expect(code).toBe(130);
      const MASTER = 4;
      expect(Number.parseInt((await run(`setpci -s ${DISK} COMMAND`)).stdout, 16) & MASTER).toBe(0);
      expect((await run(`udrv restore ${DISK}`)).code).toBe(0);
      const node = `/dev/$(ls /sys/bus/pci/devices/${DISK}/nvme/nvme*/ | grep -x 'nvme[0-9]*n1')`;
      await run(`until [ -b ${node} ]; do sleep 0.1; done`);
      // The first words: 0 and the constant times 1.
      expect((await run(`head -c 8 ${node} | od -An -tx4`)).stdout.trim()).toBe('00000000 9e3779b1');
      expect((await run(`udrv bind ${DISK} vfio-pci`)).code).toBe(0);
    });

    describe('edu over UIO', () => {
      const EDU = '0000:00:04.0';
      const EXAMPLE = 'udrv run fixtures/examples/edu.mjs uio0';
      /** Interrupt Disable in the command register, the line's causes, and whether it interrupts when it is done. */
      const state = async () =>
        (await run(`setpci -s ${EDU} COMMAND; udrv uio read uio0 map0:0x24; udrv uio read uio0 map0:0x20`)).stdout;

      test('it computes and interrupts', async () => {
        const { stdout, stderr, code } = await run(`${EXAMPLE} 200`);
        expect(stdout).toMatch(
          /^edu 1\.0, liveness 0xedcba987\n5! = 120\n10! = 3628800\n12! = 479001600\n200 interrupts, p50 [\d.]+ us, p99 [\d.]+ us\n$/,
        );
        expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
      });

      test('Ctrl-C in the middle: the device is quiet', async () => {
        const before = await state();
        expect(before).toMatch(/^[0-9a-f]{4}\n0x00000000\n0x00000000\n$/);
        const running = lab().spawn(`exec ${EXAMPLE} 1000000`);
        await running.waitFor(/12! = /, 60_000);
        running.kill('SIGINT');
        expect(await running.exitWithin(20_000)).toEqual({ code: 130, signal: null });
        expect(await state()).toBe(before);
      });

      test('SIGKILL in the middle: the next open takes over', async () => {
        const running = lab().spawn(`exec ${EXAMPLE} 1000000`);
        await running.waitFor(/12! = /, 60_000);
        running.kill('SIGKILL');
        await running.exitWithin(20_000);
        expect((await run(`${EXAMPLE} 100`)).code).toBe(0);
        expect(await state()).toMatch(/^[0-9a-f]{4}\n0x00000000\n0x00000000\n$/);
      });

      test('a device that is removed in the middle is exit 8, and works once it is back', async () => {
        const running = lab().spawn(`exec ${EXAMPLE} 1000000`);
        await running.waitFor(/12! = /, 60_000);
        await run(`echo 1 > /sys/bus/pci/devices/${EDU}/remove`);
        expect(await running.exitWithin(20_000)).toEqual({ code: 8, signal: null });
        expect(running.stderr).toMatch(/^udrv: uio0: the device went away/m);
        await run(`echo 1 > /sys/bus/pci/rescan; udrv bind ${EDU} uio_pci_generic`);
        expect((await run(`${EXAMPLE} 100`)).code).toBe(0);
      });
    });
  },
  {
    long: 'stock',
    qemuArgs: [
      ...['-blockdev', `driver=file,filename=${image},node-name=drivers0`],
      ...['-device', 'nvme,addr=0c.0,drive=drivers0,serial=UDRVDRIVERS'],
    ],
  },
);
