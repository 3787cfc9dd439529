import { json } from '../../../src/cli/output/escape';
import { parseUevent } from '../../../src/monitor/uevent';
import { parseInterruptCounts } from '../../../src/sys/readers/interrupt-counts';
import { parseRecord } from '../../../src/sys/readers/kmsg';
import { parseMounts } from '../../../src/sys/readers/mounts';
import { faultIsOf, parseFaults } from '../../../src/vfio/dma/faults';
import { expectShown, type Target } from '../target';

const uevent: Target = {
  name: 'uevent',
  seeds: [
    'add@/devices/pci0000:00/0000:00:03.0\0ACTION=add\0DEVPATH=/devices/pci0000:00/0000:00:03.0\0SUBSYSTEM=pci\0SEQNUM=9\0',
    'remove@/a/1-2:1.0\0ACTION=remove\0DEVPATH=/a/1-2:1.0\0SUBSYSTEM=usb\0DEVTYPE=usb_interface\0PRODUCT=403/6001/600\0',
    'libudev\0\xfe\xed\xca\xfe(\0\0\0',
  ].map((text) => Buffer.from(text, 'latin1')),
  longest: 10 * 1024,
  run(input) {
    const event = parseUevent(input);
    if (event !== null) expectShown(json({ ...event, properties: Object.fromEntries(event.properties) }));
  },
};

const mountinfo: Target = {
  name: 'mountinfo',
  seeds: [
    '36 35 259:2 / /mnt\\040a rw,noatime master:1 - ext4 /dev/nvme0n1p2 rw,errors=continue\n',
    '22 1 0:21 /@ / rw - btrfs /dev/sda:/dev/sdb rw\n23 22 0:5 / /proc rw - proc proc rw\n',
  ].map((text) => Buffer.from(text)),
  run: (input) => expectShown(json(parseMounts(input.toString('utf8')))),
};

const interrupts: Target = {
  name: 'interrupts',
  seeds: [
    Buffer.from(`           CPU0       CPU1
  1:         10          2  IO-APIC   1-edge      i8042
 24:        300          0  PCI-MSI 65536-edge    uio_pci_generic
NMI:          0          0  Non-maskable interrupts
`),
  ],
  run: (input) => expectShown(json([...parseInterruptCounts(input.toString('latin1'))])),
};

const INTEL = 'DMAR: [DMA Write NO_PASID] Request device [00:03.0] fault addr 0x800000 [fault reason 0x05] PTE Write';
const AMD = 'vfio-pci 0000:00:03.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0003 address=0x800000 flags=0x0020]';
const ARM = 'arm-smmu-v3 9050000.smmuv3: \tinput address: 0x0000000000800000 ipa: 0x0';

/** A record of the kernel's log, and the faults of an IOMMU in such. */
const kernelLog: Target = {
  name: 'kernel-log',
  seeds: [INTEL, AMD, ARM, `${AMD}\n${INTEL}\n`].map((text) =>
    Buffer.from(`3,339,5140900,-;${text}\n SUBSYSTEM=pci\n`),
  ),
  run(input) {
    const text = input.toString('utf8');
    const message = parseRecord(text);
    if (message !== null) expectShown(json(message));
    for (const fault of parseFaults([...text.split('\n'), message?.text ?? ''])) {
      faultIsOf(fault, '0000:00:03.0', 0n, 2n ** 64n);
      expectShown(json({ ...fault, address: String(fault.address) }));
    }
  },
};

export const targets = [uevent, mountinfo, interrupts, kernelLog];
