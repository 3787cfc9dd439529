import type { IrqLine } from '../hardware/irq-line';
import type { Kernel } from './kernel';

const INIT = { pid: 1, command: 'init' };

/** Makes /proc: the first process, and the limits of the one that asks. */
export function installProcesses(kernel: Kernel): void {
  addProcess(kernel, INIT.pid, INIT.command);
  const limit = () => {
    const bytes = kernel.memory.locked.limit;
    return Number.isFinite(bytes) ? String(bytes) : 'unlimited';
  };
  const line = (name: string, soft: string, hard: string, unit: string) =>
    `${name.padEnd(25)} ${soft.padEnd(20)} ${hard.padEnd(20)} ${unit.padEnd(10)}\n`;
  file(kernel, '/proc/self/limits', () =>
    [line('Limit', 'Soft Limit', 'Hard Limit', 'Units'), line('Max locked memory', limit(), limit(), 'bytes')].join(''),
  );
}

/** Makes /proc/interrupts, of the lines that somebody handles: show_interrupts() in kernel/irq/proc.c, on one CPU. */
export function installInterrupts(kernel: Kernel, lines: () => Iterable<{ number: number; line: IrqLine }>): void {
  file(kernel, '/proc/interrupts', () => {
    const shared = new Map<number, { count: number; names: string[] }>();
    for (const { number, line } of lines()) {
      if (line.handledBy === null) continue;
      const { count, names } = shared.get(number) ?? { count: 0, names: [] };
      shared.set(number, { count: count + line.count, names: [...names, line.handledBy] });
    }
    const rows = [...shared].sort(([a], [b]) => a - b);
    const text = rows.map(([number, { count, names }]) => {
      const controller = `IR-IO-APIC ${String(number).padStart(3)}-fasteoi `;
      return `${String(number).padStart(3)}: ${String(count).padStart(10)}  ${controller}  ${names.join(', ')}\n`;
    });
    return `${' '.repeat(11)}CPU0       \n${text.join('')}NMI: ${'0'.padStart(10)}   Non-maskable interrupts\n`;
  });
}

/** Makes another process that has a node open. @returns the function that closes it and ends the process */
export function holdNode(kernel: Kernel, node: string, { pid, command }: { pid: number; command: string }): () => void {
  const entry = kernel.tree.find(node);
  const opener = entry === null ? undefined : kernel.openerOf(entry);
  if (opener === undefined) throw new RangeError(`${node} is no node that can be opened`);
  const opened = opener({ write: true, nonblock: false });
  kernel.descriptors.hold(opened);
  addProcess(kernel, pid, command);
  kernel.tree.set(`/proc/${pid}/fd/3`, { kind: 'link', target: node });
  return () => {
    kernel.tree.delete(`/proc/${pid}`);
    kernel.descriptors.put(opened);
  };
}

function addProcess(kernel: Kernel, pid: number, command: string): void {
  kernel.tree.mkdir(`/proc/${pid}/fd`);
  file(kernel, `/proc/${pid}/comm`, () => `${command}\n`);
  file(kernel, `/proc/${pid}/maps`, () => '');
}

function file(kernel: Kernel, path: string, content: () => string): void {
  kernel.tree.set(path, { kind: 'file', read: () => Buffer.from(content()) });
}
