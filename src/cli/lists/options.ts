import type { Option } from 'commander';
import { option } from '../program/options';

/** The options of every list, as commander gives them. */
export interface ListView {
  columns?: string;
  sort?: string;
  filter?: string;
  headings?: boolean;
}

/** Makes the options of every list. @param example a filter that fits it */
export function listOptions(example: string): Option[] {
  return [
    option(
      '-o, --columns <list>',
      'the columns to show; +COLUMN adds to the usual ones; LISTS in udrv man tells their names',
    ),
    option('--sort <column>', 'order by this column; -COLUMN or COLUMN:desc from the end'),
    option(
      '--filter <expression>',
      `only rows for which this holds: COLUMN=VALUE, ~ for a part or pattern, <, !COLUMN for none, as '${example}'; LISTS in udrv man`,
    ),
    option('--no-headings', 'leave out the line of headings'),
  ];
}
