// What the database must hold for one tenant, kept in memory, and the names of its rows: an id tells whose it is.

/** Tenants that own rows. */
export const TENANTS = 5
/** Projects that a tenant can have; it can have twice as many tasks. */
export const SLOTS = 6

export const tenantId = (tenant: number) => `${tenant + 1}0000000-0000-4000-8000-000000000000`
export const projectId = (tenant: number, slot: number) => `a000000${tenant}-0000-4000-8000-0000000000${hex(slot)}`
export const taskId = (tenant: number, slot: number) => `b000000${tenant}-0000-4000-8000-0000000000${hex(slot)}`

function hex(slot: number): string {
  return slot.toString(16).padStart(2, '0')
}

export class Oracle {
  /** Slot of a project to its budget. */
  projects = new Map<number, number>()
  /** Slot of a task to the slot of its project. */
  tasks = new Map<number, number>()

  clone(): Oracle {
    return new Oracle().become(this)
  }

  /** Takes over what a transaction has made of its copy. */
  become(other: Oracle): this {
    this.projects = new Map(other.projects)
    this.tasks = new Map(other.tasks)
    return this
  }

  /** Projects in the order of their ids. */
  sorted(): [slot: number, budget: number][] {
    return [...this.projects].sort(([a], [b]) => a - b)
  }

  tasksOf(project: number): number[] {
    return [...this.tasks].flatMap(([task, parent]) => (parent === project ? [task] : [])).sort((a, b) => a - b)
  }

  /** With its tasks: the foreign key cascades. */
  deleteProject(slot: number): void {
    this.projects.delete(slot)
    for (const task of this.tasksOf(slot)) this.tasks.delete(task)
  }
}
