// The package as users get it: built, packed, and unpacked into a project of its own, where npm would put it.
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export interface InstalledPackage {
  /** The project that it is installed in. */
  readonly project: string
  readonly folder: string
  /** Gives the project what the command depends on. */
  addDependencies(): Promise<void>
  /** Gives the project these packages, as npm would have where they were asked for. */
  add(...names: string[]): Promise<void>
  /** Runs a module in the project with nothing but Node: `.mjs` or `.cjs` by its name. Answers with what it printed. */
  run(name: string, source: string): Promise<string>
  remove(): Promise<void>
}

export async function installPackage(): Promise<InstalledPackage> {
  const work = await mkdtemp(join(tmpdir(), 'tenancy-package-'))
  const source = join(work, 'source')
  const project = join(work, 'project')
  await Promise.all([mkdir(source), mkdir(project)])
  // Built beside the checkout, whose own dist somebody may be using.
  for (const file of await readdir(ROOT)) {
    if (/^(?:package\.json|tsconfig\.json|tsup\.config\.ts|src|[A-Z]+(?:\.md)?)$/.test(file)) {
      await cp(join(ROOT, file), join(source, file), { recursive: true })
    }
  }
  await symlink(join(ROOT, 'node_modules'), join(source, 'node_modules'))
  await run(process.execPath, [join(ROOT, 'node_modules/tsup/dist/cli-default.js'), '--silent'], { cwd: source })
  await npm(source, 'pack', '--pack-destination', work)
  const tarball = (await readdir(work)).find((file) => file.endsWith('.tgz'))
  if (tarball === undefined) throw new Error('npm pack made no tarball.')
  await writeFile(join(project, 'package.json'), '{ "name": "project", "private": true }')
  // npm itself would ask its registry for what the command depends on. Nothing is downloaded here.
  const folder = join(project, 'node_modules/prisma-extension-tenancy')
  await mkdir(folder, { recursive: true })
  await run('tar', ['-xzf', join(work, tarball), '-C', folder, '--strip-components=1'])
  const link = (name: string): Promise<void> =>
    symlink(join(ROOT, 'node_modules', name), join(project, 'node_modules', name))
  // The peers are those of the checkout. What only the command needs is not there yet.
  await mkdir(join(project, 'node_modules/@prisma'))
  for (const peer of ['pg', '@prisma/client', '@prisma/adapter-pg']) await link(peer)
  return {
    project,
    folder,
    async addDependencies() {
      const { dependencies } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
      await mkdir(join(project, 'node_modules/@clack'))
      for (const name of Object.keys(dependencies)) await link(name)
    },
    async add(...names) {
      for (const name of names) {
        await mkdir(dirname(join(project, 'node_modules', name)), { recursive: true })
        await link(name)
      }
    },
    async run(name, text) {
      await writeFile(join(project, name), text)
      const { stdout } = await run(process.execPath, [join(project, name)], { cwd: project })
      return stdout
    },
    remove: () => rm(work, { recursive: true, force: true }),
  }
}

async function npm(cwd: string, ...args: string[]): Promise<void> {
  await run('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd,
    shell: process.platform === 'win32',
  })
}
