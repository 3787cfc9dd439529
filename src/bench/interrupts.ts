import { type LatencyOptions, measureLatencies } from '../interrupts/latency';
import type { InterruptSource } from '../interrupts/source';
import { prepareActions } from '../model/action';
import type { RegionSource } from '../model/location';
import { Samples } from '../model/samples';
import { type Bounds, type Figure, figureOf, type Variant, within } from './figure';
import type { DeviceWork } from './work';

/** Why the device itself was not asked. */
export const NO_TRIGGER = 'no --trigger tells how the device raises it';

/** Measures interrupts from trigger to wake-up. @param source is closed at the end */
export async function timeInterrupts(
  variant: Variant,
  source: InterruptSource,
  actions: Pick<LatencyOptions, 'trigger' | 'acknowledge'>,
  bounds: Bounds,
): Promise<Figure[]> {
  const latencies = new Samples();
  const onLatency = (us: number) => latencies.add(us);
  const start = performance.now();
  const { count, timeoutMs } = bounds;
  await measureLatencies(source, { ...actions, ...within(bounds), onLatency, count, timeoutMs });
  const seconds = (performance.now() - start) / 1000;
  return latencies.count === 0 ? [] : [figureOf('interrupt', variant, latencies, seconds)];
}

/** Prepares the writes by which a device raises its interrupt and is silenced. */
export function deviceActions(
  { trigger, acknowledge }: DeviceWork,
  device: RegionSource,
): Pick<LatencyOptions, 'trigger' | 'acknowledge'> {
  return {
    trigger: prepareActions(trigger, device),
    acknowledge: acknowledge.length > 0 ? prepareActions(acknowledge, device) : undefined,
  };
}
