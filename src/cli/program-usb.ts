import { type Command, Option } from 'commander';
import { usageError } from '../errors';
import { parseCount, parseSize } from './parse';
import type { ActionOf } from './program-options';

/** `udrv usb`: USB devices, through usbfs. */
export function addUsbCommands(usb: Command, action: ActionOf): void {
  usb
    .command('list')
    .description('the USB devices')
    .argument('[selector...]', 'only these devices')
    .action(action(() => (require('./commands/list') as typeof import('./commands/list')).listUsb));
  usb
    .command('show')
    .description('one USB device in depth, from sysfs alone')
    .argument('<device>')
    .action(action(() => (require('./commands/show') as typeof import('./commands/show')).showUsb));
  addTransferCommands(usb, action);
}

const FORCE_HELP =
  'take an interface also from a driver that is at work: a mounted disk, a network interface that is up';
const DETACH_HELP = 'take the interface from its kernel driver, and give it back afterwards';

function addTransferCommands(usb: Command, action: ActionOf): void {
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
    .option('--chunk <size>', 'bytes in each: a multiple of the packet size (256K)', parseCount)
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
    .option('--length <n>', 'how many bytes each has at most', parseCount)
    .option('--count <n>', 'how many to wait for (1)', parseCount)
    .addOption(dataOption())
    .addOption(outputOption())
    .addOption(altOption())
    .option('--detach', DETACH_HELP)
    .option('--force', FORCE_HELP)
    .action(action(() => (require('./commands/usb-bulk') as typeof import('./commands/usb-bulk')).int));
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
