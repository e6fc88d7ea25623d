// A network of 1 ms in each direction, in a process of its own: its work must not be the measured process's work.
import { fork } from 'node:child_process'
import { once } from 'node:events'

export interface SlowNetwork {
  readonly port: number
  stop(): Promise<void>
}

export async function startSlowNetwork(server: { host: string; port: number }): Promise<SlowNetwork> {
  const child = fork(new URL('slow-network-process.ts', import.meta.url), [server.host, String(server.port)])
  const exited = once(child, 'exit')
  const answer = await Promise.race([once(child, 'message'), exited.then(() => undefined)])
  if (answer === undefined) throw new Error('The proxy that delays the network did not start.')
  const [{ port }] = answer as [{ port: number }]
  return {
    port,
    async stop() {
      if (child.connected) child.disconnect()
      await exited
    },
  }
}
