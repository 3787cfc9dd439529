import { Cleanup, closing } from '../cleanup';
import { Exit, UdrvError, usageError } from '../errors';
import type { InterruptSource } from '../interrupts/source';
import type { Region } from '../model/device';
import type { RegionSource } from '../model/location';
import type { Registers } from '../model/registers';
import type { Memory, Sys } from '../sys/sys';
import type { UioDevice } from '../uio/device';
import { findUDmaBuf, UDmaBuf, type UDmaBufInfo } from '../uio/u-dma-buf';
import { UsbDevice } from '../usb/device/device';
import { closeWhole } from '../usb/device/left-behind';
import { VfioDevice } from '../vfio/device/device';
import type { DmaBuffer, DmaMemoryOptions, DmaPool } from '../vfio/dma/buffer';
import { blame, type Suspect } from './blame';
import { OwnedBuffer, type SessionBuffer } from './buffer';
import type { BlamedFault } from './result';
import { type NameSource, Scope } from './scope';

/** A device that a session holds open. */
export type SessionDevice = UioDevice | VfioDevice | UsbDevice;

/** An interrupt that is on. */
interface HeldInterrupt {
  source: InterruptSource;
  /** It was taken, and the next has to be let through. */
  isTaken: boolean;
}

/** Buffers that were freed and are remembered for faults: a device may go on using an address. */
const REMEMBERED = 16;

export interface StateOptions {
  timeoutMs?: number | undefined;
  names?: NameSource | undefined;
}

/** All that a session holds: the open device, its buffers and interrupts. {@link close} gives everything back. */
export class SessionState {
  readonly sys: Sys;
  readonly device: SessionDevice;
  /** Bound on steps that wait; undefined: each has its own. */
  readonly timeoutMs: number | undefined;
  readonly #names: NameSource | undefined;
  readonly irqs = new Map<string, HeldInterrupt>();
  readonly #buffers = new Map<string, OwnedBuffer>();
  readonly #freed: Suspect[] = [];
  readonly #cleanup = new Cleanup();
  readonly #faults: BlamedFault[] = [];
  #pool: DmaPool | undefined;
  #master: boolean | undefined;

  constructor(sys: Sys, device: SessionDevice, { timeoutMs, names }: StateOptions = {}) {
    this.sys = sys;
    this.#names = names;
    this.timeoutMs = timeoutMs;
    this.device = device;
    this.#cleanup.defer(() => (device instanceof UsbDevice ? closeWhole(device) : device.close()));
    this.#cleanup.defer(() => this.#pool?.close());
    this.#cleanup.defer(() => this.#closeAll());
  }

  get address(): string {
    return this.device.info.address;
  }

  get regions(): readonly Region[] {
    return this.device instanceof UsbDevice ? [] : this.device.regions;
  }

  get buffers(): ReadonlyMap<string, SessionBuffer> {
    return this.#buffers;
  }

  /** Returns what the next step is checked against. */
  scope(): Scope {
    const scope = new Scope(this.device.info, this.sys.pageSize, {
      regions: this.regions,
      names: this.#names,
      uDmaBuf: (name) => findUDmaBuf(this.sys, name),
    });
    for (const { name, length, access } of this.#buffers.values()) scope.buffers.set(name, { length, access });
    for (const { name } of this.#freed) if (!this.#buffers.has(name)) scope.freed.add(name);
    for (const name of this.irqs.keys()) scope.irqs.add(name);
    return scope;
  }

  /** The registers of the device by the names of regions, and not of buffers. */
  get deviceRegisters(): RegionSource {
    if (this.device instanceof UsbDevice) throw notFor(this.address, 'registers', 'a USB device');
    return this.device;
  }

  /** Returns the registers of a region, or the words of a buffer. */
  registers(name: string): Registers {
    const buffer = this.#buffers.get(name);
    if (buffer !== undefined) return buffer.registers;
    return this.deviceRegisters.region(name);
  }

  /** @throws exit 3 where there is no such buffer */
  buffer(name: string): OwnedBuffer {
    const buffer = this.#buffers.get(name);
    if (buffer === undefined)
      throw new UdrvError('no such buffer', {
        code: 'ENOENT',
        exit: Exit.notFound,
        subject: name,
        device: this.address,
      });
    return buffer;
  }

  /** Allocates memory for a name, zeroed. With VFIO it gets an address of its own; it is not mapped yet. */
  allocate(name: string, length: number, placement: DmaMemoryOptions = {}): OwnedBuffer {
    return this.#keep(new OwnedBuffer(name, this.address, this.#memory(length, placement)));
  }

  /** Opens a buffer of u-dma-buf for a name; it keeps its content, and the device reaches it already. */
  lend(name: string, info: UDmaBufInfo): OwnedBuffer {
    return this.#keep(new OwnedBuffer(name, this.address, UDmaBuf.open(this.sys, info)));
  }

  #keep(buffer: OwnedBuffer): OwnedBuffer {
    this.#buffers.set(buffer.name, buffer);
    return buffer;
  }

  free(name: string): void {
    const buffer = this.buffer(name);
    const { iova, length } = buffer;
    buffer.close();
    this.#buffers.delete(name);
    if (iova === null) return;
    this.#freed.push({ name, iova, length, access: null, isFreed: true });
    if (this.#freed.length > REMEMBERED) this.#freed.shift();
  }

  /** Switches bus mastering, and remembers it: an interrupt that is switched off must not take it along. */
  setMaster(on: boolean): void {
    const { device } = this;
    if (!(device instanceof VfioDevice)) throw notFor(this.address, 'master', 'VFIO only');
    device.setBusMaster(on);
    this.#master = on;
  }

  /** Keeps an interrupt that is on, and lets the first through. */
  holdIrq(name: string, source: InterruptSource): void {
    try {
      source.arm('deliver');
    } catch (error) {
      throw closing(source, error);
    }
    this.irqs.set(name, { source, isTaken: false });
  }

  /** Returns an interrupt, of which the next is let through. */
  readyIrq(name: string): InterruptSource {
    const held = this.irqs.get(name);
    if (held === undefined) throw usageError(name, 'is not on');
    if (held.isTaken) held.source.rearm();
    held.isTaken = false;
    return held.source;
  }

  /** Remembers that an interrupt was taken. */
  tookIrq(name: string): void {
    const held = this.irqs.get(name);
    if (held !== undefined) held.isTaken = true;
  }

  /** Switches an interrupt off, where it is on. */
  releaseIrq(name: string): void {
    const held = this.irqs.get(name);
    this.irqs.delete(name);
    held?.source.close();
    if (this.#master && this.device instanceof VfioDevice) this.device.setBusMaster(true);
  }

  /** Returns the DMA faults since the last call, each with the buffer that was missed. */
  newFaults(): readonly BlamedFault[] {
    if (!(this.device instanceof VfioDevice)) return NONE;
    const faults = this.device.faults();
    if (faults === null || faults.length === 0) return NONE;
    const suspects = [...this.#suspects(), ...this.#freed];
    const blamed = faults.map((fault) => blame(fault, suspects));
    this.#faults.push(...blamed);
    if (this.#faults.length > MOST_FAULTS) this.#faults.splice(0, this.#faults.length - MOST_FAULTS);
    return blamed;
  }

  /** All faults of the session, the oldest first, of very many the last. */
  get faults(): readonly BlamedFault[] {
    return this.#faults;
  }

  /** Adds what has to be undone before the device is closed. */
  onClose(undo: () => void): void {
    this.#cleanup.defer(undo);
  }

  /** Begins to listen for accesses of the device that the IOMMU stops. */
  listen(): void {
    if (this.device instanceof VfioDevice) this.device.faults();
  }

  /** Gives everything back. A second close does nothing. */
  close(): void {
    this.#cleanup.close();
  }

  #memory(length: number, placement: DmaMemoryOptions): DmaBuffer | Memory {
    const { device } = this;
    if (!(device instanceof VfioDevice)) return this.sys.allocate(length);
    this.#pool ??= device.pool();
    return this.#pool.allocate(length, placement);
  }

  *#suspects(): Generator<Suspect> {
    for (const { name, iova, length, access } of this.#buffers.values())
      if (iova !== null) yield { name, iova, length, access };
  }

  #closeAll(): void {
    using cleanup = new Cleanup();
    for (const buffer of this.#buffers.values()) cleanup.own(buffer);
    for (const { source } of this.irqs.values()) cleanup.own(source);
    // The device stops its DMA before its buffers go.
    if (this.#master && this.device instanceof VfioDevice) {
      const { device } = this;
      cleanup.defer(() => {
        try {
          device.setBusMaster(false);
        } catch {
          // Closing the device ends its DMA all the same.
        }
      });
    }
    this.#buffers.clear();
    this.irqs.clear();
  }
}

const NONE: readonly BlamedFault[] = [];

/** Faults that are kept: a device that goes astray makes one for each access. */
const MOST_FAULTS = 1000;

function notFor(device: string, subject: string, what: string): UdrvError {
  return new UdrvError(`${subject}: not for ${what}`, { code: 'ENOTSUP', exit: Exit.unsupported, device });
}
