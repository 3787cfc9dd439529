import { hex } from '../../text/hex';
import {
  bitsOf,
  by,
  choice,
  decodeParts,
  type Fields,
  flag,
  flags,
  hexBits,
  number,
  type Parts,
  type RegisterField,
  type RegisterLayout,
  register,
  repeat,
  routingId,
  type Space,
} from './fields';

// PCI Express Base Specification 6.0, 7.9.26: Integrity and Data Encryption.

const ALGORITHM = ['AES-GCM-256, 96-bit MAC'];

const IDE: Parts = {
  ideCap: register(4, 4, {
    ...flags({ link: 0, selective: 1, flowThrough: 2, partialHeader: 3, aggregation: 4, pcrc: 5, keyManagement: 6 }),
    selectiveConfig: flag(7),
    algorithm: choice(8, 5, ALGORITHM),
    linkTrafficClasses: by(13, 3, (last) => last + 1),
    selectiveStreams: by(16, 8, (last) => last + 1),
    teeLimited: flag(24),
  }),
  ideCtl: register(8, 4, flags({ flowThrough: 2 })),
};

const aggregation = (low: number): RegisterField => choice(low, 2, ['none', 'up to 2', 'up to 4', 'up to 8']);
const STREAM_CONTROL: RegisterLayout = {
  enable: flag(0),
  aggregationNonPosted: aggregation(2),
  aggregationPosted: aggregation(4),
  aggregationCompletion: aggregation(6),
  pcrc: flag(8),
  headerEncryption: choice(10, 4, [
    'none',
    'address bits 17:2',
    'address bits 25:2',
    'address bits 33:2',
    'address bits 41:2',
  ]),
  algorithm: choice(14, 5, ALGORITHM),
  trafficClass: number(19, 3),
  streamId: number(24, 8),
};
const SELECTIVE_CONTROL: RegisterLayout = {
  ...STREAM_CONTROL,
  ...flags({ configRequests: 9, default: 22, teeLimited: 23 }),
};
const STREAM_STATUS: RegisterLayout = {
  state: choice(0, 4, ['insecure', undefined, 'secure']),
  integrityCheckFailReceived: flag(31),
};

const LINK_STREAM_SIZE = 8;
const LINK_STREAM: Parts = { control: register(0, 4, STREAM_CONTROL), status: register(4, 4, STREAM_STATUS) };

/** The registers before the address associations, which are 12 bytes each. */
const SELECTIVE_STREAM_SIZE = 20;
const ADDRESS_ASSOCIATION_SIZE = 12;
const SELECTIVE_STREAM: Parts = {
  control: register(4, 4, SELECTIVE_CONTROL),
  status: register(8, 4, STREAM_STATUS),
  routingIdLimit: register(12, 4, { limit: by(8, 16, routingId) }),
  routingIdBase: register(16, 4, { valid: flag(0), base: by(8, 16, routingId), segmentBase: hexBits(24, 8) }),
};

/** Decodes the capability with its streams, those of the link and the selective ones. */
export function decodeIde(space: Space, base: number): Fields {
  const capability = space.read(base + 4, 4) ?? 0;
  const linkStreams = bitsOf(capability, 0, 1) === 1 ? bitsOf(capability, 13, 3) + 1 : 0;
  const selectiveStreams = bitsOf(capability, 1, 1) === 1 ? bitsOf(capability, 16, 8) + 1 : 0;
  let at = base + 12;
  return {
    ...decodeParts(space, base, IDE),
    linkStreams: repeat(space, linkStreams, () => {
      const stream = decodeParts(space, at, LINK_STREAM);
      at += LINK_STREAM_SIZE;
      return stream;
    }),
    selectiveStreams: repeat(space, selectiveStreams, () => {
      const associations = bitsOf(space.read(at, 4) ?? 0, 0, 4);
      const stream = decodeParts(space, at, SELECTIVE_STREAM);
      at += SELECTIVE_STREAM_SIZE;
      const addresses = repeat(space, associations, () => {
        const address = addressAssociation(space, at);
        at += ADDRESS_ASSOCIATION_SIZE;
        return address;
      });
      return { ...stream, addresses };
    }),
  };
}

/** Decodes a range of addresses, in units of 1 MiB. */
function addressAssociation(space: Space, at: number): Fields | undefined {
  const [low, limitUpper, baseUpper] = [0, 4, 8].map((offset) => space.read(at + offset, 4));
  if (low === undefined || limitUpper === undefined || baseUpper === undefined) return undefined;
  const address = (upper: number, megabytes: number) => (BigInt(upper) << 32n) | (BigInt(megabytes) << 20n);
  return {
    valid: bitsOf(low, 0, 1) === 1,
    base: hex(address(baseUpper, bitsOf(low, 8, 12)), 8),
    limit: hex(address(limitUpper, bitsOf(low, 20, 12)) | 0xfffffn, 8),
  };
}
