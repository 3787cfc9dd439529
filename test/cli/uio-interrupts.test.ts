import { cliFails, cliPasses, outcomeOf, shell, shows, start, text, udrv } from './udrv';

/** uio0 is an edu: writing to 0x60 raises its interrupt, writing the causes (0x24) to 0x64 takes it back. */
const RAISE = '--trigger map0:0x60=1';
const ACK = '--ack map0:0x64=map0:0x24';

/** A wait that ends in vain: as short as it may be. */
const BRIEF = '--timeout 50ms';
/** A wait that must not end before what it waits for. */
const LONG = '--timeout 50s';

const stores = (trace: string) => trace.split('\n').filter((line) => /^(store|write|pwrite)\(/.test(line));

const BY_ITSELF = '--trigger REGION:OFFSET=VALUE makes a device interrupt that does not by itself';

describe('watch-irq', () => {
  cliPasses([
    [
      `--sim uio watch-irq uio0 --count 2 ${RAISE} ${ACK}`,
      new RegExp(
        [
          '^     #       COUNT  MISSED        SINCE LAST',
          '     1           1       0                 -',
          '     2           2       0 +[0-9]+\\.[0-9]{3} ms\n$',
        ].join('\n'),
      ),
    ],
    // Each way to let the next one through, where it is the right one.
    [`--sim uio watch-irq uio0 -q --count 2 ${RAISE} ${ACK} --rearm disintx`, /^( +\d){3} +-\n +2 .* ms\n$/],
    [`--sim uio watch-irq uio1 -q --count 2 --rearm irqcontrol`, /^( +\d){3} +-\n +2 .* ms\n$/],
    [`--sim uio watch-irq uio1 -q --count 2`, /^( +\d){3} +-\n +2 .* ms\n$/],
    [`--sim uio watch-irq uio0 -q --count 1 ${RAISE} --rearm none`, '     1           1       0                 -\n'],
  ]);

  test.concurrent('--json is one object a line, as of the contract', async () => {
    const { stdout, stderr, exit } = await udrv(`--sim --json uio watch-irq uio0 --count 3 ${RAISE} ${ACK}`);
    expect({ stderr, exit }).toEqual({ stderr: '', exit: 0 });
    const lines = stdout.trimEnd().split('\n');
    const interrupts = lines.map((line) => JSON.parse(line));
    expect(interrupts.map(({ index, count, missed }) => [index, count, missed])).toEqual([
      [1, 1, 0],
      [2, 2, 0],
      [3, 3, 0],
    ]);
    for (const [i, interrupt] of interrupts.entries()) {
      expect(Object.keys(interrupt)).toEqual(['index', 'count', 'missed', 'deltaUs', 'time']);
      expect(interrupt.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      if (i === 0) expect(interrupt.deltaUs).toBeNull();
      else expect(interrupt.deltaUs).toBeGreaterThan(0);
    }
  });

  test.concurrent('--trace: armed before the first wait, acknowledged before it is armed again', async () => {
    const { stdout, stderr, exit } = await udrv(`--sim --trace -q uio watch-irq uio0 --count 1 ${RAISE} ${ACK}`);
    expect({ stdout, exit }).toEqual({ stdout: '     1           1       0                 -\n', exit: 0 });
    const config = '/sys/bus/pci/devices/0000:00:04.0/config';
    const calls = stderr.split('\n').filter((line) => /^(store|load|pwrite|write|watch|wake|read)\(/.test(line));
    expect(calls).toEqual([
      'read(uio0, 4) = -1 EAGAIN (resource temporarily unavailable)',
      'write(uio0, [01 00 00 00]) = -1 ENOSYS (function not implemented)',
      'store(uio0 mmap 0x0, 0x60, 4, 0x1)',
      'watch(uio0) = ok',
      'wake(uio0)',
      'read(uio0, 4) = 4 [01 00 00 00]',
      'load(uio0 mmap 0x0, 0x24, 4) = 0x00000001',
      'store(uio0 mmap 0x0, 0x64, 4, 0x1)',
      `pwrite(${config}, [03 01], 0x4) = 2`,
    ]);
  });

  const remark =
    'udrv: uio0: uio_pci_generic cannot silence the device: without --ack the next interrupt comes through only once something else has\n';

  test.concurrent('without --ack it says what will not happen, and -q does not', async () => {
    const silent = `udrv: uio0: no interrupt within 50 ms (ETIMEDOUT)\nhint: ${BY_ITSELF}\n`;
    expect(await udrv(`--sim uio watch-irq uio0 ${BRIEF}`)).toEqual({ stdout: '', stderr: remark + silent, exit: 6 });
    expect(await udrv(`--sim uio watch-irq uio0 ${BRIEF} -q`)).toEqual({ stdout: '', stderr: silent, exit: 6 });
  });

  cliFails(6, [
    [`--sim uio watch-irq uio0 ${ACK} ${BRIEF}`, 'uio0: no interrupt within 50 ms (ETIMEDOUT)', BY_ITSELF],
    [`--timeout 0 --sim uio watch-irq uio3`, 'uio3: no interrupt within 0 ms (ETIMEDOUT)', BY_ITSELF],
    [
      `--sim uio watch-irq uio0 ${ACK} ${BRIEF} --rearm disintx --count 1`,
      'uio0: no interrupt within 50 ms (ETIMEDOUT)',
      BY_ITSELF,
    ],
  ]);

  test.concurrent('what came before the timeout is printed all the same', async () => {
    expect(await udrv(`--sim uio watch-irq uio0 -q ${RAISE} --rearm none --timeout 3s`)).toEqual({
      stdout: '     1           1       0                 -\n',
      stderr: 'udrv: uio0: no interrupt within 3000 ms (ETIMEDOUT)\n',
      exit: 6,
    });
  });

  test.concurrent('a timeout with --json', async () => {
    const { stdout, stderr, exit } = await udrv(`--sim --json uio watch-irq uio0 ${ACK} ${BRIEF}`);
    expect({ stdout, exit }).toEqual({ stdout: '', exit: 6 });
    expect(JSON.parse(stderr)).toEqual({
      error: {
        code: 'ETIMEDOUT',
        message: 'uio0: no interrupt within 50 ms',
        device: 'uio0',
        hint: BY_ITSELF,
        exit: 6,
      },
    });
  });

  const none = 'has no interrupt: its driver, uio_pci_generic, registered none (EIO)';
  const hint = 'uio_pci_generic serves INTx only; for MSI or MSI-X bind vfio-pci';
  cliFails(9, [
    ['--sim uio watch-irq uio2', `uio2: ${none}`, hint],
    ['--sim uio watch-irq uio2 --rearm none', `uio2: ${none}`, hint],
    [
      `--sim uio watch-irq uio0 ${ACK} --rearm irqcontrol`,
      /^udrv: uio0: its driver, uio_pci_generic, has no irqcontrol/,
    ],
    ['--sim uio watch-irq uio3 --rearm irqcontrol', 'uio3: its driver, aectc, has no irqcontrol (ENOSYS)'],
    ['--sim uio irq uio2 enable', `uio2: ${none}`, hint],
    ['--sim uio irq uio3 enable', 'uio3: its driver, aectc, has no irqcontrol (ENOSYS)'],
    ['--sim uio bench uio2 --trigger map0:0=1', `uio2: ${none}`, hint],
  ]);

  const form = 'write REGION:OFFSET=VALUE, as in map0:0x64=map0:0x24 or map0:0x10/2=1';
  cliFails(2, [
    ['--sim uio watch-irq uio1 --rearm disintx', /^udrv: uio1: not a PCI function/, 'use --rearm irqcontrol or none'],
    [
      '--sim -n uio watch-irq uio1 --rearm disintx',
      /^udrv: uio1: not a PCI function/,
      'use --rearm irqcontrol or none',
    ],
    ['--sim uio watch-irq uio0 --count 0', '0: is not a count: at least 1'],
    ['--sim uio watch-irq uio0 --count 99999999999999999999', '99999999999999999999: is not a count: too large'],
    [
      '--sim uio watch-irq uio0 --timeout -1',
      '-1: is not a duration',
      'write 500ms, 2s or 1m; a bare number is seconds',
    ],
    ['--sim uio watch-irq uio0 --ack nonsense', 'nonsense: is not an action', form],
    [['--sim', 'uio', 'watch-irq', 'uio0', '--trigger', ''], `'': is not an action`, form],
    ['--sim uio watch-irq uio0 --ack map0:0x64=0x1ffffffff', /^udrv: uio0 map0: 0x1ffffffff does not fit/],
    // Before the device is opened, as with --dry-run it is not.
    [
      '--sim uio watch-irq uio0 -n --ack map0:0x64/2=map0:0x24/4',
      'uio0 map0: a value of 4 bytes does not fit a register of 2',
    ],
    // Not at the first interrupt.
    [
      '--sim uio watch-irq uio3 -n --ack port0:0/8=1',
      'uio3 port0: I/O ports have no accesses of 8 bytes',
      'use -w 1, 2 or 4',
    ],
    ['--sim uio watch-irq uio0 --trigger map0:1M=1', /^udrv: uio0 map0: offset 0x100000 is outside of the region/],
  ]);
  cliFails(3, [['--sim uio watch-irq uio0 --ack map9:0=1', 'uio0 map9: no such region', 'it has map0']]);

  test.concurrent('--dry-run changes nothing', async () => {
    const { stderr } = await udrv(`--sim --trace --dry-run uio watch-irq uio0 --count 1 ${RAISE} ${ACK}`);
    expect(stores(stderr)).toEqual([]);
  });
});

describe('a signal while it waits', () => {
  test.concurrent.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s is exit %i, and everything is released', async (signal, exit) => {
    const child = start(`--sim --trace uio watch-irq uio0 ${ACK}`);
    const outcome = outcomeOf(child);
    await shows(child, 'stderr', /^watch\(uio0\)/m);
    child.kill(signal);
    const { stdout, stderr, ...rest } = await outcome;
    expect({ stdout, ...rest }).toEqual({ stdout: '', exit });
    expect(stderr.slice(stderr.indexOf('unwatch'))).toBe(
      text`
        unwatch(uio0)
        read(uio0, 4) = -1 EAGAIN (resource temporarily unavailable)
        pread(/sys/bus/pci/devices/0000:00:04.0/config, 2, 0x6) = 2 [10 00]
        pread(/sys/bus/pci/devices/0000:00:04.0/config, 2, 0x4) = 2 [03 01]
        close(/sys/bus/pci/devices/0000:00:04.0/config) = 0
        munmap(uio0 mmap 0x0) = ok
        close(uio0) = 0
      `,
    );
  });

  test.concurrent('what was printed stays printed', async () => {
    const child = start(`--sim --json uio watch-irq uio0 ${RAISE} --rearm none`);
    const outcome = outcomeOf(child);
    await shows(child, 'stdout', /"index":1,.*\n/);
    child.kill('SIGINT');
    expect(await outcome).toEqual({ stdout: expect.stringMatching(/^\{"index":1,.*\}\n$/), stderr: '', exit: 130 });
  });

  test.concurrent('bench prints what it has measured', async () => {
    const child = start('--sim --trace --json uio bench uio1 --trigger map1:0=1 --count 8');
    const outcome = outcomeOf(child);
    // The second trigger comes after the first interrupt.
    await shows(child, 'stderr', /store\([\s\S]*store\(/);
    child.kill('SIGINT');
    const { stdout, exit } = await outcome;
    // The timer takes two seconds for eight.
    expect({ exit, count: JSON.parse(stdout).count < 8 }).toEqual({ exit: 130, count: true });
  });
});

test.concurrent('bench that waits for an interrupt which never comes ends with the signal', async () => {
  const child = start('--sim --trace --timeout 1000s uio bench uio0 --trigger map0:4=1');
  const outcome = outcomeOf(child);
  await shows(child, 'stderr', /^watch\(/m);
  child.kill('SIGQUIT');
  expect(await outcome).toMatchObject({ stdout: '', exit: 131 });
});

test.concurrent('a reader that goes away ends it quietly', async () => {
  const child = start('--sim --json uio watch-irq uio1');
  const outcome = outcomeOf(child);
  await shows(child, 'stdout', /"index":1,.*\n/);
  child.stdout?.destroy();
  expect(await outcome).toMatchObject({ stderr: '', exit: 0 });
  expect((await shell('udrv --sim uio watch-irq uio1 | head -n 1; echo "$PIPESTATUS"')).stdout).toBe(
    '     #       COUNT  MISSED        SINCE LAST\n0\n',
  );
});

test.concurrent('a remark that nobody reads is no reason to stop', async () => {
  const child = start(`--sim uio watch-irq uio0 ${RAISE} --count 1`);
  child.stderr?.destroy();
  const { stdout, exit } = await outcomeOf(child);
  expect({ stdout: stdout.split('\n').length, exit }).toEqual({ stdout: 3, exit: 0 });
});

test.concurrent('a full disk', async () => {
  const { stderr } = await shell(`udrv --sim --trace uio watch-irq uio0 ${RAISE} ${ACK} >/dev/full; echo "$?" >&2`);
  expect(stderr.split('\n').slice(-4)).toEqual([
    'close(uio0) = 0',
    'udrv: standard output: no space left on device (ENOSPC)',
    '1',
    '',
  ]);
});

describe('irq', () => {
  const config = '/sys/bus/pci/devices/0000:00:04.0/config';
  // The writes in the trace: by irqcontrol, and for uio_pci_generic to Interrupt Disable, which is clear at first.
  test.concurrent.each([
    ['uio1 enable', ['write(uio1, [01 00 00 00]) = 4']],
    ['uio1 disable', ['write(uio1, [00 00 00 00]) = 4']],
    ['uio0 enable', ['write(uio0, [01 00 00 00]) = -1 ENOSYS (function not implemented)']],
    [
      'uio0 disable',
      ['write(uio0, [00 00 00 00]) = -1 ENOSYS (function not implemented)', `pwrite(${config}, [03 05], 0x4) = 2`],
    ],
  ])('%s', async (command, writes) => {
    const { stdout, stderr, exit } = await udrv(`--sim --trace uio irq ${command}`);
    expect({ stdout, exit, writes: stores(stderr) }).toEqual({ stdout: '', exit: 0, writes });
  });

  cliPasses([
    ['--sim uio irq uio1 disable', ''],
    ['--sim uio irq uio1 enable --dry-run', 'write 1 to /dev/uio1\n'],
    [
      // The trace shows that nothing is opened: standard error is empty.
      '--sim --trace -n uio irq uio0 disable',
      `write 0 to /dev/uio0\nas uio_pci_generic has no irqcontrol: set Interrupt Disable in ${config}\n`,
    ],
  ]);

  test.concurrent('a dry run with --json is JSON', async () => {
    const { stdout, stderr, exit } = await udrv('--sim --json uio irq uio0 enable -n');
    expect({ stderr, exit }).toEqual({ stderr: '', exit: 0 });
    expect(() => JSON.parse(stdout)).not.toThrow();
  });

  cliFails(2, [
    [
      '--sim uio irq uio0',
      "usage: missing required argument 'state'",
      'state: on, off; usage: udrv uio irq [options] <uio> <state>',
    ],
    [
      '--sim uio irq uio0 up',
      'up: is not a state: enable, disable, on or off',
      'usage: udrv uio irq [options] <uio> <state>',
    ],
  ]);
});

describe('bench', () => {
  const us = '[0-9]+\\.[0-9] us';
  cliPasses([
    [
      `--sim uio bench uio0 ${RAISE} ${ACK} -c 20 ${LONG}`,
      new RegExp(`^interrupts +20\nmin +${us}\np50 +${us}\np90 +${us}\np99 +${us}\nmax +${us}\n$`),
    ],
    [`--sim uio bench uio1 --trigger map0:0x14=1 --count 2 ${LONG}`, /^interrupts +2\n/],
  ]);

  test.concurrent('--json: percentiles in order', async () => {
    const { stdout, stderr, exit } = await udrv(`--sim --json uio bench uio0 ${RAISE} ${ACK} -c 100 ${LONG}`);
    expect({ stderr, exit }).toEqual({ stderr: '', exit: 0 });
    const document = JSON.parse(stdout);
    expect(document).toEqual({ count: 100, latencyUs: expect.any(Object) });
    expect(Object.keys(document.latencyUs)).toEqual(['min', 'p50', 'p90', 'p99', 'max']);
    const values: number[] = Object.values(document.latencyUs);
    expect(values).toEqual([...values].sort((a, b) => a - b));
    expect(values[0]).toBeGreaterThan(0);
  });

  test.concurrent('a device that nobody silences', async () => {
    expect(await udrv(`--sim uio bench uio0 ${RAISE} -c 2`)).toMatchObject({
      stderr: text`
        udrv: uio0: the device still asserts its interrupt after it was served (EIO)
        hint: acknowledge it with --ack REGION:OFFSET=VALUE
      `,
      exit: 1,
    });
  });

  // The timer asserts its line until EXPIRED is cleared; it does not run.
  const level = '--trigger map0:0x4=6 --trigger map0:0x14=1';
  cliPasses([[`--sim uio bench uio1 ${level} --ack map0:0xc=1 --count 2 ${LONG}`, /^interrupts +2\n/]]);

  test.concurrent.each([
    ['nothing', ''],
    ['something else', '--ack map0:0x18=1'],
  ])('a level line, and the acknowledge silences %s: the storm is not measured', async (_, ack) => {
    const { stdout, stderr, exit } = await udrv(`--sim uio bench uio1 ${level} ${ack} --count 10 ${LONG}`);
    expect(stdout).toMatch(/^interrupts +1\n/);
    expect({ stderr, exit }).toEqual({
      stderr: text`
        udrv: uio1: the device still asserts its interrupt after it was served (EIO)
        hint: acknowledge it with --ack REGION:OFFSET=VALUE
      `,
      exit: 1,
    });
  });

  cliFails(2, [
    ['--sim uio bench uio0', "usage: required option '--trigger <action>' not specified"],
    [`--sim uio bench uio0 ${RAISE} -c 0`, '0: is not a count: at least 1'],
  ]);
  cliFails(6, [[`--sim uio bench uio0 --trigger map0:0x64=0 ${BRIEF}`, 'uio0: no interrupt within 50 ms (ETIMEDOUT)']]);

  test.concurrent('what was measured before a timeout is printed', async () => {
    // The kernel masks the interrupt at the first, and nobody lets the second through.
    const { stdout, stderr, exit } = await udrv(
      `--sim --json uio bench uio0 ${RAISE} ${ACK} --rearm none -c 3 --timeout 1s`,
    );
    expect({ exit, error: JSON.parse(stderr).error.code }).toEqual({ exit: 6, error: 'ETIMEDOUT' });
    expect(JSON.parse(stdout || '{}')).toMatchObject({ count: 1 });
  });

  test.concurrent('a count beyond all memory is no internal error', async () => {
    const { stdout, stderr, exit } = await udrv(
      `--sim uio bench uio0 --trigger map0:0x64=0 -c 9007199254740991 ${BRIEF}`,
    );
    expect({ stdout, exit: exit === 2 || exit === 6 }).toEqual({ stdout: '', exit: true });
    expect(stderr).toMatch(/^udrv: (?!internal error).*\n(hint: .*\n)?$/);
  });

  test.concurrent('--dry-run changes nothing', async () => {
    const { stderr } = await udrv(`--sim --trace --dry-run uio bench uio0 -c 1 ${RAISE} ${ACK}`);
    expect(stores(stderr)).toEqual([]);
  });
});
