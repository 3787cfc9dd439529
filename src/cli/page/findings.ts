import type { Finding, Mend } from '../../doctor/check';
import { mendText } from '../devices/diagnosis';
import type { MachineReport } from './gather';
import { type Content, html, type Markup } from './html';
import {
  type Anchors,
  deviceLink,
  listed,
  type PageCell,
  type PageColumn,
  type PageTable,
  type Section,
} from './section';

const columns = (...titles: string[]): PageColumn[] => titles.map((title) => ({ title }));

interface Found {
  /** Address of the device; null: the machine. */
  address: string | null;
  finding: Finding;
}

/**
 * An interface that a kernel driver has is as it should be, and the USB tree shows it. Nor are the functions of kernel
 * drivers examined: `gather.ts`.
 */
const ORDINARY = 'interface-claimed';

/** The findings of `udrv doctor`: those that block a use, and folded all others and what could not be decided. */
export function findingsSection(report: MachineReport, anchors: Anchors): Section {
  const { diagnoses, unexamined, isRecorded } = report;
  const all = diagnoses
    .flatMap(({ device, findings }) =>
      findings.map((finding): Found => ({ address: device?.address ?? null, finding })),
    )
    .filter(({ finding }) => finding.id !== ORDINARY);
  const blocking = all.filter(({ finding }) => finding.severity === 'blocks');
  const others = all.filter(({ finding }) => finding.severity !== 'blocks');
  const parts: Section['parts'] = [
    blocking.length === 0
      ? html`<p>Nothing blocks a use of the machine, or of the devices that were examined.</p>`
      : findingTable('finding-table', 'Findings that block a use', blocking, anchors),
    ...(others.length === 0
      ? []
      : [
          {
            ...findingTable('other-table', 'Limits and notes', others, anchors),
            summary: `Limits and notes: ${others.length}`,
          },
        ]),
    ...unknownTable(report, anchors),
    ...(unexamined === 0
      ? []
      : [
          html`<p>Not examined, for want of time: ${unexamined} devices. <code>udrv doctor DEVICE</code> examines one.</p>`,
        ]),
    ...(isRecorded && all.length > 0 ? [html`<p>The commands are for the machine that was recorded.</p>`] : []),
    html`<p class="dim">Devices that a kernel driver has are not examined for it: <code>udrv doctor DEVICE</code> tells what it takes to give one to user space.</p>`,
  ];
  return { id: 'findings', title: 'Findings', count: all.length, parts };
}

function findingTable(id: string, label: string, found: readonly Found[], anchors: Anchors): PageTable {
  const rows = found.map((one) => findingRow(one, anchors));
  return { id, label, columns: columns('SEVERITY', 'SUBJECT', 'FINDING', 'REMEDY'), rows };
}

function findingRow({ address, finding }: Found, anchors: Anchors): PageCell[] {
  const { id, severity, seen, means, prevents, mend, proof } = finding;
  const facts = seen.map(({ path, value }) => html`<br><small>${path}: ${value}</small>`);
  const check = proof === null ? '' : html`<br><small>then <code>${proof}</code></small>`;
  return [
    { text: severity, meaning: severity === 'blocks' ? 'bad' : severity === 'limits' ? 'warning' : undefined },
    subject(address, anchors),
    html`<b>${id}</b> ${means} Prevents ${prevents}.${facts}`,
    html`${mend.length === 0 ? 'none known' : mend.map(mendMarkup)}${check}`,
  ];
}

function subject(address: string | null, anchors: Anchors): Markup {
  return html`${address === null ? 'machine' : deviceLink(address, anchors)}`;
}

/** Kernel arguments go together; of all others one is enough. */
function mendMarkup(mend: Mend, index: number, all: readonly Mend[]): Markup {
  const isTogether = mend.kind === 'kernel-argument' && all[index - 1]?.kind === 'kernel-argument';
  const before: Content = index === 0 ? '' : html`<br>${isTogether ? 'and' : 'or'} `;
  return html`${before}${mend.kind === 'command' ? html`<code>${mend.text}</code>` : mendText(mend)}`;
}

/** Lists the checks that could not be decided, each with the devices that it is about. */
function unknownTable({ diagnoses }: MachineReport, anchors: Anchors): PageTable[] {
  const checks = new Map<string, { about: string; reason: string; subjects: Markup[] }>();
  for (const { device, unknown } of diagnoses)
    for (const { about, reason } of unknown) {
      const key = JSON.stringify([about, reason]);
      const check = checks.get(key) ?? { about, reason, subjects: [] };
      checks.set(key, check);
      check.subjects.push(subject(device?.address ?? null, anchors));
    }
  if (checks.size === 0) return [];
  const rows = Array.from(checks.values(), ({ about, reason, subjects }): PageCell[] => [
    about,
    reason,
    listed(subjects),
  ]);
  return [
    {
      id: 'unknown-table',
      label: 'Checks that could not be decided',
      columns: columns('CHECK', 'REASON', 'SUBJECTS'),
      rows,
      summary: `Could not be decided: ${rows.length}`,
    },
  ];
}
