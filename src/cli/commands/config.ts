import { findDevice } from '../../devices/select';
import { Exit, UdrvError, usageError } from '../../errors';
import { formatPciAddress, parsePciAddress } from '../../pci/address';
import { decodeConfig, readsAsOnes } from '../../pci/config/decode';
import { type ConfigDump, formatConfigRows, parseConfigDump } from '../../pci/config/lspci-dump';
import type { ConfigHeader, ConfigSpace } from '../../pci/config/types';
import { doesNotAnswer } from '../../pci/decoding-check';
import { readConfigSpace } from '../../pci/sysfs-config';
import type { Backend } from '../../vfio/device/backend';
import type { Context } from '../context';
import { readInput } from '../input';
import { describeConfig } from '../output/config';
import { json, visible } from '../output/escape';
import { findVfio, openVfio, pciAddressOf } from './target';

interface ConfigOptions {
  file?: string;
  raw?: boolean;
  open?: boolean;
  backend: Backend;
}

/** Of 4096 functions with 4 KiB each, as lspci -vv -xxxx prints them. */
const LARGEST_DUMP = 64 * 1024 * 1024;

/** What a user without CAP_SYS_ADMIN gets of it: the header, which of a CardBus bridge is longer. */
const UNPRIVILEGED_SIZES = [64, 128];

/** What a virtual function of SR-IOV has for its vendor: sysfs has the right one, and lspci took it from there. */
const NO_VENDOR = 'ffff';

/** Where the bytes come from: VFIO shows another space than the bus has. */
type Source = 'sysfs' | 'vfio' | 'file';

/** The document of `--json`, one for each function. */
type Document = { address: string | null; source: Source } & (ConfigSpace | { size: number; bytes: string });

export function config(context: Context, selector: string | undefined, options: ConfigOptions): undefined {
  const { file, raw, open } = options;
  if (file !== undefined) {
    if (open) throw usageError('--file and --open', 'each say where the bytes come from: give one');
    const subject = file === '-' ? 'standard input' : file;
    const dumps = select(parseConfigDump(readInput(file, LARGEST_DUMP), subject), selector);
    if (context.options.json) printDocuments(context, dumps, raw === true);
    else
      for (const [i, dump] of dumps.entries())
        context.stdout.write(`${i === 0 ? '' : '\n'}${text(context, dump, raw)}`);
    return;
  }
  if (selector === undefined)
    throw usageError('usage', 'give a device, or --file DUMP', 'udrv list --type pci shows the PCI functions');
  const dump = open ? opened(context, selector, options) : live(context, selector, raw === true);
  if (context.options.json) context.printJson(documentOf(dump, open ? 'vfio' : 'sysfs', raw === true));
  else context.stdout.write(text(context, dump, raw));
}

/** The configuration space that who opens the device sees: VFIO makes up registers, and hides capabilities. */
function opened(context: Context, selector: string, { raw, backend }: ConfigOptions): ConfigDump {
  using device = openVfio(context, findVfio(context, selector), { backend });
  const { address, name } = device.info;
  const registers = device.region('config');
  const bytes = Buffer.alloc(registers.info.size);
  let offset = 0;
  for (const word of registers.words({ offset, length: bytes.length }, 4))
    offset = bytes.writeUInt32LE(Number(word), offset);
  if (!raw && readsAsOnes(bytes)) throw doesNotAnswer(address, selector);
  const notes = [
    'as VFIO shows it to who opens the device: BARs, command and some capabilities are not those of the bus',
  ];
  return { address, title: name, bytes, notes };
}

/** The configuration space of a function of this machine, through sysfs: it is not opened, and nothing is reset. */
function live(context: Context, selector: string, raw: boolean): ConfigDump {
  const device = findDevice(context.sys, context.names, selector);
  const address = pciAddressOf(device, selector);
  const bytes = readConfigSpace(context.sys, address);
  if (!raw && readsAsOnes(bytes)) throw doesNotAnswer(address, selector);
  const notes = UNPRIVILEGED_SIZES.includes(bytes.length)
    ? ['truncated: run as root to read more than the header']
    : [];
  // A UIO device is named by its driver.
  return { address, title: device.framework === 'uio' ? '' : device.name, bytes, notes };
}

/** The functions of a file that a selector names; all without one. */
function select(dumps: readonly ConfigDump[], selector: string | undefined): readonly ConfigDump[] {
  if (selector === undefined) return dumps;
  const parsed = parsePciAddress(selector);
  const wanted = parsed === null ? selector : formatPciAddress(parsed);
  const found = dumps.filter(({ address }) => address === wanted);
  if (found.length === 0)
    throw new UdrvError('no such function in the file', {
      code: 'ENODEV',
      exit: Exit.notFound,
      subject: selector,
      device: selector,
    });
  return found;
}

function decoded(dump: ConfigDump): ConfigSpace {
  const space = decodeConfig(dump.bytes);
  return { ...space, notes: [...dump.notes, ...space.notes] };
}

function documentOf(dump: ConfigDump, source: Source, raw: boolean): Document {
  const { address, bytes } = dump;
  return raw
    ? { address, source, size: bytes.length, bytes: bytes.toString('hex') }
    : { address, source, ...decoded(dump) };
}

/** One document, but not one string: a file can hold thousands of functions. */
function printDocuments(context: Context, dumps: readonly ConfigDump[], raw: boolean): void {
  const indent = context.stdout.isTTY ? 2 : undefined;
  for (const [i, dump] of dumps.entries())
    context.stdout.write(`${i === 0 ? '{"devices":[' : ','}${json(documentOf(dump, 'file', raw), indent)}`);
  context.stdout.write(']}\n');
}

function text(context: Context, dump: ConfigDump, raw: boolean | undefined): string {
  const address = dump.address === null ? null : visible(dump.address);
  // A raw image has no address, and lspci reads no rows without one.
  if (raw) return `${address ?? '0000:00:00.0'} ${visible(dump.title)}\n${formatConfigRows(dump.bytes)}`;
  const space = decoded(dump);
  const { style } = context;
  const head = [style.heading(address ?? 'image'), visible(titleOf(context, dump, space.header))];
  return [
    `${head.filter((part) => part !== '').join('  ')}  ${style.dim(`[${space.size} bytes]`)}\n`,
    describeConfig(space, style, context.options.verbose === true),
  ].join('');
}

/** Ids, class and name: the name as the databases here have it, else as the file does, which begins with the class. */
function titleOf(context: Context, { title }: ConfigDump, header: ConfigHeader | null): string {
  if (header === null) return title;
  const { vendorId, deviceId, className } = header;
  const { vendor, device } = context.names.pciName(vendorId, deviceId);
  // The databases have a name for this id too: that it is illegal.
  const named =
    vendor === null || vendorId === NO_VENDOR
      ? title
      : `${className ?? 'PCI device'}: ${vendor} ${device ?? `Device ${deviceId}`}`;
  return `${vendorId}:${deviceId}  ${named || className || 'PCI device'}`;
}
