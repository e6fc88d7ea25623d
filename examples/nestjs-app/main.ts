// node --import tsx examples/nestjs-app/main.ts, with DATABASE_URL set to the app role's URL.
import 'reflect-metadata'
import { NestFactory } from '@nestjs/core'
import { AppModule } from './app.module.js'

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] })
// SIGINT and SIGTERM close the server, then the database.
app.enableShutdownHooks()
await app.listen(process.env.PORT ?? 3000)
console.log(`Listening on ${await app.getUrl()}.`)
