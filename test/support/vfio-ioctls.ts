/** VFIO's ioctls as bytes and numbers, without the client: what tests of the kernel, and of its simulation, speak. */
import type { Memory, Sys } from '../../src/sys/sys';
import * as iommufd from '../../src/uapi/iommufd';
import * as vfio from '../../src/uapi/vfio';

export const CONFIG = 7 * 2 ** 40;
export const PAGE = 0x1000;

/** Data and action of an interrupt set. */
export const NONE = vfio.VFIO_IRQ_SET_DATA_NONE;
export const BOOL = vfio.VFIO_IRQ_SET_DATA_BOOL;
export const EVENTFD = vfio.VFIO_IRQ_SET_DATA_EVENTFD;
export const MASK = vfio.VFIO_IRQ_SET_ACTION_MASK;
export const UNMASK = vfio.VFIO_IRQ_SET_ACTION_UNMASK;
export const TRIGGER = vfio.VFIO_IRQ_SET_ACTION_TRIGGER;
export const [INTX, MSI, MSIX, ERR, REQ] = [0, 1, 2, 3, 4];

export function words(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32LE(value >>> 0, 4 * index);
  return bytes;
}

export function read(sys: Sys, fd: number, offset: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  return buffer.subarray(0, sys.pread(fd, buffer, offset));
}

export const read32 = (sys: Sys, fd: number, offset: number) => read(sys, fd, offset, 4).readUInt32LE();
export const write32 = (sys: Sys, fd: number, offset: number, value: number) =>
  void sys.pwrite(fd, words(value), offset);

export function write64(sys: Sys, fd: number, offset: number, value: bigint): void {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  sys.pwrite(fd, bytes, offset);
}

/** The user's command register. */
export const command = (sys: Sys, device: number) => read(sys, device, CONFIG + 4, 2).readUInt16LE();

export function setCommand(sys: Sys, device: number, value: number): void {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  sys.pwrite(device, bytes, CONFIG + 4);
}

export const deviceFd = (sys: Sys, group: number, name: string) =>
  sys.ioctlOpen(group, vfio.VFIO_GROUP_GET_DEVICE_FD, Buffer.from(`${name}\0`), `vfio-device ${name}`);

export const setContainer = (sys: Sys, group: number, container: number) =>
  sys.ioctl(group, vfio.VFIO_GROUP_SET_CONTAINER, words(container));

export function groupStatus(sys: Sys, group: number): number {
  const status = words(8, 0);
  sys.ioctl(group, vfio.VFIO_GROUP_GET_STATUS, status);
  return status.readUInt32LE(4);
}

export const groupNode = (sys: Sys, address: string) =>
  `/dev/vfio/${sys.readLink(`/sys/bus/pci/devices/${address}/iommu_group`).split('/').pop()}`;

export const cdevNode = (sys: Sys, address: string) =>
  `/dev/vfio/devices/${sys.readDir(`/sys/bus/pci/devices/${address}/vfio-dev`)[0]}`;

export interface Opened {
  device: number;
  /** Maps `length` bytes of the memory; 1 lets the device read, 2 write. */
  map(memory: { address: bigint }, iova: bigint, length?: number, access?: number): void;
  /** @returns how many bytes were unmapped */
  unmap(iova: bigint, length?: bigint): bigint;
  close(): void;
}

/** Container, group and device, in the order that works. */
export function openThroughGroup(sys: Sys, address: string): Opened & { container: number; group: number } {
  const container = sys.open('/dev/vfio/vfio', { write: true });
  const group = sys.open(groupNode(sys, address), { write: true });
  setContainer(sys, group, container);
  sys.ioctl(container, vfio.VFIO_SET_IOMMU, vfio.VFIO_TYPE1v2_IOMMU);
  const device = deviceFd(sys, group, address);
  return {
    container,
    group,
    device,
    map: ({ address: vaddr }, iova, length = PAGE, access = 3) =>
      void mapDma(sys, container, vaddr, iova, BigInt(length), access),
    unmap: (iova, length = BigInt(PAGE)) => unmapDma(sys, container, iova, length),
    close: () => {
      for (const fd of [device, group, container]) sys.close(fd);
    },
  };
}

export function mapDma(
  sys: Sys,
  container: number,
  vaddr: bigint,
  iova: bigint,
  length: bigint,
  flags = 3,
  argsz = 32,
): number {
  const map = Buffer.alloc(32);
  map.writeUInt32LE(argsz, 0);
  map.writeUInt32LE(flags, 4);
  map.writeBigUInt64LE(vaddr, 8);
  map.writeBigUInt64LE(iova, 16);
  map.writeBigUInt64LE(length, 24);
  return sys.ioctl(container, vfio.VFIO_IOMMU_MAP_DMA, map);
}

export function unmapDma(sys: Sys, container: number, iova: bigint, length: bigint, flags = 0): bigint {
  const unmap = Buffer.alloc(24);
  unmap.writeUInt32LE(24, 0);
  unmap.writeUInt32LE(flags, 4);
  unmap.writeBigUInt64LE(iova, 8);
  unmap.writeBigUInt64LE(length, 16);
  sys.ioctl(container, vfio.VFIO_IOMMU_UNMAP_DMA, unmap);
  return unmap.readBigUInt64LE(16);
}

/** A cdev, bound to an iommufd and attached to an IOAS. */
export function openThroughIommufd(
  sys: Sys,
  address: string,
): Opened & { iommufd: number; devid: number; ioas: number; hwpt: number } {
  const device = sys.open(cdevNode(sys, address), { write: true });
  const fd = sys.open('/dev/iommu', { write: true });
  const devid = bind(sys, device, fd);
  const ioas = allocateIoas(sys, fd);
  const hwpt = attach(sys, device, ioas);
  return {
    device,
    iommufd: fd,
    devid,
    ioas,
    hwpt,
    map: ({ address: vaddr }, iova, length = PAGE, access = 3) =>
      void mapIoas(sys, fd, ioas, vaddr, iova, BigInt(length), ioasAccess(access) | 1),
    unmap: (iova, length = BigInt(PAGE)) => unmapIoas(sys, fd, ioas, iova, length),
    close: () => {
      for (const one of [device, fd]) sys.close(one);
    },
  };
}

/** READ and WRITE have other bits than VFIO's. */
const ioasAccess = (access: number) =>
  (access & 1 ? iommufd.IOMMU_IOAS_MAP_READABLE : 0) | (access & 2 ? iommufd.IOMMU_IOAS_MAP_WRITEABLE : 0);

export function bind(sys: Sys, device: number, fd: number): number {
  const request = words(16, 0, fd, 0);
  sys.ioctl(device, vfio.VFIO_DEVICE_BIND_IOMMUFD, request);
  return request.readUInt32LE(12);
}

export function attach(sys: Sys, device: number, pt: number): number {
  const request = words(12, 0, pt);
  sys.ioctl(device, vfio.VFIO_DEVICE_ATTACH_IOMMUFD_PT, request);
  return request.readUInt32LE(8);
}

export const detach = (sys: Sys, device: number) => sys.ioctl(device, vfio.VFIO_DEVICE_DETACH_IOMMUFD_PT, words(8, 0));

export function allocateIoas(sys: Sys, fd: number): number {
  const request = words(12, 0, 0);
  sys.ioctl(fd, iommufd.IOMMU_IOAS_ALLOC, request);
  return request.readUInt32LE(8);
}

export function mapIoas(
  sys: Sys,
  fd: number,
  ioas: number,
  vaddr: bigint,
  iova: bigint,
  length: bigint,
  flags = 7,
): bigint {
  const map = Buffer.alloc(40);
  map.writeUInt32LE(40, 0);
  map.writeUInt32LE(flags, 4);
  map.writeUInt32LE(ioas, 8);
  map.writeBigUInt64LE(vaddr, 16);
  map.writeBigUInt64LE(length, 24);
  map.writeBigUInt64LE(iova, 32);
  sys.ioctl(fd, iommufd.IOMMU_IOAS_MAP, map);
  return map.readBigUInt64LE(32);
}

export function unmapIoas(sys: Sys, fd: number, ioas: number, iova: bigint, length: bigint): bigint {
  const unmap = Buffer.alloc(24);
  unmap.writeUInt32LE(24, 0);
  unmap.writeUInt32LE(ioas, 4);
  unmap.writeBigUInt64LE(iova, 8);
  unmap.writeBigUInt64LE(length, 16);
  sys.ioctl(fd, iommufd.IOMMU_IOAS_UNMAP, unmap);
  return unmap.readBigUInt64LE(16);
}

/** Ranges as [first, last], what the kernel answered, and the count and alignment that came back. */
export function iovaRanges(sys: Sys, fd: number, ioas: number, room: number) {
  const memory = sys.allocate(PAGE);
  try {
    const request = Buffer.alloc(32);
    request.writeUInt32LE(32, 0);
    request.writeUInt32LE(ioas, 4);
    request.writeUInt32LE(room, 8);
    request.writeBigUInt64LE(memory.address, 16);
    let error: string | null = null;
    try {
      sys.ioctl(fd, iommufd.IOMMU_IOAS_IOVA_RANGES, request);
    } catch (thrown) {
      error = (thrown as { code: string }).code;
    }
    const count = request.readUInt32LE(8);
    const ranges = Array.from({ length: Math.min(count, room) }, (_, index) => [
      memory.bytes.readBigUInt64LE(16 * index),
      memory.bytes.readBigUInt64LE(16 * index + 8),
    ]);
    return { error, count, alignment: request.readBigUInt64LE(24), ranges };
  } finally {
    memory.close();
  }
}

export const destroy = (sys: Sys, fd: number, id: number) => sys.ioctl(fd, iommufd.IOMMU_DESTROY, words(8, id));

export function setIrqs(
  sys: Sys,
  device: number,
  flags: number,
  [index, start, count]: [index: number, start: number, count: number],
  data: Buffer = Buffer.alloc(0),
): number {
  const request = Buffer.concat([words(20 + data.length, flags, index, start, count), data]);
  return sys.ioctl(device, vfio.VFIO_DEVICE_SET_IRQS, request);
}

export function deviceInfo(sys: Sys, device: number) {
  const info = words(24, 0, 0, 0, 0, 0);
  sys.ioctl(device, vfio.VFIO_DEVICE_GET_INFO, info);
  return { flags: info.readUInt32LE(4), regions: info.readUInt32LE(8), irqs: info.readUInt32LE(12) };
}

export function regionInfo(sys: Sys, device: number, index: number, argsz = 64) {
  const info = Buffer.alloc(64);
  info.writeUInt32LE(argsz, 0);
  info.writeUInt32LE(index, 8);
  sys.ioctl(device, vfio.VFIO_DEVICE_GET_REGION_INFO, info);
  return {
    argsz: info.readUInt32LE(0),
    flags: info.readUInt32LE(4),
    capabilities: info.readUInt32LE(12),
    size: Number(info.readBigUInt64LE(16)),
    offset: Number(info.readBigUInt64LE(24)),
    bytes: info,
  };
}

export function irqInfo(sys: Sys, device: number, index: number) {
  const info = words(16, 0, index, 0);
  sys.ioctl(device, vfio.VFIO_DEVICE_GET_IRQ_INFO, info);
  return { flags: info.readUInt32LE(4), count: info.readUInt32LE(12) };
}

/** Waits a moment for it; 0 where nothing came. */
export function eventCount(sys: Sys, fd: number, waitMs = 200): number {
  if (sys.poll(fd, waitMs) !== 'ready') return 0;
  const count = Buffer.alloc(8);
  sys.read(fd, count);
  return Number(count.readBigUInt64LE());
}

const DMA_SOURCE = 0x80;
const DMA_DESTINATION = 0x88;
const DMA_COUNT = 0x90;
const DMA_COMMAND = 0x98;
/** The address of edu's own memory, and the length that QEMU 7.2 takes without harm. */
const EDU_BUFFER = 0x40000n;
export const EDU_LENGTH = 2048;

/** A transfer between edu's memory and an IOVA, awaited. */
export function eduTransfer(sys: Sys, device: number, direction: 'to-memory' | 'from-memory', iova: bigint): void {
  const toMemory = direction === 'to-memory';
  write64(sys, device, DMA_SOURCE, toMemory ? EDU_BUFFER : iova);
  write64(sys, device, DMA_DESTINATION, toMemory ? iova : EDU_BUFFER);
  write64(sys, device, DMA_COUNT, BigInt(EDU_LENGTH));
  write64(sys, device, DMA_COMMAND, toMemory ? 3n : 1n);
  for (let tries = 0; read(sys, device, DMA_COMMAND, 8).readBigUInt64LE() & 1n; tries++) {
    if (tries > 1000) throw new Error('edu is still at it');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
  }
}

/** The kernel's log, from a sequence number on, one text for each record. */
export function kernelLog(sys: Sys): string[] {
  const fd = sys.open('/dev/kmsg', { nonblock: true });
  try {
    const records: string[] = [];
    const buffer = Buffer.alloc(8192);
    for (;;) {
      try {
        records.push(buffer.toString('latin1', 0, sys.read(fd, buffer)));
      } catch (error) {
        const { code } = error as { code?: string };
        if (code === 'EAGAIN') return records;
        if (code !== 'EPIPE') throw error;
      }
    }
  } finally {
    sys.close(fd);
  }
}

export function withMemory<T>(sys: Sys, length: number, use: (memory: Memory) => T): T {
  const memory = sys.allocate(length);
  try {
    return use(memory);
  } finally {
    memory.close();
  }
}
