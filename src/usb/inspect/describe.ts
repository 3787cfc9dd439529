/** Describes one USB device in depth: its descriptors from sysfs, decoded. Opens nothing, wakes nothing. */
import type { UsbDeviceInfo } from '../../model/device';
import type { Names } from '../../names/database';
import { AttributeReader, type ReadError } from '../../sys/readers/attributes';
import type { SysTree } from '../../sys/sys';
import type { Descriptor } from '../decode/descriptor';
import { type DescriptorTree, decodeBos, decodeDescriptors, encodeDescriptors } from '../decode/descriptor-tree';
import { decodeReport, type ReportDescriptor } from '../decode/hid/report';
import { type DecodeContext, type DescriptorJson, descriptorJson } from '../decode/json';
import { numberOf, type Values } from '../decode/layout';
import { interfaceName } from './address';
import type { Answers } from './ask';
import { USB_DEVICES } from './inspect';

/** The bytes that a description is made of. */
export interface RawDescriptors {
  descriptors: Buffer;
  /** The binary object store, which newer kernels have in sysfs (6.12 does, 6.1 not); null: not there, or the device has none. */
  bos: Buffer | null;
  /** Report descriptors of the HID interfaces that have a driver. */
  reports: { interface: string; bytes: Buffer }[];
}

export interface UsbDescription {
  device: UsbDeviceInfo;
  raw: RawDescriptors;
  tree: DescriptorTree;
  bos: DescriptorTree | null;
  context: DecodeContext;
  /** The answers of the device where it was opened and asked; null: it was not. */
  answers: Answers | null;
  /** Files that could not be read. */
  errors: ReadError[];
}

/**
 * Most bytes of a file in sysfs: a device descriptor and some configurations of 64 KiB. A longer one is cut off, since
 * no device has it.
 */
const LONGEST = 256 * 1024;

/** bDescriptorType of a report descriptor: HID 1.11, section 7.1. */
const REPORT = 0x22;

/** The longest string that a descriptor can hold, in UTF-16 units. */
const LONGEST_STRING = 126;

/** Reads and decodes the descriptors of a device. */
export function describeUsb(sys: SysTree, names: Names, device: UsbDeviceInfo): UsbDescription {
  const reader = new AttributeReader(sys);
  const dir = `${USB_DEVICES}/${device.address}`;
  const read = (path: string) => reader.bytes(path)?.subarray(0, LONGEST) ?? null;
  const raw: RawDescriptors = {
    descriptors: read(`${dir}/descriptors`) ?? Buffer.alloc(0),
    bos: read(`${dir}/bos_descriptors`),
    reports: [],
  };
  if (raw.bos?.length === 0) raw.bos = null;
  const tree = decodeDescriptors(raw.descriptors, device.usb.speedMbps);
  const bos = raw.bos === null ? null : decodeBos(raw.bos);
  const strings = new Map<number, string>();
  const reports = new Map<Descriptor, ReportDescriptor>();
  readStrings();
  const active = tree.descriptors.find(
    ({ layout, values }) => layout.id === 'configuration' && values['bConfigurationValue'] === device.usb.configuration,
  );
  if (active !== undefined) readInterfaces(active);
  const { vendor, device: product } = names.usbName(device.vendorId, device.deviceId);
  const context: DecodeContext = {
    speedMbps: device.usb.speedMbps,
    vendorName: vendor,
    productName: product,
    string: (index) => strings.get(index),
    reports,
  };
  return { device, raw, tree, bos, context, answers: null, errors: reader.errors };

  function readStrings(): void {
    const values = tree.descriptors.find(({ layout }) => layout.id === 'device')?.values ?? {};
    note(values['iManufacturer'], device.usb.manufacturer);
    note(values['iProduct'], device.usb.product);
    note(values['iSerialNumber'], device.usb.serial);
  }

  /** Reads what the directories of the active configuration's interfaces add: a string each, and report descriptors. */
  function readInterfaces(configuration: Descriptor): void {
    note(configuration.values['iConfiguration'], reader.text(`${dir}/configuration`));
    for (const setting of configuration.children) {
      const { bInterfaceNumber: number, bAlternateSetting: alt } = setting.values;
      const isActive = device.usb.interfaces.some((i) => i.number === number && i.alt === alt && i.active);
      if (setting.layout.id !== 'interface' || !isActive || typeof number !== 'number') continue;
      const name = interfaceName(device, number);
      note(setting.values['iInterface'], reader.text(`${USB_DEVICES}/${name}/interface`));
      // Some devices have it behind an endpoint; the kernel looks there too (usbhid_parse).
      const hid = [setting, ...setting.children]
        .flatMap(({ children }) => children)
        .find(({ layout }) => layout.id === 'hid');
      if (hid !== undefined) readReport(hid, name);
    }
  }

  /** Reads a report descriptor, which the kernel has where a HID driver is bound: just then the device cannot be asked. */
  function readReport(hid: Descriptor, name: string): void {
    const bus = reader
      .names(`${USB_DEVICES}/${name}`)
      .find((entry) => /^[0-9A-F]{4}:[0-9A-F]{4}:[0-9A-F]{4}\.[0-9A-F]{4,8}$/.test(entry));
    const bytes = bus === undefined ? null : read(`${USB_DEVICES}/${name}/${bus}/report_descriptor`);
    if (bytes === null) return;
    if (bytes.length === 0) {
      hid.notes.push('the report descriptor in sysfs is empty');
      return;
    }
    raw.reports.push({ interface: name, bytes });
    reports.set(hid, decodeReport(bytes));
    // sysfs has the report that the driver works with: report_fixup() of a HID driver, or a HID-BPF program.
    const length = reportLength(hid);
    if (length !== null && length !== bytes.length)
      hid.notes.push(
        `the report descriptor in sysfs has ${bytes.length} bytes, wDescriptorLength is ${length}: the kernel has rewritten it`,
      );
  }

  function note(index: unknown, text: string | null): void {
    if (typeof index === 'number' && index !== 0 && text !== null) strings.set(index, text.slice(0, LONGEST_STRING));
  }
}

/** The length of the report descriptor that a HID descriptor announces; null where it announces none. */
function reportLength({ values }: Descriptor): number | null {
  const announced = values['descriptors'];
  if (!Array.isArray(announced)) return null;
  const report = (announced as readonly Values[]).find((one) => one['bDescriptorType'] === REPORT);
  return report === undefined ? null : numberOf(report, 'wDescriptorLength');
}

/** Adds the answers of the device: strings in its first language, and the BOS where sysfs has none. */
export function withAnswers(description: UsbDescription, answers: Answers): UsbDescription {
  const { context, raw } = description;
  const strings = new Map<number, string>();
  for (const { index, text } of answers.strings) if (!strings.has(index)) strings.set(index, text);
  return {
    ...description,
    raw: answers.bos === null ? raw : { ...raw, bos: encodeDescriptors(answers.bos) },
    bos: description.bos ?? answers.bos,
    answers,
    context: { ...context, string: (index) => strings.get(index) ?? context.string(index) },
  };
}

/** The document of `udrv usb show --json`: the device as it is listed, with its descriptors. */
export interface UsbDocument extends UsbDeviceInfo {
  schema: 'udrv.usb.descriptors/1';
  descriptors: DescriptorJson[];
  /** The binary object store; null where there is none, or where it would take opening the device. */
  bos: DescriptorJson[] | null;
  /** Notes that belong to no single descriptor. */
  notes: string[];
  opened: { descriptors: DescriptorJson[]; strings: Answers['strings']; unanswered: Answers['unanswered'] } | null;
}

export function usbDocument({ device, tree, bos, context, answers, errors }: UsbDescription): UsbDocument {
  const json = (descriptors: readonly Descriptor[]) => descriptors.map((found) => descriptorJson(found, context));
  const { address, framework, ...rest } = device;
  return {
    schema: 'udrv.usb.descriptors/1',
    address,
    framework,
    ...rest,
    errors: [...device.errors, ...errors.filter(({ path }) => !device.errors.some((error) => error.path === path))],
    descriptors: json(tree.descriptors),
    bos: bos === null ? null : json(bos.descriptors),
    notes: [...tree.notes, ...(bos?.notes ?? [])],
    opened:
      answers === null
        ? null
        : { descriptors: json(answers.descriptors), strings: answers.strings, unanswered: answers.unanswered },
  };
}
