import { defineConfig } from 'prisma/config'

export default defineConfig({ schema: 'test/support/schema.prisma' })
