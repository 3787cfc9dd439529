import { type UdrvError, usageError } from '../errors';
import type { Access, Datagram, Mapping, Memory, OpenFlags, PollEvent, PollResult, Sys, Watch, Width } from './sys';

/** Why a machine cannot be worked with, and what to do about it. */
export interface Refusal {
  message: string;
  hint: string;
}

/**
 * A machine that can be looked at and not worked with. Whatever would touch a device throws {@link UdrvError} with
 * exit 2, before anything happens.
 */
export abstract class InspectionSys implements Sys {
  readonly #refusal: Refusal;

  constructor(refusal: Refusal) {
    this.#refusal = refusal;
  }

  /** That of nearly every machine: nothing here tells, and nothing here can be mapped. */
  get pageSize(): number {
    return 4096;
  }

  abstract readFile(path: string, limit?: number): Buffer;
  abstract readDir(path: string): string[];
  abstract readLink(path: string): string;
  abstract access(path: string): Access | null;

  writeFile(path: string, _data: string): void {
    throw this.#refuse(path);
  }

  open(path: string, _flags: OpenFlags): number {
    throw this.#refuse(path);
  }

  close(fd: number): void {
    throw this.#refuse(`descriptor ${fd}`);
  }

  read(fd: number, _buffer: Buffer): number {
    throw this.#refuse(`descriptor ${fd}`);
  }

  write(fd: number, _buffer: Buffer): number {
    throw this.#refuse(`descriptor ${fd}`);
  }

  pread(fd: number, _buffer: Buffer, _position: number): number {
    throw this.#refuse(`descriptor ${fd}`);
  }

  pwrite(fd: number, _buffer: Buffer, _position: number): number {
    throw this.#refuse(`descriptor ${fd}`);
  }

  preadWords(fd: number, _buffer: Buffer, _width: Width, _position: number): number {
    throw this.#refuse(`descriptor ${fd}`);
  }

  ioctl(fd: number, _request: number, _argument: Buffer | number): number {
    throw this.#refuse(`descriptor ${fd}`);
  }

  preparedIoctl(fd: number, _request: number, _argument: Buffer, _expected?: string): () => number {
    throw this.#refuse(`descriptor ${fd}`);
  }

  ioctlOpen(fd: number, _request: number, _argument: Buffer | number, _name: string): number {
    throw this.#refuse(`descriptor ${fd}`);
  }

  mmap(fd: number, _length: number, _writable: boolean, _offset: number): Mapping {
    throw this.#refuse(`descriptor ${fd}`);
  }

  allocate(_length: number): Memory {
    throw this.#refuse('memory');
  }

  allocateDma(fd: number, _length: number): Memory {
    throw this.#refuse(`descriptor ${fd}`);
  }

  eventfd(): number {
    throw this.#refuse('eventfd');
  }

  ueventSocket(_groups: number): number {
    throw this.#refuse('uevents');
  }

  receive(fd: number, _buffer: Buffer): Datagram {
    throw this.#refuse(`descriptor ${fd}`);
  }

  poll(fd: number, _timeoutMs: number, _event?: PollEvent): PollResult {
    throw this.#refuse(`descriptor ${fd}`);
  }

  readWithin(fd: number, _buffer: Buffer, _timeoutMs: number): PollResult {
    throw this.#refuse(`descriptor ${fd}`);
  }

  watch(fd: number, _onReady: () => void, _event?: PollEvent): Watch {
    throw this.#refuse(`descriptor ${fd}`);
  }

  #refuse(subject: string): UdrvError {
    return usageError(subject, this.#refusal.message, this.#refusal.hint);
  }
}
