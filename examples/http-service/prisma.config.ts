import { defineConfig } from 'prisma/config'

// Migrations run as the owner of the tables, the service as the app role: two roles, two URLs.
export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  datasource: { url: process.env.MIGRATION_DATABASE_URL ?? '' },
})
