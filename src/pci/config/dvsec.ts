import { hex } from '../../text/hex';
import {
  bitsOf,
  by,
  choice,
  decodeParts,
  type Fields,
  flags,
  id,
  number,
  type Parts,
  type RegisterField,
  raw,
  register,
  repeat,
  type Space,
  value,
} from './fields';
import { bytesOf } from './standard-capabilities';

// Designated Vendor-Specific capabilities: PCI Express 7.9.6; those of CXL are in Compute Express Link 3.0, 8.1.

const CXL_VENDOR = 0x1e98;

interface Dvsec {
  name: string;
  /** The least length in bytes; shorter ones are of an older revision and not decoded. */
  length: number;
  parts: (space: Space, base: number, length: number, revision: number) => Fields;
}

const CXL_RANGE_SIZE = 256 * 1024 * 1024;
const CXL_RANGE = {
  type: choice(2, 3, ['volatile', 'non-volatile', 'CDAT']),
  class: choice(5, 3, ['DRAM', 'storage', 'CDAT']),
  interleaveBytes: by(8, 5, (code) => [0, 256, 4096, 512, 1024, 2048, 8192, 16384][code] ?? null),
  timeoutSeconds: by(13, 3, (code) => 4 ** code),
  ...flags({ valid: 0, active: 1 }),
};

/** One HDM range: size and base are multiples of 256 MiB, and the lower bits of the size register tell its kind. */
function cxlRange(space: Space, at: number): Fields | undefined {
  const [size, base] = [space.read64(at + 4, at), space.read64(at + 12, at + 8)];
  if (size === undefined || base === undefined) return undefined;
  const whole = (register: bigint) => register - (register % BigInt(CXL_RANGE_SIZE));
  const kind = Number(size % 0x10000n);
  const fields: Fields = { base: hex(whole(base), 16), size: hex(whole(size), 16) };
  for (const [name, field] of Object.entries(CXL_RANGE)) fields[name] = field(kind);
  return fields;
}

const CXL_CACHE_UNITS = [undefined, 64 * 1024, 1024 * 1024];
/** The length from which on capability 3 is there. */
const CXL_DEVICE_REVISION_2 = 0x3c;

const cxlDevice: Dvsec['parts'] = (space, base, length, revision) => ({
  ...decodeParts(space, base, {
    cxlCap: register(0x0a, 2, {
      ...flags({ cache: 0, io: 1, mem: 2, memHwInit: 3, viral: 14 }),
      hdmCount: number(4, 2),
    }),
    cxlCtl: register(0x0c, 2, {
      ...flags({ cache: 0, io: 1, mem: 2, cacheClean: 11, viral: 14 }),
      cacheSnoopFilterCoverage: number(3, 5),
      cacheSnoopFilterGranularity: number(8, 3),
    }),
    cxlSta: register(0x0e, 2, flags({ viral: 14 })),
    cxlCtl2: register(0x10, 2, {
      ...flags({ disableCaching: 0, initiateCacheWriteBack: 1, initiateReset: 2, resetMemClear: 3 }),
      ...flags({ desiredVolatileHdmStateAfterHotReset: 4, modifiedCompletion: 5 }),
    }),
    cxlSta2: register(0x12, 2, flags({ cacheInvalid: 0, resetComplete: 1, resetError: 2, pmComplete: 15 })),
    cxlLock: register(0x14, 2, flags({ configurationLock: 0 })),
    cxlCap2: register(0x16, 2, {
      cacheBytes: (cap) => {
        const unit = CXL_CACHE_UNITS[bitsOf(cap, 0, 4)];
        return unit === undefined ? null : bitsOf(cap, 8, 8) * unit;
      },
      fallback: choice(4, 2, ['not supported', 'PCIe', 'CXL 1.1', undefined]),
      ...flags({ modifiedCompletion: 6, noCleanWriteBack: 7 }),
    }),
    ...(revision >= 2 && length >= CXL_DEVICE_REVISION_2
      ? {
          cxlCap3: register(0x38, 2, {
            ...flags({ defaultVolatileHdmStateAfterColdReset: 0, defaultVolatileHdmStateAfterWarmReset: 1 }),
            ...flags({ defaultVolatileHdmStateAfterHotReset: 2, hotResetConfigurable: 3, directP2pMem: 4 }),
          }),
        }
      : {}),
  }),
  ranges: repeat(space, 2, (index) => cxlRange(space, base + 0x18 + 16 * index)),
});

const cxlPort: Dvsec['parts'] = (space, base) =>
  decodeParts(space, base, {
    cxlPortSta: register(0x0a, 2, flags({ pmComplete: 0 })),
    cxlPortCtl: register(
      0x0c,
      2,
      flags({ unmaskSbr: 0, unmaskLinkDisable: 1, altMemory: 2, altBusMaster: 3, viral: 14 }),
    ),
    altBusBase: raw(0x0e, 1),
    altBusLimit: raw(0x0f, 1),
    altMemoryBase: raw(0x10, 2),
    altMemoryLimit: raw(0x12, 2),
  });

const UNITS = ['us', 'us', 'us', 'ms', 'ms', 'ms', 's', 's'];
const duration: RegisterField = (bits) => {
  const scale = (bits >> 8) & 15;
  const unit = UNITS[scale];
  return unit === undefined ? `reserved (${scale})` : `${(bits & 15) * 10 ** (scale % 3)} ${unit}`;
};

const PROTOCOLS = { cache: 0, io: 1, mem: 2 };
const flexBus: Dvsec['parts'] = (space, base, length, revision) => {
  const wide = { latencyOptimized256Flit: 13, pbrFlit: 14 };
  const state = { ...PROTOCOLS, syncHeaderBypass: 3, driftBuffer: 4, flit68: 5, multiLogicalDevice: 6 };
  const more: Parts = {
    flexBusCap2: register(0x14, 4, flags({ nopHint: 0 })),
    flexBusCtl2: register(0x18, 4, flags({ nopHint: 0 })),
    flexBusSta2: register(0x1c, 4, { nopHint: number(0, 2) }),
  };
  return decodeParts(space, base, {
    flexBusCap: register(0x0a, 2, flags({ ...PROTOCOLS, flit68: 5, multiLogicalDevice: 6, ...wide })),
    flexBusCtl: register(0x0c, 2, flags({ ...state, rcdTrainingDisable: 7, retimer1: 8, retimer2: 9, ...wide })),
    flexBusSta: register(0x0e, 2, flags({ ...state, ...wide })),
    modifiedTsData: value(
      0x10,
      4,
      by(0, 24, (data) => hex(data, 6)),
    ),
    ...(revision > 1 && length >= 0x20 ? more : {}),
  });
};

const BLOCKS = ['empty', 'component registers', 'BAR virtualization', 'CXL device registers', 'CPMU registers'];

const registerLocator: Dvsec['parts'] = (space, base, length) => ({
  blocks: repeat(space, Math.floor(Math.max(0, length - 0x0c) / 8), (index) => {
    const at = base + 0x0c + 8 * index;
    const [low, high] = [space.read(at, 4), space.read(at + 4, 4)];
    if (low === undefined || high === undefined) return undefined;
    const kind = (low >>> 8) & 255;
    return {
      type: kind === 255 ? 'vendor specific' : (BLOCKS[kind] ?? `reserved (${kind})`),
      bar: low % 8,
      offsetInBar: hex((BigInt(high) << 32n) | BigInt(low - (low % 0x10000)), 8),
    };
  }),
});

/** The structures of CXL, by DVSEC ID. */
const CXL: Readonly<Record<number, Dvsec>> = {
  0: { name: 'PCIe DVSEC for CXL Devices', length: 0x38, parts: cxlDevice },
  2: {
    name: 'Non-CXL Function Map',
    length: 0x2c,
    parts: (space, base) => ({
      functionMap: Array.from({ length: 8 }, (_, i) => raw(0x0c + 4 * i, 4)(space, base) ?? null),
    }),
  },
  3: { name: 'CXL Extensions for Ports', length: 0x14, parts: cxlPort },
  4: {
    name: 'GPF for CXL Ports',
    length: 0x10,
    parts: (space, base) =>
      decodeParts(space, base, { phase1Timeout: value(0x0c, 2, duration), phase2Timeout: value(0x0e, 2, duration) }),
  },
  5: {
    name: 'GPF for CXL Devices',
    length: 0x10,
    parts: (space, base) =>
      decodeParts(space, base, { phase2Duration: value(0x0a, 2, duration), phase2PowerMw: value(0x0c, 4) }),
  },
  7: { name: 'PCIe DVSEC for Flex Bus Port', length: 0x14, parts: flexBus },
  8: { name: 'Register Locator', length: 0x0c, parts: registerLocator },
  9: {
    name: 'MLD',
    length: 0x10,
    parts: (space, base) => decodeParts(space, base, { logicalDevices: value(0x0a, 2) }),
  },
  10: { name: 'PCIe DVSEC for Test Capability', length: 0x0c, parts: () => ({}) },
};

/** Decodes a Designated Vendor-Specific capability: the structures of CXL by name, those of others as bytes. */
export function decodeDvsec(space: Space, base: number): Fields {
  const [head, dvsecId] = [space.read(base + 4, 4), space.read(base + 8, 2)];
  if (head === undefined || dvsecId === undefined) return {};
  const [vendor, revision, length] = [head & 0xffff, (head >>> 16) & 15, head >>> 20];
  const known = vendor === CXL_VENDOR ? CXL[dvsecId] : undefined;
  const fields: Fields = {
    ...(vendor === CXL_VENDOR ? { type: `CXL: ${known?.name ?? `unknown (${dvsecId})`}` } : {}),
    dvsecVendor: id(vendor),
    dvsecId: id(dvsecId),
    dvsecRevision: revision,
    length,
  };
  // The layout of CXL 1.1's revision 0 differs.
  const decodes = known !== undefined && length >= known.length && (dvsecId !== 0 || revision > 0);
  return { ...fields, ...(decodes ? known.parts(space, base, length, revision) : bytesOf(space, base, length)) };
}
