import { inspectPciDetails } from '../../../src/pci/function-details';
import { AttributeReader } from '../../../src/sys/readers/attributes';
import { TreeSys } from '../../support/tree-sys';

const DIR = '/sys/bus/pci/devices/0000:04:00.1';
const inspect = (files: Record<string, string>) =>
  inspectPciDetails(new AttributeReader(new TreeSys(files)), '0000:04:00.1');

test('a machine that tells nothing', () => {
  expect(inspect({ [`${DIR}/irq`]: '0\n' })).toEqual({ slot: null, irq: null, modules: [] });
});

test('the slot is that of the device, whatever the function', () => {
  const slots = { '/sys/bus/pci/slots/1/address': '0000:40:00\n', '/sys/bus/pci/slots/2-1/address': '0000:04:00\n' };
  expect(inspect({ ...slots, [`${DIR}/irq`]: '77\n' })).toMatchObject({ slot: '2-1', irq: 77 });
});

// Patterns as depmod writes them, and some that it does not.
test.each([
  ['pci:v00008086d00001592sv*sd*bc*sc*i*', true],
  ['pci:v*d*sv*sd*bc02sc00i*', true],
  ['pci:v00008086d0000159?sv*sd*bc*sc*i*', true],
  ['pci:v00008086d00001592sv*sd*bc*sc*i01', false],
  ['pci:v00008087d*sv*sd*bc*sc*i*', false],
  ['pci:v00008086', false],
  [`pci:${'v*'.repeat(200)}x`, false],
])('the alias %s: %s', (alias, claims) => {
  const files = {
    [`${DIR}/modalias`]: 'pci:v00008086d00001592sv00001234sd00005678bc02sc00i00\n',
    '/proc/sys/kernel/osrelease': '6.12.1\n',
    '/lib/modules/6.12.1/modules.alias': `# Aliases\nalias usb:v1234 other\nalias ${alias} ice\nalias ${alias} ice\n`,
  };
  expect(inspect(files).modules).toEqual(claims ? ['ice'] : []);
});

test('a release that leads elsewhere is none', () => {
  const files = { [`${DIR}/modalias`]: 'pci:x\n', '/proc/sys/kernel/osrelease': '../../etc\n' };
  expect(inspect({ ...files, '/etc/modules.alias': 'alias pci:x y\n' }).modules).toEqual([]);
});
