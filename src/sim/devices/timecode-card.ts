import { bytewise } from '../hardware/region';
import type { PciFunction } from '../pci/function';
import { hexOf, type Saved, type StateReader } from '../state/saved';

const SIZE = 0x100;
/** A read of it takes the interrupt back. */
const MAILBOX = 0x0f;
/** A write of 0 asks for the next interrupt. */
const COMMAND = 0x2f;
const INT_ENABLE = 0xfc;
const INT_ENABLED = 0x10;
const INTERRUPT = 0xfe;
const INTERRUPT_ENABLED = 0x08;
const INTERRUPT_ASSERTED = 0x01;

/**
 * The timecode reader that uio_aec drives (Adrienne Electronics, aecb:6250): 256 ports in BAR 0, and an interrupt. It
 * has the registers that the driver uses (drivers/uio/uio_aec.c); its other ports are plain memory.
 */
export class TimecodeCard {
  readonly #fn: PciFunction;
  readonly #ports = Buffer.alloc(SIZE);
  #asserted = false;
  #armed = true;

  constructor(fn: PciFunction) {
    this.#fn = fn;
    // Vendor, board and revision, which the driver prints.
    this.#ports.set([0xcb, 0xae, 0x50, 0x62, 0, 0, 0x41, 0x31]);
    fn.attach(
      0,
      bytewise(
        (offset) => this.read(offset),
        (offset, value) => this.write(offset, value),
      ),
    );
  }

  /** Lets a timecode arrive: an interrupt, if one was asked for. */
  raise(): void {
    if (!this.#armed || !this.#enabled) return;
    this.#armed = false;
    this.#set(true);
  }

  save(): Saved {
    return { ports: hexOf(this.#ports), asserted: this.#asserted, armed: this.#armed };
  }

  restore(state: StateReader): void {
    state.at('ports').bytes(SIZE).copy(this.#ports);
    this.#asserted = state.at('asserted').flag();
    this.#armed = state.at('armed').flag();
  }

  read(offset: number): number {
    if (offset === INTERRUPT)
      return (this.#enabled ? INTERRUPT_ENABLED : 0) | (this.#asserted ? INTERRUPT_ASSERTED : 0);
    const value = this.#ports[offset] ?? 0xff;
    if (offset === MAILBOX) this.#set(false);
    return value;
  }

  write(offset: number, value: number): void {
    this.#ports[offset] = value;
    if (offset === COMMAND && value === 0) this.#armed = true;
    if (offset === INT_ENABLE && !this.#enabled) this.#set(false);
  }

  get #enabled(): boolean {
    return ((this.#ports[INT_ENABLE] ?? 0) & INT_ENABLED) !== 0;
  }

  #set(asserted: boolean): void {
    this.#asserted = asserted;
    this.#fn.setInterrupt(asserted);
  }
}
