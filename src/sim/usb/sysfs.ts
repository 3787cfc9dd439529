import { hexDigits } from '../../text/hex';
import type { Kernel } from '../kernel/kernel';
import type { SimConfiguration, SimEndpoint } from './descriptors';
import type { SimUsbDevice, SimUsbInterface } from './device';

const DEVICES = '/sys/bus/usb/devices';
const MAJOR = 189;
const DEVICES_PER_BUS = 128;

/** Returns the path of a device's node below /dev. */
export function nodeOf({ bus, number }: SimUsbDevice): string {
  return `bus/usb/${three(bus)}/${three(number)}`;
}

/**
 * Makes the attributes of a device that change: drivers/usb/core/sysfs.c. The others are as the base has them.
 *
 * @param configure called with a value that is written to bConfigurationValue
 */
export function installUsbDevice(kernel: Kernel, device: SimUsbDevice, configure: (value: number) => void): void {
  const { path, fn } = device;
  const minor = () => (device.bus - 1) * DEVICES_PER_BUS + device.number - 1;
  /** Sets an attribute of the active configuration; without a configuration it is there and empty. */
  const active = (name: string, show: (configuration: SimConfiguration) => string, store?: (text: string) => void) =>
    kernel.tree.set(`${path}/${name}`, {
      kind: 'file',
      read: () => Buffer.from(device.configuration === null ? '' : `${show(device.configuration)}\n`),
      ...(store && { write: (data: Buffer) => store(data.toString('latin1')) }),
    });
  active(
    'bConfigurationValue',
    ({ value }) => String(value),
    (text) => configure(Number.parseInt(text, 10)),
  );
  active('bNumInterfaces', () => String(device.interfaces.length).padStart(2));
  active('bmAttributes', ({ attributes }) => hexDigits(attributes, 2));
  active('bMaxPower', ({ maxPower }) => `${maxPower * (device.speed >= 5000 ? 8 : 2)}mA`);
  const name = (configuration: SimConfiguration) => fn.identity.strings.get(configuration.index);
  kernel.tree.set(`${path}/configuration`, {
    kind: 'file',
    read: () => {
      const text = device.configuration === null ? undefined : name(device.configuration);
      return Buffer.from(text === undefined ? '' : `${text}\n`);
    },
  });
  kernel.attribute(`${path}/devnum`, { show: () => String(device.number) });
  // Those of the kernel's own, which found the device, are in the base.
  const urbs = kernel.exists(`${path}/urbnum`) ? Number(kernel.text(`${path}/urbnum`)) : 0;
  kernel.attribute(`${path}/urbnum`, { show: () => String(urbs + device.pipes.submitted) });
  kernel.attribute(`${path}/dev`, { show: () => `${MAJOR}:${minor()}` });
  kernel.attribute(`${path}/uevent`, {
    show: () =>
      [
        `MAJOR=${MAJOR}`,
        `MINOR=${minor()}`,
        `DEVNAME=${nodeOf(device)}`,
        'DEVTYPE=usb_device',
        'DRIVER=usb',
        ...productLines(device),
        `BUSNUM=${three(device.bus)}`,
        `DEVNUM=${three(device.number)}`,
      ].join('\n'),
  });
}

/** Makes the directory of an interface, where there may be one already. */
export function installUsbInterface(kernel: Kernel, intf: SimUsbInterface): void {
  const { path, name } = intf;
  const live = (attribute: string, show: () => string) => kernel.attribute(`${path}/${attribute}`, { show });
  live('authorized', () => '1');
  live('bInterfaceNumber', () => hexDigits(intf.number, 2));
  live('bAlternateSetting', () => String(intf.alt).padStart(2));
  live('bNumEndpoints', () => hexDigits(intf.setting.endpoints.length, 2));
  live('bInterfaceClass', () => hexDigits(intf.setting.class, 2));
  live('bInterfaceSubClass', () => hexDigits(intf.setting.subclass, 2));
  live('bInterfaceProtocol', () => hexDigits(intf.setting.protocol, 2));
  live('modalias', () => modalias(intf));
  if (!kernel.exists(`${path}/uevent`))
    live('uevent', () => {
      const { class: base, subclass, protocol } = intf.setting;
      const type = `INTERFACE=${base}/${subclass}/${protocol}`;
      return ['DEVTYPE=usb_interface', ...productLines(intf.device), type, `MODALIAS=${modalias(intf)}`].join('\n');
    });
  kernel.link(`${path}/subsystem`, '/sys/bus/usb');
  kernel.link(`${DEVICES}/${name}`, path);
  installEndpoints(kernel, intf);
}

/** Makes the directories of the endpoints of the setting that is chosen. */
export function installEndpoints(kernel: Kernel, { path, setting }: SimUsbInterface): void {
  for (const name of kernel.tree.readDir(path)) if (name.startsWith('ep_')) kernel.tree.delete(`${path}/${name}`);
  for (const endpoint of setting.endpoints) {
    const directory = `${path}/ep_${hexDigits(endpoint.address, 2)}`;
    const attributes: Record<string, string> = {
      bEndpointAddress: hexDigits(endpoint.address, 2),
      bInterval: hexDigits(endpoint.interval, 2),
      bmAttributes: hexDigits(endpoint.bytes.readUInt8(3), 2),
      direction: endpoint.address & 0x80 ? 'in' : 'out',
      type: TYPES[endpoint.type],
      wMaxPacketSize: hexDigits(endpoint.bytes.readUInt16LE(4), 4),
    };
    for (const [name, text] of Object.entries(attributes))
      kernel.attribute(`${directory}/${name}`, { show: () => text });
  }
}

const TYPES: Record<SimEndpoint['type'], string> = {
  control: 'Control',
  isochronous: 'Isoc',
  bulk: 'Bulk',
  interrupt: 'Interrupt',
};

function productLines({ fn }: SimUsbDevice): string[] {
  const { device } = fn.identity.descriptors;
  const ids = [8, 10, 12].map((at) => device.readUInt16LE(at).toString(16));
  return [`PRODUCT=${ids.join('/')}`, `TYPE=${[...device.subarray(4, 7)].join('/')}`];
}

function modalias({ device, setting, number }: SimUsbInterface): string {
  const { device: d } = device.fn.identity.descriptors;
  const upper = (value: number, digits: number) => hexDigits(value, digits).toUpperCase();
  const ids = `v${upper(d.readUInt16LE(8), 4)}p${upper(d.readUInt16LE(10), 4)}d${hexDigits(d.readUInt16LE(12), 4)}`;
  const classes = `dc${upper(d.readUInt8(4), 2)}dsc${upper(d.readUInt8(5), 2)}dp${upper(d.readUInt8(6), 2)}`;
  const own = `ic${upper(setting.class, 2)}isc${upper(setting.subclass, 2)}ip${upper(setting.protocol, 2)}`;
  return `usb:${ids}${classes}${own}in${upper(number, 2)}`;
}

function three(value: number): string {
  return String(value).padStart(3, '0');
}
