import type { Kernel } from '../kernel/kernel';
import { parseDescriptors, type SimDescriptors } from './descriptors';

/** The descriptors and strings of a device, whatever it does. */
export interface UsbIdentity {
  readonly descriptors: SimDescriptors;
  /** Keyed by index. */
  readonly strings: ReadonlyMap<number, string>;
  readonly bos: Buffer | null;
  readonly highSpeed: boolean;
}

/** The base has the text of the active configuration alone; this one is gadget zero's second. */
const OTHER_CONFIGURATION = 'loop input to output';

/**
 * Reads the identity of a device from the attributes that the base has for it.
 *
 * @param path the directory of the device
 * @param speed in Mbit/s
 */
export function readIdentity(kernel: Kernel, path: string, speed: number): UsbIdentity {
  const text = (attribute: string) =>
    kernel.exists(`${path}/${attribute}`) ? kernel.text(`${path}/${attribute}`).trim() : '';
  const descriptors = parseDescriptors(kernel.bytes(`${path}/descriptors`));
  const strings = new Map<number, string>();
  const add = (index: number | undefined, string: string) => {
    if (index !== undefined && index > 0 && string !== '') strings.set(index, string);
  };
  add(descriptors.device[14], text('manufacturer'));
  add(descriptors.device[15], text('product'));
  add(descriptors.device[16], text('serial'));
  const active = Number(text('bConfigurationValue'));
  for (const { index, value } of descriptors.configurations)
    add(index, value === active ? text('configuration') : OTHER_CONFIGURATION);
  const bos = kernel.exists(`${path}/bos_descriptors`) ? kernel.bytes(`${path}/bos_descriptors`) : null;
  return { descriptors, strings, bos, highSpeed: speed === 480 };
}
