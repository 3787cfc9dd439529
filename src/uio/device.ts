import { Exit, fromSysError, SysError, UdrvError } from '../errors';
import type { RegionSource } from '../model/action';
import type { Region, UioDeviceInfo } from '../model/device';
import { type Interrupt, noInterrupt, stillAsserted } from '../model/interrupt';
import { findRegion, Registers } from '../model/registers';
import type { PollResult, Sys } from '../sys/sys';
import { ready, SERVE_SIGNALS_NS, serveSignals } from '../sys/wait';
import { UIO_WORD_SIZE, unpackEventCount } from '../uapi/uio';
import { openSpace } from './access';
import { keepBusMaster } from './bus-master';
import { UIO_CLASS } from './inspect';
import { InterruptControl, noIrqcontrol, type RearmMode } from './interrupt-control';

/** How often a device that nobody acknowledges is asked whether its line is quiet. */
const QUIET_POLL_MS = 10;

export interface WatchOptions {
  /** Runs before each wait: what makes the device raise its interrupt, where nothing else does. */
  beforeWait?: (() => void) | undefined;
  /** Runs after each interrupt, before re-arming: what silences the device. */
  acknowledge?: (() => void) | undefined;
  rearm?: RearmMode | undefined;
  /** Longest wait for one interrupt. */
  timeoutMs?: number | undefined;
  /** Ends the watch. */
  signal?: AbortSignal | undefined;
}

export interface LatencyOptions extends Omit<WatchOptions, 'beforeWait'> {
  /** Gets each as it is measured, in microseconds, between two interrupts. */
  onLatency: (microseconds: number) => void;
  /** Makes the device raise its interrupt. */
  trigger: () => void;
  count: number;
}

/**
 * An open UIO device. Owns the node's descriptor and the mappings; {@link close} (or `using`) releases them in order.
 *
 * @example
 * using device = UioDevice.open(sys, inspected, { write: true });
 * device.region('map0').write(0x60, 4, 1);
 */
export class UioDevice implements RegionSource {
  readonly info: UioDeviceInfo;
  readonly #sys: Sys;
  readonly #write: boolean;
  readonly #registers = new Map<string, Registers>();
  readonly #putBack: () => void;
  readonly #count = Buffer.alloc(UIO_WORD_SIZE);
  #fd: number | undefined;

  private constructor(sys: Sys, device: UioDeviceInfo, fd: number, write: boolean, putBack: () => void) {
    this.#sys = sys;
    this.#putBack = putBack;
    this.info = device;
    this.#fd = fd;
    this.#write = write;
  }

  /**
   * @param options.write also for interrupts: re-arming writes
   * @throws exit 4 with what grants access, exit 3 where the node is missing
   */
  static open(sys: Sys, device: UioDeviceInfo, { write }: { write: boolean }): UioDevice {
    const node = device.node ?? `/dev/${device.address}`;
    try {
      // Non-blocking, so that the read after a wake-up cannot hang.
      const fd = sys.open(node, { write, nonblock: true });
      return new UioDevice(sys, device, fd, write, keepBusMaster(sys, device));
    } catch (error) {
      throw error instanceof SysError ? openError(error, device) : error;
    }
  }

  get regions(): readonly Region[] {
    return this.info.uio.regions;
  }

  /** A region's registers; it is mapped at the first access. */
  region(name: string): Registers {
    let registers = this.#registers.get(name);
    if (registers === undefined) {
      const info = findRegion(this.info.address, this.regions, name);
      registers = new Registers(this.info.address, info, () =>
        openSpace(this.#sys, this.info, this.#openFd, info, this.#write),
      );
      this.#registers.set(name, registers);
    }
    return registers;
  }

  /** Switches the interrupt on or off, by irqcontrol or, for uio_pci_generic, by Interrupt Disable. */
  setInterrupt(on: boolean): void {
    const control = new InterruptControl(this.#sys, this.info, this.#openFd, 'auto');
    try {
      this.#explained(() => control.set(on));
      if (control.mode === 'none') throw noIrqcontrol(this.info);
    } finally {
      control.close();
    }
  }

  /**
   * The device's interrupts as they happen. Arms before the first wait and after each interrupt; ends when `signal`
   * aborts or the consumer stops, and then puts back what arming changed.
   *
   * @throws exit 6 where `timeoutMs` passes without an interrupt, 8 where the device goes away, 9 where it has none
   */
  async *interrupts(options: WatchOptions = {}): AsyncGenerator<Interrupt> {
    const { beforeWait, acknowledge, rearm = 'auto', timeoutMs, signal } = options;
    const control = new InterruptControl(this.#sys, this.info, this.#openFd, rearm);
    try {
      let previous = this.#eventsSoFar();
      this.#explained(() => control.set(true));
      let armed = true;
      let last: number | null = null;
      for (let index = 1; ; index++) {
        beforeWait?.();
        const count = await this.#nextCount(armed ? null : control, timeoutMs, signal);
        if (count === null) return;
        const now = performance.now();
        acknowledge?.();
        armed = acknowledge !== undefined || !control.asserted();
        if (armed) control.set(true);
        yield {
          index,
          count: count >>> 0,
          // The kernel's counter is a signed 32-bit number that wraps.
          missed: ((count - previous) | 0) - 1,
          deltaUs: last === null ? null : (now - last) * 1000,
          time: new Date(),
        };
        previous = count;
        last = now;
      }
    } finally {
      control.restore();
      control.close();
    }
  }

  /**
   * Measures from trigger to wake-up, `count` times, or until `signal` aborts.
   * Waits in a blocking system call, as a latency-minded driver does; signals are served between the measurements.
   *
   * @throws as {@link interrupts}; and exit 1 where the device goes on asserting its interrupt, for want of an acknowledge
   */
  async latencies({ trigger, count, onLatency, ...options }: LatencyOptions): Promise<void> {
    const { acknowledge, rearm = 'auto', timeoutMs, signal } = options;
    const fd = this.#openFd;
    const control = new InterruptControl(this.#sys, this.info, fd, rearm);
    let done = 0;
    // Of Node's clocks the one that costs least to read: a quarter of performance.now(), whose cost would be in each figure.
    const now = process.hrtime.bigint;
    let served = now();
    try {
      this.#eventsSoFar();
      this.#explained(() => control.set(true));
      while (done < count && !signal?.aborted) {
        const start = now();
        trigger();
        const outcome = this.#wait(timeoutMs ?? -1);
        const end = now();
        if (outcome === 'timeout') throw noInterrupt(this.info.address, timeoutMs);
        if (outcome === 'ready') {
          onLatency(Number(end - start) / 1000);
          done++;
          acknowledge?.();
          if (acknowledge === undefined && control.asserted()) throw stillAsserted(this.info.address);
          control.set(true);
        }
        if (outcome === 'interrupted' || end - served > SERVE_SIGNALS_NS) {
          await serveSignals();
          served = now();
        }
      }
    } finally {
      control.restore();
      control.close();
    }
  }

  close(): void {
    if (this.#fd === undefined) return;
    for (const registers of this.#registers.values()) registers.close();
    this.#sys.close(this.#fd);
    this.#fd = undefined;
    this.#putBack();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  get #openFd(): number {
    if (this.#fd === undefined) throw new RangeError(`${this.info.address} is closed`);
    return this.#fd;
  }

  /**
   * The event count now: what the first wait counts from. sysfs knows it, and the read after it makes sure that none
   * came between: it gives the count if there was one since the open, EAGAIN if not.
   */
  #eventsSoFar(): number {
    const path = `${UIO_CLASS}/${this.info.address}/event`;
    const count = Number.parseInt(this.#sys.readFile(path).toString('latin1'), 10) | 0;
    return this.#explained(() => this.#readCount()) ?? count;
  }

  /**
   * The next event count, null once the signal aborts.
   *
   * @param unarmed set where the interrupt is still masked because nobody acknowledged the device: re-arming while it
   *   asserts its line would only fire again, so it waits until the line is quiet
   */
  async #nextCount(
    unarmed: InterruptControl | null,
    timeoutMs: number | undefined,
    signal: AbortSignal | undefined,
  ): Promise<number | null> {
    const deadline = performance.now() + (timeoutMs ?? Number.POSITIVE_INFINITY);
    let waiting = unarmed;
    for (;;) {
      const left = Math.max(0, deadline - performance.now());
      const slice = waiting === null ? left : Math.min(left, QUIET_POLL_MS);
      const outcome = await ready(this.#sys, this.#openFd, {
        timeoutMs: Number.isFinite(slice) ? slice : undefined,
        signal,
      });
      if (outcome === 'aborted') return null;
      if (outcome === 'ready') {
        const count = this.#readCount();
        if (count !== null) return count;
      } else if (waiting !== null && !waiting.asserted()) {
        waiting.set(true);
        waiting = null;
      } else if (performance.now() >= deadline) {
        throw noInterrupt(this.info.address, timeoutMs);
      }
    }
  }

  /** The total that uio_read() gives, null where there is nothing new. @throws exit 8: the device went away */
  #readCount(): number | null {
    try {
      this.#sys.read(this.#openFd, this.#count);
    } catch (error) {
      if (error instanceof SysError && error.code === 'EAGAIN') return null;
      throw this.#readError(error);
    }
    return unpackEventCount(this.#count);
  }

  /** Waits for the next interrupt, and takes it. Blocks the thread. @throws exit 8: the device went away */
  #wait(timeoutMs: number): PollResult {
    try {
      return this.#sys.readWithin(this.#openFd, this.#count, timeoutMs);
    } catch (error) {
      throw this.#readError(error);
    }
  }

  /** A device that had an interrupt answers EIO once it is unregistered. */
  #readError(error: unknown): unknown {
    if (!(error instanceof SysError) || (error.code !== 'EIO' && error.code !== 'ENODEV')) return error;
    const { address } = this.info;
    return new UdrvError('the device went away', {
      code: 'ENODEV',
      exit: Exit.gone,
      subject: address,
      device: address,
    });
  }

  /** Runs the first call on the interrupt: here EIO means that the driver registered none. */
  #explained<T>(call: () => T): T {
    const { address, driver } = this.info;
    try {
      return call();
    } catch (error) {
      const gone = error instanceof UdrvError && error.exit === Exit.gone;
      const eio = gone || (error instanceof SysError && error.code === 'EIO');
      if (!eio || this.#sys.access(`${UIO_CLASS}/${address}`) === null) throw error;
      throw new UdrvError(`has no interrupt: its driver, ${driver ?? 'unknown'}, registered none`, {
        code: 'EIO',
        exit: Exit.unsupported,
        subject: address,
        hint:
          driver === 'uio_pci_generic'
            ? 'uio_pci_generic serves INTx only; for MSI or MSI-X bind vfio-pci'
            : 'give it one in the device tree or the platform data, or poll its registers',
        device: address,
      });
    }
  }
}

function openError(error: SysError, device: UioDeviceInfo): UdrvError {
  const node = error.path;
  const advice: Record<string, { message?: string; hint: string }> = {
    EACCES: {
      hint: `run as root, or: sudo chown "$USER" ${node}  (for good, a udev rule: SUBSYSTEM=="uio", GROUP="plugdev", MODE="0660")`,
    },
    EPERM: { hint: 'a container must be given the device: --device or a cgroup rule' },
    ENOENT: {
      message: 'the kernel has this device, but its node is missing',
      hint: 'in a container, pass the node in; else: sudo udevadm trigger -s uio',
    },
    ENODEV: { message: 'the device went away', hint: 'udrv list --type uio' },
  };
  return fromSysError(error, { ...advice[error.code], device: device.address });
}
