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
export { type DecodeContext, type DescriptorJson, descriptorJson, type Means } from './decode/json';
export {
  type AnyField,
  type Decoded,
  type DescriptorValue,
  decode as decodeLayout,
  encode as encodeLayout,
  type Field,
  type Layout,
  type MeaningScope,
  type Notation,
  type ValueOf,
  type Values,
  type ValuesOf,
} from './decode/layout';
export { CONFIGURATION, DEVICE, ENDPOINT, INTERFACE, INTERFACE_ASSOCIATION } from './decode/standard';
export type { NotGivenBack } from './device/claims';
export {
  type ClaimOptions,
  type ConfigurationOptions,
  type ControlOptions,
  type DataResult,
  UsbDevice,
  type UsbOpenOptions,
} from './device/device';
export type { EndpointRequest, FoundEndpoint } from './device/endpoints';
export { type Answers, askDevice, type ControlIn, type Known, type Setup, type Unanswered } from './inspect/ask';
export {
  describeUsb,
  type RawDescriptors,
  type UsbDescription,
  type UsbDocument,
  usbDocument,
  withAnswers,
} from './inspect/describe';
export { listUsbNodes, type UsbNode } from './inspect/nodes';
export { type UsbBranch, usbTree } from './inspect/port-tree';
export type { UsbString } from './inspect/strings';
export { type FailedTransfer, transferError } from './transfer/failure';
export type { IsoOptions, IsoPacket, IsoTransfer } from './transfer/iso';
export type { Measurement, MeasureOptions } from './transfer/measure';
export type { StopReason, Transfer, TransferWaitOptions } from './transfer/queue';
export type { TransferResult, TransferStatus } from './transfer/status';
export type { InStream, Message, Source, StreamOptions, WriteOptions } from './transfer/streams';
export type { ControlSetup, Urb } from './transfer/urb';
