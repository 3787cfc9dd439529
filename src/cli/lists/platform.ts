import type { BusDeviceInfo } from '../../bind/bus';
import type { List } from './column';

/** The columns of `list --type platform`. */
export const PLATFORM_LIST: List<BusDeviceInfo> = {
  name: 'list',
  columns: [
    { name: 'address', title: 'DEVICE', cell: ({ address }) => address },
    { name: 'bus', title: 'BUS', need: 3, cell: ({ bus }) => bus },
    { name: 'driver', title: 'DRIVER', need: 5, cell: ({ driver }) => driver ?? '-' },
    { name: 'driverOverride', title: 'OVERRIDE', need: 4, cell: ({ driverOverride }) => driverOverride ?? '-' },
    {
      name: 'iommuGroup',
      title: 'GROUP',
      need: 2,
      cell: ({ iommuGroup }) => (iommuGroup === null ? '-' : String(iommuGroup)),
      value: ({ iommuGroup }) => iommuGroup,
    },
    { name: 'modalias', title: 'MODALIAS', need: 1, cell: ({ modalias }) => modalias ?? '-' },
  ],
  more: () => [],
};
