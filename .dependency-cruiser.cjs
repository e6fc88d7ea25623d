// Imports point one way. The library: errors ← tenant ← context ← { pool, sql } ← extension. The command:
// errors ← sql ← schema ← migration ← online ← cli. See npm run check.
const command = '^src/(schema|migration|online|cli)/'
const words = 'errors|diagnostics|show-value|setting-name'

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    { name: 'errors-import-nothing', severity: 'error', from: { path: '^src/errors\\.ts$' }, to: { path: '^src/', pathNot: '^src/diagnostics[.]ts$' } },
    { name: 'diagnostics-import-nothing', severity: 'error', from: { path: '^src/diagnostics[.]ts$' }, to: { path: '^src/' } },
    { name: 'telemetry-knows-the-context', severity: 'error', from: { path: '^src/telemetry/' }, to: { path: '^src/', pathNot: `^src/(telemetry/|context\\.ts|configured-clients\\.ts|tenant\\.ts|seal-key\\.ts|${words})` } },
    { name: 'telemetry-is-asked-for', severity: 'error', from: { path: '^src/', pathNot: '^src/telemetry/' }, to: { path: '^src/telemetry/' } },
    { name: 'telemetry-needs-nobody', severity: 'error', from: { path: '^src/telemetry/' }, to: { path: 'node_modules' } },
    { name: 'sql-stands-alone', severity: 'error', from: { path: '^src/sql/' }, to: { path: '^src/', pathNot: `^src/(sql/|${words})` } },
    { name: 'doctor-knows-sql', severity: 'error', from: { path: '^src/doctor/' }, to: { path: '^src/', pathNot: `^src/(doctor/|sql/|${words})` } },
    { name: 'doctor-needs-nobody', severity: 'error', from: { path: '^src/doctor/' }, to: { path: 'node_modules' } },
    { name: 'only-the-catalog-is-read', severity: 'error', from: { path: '^src/doctor/', pathNot: '^src/doctor/(doctor|evaluate|read-catalog)[.]ts$' }, to: { path: '^src/doctor/catalog-sql[.]ts$' } },
    { name: 'rules-see-facts', severity: 'error', from: { path: '^src/doctor/rules/' }, to: { path: '^src/doctor/(catalog-sql|read-catalog|evaluate|doctor|gather-facts)[.]ts$', dependencyTypesNot: ['type-only'] } },
    { name: 'gate-stands-alone', severity: 'error', from: { path: '^src/gate/' }, to: { path: '^src/', pathNot: '^src/(gate/|errors|diagnostics)' } },
    { name: 'context-knows-no-database', severity: 'error', from: { path: '^src/(context|configured-clients|tenant|tenant-name)\\.ts$' }, to: { path: '^src/', pathNot: '^src/(errors|diagnostics|tenant|show-value|configured-clients|across/(use|access)[.]ts)' } },
    { name: 'pool-knows-no-extension', severity: 'error', from: { path: '^src/pool/' }, to: { path: '^src/(extension|scope-requests|scoped-client|scoped-value|replicas|portable|index)' } },
    { name: 'testing-uses-the-client', severity: 'error', from: { path: '^src/testing/' }, to: { path: '^src/', pathNot: `^src/(testing/|sql/|context\\.ts|configured-clients\\.ts|tenant\\.ts|database-answers\\.ts|prisma-internals\\.ts|${words})` } },
    { name: 'testing-knows-no-runner', severity: 'error', from: { path: '^src/testing/' }, to: { path: 'node_modules', pathNot: 'node_modules/(pg|@types/pg)/' } },
    { name: 'frameworks-know-the-context', severity: 'error', from: { path: '^src/frameworks/' }, to: { path: '^src/', pathNot: `^src/(frameworks/|context\\.ts|configured-clients\\.ts|tenant\\.ts|${words})` } },
    { name: 'nothing-knows-a-framework', severity: 'error', from: { path: '^src/', pathNot: '^src/frameworks/' }, to: { path: '^src/frameworks/' } },
    { name: 'a-framework-of-its-entry', severity: 'error', from: { path: '^src/frameworks/(?!(express|fastify|hono|nestjs|next|trpc)[.]ts)' }, to: { path: 'node_modules' } },
    { name: 'frameworks-loaded-at-run-time', severity: 'error', from: { path: '^src/frameworks/(express|fastify|hono)[.]ts' }, to: { path: 'node_modules', dependencyTypesNot: ['type-only'] } },
    { name: 'schema-knows-no-migration', severity: 'error', from: { path: '^src/schema/' }, to: { path: '^src/', pathNot: `^src/(schema/|sql/|tenant\\.ts|${words})` } },
    { name: 'migration-knows-no-database', severity: 'error', from: { path: '^src/migration/' }, to: { path: '^src/', pathNot: `^src/(migration/|schema/|sql/|${words})` } },
    { name: 'online-knows-no-schema', severity: 'error', from: { path: '^src/online/' }, to: { path: '^src/', pathNot: `^src/(online/|migration/|sql/|${words})` } },
    { name: 'jobs-know-the-context', severity: 'error', from: { path: '^src/jobs/' }, to: { path: '^src/', pathNot: `^src/(jobs/|context\\.ts|configured-clients\\.ts|tenant\\.ts|tenant-name\\.ts|seal-key\\.ts|sql/quote\\.ts|${words})` } },
    { name: 'queues-are-types-only', severity: 'error', from: { path: '^src/jobs/' }, to: { path: 'node_modules', dependencyTypesNot: ['type-only'] } },
    { name: 'library-loads-no-command', severity: 'error', from: { path: '^src/', pathNot: command }, to: { path: command } },
    { name: 'nobody-imports-an-index', severity: 'error', from: { path: '^src/' }, to: { path: '/index[.]ts$', pathNot: 'node_modules' } },
    { name: 'source-imports-no-test', severity: 'error', from: { path: '^src/' }, to: { path: '^(test|examples|bench|scripts)/' } },
    { name: 'peers-only', severity: 'error', from: { path: '^src/', pathNot: [command, '^src/(frameworks|jobs)/'] }, to: { path: 'node_modules', pathNot: 'node_modules/(pg|@types/pg|@prisma/client)/' } },
    { name: 'schema-reads-through-prisma', severity: 'error', from: { path: '^src/schema/' }, to: { path: 'node_modules', pathNot: 'node_modules/@prisma/prisma-schema-wasm/' } },
    { name: 'migration-needs-nobody', severity: 'error', from: { path: '^src/migration/' }, to: { path: 'node_modules' } },
    { name: 'online-shows-progress', severity: 'error', from: { path: '^src/online/' }, to: { path: 'node_modules', pathNot: 'node_modules/(pg|@types/pg|cli-progress|@types/cli-progress)/' } },
    { name: 'command-talks', severity: 'error', from: { path: '^src/cli/' }, to: { path: 'node_modules', pathNot: 'node_modules/(pg|@types/pg|commander|@clack/prompts|picocolors)/' } },
  ],
  options: { doNotFollow: { path: 'node_modules' }, tsPreCompilationDeps: true, tsConfig: { fileName: 'tsconfig.json' } },
}
