import { SysError, UdrvError } from '../errors';
import type { UioDeviceInfo } from '../model/device';
import { pciPath } from '../pci/paths';
import type { Sys } from '../sys/sys';
import { PCI_COMMAND, PCI_COMMAND_INTX_DISABLE, PCI_STATUS, PCI_STATUS_INTERRUPT } from '../uapi/pci-regs';
import { packIrqControl, UIO_WORD_SIZE } from '../uapi/uio';
import { configFailed, controlFailed, noInterruptDisable, noIrqcontrol, openConfigFailed } from './errors';

/** The way in which an interrupt that fired is made to fire again. */
export type RearmMode = 'auto' | 'irqcontrol' | 'disintx' | 'none';

/**
 * The interrupt switch of a UIO device: irqcontrol (a write to the node), or Interrupt Disable in the configuration
 * space for uio_pci_generic, whose handler sets it because the kernel cannot acknowledge the device.
 */
export class InterruptControl {
  readonly #sys: Sys;
  readonly #device: UioDeviceInfo;
  readonly #fd: number;
  readonly #word = Buffer.alloc(UIO_WORD_SIZE);
  readonly #register = Buffer.alloc(2);
  #mode: RearmMode;
  #config: number | undefined;
  /** Interrupt Disable before the first {@link set}. */
  #wasDisabled: boolean | undefined;

  constructor(sys: Sys, device: UioDeviceInfo, fd: number, mode: RearmMode) {
    this.#sys = sys;
    this.#device = device;
    this.#fd = fd;
    this.#mode = mode;
  }

  /** The mode in force; `auto` until the first {@link set} has found out. */
  get mode(): RearmMode {
    return this.#mode;
  }

  /**
   * Switches the interrupt on or off. `auto` writes to the node; a driver without irqcontrol answers ENOSYS, and then
   * it is Interrupt Disable for uio_pci_generic and nothing for the others, which do without.
   */
  set(on: boolean): void {
    if (this.#mode === 'auto') this.#mode = this.#writeNode(on) ? 'irqcontrol' : this.#fallback();
    else if (this.#mode === 'irqcontrol' && !this.#writeNode(on)) throw noIrqcontrol(this.#device);
    if (this.#mode === 'disintx') this.#setDisable(!on);
  }

  /**
   * Tells whether the device asserts its line now: Interrupt Status, of use only where Interrupt Disable is the switch.
   */
  asserted(): boolean {
    const isSwitch = this.#mode === 'disintx' || (this.#mode === 'auto' && this.#fallback() === 'disintx');
    return isSwitch && (this.#read(this.#openedConfig(), PCI_STATUS) & PCI_STATUS_INTERRUPT) !== 0;
  }

  /**
   * Has Interrupt Disable again as it was before the first {@link set}. Where the kernel has set it since, it stays set as
   * long as an interrupt is pending: it would be set again at once. The state that irqcontrol changed cannot be read, so it
   * stays enabled. Of a device that is gone there is nothing to put back.
   */
  restore(): void {
    if (this.#config === undefined || this.#wasDisabled === undefined) return;
    try {
      if (this.#wasDisabled || !this.asserted()) this.#setDisable(this.#wasDisabled);
    } catch (error) {
      if (!(error instanceof UdrvError && error.code === 'ENODEV')) throw error;
    }
  }

  close(): void {
    const config = this.#config;
    this.#config = undefined;
    if (config !== undefined) this.#sys.close(config);
  }

  /** Calls irqcontrol through uio_write(). @returns false where the driver has none */
  #writeNode(on: boolean): boolean {
    packIrqControl(this.#word, on);
    try {
      this.#sys.write(this.#fd, this.#word);
      return true;
    } catch (error) {
      if (error instanceof SysError && error.code === 'ENOSYS') return false;
      throw controlFailed(this.#device, error);
    }
  }

  /** Returns the switch of a driver without irqcontrol. */
  #fallback(): RearmMode {
    return this.#device.driver === 'uio_pci_generic' ? 'disintx' : 'none';
  }

  /**
   * Writes the whole command register, although its upper byte would do: QEMU looks at a pending interrupt again only
   * when the write covers the lower one (pci_default_write_config), and the kernel writes both too.
   */
  #setDisable(disable: boolean): void {
    const config = this.#openedConfig();
    const before = this.#read(config, PCI_COMMAND);
    this.#wasDisabled ??= (before & PCI_COMMAND_INTX_DISABLE) !== 0;
    const after = disable ? before | PCI_COMMAND_INTX_DISABLE : before & ~PCI_COMMAND_INTX_DISABLE;
    if (after === before) return;
    this.#register.writeUInt16LE(after);
    try {
      this.#sys.pwrite(config, this.#register, PCI_COMMAND);
    } catch (error) {
      throw configFailed(this.#device, error);
    }
  }

  #read(config: number, offset: number): number {
    try {
      this.#sys.pread(config, this.#register, offset);
    } catch (error) {
      throw configFailed(this.#device, error);
    }
    return this.#register.readUInt16LE();
  }

  #openedConfig(): number {
    this.#config ??= this.#openConfig();
    return this.#config;
  }

  #openConfig(): number {
    const path = configWithDisable(this.#device);
    try {
      return this.#sys.open(path, { write: true });
    } catch (error) {
      throw openConfigFailed(this.#device, error);
    }
  }
}

/** Makes sure that a device has what a mode switches, as far as that is known without opening it. @throws exit 2 */
export function checkRearm(device: UioDeviceInfo, mode: RearmMode): void {
  if (mode === 'disintx') configWithDisable(device);
}

/** Returns the configuration space that has the device's Interrupt Disable. */
function configWithDisable(device: UioDeviceInfo): string {
  const { parent } = device.uio;
  if (parent === null) throw noInterruptDisable(device);
  return pciPath(parent, 'config');
}
