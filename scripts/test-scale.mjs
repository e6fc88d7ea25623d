// npm run test:scale: the tests with as many rounds as a night has room for. Arguments go to vitest.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url))
const child = spawn(process.execPath, [vitest, 'run', ...process.argv.slice(2)], {
  cwd: fileURLToPath(new URL('..', import.meta.url)),
  env: { ...process.env, TENANCY_SCALE: 'full' },
  stdio: 'inherit',
})
child.on('close', (code) => {
  process.exitCode = code ?? 1
})
