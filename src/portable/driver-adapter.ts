/**
 * Prisma's driver adapter interface (https://www.prisma.io/docs/orm/core-concepts/supported-databases/database-drivers),
 * as far as this library calls it. Written out here so that an application's own adapter fits whichever copy of
 * `@prisma/driver-adapter-utils` it brings.
 */
export interface SqlQuery {
  sql: string
  args: unknown[]
  argTypes: { scalarType: string; dbType?: string; arity: string }[]
}

export interface SqlResultSet {
  columnNames: string[]
  columnTypes: number[]
  rows: unknown[][]
  lastInsertId?: string
}

export interface SqlQueryable {
  readonly provider: string
  readonly adapterName: string
  queryRaw(query: SqlQuery): Promise<SqlResultSet>
  executeRaw(query: SqlQuery): Promise<number>
}

export interface Transaction extends SqlQueryable {
  /** With a phantom query the adapter sends COMMIT itself; without, Prisma does and `commit()` only gives back the connection. */
  readonly options: { readonly usePhantomQuery: boolean }
  commit(): Promise<void>
  rollback(): Promise<void>
  createSavepoint?(name: string): Promise<void>
  rollbackToSavepoint?(name: string): Promise<void>
  releaseSavepoint?(name: string): Promise<void>
}

export interface SqlDriverAdapter extends SqlQueryable {
  executeScript(script: string): Promise<void>
  startTransaction(isolationLevel?: string): Promise<Transaction>
  getConnectionInfo?(): { schemaName?: string; maxBindValues?: number; supportsRelationJoins: boolean }
  dispose(): Promise<void>
}

export interface SqlDriverAdapterFactory {
  readonly provider: string
  readonly adapterName: string
  connect(): Promise<SqlDriverAdapter>
}

export function sqlQuery(sql: string, args: readonly string[] = []): SqlQuery {
  return { sql, args: [...args], argTypes: args.map(() => ({ scalarType: 'string', arity: 'scalar' })) }
}
