// Run by slow-network.ts: [host, port] of the server. Ends when its parent lets go of it, or ends.
import { startFlightProxy } from '../test/support/flight-proxy.js'

const [host = '', port] = process.argv.slice(2)
const proxy = await startFlightProxy({ host, port: Number(port), delayMs: 1 })
// It keeps a list of all statements, which nobody reads here.
setInterval(() => proxy.reset(), 1000)
process.once('disconnect', () => process.exit())
process.send?.({ port: proxy.port })
