// What A does to its own rows, committed: every row deleted, every key changed, so that cascades run all the way.
import pg from 'pg'

import type { Table } from './catalog.js'
import { checksums, differences, ownedTables, ownerOf, rowsOf } from './owner.js'
import { A, B, isShared, TENANT_COLUMN } from './seed.js'
import type { World } from './world.js'

/** Gives A's rows new keys, table by table, parents first; answers what of B's was changed by which. */
export async function changeEveryKey(world: World): Promise<{ leaks: string[]; changed: string[] }> {
  const changed: string[] = []
  const leaks = await eachTable(world, async (table) => {
    for (const name of table.primaryKey) {
      const isParents = table.foreignKeys.some((key) => key.columns.includes(name))
      if (isParents || name === TENANT_COLUMN) continue
      const column = pg.escapeIdentifier(name)
      const type = table.columns.find((one) => one.name === name)?.type ?? ''
      const value = type === 'uuid' ? 'gen_random_uuid()' : /int/.test(type) ? `${column} + 5000` : `${column} || '!'`
      const sql = `UPDATE ${table.sql} SET ${column} = ${value}`
      const count = await world.as(A, () => world.prisma.$executeRawUnsafe(sql).catch(() => 0))
      if (count > 0) changed.push(`${table.name}.${name}`)
    }
  })
  return { leaks, changed }
}

/** Deletes all that A has, parents first, so that whatever cascades does; then what was held back by a RESTRICT. */
export async function deleteEverything(world: World): Promise<{ leaks: string[]; left: string[] }> {
  const leaks: string[] = []
  for (let round = 0; round < 4; round++) {
    leaks.push(
      ...(await eachTable(world, (table) =>
        world.as(A, () => world.prisma.$executeRawUnsafe(`DELETE FROM ${table.sql}`).catch(() => 0)),
      )),
    )
  }
  const left: string[] = []
  for (const table of ownedTables(world.tables)) {
    const rows = await rowsOf(world, table, A)
    if (rows.length > 0) left.push(table.name)
  }
  return { leaks, left }
}

async function eachTable(world: World, act: (table: Table) => Promise<unknown>): Promise<string[]> {
  const leaks: string[] = []
  let before = await checksums(world.admin, world.tables, B)
  for (const table of world.tables.filter((one) => !isShared(one.name) && ownerOf(world.tables, one))) {
    await act(table)
    const after = await checksums(world.admin, world.tables, B)
    for (const name of differences(before, after)) leaks.push(`${table.name} changed ${name}`)
    before = after
  }
  return leaks
}
