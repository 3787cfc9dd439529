/** USB devices: descriptors from sysfs, transfers through usbfs. */
export type { Descriptor } from './decode/descriptor';
export {
  type DescriptorTree,
  decodeBos,
  decodeDescriptors,
  decodeMsos20,
  encodeDescriptors,
} from './decode/descriptor-tree';
export {
  type DescribedReport,
  decodeReport,
  describeReport,
  encodeReport,
  type ReportDescriptor,
  type ReportItem,
  type ReportLine,
  type ReportSize,
} from './decode/hid/report';
export { type DescriptorJson, descriptorJson } from './decode/json';
export {
  decode as decodeLayout,
  encode as encodeLayout,
  type Layout,
  type Values,
  type ValuesOf,
} from './decode/layout';
export { CONFIGURATION, DEVICE, ENDPOINT, INTERFACE, INTERFACE_ASSOCIATION } from './decode/standard';
export type { NotGivenBack } from './device/claims';
export { type ClaimOptions, type ControlOptions, type DataResult, UsbDevice } from './device/device';
export { type Answers, askDevice, type ControlIn, type Setup } from './inspect/ask';
export { describeUsb, type UsbDescription, type UsbDocument, usbDocument, withAnswers } from './inspect/describe';
export { listUsbNodes, type UsbNode } from './inspect/nodes';
export { type UsbBranch, usbTree } from './inspect/port-tree';
export type { UsbString } from './inspect/strings';
export type { IsoOptions, IsoPacket, IsoTransfer } from './transfer/iso';
export type { Measurement, MeasureOptions } from './transfer/measure';
export type { TransferWaitOptions } from './transfer/queue';
export type { TransferResult, TransferStatus } from './transfer/status';
export type { InStream, Message, Source, StreamOptions, WriteOptions } from './transfer/streams';
export type { ControlSetup } from './transfer/urb';
