import { defineConfig, type Options } from 'tsup'

const shared: Options = { target: 'node20', sourcemap: true }

export default defineConfig([
  {
    ...shared,
    entry: [
      'src/index.ts',
      'src/sql/index.ts',
      'src/doctor/index.ts',
      'src/testing/index.ts',
      'src/telemetry/index.ts',
      'src/jobs/index.ts',
      'src/jobs/bullmq.ts',
      'src/jobs/pg-boss.ts',
      'src/jobs/graphile-worker.ts',
      'src/frameworks/express.ts',
      'src/frameworks/fastify.ts',
      'src/frameworks/hono.ts',
      'src/frameworks/nestjs.ts',
      'src/frameworks/next.ts',
      'src/frameworks/trpc.ts',
    ],
    format: ['esm', 'cjs'],
    dts: true,
    treeshake: true,
    // The command cleans up after itself.
    clean: ['!cli/**'],
  },
  // Nobody imports the command. What its commands need stays in files of their own, loaded when one of them runs.
  { ...shared, entry: { main: 'src/cli/main.ts' }, outDir: 'dist/cli', format: 'esm', clean: true },
])
