import type { UsbDeviceInfo } from '../model/device';
import type { Sys } from '../sys/sys';
import { UsbDevice } from '../usb/device/device';
import { findEndpoint } from '../usb/device/endpoints';
import { endpointName } from '../usb/inspect/address';
import { transferError } from '../usb/transfer/failure';
import { type Bounds, type Figure, measured, type OnResult, perSecond, timeOpens, type Variant } from './figure';
import type { DeviceWork } from './work';

const OPENS = 100;
/** Bytes of a bulk transfer, about. */
const SIZE = 64 * 1024;
const DEVICE_DESCRIPTOR_SIZE = 18;

/** Lists what {@link benchUsb} does to a device. */
export function usbSteps({ address }: UsbDeviceInfo, { endpoints }: DeviceWork): string[] {
  const transfers = endpoints.map((endpoint) => {
    const how = endpoint & 0x80 ? 'read from' : 'write zeros to';
    return `${address}: claim the interface of ${endpointName(endpoint)}, and ${how} it`;
  });
  return [
    `${address}: open and close it up to ${OPENS} times, which wakes it`,
    `${address}: ask for its device descriptor`,
    ...transfers,
  ];
}

/** Measures a USB device; {@link usbSteps} says what is done to it. No driver loses an interface. */
export async function benchUsb(
  sys: Sys,
  info: UsbDeviceInfo,
  { endpoints, queues }: DeviceWork,
  bounds: Bounds,
  onResult: OnResult,
): Promise<void> {
  const open = () => UsbDevice.open(sys, info);
  const opens = { ...bounds, count: Math.min(bounds.count, OPENS) };
  if (!(await measured(onResult, bounds, 'open', {}, () => timeOpens({}, open, opens)))) return;
  const device = open();
  try {
    const control = { size: DEVICE_DESCRIPTOR_SIZE, queue: 1 };
    await measured(onResult, bounds, 'control', {}, () => timeTransfers(device, 'control', {}, 0x80, control, bounds));
    for (const address of endpoints)
      for (const queue of queues) {
        const variant = { endpoint: endpointName(address), queue };
        await measured(onResult, bounds, 'bulk', variant, async () => {
          const { setting, endpoint } = findEndpoint(device.info, address, { types: ['bulk', 'interrupt'] });
          device.claim(setting.number);
          const size = Math.max(1, Math.floor(SIZE / endpoint.maxPacketSize)) * endpoint.maxPacketSize;
          return await timeTransfers(device, 'bulk', variant, address, { size, queue }, bounds);
        });
      }
    if (endpoints.length === 0) onResult({ figure: 'bulk', variant: {}, reason: 'no --endpoint was named' });
  } finally {
    device.close();
  }
}

async function timeTransfers(
  device: UsbDevice,
  figure: string,
  variant: Variant,
  address: number,
  { size, queue }: { size: number; queue: number },
  { seconds, timeoutMs, signal }: Bounds,
): Promise<Figure[]> {
  const measurement = await device.measure(address, { size, queue, seconds, timeoutMs, signal });
  const { transfers, actual, latencyUs } = measurement;
  const subject = device.info.address;
  const error = transferError(measurement, { subject, device: subject, timeoutMs });
  if (error !== null) throw error;
  if (transfers === 0) return [];
  return [
    {
      figure,
      variant,
      count: transfers,
      perSecond: perSecond(transfers, measurement.seconds),
      ...(figure === 'bulk' && { bytesPerSecond: Math.round(actual / measurement.seconds) }),
      latencyUs,
    },
  ];
}
