// `npm run bench`: prepares what bench/main.ts stands on and runs it. Options: npm run bench -- --help
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { tsImport } from 'tsx/esm/api'

const root = fileURLToPath(new URL('..', import.meta.url))
const require = createRequire(import.meta.url)

const { generatePrismaClient } = await tsImport('../test/support/prisma-client.ts', import.meta.url)
await generatePrismaClient()

// The library is measured as it is published. Run from src, tsx would name every closure with Object.defineProperty,
// on each call and in our code alone.
const tsup = join(dirname(require.resolve('tsup/package.json')), 'dist/cli-default.js')
run([tsup, '--format', 'esm', '--no-dts', '--silent', '--out-dir', 'generated/bench-package'])
const args = process.argv.slice(2)
const main = args[0] === '--frameworks' ? ['bench/frameworks.ts', ...args.slice(1)] : ['bench/main.ts', ...args]
run(
  // Young garbage is collected between two measurements, so that nobody pays for the contestant before him.
  ['--expose-gc', '--import', 'tsx', ...main],
  { TSX_TSCONFIG_PATH: join(root, 'bench/tsconfig.measured.json') },
)

function run(args, env = {}) {
  const { status, signal, error } = spawnSync(process.execPath, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  })
  if (error) throw error
  if (signal) process.kill(process.pid, signal)
  if (status !== 0) process.exit(status ?? 1)
}
