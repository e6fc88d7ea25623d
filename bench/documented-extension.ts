// Row-level security as Prisma's documentation describes it (a query extension that sets the tenant in a transaction
// around each operation), in its two forms: https://github.com/prisma/prisma-client-extensions/tree/main/row-level-security
import type { Prisma, PrismaClient } from '../generated/test/client.js'

/** A transaction of two members: set the tenant, run the operation. */
export function documentedBatch(base: PrismaClient, tenantId: string): PrismaClient {
  return base.$extends({
    query: {
      $allModels: {
        async $allOperations({ args, query }) {
          const [, result] = await base.$transaction([setTenant(base, tenantId), query(args)])
          return result
        },
      },
    },
  }) as unknown as PrismaClient
}

/** An interactive transaction, whose client runs the operation again. */
export function documentedInteractive(base: PrismaClient, tenantId: string): PrismaClient {
  return base.$extends({
    query: {
      $allModels: {
        $allOperations: ({ model, operation, args }) =>
          base.$transaction(async (tx) => {
            await setTenant(tx, tenantId)
            return delegate(tx, model)[operation]?.(args)
          }),
      },
    },
  }) as unknown as PrismaClient
}

export function setTenant(
  db: Pick<Prisma.TransactionClient, '$executeRaw'>,
  tenantId: string,
): Prisma.PrismaPromise<number> {
  return db.$executeRaw`SELECT set_config('app.tenant_id', ${tenantId}, TRUE)`
}

type Delegate = Record<string, ((args: unknown) => Promise<unknown>) | undefined>

function delegate(tx: Prisma.TransactionClient, model: string): Delegate {
  const name = model.charAt(0).toLowerCase() + model.slice(1)
  return (tx as unknown as Record<string, Delegate>)[name] as Delegate
}
