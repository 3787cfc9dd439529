import type { AttributeReader } from '../sys/readers/attributes';
import { PCI_DEVICES } from './paths';

/** The Vital Product Data of a function. All texts are the device's: escape them before printing. */
export interface VitalProductData {
  /** The product's name. */
  name: string | null;
  fields: VpdField[];
  /** Faults of the data. */
  notes: string[];
}

export interface VpdField {
  /** Two characters: `PN` is the part number, `SN` the serial number, `EC` the engineering change level, `MN` the manufacturer. */
  keyword: string;
  /** Trailing blanks and zeros left out; bytes beyond ASCII are characters of Latin-1. */
  value: string;
  /** True in the part that software may write. */
  writable: boolean;
}

// PCI Local Bus Specification 3.0, appendix I. A tag with bit 7 set is followed by a length of 16 bits.
const TAG_NAME = 0x82;
const TAG_READ_ONLY = 0x90;
const TAG_READ_WRITE = 0x91;
/** A small tag, whose lower bits are its length. */
const TAG_END = 0x78;
/** Checksum and the rest of the read-only part; the rest of the writable one. */
const CHECKSUM = 'RV';
const REMAINING = 'RW';

/** The address register of the capability has 15 bits. */
const MAX_SIZE = 0x8000;
const MAX_FIELDS = 256;

/**
 * Reads the Vital Product Data through sysfs. It goes through registers of the device, which takes some milliseconds
 * and wakes it: this is not for listing.
 *
 * @returns null where the function has none, or the caller may not read it (root may)
 */
export function readVpd(reader: AttributeReader, address: string): VitalProductData | null {
  const bytes = reader.bytes(`${PCI_DEVICES}/${address}/vpd`, MAX_SIZE);
  return bytes === null || bytes.length === 0 ? null : parseVpd(bytes);
}

/** Decodes Vital Product Data, whatever the bytes: it ends where they make no sense, with a note. */
export function parseVpd(bytes: Buffer): VitalProductData {
  const found: VitalProductData = { name: null, fields: [], notes: [] };
  let at = 0;
  while (at < bytes.length) {
    const tag = bytes.readUInt8(at);
    if (tag < 0x80) {
      if ((tag & 0xf8) !== TAG_END) found.notes.push(`VPD ends at ${at}: ${tag} is no tag`);
      return found;
    }
    if (at + 3 > bytes.length) break;
    const start = at + 3;
    const end = start + bytes.readUInt16LE(at + 1);
    if (end > bytes.length) break;
    if (tag === TAG_NAME) found.name = text(bytes.subarray(start, end));
    else if (tag === TAG_READ_ONLY || tag === TAG_READ_WRITE) readFields(bytes, start, end, tag, found);
    at = end;
  }
  found.notes.push('VPD has no end tag');
  return found;
}

/** Reads keywords of two characters, each with a length of one byte and its data. */
function readFields(bytes: Buffer, start: number, end: number, tag: number, found: VitalProductData): void {
  let at = start;
  while (at + 3 <= end) {
    const keyword = bytes.toString('latin1', at, at + 2);
    const data = at + 3;
    at = data + bytes.readUInt8(at + 2);
    if (at > end) {
      found.notes.push(`VPD field ${keyword} is longer than the part that it is in`);
      return;
    }
    if (keyword === CHECKSUM) {
      // All bytes from the first to the checksum add up to zero.
      if (bytes.subarray(0, data + 1).reduce((sum, byte) => (sum + byte) & 0xff, 0) !== 0)
        found.notes.push('VPD checksum is wrong');
    } else if (keyword !== REMAINING && found.fields.length < MAX_FIELDS)
      found.fields.push({ keyword, value: text(bytes.subarray(data, at)), writable: tag === TAG_READ_WRITE });
  }
}

const text = (bytes: Buffer) => bytes.toString('latin1').replace(/[\0 ]+$/, '');
