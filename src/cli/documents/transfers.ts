import type { TransferStatus } from '../../usb/transfer/status';

export interface TransferDocument {
  status: TransferStatus;
  /** Bytes asked for. */
  requested: number;
  /** Bytes moved. */
  actual: number;
  /** Hex digits of the bytes that arrived; absent where they went to a file, or to the device. */
  data?: string;
  /** Number of packets; isochronous transfers alone have them. */
  packets?: number;
  /** Number of isochronous packets that failed, by errno. */
  errors?: Record<string, number>;
}

/** A change of a device, or of one of its interfaces. */
export type UsbChangeDocument = { schema: 'udrv.usb.change/1'; address: string } & UsbChange;

/** The interfaces that have their drivers again. */
export interface UsbAttachedDocument {
  schema: 'udrv.usb.attached/1';
  interfaces: { interface: string; driver: string }[];
}

export type UsbChange =
  | { action: 'reset' }
  | { action: 'config'; configuration: number }
  | { action: 'alt'; alt: number }
  | { action: 'clear-halt'; endpoint: string }
  | { action: 'detach' | 'attach'; driver: string | null };
