import { Exit, UdrvError } from '../errors';
import type { Framework } from '../model/device';
import { NameDatabase } from '../names/database';
import { attempt } from '../sys/attempt';
import type { Sys, SysTree } from '../sys/sys';
import { pause } from '../sys/wait';
import { UIO_CLASS } from '../uio/inspect';
import { USB_DEVICES } from '../usb/inspect/inspect';
import type { DeviceEvent } from './event';
import { KnownDevices } from './known';
import { UeventSocket } from './socket';

/** The time between two checks for lost messages; without a way to tell, between two looks at all devices. */
const LOOK_MS = 1000;

/** udev gives a node its owner and its mode, after the kernel has made it and told of it. */
const UDEV = '/run/udev/control';
/** The longest wait for that, as a busy machine's udev has much to do; the second with another device manager, or none. */
const NODE_MS = 5000;
const NODE_WITHOUT_UDEV_MS = 60;
const NODE_POLL_MS = 20;

export interface MonitorStart {
  /** The number of devices. */
  devices: number;
  /** Whether the kernel's messages are received; if not, the devices are looked at once a second. */
  listening: boolean;
}

export interface MonitorOptions {
  /** Only this framework; `pci` is every PCI function, those of VFIO drivers too. */
  type?: Framework | undefined;
  /** Longest wait for one event. */
  timeoutMs?: number | undefined;
  /** Ends it. */
  signal?: AbortSignal | undefined;
  /** Default: a new one. */
  names?: NameDatabase | undefined;
  /** Called once the devices are known: each event from now on is reported. */
  onStart?: ((start: MonitorStart) => void) | undefined;
}

/**
 * Yields the events of devices: they come and go, drivers take them and leave them. Listens to the kernel's messages
 * first and looks at the devices second, so that it knows a device that is gone. Where messages were lost, or none are
 * heard though there are some, it looks again and yields the differences. Opens no node. Ends when `signal` aborts or
 * the consumer stops.
 *
 * @throws exit 6 where `timeoutMs` passes without an event
 *
 * @example
 * for await (const { action, address } of monitorDevices(sys, { type: 'usb' })) console.log(action, address);
 */
export async function* monitorDevices(sys: Sys, options: MonitorOptions = {}): AsyncGenerator<DeviceEvent> {
  const { type, timeoutMs = Number.POSITIVE_INFINITY, signal, names = new NameDatabase(sys), onStart } = options;
  const socket = UeventSocket.open(sys);
  try {
    const known = new KnownDevices(sys, names, type);
    known.look();
    onStart?.({ devices: known.size, listening: socket.isOpen });
    let asked = performance.now();
    let deadline = asked + timeoutMs;
    for (;;) {
      // Read before the messages are taken: one that comes at the last moment counts.
      const now = performance.now();
      const { uevents, lost } = socket.take();
      const unheard = now - asked >= LOOK_MS && uevents.length === 0 && socket.missed();
      if (now - asked >= LOOK_MS) asked = now;
      let quiet = true;
      for (const event of tell(known, uevents, lost || unheard)) {
        quiet = false;
        if (event.action === 'add') await settle(sys, known, event, signal);
        if (signal?.aborted) return;
        yield event;
      }
      if (!quiet) deadline = performance.now() + timeoutMs;
      else if (now >= deadline) throw timedOut(timeoutMs);
      const wait = Math.min(asked + LOOK_MS, deadline) - performance.now();
      if ((await socket.wait(wait, signal)) === 'aborted') return;
    }
  } finally {
    socket.close();
  }
}

/** Yields the events one by one: a device is looked at when its turn comes. */
function* tell(known: KnownDevices, uevents: Parameters<KnownDevices['hear']>[0][], look: boolean) {
  for (const uevent of uevents) yield* known.hear(uevent);
  if (look) yield* known.look();
}

/** Waits, for a while, until a new device's node is there and as open as it is going to be. */
async function settle(
  sys: SysTree,
  known: KnownDevices,
  event: DeviceEvent,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (event.node === null || isOpenable(event)) return;
  const patience = sys.access(UDEV) === null ? NODE_WITHOUT_UDEV_MS : NODE_MS;
  const deadline = performance.now() + patience;
  for (;;) {
    // Asked before the node is looked at, which udev has done with by then.
    const done = isProcessed(sys, event);
    if (!known.refresh(event) || isOpenable(event) || done || performance.now() >= deadline) return;
    if ((await pause(NODE_POLL_MS, signal)) === 'aborted') return;
  }
}

function isOpenable({ access }: DeviceEvent): boolean {
  return access === 'rw';
}

/** Whether udev has put a device into its database, which it does last. */
function isProcessed(sys: SysTree, { framework, address }: DeviceEvent): boolean {
  return attempt(() => {
    const directory = framework === 'uio' ? UIO_CLASS : USB_DEVICES;
    const number = sys.readFile(`${directory}/${address}/dev`).toString('latin1').trim();
    return /^\d+:\d+$/.test(number) && sys.access(`/run/udev/data/c${number}`) !== null;
  }, false);
}

function timedOut(timeoutMs: number): UdrvError {
  return new UdrvError(`no event within ${timeoutMs} ms`, {
    code: 'ETIMEDOUT',
    exit: Exit.timeout,
    subject: 'monitor',
  });
}
