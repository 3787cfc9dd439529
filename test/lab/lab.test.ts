import { describeInLab } from './jest';

describeInLab('the lab', (lab, kernel) => {
  const driverOf = async (address: string) =>
    (await lab().run(`basename "$(readlink /sys/bus/pci/devices/${address}/driver)"`)).stdout.trim();

  it('sets its devices up without a complaint', () => {
    expect(lab().setupLog).toBe('');
  });

  // The firmware may write over what QEMU has put near the end of memory.
  it('has its initramfs as it was made', async () => {
    const { stdout, code } = await lab().run('cmp /run/lab/busybox/busybox "$(command -v busybox)"');
    expect({ stdout, code }).toEqual({ stdout: '', code: 0 });
  });

  it.each([
    ['0000:00:03.0', 'vfio-pci'],
    ['0000:00:04.0', 'uio_pci_generic'],
    ['0000:01:00.0', 'nvme'],
    ['0000:02:01.0', 'vfio-pci'],
    ['0000:02:02.0', 'virtio-pci'],
  ])('has %s on %s', async (address, driver) => {
    expect(await driverOf(address)).toBe(driver);
  });

  it('has a UIO device, the nodes of VFIO groups, and cdevs where the kernel knows them', async () => {
    const { stdout } = await lab().run(
      'ls -d /dev/uio* /dev/vfio/vfio /dev/vfio/[0-9]* /dev/iommu /dev/vfio/devices/* 2>/dev/null | tr "\\n" " "',
    );
    expect(stdout).toMatch(
      kernel !== 'stock'
        ? /^\/dev\/iommu \/dev\/uio0 \/dev\/vfio\/\d+ \/dev\/vfio\/\d+ \/dev\/vfio\/devices\/vfio0 \/dev\/vfio\/devices\/vfio1 \/dev\/vfio\/vfio $/
        : /^\/dev\/uio0 \/dev\/vfio\/\d+ \/dev\/vfio\/\d+ \/dev\/vfio\/vfio $/,
    );
  });

  it('puts edu and virtio-rng behind the bridge into one IOMMU group', async () => {
    const { stdout } = await lab().run('ls /sys/bus/pci/devices/0000:02:01.0/iommu_group/devices');
    expect(stdout.split('\n')).toEqual(expect.arrayContaining(['0000:02:01.0', '0000:02:02.0']));
  });

  it.each([
    ['1-3', '0409:55aa', '12'],
    ['1-3.1', '0627:0001', '12'],
    ['1-3.2', '0627:0001', '12'],
    ['1-4', '46f4:0001', '480'],
    ['1-5', '46f4:0002', '12'],
    ['1-7', '0403:6001', '12'],
    ['3-1', '0525:a4a0', '480'],
  ])('has the USB device %s, %s', async (port, id, speed) => {
    const { stdout } = await lab().run(
      `cd /sys/bus/usb/devices/${port} && echo "$(cat idVendor):$(cat idProduct) $(cat speed)"`,
    );
    expect(stdout.trim()).toBe(`${id} ${speed}`);
  });

  it('passes output and exit codes through', async () => {
    const result = await lab().run('echo out; echo err >&2; exit 7');
    expect(result).toMatchObject({ stdout: 'out\n', stderr: 'err\n', code: 7, signal: null });
  });

  it('passes stdin and bytes through', async () => {
    const bytes = Buffer.from(Array.from({ length: 200_000 }, (_, index) => index % 256));
    const result = await lab().run(['cat'], { stdin: bytes });
    expect(result.stdoutBytes.equals(bytes)).toBe(true);
  });

  it('tells a signal from an exit code', async () => {
    expect(await lab().run('kill -TERM $$')).toMatchObject({ code: null, signal: 'SIGTERM' });
  });

  it('runs a list as it is, without a shell', async () => {
    expect((await lab().run(['printf', '%s|', 'a b', '$HOME', '*'])).stdout).toBe('a b|$HOME|*|');
  });

  it('says so when a command cannot be started', async () => {
    await expect(lab().run(['no-such-command'])).rejects.toThrow(/no-such-command/);
  });

  it('kills what runs too long, with its children', async () => {
    await expect(lab().run('echo begun; sleep 987 & sleep 987', { timeoutMs: 1500 })).rejects.toThrow(
      /still ran after 1500 ms\nstdout: begun/,
    );
    expect((await lab().run('pgrep -fx "sleep 987"')).stdout).toBe('');
  });

  it('says where a command waits that runs too long, and what the kernel said last', async () => {
    // Kernels that are built here keep no stacks.
    const stack = kernel === 'stock' ? '.*hrtimer_nanosleep' : '';
    await expect(lab().run('sleep 987', { timeoutMs: 4000 })).rejects.toThrow(
      new RegExp(`\\d+ \\(sleep\\) S\n${stack}[\\s\\S]*\n\\d+,\\d+,\\d+,`),
    );
    await expect(lab().run('udrv uio watch-irq uio0 -c 1', { timeoutMs: 4000 })).rejects.toThrow(/\(node\) S\n/);
  });

  it('does not wait for what a command leaves behind', async () => {
    expect(await lab().run('sleep 30 & echo done')).toMatchObject({ stdout: 'done\n', code: 0 });
  });

  it('runs as uid 1000 when asked to', async () => {
    const { stdout } = await lab().run('id -u; id -g; id -G; touch ~/mine && echo writable; head -c 1 /dev/uio0', {
      user: true,
    });
    expect(stdout).toBe('1000\n1000\n1000\nwritable\n');
  });

  it('has the host read-only', async () => {
    expect((await lab().run('touch ./lab-was-here')).stderr).toMatch(/Read-only file system/);
  });

  it('runs many processes at once', async () => {
    const numbers = Array.from({ length: 40 }, (_, index) => `${index}`);
    const results = await Promise.all(numbers.map((number) => lab().run(`sleep 0.3; echo ${number}; exit ${number}`)));
    expect(results.map((result) => result.stdout.trim())).toEqual(numbers);
    expect(results.map((result) => `${result.code}`)).toEqual(numbers);
  });

  it('takes megabytes while others go on', async () => {
    const flood = lab().run('head -c 20000000 /dev/zero; echo end >&2');
    expect((await lab().run('echo still here')).stdout).toBe('still here\n');
    const { stdoutBytes, stderr } = await flood;
    expect(stdoutBytes.length).toBe(20_000_000);
    expect(stderr).toBe('end\n');
  });

  it('follows a process that runs, and interrupts it', async () => {
    const process = lab().spawn('trap "echo caught; exit 130" INT; echo ready; while :; do sleep 0.1; done');
    await process.waitFor(/ready/);
    process.kill('SIGINT');
    await process.waitFor(/caught/);
    expect(await process.exit).toEqual({ code: 130, signal: null });
    await expect(process.waitFor(/never/)).rejects.toThrow(/ended without writing/);
  });

  it('writes to a process that runs', async () => {
    const process = lab().spawn(['cat']);
    process.write('first\n');
    await process.waitFor(/first/);
    process.write('second\n');
    process.closeStdin();
    expect(await process.exit).toEqual({ code: 0, signal: null });
    expect(process.stdout).toBe('first\nsecond\n');
  });

  it('plugs a USB device in and out', async () => {
    await lab().qmp('device_add', { driver: 'usb-mouse', id: 'mouse', bus: 'xhci.0', port: '6' });
    await lab().run('until [ -e /sys/bus/usb/devices/1-6/product ]; do sleep 0.05; done', { timeoutMs: 10_000 });
    await lab().qmp('device_del', { id: 'mouse' });
    await lab().run('while [ -e /sys/bus/usb/devices/1-6 ]; do sleep 0.05; done', { timeoutMs: 10_000 });
  });

  it('passes on what QEMU refuses', async () => {
    await expect(lab().qmp('device_del', { id: 'nothing' })).rejects.toThrow(/DeviceNotFound/);
  });
});
