// A processor that BullMQ runs in a process of its own: the job comes to it as JSON, and its error goes back as JSON.
import { currentTenant } from 'prisma-extension-tenancy'
import { tenantProcessor } from 'prisma-extension-tenancy/bullmq'

// BullMQ looks for the default export.
export default tenantProcessor(async () => currentTenant())
