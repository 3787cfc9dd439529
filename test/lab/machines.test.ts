import { answersOf, CASES, lineOf, readPage, saidOf } from './answers';
import { bootLab, type Lab, USUAL_KERNELS } from './lab';

/** A boot, on a busy host. */
const BOOT_MS = 130_000;
const TEST_MS = 300_000;

const { UDRV_LAB: wanted = '' } = process.env;
const isUsual = (kernel: string) => USUAL_KERNELS.some((usual) => usual === kernel);
const cases = CASES.filter(({ kernel }) => (wanted === '1' ? isUsual(kernel) : wanted === kernel));

if (cases.length === 0)
  describe.skip('the machines of the lab (set UDRV_LAB to 1 to boot them)', () => test('answer', () => {}));

describe.each(cases)('the machine $machine with the kernel $kernel', (wanted) => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await bootLab({ processors: 1, ...wanted });
  }, BOOT_MS);
  afterAll(() => lab?.shutdown());

  test(
    'answers as MACHINES.md has it',
    async () => {
      const answers = await answersOf(lab, wanted);
      expect(readPage().split('\n')).toContain(lineOf(answers));
      if (answers.said !== '') expect(readPage()).toContain(saidOf(answers));
    },
    TEST_MS,
  );
});
