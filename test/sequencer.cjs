// The long test files start first: one that starts last has the machine to itself. jest knows how long each took only
// where they have run before, and takes the largest for the longest.
const { relative } = require('node:path');
const { default: Sequencer } = require('@jest/test-sequencer');

/** Seconds, of the files that take long. Those of a file that waits are worth as much as those of one that computes. */
const SECONDS = {
  'lab/usb': 180,
  'lab/machines': 165,
  'lab/doctor': 160,
  'lab/vfio-dma': 147,
  'lab/vfio': 120,
  'lab/uio': 115,
  'lab/conformance': 105,
  'lab/udev': 95,
  'lab/killed': 90,
  'lab/drivers-usb': 85,
  'lab/session': 80,
  'package/packages': 80,
  'cli/storm': 54,
  'cli/fleet': 45,
  'unit/cli/injection': 40,
  'cli/sim-file': 30,
  'cli/report': 30,
};

module.exports = class LongFirst extends Sequencer {
  sort(tests) {
    const seconds = ({ path }) => SECONDS[relative(__dirname, path).replace('.test.ts', '')] ?? 0;
    return super.sort(tests).sort((a, b) => seconds(b) - seconds(a));
  }
};
