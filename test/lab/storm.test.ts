import { describeInLab } from './jest';
import { isQuick, STORM_MS, stormInLab, summary } from './storm';

/** Signals that are sent; `npm run bench -- lab-storm` sends 200, which take half an hour on a busy machine. */
const SIGNALS = Number(process.env['UDRV_STORM'] ?? 40);

describeInLab(
  'a storm of signals',
  (lab) => {
    test(
      'leaves nothing changed, and no command hangs',
      async () => {
        const storm = await stormInLab(lab(), SIGNALS, Date.now() % 1e6);
        expect({ of: summary(storm), faults: storm.faults }).toMatchObject({ faults: [] });
        expect(storm.signals).toBeGreaterThanOrEqual(SIGNALS);
        expect({ of: summary(storm), isQuick: isQuick(storm) }).toMatchObject({ isQuick: true });
      },
      STORM_MS,
    );
  },
  { long: 'named' },
);
