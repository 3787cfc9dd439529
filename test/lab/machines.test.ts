import { answersOf, CASES, lineOf, readPage, saidOf } from './answers';
import { bootLab, type Lab } from './lab';

/** A boot, on a busy host. */
const BOOT_MS = 130_000;
const TEST_MS = 300_000;

const { UDRV_LAB: wanted = '' } = process.env;
const isLab = wanted !== '' && wanted !== '0';
const cases = isLab ? CASES.filter(({ kernel }) => wanted === '1' || wanted === kernel) : CASES;
const described = isLab ? describe : describe.skip;
/** Debian goes on to the next release while the page stays: its answers have to stay too. */
const withoutRelease = (line: string) => line.replace(/^(\| \S+ \|) [\d.]+ /, '$1 - ');

described.each(cases)('the machine $machine with the kernel $kernel', (wanted) => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await bootLab({ processors: 1, ...wanted });
  }, BOOT_MS);
  afterAll(() => lab?.shutdown());

  test(
    'answers as MACHINES.md has it',
    async () => {
      const answers = await answersOf(lab, wanted);
      const comparable = wanted.kernel === 'newer' ? withoutRelease : (line: string) => line;
      expect(readPage().split('\n').map(comparable)).toContain(comparable(lineOf(answers)));
      if (answers.said !== '') expect(readPage()).toContain(saidOf(answers));
    },
    TEST_MS,
  );
});
