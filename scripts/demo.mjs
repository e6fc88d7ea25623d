// npm run demo. Does by itself all that has to be done before: no other script runs ahead of it.
import { fileURLToPath } from 'node:url'
import { register } from 'tsx/esm/api'

// Where 'prisma-extension-tenancy' is src/, from whichever folder this is started.
register({ tsconfig: fileURLToPath(new URL('../tsconfig.json', import.meta.url)) })

await import('./generate-example.mjs')
await import('../examples/demo/main.ts')
