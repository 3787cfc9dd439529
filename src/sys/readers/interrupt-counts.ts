/** A line of numbered interrupts: `29:  250  0  IR-PCI-MSIX-0000:00:07.0  0-edge  xhci_hcd`. Others, `NMI:`, are not devices'. */
const NUMBERED = /^\s*(\d{1,10}):((?:\s+\d+)+)/;

/**
 * Reads /proc/interrupts: the counts of each interrupt line since it was set up, all CPUs together. The first line names
 * the CPUs, a column each; behind the columns stand the controller and who handles it (Linux fs/proc/interrupts.c,
 * show_interrupts() in kernel/irq/proc.c). A line that is none is left out.
 */
export function parseInterruptCounts(text: string): Map<number, number> {
  const [heading = '', ...lines] = text.split('\n');
  const cpus = (heading.match(/\bCPU\d+/g) ?? []).length;
  const counts = new Map<number, number>();
  for (const line of lines) {
    const match = NUMBERED.exec(line);
    if (match?.[2] === undefined) continue;
    // A controller's name may begin with a number, and is no count.
    const columns = match[2].trim().split(/\s+/).slice(0, cpus).map(Number);
    counts.set(
      Number(match[1]),
      columns.reduce((sum, count) => sum + count, 0),
    );
  }
  return counts;
}
