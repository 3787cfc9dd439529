/**
 * udrv as a library: the machine behind a {@link Sys}, its devices as {@link DeviceInfo} objects, and opened devices with
 * registers and interrupts. It never prints and never exits; every error a caller should show is a {@link UdrvError}.
 *
 * @example
 * import { findDevice, LinuxSys, NameDatabase, UioDevice } from 'udrv';
 *
 * const sys = new LinuxSys();
 * const device = findDevice(sys, new NameDatabase(sys), 'uio0');
 * if (device.framework === 'uio') {
 *   using open = UioDevice.open(sys, device, { write: true });
 *   console.log(open.region('map0').read(0x0, 4));
 *   for await (const interrupt of open.interrupts({ timeoutMs: 1000 })) console.log(interrupt.count);
 * }
 */

export {
  type BindRequest,
  type ChangeOptions,
  change as changeBindings,
  type Prepared as PreparedBindings,
  prepare as prepareBindings,
} from './bind/bind';
export { withGroups } from './bind/group';
export { findUses, type Use, type Uses } from './bind/in-use';
export { type Binding, type Plan as BindPlan, type Step as BindStep, shellCommand, type Write } from './bind/plan';
export { STATE_DIRECTORY } from './bind/remember';
export { type GroupDevice, type GroupReport, type GroupReports, listGroups } from './devices/iommu-groups';
export { type ListOptions, listDevices } from './devices/list';
export { recordMachine } from './devices/record-machine';
export { findDevice, findDevices } from './devices/select';
export { type ErrorDetails, Exit, type ExitCode, errnoMessage, SysError, UdrvError } from './errors';
export { type Action, type Location, prepareAction, prepareActions, type RegionSource } from './model/action';
export type * from './model/device';
export type { Interrupt } from './model/interrupt';
export { type Range, type RegisterSpace, Registers } from './model/registers';
export { type Summary, summarize } from './model/statistics';
export type { DeviceAction, DeviceEvent, EventSubject } from './monitor/event';
export { type MonitorOptions, type MonitorStart, monitorDevices } from './monitor/monitor';
export { type IdNames, NameDatabase, type Names, NO_NAMES } from './names/database';
export { decodeConfig } from './pci/config/decode';
export type { Fields, Value } from './pci/config/fields';
export { type ConfigDump, formatConfigRows, parseConfigDump, parseLspciDump } from './pci/config/lspci-dump';
export type { Capability, ConfigHeader, ConfigSpace, FunctionIds } from './pci/config/types';
export { inspectPciDetails, type PciDetails } from './pci/function-details';
export { readConfigSpace } from './pci/sysfs-config';
export { parseVpd, readVpd, type VitalProductData, type VpdField } from './pci/vpd';
export { simulatedMachine } from './sim';
export { findHolders, type Holder, type Holders } from './sys/holders';
export { LinuxSys } from './sys/linux';
export { SnapshotSys } from './sys/snapshot';
export { DirectoryState, MemoryState, type StateStore } from './sys/state';
export type { Access, Mapping, OpenFlags, PollResult, Sys, Watch, Width, Word } from './sys/sys';
export type { ReadError } from './sys/sysfs';
export { SysrootSys } from './sys/sysroot';
export { traced } from './sys/trace';
export { decodeVfio } from './uapi/decode-vfio';
export type { DecodedIoctl, IoctlDecoder } from './uapi/ioctl-decoder';
export { type LatencyOptions, UioDevice, type WatchOptions } from './uio/device';
export type { RearmMode } from './uio/interrupt-control';
export {
  type Descriptor,
  type DescriptorTree,
  decodeBos,
  decodeDescriptors,
  decodeMsos20,
  encodeDescriptors,
} from './usb/decode/descriptor-tree';
export {
  decodeReport,
  describeReport,
  encodeReport,
  type ReportDescriptor,
  type ReportItem,
  type ReportLine,
} from './usb/decode/hid-report';
export { type DescriptorJson, descriptorJson } from './usb/decode/json';
export {
  decode as decodeLayout,
  encode as encodeLayout,
  type Layout,
  type Values,
  type ValuesOf,
} from './usb/decode/layout';
export { CONFIGURATION, DEVICE, ENDPOINT, INTERFACE, INTERFACE_ASSOCIATION } from './usb/decode/standard';
export type { NotGivenBack } from './usb/device/claims';
export { type ClaimOptions, type ControlOptions, type DataResult, UsbDevice } from './usb/device/device';
export { type Answers, askDevice, type ControlIn, type Setup, type UsbString } from './usb/inspect/ask';
export { describeUsb, type UsbDescription, type UsbDocument, usbDocument, withAnswers } from './usb/inspect/describe';
export { listUsbNodes, type UsbNode } from './usb/inspect/nodes';
export { type UsbBranch, usbTree } from './usb/inspect/port-tree';
export type { IsoOptions, IsoPacket, IsoTransfer } from './usb/transfer/iso';
export type { Measurement, MeasureOptions } from './usb/transfer/measure';
export type { WaitOptions } from './usb/transfer/queue';
export type { TransferResult, TransferStatus } from './usb/transfer/status';
export type { InStream, Message, Source, StreamOptions, WriteOptions } from './usb/transfer/streams';
export type { ControlSetup } from './usb/transfer/urb';
export type { Backend as VfioBackend } from './vfio/device/backend';
export {
  type DeviceFeature as VfioFeature,
  type DeviceFlag as VfioFlag,
  type OpenOptions as VfioOpenOptions,
  VfioDevice,
} from './vfio/device/device';
export type { HotResetDevice } from './vfio/device/hot-reset';
export {
  InterruptLines,
  type LineEvent,
  measureLatencies,
  type Vectors,
  type VfioInterrupt,
  type VfioLatencyOptions,
  type VfioWatchOptions,
  watchInterrupts,
} from './vfio/device/interrupts';
export type { Irq, IrqInfo, IrqName } from './vfio/device/irq-set';
export type { Area, VfioRegion } from './vfio/device/regions';
export { type DmaBuffer, DmaPool, READ_WRITE } from './vfio/dma/buffer';
export { type DmaFault, parseFaults } from './vfio/dma/faults';
export type { DmaAccess, DmaMapping, Iommu, IommuInfo, IovaRange } from './vfio/dma/iommu';
export { IovaAllocator } from './vfio/dma/iova';
export { type MapLatencies, type MapLatencyOptions, measureMappings } from './vfio/dma/map-latency';
export {
  chooseTier,
  DMA_TIERS,
  type DmaTestOptions,
  type DmaTestReport,
  dmaDeviceOf,
  runDmaTest,
} from './vfio/dma-test/run';
export type {
  Check,
  CheckResult,
  Completion,
  Copy,
  DmaDevice,
  DmaDriver,
  DmaPort,
  DmaTier,
  Finding,
  Verdict,
} from './vfio/dma-test/tier';
export { type VfioDetails, vfioDetails } from './vfio/inspect/details';
export type { ReservedRegion } from './vfio/inspect/reserved-regions';
