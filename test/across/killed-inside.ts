// Run as a process of its own: reads across tenants, says so, and waits to be killed.
import { openAcross } from './open-across.js'

const [appUrl = '', bypassUrl = '', reason = ''] = process.argv.slice(2)
const { prisma } = openAcross('pool', { appUrl, bypassUrl })
await prisma.$acrossTenants({ reason }, async () => {
  console.log(await prisma.project.count())
  await new Promise((resolve) => setTimeout(resolve, 60_000))
})
