const project = (name) => ({
  displayName: name,
  testEnvironment: 'node',
  transform: { '\\.[tj]s$': '<rootDir>/test/esbuild-transform.cjs' },
  transformIgnorePatterns: [
    '/node_modules/(?!(chalk|string-width|strip-ansi|ansi-regex|get-east-asian-width|parse5|entities)/)',
  ],
  setupFiles: ['<rootDir>/test/setup.cjs'],
  testMatch: [`<rootDir>/test/${name}/**/*.test.ts`],
});

module.exports = {
  // Tests of seconds take many where two guests of the lab run beside them.
  testTimeout: 60_000,
  coverageProvider: 'v8',
  collectCoverageFrom: ['src/**/*.ts'],
  testSequencer: '<rootDir>/test/sequencer.cjs',
  reporters: ['default', '<rootDir>/test/summary-reporter.cjs'],
  projects: ['unit', 'conformance', 'cli', 'package', 'lab'].map(project),
};
