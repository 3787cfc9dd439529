import { hex } from '../../text/hex';
import { pciClassName } from '../class-names';
import { bitsOf, by, choice, type Fields, fieldsOf, flag, flags, id, type RegisterLayout, type Space } from './fields';
import type { ConfigHeader } from './types';

// PCI Express Base Specification, 7.5.1 (headers of type 0 and 1); PC Card Standard 8.0 (type 2); <linux/pci_regs.h>.

export const HEADER_SIZE = 64;
const CARDBUS_HEADER_SIZE = 128;

const COMMAND = flags({
  ioSpace: 0,
  memorySpace: 1,
  busMaster: 2,
  specialCycles: 3,
  memoryWriteInvalidate: 4,
  vgaPaletteSnoop: 5,
  parityErrorResponse: 6,
  stepping: 7,
  serr: 8,
  fastBackToBack: 9,
  interruptDisable: 10,
});

const ABORTS: RegisterLayout = {
  ...flags({ mhz66: 5, userDefinable: 6, fastBackToBack: 7, masterDataParityError: 8 }),
  devsel: choice(9, 2, ['fast', 'medium', 'slow']),
  ...flags({
    signaledTargetAbort: 11,
    receivedTargetAbort: 12,
    receivedMasterAbort: 13,
    systemError: 14,
    detectedParityError: 15,
  }),
};

const STATUS: RegisterLayout = { ...flags({ immediateReadiness: 0, interrupt: 3, capabilitiesList: 4 }), ...ABORTS };

const BRIDGE_CONTROL = flags({
  parityErrorResponse: 0,
  serr: 1,
  isa: 2,
  vga: 3,
  vga16: 4,
  masterAbortMode: 5,
  secondaryBusReset: 6,
  fastBackToBack: 7,
  primaryDiscardTimer: 8,
  secondaryDiscardTimer: 9,
  discardTimerStatus: 10,
  discardTimerSerr: 11,
});

const CARDBUS_CONTROL = flags({
  parityErrorResponse: 0,
  serr: 1,
  isa: 2,
  vga: 3,
  masterAbortMode: 5,
  cardReset: 6,
  interrupt16: 7,
  memory0Prefetchable: 8,
  memory1Prefetchable: 9,
  postWrites: 10,
});

const BIST = { completionCode: by(0, 4, (code) => code), start: flag(6) };

/** Decodes the header. @param space with at least the 64 bytes of it */
export function decodeHeader(space: Space): ConfigHeader {
  const byte = (offset: number) => space.read(offset, 1) ?? 0;
  const word = (offset: number) => space.read(offset, 2) ?? 0;
  const long = (offset: number) => space.read(offset, 4) ?? 0;
  const register = (offset: number, layout: RegisterLayout): Fields => {
    const value = word(offset);
    return { value: hex(value, 4), ...fieldsOf(value, layout) };
  };

  const classCode = bitsOf(long(0x08), 8, 24);
  const headerType = byte(0x0e) & 0x7f;
  const bist = byte(0x0f);
  const pin = byte(0x3d);
  const common = {
    vendorId: id(word(0x00)),
    deviceId: id(word(0x02)),
    class: hex(classCode, 6),
    className: pciClassName(id(classCode, 6)),
    revision: id(byte(0x08), 2),
    headerType,
    multiFunction: byte(0x0e) >= 0x80,
  };
  const status: Fields = {
    command: register(0x04, COMMAND),
    status: register(0x06, STATUS),
    latencyTimer: byte(0x0d),
    cacheLineBytes: 4 * byte(0x0c),
    ...(bist & 0x80 ? { bist: { value: hex(bist, 2), ...fieldsOf(bist, BIST) } } : {}),
    interruptPin: pin >= 1 && pin <= 4 ? 'ABCD'.charAt(pin - 1) : pin === 0 ? null : hex(pin, 2),
    interruptLine: byte(0x3c),
  };

  if (headerType === 0)
    return {
      ...common,
      subsystem: subsystem(word(0x2c), word(0x2e)),
      ...status,
      minGnt: byte(0x3e),
      maxLat: byte(0x3f),
      bars: decodeBars(space, 0x10, 6),
      rom: rom(long(0x30)),
    };
  if (headerType === 1)
    return {
      ...common,
      // A bridge has its subsystem in a capability.
      subsystem: null,
      ...status,
      bars: decodeBars(space, 0x10, 2),
      rom: rom(long(0x38)),
      buses: buses(space),
      secondaryStatus: register(0x1e, ABORTS),
      bridgeControl: register(0x3e, BRIDGE_CONTROL),
      windows: bridgeWindows(space),
    };
  if (headerType === 2) {
    const behind = space.length >= CARDBUS_HEADER_SIZE;
    return {
      ...common,
      subsystem: behind ? subsystem(word(0x40), word(0x42)) : null,
      ...status,
      bars: decodeBars(space, 0x10, 1),
      buses: buses(space),
      secondaryStatus: register(0x16, ABORTS),
      bridgeControl: register(0x3e, CARDBUS_CONTROL),
      windows: cardbusWindows(space),
      ...(behind ? { legacyBase: hex(long(0x44) - (long(0x44) % 2), 4) } : {}),
    };
  }
  return { ...common, subsystem: null, ...status };
}

function subsystem(vendor: number, device: number): string | null {
  return vendor === 0 && device === 0 ? null : `${id(vendor)}:${id(device)}`;
}

function buses(space: Space): Fields {
  const [primary, secondary, subordinate, secondaryLatency] = [0x18, 0x19, 0x1a, 0x1b].map((at) => space.read(at, 1));
  const bus = (number: number | undefined) => id(number ?? 0, 2);
  return {
    primary: bus(primary),
    secondary: bus(secondary),
    subordinate: bus(subordinate),
    latencyTimer: secondaryLatency ?? 0,
  };
}

/**
 * Decodes BARs as far as they are in use: one that reads as zero is not implemented, or has no address. Their sizes
 * are not in the configuration space.
 *
 * @param at the offset of the first: SR-IOV has a set of its own
 */
export function decodeBars(space: Space, at: number, count: number, kind = 'bar'): Fields[] {
  const bars: Fields[] = [];
  for (let index = 0; index < count; index++) {
    const low = space.read(at + 4 * index, 4);
    if (low === undefined) break;
    const name = `${kind}${index}`;
    const wide = (low & 1) === 0 && bitsOf(low, 1, 2) === 2;
    // The next BAR is the upper half, even where this one is the last and has none.
    const high = wide ? (space.read(at + 4 * ++index, 4) ?? 0) : 0;
    if ((low === 0 || low === 0xffffffff) && high === 0) continue;
    if (low & 1) {
      bars.push({ name, kind: 'portio', address: hex(low - (low % 4), 4) });
      continue;
    }
    const address = (BigInt(high) << 32n) | BigInt(low - (low % 16));
    const width = choice(1, 2, ['32-bit', 'below 1M', '64-bit'])(low);
    bars.push({ name, kind: 'mmio', address: hex(address, 8), width, prefetchable: flag(3)(low) });
  }
  return bars;
}

function rom(register: number): Fields | null {
  const address = register - (register % 0x800);
  return address === 0 ? null : { address: hex(address, 8), enabled: flag(0)(register) };
}

/** Decodes the windows of a bridge; one whose base lies above its limit is closed. */
function bridgeWindows(space: Space): Fields[] {
  const word = (offset: number) => space.read(offset, 2) ?? 0;
  const long = (offset: number) => BigInt(space.read(offset, 4) ?? 0);
  const io = word(0x1c);
  const wideIo = (io & 0xf) === 1;
  const upperIo = (offset: number) => (wideIo ? BigInt(word(offset)) << 16n : 0n);
  const prefetchable = word(0x24);
  const widePrefetchable = (prefetchable & 0xf) === 1;
  const upper = (offset: number) => (widePrefetchable ? long(offset) << 32n : 0n);
  const base = (value: number, shift: bigint, mask: number) => BigInt(value & mask) << shift;
  return [
    window(
      'io',
      upperIo(0x30) | base(io & 0xff, 8n, 0xf0),
      upperIo(0x32) | base(io >> 8, 8n, 0xf0) | 0xfffn,
      wideIo ? '32-bit' : '16-bit',
    ),
    window('memory', base(word(0x20), 16n, 0xfff0), base(word(0x22), 16n, 0xfff0) | 0xfffffn, '32-bit'),
    window(
      'prefetchable',
      upper(0x28) | base(prefetchable, 16n, 0xfff0),
      upper(0x2c) | base(word(0x26), 16n, 0xfff0) | 0xfffffn,
      widePrefetchable ? '64-bit' : '32-bit',
    ),
  ];
}

function cardbusWindows(space: Space): Fields[] {
  const long = (offset: number) => BigInt(space.read(offset, 4) ?? 0);
  const io = (offset: number) => (long(offset) & 1n ? long(offset) : long(offset) & 0xffffn) & ~3n;
  return [0, 1].flatMap((i) => [
    window(`memory${i}`, long(0x1c + 8 * i) & ~0xfffn, long(0x20 + 8 * i) | 0xfffn, '32-bit'),
    window(`io${i}`, io(0x2c + 8 * i), io(0x30 + 8 * i) | 3n, long(0x2c + 8 * i) & 1n ? '32-bit' : '16-bit'),
  ]);
}

function window(name: string, base: bigint, limit: bigint, width: string): Fields {
  const open = base <= limit;
  return { name, base: hex(base, 4), limit: hex(limit, 4), size: open ? Number(limit - base + 1n) : 0, width, open };
}
