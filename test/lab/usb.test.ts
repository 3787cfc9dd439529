import { describeInLab } from './jest';
import { driverOf, untilExists } from './look';
import { ISO_PACKET_SIZE, RedirectedDevice } from './redirected-device';

/** The result of a transfer, as `udrv --json usb ...` prints it. */
interface Result {
  status: string;
  requested: number;
  actual: number;
  data: string;
}

const GADGET = '/sys/kernel/config/usb_gadget/zero';

/** A command block wrapper, USB Mass Storage Bulk-Only Transport 5.1: an INQUIRY of 36 bytes. */
const INQUIRY = ['55534243', '01000000', '24000000', '80', '00', '06', '120000002400', '0'.repeat(20)].join('');

describeInLab('USB transfers on a real kernel', (lab) => {
  const run = (command: string | readonly string[], options = {}) =>
    lab().run(command, { timeoutMs: 120_000, ...options });
  const json = async (command: string): Promise<Result> => JSON.parse((await run(`udrv --json usb ${command}`)).stdout);
  const driver = (name: string) => driverOf(lab(), name);
  const configure = async (value: number) => {
    expect(await run(`udrv usb config 3-1 ${value}`)).toMatchObject({ code: 0, stdout: '', stderr: '' });
  };
  /** A keyboard at port 6 of the xhci, which is free. */
  const plug = async () => {
    await lab().qmp('device_add', { driver: 'usb-kbd', id: 'plugged', bus: 'xhci.0', port: '6' });
    await untilExists(lab(), '/sys/bus/usb/devices/1-6:1.0/driver');
  };

  test('the device descriptor equals that in sysfs, byte for byte', async () => {
    for (const address of ['1-4', '1-3.1', '3-1', 'usb1']) {
      const { stdoutBytes, stderr, code } = await run(`udrv usb ctrl ${address} 0x80 6 0x0100 0 18 -o -`);
      expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
      const inSysfs = `/sys/bus/usb/devices/${address}/descriptors`;
      const sysfs = await lab().evaluate((fs, path) => fs.readFileSync(path).toString('hex', 0, 18), inSysfs);
      expect(stdoutBytes.toString('hex')).toBe(sysfs);
    }
    expect((await run('udrv usb ctrl 3-1 0x80 6 0x0100 0 4')).stdout).toBe(
      '0x0000  12 01 00 02                                      |....|\n',
    );
  });

  test('a SCSI INQUIRY in three bulk transfers, and the disk is back afterwards', async () => {
    expect(await run('udrv usb detach 1-4:1.0')).toMatchObject({ code: 0 });
    expect(await driver('1-4:1.0')).toBe('');
    expect(await run(`udrv usb bulk 1-4 0x02 --data ${INQUIRY} --detach`)).toMatchObject({ code: 0, stderr: '' });
    const data = await json('bulk 1-4 0x81 --length 36 --detach');
    expect(data).toMatchObject({ status: 'ok', actual: 36 });
    expect(Buffer.from(data.data, 'hex').toString('latin1', 8, 32)).toBe('QEMU    QEMU HARDDISK   ');
    // The command status wrapper: signature, tag, residue, passed.
    expect(await json('bulk 1-4 0x81 --length 13 --detach')).toMatchObject({ data: '55534253010000000000000000' });
    expect(await run('udrv usb attach 1-4:1.0')).toMatchObject({ code: 0 });
    await untilExists(lab(), '/dev/sda');
    expect(await driver('1-4:1.0')).toBe('usb-storage');
  });

  test('the same with --detach on each of the three, as long as usb-storage waits before it looks at its disk', async () => {
    const delay = '/sys/module/usb_storage/parameters/delay_use';
    const before = (await run(`cat ${delay}`)).stdout.trim();
    // Its default is 1 s, within which a person does not type a command, nor this guest start one.
    await run(`echo 12 > ${delay}`);
    try {
      const commands = [`0x02 --data ${INQUIRY}`, '0x81 --length 36', '0x81 --length 13'];
      const results: Result[] = [];
      for (const command of commands) {
        const { stdout, stderr, code } = await run(`udrv --json usb bulk 1-4 ${command} --detach`);
        expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
        results.push(JSON.parse(stdout));
      }
      const [, data, status] = results;
      expect(Buffer.from(data?.data ?? '', 'hex').toString('latin1', 8, 32)).toBe('QEMU    QEMU HARDDISK   ');
      expect(status?.data).toBe('55534253010000000000000000');
      expect(await driver('1-4:1.0')).toBe('usb-storage');
    } finally {
      await run(`echo ${before} > ${delay}`);
    }
    // The scan that waits for the old delay goes on; the disk is there once it has passed.
    await untilExists(lab(), '/dev/sda');
  });

  test('--detach takes an interface from its driver and gives it back, on every way out', async () => {
    const busy = await run('udrv usb bulk 1-4 0x81 --length 13');
    expect(busy).toMatchObject({ code: 5, stdout: '' });
    expect(busy.stderr).toBe(
      'udrv: 1-4:1.0: is driven by usb-storage (EBUSY)\nhint: --detach takes it from usb-storage and gives it back afterwards\n',
    );
    // Without a command before, the disk has nothing to say: QEMU's stalls.
    expect(await run('udrv usb bulk 1-4 0x81 --length 13 --detach')).toMatchObject({ code: 7 });
    expect(await driver('1-4:1.0')).toBe('usb-storage');
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      const waiting = lab().spawn('exec udrv --trace usb int 1-3.1 0x81 --length 8 --detach');
      await waiting.waitFor(/watch\(/, 60_000);
      expect(await driver('1-3.1:1.0')).toBe('usbfs');
      waiting.kill(signal);
      expect(await waiting.exitWithin(30_000)).toEqual({ code: signal === 'SIGINT' ? 130 : 143, signal: null });
      expect(await driver('1-3.1:1.0')).toBe('usbhid');
    }
  });

  test.each([
    [1, 16],
    [4, 16],
    [16, 64],
  ])(
    'with %i in flight, %i MiB arrive intact',
    async (queue, mebibytes) => {
      const length = mebibytes << 20;
      await configure(2);
      // A pattern that no chunk has in common with another, from a file.
      const { stdout, stderr } = await run(
        `cd /dev/shm && node -e '
         const fs = require("fs");
         const words = new Uint32Array(${length / 4}); for (let i = 0; i < words.length; i++) words[i] = Math.imul(i, 2654435761);
         fs.writeFileSync("sent", words);
         const { findDevice, LinuxSys, NameDatabase, UsbDevice } = require("${process.cwd()}");
         const sys = new LinuxSys();
         const usb = UsbDevice.open(sys, findDevice(sys, new NameDatabase(sys), "3-1"));
         (async () => {
           const stream = usb.readStream(0x81, ${length}, { queue: ${queue}, timeoutMs: 20000 });
           const sending = usb.write(0x02, fs.createReadStream("sent", { highWaterMark: 1 << 20 }), { queue: ${queue}, timeoutMs: 20000 });
           const expected = Buffer.from(words.buffer);
           let at = 0, intact = true;
           for await (const piece of stream) {
             intact &&= piece.equals(expected.subarray(at, at + piece.length));
             at += piece.length;
           }
           console.log(intact && at === ${length}, stream.status, stream.actual, (await sending).status);
           usb.close();
         })()'
       rm sent`,
        { timeoutMs: 240_000 },
      );
      expect({ stdout, stderr }).toEqual({ stdout: `true ok ${length} ok\n`, stderr: '' });
    },
    250_000,
  );

  test('64 MiB from the source into a file, and from a pipe into the sink', async () => {
    await configure(1);
    const size = 64 << 20;
    expect(
      await run(
        `udrv usb bulk 3-1 0x81 --length 64M -o /dev/shm/o && head -c 64M /dev/zero | cmp - /dev/shm/o; rm /dev/shm/o`,
      ),
    ).toMatchObject({ code: 0, stdout: '', stderr: '' });
    const sent = await run('head -c 64M /dev/zero | udrv --json usb bulk 3-1 0x02 --data - --queue 16');
    expect(JSON.parse(sent.stdout)).toEqual({ status: 'ok', requested: size, actual: size });
  }, 250_000);

  test("int reads the keyboard's report", async () => {
    const waiting = lab().spawn('exec udrv --trace --json usb int 1-3.1 0x81 --length 8 --count 2 --detach');
    await waiting.waitFor(/watch\(/, 60_000);
    await lab().qmp('send-key', { keys: [{ type: 'qcode', data: 'a' }], 'hold-time': 100 });
    expect(await waiting.exitWithin(30_000)).toEqual({ code: 0, signal: null });
    const reports = waiting.stdout.trim().split('\n');
    expect(reports.map((line) => JSON.parse(line))).toEqual([
      // HID usage 4 is the A key: HUT 1.12, section 10.
      { status: 'ok', requested: 8, actual: 8, data: '0000040000000000' },
      { status: 'ok', requested: 8, actual: 8, data: '0000000000000000' },
    ]);
    expect(await driver('1-3.1:1.0')).toBe('usbhid');
  });

  test("iso sends to QEMU's audio device", async () => {
    const command = 'head -c 19200 /dev/zero | udrv --json usb iso 1-5 0x01 --data - --timeout 20s';
    const elsewhere = await run(command);
    expect(elsewhere.code).toBe(3);
    expect(JSON.parse(elsewhere.stderr).error).toMatchObject({
      message: '1-5 0x01: belongs to alternate setting 1 of interface 1; the current one is 0',
      hint: '--alt 1',
    });
    const { code, stdout } = await run(`${command} --alt 1 --packets 25`);
    expect({ code, result: JSON.parse(stdout) }).toEqual({
      code: 0,
      result: { status: 'ok', requested: 19200, actual: 19200, packets: 100, errors: {} },
    });
  });

  test('iso receives from a source that this test plays', async () => {
    const device = await RedirectedDevice.plug(lab(), '6');
    try {
      await untilExists(lab(), '/sys/bus/usb/devices/1-6:1.0');
      const elsewhere = await run('udrv usb iso 1-6 0x81');
      expect(elsewhere).toMatchObject({ code: 3, stdout: '' });
      expect(elsewhere.stderr).toContain('hint: --alt 1\n');
      const { code, stderr, stdoutBytes } = await run('udrv usb iso 1-6 0x81 --alt 1 --packets 8 --count 200 -o -');
      expect(code).toBe(0);
      expect(stderr).toBe(`udrv: 1-6 0x81: 1600 packets, ${stdoutBytes.length} bytes, no errors\n`);
      // Packets are empty until the stream has begun; from then on each comes as it was sent, in its order.
      expect(stdoutBytes.length).toBeGreaterThan(100 * ISO_PACKET_SIZE);
      expect(stdoutBytes.length % ISO_PACKET_SIZE).toBe(0);
      for (let at = 0, last = -1; at < stdoutBytes.length; at += ISO_PACKET_SIZE) {
        const number = stdoutBytes.readUInt32LE(at);
        expect(number).toBeGreaterThan(last);
        expect(stdoutBytes.subarray(at + 4, at + ISO_PACKET_SIZE)).toEqual(Buffer.alloc(ISO_PACKET_SIZE - 4, 0x5a));
        last = number;
      }
      const waiting = lab().spawn('exec udrv usb iso 1-6 0x81 --alt 1 --packets 8 --count 100000 -o /dev/null');
      await run('until [ "$(cat /sys/bus/usb/devices/1-6:1.0/bAlternateSetting)" -eq 1 ]; do sleep 0.1; done');
      device.unplug();
      expect(await waiting.exitWithin(30_000)).toEqual({ code: 8, signal: null });
    } finally {
      device.unplug();
      await lab().qmp('device_del', { id: 'redirected' });
    }
  });

  test('a stall is exit 7, and clear-halt ends it', async () => {
    await configure(1);
    const unknown = await run('udrv --json usb ctrl 3-1 0xc0 0xee 0 0 8');
    expect(unknown.code).toBe(7);
    expect(JSON.parse(unknown.stdout)).toEqual({ status: 'stall', requested: 8, actual: 0, data: '' });
    expect(await run('udrv usb ctrl 3-1 0x02 3 0 0x81 0')).toMatchObject({ code: 0 });
    const halted = await run('udrv usb bulk 3-1 0x81 --length 512');
    expect(halted).toMatchObject({ code: 7, stdout: '' });
    expect(halted.stderr).toContain('hint: the endpoint stays halted until: udrv usb clear-halt 3-1 0x81\n');
    expect(await run('udrv usb clear-halt 3-1 0x81')).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(await run('udrv usb bulk 3-1 0x81 --length 512')).toMatchObject({ code: 0 });
  });

  test('a timeout is exit 6, with what arrived', async () => {
    await configure(2);
    // f_loopback gives back 4096 bytes at a time, and a packet of less.
    await run('head -c 4096 /dev/zero | udrv usb bulk 3-1 0x02 --data -');
    const { code, stdout, stderr } = await run(
      'set -o pipefail; udrv --timeout 500ms usb bulk 3-1 0x81 --length 64K -o - | wc -c',
    );
    expect({ code, stdout, stderr }).toEqual({
      code: 6,
      stdout: '4096\n',
      stderr: 'udrv: 3-1 0x81: timed out after 500 ms, 4096 of 65536 bytes done (ETIMEDOUT)\n',
    });
  });

  test('an unplug in the middle is exit 8', async () => {
    await plug();
    const waiting = lab().spawn('exec udrv --trace usb int 1-6 0x81 --length 8 --detach');
    await waiting.waitFor(/watch\(/, 60_000);
    await lab().qmp('device_del', { id: 'plugged' });
    expect(await waiting.exitWithin(10_000)).toEqual({ code: 8, signal: null });
    expect(waiting.stderr).toContain('udrv: 1-6 0x81: the device went away, 0 of 8 bytes done (ENODEV)\n');

    await configure(1);
    const stream = lab().spawn('exec udrv --trace usb bulk 3-1 0x81 --length 100G -o /dev/null');
    await stream.waitFor(/wake\([\s\S]*wake\(/, 60_000);
    await run(`cat ${GADGET}/UDC > /dev/shm/udc; echo > ${GADGET}/UDC`);
    try {
      expect(await stream.exitWithin(10_000)).toEqual({ code: 8, signal: null });
    } finally {
      await run(`cat /dev/shm/udc > ${GADGET}/UDC; until [ -e /sys/bus/usb/devices/3-1:1.0 ]; do sleep 0.1; done`);
    }
  });

  test('an ordinary user is told the udev rule that would do', async () => {
    const { code, stdout, stderr } = await run('udrv usb ctrl 3-1 0x80 6 0x0100 0 18', { user: true });
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
    expect(stderr).toMatch(
      /^udrv: \/dev\/bus\/usb\/003\/\d{3}: permission denied \(EACCES\)\nhint: put SUBSYSTEM=="usb", ATTR\{idVendor\}=="0525", ATTR\{idProduct\}=="a4a0", /,
    );
  });

  test('who else has the interface is named', async () => {
    await configure(2);
    const holder = lab().spawn('exec udrv --trace usb bulk 3-1 0x81 --length 512');
    await holder.waitFor(/watch\(/, 60_000);
    const { code, stderr } = await run('udrv usb bulk 3-1 0x81 --length 512 --detach');
    expect(code).toBe(5);
    expect(stderr).toMatch(
      /^udrv: 3-1:2\.0: is claimed by \S+ \(pid \d+\) \(EBUSY\)\nhint: end that process first: kill \d+\n$/,
    );
    holder.kill('SIGINT');
    expect(await holder.exitWithin(30_000)).toEqual({ code: 130, signal: null });
  });

  test('a disk that is in use is not taken away, unless by force', async () => {
    expect(await run('udrv usb detach 1-4:1.0 -n')).toMatchObject({
      code: 0,
      stdout: '1-4:1.0: take it from its driver\n',
    });
    // Open in a process.
    for (const command of ['detach 1-4:1.0', 'reset 1-4', 'config 1-4 1', 'bulk 1-4 0x81 --length 13 --detach']) {
      const { code, stderr } = await run(`sleep 100 3</dev/sda & udrv usb ${command}; code=$?; kill $!; exit $code`);
      expect({ command, code }).toEqual({ command, code: 5 });
      expect(stderr).toMatch(
        /^udrv: 1-4\S*: .*sda is open in sleep \(pid \d+\), and would lose its device \(EBUSY\)\nhint: .*--force/,
      );
    }
    expect(await driver('1-4:1.0')).toBe('usb-storage');
  });

  test('reset and config leave the disk with its driver', async () => {
    for (const command of ['reset 1-4', 'config 1-4 1']) {
      expect(await run(`udrv usb ${command}`)).toMatchObject({ code: 0 });
      expect(await driver('1-4:1.0')).toBe('usb-storage');
    }
    expect(await json('reset 3-1')).toEqual({ schema: 'udrv.usb.change/1', address: '3-1', action: 'reset' });
    expect((await run('udrv usb config 3-1 9')).code).toBe(3);
  });

  test('more in flight than usbfs_memory_mb allows', async () => {
    await configure(1);
    // Some of it: the transfer goes on with as much as there is room for.
    expect(await json('bulk 3-1 0x81 --length 64M --chunk 1M --queue 64 -o /dev/null')).toEqual({
      status: 'ok',
      requested: 64 << 20,
      actual: 64 << 20,
    });
    const { code, stderr } = await run('udrv usb bulk 3-1 0x81 --length 32M --chunk 32M -o /dev/null');
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr:
        'udrv: 3-1 0x81: no memory for the transfer: usbfs limits all that is in flight to 16 MiB (usbfs_memory_mb) (ENOMEM)\n' +
        'hint: smaller --chunk or --queue, or: echo 256 | tee /sys/module/usbcore/parameters/usbfs_memory_mb\n',
    });
  });

  test('a full disk under -o', async () => {
    await configure(1);
    const { code, stderr } = await run('udrv usb bulk 3-1 0x81 --length 1M -o /dev/full');
    expect({ code, stderr }).toEqual({ code: 1, stderr: 'udrv: /dev/full: no space left on device (ENOSPC)\n' });
    expect(await driver('3-1:1.0')).toBe('');
  });

  test('a reader that goes away ends it quietly', async () => {
    const { stdout, stderr } = await run('udrv usb bulk 3-1 0x81 --length 1G -o - | head -c 10 | wc -c');
    expect({ stdout, stderr }).toEqual({ stdout: '10\n', stderr: '' });
    expect(await driver('3-1:1.0')).toBe('');
  });

  test('memory does not grow with the length of a stream', async () => {
    await configure(1);
    const printPeak = 'process.on("exit", () => console.log(process.resourceUsage().maxRSS))';
    const peak = async (size: string) => {
      const udrv = ['node', '--import', `data:text/javascript,${printPeak}`, 'bin/udrv'];
      const { stdout } = await run([...udrv, 'usb', 'bulk', '3-1', '0x81', '--length', size, '-o', '/dev/null'], {
        timeoutMs: 240_000,
      });
      return Number(stdout);
    };
    const [short, long] = [await peak('64M'), await peak('512M')];
    expect(short).toBeGreaterThan(0);
    expect(long - short).toBeLessThan(32 * 1024);
  }, 300_000);
});
