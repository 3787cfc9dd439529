/** An ioctl in words. */
export interface DecodedIoctl {
  /** `VFIO_DEVICE_GET_REGION_INFO` */
  name: string;
  /** What is passed in, `{index: 0}`; empty for an ioctl without an argument. */
  in: string;
  /** What came back, from the same buffer after the call, which must have succeeded. Without it the result is shown. */
  out?: (result: number) => string;
}

/**
 * Knows some ioctls; null for the others. Called once before each call. The buffer is the caller's: it must not be
 * changed, and may be of any length. One number can mean different things on different nodes: `label` tells which
 * (`vfio-container`, `vfio-device 0000:00:03.0`, `usb 001/002`).
 */
export type IoctlDecoder = (request: number, argument: Buffer | number, label: string) => DecodedIoctl | null;
