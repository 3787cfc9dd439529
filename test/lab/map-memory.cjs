// Maps memory for a VFIO device through the library, as a program of a user's would. Prints `mapped` for each, or the
// error's code and message, and ends with the exit code of the last. usage: map-memory.cjs ADDRESS BACKEND (IOVA LENGTH)...
const { findDevice, LinuxSys, NameDatabase, VfioDevice } = require('../..');

const [address, backend, ...mappings] = process.argv.slice(2);
const sys = new LinuxSys();
const device = VfioDevice.open(sys, findDevice(sys, new NameDatabase(sys), address), { backend });
try {
  for (let i = 0; i < mappings.length; i += 2) {
    const [iova, length] = [BigInt(mappings[i]), Number(mappings[i + 1])];
    const memory = sys.allocate(Math.max(length, sys.pageSize));
    try {
      device.iommu.map(iova, memory, length, { read: true, write: true });
      console.log('mapped');
      process.exitCode = 0;
    } catch (error) {
      console.log(error.code, error.message);
      process.exitCode = error.exit;
    }
  }
} finally {
  device.close();
}
