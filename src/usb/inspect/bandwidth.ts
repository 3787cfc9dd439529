import type { TransferType, UsbEndpoint } from '../../model/device';
import type { EndpointDescriptor } from './settings';

/** Bits of wMaxPacketSize that are the bytes of one packet. */
const PACKET_SIZE = 0x7ff;

const HIGH_SPEED = 480;
const MICROFRAME_US = 125;

/** bMaxBurst and Mult of the SuperSpeed companion: USB 3.2, section 9.6.7. */
const MOST_BURST = 15;
const MULT = 3;

type Bandwidth = Pick<UsbEndpoint, 'maxPacketSize' | 'packets' | 'bytesPerInterval' | 'interval' | 'intervalUs'>;

/** Computes what an endpoint can move, and how often. @param speedMbps of its device; null where it is not known */
export function bandwidthOf(descriptor: EndpointDescriptor, type: TransferType, speedMbps: number | null): Bandwidth {
  const { wMaxPacketSize, bInterval, companion, dwBytesPerInterval } = descriptor;
  const maxPacketSize = wMaxPacketSize & PACKET_SIZE;
  const isPeriodic = type === 'isochronous' || type === 'interrupt';
  const isSuperSpeed = speedMbps !== null && speedMbps > HIGH_SPEED;
  let packets = 1;
  if (isSuperSpeed && companion !== null)
    packets =
      (1 + Math.min(companion.bMaxBurst, MOST_BURST)) *
      (type === 'isochronous' ? 1 + (companion.bmAttributes & MULT) : 1);
  else if (speedMbps === HIGH_SPEED && isPeriodic) packets = 1 + ((wMaxPacketSize >> 11) & 3);
  // The companions tell how much of all those packets is used, or, at SuperSpeedPlus, more than Mult can say.
  const told = isSuperSpeed ? dwBytesPerInterval || companion?.wBytesPerInterval : undefined;
  return {
    maxPacketSize,
    packets,
    bytesPerInterval: isPeriodic ? told || packets * maxPacketSize : null,
    interval: bInterval,
    intervalUs: isPeriodic ? intervalUs(type, bInterval, speedMbps) : null,
  };
}

/** Computes the time between services of a periodic endpoint: USB 2.0, table 9-13; USB 3.2, section 9.6.6. */
function intervalUs(type: TransferType, bInterval: number, speedMbps: number | null): number | null {
  if (speedMbps === null || bInterval === 0) return null;
  if (speedMbps < HIGH_SPEED && type === 'interrupt') return bInterval * 1000;
  if (bInterval > 16) return null;
  return 2 ** (bInterval - 1) * (speedMbps < HIGH_SPEED ? 1000 : MICROFRAME_US);
}
