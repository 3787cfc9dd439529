import type { DeviceInfo } from '../../../src/model/device';
import { AttributeReader } from '../../../src/sys/readers/attributes';
import { MemoryTree } from '../../../src/sys/tree/memory-tree';
import { checkRules } from '../../../src/udev/check';
import { deviceRules } from '../../../src/udev/rule';

const file = (text: string) => ({ kind: 'file' as const, read: () => Buffer.from(text) });

const HUB = '/sys/devices/pci0000:00/0000:00:14.0/usb1/1-3';
const DEVICE = `${HUB}/1-3.2`;

/** A serial adapter behind a hub, a UIO device, and the groups of a small machine. */
function machine(rules: Record<string, string>): MemoryTree {
  const tree = new MemoryTree();
  tree.set('/sys/bus/usb/devices/1-3.2', { kind: 'link', target: `../../../${DEVICE.slice('/sys/'.length)}` });
  for (const [at, vendor, product] of [
    [HUB, '0409', '55aa'],
    [DEVICE, '0403', '6001'],
  ] as const) {
    tree.set(`${at}/idVendor`, file(`${vendor}\n`));
    tree.set(`${at}/idProduct`, file(`${product}\n`));
    tree.set(`${at}/uevent`, file('MAJOR=189\nDEVTYPE=usb_device\n'));
    tree.set(`${at}/subsystem`, { kind: 'link', target: '/sys/bus/usb' });
    tree.set(`${at}/driver`, { kind: 'link', target: '/sys/bus/usb/drivers/usb' });
  }
  const card = '/sys/devices/pci0000:00/0000:00:04.0';
  tree.set('/sys/class/uio/uio0', { kind: 'link', target: '../../devices/pci0000:00/0000:00:04.0/uio/uio0' });
  tree.set(`${card}/uio/uio0/subsystem`, { kind: 'link', target: '/sys/class/uio' });
  tree.set(`${card}/subsystem`, { kind: 'link', target: '/sys/bus/pci' });
  tree.set(`${card}/driver`, { kind: 'link', target: '/sys/bus/pci/drivers/uio_pci_generic' });
  tree.set(`${card}/vendor`, file('0x1234\n'));
  tree.set('/etc/group', file('root:x:0:\nplugdev:x:46:ada\n'));
  for (const [path, text] of Object.entries(rules)) tree.set(path, file(text));
  return tree;
}

const usb = { framework: 'usb', address: '1-3.2', vendorId: '0403', deviceId: '6001' } as DeviceInfo;
const uio = {
  framework: 'uio',
  address: 'uio0',
  vendorId: '1234',
  deviceId: '11e8',
  driver: 'uio_pci_generic',
  uio: { parent: '0000:00:04.0', parentBus: 'pci', parentDevice: '0000:00:04.0' },
} as DeviceInfo;

function check(rules: Record<string, string>, device = usb) {
  return checkRules(new AttributeReader(machine(rules)), device);
}

const ETC = '/etc/udev/rules.d/70-mine.rules';
const IDS = 'ATTR{idVendor}=="0403", ATTR{idProduct}=="6001"';

describe('a rule that works', () => {
  test.each([
    `SUBSYSTEM=="usb", ${IDS}, GROUP="plugdev", MODE="0660"`,
    'SUBSYSTEM=="usb", ATTRS{idVendor}=="0403", ATTRS{idProduct}=="6001", MODE="0666"',
    `SUBSYSTEM=="usb", ENV{DEVTYPE}=="usb_device", ${IDS}, TAG+="uaccess"`,
    'ACTION=="add|change", KERNEL=="1-*", SUBSYSTEM=="usb", MODE:="0666"',
    `# a comment\nSUBSYSTEM=="usb", \\\n  ${IDS}, \\\n# within\n  GROUP="plugdev"`,
    'ACTION!="add", GOTO="end"\nKERNEL=="1-3.2", SUBSYSTEM=="usb", GROUP="plugdev"\nLABEL="end"',
  ])('%s', (text) => {
    const { rules } = check({ [ETC]: text });
    expect(rules).toEqual([expect.objectContaining({ path: ETC, matches: true, problems: [] })]);
  });

  test('counts its lines, with the continued ones', () => {
    const { rules } = check({ [ETC]: `#\n\nSUBSYSTEM=="none", \\\n MODE="0600"\nSUBSYSTEM=="usb", MODE="0666"` });
    expect(rules.map(({ line }) => line)).toEqual([5]);
  });
});

describe('a rule that fails says why:', () => {
  test.each([
    [`SUBSYSTEM=="usb", ${IDS}, GROUP=="plugdev"`, 'GROUP=="plugdev" compares and does not set: write GROUP="plugdev"'],
    [
      'SUBSYSTEM=="usb", ATTR{idVendor}=="0x0403", ATTR{idProduct}=="6001", MODE="0666"',
      'ATTR{idVendor}=="0x0403" is compared as text, and it is "0403"',
    ],
    [
      'SUBSYSTEM=="usb", ATTR{idVendor}=="0403", ATTR{idProduct}=="6001", DRIVER=="ftdi_sio", MODE="0666"',
      'DRIVER=="ftdi_sio": it is "usb"',
    ],
    [`SUBSYSTEM=="usb_device", ${IDS}, MODE="0666"`, 'SUBSYSTEM=="usb_device": it is "usb"'],
    [
      `BUS=="usb", SYSFS{idVendor}=="0403", SYSFS{idProduct}=="6001", MODE="0666"`,
      'BUS is no key of udev any more: SUBSYSTEM is',
    ],
    [`SUBSYSTEM=="usb", ${IDS}, GROUP="nobodyhere"`, 'there is no group nobodyhere: sudo groupadd --system nobodyhere'],
    [`SUBSYSTEM=="usb", ${IDS}, GROUP="plugdev", MODE="0640"`, 'MODE="0640" lets the group read and not write'],
    [
      'SUBSYSTEM=="usb", ATTRS{idVendor}=="0409", ATTRS{idProduct}=="6001", KERNELS=="1-3.2", MODE="0666"',
      'ATTRS{idVendor}=="0409" and the other terms ending in S are not of the same parent',
    ],
  ])('%s', (text, problem) => {
    const { rules } = check({ [ETC]: text });
    expect(rules).toHaveLength(1);
    expect(rules[0]?.problems).toContain(problem);
  });

  test('an attribute of the PCI function behind a UIO device', () => {
    const { rules } = check({ [ETC]: 'SUBSYSTEM=="uio", KERNEL=="0000:00:04.0", GROUP="plugdev"' }, uio);
    expect(rules[0]?.problems).toEqual(['KERNEL=="0000:00:04.0" is of a parent: write KERNELS']);
  });

  test('the tag uaccess, after it is looked for', () => {
    const path = '/etc/udev/rules.d/99-mine.rules';
    const { rules } = check({ [path]: `SUBSYSTEM=="usb", ${IDS}, TAG+="uaccess"` });
    expect(rules[0]?.problems[0]).toMatch(/^the tag uaccess is set after 73-seat-late\.rules/);
  });

  test('a file that udev does not read', () => {
    const { rules } = check({ '/etc/udev/rules.d/70-mine.rule': `SUBSYSTEM=="usb", ${IDS}, MODE="0666"` });
    expect(rules).toEqual([expect.objectContaining({ matches: false, problems: [expect.stringMatching(/\.rules$/)] })]);
  });

  test('a later rule that gives it to another group', () => {
    const { rules } = check({
      [ETC]: `SUBSYSTEM=="usb", ${IDS}, GROUP="plugdev"`,
      '/usr/lib/udev/rules.d/90-late.rules': `SUBSYSTEM=="usb", GROUP="root"`,
    });
    expect(rules[0]?.problems).toEqual(['/usr/lib/udev/rules.d/90-late.rules:1 gives it to another group afterwards']);
  });
});

describe('nothing is said of', () => {
  test.each([
    ['another device', 'SUBSYSTEM=="usb", ATTR{idVendor}=="1111", ATTR{idProduct}=="2222", MODE="0666"'],
    ['rules without an owner', `SUBSYSTEM=="usb", ${IDS}, SYMLINK+="mine"`],
    ['what a GOTO jumps over', `ACTION=="add", GOTO="end"\nSUBSYSTEM=="usb", ${IDS}, MODE="0666"\nLABEL="end"`],
    ['text that is no rule', '\0\xff"""==, {{{'],
  ])('%s', (_, text) => expect(check({ [ETC]: text }).rules).toEqual([]));

  test('a file that one in /etc replaces', () => {
    const { rules } = check({ [ETC]: '', '/usr/lib/udev/rules.d/70-mine.rules': 'SUBSYSTEM=="usb", MODE="0666"' });
    expect(rules).toEqual([]);
  });
});

test('a term that depends on other rules is no verdict', () => {
  const { rules } = check({ [ETC]: 'SUBSYSTEM=="usb", ENV{ID_MODEL}=="x", MODE="0666"' });
  expect(rules).toEqual([expect.objectContaining({ matches: null, problems: [] })]);
});

test('what cannot be read is told', () => {
  const tree = machine({});
  tree.set(ETC, { kind: 'error', code: 'EACCES' });
  expect(checkRules(new AttributeReader(tree), usb).unread).toEqual([`${ETC} (EACCES)`]);
});

describe('the rules that udrv prints pass its own check:', () => {
  test.each([
    [usb, { group: 'plugdev' }],
    [usb, 'uaccess' as const],
    [uio, { group: 'plugdev' }],
  ])('%j', (device, grant) => {
    const { path, lines } = deviceRules(device, grant);
    const { rules } = check({ [path]: lines.join('\n') }, device);
    expect(rules).toEqual([expect.objectContaining({ path, matches: true, problems: [] })]);
  });

  test.each(['a"b', 'a b', '', '-x', 'x'.repeat(33), 'a\nRUN+="x"'])('no group is named %j', (group) => {
    expect(() => deviceRules(usb, { group })).toThrow('no name of a group');
  });
});
