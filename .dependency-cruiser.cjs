// The import direction that ARCHITECTURE.md draws: commands → workflows → domain ← adapters.
const pure = '^src/(hierarchy|plan)/';
const adapters = '^src/(ecr|engine|registry)/';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'commands-call-workflows',
      comment: 'A command parses, makes one call and renders; what talks to Docker is behind a workflow.',
      severity: 'error',
      from: { path: '^src/commands/' },
      to: { path: adapters, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'workflows-know-no-terminal',
      severity: 'error',
      from: { path: '^src/workflows/' },
      to: { path: '^(src/(commands|report)/|node_modules/(listr2|@oclif)/)' },
    },
    {
      name: 'domain-is-pure',
      comment: 'The domain neither does I/O nor knows who uses it.',
      severity: 'error',
      from: { path: pure },
      to: {
        path: '^(src/(commands|workflows|report|engine|registry|context)/|node:(fs|net|http|https|child_process)|fs|net|http|https|child_process)',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'dockerode-lives-in-engine',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/engine/' },
      to: { path: '^node_modules/(dockerode|docker-modem|@grpc/grpc-js|protobufjs)/' },
    },
    {
      name: 'aws-lives-in-ecr',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/ecr/' },
      to: { path: '^node_modules/@aws-sdk/' },
    },
    {
      name: 'adapters-stay-below',
      severity: 'error',
      from: { path: '^src/(ecr|engine|registry|context|contract|project|artifacts|proof|evidence|release)/' },
      to: { path: '^src/(commands|workflows|report)/' },
    },
    {
      name: 'src-knows-no-test',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench|scripts)/' },
    },
  ],
  options: {
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      extensions: ['.ts', '.js', '.json'],
    },
  },
};
