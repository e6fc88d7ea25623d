import { Global, Inject, Module, type OnApplicationShutdown } from '@nestjs/common'
import { openDatabase } from '../http-service/db.js'

/** `@Inject(PRISMA) prisma: Prisma`. One client for all companies: whose it is in a request, the request's scope says. */
export const PRISMA = Symbol('prisma')
const DATABASE = Symbol('database')

type Database = ReturnType<typeof openDatabase>

@Global()
@Module({
  providers: [
    { provide: DATABASE, useFactory: () => openDatabase(databaseUrl()) },
    { provide: PRISMA, inject: [DATABASE], useFactory: ({ prisma }: Database) => prisma },
  ],
  exports: [PRISMA],
})
export class DatabaseModule implements OnApplicationShutdown {
  readonly #database: Database

  constructor(@Inject(DATABASE) database: Database) {
    this.#database = database
  }

  /** After the server has answered what it was asked: Nest closes that first. */
  onApplicationShutdown(): Promise<void> {
    return this.#database.close()
  }
}

function databaseUrl(): string {
  const { DATABASE_URL } = process.env
  if (DATABASE_URL) return DATABASE_URL
  throw new Error('DATABASE_URL is not set: DATABASE_URL=postgresql://app_user:…@localhost:5432/app')
}
