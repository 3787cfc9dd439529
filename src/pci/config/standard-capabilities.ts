import { hex } from '../../text/hex';
import { decodeExpress } from './express';
import {
  by,
  choice,
  decodeParts,
  type Fields,
  flag,
  flags,
  hexBits,
  id,
  number,
  type Part,
  type Parts,
  type RegisterField,
  type RegisterLayout,
  raw,
  raw64,
  register,
  repeat,
  routingId,
  type Space,
  setOf,
  value,
} from './fields';
import { decodeHyperTransport } from './hypertransport';
import type { CapabilityKind, DecodingContext } from './types';

// Capabilities of the first 256 bytes. PCI Local Bus Specification 3.0, chapter 6 and appendix H; the ids are those of
// the PCI Code and ID Assignment Specification, the names those that people know from lspci.

// PCI Bus Power Management Interface Specification 1.2, 3.2.
const POWER: Parts = {
  version: value(2, 1, number(0, 3)),
  pmc: register(2, 2, {
    ...flags({ pmeClock: 3, immediateReadiness: 4, dsi: 5, d1: 9, d2: 10 }),
    auxCurrentMa: by(6, 3, (code) => [0, 55, 100, 160, 220, 270, 320, 375][code] ?? 0),
    pmeFrom: setOf(11, ['D0', 'D1', 'D2', 'D3hot', 'D3cold']),
  }),
  pmcsr: register(4, 2, {
    powerState: by(0, 2, (state) => `D${state}`),
    ...flags({ noSoftReset: 3, pmeEnable: 8, pmeStatus: 15 }),
    dataSelect: number(9, 4),
    dataScale: number(13, 2),
  }),
  bridge: register(6, 1, flags({ b2InD3: 6, busPowerClockControl: 7 })),
};

// AGP 3.0, 6.3. Of HTRANS# the bit set means that there is none.
const AGP_TIMING: RegisterLayout = { asyncRequestSizeCode: number(13, 3), calibrationCycle: number(10, 3) };
const agpRates = (agp3: boolean): RegisterField => setOf(0, agp3 ? ['x4', 'x8', 'x16'] : ['x1', 'x2', 'x4']);

function agp(space: Space, base: number): Fields {
  const agp3 = flag(3)(space.read(base + 4, 4) ?? 0) === true && (space.read(base + 2, 1) ?? 0) >= 0x30;
  return decodeParts(space, base, {
    version: value(2, 1, (bcd) => `${bcd >> 4}.${bcd & 15}`),
    agpSta: register(4, 4, {
      requests: by(24, 8, (most) => most + 1),
      ...flags({ isochronous: 16, sba: 9, coherent: 8, gart64: 7, noHostTranslation: 6, address64: 5 }),
      ...flags({ fastWrites: 4, agp3: 3 }),
      ...AGP_TIMING,
      rates: agpRates(agp3),
    }),
    agpCmd: register(8, 4, {
      requests: by(24, 8, (most) => most + 1),
      ...flags({ sba: 9, agp: 8, gart64: 7, address64: 5, fastWrites: 4 }),
      ...AGP_TIMING,
      rates: agpRates(agp3),
    }),
  });
}

// 6.8.1: the control register tells the layout of the others.
function msi(space: Space, base: number): Fields {
  const control = space.read(base + 2, 2);
  if (control === undefined) return {};
  const [wide, maskable] = [flag(7)(control) === true, flag(8)(control) === true];
  const data = wide ? 12 : 8;
  return {
    enable: flag(0)(control),
    count: by(4, 3, (log2) => 2 ** log2)(control),
    maxCount: by(1, 3, (log2) => 2 ** log2)(control),
    maskable,
    address64: wide,
    ...decodeParts(space, base, {
      address: wide ? raw64(4) : raw(4, 4),
      data: raw(data, 2),
      ...(maskable ? { mask: raw(data + 4, 4), pending: raw(data + 8, 4) } : {}),
    }),
  };
}

// 6.8.2.
const inBar = (offset: number): Parts[string] =>
  value(offset, 4, (at) => ({ bar: at % 8, offsetInBar: hex(at - (at % 8), 8) }));

const MSIX: Parts = {
  enable: value(2, 2, flag(15)),
  count: value(
    2,
    2,
    by(0, 11, (last) => last + 1),
  ),
  masked: value(2, 2, flag(14)),
  table: inBar(4),
  pba: inBar(8),
};

// PCI-X Addendum 2.0a, 7.2 and 8.6.2.
const SPLITS = [1, 2, 3, 4, 8, 12, 16, 32];
const PCIX_DEVICE: Parts = {
  command: register(2, 2, {
    ...flags({ dataParityRecovery: 0, relaxedOrdering: 1 }),
    maxReadBytes: by(2, 2, (code) => 512 * 2 ** code),
    maxSplits: by(4, 3, (code) => SPLITS[code] ?? 0),
  }),
  status: register(4, 4, {
    device: routingId,
    ...flags({ address64: 16, mhz133: 17, splitDiscarded: 18, unexpectedSplit: 19, bridge: 20 }),
    maxReadBytes: by(21, 2, (code) => 512 * 2 ** code),
    maxSplits: by(23, 3, (code) => SPLITS[code] ?? 0),
    maxCumulativeReadBytes: by(26, 3, (code) => 1024 * 2 ** code),
    ...flags({ splitError: 29, mhz266: 30, mhz533: 31 }),
  }),
};
const split: RegisterLayout = { capacity: number(0, 16), commitmentLimit: number(16, 16) };
const bridgeBits = (low: number) =>
  flags({
    address64: low,
    mhz133: low + 1,
    splitDiscarded: low + 2,
    unexpectedSplit: low + 3,
    splitOverrun: low + 4,
    splitDelayed: low + 5,
  });
const PCIX_BRIDGE: Parts = {
  secondaryStatus: register(2, 2, {
    ...bridgeBits(0),
    frequency: choice(6, 3, ['conventional', '66 MHz', '100 MHz', '133 MHz']),
  }),
  status: register(4, 4, { device: routingId, ...bridgeBits(16) }),
  upstream: register(8, 4, split),
  downstream: register(12, 4, split),
};

// Virtio 1.2, 4.1.4. Devices of this vendor are VirtIO devices where their id is of the range that 4.1.2 reserves.
const VIRTIO_VENDOR = 0x1af4;
const VIRTIO = [
  undefined,
  'CommonCfg',
  'Notify',
  'ISR',
  'DeviceCfg',
  'PciCfg',
  undefined,
  undefined,
  'SharedMemory',
  'VendorCfg',
];
const VIRTIO_NOTIFY = 2;
const VIRTIO_SHARED_MEMORY = 8;
/** struct virtio_pci_cap64, which has the upper halves of offset and length behind the lower ones. */
const VIRTIO_CAP64_SIZE = 24;

function vendorSpecific(space: Space, base: number, { vendorId, deviceId }: DecodingContext): Fields {
  const length = space.read(base + 2, 1);
  if (length === undefined) return {};
  if (vendorId !== VIRTIO_VENDOR || deviceId < 0x1000 || deviceId > 0x107f || length < 16)
    return { length, ...bytesOf(space, base, length) };
  const kind = space.read(base + 3, 1) ?? 0;
  const wide = kind === VIRTIO_SHARED_MEMORY && length >= VIRTIO_CAP64_SIZE;
  return {
    type: `VirtIO: ${VIRTIO[kind] ?? `unknown (${kind})`}`,
    length,
    ...decodeParts(space, base, {
      bar: value(4, 1),
      ...(kind === VIRTIO_SHARED_MEMORY ? { sharedMemoryId: value(5, 1) } : {}),
      offsetInBar: wide ? halves(8, 16) : raw(8, 4),
      size: wide ? halves(12, 20) : raw(12, 4),
      ...(kind === VIRTIO_NOTIFY && length >= 20 ? { notifyMultiplier: value(16, 4) } : {}),
    }),
  };
}

/** Shows a 64-bit number whose halves do not follow each other. */
const halves =
  (low: number, high: number): Part =>
  (space, base) => {
    const read = space.read64(base + low, base + high);
    return read === undefined ? undefined : hex(read, 8);
  };

/** Bytes that are shown of a structure which nobody but its vendor can read. */
const SHOWN_BYTES = 64;

/** Gives bytes as they are, so many as are there. */
export function bytesOf(space: Space, base: number, length: number): Fields {
  const shown = Math.min(length, SHOWN_BYTES, space.next - base);
  return shown <= 0 ? {} : { bytes: space.bytes.toString('hex', base, base + shown) };
}

// Enhanced Allocation, ECN of 2014; PCI Express 7.8.5.
const EA_PROPERTIES: Readonly<Record<number, string>> = {
  0: 'memory',
  1: 'prefetchable memory',
  2: 'I/O',
  3: 'VF prefetchable memory',
  4: 'VF memory',
  5: 'memory behind the bridge',
  6: 'prefetchable memory behind the bridge',
  7: 'I/O behind the bridge',
  253: 'unavailable memory',
  254: 'unavailable I/O',
  255: 'unavailable',
};
const eaProperty: RegisterField = (code) => EA_PROPERTIES[code] ?? `reserved (${code})`;
/** The size of an entry counts the doublewords behind its first. */
const EA_ENTRY: RegisterLayout = {
  equivalent: by(4, 4, (code) => {
    if (code < 6) return `bar${code}`;
    if (code >= 9 && code < 15) return `vf bar${code - 9}`;
    return { 6: 'behind the bridge', 7: 'none', 8: 'rom' }[code] ?? 'reserved';
  }),
  entrySize: number(0, 3),
  primary: by(8, 8, eaProperty),
  secondary: by(16, 8, eaProperty),
  ...flags({ writable: 30, enable: 31 }),
};

function enhancedAllocation(space: Space, base: number, { headerType }: DecodingContext): Fields {
  const count = (space.read(base + 2, 1) ?? 0) & 0x3f;
  const bridge = headerType === 1;
  let at = base + (bridge ? 8 : 4);
  return {
    entryCount: count,
    ...(bridge ? decodeParts(space, base, { secondary: value(4, 1), subordinate: value(5, 1) }) : {}),
    entries: repeat(space, count, () => {
      const head = space.read(at, 4);
      if (head === undefined) return undefined;
      const fields: Fields = {};
      for (const [name, field] of Object.entries(EA_ENTRY)) fields[name] = field(head);
      // Base and limit have an upper half each where bit 1 of the lower says so.
      let next = at + 4;
      const halves = [next, next + 4].map((offset) => space.read(offset, 4));
      next += 8;
      for (const [i, name] of ['base', 'maxOffset'].entries()) {
        const low = halves[i];
        if (low === undefined) continue;
        let high = 0;
        if (flag(1)(low)) {
          high = space.read(next, 4) ?? 0;
          next += 4;
        }
        const whole = (BigInt(high) << 32n) | BigInt(low - (low % 4)) | (i === 1 ? 3n : 0n);
        fields[name] = hex(whole, 8);
      }
      at += 4 + 4 * (head % 8);
      return fields;
    }),
  };
}

const SATA: Parts = {
  revision: value(2, 1, (bcd) => `${bcd >> 4}.${bcd & 15}`),
  location: value(
    4,
    4,
    by(0, 4, (code) => (code === 15 ? 'behind this register' : code >= 4 && code < 10 ? `bar${code - 4}` : 'reserved')),
  ),
  offsetInBar: value(
    4,
    4,
    by(4, 20, (dwords) => hex(4 * dwords, 6)),
  ),
};

export const STANDARD: Readonly<Record<number, CapabilityKind>> = {
  0: { name: 'Null', decode: () => ({}) },
  1: { name: 'Power Management', decode: (space, base) => decodeParts(space, base, POWER) },
  2: { name: 'AGP', decode: agp },
  3: {
    name: 'Vital Product Data',
    decode: (space, base) =>
      decodeParts(space, base, { address: value(2, 2, hexBits(0, 15)), done: value(2, 2, flag(15)), data: raw(4, 4) }),
  },
  4: {
    name: 'Slot ID',
    decode: (space, base) =>
      decodeParts(space, base, {
        slots: value(2, 1, number(0, 5)),
        first: value(2, 1, flag(5)),
        chassis: raw(3, 1),
      }),
  },
  5: { name: 'MSI', decode: msi },
  6: { name: 'CompactPCI hot-swap' },
  7: {
    name: 'PCI-X',
    decode: (space, base, { headerType }) => ({
      type: headerType === 1 ? 'bridge device' : 'non-bridge device',
      ...decodeParts(space, base, headerType === 1 ? PCIX_BRIDGE : PCIX_DEVICE),
    }),
  },
  8: { name: 'HyperTransport', decode: decodeHyperTransport },
  9: { name: 'Vendor Specific Information', decode: vendorSpecific },
  10: {
    name: 'Debug port',
    decode: (space, base) =>
      decodeParts(space, base, { bar: value(2, 2, number(13, 3)), offsetInBar: value(2, 2, hexBits(0, 13)) }),
  },
  11: { name: 'CompactPCI central resource control' },
  12: { name: 'Hot-plug capable' },
  13: {
    name: 'Subsystem',
    decode: (space, base) =>
      decodeParts(space, base, {
        subsystem: value(4, 4, (ids) => `${id(ids % 0x10000)}:${id(Math.floor(ids / 0x10000))}`),
      }),
  },
  14: { name: 'AGP3' },
  15: { name: 'Secure device' },
  16: { name: 'PCI Express', decode: decodeExpress },
  17: { name: 'MSI-X', decode: (space, base) => decodeParts(space, base, MSIX) },
  18: { name: 'SATA HBA', decode: (space, base) => decodeParts(space, base, SATA) },
  19: {
    name: 'PCI Advanced Features',
    decode: (space, base) =>
      decodeParts(space, base, {
        afCap: register(3, 1, flags({ transactionsPending: 0, flr: 1 })),
        afCtl: register(4, 1, flags({ initiateFlr: 0 })),
        afSta: register(5, 1, flags({ transactionsPending: 0 })),
      }),
  },
  20: { name: 'Enhanced Allocation (EA)', decode: enhancedAllocation },
  21: { name: 'Flattening Portal Bridge' },
};
