import type { OutputStream } from '../../../src/cli/output/stream';
import { buildProgram } from '../../../src/cli/parser/program';
import { KILLED, killAtEach } from '../../injection/kills';
import { breachText, inject } from '../../injection/suite';
import { LOOKING, WITHOUT_LINE, WORKING } from '../../injection/verbs';
import { verbsOf } from '../../support/verbs';

// All of them: npm run bench -- inject.
const MOST = 5;

const ALL = [...WORKING, ...LOOKING];

test('each command has a line, or a reason why it has none', () => {
  const stream = { isTTY: false, write() {} } as unknown as OutputStream;
  const verbs = verbsOf(buildProgram(stream, stream, {}, true).program);
  // The longest name counts: bench is another command than bench report.
  const named = ALL.map(({ line }) => verbs.filter((verb) => `${line} `.startsWith(`${verb} `)).at(-1));
  expect(verbs.filter((verb) => !named.includes(verb)).sort()).toEqual(Object.keys(WITHOUT_LINE).sort());
});

test.each(ALL.filter(({ imports }) => !imports))(
  'no fault of a system call breaks a promise of udrv $line',
  async (verb) => {
    const { cases, breaches } = await inject(verb, { every: 7, most: MOST });
    expect(breaches.map(breachText)).toEqual([]);
    expect(cases).toBeGreaterThan(0);
  },
);

test.each(KILLED)('udrv $next mends what udrv $line has left that was killed', async (killed) => {
  const { kills, breaches } = await killAtEach(killed);
  expect(breaches).toEqual([]);
  expect(kills).toBeGreaterThan(2);
});
