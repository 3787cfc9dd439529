import type { Finding, Mend, Severity } from '../../doctor/check';
import type { Diagnosis } from '../../doctor/diagnose';
import type { DoctorDocument } from '../documents/administration';
import { visible } from '../output/escape';
import { completeHint, type MachineOptions, nameMachine } from '../output/hint';
import type { Style } from '../output/style';
import type { Context } from '../program/context';
import { wrapWords } from '../tables/text-width';

/** Returns the document of `doctor --json`. */
export function diagnosisDocument(
  { device, purpose, findings, unknown, checked }: Diagnosis,
  machine: MachineOptions,
): DoctorDocument {
  return {
    schema: 'udrv.doctor/1',
    machine: kindOf(machine),
    device,
    purpose,
    findings: findings.map((finding) => typed(finding, machine)),
    unknown,
    checked,
  };
}

function kindOf({ sim, snapshot, sysroot, host }: MachineOptions): DoctorDocument['machine'] {
  if (host !== undefined) return 'remote';
  return snapshot !== undefined || sysroot !== undefined ? 'recorded' : sim ? 'simulated' : 'this';
}

/** Completes the commands for the machine; those that the simulated one does not have are left out. */
function typed(finding: Finding, machine: MachineOptions): Finding {
  const mend = finding.mend.flatMap((one): Mend[] => {
    if (one.kind !== 'command') return [one];
    const text = completed(one.text, machine);
    return text === null ? [] : [{ ...one, text }];
  });
  return { ...finding, mend, proof: finding.proof === null ? null : completed(finding.proof, machine) };
}

/** Commands for another machine stay as they are typed there, which is not on this one. */
function completed(text: string, machine: MachineOptions): string | null {
  switch (kindOf(machine)) {
    case 'simulated':
      return /^(?:sudo )?udrv /.test(text) ? nameMachine(text, machine) : null;
    case 'recorded':
    case 'remote':
      return completeHint(text, {}, false) ?? null;
    case 'this':
      return completeHint(text, {}, process.geteuid?.() === 0) ?? null;
  }
}

/** Columns of prose: a terminal of 80, and lines of commands are as long as they are. */
const COLUMNS = 79;
const LABEL = 9;
const INDENT = '   ';

/** Describes a diagnosis: the findings, first things first; notes only with `--verbose`. */
export function diagnosisText({ options, style }: Context, diagnosis: Diagnosis): string {
  const subject = subjectOf(diagnosis);
  const notes = diagnosis.findings.filter(({ severity }) => severity === 'note').length;
  const shown = diagnosis.findings.filter(({ severity }) => options.verbose || severity !== 'note');
  const lines: string[] = [];
  const { findings } = diagnosis;
  if (findings.some(({ severity }) => severity === 'blocks')) lines.push(style.heading(`${subject}: blocked`));
  else if (shown.length > 0) lines.push(style.heading(`${subject}: nothing blocks it; ${shown.length} to know`));
  else lines.push(...wrapped(healthy(subject, diagnosis, notes), '', INDENT));
  for (const [index, finding] of shown.entries())
    lines.push('', ...findingLines(index + 1, typed(finding, options), style));
  if (shown.length > 0 && kindOf(options) === 'recorded')
    lines.push('', 'The commands are for the machine that was recorded, not for this one.');
  if (shown.length > 0 && notes > 0 && !options.verbose) lines.push('', `${noteText(notes)} more: -v shows them`);
  if (!options.quiet && diagnosis.unknown.length > 0) {
    lines.push('');
    for (const { about, reason } of diagnosis.unknown) lines.push(...wrapped(`not known: ${about}: ${reason}`, '', ''));
  }
  return lines.map((line) => `${line}\n`).join('');
}

function subjectOf({ device, purpose }: Diagnosis): string {
  const use = purpose === null ? '' : ` for ${purpose.toUpperCase()}`;
  return `${device === null ? 'this machine' : visible(device.address)}${use}`;
}

function healthy(subject: string, { checked }: Diagnosis, notes: number): string {
  return `${subject}: nothing is in the way${notes === 0 ? '' : ` (${noteText(notes)}: -v)`}; checked: ${checked.join(', ')}`;
}

const noteText = (count: number) => (count === 1 ? '1 note' : `${count} notes`);

function findingLines(number: number, finding: Finding, style: Style): string[] {
  const paint: Record<Severity, (text: string) => string> = {
    blocks: style.bad,
    limits: style.warning,
    note: style.dim,
  };
  const { id, severity, seen, means, prevents, mend, proof } = finding;
  const row = (label: string, text: string) =>
    wrapped(text, `${INDENT}${label.padEnd(LABEL)} `, ' '.repeat(INDENT.length + LABEL + 1));
  const whole = (label: string, text: string) => [`${INDENT}${label.padEnd(LABEL)} ${visible(text)}`];
  return [
    `${String(number).padEnd(INDENT.length)}${id}  ${paint[severity](severity)}`,
    ...wrapped(means, INDENT, INDENT),
    ...seen.flatMap(({ path, value }, i) => whole(i === 0 ? 'seen' : '', `${path}: ${value}`)),
    ...row('prevents', prevents),
    ...mend.flatMap((one, i) => {
      const label = i === 0 ? 'mend' : isTogether(mend, i) ? 'and' : 'or';
      return one.kind === 'command' ? whole(label, one.text) : row(label, mendText(one));
    }),
    ...(proof === null ? [] : whole('proof', proof)),
  ];
}

/** Kernel arguments go together. */
function isTogether(mend: readonly Mend[], index: number): boolean {
  return mend[index]?.kind === 'kernel-argument' && mend[index - 1]?.kind === 'kernel-argument';
}

export function mendText(mend: Mend): string {
  if (mend.kind !== 'kernel-argument') return mend.text;
  return `boot ${mend.action === 'add' ? 'with' : 'without'} ${mend.text}`;
}

/** Wraps prose. @param first and @param next stand before the first line and the others */
function wrapped(text: string, first: string, next: string): string[] {
  return wrapWords(visible(text).split(' '), COLUMNS - next.length).map(
    (line, i) => `${i === 0 ? first : next}${line}`,
  );
}
