import { describeInLab } from './jest';

interface Report {
  numPassedTests: number;
  testResults: { message: string; assertionResults: { fullName: string; status: string }[] }[];
}

// The conformance suite, inside the guest: the same statements that the simulation is held to.
describeInLab('the conformance suite', (lab) => {
  test('holds on this kernel', async () => {
    const { stdout, stderr, code } = await lab().run(
      'node node_modules/jest/bin/jest.js --selectProjects conformance --runInBand --json --reporters=default --cacheDirectory "$HOME/jest"',
      { env: { UDRV_TARGET: 'kernel' }, timeoutMs: 420_000 },
    );
    const report: Report = stdout === '' ? { numPassedTests: 0, testResults: [] } : JSON.parse(stdout);
    const results = report.testResults.flatMap((file) => file.assertionResults);
    expect(results.filter(({ status }) => status !== 'passed').map(({ fullName }) => fullName)).toEqual([]);
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    expect(results.length).toBeGreaterThan(30);
  }, 430_000);
});
