import { checkDocuments } from '../schemas/check';
import { type BootOptions, bootLab, KERNELS, type Kernel, type Lab, type RunResult, USUAL_KERNELS } from './lab';

export interface LabOptions extends Omit<BootOptions, 'kernel'> {
  /**
   * For tests that take many minutes: the kernel that they run on where both are asked for, or `named` for those that run
   * only on a kernel that is asked for by its name.
   */
  long?: Kernel | 'named';
}

/**
 * A `describe` for each kernel that the environment asks for: UDRV_LAB=1 (both), `stock` or `built`. One guest is
 * booted for all the tests in it, with what `boot` adds; `lab` gives it to them. Without UDRV_LAB the tests are shown as skipped.
 */
export function describeInLab(
  title: string,
  define: (lab: () => Lab, kernel: Kernel) => void,
  { long, ...options }: LabOptions = {},
): void {
  const kernels = wantedKernels(long);
  jest.setTimeout(TEST_MS);
  if (kernels.length === 0) {
    const unavailable = () => {
      throw new Error('there is no lab');
    };
    describe.skip(`${title} (set UDRV_LAB to ${long === 'named' ? 'stock or built' : '1'} to boot the lab)`, () =>
      define(unavailable, 'built'));
  }
  for (const kernel of kernels) {
    describe(`${title} (${kernel} kernel)`, () => {
      let lab: Lab;
      beforeAll(async () => {
        lab = await bootLab({ processors: 1, ...options, kernel, onRun: checkDocumentsOfUdrv });
      }, BOOT_MS);
      afterAll(() => lab?.shutdown());
      define(() => lab, kernel);
    });
  }
}

/** Other programs in the guest, such as jest, have a `--json` of their own. */
function checkDocumentsOfUdrv(command: readonly string[], printed: RunResult): void {
  if (/\budrv\b/.test(command.join(' '))) checkDocuments(command, printed);
}

/** A guest under software emulation, on a busy machine, takes its time. */
const TEST_MS = 120_000;
/** More than `bootLab` waits, so that its error is the one that is shown. */
const BOOT_MS = 130_000;

function wantedKernels(long: LabOptions['long']): readonly Kernel[] {
  const { UDRV_LAB: wanted = '' } = process.env;
  if (wanted === '' || wanted === '0') return [];
  if (wanted === '1') return long === undefined ? USUAL_KERNELS : long === 'named' ? [] : [long];
  const kernel = KERNELS.find((name) => name === wanted);
  if (!kernel) throw new Error(`UDRV_LAB is ${wanted}: expected 1, ${KERNELS.join(' or ')}`);
  return [kernel];
}
