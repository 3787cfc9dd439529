/** An ioctl in words. */
export interface DecodedIoctl {
  /** `VFIO_DEVICE_GET_REGION_INFO` */
  name: string;
  /** The argument that is passed in, `{index: 0}`; empty for an ioctl without one. */
  in: string;
  /** Puts into words the buffer that came back from a call that succeeded; the result is shown where it is absent. */
  out?: (result: number) => string;
}

/**
 * Knows some ioctls; null for the others. Called once before each call. The buffer is the caller's: it must not be
 * changed, and may be of any length. One number can mean different things on different nodes: `label` tells which
 * (`vfio-container`, `vfio-device 0000:00:03.0`, `usb 001/002`).
 */
export type IoctlDecoder = (request: number, argument: Buffer | number, label: string) => DecodedIoctl | null;
