import {
  by,
  choice,
  decodeParts,
  type Fields,
  flag,
  flags,
  hexBits,
  number,
  type Part,
  type Parts,
  type RegisterLayout,
  raw,
  raw64,
  register,
  type Space,
  setOf,
  value,
} from './fields';

// HyperTransport I/O Link Specification 2.00, chapter 7: the capability block and its types.

/** Names of the types, by the upper five bits of the command register; an interface has a type of three bits. */
const TYPES: Readonly<Record<number, string>> = {
  8: 'Switch',
  16: 'Interrupt Discovery and Configuration',
  17: 'Revision ID',
  18: 'UnitID Clumping',
  19: 'Extended Configuration Space Access',
  20: 'Address Mapping',
  21: 'MSI Mapping',
  22: 'DirectRoute',
  23: 'VCSet',
  24: 'Retry Mode',
  25: 'X86 (reserved)',
};

const MSI_MAPPING = 0x15;
const REVISION_ID = 0x11;
/** Revision 1.02, as the register has it: from there on an interface has all of its registers. */
const REVISION_1_02 = 0x22;

const WIDTHS = ['8 bit', '16 bit', undefined, '32 bit', '2 bit', '4 bit', undefined, 'not connected'];
const MHZ = [200, 300, 400, 500, 600, 800, 1000, 1200, 1400, 1600];
const FREQUENCIES = MHZ.map((mhz) => `${mhz} MHz`);

const LINK_CONTROL: RegisterLayout = {
  ...flags({ crcFlood: 1, crcStartTest: 2, crcForceError: 3, linkFailure: 4, initialized: 5, endOfChain: 6 }),
  transmitterOff: flag(7),
  crcErrors: hexBits(8, 4),
  ...flags({ isochronous: 12, ldtstopTristate: 13, extendedCtl: 14, address64: 15 }),
};
const LINK_CONFIG: RegisterLayout = {
  maxWidthIn: choice(0, 3, WIDTHS),
  maxWidthOut: choice(4, 3, WIDTHS),
  widthIn: choice(8, 3, WIDTHS),
  widthOut: choice(12, 3, WIDTHS),
  // Flow control is that of doublewords.
  ...flags({ flowControlIn: 3, flowControlOut: 7, flowControlInEnable: 11, flowControlOutEnable: 15 }),
};
const LINK_FREQUENCY: RegisterLayout = {
  frequency: choice(0, 4, FREQUENCIES),
  ...flags({ protocolError: 4, overflow: 5, endOfChainError: 6, ctlTimeout: 7 }),
};
const FEATURES = flags({
  isochronous: 0,
  ldtstop: 1,
  crcTestMode: 2,
  extendedCtl: 3,
  address64: 4,
  reorderDisable: 5,
});
const ERROR_HANDLING = flags({
  protocolFlood: 0,
  overflowFlood: 1,
  protocolFatal: 2,
  overflowFatal: 3,
  endOfChainFatal: 4,
  responseFatal: 5,
  crcFatal: 6,
  serrFatal: 7,
  chainFail: 8,
  responseError: 9,
  protocolNonFatal: 10,
  overflowNonFatal: 11,
  endOfChainNonFatal: 12,
  responseNonFatal: 13,
  crcNonFatal: 14,
  serrNonFatal: 15,
});
const revisionText = (register: number) => `${register >> 5}.${String(register & 31).padStart(2, '0')}`;
const frequencies = (offset: number): Part => value(offset, 2, setOf(0, FREQUENCIES));

const PRIMARY: Parts = {
  command: register(2, 2, {
    baseUnitId: number(0, 5),
    unitCount: number(5, 5),
    ...flags({ masterHost: 10, defaultDirection: 11, dropOnUninitialized: 12 }),
  }),
  linkControl0: register(4, 2, LINK_CONTROL),
  linkConfig0: register(6, 2, LINK_CONFIG),
  linkControl1: register(8, 2, LINK_CONTROL),
  linkConfig1: register(10, 2, LINK_CONFIG),
};
const PRIMARY_MORE: Parts = {
  linkFrequency0: register(13, 1, LINK_FREQUENCY),
  frequencies0: frequencies(14),
  features: register(16, 1, FEATURES),
  linkFrequency1: register(17, 1, LINK_FREQUENCY),
  frequencies1: frequencies(18),
  errorHandling: register(22, 2, ERROR_HANDLING),
  memoryBaseUpper: raw(24, 1),
  memoryLimitUpper: raw(25, 1),
  busNumber: value(26, 1),
};
const SECONDARY: Parts = {
  command: register(2, 2, {
    ...flags({ warmReset: 0, doubleEnded: 1 }),
    deviceNumber: by(2, 5, (n) => n),
    ...flags({ chainSide: 7, hostHide: 8, actAsSlave: 10, hostInboundEndOfChain: 11, dropOnUninitialized: 12 }),
  }),
  linkControl: register(4, 2, LINK_CONTROL),
  linkConfig: register(6, 2, LINK_CONFIG),
};
const SECONDARY_MORE: Parts = {
  linkFrequency: register(9, 1, LINK_FREQUENCY),
  frequencies: frequencies(10),
  features: register(12, 2, { ...FEATURES, ...flags({ extendedRegisters: 8, upstreamConfiguration: 9 }) }),
  errorHandling: register(18, 2, ERROR_HANDLING),
  memoryBaseUpper: raw(20, 1),
  memoryLimitUpper: raw(21, 1),
};

/** Decodes a HyperTransport capability block, of any of its types. */
export function decodeHyperTransport(space: Space, base: number): Fields {
  const command = space.read(base + 2, 2);
  if (command === undefined) return {};
  const interfaceType = command >> 13;
  if (interfaceType === 0) return linkInterface(space, base, 'Slave or Primary Interface', PRIMARY, PRIMARY_MORE, 12);
  if (interfaceType === 1)
    return linkInterface(space, base, 'Host or Secondary Interface', SECONDARY, SECONDARY_MORE, 8);
  const type = command >> 11;
  const fields: Fields = { type: TYPES[type] ?? `reserved (${type})` };
  if (type === REVISION_ID) return { ...fields, revision: revisionText(command & 0xff) };
  if (type !== MSI_MAPPING) return fields;
  const fixed = flag(1)(command) === true;
  return {
    ...fields,
    enable: flag(0)(command),
    fixed,
    ...(fixed ? {} : decodeParts(space, base, { address: raw64(4, ~0xfffffn) })),
  };
}

function linkInterface(
  space: Space,
  base: number,
  type: string,
  parts: Parts,
  more: Parts,
  revisionAt: number,
): Fields {
  const known = space.read(base + revisionAt, 1) ?? 0;
  return {
    type,
    revision: revisionText(known),
    ...decodeParts(space, base, parts),
    ...(known >= REVISION_1_02 ? decodeParts(space, base, more) : {}),
  };
}
