import { describeInLab } from './jest';

/** Signals that are sent; the issue asks for 200, which take a quarter of an hour on a busy machine. */
const SIGNALS = Number(process.env['UDRV_STORM'] ?? 200);
const PATIENCE_MS = 3_600_000;
/** The longest time from a signal to the end, beyond what a program takes that does nothing else. */
const MOST_MS = 1000;

describeInLab(
  'a storm of signals',
  (lab) => {
    test(
      'leaves nothing changed, and no command hangs',
      async () => {
        const seed = Date.now() % 1e6;
        const { stdout } = await lab().run(`node test/lab/storm.cjs ${SIGNALS} ${seed}`, { timeoutMs: PATIENCE_MS });
        const { faults, signals, slowestMs, slowest, bareMs } = JSON.parse(stdout);
        expect({ seed, faults }).toEqual({ seed, faults: [] });
        expect(signals).toBeGreaterThanOrEqual(SIGNALS);
        expect({ slowest, isQuick: slowestMs <= MOST_MS + 10 * bareMs }).toEqual({ slowest, isQuick: true });
      },
      PATIENCE_MS,
    );
  },
  { long: 'named' },
);
