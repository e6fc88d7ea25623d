// The names of exported error classes once a minifier has renamed the classes: each entry as it is built, bundled as a
// user's bundler would, and loaded. A logger that reads `error.name`, or its class's, must find what README calls it.
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const require = createRequire(import.meta.url)
const { build } = createRequire(require.resolve('tsup'))('esbuild')

/** Code, message and details of an error, in whichever order its class takes them. */
const anything = Object.assign(new String('text'), { hint: 'hint' })
/** What another class's constructor takes. */
const given = { IsolationError: [{ leaks: [] }, { model: '', attack: '', what: '', reproduction: '', cause: '' }] }

const { exports: entries } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
// Beneath the root: what the bundles leave outside is looked up from where they lie.
await mkdir(join(root, 'generated'), { recursive: true })
const folder = await mkdtemp(join(root, 'generated/.minified-'))
const wrong = []
let classes = 0
try {
  for (const [entry, { import: target }] of Object.entries(entries)) {
    if (target === undefined) continue
    const outfile = join(folder, `${entry.replace(/\W/g, '_')}.mjs`)
    const entryPoints = [join(root, target.default)]
    await build({
      entryPoints,
      outfile,
      bundle: true,
      minify: true,
      format: 'esm',
      platform: 'node',
      packages: 'external',
      logLevel: 'error',
    })
    for (const [name, Class] of Object.entries(await import(pathToFileURL(outfile).href))) {
      if (typeof Class !== 'function' || !(Class.prototype instanceof Error)) continue
      classes += 1
      const error = new Class(...(given[name] ?? [anything, anything, anything]))
      for (const found of [error.name, Class.name]) {
        if (found !== name) wrong.push(`${entry}: ${name} calls itself ${found}`)
      }
    }
  }
} finally {
  await rm(folder, { recursive: true, force: true })
}
if (classes === 0) wrong.push('No entry exports an error class.')
if (wrong.length > 0) console.error([...new Set(wrong)].join('\n'))
process.exitCode = wrong.length > 0 ? 1 : 0
