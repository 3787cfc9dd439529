import { parseRule } from '../../../src/bind/saved/rule';
import { json } from '../../../src/cli/output/escape';
import type { DeviceInfo } from '../../../src/model/device';
import { AttributeReader } from '../../../src/sys/readers/attributes';
import { MemoryTree } from '../../../src/sys/tree/memory-tree';
import { checkRules } from '../../../src/udev/check';
import { readEntry } from '../../../src/udev/database';
import { parseRules, termText } from '../../../src/udev/rules-file';
import { expectShown, type Target } from '../target';

const HUB = '/sys/devices/pci0000:00/0000:00:14.0/usb1/1-3';
const DEVICE = `${HUB}/1-3.2`;
const RULES = '/etc/udev/rules.d/70-fuzz.rules';

let rules: Buffer = Buffer.alloc(0);

/** A serial adapter behind a hub, of a machine whose rules are the input. */
const tree = new MemoryTree();
const put = (path: string, text: string) => tree.set(path, { kind: 'file', read: () => Buffer.from(text) });
tree.set('/sys/bus/usb/devices/1-3.2', { kind: 'link', target: `../../../${DEVICE.slice('/sys/'.length)}` });
for (const at of [HUB, DEVICE]) {
  put(`${at}/idVendor`, '0403\n');
  put(`${at}/idProduct`, '6001\n');
  put(`${at}/uevent`, 'MAJOR=189\nDEVTYPE=usb_device\n');
  tree.set(`${at}/subsystem`, { kind: 'link', target: '/sys/bus/usb' });
  tree.set(`${at}/driver`, { kind: 'link', target: '/sys/bus/usb/drivers/usb' });
}
put(`${DEVICE}/dev`, '189:5\n');
put('/etc/group', 'root:x:0:\nplugdev:x:46:ada\n');
tree.set(RULES, { kind: 'file', read: () => rules });
tree.set('/run/udev/data/c189:5', { kind: 'file', read: () => rules });

const device = { framework: 'usb', address: '1-3.2', vendorId: '0403', deviceId: '6001' } as DeviceInfo;

const rulesFile: Target = {
  name: 'udev-rules',
  seeds: [
    'SUBSYSTEM=="usb", ATTR{idVendor}=="0403", ATTR{idProduct}=="6001", GROUP="plugdev", MODE="0660", TAG+="uaccess"\n',
    'ACTION!="add", GOTO="end"\nKERNELS=="1-*", SUBSYSTEMS=="usb", ENV{A}!="b|c[!d-f]?", MODE:="0666"\nLABEL="end"\n',
    'BUS=="usb", SYSFS{idVendor}=="0403", \\\n  TEST=="%k/power", RUN+="/bin/sh", OWNER="$env{X}"\n# comment\n',
  ].map((text) => Buffer.from(text)),
  run(input) {
    rules = input;
    for (const { terms } of parseRules(RULES, input.toString('utf8'))) for (const term of terms) termText(term);
    expectShown(json(checkRules(new AttributeReader(tree), device)));
  },
};

const database: Target = {
  name: 'udev-database',
  seeds: [Buffer.from('I:5\nE:ID_MODEL=a b\nE:ID_VENDOR_ID=0403\nG:uaccess\nQ:uaccess\nV:1\n')],
  run(input) {
    rules = input;
    const entry = readEntry(new AttributeReader(tree), '189:5');
    if (entry !== null) expectShown(json([...entry.properties]));
  },
};

/** The rule of a binding that lasts, which anybody who is root may have changed. */
const savedRule: Target = {
  name: 'saved-rule',
  seeds: [
    `# Written by udrv (udrv bind --save): 0000:00:03.0 is bound to vfio-pci.
ACTION=="add", SUBSYSTEM=="pci", KERNEL=="0000:00:03.0", ATTR{driver_override}="vfio-pci"
`,
  ].map((text) => Buffer.from(text)),
  run: (input) => expectShown(json(parseRule(input.toString('utf8')))),
};

export const targets = [rulesFile, database, savedRule];
