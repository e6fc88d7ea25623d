// What is measured, written once for all contestants.
import { randomUUID } from 'node:crypto'

import type { Prisma, PrismaClient } from '../generated/test/client.js'
import type { Tenant } from './databases.js'

/** The part of a client that works outside a transaction as well as inside. */
export type Queries = Pick<Prisma.TransactionClient, 'project' | 'task'>
export type Statement = (db: Queries) => Prisma.PrismaPromise<unknown>

/** One caller's one go at an operation. */
export interface Turn {
  readonly client: PrismaClient
  readonly tenant: Tenant
  /** What bare Prisma must write into every `where` and `data`; empty where the database knows the tenant. */
  readonly own: { readonly tenantId?: string }
  /** Counts up, so that a caller asks for another row each time. */
  readonly n: number
  inTransaction(statements: readonly Statement[]): Promise<unknown>
}

/** The names under which rows are created: they are deleted by it. */
export const CREATED = 'created '

const page = { orderBy: { createdAt: 'desc' }, take: 20 } as const
const projectId = ({ tenant, n }: Turn): string => tenant.projectIds[n % tenant.projectIds.length] ?? ''
const seededName = ({ n }: Turn): string => `Project ${(n % 200) + 1}`

export const operations = {
  findFirst: (turn) => turn.client.project.findFirst({ where: { ...turn.own, name: seededName(turn) } }),
  findUnique: (turn) => turn.client.project.findUnique({ where: { ...turn.own, id: projectId(turn) } }),
  findMany: (turn) => turn.client.project.findMany({ where: { ...turn.own }, ...page }),
  count: (turn) => turn.client.project.count({ where: { ...turn.own } }),
  create: (turn) => turn.client.project.create({ data: { ...turn.own, name: CREATED + randomUUID() } }),
  findManyInclude: (turn) =>
    turn.client.project.findMany({
      where: { ...turn.own },
      ...page,
      include: { tasks: { orderBy: { title: 'asc' } } },
    }),
  findUniqueInclude: (turn) =>
    turn.client.project.findUnique({
      where: { ...turn.own, id: projectId(turn) },
      include: { tasks: { orderBy: { title: 'asc' } } },
    }),
  nestedCreate: (turn) =>
    turn.client.project.create({
      // The task's tenant comes with the relation, which is on both columns.
      data: { ...turn.own, name: CREATED + randomUUID(), tasks: { create: { title: 'Task 1' } } },
    }),
  transaction: (turn) =>
    turn.inTransaction([
      (db) => db.project.findFirst({ where: { ...turn.own, name: seededName(turn) } }),
      (db) => db.project.count({ where: { ...turn.own } }),
      (db) => db.project.findMany({ where: { ...turn.own }, ...page }),
    ]),
  tenFindUnique: (turn) =>
    Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        turn.client.project.findUnique({ where: { ...turn.own, id: projectId({ ...turn, n: turn.n * 10 + i }) } }),
      ),
    ),
} satisfies Record<string, (turn: Turn) => Promise<unknown>>

export type OperationName = keyof typeof operations
export const operationNames = Object.keys(operations) as OperationName[]

/** Those that are one SQL statement each. */
export const oneStatement: readonly OperationName[] = ['findFirst', 'findUnique', 'findMany', 'count', 'create']
export const writing: readonly OperationName[] = ['create', 'nestedCreate']

export const labels: Record<OperationName, string> = {
  findFirst: 'findFirst',
  findUnique: 'findUnique',
  findMany: 'findMany, 20 rows',
  count: 'count',
  create: 'create',
  findManyInclude: 'findMany + include',
  findUniqueInclude: 'findUnique + include',
  nestedCreate: 'nested create',
  transaction: 'transaction of three',
  tenFindUnique: 'ten findUnique at once',
}
