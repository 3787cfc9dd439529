import { describeInLab } from './jest';
import { type Ended, makeSuite } from './suite';

let suite: string;
beforeAll(() => {
  suite = makeSuite();
});

// The conformance suite, inside the guest: the same statements that the simulation is held to.
describeInLab('the conformance suite', (lab, kernel) => {
  test('holds on this kernel', async () => {
    const { stdout, stderr, code } = await lab().run(['node', suite], {
      env: { UDRV_TARGET: 'kernel' },
      timeoutMs: 420_000,
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const ended: Ended[] = JSON.parse(stdout);
    expect(ended.filter(({ status, errors }) => status !== 'done' || errors.length > 0)).toEqual([]);
    // Debian's kernel has no iommufd.
    expect(ended.length).toBeGreaterThan(kernel === 'stock' ? 250 : 300);
  }, 430_000);
});
