import { findDevice } from '../../devices/select';
import { Exit, UdrvError, usageError } from '../../errors';
import type { Region } from '../../model/device';
import { formatPciAddress, parsePciAddress } from '../../pci/address';
import { decodeConfig, readsAsOnes } from '../../pci/config/decode';
import { type ConfigDump, formatConfigRows, idsInTitle, parseConfigDump } from '../../pci/config/lspci-dump';
import type { ConfigHeader, ConfigSpace, FunctionIds } from '../../pci/config/types';
import { doesNotAnswer } from '../../pci/decoding-check';
import { inspectPciDetails } from '../../pci/function-details';
import { readConfigSpace } from '../../pci/sysfs-config';
import { readVpd, type VitalProductData } from '../../pci/vpd';
import { AttributeReader } from '../../sys/readers/attributes';
import { pciAddressOf } from '../devices/find';
import { findVfio, type OpenChoice, openVfio } from '../devices/vfio';
import type { ConfigSource, DecodedConfig, RawConfig, SystemFacts } from '../documents/devices';
import { describeConfig, describeSystem } from '../output/config';
import { json, visible } from '../output/escape';
import { isOnlyInspected } from '../output/hint';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { readInput } from '../program/input';
import { argument, missingArgument, openOptions, option } from '../program/options';
import { interruptible } from '../program/signals';
import { titleLine } from '../tables/facts';

export const command: VerbSpec = {
  description: 'decode the PCI configuration space of a function, whatever drives it, or of a file',
  arguments: [argument('[device]', 'any PCI function; with --file, the only one of the file to show', { type: 'pci' })],
  options: [
    option('--file <dump>', 'read what lspci -x, -xxx or -xxxx wrote, or a raw image; - is standard input'),
    option('--raw', 'the bytes, as lspci -xxxx prints them'),
    option('--open', 'open the device and decode what VFIO shows of it, instead of what sysfs has'),
    ...openOptions(),
  ],
  examples: ['vfio config 0000:00:03.0', 'vfio config 0000:01:00.0 --raw'],
  run: config,
};

interface ConfigOptions extends OpenChoice {
  file?: string;
  raw?: boolean;
  open?: boolean;
}

/** The most bytes in a file: 4096 functions with 4 KiB each, as lspci -vv -xxxx prints them. */
const LARGEST_DUMP = 64 * 1024 * 1024;

/** Sizes that a user without CAP_SYS_ADMIN gets: of the header alone, which is longer for a CardBus bridge. */
const UNPRIVILEGED_SIZES = [64, 128];

/** The vendor id of a virtual function of SR-IOV. Sysfs has the right one, which lspci takes from there. */
const NO_VENDOR = 'ffff';

const SCHEMA = 'udrv.config/1';

/** A space with the facts that the machine it comes from has beside it. */
interface Shown extends ConfigDump {
  ids?: FunctionIds | undefined;
  regions?: readonly Region[] | undefined;
  system?: SystemFacts | undefined;
  vpd?: VitalProductData | undefined;
}

async function config(
  context: Context,
  selector: string | undefined,
  options: ConfigOptions,
): Promise<number | undefined> {
  const { file, raw = false, open = false } = options;
  if (file !== undefined) {
    if (open) throw usageError('--file and --open', 'each say where the bytes come from: give one');
    const subject = file === '-' ? 'standard input' : file;
    const dumps = select(parseConfigDump(readInput(file, LARGEST_DUMP, context.options.timeout), subject), selector);
    if (context.options.json) printDocuments(context, dumps, raw);
    else context.page(dumps.map((dump) => text(context, dump, raw)).join('\n'));
    return undefined;
  }
  if (selector === undefined) throw missingArgument('device', '--file DUMP');
  const show = (dump: Shown, source: ConfigSource) => {
    if (context.options.json) context.printJson({ schema: SCHEMA, ...documentOf(dump, source, raw) });
    else context.page(text(context, dump, raw));
  };
  if (open) return interruptible(() => show(readOpened(context, selector, options), 'vfio'));
  show(readLive(context, selector, raw), 'sysfs');
  return undefined;
}

/** Reads the configuration space that a driver in user space sees: VFIO makes up registers, and hides capabilities. */
function readOpened(context: Context, selector: string, { raw, backend, vfToken }: ConfigOptions): ConfigDump {
  using device = openVfio(context, findVfio(context, selector), { backend, vfToken });
  const { address, name } = device.info;
  const registers = device.region('config');
  const bytes = Buffer.alloc(registers.info.size);
  let offset = 0;
  for (const word of registers.words({ offset, length: bytes.length }, 4))
    offset = bytes.writeUInt32LE(Number(word), offset);
  if (!raw && readsAsOnes(bytes)) throw doesNotAnswer(address, selector);
  const notes = [
    'as VFIO shows it to a driver in user space: BARs, command and some capabilities are not those of the bus',
  ];
  return { address, title: name, bytes, notes };
}

/** Reads the configuration space of a function through sysfs: it is not opened, and nothing is reset. */
function readLive(context: Context, selector: string, raw: boolean): Shown {
  const device = findDevice(context.sys, context.names, selector);
  const address = pciAddressOf(device, selector);
  const bytes = readConfigSpace(context.sys, address);
  if (!raw && readsAsOnes(bytes)) throw doesNotAnswer(address, selector);
  // A UIO device is named by its driver.
  const title = device.framework === 'uio' ? '' : device.name;
  const dump = {
    address,
    title,
    bytes,
    notes: UNPRIVILEGED_SIZES.includes(bytes.length) ? [truncated(context, bytes)] : [],
  };
  if (raw) return dump;
  const reader = new AttributeReader(context.sys);
  const { vendorId, deviceId, driver } = device;
  return {
    ...dump,
    ids: vendorId === null || deviceId === null ? undefined : { vendorId, deviceId },
    regions: 'pci' in device ? device.pci?.regions : undefined,
    system: { ...inspectPciDetails(reader, address), driver },
    vpd: readVpd(reader, address) ?? undefined,
  };
}

/** The kernel gives only the header to users without CAP_SYS_ADMIN in the first user namespace. */
function truncated({ options }: Context, { length }: Buffer): string {
  if (isOnlyInspected(options))
    return `truncated: the copy has only ${length} bytes, which is what the kernel gives to users other than root`;
  return process.geteuid?.() === 0
    ? `truncated: the kernel gives only ${length} bytes to a caller without CAP_SYS_ADMIN outside of any container`
    : 'truncated: run as root to read more than the header';
}

/** Picks the functions of a file that a selector names; all without one. */
function select(dumps: readonly ConfigDump[], selector: string | undefined): readonly ConfigDump[] {
  if (selector === undefined) return dumps;
  const parsed = parsePciAddress(selector);
  const wanted = parsed === null ? selector : formatPciAddress(parsed);
  const found = dumps.filter(({ address }) => address === wanted);
  if (found.length === 0)
    throw new UdrvError('no such function in the file', {
      code: 'ENODEV',
      exit: Exit.notFound,
      device: selector,
    });
  return found;
}

function decoded({ bytes, title, ids = idsInTitle(title), regions = [], notes }: Shown): ConfigSpace {
  const space = decodeConfig(bytes, ids);
  const { header } = space;
  // The kernel found the sizes of BARs when it placed them.
  if (header !== null && Array.isArray(header['bars']))
    header['bars'] = header['bars'].map((bar) => {
      const size = regions.find(({ name }) => name === bar.name)?.size;
      return size === undefined ? bar : { ...bar, size };
    });
  return { ...space, notes: [...notes, ...space.notes] };
}

function documentOf(shown: Shown, source: ConfigSource, raw: boolean): DecodedConfig | RawConfig {
  const { address, bytes, system, vpd } = shown;
  return raw
    ? { address, source, size: bytes.length, bytes: bytes.toString('hex') }
    : { address, source, ...decoded(shown), ...(system ? { system } : {}), ...(vpd ? { vpd } : {}) };
}

/** Prints one document, in pieces: a file can hold thousands of functions. */
function printDocuments(context: Context, dumps: readonly ConfigDump[], raw: boolean): void {
  const indent = context.stdout.isTTY ? 2 : undefined;
  for (const [i, dump] of dumps.entries())
    context.stdout.write(
      `${i === 0 ? `{"schema":"${SCHEMA}","devices":[` : ','}${json(documentOf(dump, 'file', raw), indent)}`,
    );
  context.stdout.write(']}\n');
}

function text(context: Context, dump: Shown, raw: boolean): string {
  const address = dump.address === null ? null : visible(dump.address);
  // A raw image has no address, and lspci needs one to read the rows.
  if (raw) return `${address ?? '0000:00:00.0'} ${visible(dump.title)}\n${formatConfigRows(dump.bytes)}`;
  const space = decoded(dump);
  const { style, width } = context;
  const title = titleOf(context, dump, space.header);
  const view = { style, width, verbose: context.options.verbose === true };
  return [
    titleLine([address ?? 'image', `${title === '' ? '' : `${title}  `}[${space.size} bytes]`], { style, width }),
    describeConfig(space, view),
    describeSystem(dump.system, dump.vpd, view),
  ].join('');
}

/** Returns ids, class and name: the name in the databases here, else the file's, which begins with the class. */
function titleOf(context: Context, { title }: ConfigDump, header: ConfigHeader | null): string {
  if (header === null) return title;
  const { vendorId, deviceId, className } = header;
  const { vendor, device } = context.names.pciName(vendorId, deviceId);
  // The databases have an entry for the missing vendor too, `Illegal Vendor ID`.
  const named =
    vendor === null || vendorId === NO_VENDOR
      ? title
      : `${className ?? 'PCI device'}: ${vendor} ${device ?? `Device ${deviceId}`}`;
  return `${vendorId}:${deviceId}  ${named || className || 'PCI device'}`;
}
