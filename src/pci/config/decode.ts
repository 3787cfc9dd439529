import { hex } from '../../text/hex';
import { portTypeOf } from './express';
import { EXTENDED } from './extended-capabilities';
import { bitsOf, Space } from './fields';
import { decodeHeader, HEADER_SIZE } from './header';
import { bytesOf, STANDARD } from './standard-capabilities';
import type { Capability, CapabilityKind, ConfigHeader, ConfigSpace, DecodingContext, FunctionIds } from './types';

// <linux/pci_regs.h>
const PCI_STATUS = 0x06;
const PCI_STATUS_CAP_LIST = 0x10;
const PCI_CAPABILITY_LIST = 0x34;
const PCI_CB_CAPABILITY_LIST = 0x14;
const PCI_CAP_ID_EXP = 0x10;
const PCI_CAP_ID_PCIX = 0x07;

/** The vendor id that no vendor has. */
const NO_VENDOR = 'ffff';

const CONVENTIONAL_SIZE = 0x100;
/** The size of PCI Express's space, in bytes; bytes behind it are ignored. */
export const CONFIG_SPACE_SIZE = 0x1000;
const EXTENDED_START = 0x100;

/** One entry of a capability list, not decoded yet. */
interface ListEntry {
  capabilityId: number;
  /** Null for a conventional one, which has none here. */
  version: number | null;
  offset: number;
}

/** The bytes that an entry was decoded from: to see which of them overlap. */
interface ByteRange {
  label: string;
  start: number;
  end: number;
}

/**
 * Decodes a configuration space, of a live function as well as from a file. It takes any bytes: values that make no
 * sense are left out and told in `notes`.
 *
 * @param bytes 64 bytes of header at least, 256 with the capabilities, 4096 with the extended ones; more are ignored
 * @param known the ids that the kernel has for the function: the header of an SR-IOV virtual function has none
 */
export function decodeConfig(bytes: Buffer, known?: FunctionIds): ConfigSpace {
  const space = new Space(bytes, CONFIG_SPACE_SIZE);
  const notes: string[] = [];
  const decoded: ConfigSpace = { size: space.length, header: null, capabilities: [], extendedCapabilities: [], notes };
  if (space.length < HEADER_SIZE) {
    notes.push(`truncated: ${space.length} bytes of the ${HEADER_SIZE} of a header`);
    return decoded;
  }
  if (readsAsOnes(bytes)) {
    notes.push('reads as all ones: the function is not there, is not powered, or its link is down');
    return decoded;
  }
  decoded.header = decodeHeader(space);
  takeIds(decoded.header, known, notes);
  const { vendorId, deviceId, headerType } = decoded.header;

  const entries = standardEntries(space, headerType, notes);
  const express = entries.find((entry) => entry.capabilityId === PCI_CAP_ID_EXP);
  const context: DecodingContext = {
    headerType,
    vendorId: Number.parseInt(vendorId, 16),
    deviceId: Number.parseInt(deviceId, 16),
    portType: express === undefined ? null : portTypeOf(space.read(express.offset + 2, 2) ?? 0),
  };
  const ranges: ByteRange[] = [];
  const conventional = { space, limit: Math.min(CONVENTIONAL_SIZE, space.length), context, ranges, notes };
  decoded.capabilities = decodeEntries(entries, STANDARD, 2, conventional);

  // Only PCI Express and PCI-X have more than 256 bytes; elsewhere a reader may find anything there.
  if (entries.some(({ capabilityId }) => capabilityId === PCI_CAP_ID_EXP || capabilityId === PCI_CAP_ID_PCIX)) {
    const extended = extendedEntries(space, notes);
    decoded.extendedCapabilities = decodeEntries(extended, EXTENDED, 4, { ...conventional, limit: space.length });
  }
  noteOverlaps(ranges, notes);
  return decoded;
}

/** Puts the kernel's ids into a header that has none. */
function takeIds(header: ConfigHeader, known: FunctionIds | undefined, notes: string[]): void {
  if (header.vendorId !== NO_VENDOR) return;
  if (known === undefined || known.vendorId === NO_VENDOR) {
    notes.push('no vendor id: an SR-IOV virtual function, whose ids its physical function has');
    return;
  }
  const { vendorId, deviceId } = known;
  notes.push(
    `the header has no ids (${header.vendorId}:${header.deviceId}), as that of an SR-IOV virtual function; ${vendorId}:${deviceId} is what the kernel has`,
  );
  Object.assign(header, { vendorId, deviceId });
}

/** Tells whether the header is all ones, which the bus answers in place of a function that does not. */
export function readsAsOnes(bytes: Buffer): boolean {
  return bytes.length > 0 && bytes.subarray(0, HEADER_SIZE).every((byte) => byte === 0xff);
}

/** Follows the list of the first 256 bytes: each entry is its id, the offset of the next, and its registers. */
function standardEntries(space: Space, headerType: number, notes: string[]): ListEntry[] {
  if (((space.read(PCI_STATUS, 2) ?? 0) & PCI_STATUS_CAP_LIST) === 0) return [];
  if (headerType > 2) {
    notes.push(`unknown header type ${hex(headerType, 2)}: where its capabilities begin is not known`);
    return [];
  }
  const limit = Math.min(CONVENTIONAL_SIZE, space.length);
  const entries: ListEntry[] = [];
  const seen = new Set<number>();
  // The two lower bits are reserved.
  const pointer = (offset: number) => (space.read(offset, 1) ?? 0) & ~3;
  let offset = pointer(headerType === 2 ? PCI_CB_CAPABILITY_LIST : PCI_CAPABILITY_LIST);
  while (offset !== 0) {
    if (offset + 2 > limit) {
      notes.push(`truncated: the capability at ${hex(offset, 2)} is not among the ${space.length} bytes`);
      break;
    }
    if (seen.has(offset)) {
      notes.push(`capability list loops back to ${hex(offset, 2)}`);
      break;
    }
    seen.add(offset);
    const capabilityId = space.read(offset, 1) ?? 0;
    if (capabilityId === 0xff) {
      notes.push(`capability list is broken at ${hex(offset, 2)}: id 0xff`);
      break;
    }
    // The kernel takes nothing below 64 for a capability, of whatever type the header is; lspci goes on, and so does this.
    if (offset < HEADER_SIZE && !entries.some((entry) => entry.offset < HEADER_SIZE))
      notes.push(`capability list leads into the header, at ${hex(offset, 2)}: the kernel ends it there`);
    entries.push({ capabilityId, version: null, offset });
    offset = pointer(offset + 1);
  }
  return entries;
}

/** Follows the list that begins at 0x100: id, version and next offset are one register. */
function extendedEntries(space: Space, notes: string[]): ListEntry[] {
  const entries: ListEntry[] = [];
  const seen = new Set<number>();
  let offset = EXTENDED_START;
  // Conventional bytes alone are no reason for a remark: a PCI-X function need not have more.
  if (space.length <= EXTENDED_START) return entries;
  while (offset !== 0) {
    if (seen.has(offset)) {
      notes.push(`extended capability list loops back to ${hex(offset, 3)}`);
      break;
    }
    seen.add(offset);
    const head = offset + 4 > space.length ? undefined : space.read(offset, 4);
    if (head === undefined) {
      notes.push(`truncated: the extended capability at ${hex(offset, 3)} is not among the ${space.length} bytes`);
      break;
    }
    if (head === 0 || head === 0xffffffff) {
      if (offset !== EXTENDED_START)
        notes.push(`extended capability list ends at ${hex(offset, 3)}, where ${hex(head, 8)} is no capability`);
      break;
    }
    // Such an entry is garbage, and stands in lspci's list, as above.
    if (offset < EXTENDED_START && !entries.some((entry) => entry.offset < EXTENDED_START))
      notes.push(
        `extended capability list leads below ${hex(EXTENDED_START)}, at ${hex(offset, 3)}: the kernel ends it there`,
      );
    entries.push({ capabilityId: bitsOf(head, 0, 16), version: bitsOf(head, 16, 4), offset });
    offset = bitsOf(head, 22, 10) * 4;
  }
  return entries;
}

interface Decoding {
  space: Space;
  /** The end of the space that this kind of capability may take. */
  limit: number;
  context: DecodingContext;
  ranges: ByteRange[];
  notes: string[];
}

function decodeEntries(
  entries: readonly ListEntry[],
  kinds: Readonly<Record<number, CapabilityKind>>,
  idDigits: 2 | 4,
  { space, limit, context, ranges, notes }: Decoding,
): Capability[] {
  const offsets = entries.map(({ offset }) => offset).sort((a, b) => a - b);
  return entries.map(({ capabilityId, version, offset }) => {
    const kind = kinds[capabilityId] ?? { name: `Capability ID ${hex(capabilityId, idDigits)}` };
    // A view for each entry shows how far its decoder went.
    const view = new Space(space.bytes, limit);
    view.end = offset + idDigits;
    view.next = offsets.find((other) => other > offset) ?? limit;
    const fields = kind.decode?.(view, offset, context) ?? bytesOf(view, offset, view.next - offset);
    const label = `${kind.name} at ${hex(offset, idDigits === 2 ? 2 : 3)}`;
    if (view.cutOff) notes.push(`${label} does not end before ${hex(view.next, 2)}`);
    ranges.push({ label, start: offset, end: view.end });
    const head = { id: hex(capabilityId, idDigits), name: kind.name, offset };
    return { ...head, ...(version === null ? {} : { version }), ...fields };
  });
}

/** Notes structures that share bytes: one of the pointers, or of the ids, is wrong. */
function noteOverlaps(ranges: readonly ByteRange[], notes: string[]): void {
  const sorted = [...ranges].sort((a, b) => a.start - b.start);
  let last: ByteRange | undefined;
  for (const range of sorted) {
    if (last !== undefined && range.start < last.end) notes.push(`${last.label} and ${range.label} overlap`);
    if (last === undefined || range.end > last.end) last = range;
  }
}
