/** All that udrv does with the bytes of descriptors, from parsing to the text; what it promises about that. */
import { describeDescriptors } from '../../src/cli/output/descriptors';
import type { Descriptor } from '../../src/usb/decode/descriptor';
import {
  type DescriptorTree,
  decodeBos,
  decodeDescriptors,
  decodeMsos20,
  encodeDescriptors,
} from '../../src/usb/decode/descriptor-tree';
import { decodeReport, describeReport, encodeReport, type ReportDescriptor } from '../../src/usb/decode/hid/report';
import { type DecodeContext, descriptorJson } from '../../src/usb/decode/json';
import type { UsbDescription } from '../../src/usb/inspect/describe';
import { readSettings } from '../../src/usb/inspect/settings';

const plain = (text: string) => text;
const STYLE = { heading: plain, good: plain, warning: plain, bad: plain, dim: plain };

/** The longest text, and JSON, for each byte: a byte of flags is a line for each of its bits at most. */
const MOST_TEXT_PER_BYTE = 400;
const MOST_TEXT = 1000;

const SPEEDS = [1.5, 12, 480, 5000, 10_000, null];

/** Decodes at a speed that the input's length chooses, so that the checks of every speed are run. */
function decodeAtSpeed(bytes: Buffer): DescriptorTree {
  return decodeDescriptors(bytes, SPEEDS[bytes.length % SPEEDS.length]);
}

const DECODERS = [decodeAtSpeed, decodeBos, decodeMsos20];

/**
 * Throws where a promise is broken. Everything is parsed and written; one thing, which the input's length chooses, is
 * also made into text and JSON, for that takes most of the time.
 *
 * @returns how long the longest of these became
 */
export function checkInput(bytes: Buffer): number {
  const rendered = bytes.length % (DECODERS.length + 1);
  readSettings(bytes, 1);
  const report = decodeReport(bytes);
  if (!encodeReport(report).equals(bytes)) throw new Error('a report descriptor is not written as it was read');
  let longest = rendered === DECODERS.length ? JSON.stringify(describeReport(report)).length : 0;
  for (const [i, decode] of DECODERS.entries()) {
    const tree = decode(bytes);
    if (!encodeDescriptors(tree).equals(bytes)) throw new Error(`${decode.name}: not written as it was read`);
    if (i === rendered) longest = textLength(tree, report, bytes.length);
  }
  const most = MOST_TEXT + MOST_TEXT_PER_BYTE * bytes.length;
  if (longest > most) throw new Error(`${bytes.length} bytes become ${longest} characters`);
  return longest;
}

function textLength(tree: DescriptorTree, report: ReportDescriptor, size: number): number {
  const hid = find(tree.descriptors, 'hid');
  const context: DecodeContext = {
    speedMbps: SPEEDS[(size >> 2) % SPEEDS.length] ?? null,
    vendorName: null,
    productName: 'product',
    string: (index) => (index % 2 ? `string ${index} \x1b[31m` : undefined),
    reports: new Map(hid === undefined ? [] : [[hid, report]]),
  };
  const description: UsbDescription = {
    device: {
      address: '1-1',
      vendorId: '1234',
      deviceId: '5678',
      name: 'device',
      usb: { configuration: 1 },
    } as UsbDescription['device'],
    raw: { descriptors: Buffer.alloc(0), bos: null, reports: [] },
    tree,
    bos: tree,
    context,
    answers: null,
    errors: [],
  };
  const text = describeDescriptors(description, [], { style: STYLE, verbose: true, width: 80 });
  if (/[^\n\x20-\x7e\u00a0-\uffff]/.test(text)) throw new Error('a control character reaches the terminal');
  const json = JSON.stringify(tree.descriptors.map((found) => descriptorJson(found, context)));
  return Math.max(text.length, json.length);
}

function find(descriptors: readonly Descriptor[], id: string): Descriptor | undefined {
  for (const found of descriptors) {
    const inner = found.layout.id === id ? found : find(found.children, id);
    if (inner !== undefined) return inner;
  }
  return undefined;
}
