import type { Option } from 'commander';
import { option } from '../program/options';

/** The options of every list, as commander gives them. */
export interface ListView {
  columns?: string;
  sort?: string;
  filter?: string;
  headings?: boolean;
}

/** Makes the options of every list. */
export function listOptions(): Option[] {
  return [
    option('-o, --columns <list>', 'the columns to show; +COLUMN adds to the usual ones'),
    option('--sort <column>', 'order by this column; -COLUMN or COLUMN:desc from the end'),
    option('--filter <expression>', "only rows for which this holds: 'driver=vfio-pci && access!=none'"),
    option('--no-headings', 'leave out the line of headings'),
  ];
}
