import { hex, hexDigits } from '../../text/hex';
import { sizeText } from '../../text/size';
import { decodeDvsec } from './dvsec';
import { hasRootRegisters, PortType, powerLimit, SPEEDS } from './express';
import {
  bitsOf,
  by,
  choice,
  decodeParts,
  type Fields,
  fieldsOf,
  flag,
  flags,
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
import { decodeBars } from './header';
import { decodeIde } from './ide';
import { bytesOf } from './standard-capabilities';
import type { CapabilityKind, DecodingContext } from './types';

// Extended capabilities, from offset 0x100. PCI Express Base Specification 6.0, 7.7 to 7.9; <linux/pci_regs.h>.

const only = (name: string, parts: Parts): CapabilityKind => ({
  name,
  decode: (space, base) => decodeParts(space, base, parts),
});

const UNCORRECTABLE = flags({
  dlp: 4,
  surpriseDown: 5,
  poisonedTlp: 12,
  flowControl: 13,
  completionTimeout: 14,
  completerAbort: 15,
  unexpectedCompletion: 16,
  receiverOverflow: 17,
  malformedTlp: 18,
  ecrc: 19,
  unsupportedRequest: 20,
  acsViolation: 21,
  internal: 22,
  mcBlockedTlp: 23,
  atomicEgressBlocked: 24,
  tlpPrefixBlocked: 25,
  poisonedTlpEgressBlocked: 26,
  dmwrEgressBlocked: 27,
  ideCheck: 28,
  misroutedIdeTlp: 29,
  pcrcCheck: 30,
  tlpTranslationEgressBlocked: 31,
});
const CORRECTABLE = flags({
  receiver: 0,
  badTlp: 6,
  badDllp: 7,
  replayRollover: 8,
  replayTimeout: 12,
  advisoryNonFatal: 13,
  internal: 14,
  headerLogOverflow: 15,
});

const AER: Parts = {
  ueSta: register(0x04, 4, UNCORRECTABLE),
  ueMsk: register(0x08, 4, UNCORRECTABLE),
  ueSvrt: register(0x0c, 4, UNCORRECTABLE),
  ceSta: register(0x10, 4, CORRECTABLE),
  ceMsk: register(0x14, 4, CORRECTABLE),
  aerCap: register(0x18, 4, {
    firstErrorPointer: number(0, 5),
    ...flags({ ecrcGenCap: 5, ecrcGenEn: 6, ecrcChkCap: 7, ecrcChkEn: 8, multHdrRecCap: 9, multHdrRecEn: 10 }),
    ...flags({ tlpPrefixLog: 11, completionTimeoutLog: 12 }),
  }),
  headerLog: (space, base) => words(space, base + 0x1c, 4),
};
const AER_ROOT: Parts = {
  rootCmd: register(0x2c, 4, flags({ correctable: 0, nonFatal: 1, fatal: 2 })),
  rootSta: register(0x30, 4, {
    ...flags({ correctable: 0, multipleCorrectable: 1, uncorrectable: 2, multipleUncorrectable: 3, firstFatal: 4 }),
    ...flags({ nonFatal: 5, fatal: 6 }),
    interruptMessage: number(27, 5),
  }),
  correctableSource: value(0x34, 2, routingId),
  uncorrectableSource: value(0x36, 2, routingId),
};

function aer(space: Space, base: number, { portType }: DecodingContext): Fields {
  return decodeParts(space, base, hasRootRegisters(portType) ? { ...AER, ...AER_ROOT } : AER);
}

function words(space: Space, at: number, count: number): string[] | undefined {
  const found = Array.from({ length: count }, (_, i) => space.read(at + 4 * i, 4));
  return found.some((word) => word === undefined) ? undefined : found.map((word) => hex(word ?? 0, 8));
}

// 7.9.1; the Multi-Function VC capability (7.9.2) has the same registers.
const ARBITRATION = ['Fixed', 'WRR32', 'WRR64', 'WRR128', 'TWRR128', 'WRR256'];
const PORT_ARBITRATION = ARBITRATION.slice(0, 4);

function virtualChannels(space: Space, base: number): Fields {
  const count = 1 + ((space.read(base + 4, 4) ?? 0) & 7);
  return {
    ...decodeParts(space, base, {
      portCap1: register(4, 4, {
        extendedVcs: number(0, 3),
        lowPriorityExtendedVcs: number(4, 3),
        referenceClock: choice(8, 2, ['100 ns']),
        arbitrationEntryBits: by(10, 2, (log2) => 2 ** log2),
      }),
      portCap2: register(8, 4, {
        arbitration: setOf(0, PORT_ARBITRATION),
        tableOffset: by(24, 8, (units) => 16 * units),
      }),
      portCtl: register(12, 2, { arbitrationSelect: choice(1, 3, PORT_ARBITRATION) }),
      portSta: register(14, 2, flags({ loadInProgress: 0 })),
    }),
    vcs: repeat(space, count, (index) => {
      const at = base + 0x10 + 12 * index;
      return decodeParts(space, at, {
        vcCap: register(0, 4, {
          arbitration: setOf(0, ARBITRATION),
          rejectSnoop: flag(15),
          maxTimeSlots: by(16, 7, (last) => last + 1),
          tableOffset: by(24, 8, (units) => 16 * units),
        }),
        vcCtl: register(4, 4, {
          enable: flag(31),
          vcId: number(24, 3),
          trafficClasses: by(0, 8, (map) => hex(map, 2)),
          arbitrationSelect: choice(17, 3, ARBITRATION),
        }),
        vcSta: register(10, 2, flags({ loadInProgress: 0, negotiationPending: 1 })),
      });
    }),
  };
}

// 7.7.1.
const POWER_BUDGET: RegisterLayout = {
  power: by(0, 10, (register) => powerLimit(0)(register)),
  pmSubState: number(10, 3),
  pmState: by(13, 2, (state) => `D${state}`),
  type: choice(15, 3, ['PME aux', 'auxiliary', 'idle', 'sustained', undefined, undefined, undefined, 'maximum']),
  rail: choice(18, 3, ['12 V', '3.3 V', '1.5 V or 1.8 V', undefined, undefined, undefined, undefined, 'thermal']),
};

// 7.9.8.
const LINK_TARGET: RegisterLayout = {
  targetPort: number(24, 8),
  targetComponent: number(16, 8),
  ...flags({ valid: 0, associatedRcrb: 2 }),
};

function rootComplexLink(space: Space, base: number): Fields {
  const description = space.read(base + 4, 4);
  if (description === undefined) return {};
  return {
    portNumber: bitsOf(description, 24, 8),
    componentId: bitsOf(description, 16, 8),
    elementType: choice(0, 4, ['configuration space', 'egress port', 'internal link'])(description),
    links: repeat(space, bitsOf(description, 8, 8), (index) => {
      const at = base + 0x10 + 16 * index;
      const [target, address] = [space.read(at, 4), space.read64(at + 8, at + 12)];
      if (target === undefined || address === undefined) return undefined;
      return {
        type: bitsOf(target, 1, 1) === 1 ? 'configuration space' : 'memory',
        ...fieldsOf(target, LINK_TARGET),
        address: hex(address, 16),
      };
    }),
  };
}

function eventCollector(space: Space, base: number): Fields {
  const version = (space.read(base + 2, 1) ?? 0) & 15;
  return decodeParts(space, base, {
    devices: value(4, 4, (map) => Array.from({ length: 32 }, (_, i) => i).filter((i) => bitsOf(map, i, 1) === 1)),
    ...(version < 2
      ? {}
      : {
          buses: value(8, 4, (register) => {
            const [next, last] = [bitsOf(register, 8, 8), bitsOf(register, 16, 8)];
            return next > last ? 'none' : `${id(next, 2)}-${id(last, 2)}`;
          }),
        }),
  });
}

function vendorSpecific(space: Space, base: number): Fields {
  const head = space.read(base + 4, 4);
  if (head === undefined) return {};
  const length = bitsOf(head, 20, 12);
  return {
    vsecId: id(bitsOf(head, 0, 16)),
    vsecRevision: bitsOf(head, 16, 4),
    length,
    ...bytesOf(space, base, length),
  };
}

const ACS = flags({
  srcValid: 0,
  transBlk: 1,
  reqRedir: 2,
  cmpltRedir: 3,
  upstreamFwd: 4,
  egressCtrl: 5,
  directTrans: 6,
});

function accessControl(space: Space, base: number): Fields {
  const capability = space.read(base + 4, 2) ?? 0;
  // 8 bits, of which 0 is 256.
  const vectorBits = bitsOf(capability, 8, 8) || 256;
  const enhanced = flags({ ioBlocking: 7, dspMemoryTarget: 8, uspMemoryTarget: 10, unclaimedRedir: 12 });
  return decodeParts(space, base, {
    acsCap: register(4, 2, { ...ACS, enhanced: flag(7) }),
    acsCtl: register(6, 2, bitsOf(capability, 7, 1) === 1 ? { ...ACS, ...enhanced } : ACS),
    ...(bitsOf(capability, 5, 1) === 1
      ? { egressVector: (from: Space, at: number) => words(from, at + 8, Math.ceil(vectorBits / 32)) }
      : {}),
  });
}

const PAGE_SIZES: RegisterField = (map) =>
  Array.from({ length: 32 }, (_, i) => i)
    .filter((i) => bitsOf(map, i, 1) === 1)
    .map((i) => sizeText(2n ** BigInt(i + 12)));

function singleRoot(space: Space, base: number): Fields {
  return {
    ...decodeParts(space, base, {
      initialVfs: value(0x0c, 2),
      totalVfs: value(0x0e, 2),
      numVfs: value(0x10, 2),
      functionDependencyLink: value(0x12, 1),
      vfOffset: value(0x14, 2),
      vfStride: value(0x16, 2),
      vfDeviceId: value(0x1a, 2, (device) => id(device)),
      iovCap: register(4, 4, {
        ...flags({ migration: 0, ariPreserved: 1, tag10Requester: 2 }),
        interruptMessage: number(21, 11),
      }),
      iovCtl: register(8, 2, {
        ...flags({ enable: 0, migration: 1, migrationInterrupt: 2, memorySpace: 3, ariHierarchy: 4 }),
        ...flags({ tag10Requester: 5 }),
      }),
      iovSta: register(0x0a, 2, flags({ migration: 0 })),
      supportedPageSizes: value(0x1c, 4, PAGE_SIZES),
      systemPageSize: value(0x20, 4, PAGE_SIZES),
      migrationState: value(0x3c, 4, (at) => ({ bar: at % 8, offsetInBar: hex(at - (at % 8), 8) })),
    }),
    vfBars: decodeBars(space, base + 0x24, 6, 'vfBar'),
  };
}

function multicast(space: Space, base: number, { portType }: DecodingContext): Fields {
  const endpoint = portType === PortType.endpoint || portType === PortType.integratedEndpoint;
  const address: Part = raw64(8, ~0xfffn);
  return decodeParts(space, base, {
    mcastCap: register(4, 2, {
      maxGroups: by(0, 6, (last) => last + 1),
      ...(endpoint ? { windowBytes: by(8, 6, (log2) => 2 ** log2) } : flags({ ecrcRegeneration: 15 })),
    }),
    mcastCtl: register(6, 2, { groups: by(0, 6, (last) => last + 1), enable: flag(15) }),
    indexPosition: value(8, 1, number(0, 6)),
    address,
    receive: raw64(0x10),
    blockAll: raw64(0x18),
    blockUntranslated: raw64(0x20),
    ...(endpoint ? {} : { overlayLog2: value(0x28, 1, number(0, 6)), overlayAddress: raw64(0x28, ~0x3fn) }),
  });
}

// 7.8.6; sizes of 2^(20 + n) bytes.
function resizable(space: Space, base: number): Fields {
  const count = bitsOf(space.read(base + 8, 4) ?? 0, 5, 3);
  return {
    // One BAR at least, six at most: another count is garbage, and the first entry is all that is there for sure.
    bars: repeat(space, count >= 1 && count <= 6 ? count : 1, (index) => {
      const at = base + 4 + 8 * index;
      const [sizes, control] = [space.read(at, 4), space.read(at + 4, 4)];
      if (sizes === undefined || control === undefined) return undefined;
      // The larger sizes are in the upper half of the control register.
      const powers = [bitsOf(sizes, 4, 28), bitsOf(control, 16, 16)].flatMap((map, half) =>
        Array.from({ length: half === 0 ? 28 : 16 }, (_, i) => i)
          .filter((i) => bitsOf(map, i, 1) === 1)
          .map((i) => sizeText(2n ** BigInt(20 + 28 * half + i))),
      );
      return { name: `bar${control % 8}`, size: sizeText(2n ** BigInt(20 + bitsOf(control, 8, 6))), supported: powers };
    }),
  };
}

const latency: RegisterField = (register) => {
  const scale = bitsOf(register, 10, 3);
  return scale > 5 ? `reserved (${scale})` : `${bitsOf(register, 0, 10) * 32 ** scale} ns`;
};

const powerOn = (scaleAt: number, valueAt: number): RegisterField => {
  return (register) => {
    const unit = [2, 10, 100][bitsOf(register, scaleAt, 2)];
    return unit === undefined ? 'reserved' : `${unit * bitsOf(register, valueAt, 5)} us`;
  };
};

const L1_SUBSTATES: RegisterLayout = flags({ pciPmL12: 0, pciPmL11: 1, aspmL12: 2, aspmL11: 3 });

const granularity = (none: string): RegisterField =>
  by(8, 8, (ns) => (ns === 0 ? none : ns === 255 ? 'above 254 ns' : `${ns} ns`));

const DPC: Parts = {
  dpcCap: register(4, 2, {
    interruptMessage: number(0, 5),
    ...flags({ rpExtensions: 5, poisonedTlpEgressBlocking: 6, softwareTrigger: 7, dlActiveErrCor: 12 }),
    rpPioLogDwords: by(8, 4, (low) => low),
  }),
  dpcCtl: register(6, 2, {
    trigger: choice(0, 2, ['disabled', 'fatal', 'fatal or non-fatal']),
    completion: choice(2, 1, ['UR', 'CA']),
    ...flags({ interrupt: 3, errCor: 4, poisonedTlpEgressBlocking: 5, softwareTrigger: 6, dlActiveErrCor: 7 }),
  }),
  dpcSta: register(8, 2, {
    trigger: flag(0),
    reason: choice(1, 2, ['uncorrectable error', 'ERR_NONFATAL', 'ERR_FATAL', 'see extension']),
    ...flags({ interrupt: 3, rpBusy: 4 }),
    reasonExtension: choice(5, 2, ['RP PIO error', 'software trigger']),
    rpPioFirstError: number(8, 5),
  }),
  source: value(0x0a, 2, routingId),
};

function containment(space: Space, base: number): Fields {
  const extensions = bitsOf(space.read(base + 4, 2) ?? 0, 5, 1) === 1;
  const more: Parts = {
    rpPioStatus: raw(0x0c, 4),
    rpPioMask: raw(0x10, 4),
    rpPioSeverity: raw(0x14, 4),
    rpPioSysError: raw(0x18, 4),
    rpPioException: raw(0x1c, 4),
  };
  return decodeParts(space, base, extensions ? { ...DPC, ...more } : DPC);
}

const EQUALIZATION = flags({ complete: 0, phase1: 1, phase2: 2, phase3: 3, request: 4 });

// 7.7.5.
const PHYSICAL_32: Parts = {
  cap: register(4, 4, {
    ...flags({ bypassToHighestRate: 0, noEqualization: 1 }),
    modifiedTsUsage: setOf(8, ['PCI Express', 'training set messages', 'alternate protocol']),
  }),
  ctl: register(8, 4, {
    ...flags({ bypassToHighestRateDisable: 0, noEqualizationDisable: 1 }),
    modifiedTsUsageSelect: number(8, 3),
  }),
  sta: register(12, 4, {
    ...EQUALIZATION,
    ...flags({ modifiedTsReceived: 5, txPrecoding: 8, txPrecodingRequest: 9, noEqualizationReceived: 10 }),
    enhancedLinkBehavior: number(6, 2),
  }),
};

// 7.7.9, Device 3.
const L0P_LATENCY = ['<1 us', '1-2 us', '2-4 us', '4-8 us', '8-16 us', '16-32 us', '32-64 us', '>64 us'];
const L0P_WIDTH = ['x1', 'x2', 'x4', 'x8', 'x16', undefined, undefined, 'dynamic'];
const DEVICE3: Parts = {
  devCap3: register(4, 4, {
    ...flags({ dmwrRouting: 0, tag14Completer: 1, tag14Requester: 2, l0p: 3, uioCompleter: 10, uioRequester: 11 }),
    l0pExitLatency: choice(4, 3, L0P_LATENCY),
    retimerL0pExitLatency: choice(7, 3, L0P_LATENCY),
  }),
  devCtl3: register(8, 4, {
    ...flags({ dmwrRequester: 0, dmwrEgressBlocking: 1, tag14Requester: 2, l0p: 3 }),
    targetWidth: choice(4, 3, L0P_WIDTH),
    ...flags({ uioRequester: 7, uioBoundary256Disable: 8 }),
  }),
  devSta3: register(12, 4, {
    initialWidth: choice(0, 3, L0P_WIDTH),
    ...flags({ segmentCaptured: 3, remoteL0p: 4 }),
  }),
};

const NPEM_STATES = { ok: 2, locate: 3, fail: 4, rebuild: 5, predictedFailure: 6, hotSpare: 7, inCriticalArray: 8 };
const NPEM = flags({ ...NPEM_STATES, inFailedArray: 9, invalidDeviceType: 10, disabled: 11 });

export const EXTENDED: Readonly<Record<number, CapabilityKind>> = {
  0: { name: 'Null', decode: () => ({}) },
  1: { name: 'Advanced Error Reporting', decode: aer },
  2: { name: 'Virtual Channel', decode: virtualChannels },
  3: {
    name: 'Device Serial Number',
    decode: (space, base) => {
      const serial = space.read64(base + 4, base + 8);
      return serial === undefined
        ? {}
        : {
            serialNumber: hexDigits(serial, 16).replace(/..(?!$)/g, '$&-'),
          };
    },
  },
  4: only('Power Budgeting', {
    systemAllocated: value(12, 1, flag(0)),
    dataSelect: value(4, 1),
    data: register(8, 4, POWER_BUDGET),
  }),
  5: { name: 'Root Complex Link', decode: rootComplexLink },
  6: { name: 'Root Complex Internal Link' },
  7: { name: 'Root Complex Event Collector Endpoint Association', decode: eventCollector },
  8: { name: 'Multi-Function Virtual Channel', decode: virtualChannels },
  9: { name: 'Virtual Channel', decode: virtualChannels },
  10: only('Root Complex Register Block', {
    rcrbVendor: value(4, 2, (v) => id(v)),
    rcrbDevice: value(6, 2, (v) => id(v)),
  }),
  11: { name: 'Vendor Specific Information', decode: vendorSpecific },
  12: { name: 'Configuration Access Correlation' },
  13: { name: 'Access Control Services', decode: accessControl },
  14: only('Alternative Routing-ID Interpretation (ARI)', {
    ariCap: register(4, 2, { ...flags({ mfvc: 0, acs: 1 }), nextFunction: number(8, 8) }),
    ariCtl: register(6, 2, { ...flags({ mfvc: 0, acs: 1 }), functionGroup: number(4, 3) }),
  }),
  15: only('Address Translation Service (ATS)', {
    atsCap: register(4, 2, {
      invalidateQueueDepth: by(0, 5, (depth) => depth || 32),
      ...flags({ pageAligned: 5, globalInvalidate: 6, relaxedOrdering: 7 }),
    }),
    atsCtl: register(6, 2, {
      enable: flag(15),
      smallestTranslationUnit: by(0, 5, (log2) => sizeText(2n ** BigInt(12 + log2))),
    }),
  }),
  16: { name: 'Single Root I/O Virtualization (SR-IOV)', decode: singleRoot },
  17: { name: 'Multi-Root I/O Virtualization' },
  18: { name: 'Multicast', decode: multicast },
  19: only('Page Request Interface (PRI)', {
    capacity: value(8, 4),
    allocation: value(12, 4),
    priCtl: register(4, 2, flags({ enable: 0, reset: 1 })),
    priSta: register(6, 2, flags({ responseFailure: 0, unexpectedIndex: 1, stopped: 8, pasidRequired: 15 })),
  }),
  20: { name: 'Reserved for AMD' },
  21: { name: 'Physical Resizable BAR', decode: resizable },
  22: only('Dynamic Power Allocation', {
    dpaCap: register(4, 4, {
      substates: by(0, 5, (last) => last + 1),
      transitionLatencyUnit: choice(8, 2, ['1 ms', '10 ms', '100 ms']),
      powerScale: by(12, 2, (code) => 10 / 10 ** code),
      transitionLatency0: number(16, 8),
      transitionLatency1: number(24, 8),
    }),
    dpaSta: register(12, 2, { substate: number(0, 5), controlEnabled: flag(8) }),
    dpaCtl: register(14, 2, { substate: number(0, 5) }),
  }),
  23: only('Transaction Processing Hints', {
    tphCap: register(4, 4, {
      ...flags({ noSteeringTags: 0, interruptVectorMode: 1, deviceSpecificMode: 2, extendedRequester: 8 }),
      steeringTable: choice(9, 2, ['none', 'in this capability', 'in the MSI-X table']),
      steeringTableEntries: by(16, 11, (last) => last + 1),
    }),
    tphCtl: register(8, 4, {
      mode: choice(0, 3, ['no steering tags', 'interrupt vector', 'device specific']),
      requester: choice(8, 2, ['disabled', 'TPH', undefined, 'TPH and extended TPH']),
    }),
  }),
  24: only('Latency Tolerance Reporting', { maxSnoop: value(4, 2, latency), maxNoSnoop: value(6, 2, latency) }),
  25: only('Secondary PCI Express', {
    lnkCtl3: register(4, 4, {
      ...flags({ performEqualization: 0, equalizationInterrupt: 1 }),
      lowerSkpGeneration: setOf(9, SPEEDS),
    }),
    laneErrors: value(8, 4, (map) => Array.from({ length: 32 }, (_, i) => i).filter((i) => bitsOf(map, i, 1) === 1)),
  }),
  26: { name: 'Protocol Multiplexing' },
  27: only('Process Address Space ID (PASID)', {
    pasidCap: register(4, 2, {
      ...flags({ execute: 1, privileged: 2, translatedRequests: 3 }),
      maxWidth: number(8, 5),
    }),
    pasidCtl: register(6, 2, flags({ enable: 0, execute: 1, privileged: 2, translatedRequests: 3 })),
  }),
  28: only('LN Requester', {
    lnrCap: register(4, 2, { ...flags({ bytes64: 0, bytes128: 1 }), registrationLimitLog2: number(8, 5) }),
    lnrCtl: register(6, 2, { ...flags({ enable: 0, bytes128: 1 }), registrationLimitLog2: number(8, 5) }),
  }),
  29: { name: 'Downstream Port Containment', decode: containment },
  30: only('L1 PM Substates', {
    l1SubCap: register(4, 4, {
      ...L1_SUBSTATES,
      substates: flag(4),
      commonModeRestoreTime: by(8, 8, (us) => `${us} us`),
      powerOnTime: powerOn(16, 19),
    }),
    l1SubCtl1: register(8, 4, {
      ...L1_SUBSTATES,
      commonModeRestoreTime: by(8, 8, (us) => `${us} us`),
      // Value and scale of LTR's kind, but three bits apart.
      ltrL12Threshold: (bits) => latency(bitsOf(bits, 16, 10) + 1024 * bitsOf(bits, 29, 3)),
    }),
    l1SubCtl2: register(12, 4, { powerOnTime: powerOn(0, 3) }),
  }),
  31: only('Precision Time Measurement', {
    ptmCap: register(4, 4, {
      ...flags({ requester: 0, responder: 1, root: 2, propagationDelayAdaptation: 4 }),
      clockGranularity: granularity('not implemented'),
    }),
    ptmCtl: register(8, 4, { ...flags({ enable: 0, rootSelect: 1 }), effectiveGranularity: granularity('unknown') }),
  }),
  32: { name: 'PCI Express over M_PHY' },
  33: { name: 'FRS Queueing' },
  34: { name: 'Readiness Time Reporting' },
  35: { name: 'Designated Vendor-Specific', decode: decodeDvsec },
  36: { name: 'Virtual Resizable BAR', decode: resizable },
  37: only('Data Link Feature', {
    dlfCap: register(4, 4, {
      ...flags({ scaledFlowControl: 0, exchangeEnable: 31 }),
      features: by(0, 23, (map) => hex(map, 6)),
    }),
    dlfSta: register(8, 4, { ...flags({ valid: 31 }), remoteFeatures: by(0, 23, (map) => hex(map, 6)) }),
  }),
  38: only('Physical Layer 16.0 GT/s', {
    sta: register(12, 4, EQUALIZATION),
    localParity: raw(0x10, 4),
    firstRetimerParity: raw(0x14, 4),
    secondRetimerParity: raw(0x18, 4),
  }),
  39: only('Lane Margining at the Receiver', {
    portCap: register(4, 2, flags({ usesDriverSoftware: 0 })),
    portSta: register(6, 2, flags({ ready: 0, softwareReady: 1 })),
  }),
  40: { name: 'Hierarchy ID' },
  41: only('Native PCIe Enclosure Management', {
    npemCap: register(4, 4, { ...flags({ capable: 0, reset: 1 }), ...NPEM }),
    npemCtl: register(8, 4, { ...flags({ enable: 0, reset: 1 }), ...NPEM }),
    npemSta: register(12, 4, flags({ commandCompleted: 0 })),
  }),
  42: only('Physical Layer 32.0 GT/s', PHYSICAL_32),
  43: { name: 'Alternate Protocol' },
  44: only('System Firmware Intermediary', {
    sfiCap: register(4, 2, flags({ presenceDetectOverride: 0, dllActiveOverride: 1 })),
    sfiCtl: raw(6, 2),
    sfiSta: raw(8, 2),
  }),
  45: { name: 'Shadow Functions' },
  46: only('Data Object Exchange', {
    doeCap: register(4, 4, { interrupt: flag(0), interruptMessage: number(1, 11) }),
    doeCtl: register(8, 4, flags({ abort: 0, interrupt: 1, go: 31 })),
    doeSta: register(12, 4, flags({ busy: 0, interrupt: 1, error: 2, objectReady: 31 })),
  }),
  47: only('Device 3', DEVICE3),
  48: { name: 'Integrity & Data Encryption', decode: decodeIde },
  49: only('Physical Layer 64.0 GT/s', {
    cap: raw(4, 4),
    ctl: raw(8, 4),
    sta: register(12, 4, { ...EQUALIZATION, ...flags({ txPrecoding: 5, txPrecodingRequest: 6 }) }),
  }),
  50: { name: 'Flit Logging' },
  51: { name: 'Flit Performance Measurement' },
  52: { name: 'Flit Error Injection' },
  53: { name: 'Streamlined Virtual Channel' },
  54: { name: 'MMIO Register Block Locator' },
  55: { name: 'NOP Flit' },
  56: { name: 'Scalable I/O Virtualization (SIOV)' },
};
