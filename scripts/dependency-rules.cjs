/** The layers of src/: which folder may import which, type imports included. */
const layers = {
  base: [],
  host: ['base'],
  fs: ['base'],
  kv: ['base', 'host'],
  cas: ['base', 'host', 'kv'],
  meta: ['base', 'fs', 'kv'],
  volume: ['base', 'host', 'fs', 'kv', 'cas', 'meta'],
  rebac: ['base', 'kv'],
  identity: ['base', 'kv'],
  vfs: ['base', 'fs'],
  access: ['base', 'fs', 'rebac', 'identity'],
  fuse: ['base', 'host', 'fs'],
  api: ['base', 'fs', 'vfs'],
  app: ['base', 'host', 'fs', 'kv', 'cas', 'meta', 'volume', 'rebac', 'identity', 'access', 'vfs', 'fuse', 'api'],
  cli: ['base', 'host', 'api'],
};

/** A driver package belongs to the one file that speaks its language. */
const drivers = {
  'classic-level|level': '^src/kv/',
  'sorted-btree': '^src/kv/',
  '@napi-rs/blake-hash|blake3': '^src/cas/hash\\.ts$',
  commander: '^src/cli/',
  '@openfga/syntax-transformer': '^src/rebac/',
  '@marcbachmann/cel-js': '^src/rebac/',
};

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    ...Object.entries(layers).map(([folder, allowed]) => ({
      name: `layer-${folder}`,
      severity: 'error',
      from: { path: `^src/${folder}/` },
      to: { path: '^src/', pathNot: `^src/(${[folder, ...allowed].join('|')})/` },
    })),
    {
      name: 'known-folders',
      comment: 'Every source file lives in a folder with a rule.',
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/(${Object.keys(layers).join('|')})/` },
      to: {},
    },
    ...Object.entries(drivers).map(([packages, owner]) => ({
      name: `driver-${packages.replace(/[^a-z0-9]+/g, '-')}`,
      severity: 'error',
      from: { path: '^src/', pathNot: owner },
      to: { path: `^node_modules/(${packages})/` },
    })),
    { name: 'no-tests-in-src', severity: 'error', from: { path: '^src/' }, to: { path: '^test/' } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'types'] },
  },
};
