import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  resolve: {
    // Exact matches: without them the first alias would also swallow the entries below it.
    alias: [
      { find: /^prisma-extension-tenancy$/, replacement: at('src/index.ts') },
      { find: /^prisma-extension-tenancy\/sql$/, replacement: at('src/sql/index.ts') },
      { find: /^prisma-extension-tenancy\/testing$/, replacement: at('src/testing/index.ts') },
      { find: /^prisma-extension-tenancy\/doctor$/, replacement: at('src/doctor/index.ts') },
      { find: /^prisma-extension-tenancy\/telemetry$/, replacement: at('src/telemetry/index.ts') },
      {
        find: /^prisma-extension-tenancy\/(express|fastify|hono|nestjs|next|trpc)$/,
        replacement: at('src/frameworks/$1.ts'),
      },
      { find: /^prisma-extension-tenancy\/jobs$/, replacement: at('src/jobs/index.ts') },
      { find: /^prisma-extension-tenancy\/(bullmq|pg-boss|graphile-worker)$/, replacement: at('src/jobs/$1.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    // A process a file: AsyncLocalStorage, pools and the environment are never shared between test files.
    pool: 'forks',
    // Two, also on two cores: a test waits for its server as often as it computes.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
})
