import type { DeviceInfo } from '../model/device';
import type { AttributeReader } from '../sys/readers/attributes';
import { nodeChains, type SysDevice } from './chain';
import { matchRule, readValue, termsText, type Verdict } from './match';
import { isMatch, parseRules, RULES, type Rule, type Term, termText } from './rules-file';

/** Directories of rules, the strongest first: a file of the same name in a later one is not read (udev(7)). */
const DIRECTORIES = [
  RULES,
  '/run/udev/rules.d',
  '/usr/local/lib/udev/rules.d',
  '/usr/lib/udev/rules.d',
  '/lib/udev/rules.d',
];

/** The file that acts on the tag `uaccess`: a rule after it tags in vain. */
const SEAT_LATE = '73-seat-late.rules';

/** Keys of old, and those that are used in their place. */
const OBSOLETE = new Map([
  ['BUS', 'SUBSYSTEM'],
  ['SYSFS', 'ATTR'],
  ['ID', 'KERNEL'],
]);

/** Rules that give a device to somebody, or would if they were right. */
export interface RuleReport {
  path: string;
  line: number;
  /** Whether it is for this device; null: it depends on what sysfs does not tell. */
  matches: boolean | null;
  gives: string;
  /** Reasons why it does not do what was meant. */
  problems: string[];
}

export interface RulesReport {
  rules: RuleReport[];
  /** Directories and files that could not be read. */
  unread: string[];
  /** Whether there was any directory of rules: there is none in a container without udev, or a snapshot. */
  found: boolean;
}

/** Reads udev's rules and reports those that mean a device: the ones that give it to somebody, and the ones that fail to. */
export function checkRules(reader: AttributeReader, device: DeviceInfo): RulesReport {
  const { files, found, ignored } = findFiles(reader);
  const chains = nodeChains(reader, device);
  const groups = readGroups(reader);
  const reports: RuleReport[] = [];
  for (const path of files) {
    const text = reader.bytes(path)?.toString('utf8');
    if (text === undefined) continue;
    for (const rule of followed(reader, parseRules(path, text), chains)) {
      const report = inspectRule(reader, rule, device, chains, groups);
      if (report !== null) reports.push(report);
    }
  }
  for (const path of ignored) reports.push(...ignoredFile(reader, path, device));
  markOverridden(reports);
  return { rules: reports, unread: reader.errors.map(({ path, code }) => `${path} (${code})`), found };
}

function findFiles(reader: AttributeReader): { files: string[]; ignored: string[]; found: boolean } {
  const byName = new Map<string, string>();
  const ignored: string[] = [];
  let found = false;
  for (const directory of DIRECTORIES) {
    const names = reader.names(directory);
    found ||= names.length > 0;
    for (const name of names)
      if (!name.endsWith('.rules')) ignored.push(`${directory}/${name}`);
      else if (!byName.has(name)) byName.set(name, `${directory}/${name}`);
  }
  const files = [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, path]) => path);
  return { files, ignored: ignored.filter((path) => path.startsWith('/etc/')), found };
}

/** Leaves out what a GOTO of the file jumps over for this device. */
function followed(reader: AttributeReader, rules: readonly Rule[], chains: readonly SysDevice[][]): Rule[] {
  const kept: Rule[] = [];
  let label: string | undefined;
  for (const rule of rules) {
    if (label !== undefined) {
      if (!rule.terms.some(({ key, value }) => key === 'LABEL' && value === label)) continue;
      label = undefined;
    }
    const jump = rule.terms.find(({ key }) => key === 'GOTO');
    if (jump === undefined) kept.push(rule);
    else if (chains.length > 0 && chains.every((chain) => matchRule(reader, rule, chain).is === 'yes'))
      label = jump.value;
  }
  return kept;
}

function inspectRule(
  reader: AttributeReader,
  rule: Rule,
  device: DeviceInfo,
  chains: readonly SysDevice[][],
  groups: ReadonlySet<string> | null,
): RuleReport | null {
  const gives = rule.terms.filter(isGift);
  const compared = rule.terms.filter((term) => isOwnership(term.key) && isMatch(term));
  if (gives.length === 0 && compared.length === 0) return null;
  const obsolete = rule.terms.find(({ key }) => OBSOLETE.has(key));
  const mistakes = [
    ...compared.map((term) => `${termText(term)} compares and does not set: write ${term.key}="${term.value}"`),
    ...(obsolete === undefined ? [] : [`${obsolete.key} is no key of udev any more: ${OBSOLETE.get(obsolete.key)} is`]),
  ];
  // Udev leaves out a line with a mistake, and it was meant to match without.
  const meant = { ...rule, terms: rule.terms.filter((term) => !compared.includes(term)) };
  const verdicts = chains.map((chain) => matchRule(reader, meant, chain));
  const hit = verdicts.find(({ is }) => is === 'yes') ?? verdicts.find(({ is }) => is === 'unknown');
  if (hit === undefined && !means(rule, device)) return null;
  if (obsolete !== undefined && !means(rule, device)) return null;
  const problems = [
    ...mistakes,
    ...(hit === undefined ? whyNot(reader, chains, verdicts) : []),
    ...giftProblems(rule, gives, groups),
  ];
  // Rules of the distribution that are for all devices of a kind are only of interest where they apply.
  if (hit === undefined && problems.length === 0) return null;
  const matches = hit === undefined || mistakes.length > 0 ? false : hit.is === 'yes' ? true : null;
  return { path: rule.path, line: rule.line, matches, gives: termsText(gives), problems };
}

function isOwnership(key: string): boolean {
  return key === 'GROUP' || key === 'OWNER' || key === 'MODE';
}

function isGift(term: Term): boolean {
  return !isMatch(term) && (isOwnership(term.key) || (term.key === 'TAG' && term.value === 'uaccess'));
}

/** Returns an id without what people write differently: capitals, and 0x in front. */
const bare = (text: string): string => text.toLowerCase().replace(/^0x/, '');

/** Tells whether a rule names this device, however wrongly: by its ids, its address or its name. */
function means({ terms }: Rule, device: DeviceInfo): boolean {
  const named = terms.filter(isMatch).map(({ value }) => bare(value));
  const has = (value: string | null) => value !== null && named.includes(value.toLowerCase());
  if (device.vendorId !== null && device.deviceId !== null && has(device.vendorId) && has(device.deviceId)) return true;
  return has(device.address) || (device.framework === 'uio' && has(device.uio.parentDevice));
}

/** Says what fails for the first node that a rule is not for. */
function whyNot(reader: AttributeReader, chains: readonly SysDevice[][], verdicts: readonly Verdict[]): string[] {
  for (const [i, verdict] of verdicts.entries())
    if (verdict.is === 'no') return verdict.failed.map((term) => reasonOf(reader, term, chains[i] ?? []));
  return [];
}

function reasonOf(reader: AttributeReader, term: Term, chain: readonly SysDevice[]): string {
  const text = termText(term);
  const own = term.key.replace(/S$/, '');
  const values = chain.map((device) => readValue(reader, own, term.attribute, device));
  const alike = values.find((value) => value !== '' && value !== term.value && bare(value) === bare(term.value));
  if (alike !== undefined) return `${text} is compared as text, and it is "${alike}"`;
  const atParent = values.slice(1).includes(term.value);
  if (term.key === own && atParent && ['ATTR', 'DRIVER', 'KERNEL', 'SUBSYSTEM'].includes(own))
    return `${text} is of a parent: write ${own}S`;
  if (term.key !== own && values.includes(term.value))
    return `${text} and the other terms ending in S are not of the same parent`;
  const actual = values[0];
  return actual === undefined || actual === '' ? `${text}: the device has none` : `${text}: it is "${actual}"`;
}

function giftProblems({ path }: Rule, gives: readonly Term[], groups: ReadonlySet<string> | null): string[] {
  const problems: string[] = [];
  const name = path.slice(path.lastIndexOf('/') + 1);
  for (const { key, value } of gives) {
    if (key === 'TAG' && name > SEAT_LATE)
      problems.push(`the tag uaccess is set after ${SEAT_LATE} has looked for it: name the file 70-...rules`);
    if (key === 'GROUP' && groups?.has(value) === false && !/^\d+$/.test(value))
      problems.push(`there is no group ${value}: sudo groupadd --system ${/^[\w-]+$/.test(value) ? value : 'NAME'}`);
    if (key === 'MODE' && /^0?[0-7]{3}$/.test(value) && (Number.parseInt(value, 8) & 0o060) === 0o040)
      problems.push(`MODE="${value}" lets the group read and not write`);
  }
  return problems;
}

/** Returns the names of the groups in /etc/group; null where it cannot be read. Others may come from elsewhere (nsswitch.conf). */
function readGroups(reader: AttributeReader): Set<string> | null {
  const text = reader.text('/etc/group');
  return text === null ? null : new Set(text.split('\n').map((line) => line.split(':', 1)[0] ?? ''));
}

/** A file that does not end in `.rules` is not read by udev. */
function ignoredFile(reader: AttributeReader, path: string, device: DeviceInfo): RuleReport[] {
  const text = reader.bytes(path)?.toString('utf8') ?? '';
  const rule = parseRules(path, text).find((one) => one.terms.some(isGift) && means(one, device));
  if (rule === undefined) return [];
  return [
    {
      path,
      line: rule.line,
      matches: false,
      gives: termsText(rule.terms.filter(isGift)),
      problems: ['udev reads only files whose name ends in .rules'],
    },
  ];
}

/** Says of a rule that gives the device to a group that a later one gives it to another. */
function markOverridden(reports: readonly RuleReport[]): void {
  const effective = reports.filter(({ matches, gives }) => matches === true && gives.includes('GROUP'));
  for (const [i, report] of effective.entries()) {
    const later = effective.slice(i + 1).findLast(({ gives }) => groupIn(gives) !== groupIn(report.gives));
    if (later !== undefined && report.path.startsWith('/etc/'))
      report.problems.push(`${later.path}:${later.line} gives it to another group afterwards`);
  }
}

function groupIn(gives: string): string | undefined {
  return /GROUP:?="([^"]*)"/.exec(gives)?.[1];
}
