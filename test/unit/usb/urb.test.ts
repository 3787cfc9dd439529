import fc from 'fast-check';
import { simulatedMachine } from '../../../src/sim';
import { isoPacket, urb as layout } from '../../../src/uapi/usbdevfs';
import { errnoName, statusOf } from '../../../src/usb/transfer/status';
import { Pieces } from '../../../src/usb/transfer/streams';
import { Urb } from '../../../src/usb/transfer/urb';

const { sys } = simulatedMachine();

describe('an URB', () => {
  test('lies in memory as the kernel wants it', () => {
    const urb = new Urb(sys, 100, 3);
    urb.prepare(3, 0x81, 64, 1);
    const { header } = urb;
    expect(header.readUInt8(layout.type)).toBe(3);
    expect(header.readUInt8(layout.endpoint)).toBe(0x81);
    expect(header.readUInt32LE(layout.flags)).toBe(1);
    expect(header.readInt32LE(layout.bufferLength)).toBe(64);
    // The data follows the header, in the same memory.
    expect(header.readBigUInt64LE(layout.buffer)).toBe(BigInt(urb.address + header.length));
    expect(header.readBigUInt64LE(layout.userContext)).toBe(BigInt(urb.address));
    expect(header.length).toBeGreaterThanOrEqual(layout.size + 3 * isoPacket.size);
    expect(urb.data.length).toBeGreaterThanOrEqual(100);
    expect(() => urb.prepare(3, 0x81, urb.data.length + 1)).toThrow(RangeError);
    urb.close();
  });

  test('of a control request has its setup packet little-endian in front', () => {
    const urb = new Urb(sys, 64);
    urb.prepareControl({ bmRequestType: 0xa1, bRequest: 0xfe, wValue: 0x1234, wIndex: 0x5678 }, 0x0102 - 0xfa);
    expect(urb.data.subarray(0, 8).toString('hex')).toBe('a1fe341278560800');
    expect(urb.bufferLength).toBe(16);
    expect(urb.header.readUInt8(layout.endpoint)).toBe(0x80);
    urb.close();
  });

  test('of packets has each where it lies', () => {
    const urb = new Urb(sys, 1024, 4);
    urb.prepareIso(0x82, [100, 200, 300]);
    expect(urb.bufferLength).toBe(600);
    urb.header.writeUInt32LE(150, layout.packets + isoPacket.size + isoPacket.actualLength);
    urb.header.writeInt32LE(-71, layout.packets + 2 * isoPacket.size + isoPacket.status);
    expect(urb.isoPackets()).toEqual([
      { status: 0, offset: 0, length: 100, actualLength: 0 },
      { status: 0, offset: 100, length: 200, actualLength: 150 },
      { status: -71, offset: 300, length: 300, actualLength: 0 },
    ]);
    expect(() => urb.prepareIso(0x82, [1, 1, 1, 1, 1])).toThrow(RangeError);
    urb.close();
  });

  test('takes the place of another', () => {
    const [one, other] = [new Urb(sys, 1024, 2), new Urb(sys, 1024, 2)];
    one.prepareIso(0x02, [100, 200]);
    for (let i = 0; i < 300; i++) one.data[i] = i % 251;
    other.prepareAs(one);
    expect(other.isoPackets()).toEqual(one.isoPackets());
    expect(other.data.equals(one.data)).toBe(true);
    const [header, expected] = [Buffer.from(other.header), Buffer.from(one.header)];
    // But where each lies.
    for (const place of [layout.buffer, layout.userContext]) {
      expect(header.readBigUInt64LE(place)).not.toBe(expected.readBigUInt64LE(place));
      expected.writeBigUInt64LE(header.readBigUInt64LE(place), place);
    }
    expect(header.equals(expected)).toBe(true);
    one.close();
    other.close();
  });

  test('whatever is said of lengths, no more than there is', () => {
    const urb = new Urb(sys, 10, 1);
    urb.header.writeInt32LE(0x7fffffff, layout.actualLength);
    expect(urb.actualLength).toBe(urb.data.length);
    urb.header.writeInt32LE(-1, layout.actualLength);
    expect(urb.actualLength).toBe(0);
    urb.header.writeInt32LE(1000, layout.numberOfPackets);
    urb.header.writeUInt32LE(0xffffffff, layout.packets + isoPacket.actualLength);
    expect(urb.isoPackets()).toHaveLength(1);
    expect(urb.isoPackets()[0]?.actualLength).toBe(0);
    urb.close();
  });
});

describe('a status', () => {
  test.each([
    [0, null, 'ok', null],
    [-121, null, 'ok', 'EREMOTEIO'],
    [-32, null, 'stall', 'EPIPE'],
    [-75, null, 'babble', 'EOVERFLOW'],
    [-71, null, 'error', 'EPROTO'],
    [-84, 'timeout', 'error', 'EILSEQ'],
    [-19, null, 'gone', 'ENODEV'],
    [-108, 'timeout', 'gone', 'ESHUTDOWN'],
    [-2, 'timeout', 'timeout', 'ENOENT'],
    [-104, 'cancelled', 'cancelled', 'ECONNRESET'],
    [-2, null, 'cancelled', 'ENOENT'],
    [-12345, null, 'error', 'errno 12345'],
  ] as const)('%i after %s is %s', (status, stopped, expected, name) => {
    expect(statusOf(status, stopped)).toBe(expected);
    expect(errnoName(status)).toBe(name);
  });
});

describe('pieces of any length', () => {
  const filled = async (pieces: Pieces, size: number) => {
    const buffer = Buffer.alloc(size);
    return buffer.subarray(0, await pieces.fill(buffer));
  };

  test('become pieces of the length that is wanted, from either kind of source', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 20 })),
        fc.integer({ min: 1, max: 16 }),
        fc.boolean(),
        async (chunks, size, later) => {
          async function* slowly() {
            yield* chunks;
          }
          const pieces = new Pieces(later ? slowly() : chunks);
          const out: Buffer[] = [];
          for (;;) {
            const piece = await filled(pieces, size);
            out.push(Buffer.from(piece));
            if (piece.length < size) break;
          }
          expect(Buffer.concat(out)).toEqual(Buffer.concat(chunks));
          expect(out.slice(0, -1).every((piece) => piece.length === size)).toBe(true);
        },
      ),
    );
  });

  test('a source that is not wanted any more is told', async () => {
    const ended = jest.fn();
    function* source() {
      try {
        yield Buffer.from('ab');
        yield Buffer.from('cd');
      } finally {
        ended();
      }
    }
    const pieces = new Pieces(source());
    expect((await filled(pieces, 2)).toString()).toBe('ab');
    pieces.close();
    pieces.close();
    expect(ended).toHaveBeenCalledTimes(1);
    expect(await filled(pieces, 2)).toHaveLength(0);
  });
});
