import { pciPath } from '../../pci/paths';
import { bootWith, type Check, type FunctionSubject } from '../check';
import { Undecided } from '../evidence';

/** Framebuffers of the boot's console, as /proc/iomem names them. */
const CONSOLE = /^(?:BOOTFB|efifb|vesafb|simplefb|simpledrm|sysfb)\b/;

/** A framebuffer of the kernel on a BAR, or the display that the machine booted with. */
export const framebuffer: Check<FunctionSubject> = {
  ids: ['framebuffer-on-bar', 'boot-display'],
  about: 'display',
  *run({ tree, device: { address, pci } }) {
    if (tree.hex(pciPath(address, 'class'), 6)?.startsWith('03') !== true) return;
    if (tree.number(pciPath(address, 'boot_vga')) === 1)
      yield {
        id: 'boot-display',
        severity: 'note',
        seen: [{ path: pciPath(address, 'boot_vga'), value: '1' }],
        means: 'It is the display that the machine booted with: the console goes dark without its driver.',
        prevents: 'the console',
        mend: [],
        proof: null,
      };
    const lines = tree.need('/proc/iomem').split('\n');
    for (const line of lines) {
      const [, first = '', last = '', name = ''] = /^\s*([0-9a-f]+)-([0-9a-f]+) : (.*)$/.exec(line) ?? [];
      if (!CONSOLE.test(name)) continue;
      const [start, end] = [BigInt(`0x${first}`), BigInt(`0x${last}`)];
      const bar = pci.regions.find(
        (region) =>
          region.address !== null &&
          start >= BigInt(region.address) &&
          end < BigInt(region.address) + BigInt(region.size),
      );
      if (end === 0n) throw new Undecided('/proc/iomem: its addresses are for root');
      if (bar === undefined) continue;
      yield {
        id: 'framebuffer-on-bar',
        severity: 'blocks',
        seen: [{ path: '/proc/iomem', value: line.trim() }],
        means: `The framebuffer of the boot's console (${name}) has part of ${bar.name}.`,
        prevents: `reserving ${bar.name}: the kernel answers EBUSY`,
        mend: [bootWith('initcall_blacklist=sysfb_init')],
        proof: 'sudo grep -i -e bootfb -e efifb -e simple /proc/iomem',
      };
    }
  },
};
