// A device that stays open, as people type it: steps from a file, a shell on a terminal, a script; and every way out.
import { describeInLab } from './jest';
import { commandOf, descriptorsOf, driverOf } from './look';

const EDU = '0000:00:03.0';
const NVME = '0000:01:00.0';
const STORAGE = '1-4';

describeInLab('sessions on a real kernel', (lab) => {
  const run = (command: string) => lab().run(command, { timeoutMs: 120_000 });
  /** Waits in a shell until the process `pid` has the device. */
  const untilOpen = `until ls -l /proc/$pid/fd 2>/dev/null | grep -Eq 'vfio-device|vfio/devices/'; do sleep 0.2; done`;
  /** What a session must leave as it was: the command register, the drivers, and nobody who holds the device. */
  const state = async () => ({
    command: await commandOf(lab(), EDU),
    drivers: await Promise.all([EDU, NVME, `${STORAGE}:1.0`].map((device) => driverOf(lab(), device))),
    held: await descriptorsOf(lab(), 'vfio'),
  });

  test('the edu session from a file: two buffers, MSI, a fault with the name of the buffer', async () => {
    const before = await state();
    const { stdout, stderr, code } = await run(`udrv do ${EDU} - < fixtures/examples/edu-dma.steps`);
    expect(stdout).toMatch(/^A {2}iova 0x100000 .*\nB {2}iova 0x101000 .*\nmsi vector 0, count 1, .*\n0x00000100\n/);
    expect(stdout).toMatch(/^0x0000 {2}de ad be ef 5a 5a/m);
    expect(stderr).toMatch(/IOMMU fault: write of 0x101000, in B at 0x0, which is not mapped/);
    expect(code).toBe(0);
    expect(await state()).toEqual(before);
  });

  test('the same by a script, which ends by an exception too', async () => {
    const before = await state();
    expect(await run(`udrv run fixtures/examples/edu-copy.mjs ${EDU} 1024`)).toMatchObject({
      stdout: '1024 bytes copied: the same\n',
      stderr: '',
      code: 0,
    });
    const throws = `export default async (session) => { await session.do('buf A 4K; master on'); throw new Error('on purpose'); }`;
    const thrown = await run(`echo "${throws}" > /tmp/throws.mjs; udrv run /tmp/throws.mjs ${EDU}`);
    expect(thrown.stderr).toMatch(/on purpose/);
    expect(thrown.code).toBe(1);
    expect(await state()).toEqual(before);
  });

  test('typed in the shell: Ctrl-C ends the step, Ctrl-D the session', async () => {
    const before = await state();
    const shell = lab().spawn(['script', '--quiet', '--return', '--command', `udrv shell ${EDU}`, '/dev/null'], {
      env: { TERM: 'xterm', SHELL: '/bin/bash' },
    });
    const seen = async (pattern: RegExp) => {
      for (let i = 0; i < 600; i++) {
        if (pattern.test(shell.stdout)) return;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      throw new Error(`not seen: ${pattern}\n${shell.stdout}`);
    };
    const type = async (line: string, answer: RegExp) => {
      shell.write(line);
      await seen(answer);
    };
    await seen(/> /);
    await type('buf A 4K r\r', /A {2}iova 0x100000/);
    await type('buf B 4K w\r', /B {2}iova 0x101000/);
    await type('load A "64 6d 61 21"\r', /load A[\s\S]*> /);
    await type('irq msi on\r', /irq msi on[\s\S]*> /);
    for (const step of ['bar0:0x80 A', 'bar0:0x88 0x40000', 'bar0:0x90 4', 'bar0:0x98 5'])
      shell.write(`write ${step}\r`);
    await type('wait msi 10s\r', /count 1/);
    shell.write('write bar0:0x64 0x100\r');
    for (const step of ['bar0:0x80 0x40000', 'bar0:0x88 B', 'bar0:0x98 7']) shell.write(`write ${step}\r`);
    await type('wait msi 10s\r', /count 2/);
    shell.write('write bar0:0x64 0x100\r');
    await type('hexdump B:0+4\r', /64 6d 61 21 {2,}\|dma!/);
    await type('unmap B\r', /not mapped/);
    await type('write bar0:0x98 3\rsleep 500ms\r', /IOMMU fault: write of 0x101000, in B at 0x0/);
    await type('map B w\r', /B {2}iova 0x101000 .*mapped w[\s\S]*B {2}iova 0x101000 .*mapped w/);
    shell.write('wait msi 100s\r');
    await new Promise((resolve) => setTimeout(resolve, 1500));
    shell.write('\x03');
    // It comes long before the 100 seconds are over.
    await type('read bar0:0\r', /0x010000ed/);
    shell.write('\x04');
    expect((await shell.exitWithin(60_000)).code).toBe(0);
    expect(await state()).toEqual(before);
  });

  test('a device with reset keeps its registers from step to step, and not from command to command', async () => {
    const before = await state();
    expect((await run(`udrv bind ${NVME} vfio-pci`)).code).toBe(0);
    try {
      // CC, the controller's configuration, with sizes of entries and not enabled.
      const one = await run(`udrv do ${NVME} 'write bar0:0x14 0x00460000' 'read bar0:0x14'`);
      expect(one).toMatchObject({ stdout: '0x00460000\n', code: 0 });
      expect((await run(`udrv vfio write ${NVME} bar0:0x14 0x00460000`)).code).toBe(0);
      expect((await run(`udrv vfio read ${NVME} bar0:0x14`)).stdout).toBe('0x00000000\n');
    } finally {
      expect((await run(`udrv restore ${NVME}`)).code).toBe(0);
    }
    expect(await state()).toEqual(before);
  });

  test('a step that fails, SIGTERM and SIGINT leave nothing changed', async () => {
    const before = await state();
    const setUp = `'buf A 4K' 'irq msi on' 'master on'`;
    const failed = await run(`udrv do ${EDU} ${setUp} 'expect bar0:0==1'`);
    expect(failed.stderr).toMatch(/^udrv: step 4: 0000:00:03\.0 bar0:0x0: is 0x010000ed, not 0x00000001/);
    expect(failed.code).toBe(1);
    expect(await state()).toEqual(before);
    for (const [signal, code] of [
      ['TERM', 143],
      ['INT', 130],
    ] as const) {
      const ended = await run(
        `udrv do ${EDU} ${setUp} 'wait msi 100s' & pid=$!; ` + `${untilOpen}; sleep 2; kill -${signal} $pid; wait $pid`,
      );
      expect(ended.code).toBe(code);
      expect(await state()).toEqual(before);
    }
  });

  test('a device that is taken out: exit 8, and it works again', async () => {
    const path = `/sys/bus/pci/devices/${EDU}`;
    const gone = await run(
      `udrv do ${EDU} 'buf A 4K' 'irq msi on' 'wait msi 100s' & pid=$!; ` +
        `${untilOpen}; sleep 2; echo 1 > ${path}/remove; wait $pid`,
    );
    expect(gone.code).toBe(8);
    expect((await run(`ls ${path}`)).code).not.toBe(0);
    await run('echo 1 > /sys/bus/pci/rescan');
    expect((await run(`udrv bind ${EDU} vfio-pci`)).code).toBe(0);
    expect((await run(`udrv do ${EDU} 'read bar0:0'`)).stdout).toBe('0x010000ed\n');
  });

  test('USB: an INQUIRY, and the disk has its driver again', async () => {
    const before = await state();
    const { stdout, code } = await run(`udrv do ${STORAGE} @fixtures/examples/usb-inquiry.steps`);
    expect(stdout).toMatch(/QEMU/);
    expect(code).toBe(0);
    expect(await state()).toEqual(before);
  });
});
