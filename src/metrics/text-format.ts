import type { Family, Labels } from './family';

/** `prometheus` is the text format 0.0.4, which node_exporter's textfile collector reads. */
export type TextFormat = 'prometheus' | 'openmetrics';

/**
 * Writes metrics as text (prometheus.io, Exposition formats; OpenMetrics 1.0). The two formats differ in what a counter
 * is called beside its samples, with `_total` or without, and in the last line.
 *
 * @param clean takes from a label's value what must not reach a terminal
 */
export function formatMetrics(
  families: readonly Family[],
  format: TextFormat,
  clean: (value: string) => string = (value) => value,
): string {
  const isOpen = format === 'openmetrics';
  const lines: string[] = [];
  for (const { name, type, help, samples } of families) {
    if (samples.length === 0) continue;
    const title = isOpen && type === 'counter' ? name.replace(/_total$/, '') : name;
    lines.push(`# HELP ${title} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`, `# TYPE ${title} ${type}`);
    for (const { labels, value } of samples) lines.push(`${name}${labelText(labels, clean)} ${value}`);
  }
  if (isOpen) lines.push('# EOF');
  return lines.map((line) => `${line}\n`).join('');
}

function labelText(labels: Labels, clean: (value: string) => string): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(clean(value))}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
