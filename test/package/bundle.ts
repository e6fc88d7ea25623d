// The source bundled as a user's bundler would: with the esbuild that tsup builds the package with, packages left outside.
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const require = createRequire(import.meta.url)
const { build } = createRequire(require.resolve('tsup'))('esbuild') as Esbuild

/** What is used of esbuild, which is tsup's dependency and not this project's. */
interface Esbuild {
  build(options: object): Promise<{
    outputFiles: { contents: Uint8Array }[]
    metafile: { outputs: Record<string, { imports: { path: string; kind: string; external?: boolean }[] }> }
  }>
}

export interface Bundle {
  readonly code: Uint8Array
  /** What stays an import once unused code is gone. One that waits until it is called reads `import('name')`. */
  readonly imports: readonly string[]
}

/** Bundles one file, by its path from the root of the repository. */
export async function bundle(file: string): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: fileURLToPath(new URL('../../', import.meta.url)),
    entryPoints: [file],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    metafile: true,
    write: false,
    logLevel: 'silent',
  })
  if (outputFiles[0] === undefined || outputFiles.length > 1) throw new Error(`${file} is not one bundle.`)
  const imports = Object.values(metafile.outputs).flatMap((output) => output.imports)
  const named = imports.map(({ path, kind }) => (kind === 'import-statement' ? path : `import('${path}')`))
  return { code: outputFiles[0].contents, imports: [...new Set(named)].sort() }
}
