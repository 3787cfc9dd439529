import { randomBytes } from 'node:crypto';
import type { Sys } from '../../sys/sys';
import { hex } from '../../text/hex';
import { type DmaBuffer, type DmaPool, READ_WRITE } from '../dma/buffer';
import type { Iommu } from '../dma/iommu';
import type { KernelLog } from '../dma/kernel-log';
import { findFault } from './find-fault';
import { putBack } from './put-back';
import type { Check, Completion, DmaDriver, Finding } from './tier';

export interface TransferBench {
  sys: Sys;
  /** PCI address. */
  address: string;
  iommu: Iommu;
  pool: DmaPool;
  driver: DmaDriver;
  log: KernelLog;
  setBusMaster(on: boolean): void;
  /** Reason why its page tables cannot allow writing and forbid reading, where that is known. */
  readsWhatItWrites?: string | undefined;
  /** Takes the device off its address space, where the backend can; returns a function that puts it back. */
  detach: (() => () => void) | null;
}

/** Makes a transfer that worked impossible, and possible again. */
interface Denial {
  deny(): void;
  allow(): void;
}

/**
 * The checks that every device goes through. A transfer that must not happen is one of a pair: the same transfer has to
 * succeed first, while it is allowed, or else its failing proves nothing. Memory decides: a canary that has to be intact,
 * or a secret that must not turn up. The device's own report does not count (a transfer that the IOMMU stopped may end
 * as a success), nor does a missing line in the kernel log.
 */
export class Transfers {
  /** Set once the device moved data that was seen to arrive. */
  moved = false;
  readonly checks: readonly Check[];
  readonly #bench: TransferBench;
  readonly #source: DmaBuffer;
  readonly #destination: DmaBuffer;
  readonly #length: number;

  /** @throws where the IOMMU has no room within the device's reach */
  constructor(bench: TransferBench) {
    this.#bench = bench;
    this.#length = bench.driver.maxLength;
    this.#source = bench.pool.allocate(this.#length);
    this.#destination = bench.pool.allocate(this.#length);
    this.#source.map(READ_WRITE);
    this.#destination.map(READ_WRITE);
    this.checks = this.#all();
  }

  #all(): Check[] {
    const { driver, setBusMaster, detach } = this.#bench;
    const ofMemory = driver.source === 'memory';
    const source = this.#source;
    const destination = this.#destination;
    const check = (name: string, run: Check['run'], isolation = true) => ({ name, run, isolation });
    const checks = [
      check(ofMemory ? 'roundtrip' : 'device-write', (signal) => this.#roundtrip(signal), false),
      check('write-unmapped', (signal) => this.#writePair(signal, unmapped(destination))),
    ];
    if (ofMemory) checks.push(check('read-unmapped', (signal) => this.#readPair(signal, unmapped(source))));
    checks.push(
      check('write-read-only', (signal) =>
        this.#writePair(signal, remapped(destination, { read: true, write: false })),
      ),
    );
    if (ofMemory) checks.push(check('read-write-only', (signal) => this.#readWriteOnly(signal)));
    checks.push(check('remapped', (signal) => this.#remap(signal)));
    if (detach !== null) {
      let attach: (() => void) | undefined;
      const detached = {
        deny: () => {
          attach = detach();
        },
        allow: () => attach?.(),
      };
      checks.push(check('write-detached', (signal) => this.#writePair(signal, detached)));
    }
    const busMaster = { deny: () => setBusMaster(false), allow: () => setBusMaster(true) };
    checks.push(check('bus-master-off', (signal) => this.#writePair(signal, busMaster, false), false));
    checks.push(check('recovery', (signal) => this.#recovery(signal), false));
    return checks;
  }

  async #roundtrip(signal: AbortSignal): Promise<Finding> {
    const start = performance.now();
    const outcome = await this.#transfer(signal);
    const ms = Math.round(performance.now() - start);
    if (outcome.problem !== null) return { verdict: 'fail', detail: outcome.problem };
    this.moved = true;
    const way =
      this.#bench.driver.source === 'memory'
        ? `memory ${hex(this.#source.iova)} -> device -> memory ${hex(this.#destination.iova)}`
        : `device -> memory ${hex(this.#destination.iova)}`;
    return {
      verdict: 'pass',
      detail: [`${this.#length} bytes, ${way}, ${ms} ms`, outcome.what].filter(Boolean).join('; '),
    };
  }

  async #recovery(signal: AbortSignal): Promise<Finding> {
    const { problem } = await this.#transfer(signal);
    return problem === null
      ? { verdict: 'pass', detail: 'transfers work as before' }
      : { verdict: 'fail', detail: `after all that, ${problem}` };
  }

  /** Has the device write to a canary that it must not reach. */
  async #writePair(signal: AbortSignal, { deny, allow }: Denial, faults = true): Promise<Finding> {
    const { problem } = await this.#transfer(signal);
    if (problem !== null) return unproven(problem);
    const canary = this.#fill(this.#destination);
    this.#bench.log.skip();
    try {
      deny();
      const completion = await this.#copy(signal);
      const changed = differences(this.#destination.bytes.subarray(0, this.#length), canary);
      const where = `canary at ${hex(this.#destination.iova)}`;
      if (changed > 0)
        return { verdict: 'fail', detail: `${where} overwritten: ${changed} of ${this.#length} bytes changed` };
      const evidence = [`${where} intact`, this.#said(completion)];
      if (faults) evidence.push(await this.#logged(this.#destination, signal));
      return { verdict: 'pass', detail: evidence.filter(Boolean).join('; ') };
    } finally {
      putBack(allow, signal);
    }
  }

  /** Has the device read a secret that it must not get, and write what it has to where that can be seen. */
  async #readPair(signal: AbortSignal, { deny, allow }: Denial): Promise<Finding> {
    const { problem } = await this.#transfer(signal);
    if (problem !== null) return unproven(problem);
    // A new one: data that the device still has of the last transfer is no leak.
    const secret = this.#fill(this.#source);
    this.#fill(this.#destination);
    this.#bench.log.skip();
    try {
      deny();
      const completion = await this.#copy(signal);
      const got = this.#destination.bytes.subarray(0, this.#length);
      const leaked = commonWords(got, secret);
      if (leaked > 0)
        return {
          verdict: 'fail',
          detail: `the device read ${leaked * WORD} of ${this.#length} secret bytes at ${hex(this.#source.iova)}`,
        };
      const instead = got.every((byte) => byte === got[0]) ? `, but ${hex(got[0] ?? 0, 2)} throughout` : '';
      const evidence = [`secret at ${hex(this.#source.iova)} not read${instead}`, this.#said(completion)];
      evidence.push(await this.#logged(this.#source, signal));
      return { verdict: 'pass', detail: evidence.filter(Boolean).join('; ') };
    } finally {
      putBack(allow, signal);
    }
  }

  /** Checks a right that not all of Linux's page tables can take away: where they cannot, a leak is known, and no finding. */
  async #readWriteOnly(signal: AbortSignal): Promise<Finding> {
    const finding = await this.#readPair(signal, remapped(this.#source, { read: false, write: true }));
    const { readsWhatItWrites } = this.#bench;
    if (finding.verdict !== 'fail' || readsWhatItWrites === undefined) return finding;
    return { verdict: 'skip', detail: `${finding.detail}, as expected: ${readsWhatItWrites}` };
  }

  /** Maps other memory at the same address: a translation that the IOMMU still remembers would lead to the old. */
  async #remap(signal: AbortSignal): Promise<Finding> {
    const { sys, iommu } = this.#bench;
    const { problem } = await this.#transfer(signal);
    if (problem !== null) return unproven(problem);
    const destination = this.#destination;
    const canary = this.#fill(destination);
    const other = sys.allocate(destination.length);
    try {
      destination.unmap();
      iommu.map(destination.iova, other, destination.length, READ_WRITE);
    } catch (error) {
      other.close();
      putBack(() => destination.map(READ_WRITE), signal);
      throw error;
    }
    try {
      const before = Buffer.from(other.bytes.subarray(0, this.#length));
      const expected = this.#fill(this.#source);
      await this.#copy(signal);
      const old = differences(destination.bytes.subarray(0, this.#length), canary);
      if (old > 0) return { verdict: 'fail', detail: `${old} bytes went to the memory that was mapped there before` };
      const arrived = this.#arrived(other.bytes, expected, before);
      if (arrived === null)
        return { verdict: 'inconclusive', detail: 'the transfer reached neither the old nor the new memory' };
      return { verdict: 'pass', detail: `${hex(destination.iova)} leads to the new memory at once` };
    } finally {
      // If this fails the memory is kept: the device still reaches it.
      iommu.unmap(destination.iova, destination.length);
      other.close();
      putBack(() => destination.map(READ_WRITE), signal);
    }
  }

  /** Makes a transfer that is allowed. `problem` tells why it did not work. */
  async #transfer(signal: AbortSignal): Promise<{ problem: string | null; what?: string | undefined }> {
    // The last check could not put a mapping back where the kernel refused it.
    for (const buffer of [this.#source, this.#destination]) if (!buffer.mapped) buffer.map(READ_WRITE);
    const expected = this.#fill(this.#source);
    const before = this.#fill(this.#destination);
    const completion = await this.#copy(signal);
    const what = this.#arrived(this.#destination.bytes, expected, before);
    if (what !== null) return { problem: null, what };
    const changed = differences(this.#destination.bytes.subarray(0, this.#length), before);
    const outcome = changed === 0 ? 'nothing arrived' : 'something else arrived than was sent';
    return { problem: [outcome, this.#said(completion)].filter(Boolean).join('; ') };
  }

  /** Returns what a transfer brought, in words that may be none; null where it is not what it should have brought. */
  #arrived(bytes: Buffer, expected: Buffer, before: Buffer): string | null {
    const got = bytes.subarray(0, this.#length);
    const { driver } = this.#bench;
    if (driver.source === 'memory') return got.equals(expected) ? '' : null;
    return got.equals(before) ? null : (driver.recognize?.(got) ?? null);
  }

  #copy(signal: AbortSignal): Promise<Completion> {
    return this.#bench.driver.copy(
      { source: this.#source.iova, destination: this.#destination.iova, length: this.#length },
      signal,
    );
  }

  /** Fills a buffer with bytes that are nowhere else, and returns them. */
  #fill(buffer: DmaBuffer): Buffer {
    const bytes = randomBytes(this.#length);
    bytes.copy(buffer.bytes);
    return bytes;
  }

  #said({ completed, note }: Completion): string | null {
    return note === null ? (completed ? null : 'the device did not report completion') : `the device reports: ${note}`;
  }

  async #logged({ iova, length }: DmaBuffer, signal: AbortSignal): Promise<string> {
    const { log, address } = this.#bench;
    if (!log.readable) return 'kernel log not readable';
    const fault = await findFault(log, address, iova, length, signal);
    if (fault === null) return 'kernel log: no fault (not required)';
    return `kernel log: ${fault.access ?? 'DMA'} fault at ${hex(fault.address)}, ${fault.reason}`;
  }
}

/** Takes a buffer's mapping away. */
function unmapped(buffer: DmaBuffer): Denial {
  return { deny: () => buffer.unmap(), allow: () => buffer.map(READ_WRITE) };
}

/** Maps a buffer with fewer rights. */
function remapped(buffer: DmaBuffer, access: { read: boolean; write: boolean }): Denial {
  const change = (to: { read: boolean; write: boolean }) => {
    buffer.unmap();
    buffer.map(to);
  };
  return { deny: () => change(access), allow: () => change(READ_WRITE) };
}

function unproven(problem: string): Finding {
  return { verdict: 'inconclusive', detail: `the same transfer did not work while it was allowed: ${problem}` };
}

function differences(a: Buffer, b: Buffer): number {
  let count = 0;
  for (const [i, byte] of a.entries()) if (byte !== b[i]) count++;
  return count;
}

/** In bytes: so long that random ones do not agree by chance. */
const WORD = 8;

/** Counts the words that both have at the same place. */
function commonWords(a: Buffer, b: Buffer): number {
  let count = 0;
  for (let i = 0; i + WORD <= a.length; i += WORD) if (a.subarray(i, i + WORD).equals(b.subarray(i, i + WORD))) count++;
  return count;
}
