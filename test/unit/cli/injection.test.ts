import { KILLED, killAtEach } from '../../injection/kills';
import { breachText, inject } from '../../injection/suite';
import { LOOKING, WORKING } from '../../injection/verbs';

// All of them: npm run bench -- inject.
const MOST = 5;

test.each([...WORKING, ...LOOKING])('no fault of a system call breaks a promise of udrv $line', async (verb) => {
  const { cases, breaches } = await inject(verb, { every: 7, most: MOST });
  expect(breaches.map(breachText)).toEqual([]);
  expect(cases).toBeGreaterThan(0);
});

test.each(KILLED)('udrv $next mends what udrv $line has left that was killed', async (killed) => {
  const { kills, breaches } = await killAtEach(killed);
  expect(breaches).toEqual([]);
  expect(kills).toBeGreaterThan(2);
});
