// Every operation that the property test sends, each with what must come of it: the answer that the oracle predicts, or
// the error. What reaches for another tenant's rows must end as if they did not exist.
import { randomUUID } from 'node:crypto'
import type { TenantPrisma } from '../../support/modes.js'
import { type Oracle, projectId, SLOTS, taskId, tenantId } from './oracle.js'

export type Db = Pick<TenantPrisma, 'project' | 'task' | 'plan' | '$queryRaw' | '$executeRaw'>

/** One operation as it is generated: what, and the numbers it takes. `other` is never the tenant itself. */
export interface Spec {
  readonly name: string
  readonly slot: number
  readonly second: number
  readonly budget: number
  readonly other: number
}

/** `aborts`: the server refused a statement, so that a transaction around it is lost. */
export type Outcome = { readonly answer: unknown } | { readonly code: string; readonly aborts: boolean }

export interface Operation {
  // Prisma's own promises, which an array transaction needs; their type names what they resolve to.
  send(db: Db): ReturnType<Db['project']['count']>
  /** Changes the oracle where the operation succeeds. */
  expect(oracle: Oracle): Outcome
}

const missing: Outcome = { code: 'P2025', aborts: false }
const duplicate: Outcome = { code: 'P2002', aborts: true }
const refused: Outcome = { code: 'POLICY.VIOLATION', aborts: true }
const select = { id: true, budget: true } as const
const byId = { id: 'asc' } as const

type Build = (tenant: number, spec: Spec) => { send(db: Db): PromiseLike<unknown>; expect(oracle: Oracle): Outcome }

const builds: Record<string, Build> = {
  create: (t, { slot, budget }) => ({
    send: ({ project }) => project.create({ data: row(t, slot, budget), select }),
    expect: ({ projects }) => {
      if (projects.has(slot)) return duplicate
      projects.set(slot, budget)
      return { answer: shown(t, [slot, budget]) }
    },
  }),
  createMany: (t, { slot, budget }) => ({
    send: ({ project }) =>
      project.createMany({ data: [0, 1, 2].map((i) => row(t, (slot + i) % SLOTS, budget)), skipDuplicates: true }),
    expect: ({ projects }) => {
      const added = [0, 1, 2].map((i) => (slot + i) % SLOTS).filter((at) => !projects.has(at))
      for (const at of added) projects.set(at, budget)
      return { answer: { count: added.length } }
    },
  }),
  createWithTasks: (t, { slot, second, budget }) => ({
    send: ({ project }) => {
      const tasks = { create: [{ id: taskId(t, second), title: 'nested' }] }
      return project.create({
        data: { ...row(t, slot, budget), tasks },
        select: { id: true, tasks: { select: { id: true } } },
      })
    },
    expect: ({ projects, tasks }) => {
      if (projects.has(slot) || tasks.has(second)) return duplicate
      projects.set(slot, budget)
      tasks.set(second, slot)
      return { answer: { id: projectId(t, slot), tasks: [{ id: taskId(t, second) }] } }
    },
  }),
  update: (t, { slot, budget }) => ({
    send: ({ project }) => project.update({ where: { id: projectId(t, slot) }, data: { budget }, select }),
    expect: ({ projects }) => {
      if (!projects.has(slot)) return missing
      projects.set(slot, budget)
      return { answer: shown(t, [slot, budget]) }
    },
  }),
  updateMany: (_, { budget }) => ({
    send: ({ project }) =>
      project.updateMany({ where: { budget: { lt: budget } }, data: { budget: { increment: 1 } } }),
    expect: (oracle) => ({ answer: { count: raise(oracle, budget) } }),
  }),
  upsert: (t, { slot, budget }) => ({
    send: ({ project }) =>
      project.upsert({ where: { id: projectId(t, slot) }, create: row(t, slot, budget), update: { budget }, select }),
    expect: ({ projects }) => {
      projects.set(slot, budget)
      return { answer: shown(t, [slot, budget]) }
    },
  }),
  delete: (t, { slot }) => ({
    send: ({ project }) => project.delete({ where: { id: projectId(t, slot) }, select: { id: true } }),
    expect: (oracle) => {
      if (!oracle.projects.has(slot)) return missing
      oracle.deleteProject(slot)
      return { answer: { id: projectId(t, slot) } }
    },
  }),
  deleteMany: (_, { budget }) => ({
    send: ({ project }) => project.deleteMany({ where: { budget } }),
    expect: (oracle) => {
      const gone = oracle.sorted().filter(([, had]) => had === budget)
      for (const [slot] of gone) oracle.deleteProject(slot)
      return { answer: { count: gone.length } }
    },
  }),
  findUnique: (t, { slot }) => ({
    send: ({ project }) => project.findUnique({ where: { id: projectId(t, slot) }, select }),
    expect: ({ projects }) => ({ answer: found(t, slot, projects) }),
  }),
  findUniqueOrThrow: (t, { slot }) => ({
    send: ({ project }) => project.findUniqueOrThrow({ where: { id: projectId(t, slot) }, select }),
    expect: ({ projects }) => (projects.has(slot) ? { answer: found(t, slot, projects) } : missing),
  }),
  findFirst: (t, { budget }) => ({
    send: ({ project }) => project.findFirst({ where: { budget: { gte: budget } }, orderBy: byId, select }),
    expect: (oracle) => {
      const first = oracle.sorted().find(([, had]) => had >= budget)
      return { answer: first ? shown(t, first) : null }
    },
  }),
  findMany: (t) => ({
    send: ({ project }) =>
      project.findMany({ orderBy: byId, select: { ...select, tasks: { orderBy: byId, select: { id: true } } } }),
    expect: (oracle) => ({
      answer: oracle.sorted().map(([slot, budget]) => ({
        ...shown(t, [slot, budget]),
        tasks: oracle.tasksOf(slot).map((task) => ({ id: taskId(t, task) })),
      })),
    }),
  }),
  count: () => ({
    send: ({ task }) => task.count(),
    expect: ({ tasks }) => ({ answer: tasks.size }),
  }),
  aggregate: () => ({
    send: ({ project }) => project.aggregate({ _sum: { budget: true }, _count: true }),
    expect: ({ projects }) => {
      const sum = [...projects.values()].reduce((total, budget) => total + budget, 0)
      return { answer: { _sum: { budget: projects.size === 0 ? null : sum }, _count: projects.size } }
    },
  }),
  queryRaw: (t) => ({
    send: (db) => db.$queryRaw`SELECT id::text, budget FROM projects ORDER BY id`,
    expect: (oracle) => ({ answer: oracle.sorted().map((project) => shown(t, project)) }),
  }),
  executeRaw: (_, { budget }) => ({
    send: (db) => db.$executeRaw`UPDATE projects SET budget = budget + 1 WHERE budget < ${budget}`,
    expect: (oracle) => ({ answer: raise(oracle, budget) }),
  }),
  addTask: (t, { slot, second }) => ({
    send: ({ task }) =>
      task.create({
        data: { id: taskId(t, second), title: 'connected', project: { connect: { id: projectId(t, slot) } } },
        select: { id: true },
      }),
    expect: ({ projects, tasks }) => {
      if (!projects.has(slot)) return missing
      if (tasks.has(second)) return duplicate
      tasks.set(second, slot)
      return { answer: { id: taskId(t, second) } }
    },
  }),
  moveTask: (t, { slot, second }) => ({
    send: ({ task }) => {
      const project = { connect: { id: projectId(t, slot) } }
      return task.update({ where: { id: taskId(t, second) }, data: { project }, select: { projectId: true } })
    },
    expect: ({ projects, tasks }) => {
      if (!projects.has(slot) || !tasks.has(second)) return missing
      tasks.set(second, slot)
      return { answer: { projectId: projectId(t, slot) } }
    },
  }),
  readShared: () => ({
    send: ({ plan }) => plan.count(),
    expect: () => ({ answer: 1 }),
  }),
}

/** Attacks: the same whether the other tenant has the row or not, and without any effect. */
const attacks: Record<string, Build> = {
  readOther: (_, { other, slot }) => ({
    send: ({ project }) => project.findUnique({ where: { id: projectId(other, slot) }, select }),
    expect: () => ({ answer: null }),
  }),
  listOther: (_, { other }) => ({
    send: ({ project }) => project.findMany({ where: { tenantId: tenantId(other) }, select }),
    expect: () => ({ answer: [] }),
  }),
  updateOther: (_, { other, slot }) => ({
    send: ({ project }) => project.update({ where: { id: projectId(other, slot) }, data: { budget: -1 } }),
    expect: () => missing,
  }),
  deleteOther: (_, { other }) => ({
    send: ({ project }) => project.deleteMany({ where: { tenantId: tenantId(other) } }),
    expect: () => ({ answer: { count: 0 } }),
  }),
  rawOther: (_, { other }) => ({
    send: (db) => db.$executeRaw`UPDATE projects SET budget = -1 WHERE tenant_id = ${tenantId(other)}::uuid`,
    expect: () => ({ answer: 0 }),
  }),
  connectOther: (t, { other, slot, second }) => ({
    send: ({ task }) => {
      const project = { connect: { id: projectId(other, slot) } }
      return task.create({ data: { id: taskId(t, second), title: 'stolen', project } })
    },
    expect: () => missing,
  }),
  createForOther: (_, { other }) => ({
    send: ({ project }) => project.create({ data: { tenantId: tenantId(other), name: randomUUID() } }),
    expect: () => refused,
  }),
  moveToOther: (t, { other, slot }) => ({
    send: ({ project }) => project.update({ where: { id: projectId(t, slot) }, data: { tenantId: tenantId(other) } }),
    expect: ({ projects }) => (projects.has(slot) ? refused : missing),
  }),
}

export const operationNames = Object.keys(builds)
export const attackNames = Object.keys(attacks)

export function operation(tenant: number, spec: Spec): Operation {
  const build = builds[spec.name] ?? attacks[spec.name]
  if (!build) throw new Error(`There is no operation ${spec.name}.`)
  return build(tenant, spec) as Operation
}

export function found(tenant: number, slot: number, projects: ReadonlyMap<number, number>): object | null {
  const budget = projects.get(slot)
  return budget === undefined ? null : shown(tenant, [slot, budget])
}

function row(tenant: number, slot: number, budget: number) {
  return { id: projectId(tenant, slot), name: `Project ${slot}`, budget }
}

function shown(tenant: number, [slot, budget]: readonly [number, number]) {
  return { id: projectId(tenant, slot), budget }
}

function raise({ projects }: Oracle, below: number): number {
  const raised = [...projects].filter(([, budget]) => budget < below)
  for (const [slot, budget] of raised) projects.set(slot, budget + 1)
  return raised.length
}
