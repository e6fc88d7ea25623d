// PostgreSQL and PgBouncer refuse to run as root: whom they run as instead.
import { readFile } from 'node:fs/promises'

/** What `child_process.spawn` takes; empty where this process is not root and its own user will do. */
export interface ServerUser {
  readonly uid?: number
  readonly gid?: number
}

/** The user `postgres` where there is one, else `nobody`: initdb wants a uid that has a name, and creating one is not ours. */
export async function serverUser(): Promise<ServerUser> {
  if (process.getuid?.() !== 0) return {}
  const accounts = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'))
  for (const wanted of ['postgres', 'nobody']) {
    const account = accounts.find(([name]) => name === wanted)
    if (account) return { uid: Number(account[2]), gid: Number(account[3]) }
  }
  throw new Error(
    'PostgreSQL does not run as root, and there is no user `postgres` or `nobody`: add one, or run as another user.',
  )
}
