import { splitDescriptors } from '../split-descriptors';

/**
 * Reads the alternate settings and endpoints of a configuration from the bytes that sysfs has in `descriptors`: what a
 * listing needs, without the layouts in `decode/`, which would cost each start (see `split-descriptors.ts`). Fields keep
 * the names of USB 2.0, section 9.6.
 */

export interface EndpointDescriptor {
  /** Bits 0 to 3 the number, bit 7 the direction: in when set. */
  bEndpointAddress: number;
  /** Bits 0 and 1 the transfer type. */
  bmAttributes: number;
  /** Bits 0 to 10 in bytes; 11 and 12, at high speed, the additional transactions in a microframe. */
  wMaxPacketSize: number;
  bInterval: number;
  /** The SuperSpeed companion behind it: USB 3.2, section 9.6.7. */
  companion: CompanionDescriptor | null;
  /** From the SuperSpeedPlus isochronous companion behind that: USB 3.2, section 9.6.8. */
  dwBytesPerInterval: number | null;
}

export interface CompanionDescriptor {
  /** Packets in a burst, less one. */
  bMaxBurst: number;
  /** Bits 0 and 1 of an isochronous endpoint: bursts in a service interval, less one. */
  bmAttributes: number;
  /** Figure of a periodic endpoint; 0 where the next companion has it. */
  wBytesPerInterval: number;
}

/** One alternate setting of an interface. */
export interface SettingDescriptor {
  bInterfaceNumber: number;
  bAlternateSetting: number;
  bInterfaceClass: number;
  bInterfaceSubClass: number;
  bInterfaceProtocol: number;
  /** The endpoints that are there: bNumEndpoints may differ. */
  endpoints: EndpointDescriptor[];
}

/** bDescriptorType: USB 3.2, table 9-6. */
const [CONFIGURATION, INTERFACE, ENDPOINT, COMPANION, ISOCHRONOUS_COMPANION] = [0x02, 0x04, 0x05, 0x30, 0x31];

/** The least bLength of each; anything shorter is none. */
const CONFIGURATION_LENGTH = 9;
const INTERFACE_LENGTH = 9;
const ENDPOINT_LENGTH = 7;
const COMPANION_LENGTH = 6;
const ISOCHRONOUS_COMPANION_LENGTH = 8;

/**
 * Reads the settings of one configuration, in the device's order. A configuration lasts until the next one begins: the
 * kernel cuts them to what it could use, without mending their wTotalLength.
 *
 * @param bytes the device descriptor and all configurations
 * @param value bConfigurationValue; of two that have it, the first counts
 */
export function readSettings(bytes: Buffer, value: number): SettingDescriptor[] {
  const settings: SettingDescriptor[] = [];
  let isWanted = false;
  let setting: SettingDescriptor | undefined;
  let endpoint: EndpointDescriptor | undefined;
  for (const { bDescriptorType: type, bytes: own } of splitDescriptors(bytes).descriptors) {
    if (type === CONFIGURATION && own.length >= CONFIGURATION_LENGTH) {
      if (isWanted) break;
      isWanted = own.readUInt8(5) === value;
    }
    if (!isWanted) continue;
    if (type === INTERFACE && own.length >= INTERFACE_LENGTH) {
      setting = settingDescriptor(own);
      endpoint = undefined;
      settings.push(setting);
    } else if (type === ENDPOINT && own.length >= ENDPOINT_LENGTH) {
      endpoint = endpointDescriptor(own);
      setting?.endpoints.push(endpoint);
    } else if (type === COMPANION && own.length >= COMPANION_LENGTH && endpoint !== undefined) {
      endpoint.companion ??= companionDescriptor(own);
    } else if (type === ISOCHRONOUS_COMPANION && own.length >= ISOCHRONOUS_COMPANION_LENGTH && endpoint !== undefined) {
      endpoint.dwBytesPerInterval ??= own.readUInt32LE(4);
    }
  }
  return settings;
}

function settingDescriptor(bytes: Buffer): SettingDescriptor {
  return {
    bInterfaceNumber: bytes.readUInt8(2),
    bAlternateSetting: bytes.readUInt8(3),
    bInterfaceClass: bytes.readUInt8(5),
    bInterfaceSubClass: bytes.readUInt8(6),
    bInterfaceProtocol: bytes.readUInt8(7),
    endpoints: [],
  };
}

function endpointDescriptor(bytes: Buffer): EndpointDescriptor {
  return {
    bEndpointAddress: bytes.readUInt8(2),
    bmAttributes: bytes.readUInt8(3),
    wMaxPacketSize: bytes.readUInt16LE(4),
    bInterval: bytes.readUInt8(6),
    companion: null,
    dwBytesPerInterval: null,
  };
}

function companionDescriptor(bytes: Buffer): CompanionDescriptor {
  return {
    bMaxBurst: bytes.readUInt8(2),
    bmAttributes: bytes.readUInt8(3),
    wBytesPerInterval: bytes.readUInt16LE(4),
  };
}
