/** Names and values that tell the samples of a metric apart. A value may hold any character. */
export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  labels: Labels;
  value: number;
}

/** A metric as Prometheus has it, with its samples. The name of a counter ends in `_total`. */
export interface Family {
  name: string;
  type: 'gauge' | 'counter';
  help: string;
  samples: Sample[];
}

/** Returns the samples of several machines by metric, with a label `host`; those of one metric have to stand together. */
export function merged(machines: readonly { host: string; families: readonly Family[] }[]): Family[] {
  const all = new Map<string, Family>();
  for (const { host, families } of machines)
    for (const family of families) {
      const samples = family.samples.map(({ labels, value }) => ({ labels: { host, ...labels }, value }));
      const known = all.get(family.name);
      if (known === undefined) all.set(family.name, { ...family, samples });
      else known.samples.push(...samples);
    }
  return [...all.values()];
}
