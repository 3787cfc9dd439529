/**
 * Asks an open device for what sysfs does not have: strings (`strings.ts`), hub and port status, Microsoft OS
 * descriptors... Each question is one control transfer. An answer that does not come is noted, and is no failure.
 */
import { SysError, UdrvError } from '../../errors';
import { MSOS20_UUID, WEBUSB_UUID } from '../decode/bos';
import { HUB, PORT_STATUS, SUPERSPEED_HUB, SUPERSPEED_PORT_STATUS } from '../decode/classes/hub';
import { type Descriptor, descriptor } from '../decode/descriptor';
import { type DescriptorTree, decodeBos, decodeDescriptors, decodeMsos20 } from '../decode/descriptor-tree';
import { stringIndices } from '../decode/json';
import { numberOf, type Values } from '../decode/layout';
import { MSOS10_COMPATIBLE_ID, MSOS10_STRING, WEBUSB_URL } from '../decode/msos';
import { DEBUG, DEVICE_QUALIFIER, DEVICE_STATUS } from '../decode/standard';
import { readStrings, type UsbString } from './strings';

/** The first eight bytes of a control transfer, without the length. */
export interface Setup {
  bmRequestType: number;
  bRequest: number;
  wValue: number;
  wIndex: number;
}

/** A control transfer into the host: at most `length` bytes. Rejects with a SysError or UdrvError. */
export type ControlIn = (setup: Setup, length: number) => Promise<Buffer>;

/** A question that was not answered. */
export interface Unanswered {
  what: string;
  /** The errno by name: EPIPE where the device says no. */
  code: string;
}

export interface Answers {
  /** Device qualifier, hub, ports and so on, each where there is one. */
  descriptors: Descriptor[];
  /** Null where sysfs has it, or the device has none. */
  bos: DescriptorTree | null;
  strings: UsbString[];
  unanswered: Unanswered[];
}

export interface Known {
  tree: DescriptorTree;
  /** The store that sysfs has; null: to be asked for. */
  bos: DescriptorTree | null;
}

const [IN_DEVICE, IN_CLASS_DEVICE, IN_CLASS_OTHER, IN_VENDOR_DEVICE] = [0x80, 0xa0, 0xa3, 0xc0];
const [GET_STATUS, GET_DESCRIPTOR] = [0, 6];

/** Limit of the kernel's hub driver. */
const MOST_PORTS = 255;
/** Number of timeouts after which a device is asked no more. */
const MOST_TIMEOUTS = 3;
/** Longest control transfer through usbfs, in bytes. */
const LONGEST = 4096;

export async function askDevice(control: ControlIn, known: Known): Promise<Answers> {
  const answers: Answers = { descriptors: [], bos: null, strings: [], unanswered: [] };

  let timeouts = 0;
  const ask = async (what: string, setup: Setup, length: number): Promise<Buffer | null> => {
    if (timeouts >= MOST_TIMEOUTS) return null;
    try {
      return await control(setup, Math.min(length, LONGEST));
    } catch (error) {
      if (!(error instanceof SysError || error instanceof UdrvError)) throw error;
      // The device is gone: there is nothing to ask on.
      if (error.code === 'ENODEV' || error.code === 'ESHUTDOWN') throw error;
      if (error.code === 'ETIMEDOUT') timeouts++;
      answers.unanswered.push({ what, code: error.code });
      return null;
    }
  };
  const getDescriptor = (what: string, type: number, length: number, index = 0, wIndex = 0) =>
    ask(what, { bmRequestType: IN_DEVICE, bRequest: GET_DESCRIPTOR, wValue: (type << 8) | index, wIndex }, length);
  /** Asks twice for a descriptor with a wTotalLength: for its head, then for all of it. */
  const getWhole = async (what: string, type: number, length: number) => {
    const head = await getDescriptor(what, type, length);
    return head === null || head.length < 4
      ? head
      : getDescriptor(what, type, Math.max(head.length, head.readUInt16LE(2)));
  };

  const device = known.tree.descriptors.find(({ layout }) => layout.id === 'device')?.values ?? {};
  const bcdUSB = numberOf(device, 'bcdUSB');

  if (known.bos === null && bcdUSB >= 0x0201) {
    const bytes = await getWhole('binary object store', 0x0f, 5);
    if (bytes !== null) answers.bos = decodeBos(bytes);
  }
  if (bcdUSB >= 0x0200 && bcdUSB < 0x0300) {
    const qualifier = await getDescriptor('device qualifier', 0x06, 10);
    if (qualifier !== null) {
      answers.descriptors.push(descriptor(DEVICE_QUALIFIER, qualifier));
      const otherSpeed = await getWhole('other speed configuration', 0x07, 9);
      if (otherSpeed !== null) answers.descriptors.push(...decodeDescriptors(otherSpeed).descriptors);
    }
    const debug = await getDescriptor('debug descriptor', 0x0a, 4);
    if (debug !== null) answers.descriptors.push(descriptor(DEBUG, debug));
  }
  if (numberOf(device, 'bDeviceClass') === 0x09) await askHub(numberOf(device, 'bDeviceProtocol') === 3);

  const capabilities = (known.bos ?? answers.bos)?.descriptors.flatMap(({ children }) => children) ?? [];
  for (const { values } of capabilities) await askPlatform(values);
  await askMsos10();
  const { languages, strings } = await readStrings(
    (what, index, langId) => getDescriptor(what, 0x03, 255, index, langId),
    usedStrings(),
  );
  if (languages !== null) answers.descriptors.push(languages);
  answers.strings.push(...strings);

  const status = await ask(
    'device status',
    { bmRequestType: IN_DEVICE, bRequest: GET_STATUS, wValue: 0, wIndex: 0 },
    2,
  );
  if (status !== null) answers.descriptors.push(descriptor(DEVICE_STATUS, status));
  return answers;

  async function askHub(isSuperSpeed: boolean): Promise<void> {
    const type = isSuperSpeed ? 0x2a : 0x29;
    const bytes = await ask(
      'hub descriptor',
      { bmRequestType: IN_CLASS_DEVICE, bRequest: GET_DESCRIPTOR, wValue: type << 8, wIndex: 0 },
      isSuperSpeed ? 12 : 71,
    );
    if (bytes === null) return;
    // Root hubs fill the whole answer, whatever their length says.
    const hub = descriptor(isSuperSpeed ? SUPERSPEED_HUB : HUB, bytes.subarray(0, bytes.at(0)));
    answers.descriptors.push(hub);
    const ports = Math.min(numberOf(hub.values, 'bNbrPorts'), MOST_PORTS);
    for (let port = 1; port <= ports; port++) {
      const setup = { bmRequestType: IN_CLASS_OTHER, bRequest: GET_STATUS, wValue: 0, wIndex: port };
      const status = await ask(`status of port ${port}`, setup, 4);
      if (status === null) continue;
      const layout = isSuperSpeed ? SUPERSPEED_PORT_STATUS : PORT_STATUS;
      hub.children.push(descriptor(layout, Buffer.concat([Buffer.from([port]), status])));
    }
  }

  /** Asks for what a platform capability announces: WebUSB, chapter 4.1; Microsoft OS 2.0 Descriptors, "Retrieving". */
  async function askPlatform(values: Values): Promise<void> {
    const fromVendor = (what: string, bRequest: number, wValue: number, wIndex: number, length: number) =>
      ask(what, { bmRequestType: IN_VENDOR_DEVICE, bRequest, wValue, wIndex }, length);
    if (values['PlatformCapabilityUUID'] === WEBUSB_UUID && numberOf(values, 'iLandingPage') !== 0) {
      const url = await fromVendor(
        'WebUSB URL',
        numberOf(values, 'bVendorCode'),
        numberOf(values, 'iLandingPage'),
        2,
        255,
      );
      if (url !== null) answers.descriptors.push(descriptor(WEBUSB_URL, url));
    }
    const sets = values['descriptorSets'];
    if (values['PlatformCapabilityUUID'] !== MSOS20_UUID || !Array.isArray(sets)) return;
    for (const set of sets as readonly Values[]) {
      const length = numberOf(set, 'wMSOSDescriptorSetTotalLength');
      const bytes = await fromVendor('Microsoft OS 2.0 descriptors', numberOf(set, 'bMS_VendorCode'), 0, 7, length);
      if (bytes === null) continue;
      const { descriptors, rest, notes } = decodeMsos20(bytes);
      const [first] = descriptors;
      if (first !== undefined && rest.length > 0) first.notes.push(...notes);
      answers.descriptors.push(...descriptors);
    }
  }

  /** Asks for string 0xEE, and for the compatible IDs behind its vendor code. */
  async function askMsos10(): Promise<void> {
    const bytes = await getDescriptor('Microsoft OS 1.0 string', 0x03, 18, 0xee);
    const isThere = bytes?.subarray(2, 16).toString('utf16le') === 'MSFT100';
    if (bytes === null || !isThere) return;
    const found = descriptor(MSOS10_STRING, bytes);
    answers.descriptors.push(found);
    const setup = {
      bmRequestType: IN_VENDOR_DEVICE,
      bRequest: numberOf(found.values, 'bMS_VendorCode'),
      wValue: 0,
      wIndex: 4,
    };
    const head = await ask('Microsoft OS 1.0 compatible IDs', setup, 16);
    if (head === null || head.length < 4) return;
    const ids = await ask('Microsoft OS 1.0 compatible IDs', setup, head.readUInt32LE(0));
    if (ids !== null) answers.descriptors.push(descriptor(MSOS10_COMPATIBLE_ID, ids));
  }

  /** The indices of all strings that a descriptor refers to. */
  function usedStrings(): ReadonlySet<number> {
    return stringIndices([
      ...known.tree.descriptors,
      ...((known.bos ?? answers.bos)?.descriptors ?? []),
      ...answers.descriptors,
    ]);
  }
}
