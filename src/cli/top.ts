import { ActivityMeter, isPresent, presence } from '../devices/activity';
import { listDevices } from '../devices/list';
import { Exit, UdrvError, usageError } from '../errors';
import type { DeviceInfo } from '../model/device';
import { parseCount } from '../model/notation';
import { pause } from '../sys/wait';
import { UsbTraffic } from '../usb/usbmon';
import { byActivity, frameJson, frameTable } from './activity/frame';
import { Screen } from './activity/screen';
import { selected } from './devices/list';
import type { VerbSpec } from './program/command';
import type { Context } from './program/context';
import { argument, DEFAULT_INTERVAL_MS, intervalOption, option } from './program/options';
import { caughtUp, interruptible } from './program/signals';

export const command: VerbSpec = {
  description: 'how active devices are: interrupts, UIO events, USB transfers and bytes a second; opens none of them',
  arguments: [argument('[device...]', 'only these devices')],
  options: [intervalOption('frames'), option('-c, --count <n>', 'end after N frames', parseCount)],
  examples: ['top --count 2', '--json top uio1 1-2 --interval 200ms --count 1'],
  run: top,
};

interface TopOptions {
  interval?: number;
  count?: number;
}

function top(
  context: Context,
  selectors: string[],
  { interval = DEFAULT_INTERVAL_MS, count = Number.POSITIVE_INFINITY }: TopOptions,
): Promise<number | undefined> {
  const { sysroot, snapshot } = context.options;
  if (sysroot !== undefined || snapshot !== undefined)
    throw usageError('top', 'a recording does not move: nothing in it counts on', 'udrv list shows its devices');
  return interruptible(async (signal) => {
    const watched = new Watched(context, selectors);
    const quit = new AbortController();
    const ended = AbortSignal.any([signal, quit.signal]);
    using view = makeView(context, () => quit.abort());
    // At once: a second signal kills, and the terminal has to be as it was by then.
    signal.addEventListener('abort', () => view.leave?.(), { once: true });
    using traffic = watched.devices.some(({ framework }) => framework === 'usb') ? UsbTraffic.open(context.sys) : null;
    const meter = new ActivityMeter(context.sys, watched.devices, traffic);
    for (let frame = 0; frame < count; frame++) {
      if ((await pause(interval, ended)) === 'aborted') return;
      const { seconds, activities } = meter.measure(watched.look());
      view.show(byActivity(activities), seconds);
      await caughtUp();
    }
  });
}

/** The devices that are looked at: all, with those that come and without those that go, or the ones that were named. */
class Watched {
  devices: DeviceInfo[];
  readonly #context: Context;
  readonly #isNamed: boolean;
  #presence: string;

  constructor(context: Context, selectors: string[]) {
    this.#context = context;
    this.#isNamed = selectors.length > 0;
    this.#presence = presence(context.sys);
    this.devices = this.#isNamed ? selected(context, selectors, undefined) : this.#all();
  }

  /** @throws exit 8 where all devices that were named are gone */
  look(): DeviceInfo[] {
    const { sys } = this.#context;
    const now = presence(sys);
    if (now === this.#presence) return this.devices;
    this.#presence = now;
    if (!this.#isNamed) this.devices = this.#all();
    else if (!this.devices.some((device) => isPresent(sys, device))) throw gone(this.devices);
    return this.devices;
  }

  #all(): DeviceInfo[] {
    return listDevices(this.#context.sys, this.#context.names, { all: true });
  }
}

function gone(devices: readonly DeviceInfo[]): UdrvError {
  const device = devices.map(({ address }) => address).join(', ');
  return new UdrvError('went away', { code: 'ENODEV', exit: Exit.gone, device });
}

/** The receiver of frames. */
interface View extends Disposable {
  show(activities: ReturnType<typeof byActivity>, seconds: number): void;
  /** Gives a terminal back that was taken. */
  leave?(): void;
}

function makeView(context: Context, quit: () => void): View {
  const { stdout, style, options } = context;
  if (options.json)
    return {
      show: (activities, seconds) => stdout.write(frameJson(activities, seconds, new Date())),
      [Symbol.dispose]() {},
    };
  if (stdout.isTTY && context.env['TERM'] !== 'dumb') return new ScreenView(context, quit);
  let isFirst = true;
  return {
    show(activities) {
      stdout.write(`${isFirst ? '' : '\n'}${frameTable(activities, style, context.width)}`);
      isFirst = false;
    },
    [Symbol.dispose]() {},
  };
}

/** Frames in place on a terminal. The last one stays when it ends. */
class ScreenView implements View {
  readonly #context: Context;
  readonly #screen: Screen;

  constructor(context: Context, quit: () => void) {
    this.#context = context;
    this.#screen = new Screen(context.stdout, context.env, (key) => {
      if (key === 'q' || key === 'Q') quit();
    });
    this.#screen.draw(['udrv top: measuring; q ends']);
  }

  show(activities: ReturnType<typeof byActivity>, seconds: number): void {
    const { style, width } = this.#context;
    // The screen leaves its last column free.
    const table = frameTable(activities, style, width === undefined ? width : width - 1);
    const lines = table.trimEnd().split('\n');
    // The heading, the foot, and what fits between them.
    const room = Math.max(1, this.#screen.rows - 2);
    const rows = lines.slice(1, 1 + room);
    const hidden = lines.length - 1 - rows.length;
    const more = hidden === 0 ? '' : `${hidden} more; `;
    const foot = style.dim(`${more}${seconds.toFixed(1)} s; q ends`);
    const kept = [...lines.slice(0, 1), ...rows];
    this.#screen.draw([...kept, foot], [...kept, ''].join('\n'));
  }

  leave(): void {
    this.#screen.leave();
  }

  [Symbol.dispose](): void {
    this.#screen[Symbol.dispose]();
  }
}
