import { findEndpoint } from '../../usb/device/endpoints';
import { endpointName } from '../../usb/inspect/address';
import { findOf } from '../devices/find';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument } from '../program/options';
import { printChange } from '../transfers/interface';
import { endpointSteps, parseEndpoint, type TakeOptions, withEndpoint } from '../transfers/open';
import { ENDPOINT_HELP, takeOptions } from '../transfers/options';

export const command: VerbSpec = {
  description: 'end the halt of an endpoint after a stall',
  arguments: [argument('<device>'), argument('<endpoint>', ENDPOINT_HELP)],
  options: takeOptions(),
  does: ['open', 'change'],
  examples: ['usb clear-halt 1-2 0x01', '-n usb clear-halt 1-4 0x81 --detach'],
  run: clearHalt,
};

async function clearHalt(
  context: Context,
  selector: string,
  endpointText: string,
  options: TakeOptions,
): Promise<number | undefined> {
  const address = parseEndpoint(endpointText);
  const info = findOf(context, 'usb', selector);
  const found = findEndpoint(info, address);
  if (context.options.dryRun) {
    context.printSteps(endpointSteps(info, found, options, 'clear its halt'));
    return undefined;
  }
  const code = await withEndpoint(context, info, found, options, (usb) => usb.clearHalt(address));
  if (code === undefined) printChange(context, info.address, { action: 'clear-halt', endpoint: endpointName(address) });
  return code;
}
