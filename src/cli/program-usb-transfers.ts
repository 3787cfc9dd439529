import { type Command, Option } from 'commander';
import { usageError } from '../errors';
import { parseCount, parseDuration, parseSize } from './parse';
import type { ActionOf } from './program-options';

const FORCE_HELP =
  'take an interface also from a driver that is at work: a mounted disk, a network interface that is up';
const DETACH_HELP = 'take the interface from its kernel driver, and give it back afterwards';

/** `udrv usb ctrl`, `bulk`, `int`, `iso`: transfers. */
export function addTransferCommands(usb: Command, action: ActionOf): void {
  usb
    .command('ctrl')
    .description('one control request')
    .argument('<device>')
    .argument('<bmRequestType>', '0x80 in, 0x00 out; 0xc0 and 0x40 of the vendor')
    .argument('<bRequest>')
    .argument('<wValue>')
    .argument('<wIndex>')
    .argument('[wLength]', 'how many bytes to ask for; 0 where there is no data')
    .addOption(dataOption())
    .addOption(outputOption())
    .option('--detach', DETACH_HELP)
    .option('--force', FORCE_HELP)
    .action(action(() => (require('./commands/usb-ctrl') as typeof import('./commands/usb-ctrl')).ctrl));
  usb
    .command('bulk')
    .description('one bulk transfer, of any length')
    .argument('<device>')
    .argument('<endpoint>', '0x81 in, 0x01 out')
    .option('--length <n>', 'how many bytes to read; a short packet ends it before', parseCount)
    .addOption(dataOption())
    .addOption(outputOption())
    .option('--queue <n>', 'URBs in flight (4)', parseQueue)
    .option('--chunk <size>', 'bytes in each: a multiple of the packet size (256K)', parseTransferSize)
    .option('--zlp', 'end data of whole packets with a packet of no length')
    .addOption(altOption())
    .option('--detach', DETACH_HELP)
    .option('--force', FORCE_HELP)
    .action(action(() => (require('./commands/usb-bulk') as typeof import('./commands/usb-bulk')).bulk));
  usb
    .command('int')
    .description('transfers of an interrupt endpoint, each as it comes')
    .argument('<device>')
    .argument('<endpoint>', '0x81 in, 0x01 out')
    .option('--length <n>', 'how many bytes each has at most', parseTransferSize)
    .option('--count <n>', 'how many to wait for (1)', parseCount)
    .addOption(dataOption())
    .addOption(outputOption())
    .addOption(altOption())
    .option('--detach', DETACH_HELP)
    .option('--force', FORCE_HELP)
    .action(action(() => (require('./commands/usb-bulk') as typeof import('./commands/usb-bulk')).int));
  usb
    .command('iso')
    .description('isochronous transfers')
    .argument('<device>')
    .argument('<endpoint>', '0x81 in, 0x01 out')
    .addOption(altOption())
    .option('--packets <n>', 'packets in a transfer', parseCount, 32)
    .option('--count <n>', 'how many transfers to receive (1)', parseCount)
    .addOption(dataOption())
    .addOption(outputOption())
    .option('--detach', DETACH_HELP)
    .option('--force', FORCE_HELP)
    .action(action(() => (require('./commands/usb-iso') as typeof import('./commands/usb-iso')).iso));
}

const MANAGE_FORCE_HELP = 'do it also where it takes the device from a driver that is at work';

/** What changes a device, and measuring it. */
export function addManagementCommands(usb: Command, action: ActionOf): void {
  const load = () => require('./commands/usb-manage') as typeof import('./commands/usb-manage');
  usb
    .command('reset')
    .description('reset the device; its address and configuration stay')
    .argument('<device>')
    .option('--force', MANAGE_FORCE_HELP)
    .action(action(() => load().reset));
  usb
    .command('config')
    .description('select a configuration, for which its drivers are taken away')
    .argument('<device>')
    .argument('<value>', 'bConfigurationValue; 0 is none')
    .option('--force', MANAGE_FORCE_HELP)
    .action(action(() => load().config));
  usb
    .command('alt')
    .description('try an alternate setting: the kernel goes back to 0 afterwards')
    .argument('<interface>', '1-2:1.0, or DEVICE:INTERFACE')
    .argument('<value>', 'bAlternateSetting')
    .option('--detach', DETACH_HELP)
    .option('--force', FORCE_HELP)
    .action(action(() => load().alt));
  usb
    .command('clear-halt')
    .description('end the halt of an endpoint after a stall')
    .argument('<device>')
    .argument('<endpoint>')
    .option('--detach', DETACH_HELP)
    .option('--force', FORCE_HELP)
    .action(action(() => load().clearHalt));
  usb
    .command('detach')
    .description('take an interface from its kernel driver')
    .argument('<interface>', '1-2:1.0, or DEVICE:INTERFACE')
    .option('--force', MANAGE_FORCE_HELP)
    .action(action(() => load().detach));
  usb
    .command('attach')
    .description('have the kernel look for a driver of an interface')
    .argument('<interface>', '1-2:1.0, or DEVICE:INTERFACE')
    .action(action(() => load().attach));
  usb
    .command('bench')
    .description('measure throughput and latency by the number of transfers in flight')
    .argument('<device>')
    .argument('<endpoint>', '0x81 in, 0x01 out (sends zeros); 0 is the control endpoint')
    .option('--size <n>', 'bytes in a transfer (64K)', parseTransferSize)
    .option('--queue <list>', 'transfers in flight, as in 1,4,16', parseQueues, [1, 4, 16])
    .option('--seconds <s>', 'how long each is measured', parseSeconds, 3)
    .addOption(altOption())
    .option('--detach', DETACH_HELP)
    .option('--force', FORCE_HELP)
    .action(action(() => (require('./commands/usb-bench') as typeof import('./commands/usb-bench')).benchUsb));
}

function parseQueues(text: string): number[] {
  return text.split(',').map(parseQueue);
}

function parseSeconds(text: string): number {
  const seconds = parseDuration(text) / 1000;
  if (seconds === 0) throw usageError(text, 'is no time to measure anything');
  return seconds;
}

function dataOption(): Option {
  return new Option('--data <data>', 'what to send: hex digits, @FILE, or - for standard input');
}

function outputOption(): Option {
  return new Option('-o, --output <file>', 'write what arrives to FILE as raw bytes; - is standard output');
}

function altOption(): Option {
  return new Option('--alt <n>', 'select this alternate setting of the interface for the call').argParser((text) =>
    parseSize(text, 'an alternate setting'),
  );
}

/** Each has its memory. */
const MOST_IN_FLIGHT = 1024;

function parseQueue(text: string): number {
  const value = parseCount(text);
  if (value > MOST_IN_FLIGHT) throw usageError(text, `is too many: ${MOST_IN_FLIGHT} at most`);
  return value;
}

/** Of one URB: drivers/usb/core/devio.c takes less than USBFS_XFER_MAX. */
const MOST_IN_TRANSFER = Math.floor(0xffffffff / 2) - 1_000_000 - 1;

function parseTransferSize(text: string): number {
  const value = parseCount(text);
  if (value > MOST_IN_TRANSFER)
    throw usageError(text, `is too much for one transfer: ${MOST_IN_TRANSFER} bytes at most`);
  return value;
}
