const project = (name) => ({
  displayName: name,
  testEnvironment: 'node',
  transform: { '\\.[tj]s$': '<rootDir>/test/esbuild-transform.cjs' },
  transformIgnorePatterns: ['/node_modules/(?!chalk/)'],
  testMatch: [`<rootDir>/test/${name}/**/*.test.ts`],
});

module.exports = {
  // A lab is one QEMU that mostly waits for its guest: on two processors jest would run one at a time.
  ...(process.env.UDRV_LAB ? { maxWorkers: '100%' } : {}),
  coverageProvider: 'v8',
  collectCoverageFrom: ['src/**/*.ts'],
  reporters: ['default', '<rootDir>/test/summary-reporter.cjs'],
  projects: ['unit', 'conformance', 'cli', 'lab'].map(project),
};
