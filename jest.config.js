// One jest project per suite, so that `npm test -- --selectProjects unit` runs one of them.
/** @param {string} name */
const suite = (name) => ({
  displayName: name,
  testMatch: [`<rootDir>/test/${name}/**/*.test.ts`],
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2024' },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
});

/** @type {import('jest').Config} */
export default {
  projects: ['unit', 'wire', 'engine', 'images', 'ci'].map(suite),
  collectCoverageFrom: ['src/**/*.ts'],
  coverageDirectory: 'coverage',
};
