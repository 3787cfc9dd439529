import { inspectPciDetails } from '../../../src/pci/function-details';
import { readSriov } from '../../../src/pci/sriov';
import { AttributeReader } from '../../../src/sys/readers/attributes';
import { type Content, TreeSys } from '../../support/tree-sys';

const DIR = '/sys/bus/pci/devices/0000:04:00.1';
const inspect = (files: Record<string, string>) =>
  inspectPciDetails(new AttributeReader(new TreeSys(files)), '0000:04:00.1');

test('a machine that tells nothing', () => {
  expect(inspect({ [`${DIR}/irq`]: '0\n' })).toEqual({
    slot: null,
    irq: null,
    link: null,
    powerState: null,
    runtimeStatus: null,
    resetMethods: null,
    sriov: null,
    modules: [],
  });
});

test('link, power and resets', () => {
  const found = inspect({
    [`${DIR}/current_link_speed`]: '8.0 GT/s PCIe\n',
    [`${DIR}/current_link_width`]: '4\n',
    [`${DIR}/max_link_speed`]: '16.0 GT/s PCIe\n',
    [`${DIR}/max_link_width`]: '255\n',
    [`${DIR}/power_state`]: 'D3hot\n',
    [`${DIR}/power/runtime_status`]: 'suspended\n',
    [`${DIR}/reset_method`]: 'flr bus\n',
  });
  expect(found).toMatchObject({
    link: { speed: '8.0 GT/s', width: 4, maxSpeed: '16.0 GT/s', maxWidth: 255 },
    powerState: 'D3hot',
    runtimeStatus: 'suspended',
    resetMethods: ['flr', 'bus'],
  });
});

test.each([
  [{ current_link_speed: 'Unknown\n', current_link_width: '63\n' }, { link: null }],
  [{ current_link_speed: '2.5 GT/s PCIe\n', current_link_width: '63\n' }, { link: null }],
  [{ current_link_speed: '2.5 GT/s PCIe\n', current_link_width: '0\n' }, { link: null }],
  [{ power_state: 'unknown\n' }, { powerState: null }],
  [{ reset_method: '\n' }, { resetMethods: [] }],
])('%j says %j', (files, facts) => {
  const entries = Object.entries(files).map(([name, text]) => [`${DIR}/${name}`, text]);
  expect(inspect(Object.fromEntries(entries))).toMatchObject(facts);
});

test('the place in SR-IOV', () => {
  const sriov = (entries: Record<string, Content>) =>
    readSriov(new AttributeReader(new TreeSys(entries)), '0000:04:00.1');
  expect(sriov({ [`${DIR}/vendor`]: '0x8086\n' })).toBeNull();
  expect(sriov({ [`${DIR}/physfn`]: { link: '../0000:04:00.0' } })).toEqual({
    physicalFunction: '0000:04:00.0',
    totalVfs: null,
    virtualFunctions: [],
  });
  const physical = {
    [`${DIR}/sriov_totalvfs`]: '8\n',
    [`${DIR}/sriov_numvfs`]: '2\n',
    [`${DIR}/virtfn0`]: { link: '../0000:04:10.0' },
    [`${DIR}/virtfn1`]: { link: '../0000:04:10.2' },
  };
  expect(sriov(physical)).toEqual({
    physicalFunction: null,
    totalVfs: 8,
    virtualFunctions: ['0000:04:10.0', '0000:04:10.2'],
  });
  // A count that no kernel gives is bounded, so that it ends.
  expect(sriov({ ...physical, [`${DIR}/sriov_numvfs`]: '999999999\n' })?.virtualFunctions).toHaveLength(2);
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
