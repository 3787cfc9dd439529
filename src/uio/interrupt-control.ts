import { Exit, fromSysError, SysError, UdrvError, usageError } from '../errors';
import type { UioDeviceInfo } from '../model/device';
import { pciPath } from '../pci/paths';
import type { Sys } from '../sys/sys';
import { PCI_COMMAND, PCI_COMMAND_INTX_DISABLE, PCI_STATUS, PCI_STATUS_INTERRUPT } from '../uapi/pci-regs';
import { packIrqControl, UIO_WORD_SIZE } from '../uapi/uio';

/** How an interrupt that fired is made to fire again. */
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
  #wasDisabled = false;

  constructor(sys: Sys, device: UioDeviceInfo, fd: number, mode: RearmMode) {
    this.#sys = sys;
    this.#device = device;
    this.#fd = fd;
    this.#mode = mode;
  }

  /** What is in force; `auto` until the first {@link set} has found out. */
  get mode(): RearmMode {
    return this.#mode;
  }

  /**
   * Switches the interrupt on or off. `auto` writes to the node; a driver without irqcontrol answers ENOSYS, and then
   * it is Interrupt Disable for uio_pci_generic and nothing for the others, which do without.
   */
  set(on: boolean): void {
    if (this.#mode === 'auto') this.#mode = this.#writeNode(on) ? 'irqcontrol' : this.#withoutIrqcontrol();
    else if (this.#mode === 'irqcontrol' && !this.#writeNode(on)) throw noIrqcontrol(this.#device);
    if (this.#mode === 'disintx') this.#setDisable(!on);
  }

  /** Whether the device asserts its line now (Interrupt Status), seen only where the configuration space is in use. */
  asserted(): boolean {
    return this.#config !== undefined && (this.#read(this.#config, PCI_STATUS) & PCI_STATUS_INTERRUPT) !== 0;
  }

  /**
   * Sets Interrupt Disable again if it was set before the first {@link set}. Never clears it: where the kernel has set
   * it since, an interrupt is pending. What irqcontrol changed cannot be read, so it stays enabled.
   */
  restore(): void {
    if (this.#config !== undefined && this.#wasDisabled) this.#setDisable(true);
  }

  close(): void {
    if (this.#config === undefined) return;
    this.#sys.close(this.#config);
    this.#config = undefined;
  }

  /** irqcontrol through uio_write(). False where the driver has no irqcontrol. */
  #writeNode(on: boolean): boolean {
    packIrqControl(this.#word, on);
    try {
      this.#sys.write(this.#fd, this.#word);
      return true;
    } catch (error) {
      if (error instanceof SysError && error.code === 'ENOSYS') return false;
      throw error;
    }
  }

  #withoutIrqcontrol(): RearmMode {
    return this.#device.driver === 'uio_pci_generic' ? 'disintx' : 'none';
  }

  /**
   * The whole command register is written, although its upper byte would do: QEMU looks at a pending interrupt again
   * only when the write covers the lower one (pci_default_write_config), and the kernel writes both too.
   */
  #setDisable(disable: boolean): void {
    const first = this.#config === undefined;
    this.#config ??= this.#openConfig();
    const before = this.#read(this.#config, PCI_COMMAND);
    if (first) this.#wasDisabled = (before & PCI_COMMAND_INTX_DISABLE) !== 0;
    const after = disable ? before | PCI_COMMAND_INTX_DISABLE : before & ~PCI_COMMAND_INTX_DISABLE;
    if (after === before) return;
    this.#register.writeUInt16LE(after);
    this.#sys.pwrite(this.#config, this.#register, PCI_COMMAND);
  }

  #read(config: number, offset: number): number {
    this.#sys.pread(config, this.#register, offset);
    return this.#register.readUInt16LE();
  }

  #openConfig(): number {
    const path = configWithDisable(this.#device);
    try {
      return this.#sys.open(path, { write: true });
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      throw fromSysError(error, {
        device: this.#device.address,
        message: `${error.code === 'EACCES' ? 'permission denied' : 'cannot be opened'}: the interrupt is switched by Interrupt Disable in the configuration space`,
        hint:
          error.code === 'EACCES'
            ? 'run this command with sudo; the udev rules in udrv-uio(1) grant it for good; watch-irq --rearm none does without, for one interrupt'
            : undefined,
      });
    }
  }
}

/** Makes sure that a device has what a mode switches, as far as that is known without opening it. @throws exit 2 */
export function checkRearm(device: UioDeviceInfo, mode: RearmMode): void {
  if (mode === 'disintx') configWithDisable(device);
}

/** The configuration space that has the device's Interrupt Disable. */
function configWithDisable({ address, uio }: UioDeviceInfo): string {
  if (uio.parent === null)
    throw usageError(address, 'is no PCI function: it has no Interrupt Disable', 'use --rearm irqcontrol or none');
  return pciPath(uio.parent, 'config');
}

export function noIrqcontrol({ address, driver }: UioDeviceInfo): UdrvError {
  return new UdrvError(`its driver, ${driver ?? 'unknown'}, has no irqcontrol`, {
    code: 'ENOSYS',
    exit: Exit.unsupported,
    subject: address,
    device: address,
  });
}
