// Imports point one way: errors ← tenant ← context ← { pool, sql } ← extension. See npm run check.
/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    { name: 'errors-import-nothing', severity: 'error', from: { path: '^src/errors\\.ts$' }, to: { path: '^src/' } },
    { name: 'sql-stands-alone', severity: 'error', from: { path: '^src/sql/' }, to: { path: '^src/', pathNot: '^src/(sql/|errors|setting-name|show-value)' } },
    { name: 'gate-stands-alone', severity: 'error', from: { path: '^src/gate/' }, to: { path: '^src/', pathNot: '^src/(gate/|errors)' } },
    { name: 'context-knows-no-database', severity: 'error', from: { path: '^src/(context|tenant)\\.ts$' }, to: { path: '^src/', pathNot: '^src/(errors|tenant|show-value)' } },
    { name: 'pool-knows-no-extension', severity: 'error', from: { path: '^src/pool/' }, to: { path: '^src/(extension|scope-requests|scoped-client|portable|index)' } },
    { name: 'nobody-imports-an-index', severity: 'error', from: { path: '^src/' }, to: { path: '/index[.]ts$', pathNot: 'node_modules' } },
    { name: 'source-imports-no-test', severity: 'error', from: { path: '^src/' }, to: { path: '^(test|examples|bench|scripts)/' } },
    { name: 'peers-only', severity: 'error', from: { path: '^src/' }, to: { path: 'node_modules', pathNot: 'node_modules/(pg|@types/pg|@prisma/client)/' } },
  ],
  options: { doNotFollow: { path: 'node_modules' }, tsPreCompilationDeps: true, tsConfig: { fileName: 'tsconfig.json' } },
}
