// A server process that never outlives this one, whichever way this one ends.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import type { ServerUser } from './server-user.js'

export interface GuardedProcess {
  stop(): Promise<void>
}

// The shell is the server's parent and reads from a pipe whose other end is ours alone. When this process ends, by SIGKILL
// too, the pipe closes, `read` returns, the server is stopped and its folder removed. QUIT, since nobody needs the data;
// TERM as well, since a shell starts background jobs with QUIT ignored until the server sets a handler of its own.
const GUARD = `
folder=$1; shift
exec 3<&0
"$@" 3<&- & server=$!
{ read -r _ <&3; kill -QUIT $server; kill -TERM $server; } 2>/dev/null & guard=$!
wait $server
kill $guard 2>/dev/null
rm -rf "$folder"
`

const START_TIMEOUT_MS = 30_000

/**
 * Runs `command` in `folder`, which is removed when the process ends, and waits until `ready` says so: it is asked every
 * 10 ms and given what was logged so far. Answers `{ log }` where the process ended instead.
 */
export async function startGuarded(options: {
  readonly command: readonly string[]
  readonly folder: string
  readonly user: ServerUser
  readonly ready: (log: string) => boolean | Promise<boolean>
}): Promise<GuardedProcess | { readonly log: string }> {
  const { command, folder, user, ready } = options
  const output = await open(join(folder, 'log'), 'w+')
  try {
    // A session of its own (`detached`): Ctrl+C in a terminal reaches us, and the server only through the pipe.
    const guard = spawn('/bin/sh', ['-c', GUARD, 'guard', folder, ...command], {
      ...user,
      cwd: folder,
      detached: true,
      stdio: ['pipe', output.fd, output.fd],
    })
    await once(guard, 'spawn')
    const ended = once(guard, 'exit')
    // A run that forgets to stop its server still ends; the pipe does the rest.
    guard.unref()
    const stop = async (): Promise<void> => {
      guard.ref()
      guard.stdin?.destroy()
      await ended
    }
    const deadline = Date.now() + START_TIMEOUT_MS
    while (guard.exitCode === null && Date.now() < deadline) {
      if (await ready(await textOf(output))) return { stop }
      await sleep(10)
    }
    await stop()
    return { log: (await textOf(output)).trim() }
  } finally {
    await output.close()
  }
}

/** Reads by position: the process writes through the same open file, and an open file outlives its folder. */
async function textOf(file: FileHandle): Promise<string> {
  const buffer = Buffer.alloc(64 * 1024)
  const { bytesRead } = await file.read(buffer, 0, buffer.length, 0)
  return buffer.toString('utf8', 0, bytesRead)
}
