import { DmaRing } from '../../src/model/dma-ring';
import { quietest } from './measure';

const ENTRIES = 512;
const BATCH = 32;
const DESCRIPTORS = 2_000_000;
const ROUNDS = 7;
const LEAST = 2;
/** The DD bit of Intel's descriptors. */
const DONE = 1;

/**
 * Descriptors of 16 bytes, filled, written back and reaped in batches of 32, without a device: {@link DmaRing}, and the
 * style of ixy.js (github.com/ixy-languages/ixy.js), which stores addresses by setBigUint64 and has an object for each
 * packet.
 */
export function benchRing(): boolean {
  const memory = Buffer.from(new ArrayBuffer(ENTRIES * 16));
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    ours.push(time(() => withRing(memory)));
    theirs.push(time(() => withObjects(memory)));
  }
  const rate = (times: number[]) => DESCRIPTORS / quietest(times) / 1000;
  console.log(
    `  descriptors a second: ${rate(ours).toFixed(1)} million, as ixy.js has them ${rate(theirs).toFixed(1)} million`,
  );
  const ratio = quietest(theirs) / quietest(ours);
  const good = ratio >= LEAST;
  console.log(
    `  ${good ? 'ok  ' : 'MISS'} over the style of ixy.js: ${ratio.toFixed(2)} times (at least ${LEAST} times)`,
  );
  return good;
}

function time(run: () => number): number {
  const start = performance.now();
  if (run() !== DESCRIPTORS) throw new Error('descriptors were lost');
  return performance.now() - start;
}

function withRing(memory: Buffer): number {
  memory.fill(0);
  let doorbell = 0;
  const done = { word: 3, mask: DONE, flips: false };
  const ring = new DmaRing({
    bytes: memory,
    entries: ENTRIES,
    entrySize: 16,
    doorbell: (index) => {
      doorbell = index;
    },
    done,
  });
  const { words, stride } = ring;
  let reaped = 0;
  let device = 0;
  for (let sent = 0; sent < DESCRIPTORS; ) {
    for (let i = 0; i < BATCH && sent < DESCRIPTORS; i++, sent++) {
      const at = ring.claim();
      if (at < 0) break;
      words[at] = sent * 2048;
      words[at + 1] = 1;
      words[at + 2] = 64;
      words[at + 3] = 0;
    }
    ring.submit();
    for (; device !== doorbell; device = device + 1 === ENTRIES ? 0 : device + 1) words[device * stride + 3] = DONE;
    for (let at = ring.peek(); at >= 0; at = ring.peek()) {
      if (words[at + 2] !== 64) throw new Error('a descriptor changed');
      ring.release();
      reaped++;
    }
  }
  return reaped;
}

interface Packet {
  address: bigint;
  length: number;
}

function withObjects(memory: Buffer): number {
  memory.fill(0);
  const view = new DataView(memory.buffer, memory.byteOffset, memory.length);
  const inFlight: Packet[] = new Array(ENTRIES);
  let [tail, clean, reaped, device] = [0, 0, 0, 0];
  for (let sent = 0; sent < DESCRIPTORS; ) {
    const packets: Packet[] = [];
    for (let i = 0; i < BATCH && sent < DESCRIPTORS; i++, sent++)
      packets.push({ address: 0x1_0000_0000n + BigInt(sent * 2048), length: 64 });
    for (const packet of packets) {
      view.setBigUint64(tail * 16, packet.address, true);
      view.setBigUint64(tail * 16 + 8, BigInt(packet.length), true);
      inFlight[tail] = packet;
      tail = (tail + 1) % ENTRIES;
    }
    for (; device !== tail; device = (device + 1) % ENTRIES) view.setUint32(device * 16 + 12, DONE, true);
    while (clean !== tail && (view.getUint32(clean * 16 + 12, true) & DONE) !== 0) {
      const packet = inFlight[clean];
      if (packet?.length !== 64) throw new Error('a packet changed');
      clean = (clean + 1) % ENTRIES;
      reaped++;
    }
  }
  return reaped;
}
