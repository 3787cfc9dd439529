// udrv run test/lab/nvme-pf.mjs PF [VF...]: drives QEMU's NVMe controller as a program of a user's does that has the
// physical function. It starts the controller and prints `ready`. Once there are virtual functions, it gives each (1,
// 2...) two queues and an interrupt by its admin queue, puts it online, prints `online`, and keeps the device until it is
// interrupted. NVM Express Base Specification, Virtualization Management command.
//
// The virtual functions have to be made after the open, which resets the physical one: QEMU 7.2 takes them away with
// that, and leaves VF Enable set, so that the kernel does not make them again.

import { readFileSync } from 'node:fs';

const [CC, CSTS, AQA, ASQ, ACQ, DOORBELLS] = [0x14, 0x1c, 0x24, 0x28, 0x30, 0x1000];
const ENTRIES = 16;
const [SUBMISSION, COMPLETION] = [64, 16];
const COMPLETIONS_AT = 4096;
const VIRTUALIZATION_MANAGEMENT = 0x1c;
const [ASSIGN, ONLINE] = [8, 9];
const [QUEUES, INTERRUPTS] = [0, 1];

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export default async (session, { signal, args }) => {
  await session.do('buf Q 8K; master on', { signal });
  const registers = session.device.region('bar0');
  const { iova, bytes } = session.buffers.get('Q');
  registers.write(CC, 4, 0);
  await session.do(`poll bar0:${CSTS}&1==0 5s`, { signal });
  registers.write(AQA, 4, ((ENTRIES - 1) << 16) | (ENTRIES - 1));
  for (const [register, address] of [
    [ASQ, BigInt(iova)],
    [ACQ, BigInt(iova) + BigInt(COMPLETIONS_AT)],
  ]) {
    registers.write(register, 4, Number(address & 0xffffffffn));
    registers.write(register + 4, 4, Number(address >> 32n));
  }
  registers.write(CC, 4, (6 << 16) | (4 << 20) | 1);
  await session.do(`poll bar0:${CSTS}&1==1 5s`, { signal });

  console.log('ready');
  const numvfs = `/sys/bus/pci/devices/${session.device.info.address}/sriov_numvfs`;
  while (Number(readFileSync(numvfs, 'latin1')) < args.length && !signal.aborted) await pause(100);

  let count = 0;
  for (const controller of args.map(Number)) {
    await manage(controller, QUEUES, ASSIGN, 2);
    await manage(controller, INTERRUPTS, ASSIGN, 1);
    await manage(controller, 0, ONLINE, 0);
  }
  console.log('online');
  await new Promise((resolve) => {
    // Nothing else keeps the process.
    const alive = setInterval(() => {}, 1000);
    signal.addEventListener('abort', () => {
      clearInterval(alive);
      resolve();
    });
  });

  async function manage(controller, resource, action, number) {
    const at = count * SUBMISSION;
    bytes.fill(0, at, at + SUBMISSION);
    bytes.writeUInt32LE((count << 16) | VIRTUALIZATION_MANAGEMENT, at);
    bytes.writeUInt32LE((controller << 16) | (resource << 8) | action, at + 40);
    bytes.writeUInt32LE(number, at + 44);
    registers.write(DOORBELLS, 4, ++count);
    const status = COMPLETIONS_AT + (count - 1) * COMPLETION + 14;
    for (let i = 0; (bytes.readUInt16LE(status) & 1) === 0; i++) {
      if (i > 500) throw new Error(`controller ${controller}: no completion`);
      await pause(10);
    }
    const code = bytes.readUInt16LE(status) >> 1;
    if (code !== 0)
      throw new Error(
        `controller ${controller}, resource ${resource}, action ${action}: status 0x${code.toString(16)}`,
      );
  }
};
