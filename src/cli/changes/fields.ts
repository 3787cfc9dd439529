import { extractField } from '../../model/location';
import type { NamedRegister } from '../../regmap/model';
import type { Word } from '../../sys/sys';
import { hex } from '../../text/hex';
import { visible } from '../output/escape';
import { bitsText } from '../registers/bits';

/** A field whose value is another than it was, with the meanings that its map gives; null: none. */
export interface ChangedField {
  name: string;
  bits: string;
  before: string;
  after: string;
  meaningBefore: string | null;
  meaningAfter: string | null;
}

/** Lists the fields of a register that two values of it differ in. */
export function changedFields({ fields }: NamedRegister, before: Word, after: Word): ChangedField[] {
  const { fieldMeaning } = require('../../regmap') as typeof import('../../regmap');
  return fields.flatMap((field) => {
    const [was, is] = [extractField(before, field), extractField(after, field)];
    if (was === is) return [];
    return {
      name: field.name,
      bits: bitsText(field),
      before: hex(was),
      after: hex(is),
      meaningBefore: fieldMeaning(field, was),
      meaningAfter: fieldMeaning(field, is),
    };
  });
}

/** Formats changed fields: `IRQ_WHEN_DONE off -> on`. */
export function changedFieldsText(fields: readonly ChangedField[]): string {
  const value = (text: string, meaning: string | null) => (meaning === null ? text : visible(meaning));
  return fields
    .map(({ name, ...one }) => {
      const [before, after] = [value(one.before, one.meaningBefore), value(one.after, one.meaningAfter)];
      return `${visible(name)} ${before} -> ${after}`;
    })
    .join(', ');
}
