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

export type { Bounds, Figure, Missing, OnResult, Result, Variant } from './bench/figure';
export { type BenchMachine, readBenchMachine } from './bench/machine';
export {
  type BenchDevice,
  type BenchReport,
  benchDevice,
  benchKernel,
  benchSteps,
  describeBenchDevice,
} from './bench/report';
export type { DeviceWork } from './bench/work';
export {
  type BindRequest,
  type ChangeOptions,
  changeBindings,
  type PreparedBindings,
  prepareBindings,
} from './bind/bind';
export { type Bus, type BusAttributes, type BusDeviceInfo, findOnBus, inspectOnBus, listOnBuses } from './bind/bus';
export { withGroups } from './bind/group';
export { kernelDevices } from './bind/in-use/kernel-devices';
export { claimProbe, type IsClaimed } from './bind/in-use/storage';
export type { Use, Uses } from './bind/in-use/use';
export { findUses } from './bind/in-use/uses';
export { type Binding, type BindPlan, type BindStep, shellCommand, type Write } from './bind/plan';
export { STATE_DIRECTORY } from './bind/remember';
export {
  changeVirtualFunctions,
  planVirtualFunctions,
  type VfOptions,
  type VfPlan,
} from './bind/virtual-functions';
export { type WayToVfio, wayToVfio } from './bind/way-to-vfio';
export { Cleanup, laterFailures } from './cleanup';
export { findGroup, type GroupDevice, type GroupReport, type GroupReports, listGroups } from './devices/iommu-groups';
export { type ListOptions, listDevices } from './devices/list';
export { type ReadMore, recordMachine } from './devices/record-machine';
export { findDevice, findDevices } from './devices/select';
export type { Finding, Mend, Need, Purpose, ReadConfig, Seen, Severity } from './doctor/check';
export { type DiagnoseOptions, type Diagnosis, diagnose, type Unknown } from './doctor/diagnose';
export { readEvidence } from './doctor/record';
export { type ErrorDetails, type ErrorSubject, Exit, type ExitCode, errnoMessage, SysError, UdrvError } from './errors';
export type { LatencyOptions } from './interrupts/latency';
export type { InterruptEvent, InterruptSource, InterruptWaitOptions } from './interrupts/source';
export type { WatchOptions } from './interrupts/watch';
export { type Action, prepareAction, prepareActions } from './model/action';
export type * from './model/device';
export { DmaRing, type DmaRingOptions, type DoneBit } from './model/dma-ring';
export type { Interrupt } from './model/interrupt';
export type { BitField, Location, RegionSource, WordLayout } from './model/location';
export {
  NVME_CQ_ENTRY,
  NVME_IDENTIFY,
  NVME_SQ_ENTRY,
  type NvmeAdminQueues,
  NvmeRegisters,
} from './model/nvme-registers';
export { type Range, type RegisterSpace, Registers } from './model/registers';
export { Samples } from './model/samples';
export { type DmaSegment, type SegmentLimits, scatterList, segmentOf } from './model/scatter-list';
export { type Summary, summarize } from './model/statistics';
export type { DeviceAction, DeviceEvent, EventSubject } from './monitor/event';
export { type MonitorOptions, type MonitorStart, monitorDevices } from './monitor/monitor';
export { type IdNames, NameDatabase, type Names, NO_NAMES } from './names/database';
export type { DatabaseKind, Id } from './names/name-source';
export * from './pci';
export * from './regmap';
export * from './session';
export * from './sim';
export { Journal, type LeftNote, type Note, type Processes } from './sys/journal';
export { LinuxSys, type LinuxSysOptions } from './sys/linux/linux-sys';
export { AttributeReader, type ReadError } from './sys/readers/attributes';
export { findHolders, type Holder, type Holders } from './sys/readers/holders';
export { DirectoryState, MemoryState, StateLocked, type StateStore } from './sys/state';
export type {
  Access,
  Datagram,
  Mapping,
  Memory,
  MemoryOptions,
  OpenFlags,
  OpenOptions,
  Permissions,
  PollEvent,
  PollResult,
  Sys,
  SysTree,
  Unanswered,
  Watch,
  Width,
  Word,
} from './sys/sys';
export { type Print, traced } from './sys/trace';
export { inspectionOnly, type Refusal } from './sys/tree/inspection-only';
export { loadSnapshot } from './sys/tree/snapshot';
export { SysrootTree } from './sys/tree/sysroot';
export { decodeVfio } from './uapi/decode-vfio';
export type { DecodedIoctl, IoctlDecoder } from './uapi/ioctl-decoder';
export * from './uio';
export * from './usb';
export * from './vfio';
