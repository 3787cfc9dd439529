import { join } from 'node:path';
import { describeInLab } from './jest';
import { commandOf, driverOf } from './look';
import { LAB_FOLDER } from './prepared';

const COMMAND = '/sys/bus/pci/devices/0000:00:04.0/config';
const [EDU, RNG] = ['0000:00:03.0', '0000:02:02.0'];

describeInLab('what a udrv that was killed had taken', (lab) => {
  const run = (command: string) => lab().run(command, { timeoutMs: 120_000 });
  const driver = (intf: string) => driverOf(lab(), intf);
  const notes = async () => (await run('ls /run/udrv/taken 2>/dev/null | grep -v lock')).stdout;

  /** Kills a command at a call, if not given: once it waits. Returns when the kernel has closed all that it had open. */
  async function kill(command: string, call = /watch\(/): Promise<void> {
    const waiting = lab().spawn(`exec udrv --trace ${command}`);
    await waiting.waitFor(call, 60_000);
    waiting.kill('SIGKILL');
    expect(await waiting.exitWithin(30_000)).toEqual({ code: null, signal: 'SIGKILL' });
  }

  test('an interface: the next udrv that works with a device says so and gives it back', async () => {
    await kill('usb int 1-3.1 0x81 --length 8 --detach');
    expect(await driver('1-3.1:1.0')).toBe('');
    const told = /^udrv: 1-3\.1:1\.0: was taken from usbhid by a udrv that was killed \(pid \d+\)/;
    const shown = await run('udrv show 1-4');
    expect(shown).toMatchObject({ code: 0, stderr: expect.stringMatching(told) });
    expect(shown.stderr).toContain('udrv usb attach --all gives it back');
    expect(await driver('1-3.1:1.0')).toBe('');
    const next = await run('udrv usb ctrl usb1 0x80 6 0x0100 0 4');
    expect(next).toMatchObject({ code: 0, stderr: expect.stringMatching(told) });
    expect(await driver('1-3.1:1.0')).toBe('usbhid');
    expect(await run('udrv usb ctrl usb1 0x80 6 0x0100 0 4')).toMatchObject({ code: 0, stderr: '' });
    expect(await notes()).toBe('');
  });

  test.each(['usb attach --all', 'restore --all'])('an interface in the middle of usb bulk: udrv %s', async (next) => {
    // Data that does not come keeps the transfer from its end.
    await run(`mkfifo /dev/shm/never; sleep 1000 >/dev/shm/never & sleeper=$!
      udrv usb bulk 1-4 0x02 --data @/dev/shm/never --detach & udrv=$!
      until [ "$(basename "$(readlink /sys/bus/usb/devices/1-4:1.0/driver)")" = usbfs ]; do sleep 0.2; done
      kill -9 $udrv; wait $udrv; kill $sleeper; rm /dev/shm/never`);
    expect(await driver('1-4:1.0')).toBe('');
    const mended = await run(`udrv ${next}`);
    expect(mended.code).toBe(0);
    expect(mended.stderr).toMatch(/^udrv: 1-4:1\.0: was taken from usb-storage by a udrv that was killed \(pid \d+\)/);
    expect(await driver('1-4:1.0')).toBe('usb-storage');
    expect(await notes()).toBe('');
  });

  test('bus mastering of a UIO device', async () => {
    const master = async () => (await commandOf(lab(), '0000:00:04.0')) & 4;
    const before = (await run(`od -An -tx1 -j4 -N2 ${COMMAND}`)).stdout;
    await run(`printf '\\x06\\x05' | dd of=${COMMAND} bs=1 seek=4 conv=notrunc 2>/dev/null`);
    expect(await master()).toBe(4);
    await kill('uio watch-irq uio0');
    expect(await master()).toBe(0);
    const next = await run('udrv uio read uio0 map0 0');
    expect(next).toMatchObject({ code: 0, stdout: '0x010000ed\n' });
    expect(next.stderr).toMatch(
      /^udrv: uio0: the end of a udrv that was killed \(pid \d+\) switched its bus mastering off: it is on again\n$/,
    );
    expect(await master()).toBe(4);
    expect(await notes()).toBe('');
    const bytes = before
      .trim()
      .split(' ')
      .map((byte) => `\\x${byte}`)
      .join('');
    await run(`printf '${bytes}' | dd of=${COMMAND} bs=1 seek=4 conv=notrunc 2>/dev/null`);
  });

  // A VFIO device is the kernel's to quieten, which it does when it closes it.
  test.each([
    ['its interrupts are watched', `vfio watch-irq ${EDU} --loopback`, / msi +0 +10 /],
    ['it moves data', `vfio dma-test ${EDU}`, /pwrite\(.*, 0x98\)/],
  ])(
    'a VFIO device while %s: it is as before, and the next udrv can use it',
    async (_, command, call) => {
      const state = async () =>
        (
          await run(
            `od -An -tx1 -j4 -N2 /sys/bus/pci/devices/${EDU}/config; cat /sys/kernel/iommu_groups/*/devices/${EDU}/enable`,
          )
        ).stdout;
      const before = await state();
      await kill(command, call);
      expect(await state()).toBe(before);
      expect(await run(`udrv vfio dma-test ${EDU}`)).toMatchObject({ code: 0, stderr: '' });
      expect(await notes()).toBe('');
    },
    400_000,
  );

  test('bind, before each of its writes: restore gives the device back', async () => {
    const binding = async () =>
      (await run(`cd /sys/bus/pci/devices/${RNG}; basename "$(readlink driver)"; cat driver_override`)).stdout;
    const before = await binding();
    expect(before).toBe('virtio-pci\n(null)\n');
    const seen = new Set<string>();
    for (let write = 1; ; write++) {
      const env = { KILL_AT: `${write}`, NODE_OPTIONS: `--require ${join(LAB_FOLDER, 'kill-at-write.cjs')}` };
      const { signal } = await lab().run(`exec udrv bind ${RNG} vfio-pci`, { env, timeoutMs: 120_000 });
      seen.add(await binding());
      expect(await run('udrv restore --all')).toMatchObject({ code: 0, stderr: '' });
      expect(await binding()).toBe(before);
      if (signal === null) break;
      expect(signal).toBe('SIGKILL');
    }
    // Untouched, without a driver, reserved, and bound.
    expect([...seen]).toEqual([before, '\n(null)\n', '\nvfio-pci\n', 'vfio-pci\nvfio-pci\n']);
  }, 400_000);
});
