/** Offsets and bits of the configuration header, from <linux/pci_regs.h>. Fields are little-endian on every machine. */
export const PCI_COMMAND = 0x04;
export const PCI_COMMAND_IO = 0x1;
export const PCI_COMMAND_MEMORY = 0x2;
export const PCI_COMMAND_MASTER = 0x4;
export const PCI_COMMAND_INTX_DISABLE = 0x400;
export const PCI_STATUS = 0x06;
export const PCI_STATUS_INTERRUPT = 0x08;
/** Revision, then the three bytes of the class. */
export const PCI_CLASS_REVISION = 0x08;

/** The configuration space of PCI Express, in bytes; a plain PCI function has 256. */
export const PCI_CFG_SPACE_EXP_SIZE = 4096;
