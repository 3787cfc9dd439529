// leaking-iommu.cjs DEVICE BACKEND: in the guest, a DMA test behind an IOMMU from which nothing is ever taken away.
// Unmapping does nothing, and mapping gives every right: the device still reaches memory where the test says that it
// must not, so the test has to say that it does. Prints the report.
const { findDevice, LinuxSys, NameDatabase, VfioDevice, runDmaTest } = require('../../dist/index.js');

const [address, backend] = process.argv.slice(2);
const MAP = { group: 0x3b71, iommufd: 0x3b85 }[backend];
const UNMAP = { group: 0x3b72, iommufd: 0x3b86 }[backend];
/** The offsets of fields in vfio_iommu_type1_dma_map and _unmap, iommu_ioas_map and _unmap. */
const FLAGS = 4;
const MAP_IOVA = { group: 16, iommufd: 32 }[backend];
const UNMAP_IOVA = 8;
const RIGHTS = { group: 3, iommufd: 6 }[backend];

/** Unmapping that was swallowed, by address: made up for when something else is to be mapped there. */
const owed = new Map();

class LeakingSys extends LinuxSys {
  /** Whether to leak: not yet while the kernel's own rules are tested. */
  leaking = false;

  ioctl(fd, request, argument) {
    if (this.leaking && request === UNMAP) {
      owed.set(argument.readBigUInt64LE(UNMAP_IOVA), { fd, argument: Buffer.from(argument) });
      return 0;
    }
    if (this.leaking && request === MAP) {
      argument.writeUInt32LE(argument.readUInt32LE(FLAGS) | RIGHTS, FLAGS);
      const iova = argument.readBigUInt64LE(MAP_IOVA);
      const debt = owed.get(iova);
      owed.delete(iova);
      if (debt !== undefined) super.ioctl(debt.fd, UNMAP, debt.argument);
    }
    return super.ioctl(fd, request, argument);
  }

  preparedIoctl(fd, request, argument) {
    return () => this.ioctl(fd, request, argument);
  }
}

async function main() {
  const sys = new LeakingSys();
  const device = VfioDevice.open(sys, findDevice(sys, new NameDatabase(sys), address), { backend });
  try {
    const onCheck = ({ name }) => {
      sys.leaking ||= name === 'roundtrip' || name === 'device-write';
    };
    console.log(JSON.stringify(await runDmaTest(sys, device, { onCheck })));
  } finally {
    sys.leaking = false;
    device.close();
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
