// The main job on the simulated machine, as a person would type it: `npm run demo`. The tests of the packages do the same in them.
const { spawnSync } = require('node:child_process');
const path = require('node:path');

const udrv = path.join(__dirname, '..', 'bin', 'udrv');

const steps = [
  ['What can user space reach on this machine?', ['list']],
  ['One device in depth:', ['uio', 'show', 'uio0']],
  ['Its registers, each read once, four bytes wide:', ['uio', 'dump', 'uio0', 'map0', '0x0+0x10']],
  [
    'Its interrupt: raised by a register, acknowledged by another, waited for in between:',
    'uio watch-irq uio0 --count 3 --trigger map0:0x60=1 --ack map0:0x64=map0:0x24'.split(' '),
  ],
  ['A timer that raises its interrupt by itself:', ['uio', 'watch-irq', 'uio1', '--count', '3']],
  ['What can another device reach by DMA, and what does the IOMMU keep it from?', ['vfio', 'dma-test', '0000:00:03.0']],
  ['A USB device is asked for its descriptor:', 'usb ctrl 1-2 0x80 6 0x0100 0 18'.split(' ')],
];

module.exports = { steps };

if (require.main === module) {
  for (const [title, args] of steps) {
    console.log(`\n# ${title}\n$ udrv --sim ${args.join(' ')}`);
    const { status, error } = spawnSync(process.execPath, [udrv, '--sim', ...args], { stdio: 'inherit' });
    if (error) throw error;
    if (status !== 0) process.exit(status ?? 1);
  }
  console.log('\nThis was a simulation. On this machine: node bin/udrv list    On a real kernel in a VM: npm run lab');
}
