// An example as its users start it: a process of its own.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { ROOT } from './companies-database.js'

export interface ExampleProcess {
  /** Where it listens, on a port that the system chose. */
  readonly url: string
  /** What it has printed so far, errors included. */
  printed(): string
  /** SIGTERM, as whoever deploys it sends; resolves to how it ended. */
  stop(): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
  /** Where a test has failed: ends it at once if it is still there. */
  kill(): void
}

/** Starts `node …args` in the root of the repository; `listening` finds the port in what it prints. */
export async function startExample(
  args: readonly string[],
  { env, listening }: { readonly env: Readonly<Record<string, string>>; readonly listening: RegExp },
): Promise<ExampleProcess> {
  const child = spawn(process.execPath, [...args], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let printed = ''
  const port = await new Promise<string>((resolve, reject) => {
    const hear = (chunk: string): void => {
      printed += chunk
      const port = listening.exec(printed)?.[1]
      if (port !== undefined) resolve(port)
    }
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', hear)
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`The example ended with ${code} and was to listen:\n${printed}`)))
  })
  return {
    url: `http://127.0.0.1:${port}`,
    printed: () => printed,
    async stop() {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      const [code, signal] = await ended
      return { code, signal }
    },
    kill() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    },
  }
}

/** The arguments that run a TypeScript file. */
export const typescript = (file: string): string[] => ['--import', import.meta.resolve('tsx'), file]
