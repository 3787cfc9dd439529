// The order in which a measurement does things, with a source that only notes what is asked of it.
import { measureLatencies } from '../../../src/interrupts/latency';
import type { InterruptSource } from '../../../src/interrupts/source';
import type { PollResult } from '../../../src/sys/sys';
import { SERVE_SIGNALS_MS } from '../../../src/sys/wait';

/** A source whose device is quiet, and raises an interrupt for each trigger as `outcomes` say; ready without. */
function sourceOf(log: string[], outcomes: PollResult[], busyMs = 0): InterruptSource {
  return {
    closed: false,
    device: 'uio0',
    arm: () => {},
    next: () => Promise.reject(new Error('does not block')),
    wait: (timeoutMs) => {
      // The look whether it is quiet.
      if (timeoutMs === 1) return 'timeout';
      const until = performance.now() + busyMs;
      while (performance.now() < until);
      log.push(`wait ${timeoutMs}`);
      return outcomes.shift() ?? 'ready';
    },
    asserted: () => false,
    rearm: () => void log.push('rearm'),
    close: () => void log.push('close'),
  };
}

const options = (log: string[]) => ({
  trigger: () => void log.push('trigger'),
  onLatency: () => void log.push('latency'),
  onServed: (done: number) => void log.push(`served after ${done}`),
  onLate: (done: number) => void log.push(`late after ${done}`),
});

test('an interrupt that is a second late is told of, and waited for further', async () => {
  const log: string[] = [];
  const source = sourceOf(log, ['ready', 'timeout', 'ready']);
  await measureLatencies(source, { ...options(log), count: 2, timeoutMs: 5000 });
  const first = ['trigger', 'wait 1000', 'latency', 'rearm'];
  const second = ['trigger', 'wait 1000', 'late after 1', 'wait 4000', 'latency', 'rearm'];
  expect(log).toEqual([...first, ...second, 'close']);
});

test.each([
  [500, ['wait 500']],
  [1000, ['wait 1000']],
  [1500, ['wait 1000', 'late after 0', 'wait 500']],
])('a bound of %d ms is kept', async (timeoutMs, waits) => {
  const log: string[] = [];
  const measured = measureLatencies(sourceOf(log, ['timeout', 'timeout']), { ...options(log), count: 1, timeoutMs });
  await expect(measured).rejects.toMatchObject({ exit: 6, message: `no interrupt within ${timeoutMs} ms` });
  expect(log).toEqual(['trigger', ...waits, 'close']);
});

test('a wait without bound stays one', async () => {
  const log: string[] = [];
  await measureLatencies(sourceOf(log, ['timeout', 'ready']), { ...options(log), count: 1 });
  expect(log.filter((line) => line.startsWith('wait'))).toEqual(['wait 1000', 'wait -1']);
});

test('progress is told between two measurements, where signals are served', async () => {
  const log: string[] = [];
  await measureLatencies(sourceOf(log, [], SERVE_SIGNALS_MS + 5), { ...options(log), count: 3, timeoutMs: 500 });
  const one = ['trigger', 'wait 500', 'latency', 'rearm'];
  expect(log).toEqual([...one, 'served after 1', ...one, 'served after 2', ...one, 'served after 3', 'close']);
});
