import type { BusDeviceInfo } from '../../bind/bus';
import type { List } from './column';

/** The columns of `list --type platform`. */
export const PLATFORM_LIST: List<BusDeviceInfo> = {
  name: 'list',
  columns: [
    { name: 'address', title: 'DEVICE', cell: ({ address }) => address },
    { name: 'bus', title: 'BUS', need: 3, cell: ({ platform }) => platform.bus },
    { name: 'driver', title: 'DRIVER', need: 5, cell: ({ driver }) => driver ?? '-' },
    { name: 'driverOverride', title: 'OVERRIDE', need: 4, cell: ({ platform }) => platform.driverOverride ?? '-' },
    {
      name: 'iommuGroup',
      title: 'GROUP',
      need: 2,
      cell: ({ platform: { iommuGroup } }) => (iommuGroup === null ? '-' : String(iommuGroup)),
      value: ({ platform }) => platform.iommuGroup,
    },
    { name: 'modalias', title: 'MODALIAS', need: 1, cell: ({ platform }) => platform.modalias ?? '-' },
  ],
  more: () => [],
};
