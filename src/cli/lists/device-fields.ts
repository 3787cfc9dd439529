import type { DeviceInfo } from '../../model/device';
import type { ListColumn, Value } from './column';

/** The fields of a device in JSON, each of which can be a column. Those of an array of objects are not. */
const FIELDS = {
  '': ['vendorId', 'deviceId', 'drivers', 'errors'],
  uio: ['version', 'eventCount', 'irq', 'parent', 'parentBus', 'parentDevice', 'pciName', 'links', 'regions'],
  vfio: ['group', 'cdev', 'viable', 'blockers', 'groupDevices'],
  pci: ['class', 'className', 'revision', 'subsystem', 'regions', 'iommuGroup', 'driverOverride', 'numaNode'],
  usb: [
    'bus',
    'device',
    'ports',
    'speedMbps',
    'usbVersion',
    'class',
    'manufacturer',
    'product',
    'serial',
    'authorized',
    'configuration',
    'interfaces',
  ],
} as const;

/** Returns a column for each field of a device that the usual columns do not show by its name. */
export function fieldColumns(
  frameworks: readonly (keyof typeof FIELDS)[] = ['', 'uio', 'vfio', 'pci', 'usb'],
): ListColumn<DeviceInfo>[] {
  return frameworks.flatMap((framework) =>
    FIELDS[framework].map((field) => fieldColumn<DeviceInfo>(framework === '' ? field : `${framework}.${field}`)),
  );
}

/** Returns the column of a field. @param path its name with those of the objects around it, in the item */
export function fieldColumn<T>(name: string, path: string = name): ListColumn<T> {
  const keys = path.split('.');
  const value = (item: T) => valueIn(item, keys);
  return {
    name,
    title: (name.split('.').at(-1) ?? name).toUpperCase(),
    cell: (item) => textOf(value(item)),
    value,
  };
}

function valueIn(item: unknown, keys: readonly string[]): Value {
  let found = item;
  for (const key of keys) found = (found as Record<string, unknown> | undefined)?.[key];
  if (Array.isArray(found)) return found.map(nameOf);
  return typeof found === 'string' || typeof found === 'number' || typeof found === 'boolean' ? found : null;
}

/** Returns what an object in a list is known by. */
function nameOf(item: unknown): string | number {
  if (typeof item !== 'object' || item === null) return item as string | number;
  const { name, number, path, command, start } = item as Record<string, string | number>;
  return name ?? number ?? path ?? command ?? start ?? '';
}

function textOf(value: Value): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return (Array.isArray(value) ? value.join(',') : String(value ?? '')) || '-';
}
