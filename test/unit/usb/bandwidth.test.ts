import type { TransferType } from '../../../src/model/device';
import { bandwidthOf } from '../../../src/usb/inspect/bandwidth';

const [CONTROL, ISOCHRONOUS, BULK, INTERRUPT] = ['control', 'isochronous', 'bulk', 'interrupt'] as const;

function endpoint(
  speedMbps: number | null,
  [type, wMaxPacketSize, bInterval]: readonly [TransferType, number, number],
  companion: readonly [bMaxBurst: number, bmAttributes: number, wBytesPerInterval: number] | null = null,
  dwBytesPerInterval: number | null = null,
) {
  const { packets, maxPacketSize, bytesPerInterval, intervalUs } = bandwidthOf(
    {
      bEndpointAddress: 0x81,
      bmAttributes: 0,
      wMaxPacketSize,
      bInterval,
      companion: companion && { bMaxBurst: companion[0], bmAttributes: companion[1], wBytesPerInterval: companion[2] },
      dwBytesPerInterval,
    },
    type,
    speedMbps,
  );
  return [packets, maxPacketSize, bytesPerInterval, intervalUs];
}

describe('packets of a microframe: USB 2.0, table 9-13', () => {
  test.each([
    [0x0280, 1, 640],
    [0x0a80, 2, 640],
    [0x1400, 3, 1024],
    [0x0400, 1, 1024],
  ])('wMaxPacketSize 0x%s', (wMaxPacketSize, packets, size) => {
    for (const type of [ISOCHRONOUS, INTERRUPT])
      expect(endpoint(480, [type, wMaxPacketSize, 1])).toEqual([packets, size, packets * size, 125]);
  });

  test('bulk and control endpoints have one packet, and so have slower devices', () => {
    for (const type of [CONTROL, BULK]) expect(endpoint(480, [type, 0x1200, 1])).toEqual([1, 512, null, null]);
    expect(endpoint(12, [ISOCHRONOUS, 0x1400, 1])).toEqual([1, 1024, 1024, 1000]);
    expect(endpoint(null, [ISOCHRONOUS, 0x1400, 1])).toEqual([1, 1024, 1024, null]);
  });
});

describe('bursts of SuperSpeed: USB 3.2, sections 9.6.7 and 9.6.8', () => {
  test('of a bulk endpoint', () => {
    expect(endpoint(5000, [BULK, 1024, 0], [15, 0, 0])).toEqual([16, 1024, null, null]);
    // bmAttributes of a bulk endpoint are streams.
    expect(endpoint(5000, [BULK, 1024, 0], [3, 2, 0])).toEqual([4, 1024, null, null]);
    expect(endpoint(5000, [BULK, 1024, 0])).toEqual([1, 1024, null, null]);
    expect(endpoint(5000, [BULK, 1024, 0], [0xff, 0, 0])).toEqual([16, 1024, null, null]);
  });

  test('of an isochronous endpoint, with Mult; what is used of them is told', () => {
    expect(endpoint(5000, [ISOCHRONOUS, 1024, 1], [15, 2, 40_000])).toEqual([48, 1024, 40_000, 125]);
    expect(endpoint(5000, [ISOCHRONOUS, 1024, 4], [0, 0, 0])).toEqual([1, 1024, 1024, 1000]);
  });

  test('of SuperSpeedPlus: more than Mult can say', () => {
    expect(endpoint(10_000, [ISOCHRONOUS, 1024, 1], [15, 0x80, 1], 98_304)).toEqual([16, 1024, 98_304, 125]);
  });

  test('an interrupt endpoint', () => {
    expect(endpoint(5000, [INTERRUPT, 64, 8], [0, 0, 16])).toEqual([1, 64, 16, 16_000]);
  });

  test('a companion says nothing at other speeds', () => {
    expect(endpoint(480, [BULK, 512, 0], [15, 0, 0])).toEqual([1, 512, null, null]);
    expect(endpoint(480, [ISOCHRONOUS, 0x0c00, 1], [15, 2, 9], 98_304)).toEqual([2, 1024, 2048, 125]);
  });
});

describe('the interval', () => {
  test.each([
    [1.5, INTERRUPT, 10, 10_000],
    [12, INTERRUPT, 1, 1000],
    [12, INTERRUPT, 255, 255_000],
    [12, ISOCHRONOUS, 1, 1000],
    [12, ISOCHRONOUS, 4, 8000],
    [12, ISOCHRONOUS, 16, 32_768_000],
    [12, ISOCHRONOUS, 17, null],
    [480, INTERRUPT, 1, 125],
    [480, INTERRUPT, 4, 1000],
    [480, INTERRUPT, 12, 256_000],
    [480, ISOCHRONOUS, 16, 4_096_000],
    [480, ISOCHRONOUS, 17, null],
    [480, INTERRUPT, 255, null],
    [20_000, ISOCHRONOUS, 3, 500],
    [480, INTERRUPT, 0, null],
    [12, INTERRUPT, 0, null],
    [480, BULK, 1, null],
    [480, CONTROL, 1, null],
    [null, INTERRUPT, 1, null],
  ])('at %s Mbit/s of type %s, bInterval %i: %s us', (speed, type, bInterval, us) => {
    expect(endpoint(speed, [type, 8, bInterval])[3]).toBe(us);
  });
});
