import { acquiring, type Cleanup, closing } from '../cleanup';
import { closedError } from '../errors';
import { alreadyWaiting } from '../interrupts/errors';
import { type LatencyOptions, measureLatencies } from '../interrupts/latency';
import type { InterruptSource } from '../interrupts/source';
import { type WatchOptions, watchInterrupts } from '../interrupts/watch';
import type { Region, UioDeviceInfo } from '../model/device';
import type { Interrupt } from '../model/interrupt';
import type { RegionSource } from '../model/location';
import { findRegion, Registers } from '../model/registers';
import { mustDecode } from '../pci/decoding-check';
import { wentAway } from '../pci/errors';
import { closeNode } from '../sys/close-node';
import type { Journal } from '../sys/journal';
import type { Sys } from '../sys/sys';
import { keepBusMaster } from './bus-master';
import { noIrqcontrol, openFailed } from './errors';
import { EventCount } from './event-count';
import { inspectUio, UIO_CLASS } from './inspect';
import { explained, UioInterrupts } from './interrupts';
import { InterruptControl, type RearmMode } from './rearm';
import { openSpace } from './region-access';

export interface UioWatchOptions extends WatchOptions {
  rearm?: RearmMode | undefined;
}

export interface UioLatencyOptions extends LatencyOptions {
  rearm?: RearmMode | undefined;
}

export interface UioOpenOptions {
  /** Needed for interrupts too: re-arming writes. */
  write: boolean;
  /** Remembers bus mastering, which the end of this process switches off: one that is killed puts nothing back itself. */
  journal?: Journal | undefined;
}

/**
 * An open UIO device. Owns the node's descriptor and the mappings; {@link close} (or `using`) releases them in order.
 *
 * @example
 * using device = UioDevice.open(sys, info, { write: true });
 * device.region('map0').write(0x60, 4, 1);
 */
export class UioDevice implements RegionSource {
  readonly info: UioDeviceInfo;
  readonly #sys: Sys;
  readonly #write: boolean;
  readonly #registers = new Map<string, Registers>();
  readonly #fd: number;
  readonly #eventCount: EventCount;
  readonly #cleanup: Cleanup;
  #interrupts: UioInterrupts | undefined;
  #closed = false;

  private constructor(
    sys: Sys,
    info: UioDeviceInfo,
    fd: number,
    eventCount: EventCount,
    write: boolean,
    cleanup: Cleanup,
  ) {
    this.#sys = sys;
    this.info = info;
    this.#fd = fd;
    this.#eventCount = eventCount;
    this.#write = write;
    this.#cleanup = cleanup;
  }

  /**
   * Opens a device.
   *
   * @throws exit 4 with what grants access, exit 3 where the node is missing
   */
  static open(sys: Sys, info: UioDeviceInfo, { write, journal }: UioOpenOptions): UioDevice {
    return acquiring((cleanup) => {
      // Before the open, so that there is no moment in which a note is missing; it is put back once the node is closed.
      cleanup.defer(keepBusMaster(sys, info, journal));
      const fd = openNode(sys, info, write);
      cleanup.defer(() => closeNode(sys, fd, info.address));
      const eventCount = new EventCount(sys, info, fd);
      return new UioDevice(sys, withAddresses(sys, info), fd, eventCount, write, cleanup);
    });
  }

  get regions(): readonly Region[] {
    return this.info.uio.regions;
  }

  /** Returns a region's registers; it is mapped at the first access. */
  region(name: string): Registers {
    const info = findRegion(this.info.address, this.regions, name);
    let registers = this.#registers.get(info.name);
    if (registers === undefined) {
      registers = new Registers(this.info.address, info, () =>
        openSpace(this.#sys, this.info, this.#openFd, info, this.#write),
      );
      this.#registers.set(info.name, registers);
      this.#cleanup.own(registers);
    }
    return registers;
  }

  /**
   * Makes sure that an access to a region still reaches the device: for loops that last.
   *
   * @throws exit 8 where the device is gone, exit 1 where the PCI function behind it sleeps or does not decode
   */
  mustAnswer(name: string): void {
    const { address, uio } = this.info;
    const { kind } = findRegion(address, this.regions, name);
    if (this.#sys.access(`${UIO_CLASS}/${address}`) === null) throw wentAway(address);
    if (uio.parent !== null && (kind === 'mmio' || kind === 'portio')) mustDecode(this.#sys, uio.parent, kind, address);
  }

  /** Switches the interrupt on or off, by irqcontrol or, for uio_pci_generic, by Interrupt Disable. */
  setInterrupt(on: boolean): void {
    const control = new InterruptControl(this.#sys, this.info, this.#openFd, 'auto');
    try {
      explained(this.#sys, this.info, () => control.set(on));
      if (control.mode === 'none') throw noIrqcontrol(this.info);
    } catch (error) {
      throw closing(control, error);
    }
    control.close();
  }

  /**
   * Yields the device's interrupts as they happen, from the open on: one that came since then is the first, and those
   * that were merged into it are `missed`. Arms before the first wait and after each interrupt; ends when `signal`
   * aborts, the device is closed or the consumer stops, and then puts back what arming changed. A second watch goes on from the first.
   *
   * @throws exit 5 while another loop waits, 6 where `timeoutMs` passes without an interrupt, 8 where the device goes
   *   away, 9 where it has none
   */
  async *interrupts({ rearm = 'auto', ...options }: UioWatchOptions = {}): AsyncGenerator<Interrupt> {
    yield* watchInterrupts(this.interruptSource(rearm), options);
  }

  /** Measures from trigger to wake-up. @throws as {@link interrupts} and a wait that ends without an interrupt, or a line that stays asserted */
  async latencies({ rearm = 'auto', ...options }: UioLatencyOptions): Promise<void> {
    await measureLatencies(this.interruptSource(rearm), options);
  }

  /**
   * Returns its interrupts, to be armed and taken one by one; those since the open are the first. Closing it, or the
   * device, puts back what arming changed.
   *
   * @throws exit 5 while there are others that are not closed
   */
  interruptSource(rearm: RearmMode = 'auto'): InterruptSource {
    const fd = this.#openFd;
    // Each read of the node takes an interrupt: a second loop would take those that the first waits for.
    if (this.#interrupts !== undefined) throw alreadyWaiting(this.info.address);
    const onClose = () => {
      this.#interrupts = undefined;
    };
    this.#interrupts = new UioInterrupts(this.#sys, this.info, fd, this.#eventCount, rearm, onClose);
    return this.#interrupts;
  }

  /** Ends a loop over its interrupts, and releases everything. A second close does nothing. */
  close(): void {
    this.#closed = true;
    const interrupts = this.#interrupts;
    if (interrupts !== undefined) this.#cleanup.own(interrupts);
    this.#cleanup.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  get #openFd(): number {
    if (this.#closed) throw closedError(this.info.address);
    return this.#fd;
  }
}

/** Looks again at a device whose memory the open may have allocated: dynamic regions of uio_dmem_genirq. */
function withAddresses(sys: Sys, info: UioDeviceInfo): UioDeviceInfo {
  const known = info.uio.regions.every(({ address }) => address !== null);
  return known ? info : (inspectUio(sys, info.address) ?? info);
}

function openNode(sys: Sys, info: UioDeviceInfo, write: boolean): number {
  try {
    // Non-blocking, so that the read after a wake-up cannot hang.
    return sys.open(info.node ?? `/dev/${info.address}`, { write, nonblock: true });
  } catch (error) {
    throw openFailed(info, error);
  }
}
