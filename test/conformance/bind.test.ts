import { readBinding } from '../../src/bind/read';
import { errnoOf, makeSys, PARENT, title } from './target';

const EDU = '0000:00:04.0';
const GENERIC = '/sys/bus/pci/drivers/uio_pci_generic';
const PROBE = '/sys/bus/pci/drivers_probe';
const OVERRIDE = `${PARENT}/driver_override`;

// The kernel's part of bind, unbind and restore: drivers/base/bus.c, dd.c and driver.c.
describe(title('binding of drivers'), () => {
  const sys = makeSys();
  const binding = () => readBinding(sys, EDU);

  afterEach(() => {
    sys.writeFile(OVERRIDE, 'uio_pci_generic');
    if (binding().driver === null) sys.writeFile(`${GENERIC}/bind`, EDU);
  });

  test('unbind takes the driver off and leaves the override', () => {
    sys.writeFile(`${GENERIC}/unbind`, EDU);
    expect(binding()).toEqual({ driver: null, override: 'uio_pci_generic' });
    expect(sys.access(`${GENERIC}/${EDU}`)).toBeNull();
    expect(errnoOf(() => sys.writeFile(`${GENERIC}/unbind`, EDU))).toBe('ENODEV');
    sys.writeFile(`${GENERIC}/bind`, EDU);
    expect(binding()).toEqual({ driver: 'uio_pci_generic', override: 'uio_pci_generic' });
  });

  test('a device that is bound is not bound again', () => {
    expect(errnoOf(() => sys.writeFile(`${GENERIC}/bind`, EDU))).toBe('EBUSY');
    expect(binding().driver).toBe('uio_pci_generic');
  });

  test('a driver without ids takes only what the override gives it', () => {
    sys.writeFile(`${GENERIC}/unbind`, EDU);
    sys.writeFile(OVERRIDE, '\n');
    expect(binding()).toEqual({ driver: null, override: null });
    expect(errnoOf(() => sys.writeFile(`${GENERIC}/bind`, EDU))).toBe('ENODEV');
    sys.writeFile(OVERRIDE, 'another');
    expect(errnoOf(() => sys.writeFile(`${GENERIC}/bind`, EDU))).toBe('ENODEV');
    expect(binding()).toEqual({ driver: null, override: 'another' });
  });

  test('the override changes nothing for a device that is bound', () => {
    sys.writeFile(OVERRIDE, 'another');
    expect(binding()).toEqual({ driver: 'uio_pci_generic', override: 'another' });
    sys.writeFile(OVERRIDE, '\n');
    expect(binding()).toEqual({ driver: 'uio_pci_generic', override: null });
  });

  test('an override ends with a line', () => {
    sys.writeFile(OVERRIDE, 'first\nsecond\n');
    expect(binding().override).toBe('first');
    expect(sys.readFile(OVERRIDE).toString()).toBe('first\n');
    // Not written at all.
    sys.writeFile(OVERRIDE, '');
    expect(binding().override).toBe('first');
  });

  test('drivers_probe succeeds whether a driver wants the device or not', () => {
    sys.writeFile(`${GENERIC}/unbind`, EDU);
    sys.writeFile(OVERRIDE, 'another');
    sys.writeFile(PROBE, EDU);
    expect(binding().driver).toBeNull();
    sys.writeFile(OVERRIDE, 'uio_pci_generic');
    sys.writeFile(PROBE, EDU);
    expect(binding().driver).toBe('uio_pci_generic');
    sys.writeFile(PROBE, EDU);
    expect(binding().driver).toBe('uio_pci_generic');
  });

  test('a newline after the name does not matter, a device that is not there does', () => {
    sys.writeFile(`${GENERIC}/unbind`, `${EDU}\n`);
    sys.writeFile(`${GENERIC}/bind`, `${EDU}\n`);
    expect(binding().driver).toBe('uio_pci_generic');
    for (const path of [`${GENERIC}/bind`, `${GENERIC}/unbind`, PROBE])
      expect(errnoOf(() => sys.writeFile(path, '0000:77:00.0'))).toBe('ENODEV');
  });

  test('none of them can be read, nor the override of a device without one', () => {
    for (const path of [`${GENERIC}/bind`, `${GENERIC}/unbind`, PROBE])
      expect(errnoOf(() => sys.readFile(path))).toBe('EACCES');
    sys.writeFile(OVERRIDE, '\n');
    expect(sys.readFile(OVERRIDE).toString()).toBe('(null)\n');
  });
});
