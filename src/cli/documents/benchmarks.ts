import type { Figure, Missing, Variant } from '../../bench/figure';
import type { BenchDevice, BenchReport } from '../../bench/report';
import type { Summary } from '../../model/statistics';

export interface LatenciesDocument {
  count: number;
  /** From the trigger to the wake-up. */
  latencyUs: Summary;
}

export interface MappingBenchDocument {
  schema: 'udrv.vfio.bench/1';
  device: string;
  backend: 'group' | 'iommufd';
  /** Microseconds for mapping and then unmapping, and for each alone. */
  sizes: { size: number; count: number; latencyUs: Summary; mapUs: Summary; unmapUs: Summary }[];
}

export interface UsbBenchDocument {
  schema: 'udrv.usb.bench/1';
  device: string;
  endpoint: string;
  /** Bytes of each transfer. */
  size: number;
  runs: UsbBenchRun[];
}

export interface UsbBenchRun {
  /** Transfers in flight. */
  queue: number;
  bytes: number;
  transfers: number;
  seconds: number;
  bytesPerSecond: number;
  latencyUs: Summary;
}

export interface BenchReportDocument extends Omit<BenchReport, 'results' | 'devices'> {
  results: BenchResult[];
  devices: BenchedDevice[];
}

export interface BenchedDevice extends Omit<BenchDevice, 'results'> {
  results: BenchResult[];
}

/** A figure, or the reason why there is none. */
export type BenchResult = Variant & (Omit<Figure, 'variant'> | Omit<Missing, 'variant'>);
