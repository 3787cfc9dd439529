import { describeDescriptors } from '../../../src/cli/output/descriptors';
import { json } from '../../../src/cli/output/escape';
import type { Descriptor } from '../../../src/usb/decode/descriptor';
import {
  type DescriptorTree,
  decodeBos,
  decodeDescriptors,
  decodeMsos20,
  encodeDescriptors,
} from '../../../src/usb/decode/descriptor-tree';
import { decodeReport, describeReport, encodeReport, type ReportDescriptor } from '../../../src/usb/decode/hid/report';
import { type DecodeContext, descriptorJson } from '../../../src/usb/decode/json';
import type { UsbDescription } from '../../../src/usb/inspect/describe';
import { readSettings } from '../../../src/usb/inspect/settings';
import { parseUsbmonLine } from '../../../src/usb/usbmon';
import { BOS, DEVICES, HID_REPORT, MSOS20_SET } from '../../support/usb-fixtures';
import { PLAIN_STYLE } from '../plain';
import { expectShown, type Target } from '../target';

/** The longest text, and JSON, for each byte: a byte of flags is a line for each of its bits at most. */
const MOST_TEXT_PER_BYTE = 400;
const MOST_TEXT = 1000;

/** Speeds in Mbit/s: checks differ. */
const SPEEDS = [1.5, 12, 480, 5000, 10_000, null];

function atSomeSpeed(bytes: Buffer): DescriptorTree {
  return decodeDescriptors(bytes, SPEEDS[bytes.length % SPEEDS.length]);
}

/** Descriptors that are written as they were read, and text that is not too long. */
function checkTree(bytes: Buffer, decode: (bytes: Buffer) => DescriptorTree): void {
  const tree = decode(bytes);
  if (!encodeDescriptors(tree).equals(bytes)) throw new Error(`${decode.name}: not written as it was read`);
  expectLength(bytes, shownLength(tree, decodeReport(bytes.subarray(0, 64)), bytes.length));
}

function expectLength(bytes: Buffer, length: number): void {
  if (length > MOST_TEXT + MOST_TEXT_PER_BYTE * bytes.length)
    throw new Error(`${bytes.length} bytes become ${length} characters`);
}

function shownLength(tree: DescriptorTree, report: ReportDescriptor, size: number): number {
  const hid = find(tree.descriptors, 'hid');
  const context: DecodeContext = {
    speedMbps: SPEEDS[(size >> 2) % SPEEDS.length] ?? null,
    vendorName: null,
    productName: 'product',
    string: (index) => (index % 2 ? `string ${index} \x1b[31m` : undefined),
    reports: new Map(hid === undefined ? [] : [[hid, report]]),
  };
  const device = { address: '1-1', vendorId: '1234', deviceId: '5678', name: 'device', usb: { configuration: 1 } };
  const description: UsbDescription = {
    device: device as UsbDescription['device'],
    raw: { descriptors: Buffer.alloc(0), bos: null, reports: [] },
    tree,
    bos: tree,
    context,
    answers: null,
    errors: [],
  };
  const text = describeDescriptors(description, [], { style: PLAIN_STYLE, verbose: true, width: 80 });
  expectShown(text);
  const document = json(tree.descriptors.map((found) => descriptorJson(found, context)));
  expectShown(document);
  return Math.max(text.length, document.length);
}

function find(descriptors: readonly Descriptor[], id: string): Descriptor | undefined {
  for (const found of descriptors) {
    const inner = found.layout.id === id ? found : find(found.children, id);
    if (inner !== undefined) return inner;
  }
  return undefined;
}

const descriptors: Target = {
  name: 'descriptors',
  seeds: Object.values(DEVICES),
  run(input) {
    readSettings(input, 1);
    checkTree(input, atSomeSpeed);
  },
};

const capabilities: Target = {
  name: 'bos',
  seeds: [BOS, MSOS20_SET],
  run(input) {
    checkTree(input, decodeBos);
    checkTree(input, decodeMsos20);
  },
};

const report: Target = {
  name: 'hid-report',
  seeds: [HID_REPORT],
  run(input) {
    const decoded = decodeReport(input);
    if (!encodeReport(decoded).equals(input)) throw new Error('not written as it was read');
    const text = json(describeReport(decoded));
    expectShown(text);
    expectLength(input, text.length);
  },
};

const usbmon: Target = {
  name: 'usbmon',
  seeds: [
    Buffer.from('ffff88003ffb1a00 3575914555 C Ci:1:003:0 0 4 = 01050000'),
    Buffer.from('ffff88003ffb1a00 3575914560 C Zo:2:012:3 0:1:2:0 2 0:0:8 -18:8:0 16 >'),
  ],
  run: (input) => void parseUsbmonLine(input.toString('latin1')),
};

export const targets = [descriptors, capabilities, report, usbmon];
