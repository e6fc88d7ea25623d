// The command as users run it: the built file, in a process of its own, in a project folder of its own.
import { type ChildProcess, spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Options } from 'tsup'
import configs from '../../tsup.config.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
// As deep as dist/cli, since the command reads package.json two folders up.
const BUILT = join(ROOT, '.tmp', `command-${process.pid}`)

let built: Promise<string> | undefined

/** Builds the command as it is published, once a test file. Answers with its file. */
export function buildCommand(): Promise<string> {
  built ??= (async () => {
    const options = (configs as Options[]).find(({ outDir }) => outDir === 'dist/cli')
    await build({ ...options, config: false, outDir: BUILT, silent: true, sourcemap: false })
    process.once('exit', () => rmSync(BUILT, { recursive: true, force: true }))
    return join(BUILT, 'main.js')
  })()
  return built
}

export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface TestProject {
  readonly folder: string
  /** Runs `tenancy …` there, without a terminal. */
  run(...args: string[]): Promise<Ran>
  runWith(env: Record<string, string>, ...args: string[]): Promise<Ran>
  /** The same, for somebody to interfere with. */
  start(env: Record<string, string>, ...args: string[]): Promise<ChildProcess>
  read(path: string): Promise<string>
  write(path: string, text: string): Promise<void>
  /** Every file with its contents, by its path. */
  files(): Promise<Record<string, string>>
  remove(): Promise<void>
}

/** What a command prints is compared, so nothing of this run's surroundings may get in. */
export function cleanEnvironment(env: Record<string, string> = {}): NodeJS.ProcessEnv {
  const { DATABASE_URL: _, TENANCY_DEBUG: __, FORCE_COLOR: ___, ...rest } = process.env
  return { ...rest, NO_COLOR: '1', ...env }
}

export async function newProject(files: Record<string, string>): Promise<TestProject> {
  const folder = await mkdtemp(join(tmpdir(), 'tenancy-project-'))
  const write = async (path: string, text: string): Promise<void> => {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
  for (const [path, text] of Object.entries(files)) await write(path, text)
  const start = async (env: Record<string, string>, ...args: string[]): Promise<ChildProcess> =>
    spawn(process.execPath, [await buildCommand(), ...args], {
      cwd: folder,
      env: cleanEnvironment(env),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  const runWith: TestProject['runWith'] = async (env, ...args) => finished(await start(env, ...args))
  return {
    folder,
    start,
    runWith,
    run: (...args) => runWith({}, ...args),
    read: (path) => readFile(join(folder, path), 'utf8'),
    write,
    async files() {
      const entries = await readdir(folder, { recursive: true, withFileTypes: true })
      const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
      const texts = paths.sort().map(async (path) => [relative(folder, path), await readFile(path, 'utf8')])
      return Object.fromEntries(await Promise.all(texts))
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

export function finished(child: ChildProcess): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const texts = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]?.setEncoding('utf8').on('data', (text: string) => (texts[name] += text))
    }
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, ...texts }))
  })
}
