/** Descriptors as JSON: fields by the specification's names, numbers as numbers, and their meanings beside them. */

import type { Descriptor } from './descriptor';
import { type DescribedReport, describeReport, encodeReport, type ReportDescriptor } from './hid/report';
import { type DescriptorValue, numberOf, type Values } from './layout';

/** The facts about a device that meanings depend on. */
export interface DecodeContext {
  speedMbps: number | null;
  endpointType?: number;
  vendorName: string | null;
  productName: string | null;
  string(index: number): string | undefined;
  /** Report descriptors, by the HID descriptors that announce them. */
  reports: ReadonlyMap<Descriptor, ReportDescriptor>;
}

/** Returns the context inside a descriptor. Another speed's configuration is at the other of full and high speed. */
export function contextIn({ layout, values }: Descriptor, context: DecodeContext): DecodeContext {
  if (layout.id === 'endpoint') return { ...context, endpointType: numberOf(values, 'bmAttributes') & 3 };
  if (layout.id !== 'otherSpeedConfiguration' || context.speedMbps === null) return context;
  return { ...context, speedMbps: context.speedMbps === 480 ? 12 : 480 };
}

export type Means = string | readonly string[];

export interface DescriptorJson {
  /** `device`, `uac1.featureUnit`. */
  descriptor: string;
  /** True where the class of the interface does not say what this is, but its bytes leave no doubt. */
  byShape?: true;
  /** The meanings of fields that have one. */
  means?: Record<string, Means>;
  /** Hex of the bytes that the layout does not cover. */
  rest?: string;
  notes?: string[];
  report?: { bytes: string } & DescribedReport;
  children?: DescriptorJson[];
  [field: string]: DescriptorValue | true | DescriptorJson[] | Record<string, Means> | string[] | object | undefined;
}

export function descriptorJson(descriptor: Descriptor, around: DecodeContext): DescriptorJson {
  const context = contextIn(descriptor, around);
  const { layout, values, rest, byShape, notes, children } = descriptor;
  const report = context.reports.get(descriptor);
  const means = meanings(descriptor, context);
  return {
    descriptor: layout.id,
    ...(byShape === undefined ? {} : { byShape }),
    ...values,
    ...(Object.keys(means).length === 0 ? {} : { means }),
    ...(rest.length === 0 ? {} : { rest: rest.toString('hex') }),
    ...(notes.length === 0 ? {} : { notes }),
    ...(report === undefined
      ? {}
      : { report: { bytes: encodeReport(report).toString('hex'), ...describeReport(report) } }),
    ...(children.length === 0 ? {} : { children: children.map((child) => descriptorJson(child, context)) }),
  };
}

function meanings({ layout, values }: Descriptor, context: DecodeContext): Record<string, Means> {
  const found: Record<string, Means> = {};
  for (const field of layout.fields) {
    const value = values[field.name];
    const means = value === undefined ? null : field.means(value, { ...context, values });
    if (means !== null && means.length > 0) found[field.name] = means;
  }
  return found;
}

/** Collects the string indices that descriptors name, each once. WebUSB's landing page is an index of URLs. */
export function stringIndices(descriptors: readonly Descriptor[]): Set<number> {
  const found = new Set<number>();
  const collect = (values: Values) => {
    for (const [name, value] of Object.entries(values)) {
      if (/^i[A-Z]/.test(name) && name !== 'iLandingPage' && typeof value === 'number' && value !== 0) found.add(value);
      if (Array.isArray(value)) for (const item of value) if (typeof item === 'object') collect(item as Values);
    }
  };
  const walk = ({ values, children }: Descriptor) => {
    collect(values);
    children.forEach(walk);
  };
  descriptors.forEach(walk);
  return found;
}
