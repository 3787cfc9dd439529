/** The HID descriptor, which announces report and physical descriptors: HID 1.11, chapter 6.2.1. */
import { bcd16, counted, groups, layout, u8, u16, x8 } from '../layout';
import { oneOf } from '../meaning';

/** The countries by bCountryCode. */
const COUNTRIES: readonly string[] = [
  'not localized',
  'Arabic',
  'Belgian',
  'Canadian bilingual',
  'Canadian French',
  'Czech Republic',
  'Danish',
  'Finnish',
  'French',
  'German',
  'Greek',
  'Hebrew',
  'Hungary',
  'international (ISO)',
  'Italian',
  'Japan (Katakana)',
  'Korean',
  'Latin American',
  'Dutch',
  'Norwegian',
  'Persian (Farsi)',
  'Poland',
  'Portuguese',
  'Russia',
  'Slovakia',
  'Spanish',
  'Swedish',
  'Swiss French',
  'Swiss German',
  'Switzerland',
  'Taiwan',
  'Turkish Q',
  'UK',
  'US',
  'Yugoslavia',
  'Turkish F',
];

export const HID = layout(
  'hid',
  'HID',
  u8('bLength'),
  x8('bDescriptorType'),
  bcd16('bcdHID'),
  u8('bCountryCode', (value) => COUNTRIES[value] ?? null),
  u8('bNumDescriptors'),
  groups(
    'descriptors',
    counted('bNumDescriptors'),
    x8('bDescriptorType', oneOf({ 34: 'report', 35: 'physical' })),
    u16('wDescriptorLength'),
  ),
);
