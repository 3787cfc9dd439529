import {
  bitsOf,
  by,
  choice,
  decodeParts,
  type Fields,
  flag,
  flags,
  number,
  type Part,
  type Parts,
  type RegisterField,
  type RegisterLayout,
  raw,
  register,
  routingId,
  type Space,
  setOf,
} from './fields';

// PCI Express Base Specification 6.0, 7.5.3: the PCI Express capability.

/** The Device/Port Type of the capability register. */
export const PortType = {
  endpoint: 0x0,
  legacyEndpoint: 0x1,
  rootPort: 0x4,
  upstreamPort: 0x5,
  downstreamPort: 0x6,
  pciBridge: 0x7,
  pcieBridge: 0x8,
  integratedEndpoint: 0x9,
  eventCollector: 0xa,
} as const;

const PORT_TYPES = [
  'Endpoint',
  'Legacy Endpoint',
  undefined,
  undefined,
  'Root Port',
  'Upstream Port',
  'Downstream Port',
  'PCI-Express to PCI/PCI-X Bridge',
  'PCI/PCI-X to PCI-Express Bridge',
  'Root Complex Integrated Endpoint',
  'Root Complex Event Collector',
];

export const SPEEDS = ['2.5 GT/s', '5 GT/s', '8 GT/s', '16 GT/s', '32 GT/s', '64 GT/s', '128 GT/s'];

const speed = (low: number): RegisterField => by(low, 4, (code) => SPEEDS[Number(code) - 1] ?? `unknown (${code})`);
export const width = (low: number, bits = 6): RegisterField => by(low, bits, (lanes) => `x${lanes}`);
const bytes = (low: number): RegisterField => by(low, 3, (code) => 128 * 2 ** code);

const ASPM = ['disabled', 'L0s', 'L1', 'L0s L1'];
const L0S_LATENCY = ['<64 ns', '<128 ns', '<256 ns', '<512 ns', '<1 us', '<2 us', '<4 us', 'unlimited'];
const L1_LATENCY = ['<1 us', '<2 us', '<4 us', '<8 us', '<16 us', '<32 us', '<64 us', 'unlimited'];
const INDICATOR = ['reserved', 'on', 'blinking', 'off'];

/** Decodes a Slot Power Limit: 8 bits and the scale behind them; values above 239 are a table (7.5.3.3, 7.5.3.9). */
export const powerLimit = (low: number): RegisterField =>
  by(low, 10, (register) => {
    const [limit, scale] = [register % 256, Math.floor(register / 256)];
    if (scale === 0 && limit === 255) return 'above 600 W';
    if (scale === 0 && limit >= 0xf0) return `${250 + 25 * (limit - 0xf0)} W`;
    return `${Number((limit / 10 ** scale).toPrecision(6))} W`;
  });

const COMPLETION_TIMEOUT: RegisterField = choice(0, 4, [
  '50 us to 50 ms',
  '50 us to 100 us',
  '1 ms to 10 ms',
  undefined,
  undefined,
  '16 ms to 55 ms',
  '65 ms to 210 ms',
  undefined,
  undefined,
  '260 ms to 900 ms',
  '1 s to 3.5 s',
  undefined,
  undefined,
  '4 s to 13 s',
  '17 s to 64 s',
]);

const DEVICE: Parts = {
  devCap: register(0x04, 4, {
    maxPayloadBytes: bytes(0),
    phantomFunctions: by(3, 2, (bits) => 2 ** bits - 1),
    l0sLatency: choice(6, 3, L0S_LATENCY),
    l1Latency: choice(9, 3, L1_LATENCY),
    slotPowerLimit: powerLimit(18),
    ...flags({ extTag: 5, attnBtn: 12, attnInd: 13, pwrInd: 14, roleBasedErrors: 15, errCorSubclass: 16 }),
    ...flags({ flr: 28, teeIo: 30 }),
  }),
  devCtl: register(0x08, 2, {
    ...flags({ correctable: 0, nonFatal: 1, fatal: 2, unsupportedRequest: 3, relaxedOrdering: 4 }),
    ...flags({ extTag: 8, phantomFunctions: 9, auxPower: 10, noSnoop: 11, flrOrBridgeRetry: 15 }),
    maxPayloadBytes: bytes(5),
    maxReadRequestBytes: bytes(12),
  }),
  devSta: register(
    0x0a,
    2,
    flags({
      correctable: 0,
      nonFatal: 1,
      fatal: 2,
      unsupportedRequest: 3,
      auxPower: 4,
      transactionsPending: 5,
      emergencyPowerReduction: 6,
    }),
  ),
};

const LINK: Parts = {
  lnkCap: register(0x0c, 4, {
    port: number(24, 8),
    speed: speed(0),
    width: width(4),
    aspm: choice(10, 2, ['not supported', 'L0s', 'L1', 'L0s L1']),
    l0sExitLatency: choice(12, 3, L0S_LATENCY),
    l1ExitLatency: choice(15, 3, L1_LATENCY),
    ...flags({ clockPm: 18, surpriseDown: 19, dllActiveReporting: 20, bandwidthNotification: 21, aspmOptional: 22 }),
  }),
  lnkCtl: register(0x10, 2, {
    aspm: choice(0, 2, ASPM),
    readCompletionBoundaryBytes: by(3, 1, (bit) => (bit === 1 ? 128 : 64)),
    ...flags({ disabled: 4, retrain: 5, commonClock: 6, extSynch: 7, clockPm: 8, autonomousWidthDisable: 9 }),
    ...flags({ bandwidthInterrupt: 10, autonomousBandwidthInterrupt: 11, flitModeDisable: 13 }),
    drs: choice(14, 2, ['not reported', 'interrupt', 'DRS to FRS']),
  }),
  lnkSta: register(0x12, 2, {
    speed: speed(0),
    width: width(4),
    // Bit 10 is of revision 1.0a alone.
    ...flags({ trainingError: 10, training: 11, slotClock: 12, dllActive: 13 }),
    ...flags({ bandwidthManagement: 14, autonomousBandwidth: 15 }),
  }),
};

const SLOT: Parts = {
  sltCap: register(0x14, 4, {
    slot: number(19, 13),
    powerLimit: powerLimit(7),
    ...flags({ attnBtn: 0, powerController: 1, mrlSensor: 2, attnInd: 3, pwrInd: 4, hotPlugSurprise: 5, hotPlug: 6 }),
    ...flags({ interlock: 17, noCommandCompleted: 18 }),
  }),
  sltCtl: register(0x18, 2, {
    attnInd: choice(6, 2, INDICATOR),
    pwrInd: choice(8, 2, INDICATOR),
    power: choice(10, 1, ['on', 'off']),
    ...flags({ attnBtnPressed: 0, powerFault: 1, mrlSensorChanged: 2, presenceDetectChanged: 3 }),
    ...flags({ commandCompleted: 4, hotPlugInterrupt: 5, interlock: 11, dllStateChanged: 12 }),
    ...flags({ autoPowerLimitDisable: 13, inBandPresenceDisable: 14 }),
  }),
  sltSta: register(0x1a, 2, {
    mrl: choice(5, 1, ['closed', 'open']),
    ...flags({ presenceDetect: 6, attnBtnPressed: 0, powerFault: 1, mrlSensorChanged: 2, presenceDetectChanged: 3 }),
    ...flags({ commandCompleted: 4, interlock: 7, dllStateChanged: 8 }),
  }),
};

const ROOT: Parts = {
  rootCap: register(0x1e, 2, flags({ crsVisible: 0 })),
  rootCtl: register(0x1c, 2, flags({ errCorrectable: 0, errNonFatal: 1, errFatal: 2, pmeInterrupt: 3, crsVisible: 4 })),
  rootSta: register(0x20, 4, {
    pmeRequester: routingId,
    ...flags({ pmeStatus: 16, pmePending: 17 }),
  }),
};

const DEVICE2: Parts = {
  devCap2: register(0x24, 4, {
    completionTimeoutRanges: setOf(0, [
      'A: 50 us to 10 ms',
      'B: 10 ms to 250 ms',
      'C: 250 ms to 4 s',
      'D: 4 s to 64 s',
    ]),
    ...flags({ timeoutDisable: 4, ari: 5, atomicRouting: 6, atomic32: 7, atomic64: 8, atomic128: 9 }),
    ...flags({ noRoPrPrPassing: 10, ltr: 11, tphCompleter: 12, extTphCompleter: 13 }),
    lnSystemCls: choice(14, 2, ['not supported', '64 bytes', '128 bytes']),
    ...flags({ tag10Completer: 16, tag10Requester: 17 }),
    obff: choice(18, 2, ['not supported', 'message', 'WAKE#', 'message or WAKE#']),
    ...flags({ extFormat: 20, endEndPrefix: 21 }),
    // Reserved in a function that has no End-End TLP prefixes.
    maxEndEndPrefixes: (bits) => (bitsOf(bits, 21, 1) === 1 ? bitsOf(bits, 22, 2) || 4 : null),
    emergencyPowerReduction: choice(24, 2, ['not supported', 'device specific', 'form factor or device specific']),
    ...flags({ emergencyPowerReductionInit: 26, dmwrCompleter: 28, frs: 31 }),
  }),
  devCtl2: register(0x28, 2, {
    completionTimeout: COMPLETION_TIMEOUT,
    ...flags({ timeoutDisable: 4, ariForwarding: 5, atomicRequester: 6, atomicEgressBlocking: 7 }),
    ...flags({ idoRequest: 8, idoCompletion: 9, ltr: 10, emergencyPowerReduction: 11, tag10Requester: 12 }),
    obff: choice(13, 2, ['disabled', 'message A', 'message B', 'WAKE#']),
    endEndPrefixBlocking: flag(15),
  }),
};

const LINK_STATUS2: RegisterLayout = {
  deEmphasis: choice(0, 1, ['-6 dB', '-3.5 dB']),
  ...flags({ equalizationComplete: 1, equalizationPhase1: 2, equalizationPhase2: 3, equalizationPhase3: 4 }),
  ...flags({ equalizationRequest: 5, retimer: 6, twoRetimers: 7 }),
  crosslink: choice(8, 2, ['unsupported', 'upstream', 'downstream', 'incomplete']),
  flitMode: flag(10),
  drsReceived: flag(15),
};
const DOWNSTREAM_COMPONENT: RegisterField = choice(12, 3, [
  'link down, presence not determined',
  'link down, not present',
  'link down, present',
  undefined,
  'link up, present',
  'link up, present, DRS received',
]);

const LINK2: Parts = {
  lnkCap2: register(0x2c, 4, {
    speeds: setOf(1, SPEEDS),
    lowerSkpGeneration: setOf(9, SPEEDS),
    lowerSkpReception: setOf(16, SPEEDS),
    ...flags({ crosslink: 8, retimer: 23, twoRetimers: 24, drs: 31 }),
  }),
  lnkCtl2: register(0x30, 2, {
    // Components of 2.5 GT/s alone may have 0 there.
    targetSpeed: by(0, 4, (code) => speed(0)(code || 1)),
    ...flags({ enterCompliance: 4, speedDisable: 5 }),
    deEmphasis: choice(6, 1, ['-6 dB', '-3.5 dB']),
    transmitMargin: number(7, 3),
    ...flags({ modifiedCompliance: 10, complianceSos: 11 }),
    compliancePreset: number(12, 4),
  }),
};

/** The component at the other end is told by ports that face downstream and report DRS (7.5.3.20). */
function linkRegisters2(portType: number): Parts {
  const lnkSta2: Part = (space, base) => {
    const reports = DOWNSTREAM.has(portType) && bitsOf(space.read(base + 0x2c, 4) ?? 0, 31, 1) === 1;
    const layout = reports ? { ...LINK_STATUS2, downstreamComponent: DOWNSTREAM_COMPONENT } : LINK_STATUS2;
    return register(0x32, 2, layout)(space, base);
  };
  return { ...LINK2, lnkSta2 };
}

const SLOT2: Parts = {
  sltCap2: register(0x34, 4, flags({ inBandPresenceDisable: 0 })),
  sltCtl2: raw(0x38, 2),
  sltSta2: raw(0x3a, 2),
};

const DOWNSTREAM: ReadonlySet<number> = new Set([PortType.rootPort, PortType.downstreamPort, PortType.pcieBridge]);
const ROOTS: ReadonlySet<number> = new Set([PortType.rootPort, PortType.eventCollector]);
const WITHOUT_LINK: ReadonlySet<number> = new Set([PortType.integratedEndpoint, PortType.eventCollector]);

export function hasRootRegisters(portType: number | null): boolean {
  return portType !== null && ROOTS.has(portType);
}

export function decodeExpress(space: Space, base: number): Fields {
  const capabilities = space.read(base + 2, 2);
  if (capabilities === undefined) return {};
  const version = capabilities % 16;
  const portType = portTypeOf(capabilities);
  const link = !WITHOUT_LINK.has(portType);
  const slot = DOWNSTREAM.has(portType) && flag(8)(capabilities) === true;
  const parts: Parts = {
    ...DEVICE,
    ...(link ? LINK : {}),
    ...(slot ? SLOT : {}),
    ...(ROOTS.has(portType) ? ROOT : {}),
    // Version 1 ends here.
    ...(version >= 2 ? { ...DEVICE2, ...(link ? linkRegisters2(portType) : {}), ...(slot ? SLOT2 : {}) } : {}),
  };
  const registers = decodeParts(space, base, parts);
  return {
    version,
    type: choice(4, 4, PORT_TYPES)(capabilities),
    ...(DOWNSTREAM.has(portType) ? { slot } : {}),
    interruptMessage: number(9, 5)(capabilities),
    flitMode: flag(15)(capabilities),
    ...(link ? { link: linkState(registers, !DOWNSTREAM.has(portType)) } : {}),
    ...registers,
  };
}

export function portTypeOf(capabilities: number): number {
  return Math.floor(capabilities / 16) % 16;
}

/**
 * Puts the state of the link into words.
 *
 * @param own whether the capable speed and width are those of the device: a port may well have more to offer than what
 *   was plugged into it
 */
function linkState(registers: Fields, own: boolean): string | null {
  const [now, most] = [registers['lnkSta'], registers['lnkCap']].map((fields) => fields as Fields | undefined);
  if (now === undefined || most === undefined) return null;
  if (now['width'] === 'x0') return 'down';
  const state = `${now['speed']} ${now['width']}`;
  const capable = `${most['speed']} ${most['width']}`;
  const less = rank(now) < rank(most) || lanes(now) < lanes(most);
  if (state === capable) return state;
  return less && own ? `${state}, downgraded (capable of ${capable})` : `${state} (capable of ${capable})`;
}

const rank = (fields: Fields) => SPEEDS.indexOf(String(fields['speed']));
const lanes = (fields: Fields) => Number(String(fields['width']).slice(1));
