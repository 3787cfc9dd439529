import type { Timeline } from '../hardware/timeline';
import type { SimBusDevice } from '../kernel/bus';
import type { SimConfiguration, SimEndpoint, SimSetting } from './descriptors';
import type { SetupPacket, UsbFunction } from './function';
import { Pipes } from './pipes';

const SET_CONFIGURATION = 9;
const SET_INTERFACE = 11;

/** An open file of a device's node. */
export interface UsbfsOpener {
  /** Called when the device is gone; its transfers have ended by then. */
  disconnected(): void;
}

/** An interface of the active configuration: struct usb_interface. */
export class SimUsbInterface implements SimBusDevice {
  /** `1-2:1.0` */
  readonly name: string;
  readonly path: string;
  readonly device: SimUsbDevice;
  readonly number: number;
  readonly settings: readonly SimSetting[];
  alt = 0;

  constructor(device: SimUsbDevice, configuration: SimConfiguration, number: number) {
    this.device = device;
    this.number = number;
    this.settings = configuration.settings.filter((setting) => setting.number === number);
    this.name = `${device.ports.length === 0 ? `${device.bus}-0` : device.name}:${configuration.value}.${number}`;
    this.path = `${device.path}/${this.name}`;
  }

  /** The setting that is chosen. */
  get setting(): SimSetting {
    const setting = this.settings.find(({ alt }) => alt === this.alt) ?? this.settings[0];
    if (setting === undefined) throw new Error(`${this.name} has no setting`);
    return setting;
  }
}

/** A device on the bus, as its kernel sees it: struct usb_device. */
export class SimUsbDevice {
  /** `1-2`, `usb1` */
  readonly name: string;
  readonly path: string;
  readonly bus: number;
  /** Port numbers from the root hub down. */
  readonly ports: readonly number[];
  /** In Mbit/s, the number of the attribute. */
  readonly speed: number;
  readonly fn: UsbFunction;
  readonly pipes: Pipes;
  /** The address that the host gave it, a new one each time it is plugged in. */
  number: number;
  isConnected = true;
  configuration: SimConfiguration | null = null;
  interfaces: SimUsbInterface[] = [];
  readonly files = new Set<UsbfsOpener>();

  constructor(
    name: string,
    path: string,
    place: { bus: number; ports: readonly number[]; number: number; speed: number },
    fn: UsbFunction,
    timeline: Timeline,
  ) {
    this.name = name;
    this.path = path;
    this.bus = place.bus;
    this.ports = place.ports;
    this.number = place.number;
    this.speed = place.speed;
    this.fn = fn;
    this.pipes = new Pipes(timeline, fn, (address) => this.endpoint(address));
  }

  /** Makes the interfaces of the active configuration. */
  makeInterfaces(configuration: SimConfiguration): void {
    this.configuration = configuration;
    const numbers = new Set(configuration.settings.map(({ number }) => number));
    this.interfaces = [...numbers].map((number) => new SimUsbInterface(this, configuration, number));
  }

  interface(number: number): SimUsbInterface | undefined {
    return this.interfaces.find((one) => one.number === number);
  }

  /** Finds an endpoint among the settings that are chosen. */
  endpoint(address: number): SimEndpoint | undefined {
    return this.interfaces.flatMap(({ setting }) => setting.endpoints).find((one) => one.address === address);
  }

  /** Makes a request of the kernel's own. @returns whether the device took it */
  request(setup: Partial<SetupPacket>): boolean {
    const nothing = { bmRequestType: 0, bRequest: 0, wValue: 0, wIndex: 0, wLength: 0 };
    return this.fn.control({ ...nothing, ...setup }, Buffer.alloc(0)) !== 'stall';
  }

  selectConfiguration(value: number): boolean {
    return this.request({ bRequest: SET_CONFIGURATION, wValue: value });
  }

  selectSetting(number: number, alt: number): boolean {
    return this.request({ bmRequestType: 1, bRequest: SET_INTERFACE, wValue: alt, wIndex: number });
  }
}
