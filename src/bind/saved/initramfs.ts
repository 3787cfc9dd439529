import { pciPath } from '../../pci/paths';
import { AttributeReader } from '../../sys/readers/attributes';
import type { SysTree } from '../../sys/sys';
import { shellWord } from '../../text/shell';
import { busOf, PCI } from '../bus';
import { isForUserSpace } from '../driver';
import { readBinding } from '../read';

/** Classes whose drivers an initramfs has, for the root file system and the console: disks, networks, displays, USB. */
const EARLY = /^(?:01|02|03|0c03)/;

/**
 * The makers of an initramfs, and the way of a rule into it. initramfs-tools copies all rules of the administrator
 * (/usr/share/initramfs-tools/hooks/udev); dracut (modules.d/95udev-rules) and mkinitcpio only those that are named.
 */
const MAKERS: readonly { program: string; include(paths: string): string; rebuild: string }[] = [
  { program: '/usr/sbin/update-initramfs', include: () => '', rebuild: 'sudo update-initramfs -u' },
  {
    program: '/usr/bin/dracut',
    include: (paths) => `put install_items+=" ${paths} " into /etc/dracut.conf.d/udrv.conf, then `,
    rebuild: 'sudo dracut -f',
  },
  {
    program: '/usr/bin/mkinitcpio',
    include: (paths) => `add ${paths} to FILES in /etc/mkinitcpio.conf, then `,
    rebuild: 'sudo mkinitcpio -P',
  },
];

/**
 * Returns remarks on functions whose driver may be loaded by the initramfs, which has its own copy of the rules.
 *
 * @param driver the one that the rules name; null: they are removed
 * @param rules the files that change
 */
export function initramfsNotes(
  sys: SysTree,
  addresses: readonly string[],
  driver: string | null,
  rules: readonly string[],
): string[] {
  const reader = new AttributeReader(sys);
  const early = addresses.filter((address) => EARLY.test(reader.hex(pciPath(address, 'class'), 6) ?? ''));
  if (early.length === 0 || rules.length === 0) return [];
  const maker = MAKERS.find(({ program }) => sys.access(program) !== null);
  const include = driver === null ? '' : maker?.include(rules.join(' '));
  const how = maker === undefined ? '' : `: ${include}${maker.rebuild}`;
  if (driver === null) return [`${early.join(', ')}: an initramfs may still have the rule; rebuild it${how}`];
  return early.map((address) => {
    const now = readBinding(sys, address).driver;
    const usual = now === null || now === driver || isForUserSpace(now) ? 'its usual driver' : now;
    return `${address}: ${usual} may be loaded by the initramfs, before the rule is read there: rebuild it${how}`;
  });
}

/**
 * Returns remarks on devices of other buses than PCI whose driver is part of the kernel itself: it has them long before
 * udev reads a rule, and a rule takes no device from its driver.
 */
export function builtInNotes(sys: SysTree, addresses: readonly string[], driver: string): string[] {
  const reader = new AttributeReader(sys);
  return addresses.flatMap((address) => {
    const now = readBinding(sys, address).driver;
    const bus = busOf(sys, address);
    if (bus.name === PCI.name || now === null || now === driver || isForUserSpace(now)) return [];
    const module = reader.linkName(`${bus.drivers}/${now}/module`);
    // Only a module that was loaded has this file (kernel/params.c, kernel/module/main.c).
    if (module !== null && sys.access(`/sys/module/${module}/initstate`) !== null) return [];
    return [
      `${address}: ${now} may be built into the kernel, and then has the device at each boot before the rule is read: sudo udrv bind ${shellWord(address)} ${driver} has to follow`,
    ];
  });
}
