// Copies bytes through QEMU's edu device, from one buffer to another:
//
//   udrv --sim run edu-copy.mjs 0000:00:03.0 2048

const [SOURCE, DESTINATION, COUNT, COMMAND] = [0x80, 0x88, 0x90, 0x98];
const [START, TO_MEMORY] = [1, 2];
/** The device's own memory, as its DMA engine sees it. */
const INSIDE = 0x40000;

export default async (session, { signal, args }) => {
  const length = Number(args[0] ?? 2048);
  await session.do('buf A 4K r; buf B 4K w; master on; fill A 0x5a', { signal });
  const registers = session.device.region('bar0');
  const [from, to] = ['A', 'B'].map((name) => session.buffers.get(name));
  for (const [source, destination, flags] of [
    [Number(from.iova), INSIDE, 0],
    [INSIDE, Number(to.iova), TO_MEMORY],
  ]) {
    registers.write(SOURCE, 4, source);
    registers.write(DESTINATION, 4, destination);
    registers.write(COUNT, 4, length);
    registers.write(COMMAND, 4, START | flags);
    await session.do('poll bar0:0x98&1==0 2s', { signal });
  }
  const isSame = from.bytes.subarray(0, length).equals(to.bytes.subarray(0, length));
  console.log(`${length} bytes copied: ${isSame ? 'the same' : 'different'}`);
};
