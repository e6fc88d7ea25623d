// npm run check: format and lint, types, imports, package. Every step runs, and the first failure decides the exit code.
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const require = createRequire(import.meta.url)

const steps = [
  // What src, tests and examples import must exist before their types can be checked.
  ['clients', ['scripts/generate-clients.mjs']],
  ['format and lint', bin('@biomejs/biome', 'biome', 'check', '--error-on-warnings')],
  ['types', bin('typescript', 'tsc', '-p', '.', '--noEmit')],
  ['imports', bin('dependency-cruiser', 'depcruise', 'src', '--config', '.dependency-cruiser.cjs')],
  ['build', bin('tsup', 'tsup', '--silent')],
  ['error names', ['scripts/check-error-names.mjs']],
  ['publint', bin('publint', 'publint', 'run', '--strict')],
  // The node10 resolution, which ends with Node 12, knows no exports and cannot find the entry /sql.
  ['types as published', bin('@arethetypeswrong/cli', 'attw', '--pack', '.', '--profile', 'node16', '--no-emoji')],
]

let failed
for (const [name, command] of steps) {
  const start = performance.now()
  const { code, output } = await run(command)
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name.padEnd(20)} ${seconds.padStart(5)} s`)
  if (code !== 0) console.log(`\n${output.trimEnd()}\n`)
  if (code !== 0) failed ??= { name, code }
}
console.log(failed ? `\ncheck failed, first in: ${failed.name}` : '\ncheck passed')
process.exitCode = failed ? 1 : 0

/** The command of an installed package, by its file: no shell, no PATH, no download. */
function bin(name, command, ...args) {
  // By path: not every package exports its package.json.
  const folder = join(root, 'node_modules', name)
  const { bin: commands } = require(join(folder, 'package.json'))
  return [join(folder, typeof commands === 'string' ? commands : commands[command]), ...args]
}

function run([file, ...args]) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [file, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
    child.on('error', (error) => resolve({ code: 1, output: String(error) }))
    child.on('close', (code) => resolve({ code: code ?? 1, output }))
  })
}
