// Maps memory for a VFIO device through the library, as a program of a user's would. Prints `mapped`, or the error's
// code and message, whose exit code it ends with. usage: map-memory.cjs ADDRESS BACKEND IOVA LENGTH
const { findDevice, LinuxSys, NameDatabase, VfioDevice } = require('../..');

const [address, backend, iova, length] = process.argv.slice(2);
const sys = new LinuxSys();
const device = VfioDevice.open(sys, findDevice(sys, new NameDatabase(sys), address), { backend });
const memory = sys.allocate(Math.max(Number(length), sys.pageSize));
try {
  device.iommu.map(BigInt(iova), memory, Number(length), { read: true, write: true });
  console.log('mapped');
} catch (error) {
  console.log(error.code, error.message);
  process.exitCode = error.exit;
} finally {
  device.close();
}
