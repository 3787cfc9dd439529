// Registers beside a driver, watched and compared, typed as a user would. nvme has the disk at 0000:01:00.0, and Debian's
// kernel keeps its BAR for it (CONFIG_IO_STRICT_DEVMEM); the built one does not.
import { describeInLab } from './jest';

const NVME = '0000:01:00.0';
const EDU = '0000:00:04.0';

describeInLab('udrv pci, watch and diff', (lab, kernel) => {
  const run = (command: string) => lab().run(command, { timeoutMs: 240_000 });
  /** Watches registers, does something once they have been read, and waits for the end. */
  const watching = (what: string, act: string) =>
    `cd "$(mktemp -d)"; udrv --trace ${what} --interval 200ms --timeout 90 >out 2>trace & watch=$!; ` +
    `while ! grep -qE '^(load|pread)' trace; do sleep 0.2; done; sleep 1; ${act}; wait $watch; echo $?; cat out; grep ^udrv: trace; `;

  test('a BAR beside its driver, or the kernel keeps it for that', async () => {
    const { stdout, stderr, code } = await run('udrv pci read nvme0 bar0 0x1c');
    // CSTS of the NVMe specification: ready, as nvme has made it.
    if (kernel !== 'stock') expect({ stdout, stderr, code }).toEqual({ stdout: '0x00000001\n', stderr: '', code: 0 });
    else {
      expect({ stdout, code }).toEqual({ stdout: '', code: 5 });
      expect(stderr).toMatch(/bar0: cannot be mapped: nvme has claimed it.*\nhint: boot with iomem=relaxed/);
    }
    expect(await run(`udrv pci read ${EDU} bar0:0`)).toMatchObject({ stdout: '0x010000ed\n', code: 0 });
    const write = await run(`udrv pci write ${NVME} bar0 0xc 1; echo $?; udrv read nvme0 bar0 0; echo $?`);
    expect(write.stdout).toBe('5\n3\n');
    expect(write.stderr).toContain('is driven by nvme');
    expect(write.stderr).toContain(`beside its driver: udrv pci read ${NVME}`);
  });

  test('a register that changes is a line, Ctrl-C ends it; a dump differs by the register', async () => {
    await run('udrv dump uio0 map0 0x0+0x28 -o /tmp/before');
    const change = 'udrv write uio0 map0 0x60 5; sleep 1; kill -INT $watch';
    const { stdout } = await run(
      `${watching('watch uio0 map0 0x0+0x28', change)} udrv diff /tmp/before uio0 map0; echo $?; ` +
        'udrv write uio0 map0 0x64 5',
    );
    expect(stdout).toMatch(
      /^130\n\S+ {2}map0:0x24 {2}0x00000000 -> 0x00000005\nOFFSET {2}BEFORE {6}AFTER\n0x0024 {2}0x00000000 {2}0x00000005\n1\n$/,
    );
    // Five commands in a row, each of which takes seconds on a busy machine.
  }, 300_000);

  test('a watch ends with 8 when the kernel requests the device back, and does not keep it', async () => {
    const drivers = '/sys/bus/pci/drivers/vfio-pci';
    const { stdout } = await run(
      `${watching('watch 0000:00:03.0 bar0 0x0+0x20', `echo 0000:00:03.0 > ${drivers}/unbind`)} ` +
        `ls -d /sys/bus/pci/devices/0000:00:03.0/driver; echo 0000:00:03.0 > ${drivers}/bind`,
    );
    expect(stdout).toMatch(/^8\nudrv: 0000:00:03\.0: .*\n$/);
  });

  test('a watch ends with 8 when the function is removed', async () => {
    const { stdout } = await run(
      `${watching(`pci watch ${EDU} bar0 0x0+0x20`, `echo 1 > /sys/bus/pci/devices/${EDU}/remove`)} echo 1 > /sys/bus/pci/rescan`,
    );
    expect(stdout).toBe(`8\nudrv: ${EDU}: the device went away (ENODEV)\n`);
  });
});
