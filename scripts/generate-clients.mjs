// Generates the Prisma clients that tests and examples import, where they are missing or out of date.
import { tsImport } from 'tsx/esm/api'
import './generate-example.mjs'

const { generatePrismaClient } = await tsImport('../test/support/prisma-client.ts', import.meta.url)
await generatePrismaClient()
