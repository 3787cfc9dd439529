/**
 * The layouts of class descriptors in interfaces whose class says nothing (vendor specific, most often). Only a shape
 * that leaves no doubt counts: length, type and values all have to fit.
 */
import { HID } from '../hid/descriptor';
import { decode, type Layout, numberOf, type Values } from '../layout';
import { cdcLayout } from './cdc';
import { CCID } from './small-classes';

const FUNCTIONAL = 0x21;
const INTERFACE = 0x24;
const CDC_HEADER = 0;

/**
 * Versions of HID, CCID and CDC, binary coded decimal: those that were published, and those that smart card readers claim
 * (0x1001 is 1.10 swapped).
 */
const HID_VERSIONS = new Set([0x0100, 0x0101, 0x0110, 0x0111, 0x0200]);
const CCID_VERSIONS = new Set([0x0100, 0x0101, 0x0110, 0x0200, 0x1001]);
const CDC_VERSIONS = new Set([0x0100, 0x0101, 0x0110, 0x0120]);

/** Finds the layouts of one interface's class descriptors, which are given to it in their order. */
export class ShapeFinder {
  /** True once a CDC header came: functional descriptors follow it. */
  #isCdc = false;

  /** Returns the layout of a descriptor; null where its shape leaves a doubt. */
  layoutOf(bytes: Buffer): Layout | null {
    const type = bytes.readUInt8(1);
    if (type === FUNCTIONAL) return fits(CCID, bytes, isCcid) ?? fits(HID, bytes, isHid);
    if (type !== INTERFACE || bytes.length < 3) return null;
    const subtype = bytes.readUInt8(2);
    if (subtype === CDC_HEADER) this.#isCdc ||= fits(cdcLayout(CDC_HEADER), bytes, isCdcHeader) !== null;
    return this.#isCdc ? fits(cdcLayout(subtype), bytes, isKnown) : null;
  }
}

/** Returns the layout where it covers the bytes exactly and its values are consistent; else null. */
function fits(layout: Layout, bytes: Buffer, isConsistent: (values: Values) => boolean): Layout | null {
  const { values, rest, missing } = decode(layout, bytes);
  return missing === null && rest.length === 0 && isConsistent(values) ? layout : null;
}

const isCdcHeader = (values: Values) => CDC_VERSIONS.has(numberOf(values, 'bcdCDC'));

/** Tells whether CDC names the subtype: the layout of others is plain data. */
const isKnown = (values: Values) => values['data'] === undefined;

/** CCID 1.1, table 5.1-1. */
function isCcid(values: Values): boolean {
  const number = (name: string) => numberOf(values, name);
  return (
    CCID_VERSIONS.has(number('bcdCCID')) &&
    number('bVoltageSupport') >= 1 &&
    number('bVoltageSupport') <= 7 &&
    number('dwDefaultClock') <= number('dwMaximumClock') &&
    number('dwDataRate') <= number('dwMaxDataRate') &&
    number('bPINSupport') <= 3
  );
}

/** HID 1.11, chapter 6.2.1: a report descriptor is required, physical ones may follow. */
function isHid(values: Values): boolean {
  const announced = values['descriptors'];
  if (!Array.isArray(announced) || announced.length === 0) return false;
  const [first, ...others] = announced as readonly Values[];
  return (
    HID_VERSIONS.has(numberOf(values, 'bcdHID')) &&
    first?.['bDescriptorType'] === 0x22 &&
    numberOf(first, 'wDescriptorLength') > 0 &&
    others.every(({ bDescriptorType: type }) => type === 0x22 || type === 0x23)
  );
}
