import { cliFails, onTerminal, outcomeOf, shows, start, udrv } from './udrv';

// Nothing happens to the simulated machine by itself: what is told when something does is in test/unit/monitor.test.ts,
// and on real kernels in test/lab/monitor.test.ts.

const HEADING = 'TIME          ACTION  TYPE  ADDRESS       ID         DRIVER           NODE                  NAME\n';

describe('monitor', () => {
  test.concurrent('shows at once that it waits, and a timeout is exit 6', async () => {
    expect(await udrv('--sim monitor --timeout 50ms')).toEqual({
      stdout: HEADING,
      stderr: 'udrv: monitor: no event within 50 ms (ETIMEDOUT)\n',
      exit: 6,
    });
  });

  test.concurrent('--json has no heading, and its error is JSON', async () => {
    const { stdout, stderr, exit } = await udrv('--sim --json monitor --type usb --count 1 --timeout 50ms');
    expect({ stdout, exit }).toEqual({ stdout: '', exit: 6 });
    expect(JSON.parse(stderr)).toEqual({
      error: { code: 'ETIMEDOUT', message: 'monitor: no event within 50 ms', exit: 6 },
    });
  });

  test.concurrent.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s is exit %i, and the socket is closed', async (signal, exit) => {
    const child = start('--sim --trace -q monitor');
    const outcome = outcomeOf(child);
    await shows(child, 'stderr', /^watch\(uevents\)/m);
    child.kill(signal);
    // Not stdout: where the machine is busy, the simulated one has its first event before the signal comes.
    const { exit: code, stderr } = await outcome;
    expect({ code, stderr }).toEqual({ code: exit, stderr: expect.stringMatching(/\nclose\(uevents\) = 0\n$/) });
  });

  test.concurrent('Ctrl-C on a terminal', async () => {
    const { stdout, exit } = await onTerminal('--sim --color never monitor', {
      type: (shown) => (shown.endsWith('NAME\r\n') ? '\x03' : undefined),
    });
    expect({ stdout: stdout.replace('^C', ''), exit }).toEqual({ stdout: HEADING.replace('\n', '\r\n'), exit: 130 });
  });

  test.concurrent('-v says what it knows', async () => {
    const { stderr } = await udrv('--sim --json -v monitor --type uio --timeout 50ms');
    expect(stderr).toMatch(/^udrv: watching 4 devices\n/);
  });

  cliFails(2, [
    ['--sim monitor --count 0', '0: is not a count: at least 1'],
    [
      '--sim monitor --type net',
      "usage: option '--type <framework>' argument 'net' is invalid. Allowed choices are uio, vfio, usb, pci.",
    ],
    ['--sim monitor 1-2', /^udrv: usage: too many arguments/, 'usage: udrv monitor [options]'],
    ['--snapshot fixtures/small.snapshot monitor', /^udrv: uevents: /, 'drop --snapshot to work with this machine'],
    ['--sysroot . monitor', /^udrv: uevents: /, 'drop --sysroot to work with this machine'],
  ]);
});
