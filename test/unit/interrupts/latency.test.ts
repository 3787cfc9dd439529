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
    next: async ({ timeoutMs }) => {
      log.push(`next ${timeoutMs}`);
      return (outcomes.shift() ?? 'ready') === 'ready' ? { count: 1, missed: 0 } : null;
    },
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
  const source = sourceOf(log, ['ready', 'timeout', 'timeout', 'ready']);
  await measureLatencies(source, { ...options(log), count: 2, timeoutMs: 5000 });
  const first = ['trigger', 'wait 20', 'latency', 'rearm'];
  const second = ['trigger', 'wait 20', 'next 980', 'late after 1', 'next 4000', 'latency', 'rearm'];
  expect(log).toEqual([...first, ...second, 'close']);
});

test.each([
  [10, ['wait 10']],
  [500, ['wait 20', 'next 480']],
  [1000, ['wait 20', 'next 980']],
  [1500, ['wait 20', 'next 980', 'late after 0', 'next 500']],
])('a bound of %d ms is kept', async (timeoutMs, waits) => {
  const log: string[] = [];
  const source = sourceOf(log, ['timeout', 'timeout', 'timeout']);
  const measured = measureLatencies(source, { ...options(log), count: 1, timeoutMs });
  await expect(measured).rejects.toMatchObject({ exit: 6, message: `no interrupt within ${timeoutMs} ms` });
  expect(log).toEqual(['trigger', ...waits, 'close']);
});

test('a wait without bound stays one', async () => {
  const log: string[] = [];
  await measureLatencies(sourceOf(log, ['timeout', 'timeout', 'ready']), { ...options(log), count: 1 });
  expect(log.filter((line) => /^(wait|next)/.test(line))).toEqual(['wait 20', 'next 980', 'next undefined']);
});

test('a signal ends the wait for an interrupt that never comes', async () => {
  const log: string[] = [];
  const controller = new AbortController();
  const source = sourceOf(log, ['timeout', 'timeout']);
  const next = source.next;
  source.next = (wait) => {
    controller.abort();
    return next(wait);
  };
  await measureLatencies(source, { ...options(log), count: 1, signal: controller.signal });
  expect(log).toEqual(['trigger', 'wait 20', 'next 980', 'served after 0', 'close']);
});

test('progress is told between two measurements, where signals are served', async () => {
  const log: string[] = [];
  await measureLatencies(sourceOf(log, [], SERVE_SIGNALS_MS + 5), { ...options(log), count: 3, timeoutMs: 500 });
  const one = ['trigger', 'wait 20', 'latency', 'rearm'];
  expect(log).toEqual([...one, 'served after 1', ...one, 'served after 2', ...one, 'served after 3', 'close']);
});
