import fc from 'fast-check';
import { type Binding, DEFAULT, plan, shellCommand, type Write } from '../../../src/bind/plan';

const ADDRESS = '0000:01:00.0';
const DEVICE = `/sys/bus/pci/devices/${ADDRESS}`;
const DRIVERS = '/sys/bus/pci/drivers';

const commands = (from: Binding, to: Binding | typeof DEFAULT) => plan(ADDRESS, from, to).steps.map(shellCommand);

test.each<[string, Binding, Binding | typeof DEFAULT, string[]]>([
  [
    'a driver in place of another',
    { driver: 'nvme', override: null },
    { driver: 'vfio-pci', override: 'vfio-pci' },
    [
      `echo ${ADDRESS} > ${DRIVERS}/nvme/unbind`,
      `echo vfio-pci > ${DEVICE}/driver_override`,
      `echo ${ADDRESS} > ${DRIVERS}/vfio-pci/bind`,
    ],
  ],
  [
    'back to one that the override does not name',
    { driver: 'vfio-pci', override: 'vfio-pci' },
    { driver: 'nvme', override: null },
    [
      `echo ${ADDRESS} > ${DRIVERS}/vfio-pci/unbind`,
      `echo nvme > ${DEVICE}/driver_override`,
      `echo ${ADDRESS} > ${DRIVERS}/nvme/bind`,
      `echo > ${DEVICE}/driver_override`,
    ],
  ],
  [
    'the override alone, without the driver letting go',
    { driver: 'vfio-pci', override: null },
    { driver: 'vfio-pci', override: 'vfio-pci' },
    [`echo vfio-pci > ${DEVICE}/driver_override`],
  ],
  [
    'no driver',
    { driver: 'nvme', override: 'x' },
    { driver: null, override: 'x' },
    [`echo ${ADDRESS} > ${DRIVERS}/nvme/unbind`],
  ],
  ['nothing', { driver: 'nvme', override: null }, { driver: 'nvme', override: null }, []],
  [
    'what the kernel chooses',
    { driver: 'vfio-pci', override: 'vfio-pci' },
    DEFAULT,
    [
      `echo ${ADDRESS} > ${DRIVERS}/vfio-pci/unbind`,
      `echo > ${DEVICE}/driver_override`,
      `echo ${ADDRESS} > /sys/bus/pci/drivers_probe`,
    ],
  ],
  [
    'names that a shell would take for more than a word',
    { driver: null, override: null },
    { driver: "it's a driver", override: null },
    [
      `echo 'it'\\''s a driver' > ${DEVICE}/driver_override`,
      `echo ${ADDRESS} > '${DRIVERS}/it'\\''s a driver/bind'`,
      `echo > ${DEVICE}/driver_override`,
    ],
  ],
])('%s', (_, from, to, expected) => {
  expect(commands(from, to)).toEqual(expected);
});

/** A function and its bus, as drivers/base/bus.c has them; no driver here has a table of ids. */
class Model implements Binding {
  driver: string | null;
  override: string | null;

  constructor({ driver, override }: Binding) {
    this.driver = driver;
    this.override = override;
  }

  write({ path, value }: Write): void {
    const [, driver, verb] = /^\/sys\/bus\/pci\/drivers\/([^/]+)\/(bind|unbind)$/.exec(path) ?? [];
    if (path === `${DEVICE}/driver_override`) this.override = value === '\n' ? null : value;
    else if (value !== ADDRESS || driver === undefined) throw new Error(`${value} to ${path}`);
    else if (verb === 'unbind') {
      if (this.driver !== driver) throw new Error(`unbind of ${driver}: ENODEV`);
      this.driver = null;
    } else {
      if (this.override !== driver) throw new Error(`bind of ${driver}: ENODEV`);
      if (this.driver !== null) throw new Error(`bind of ${driver}: EBUSY`);
      this.driver = driver;
    }
  }

  get binding(): Binding {
    return { driver: this.driver, override: this.override };
  }
}

const name = fc.constantFrom(null, 'nvme', 'vfio-pci', 'uio_pci_generic');
const binding = fc.record({ driver: name, override: name });

test('the steps lead from any binding to any other, and so does each on its own to what it says', () => {
  fc.assert(
    fc.property(binding, binding, (from, to) => {
      const model = new Model(from);
      for (const step of plan(ADDRESS, from, to).steps) {
        model.write(step);
        if (step.driver !== undefined) expect(model.driver).toBe(step.driver);
      }
      expect(model.binding).toEqual(to);
    }),
  );
});

test('wherever it stops, taking back what was done leads to where it began', () => {
  fc.assert(
    fc.property(binding, binding, fc.nat(4), (from, to, count) => {
      const model = new Model(from);
      const steps = plan(ADDRESS, from, to).steps.slice(0, count);
      for (const step of steps) model.write(step);
      for (const step of steps.reverse()) for (const write of step.undo) model.write(write);
      expect(model.binding).toEqual(from);
    }),
  );
});
