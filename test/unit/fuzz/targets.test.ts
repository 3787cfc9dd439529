// Every parser with inputs that are made of its corpus: the same in each run. `npm run bench -- fuzz` makes a million for
// each, of those that led to code which had not run before; test/fuzz/corpus has what it kept.
import { readCorpus } from '../../fuzz/corpus';
import { fuzz } from '../../fuzz/fuzz';
import { GROUPS } from '../../fuzz/groups';
import { shownError } from '../../fuzz/shown-error';
import type { Target } from '../../fuzz/target';

const INPUTS = 3000;

describe.each(GROUPS)('%s', (group) => {
  const { targets } = require(`../../fuzz/targets/${group}`) as { targets: Target[] };

  test.each(targets.map((target) => [target.name, target] as const))('%s', (name, target) => {
    const corpus = readCorpus(name);
    const least = target.seeds.length + corpus.length;
    const inputs = least + Math.ceil(INPUTS / (target.oneIn ?? 1));
    expect(fuzz(target, { inputs, corpus, show: shownError }).inputs).toBe(inputs);
  });
});
