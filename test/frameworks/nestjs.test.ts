// Proves on real NestJS servers that a request's scope holds in guards, pipes, interceptors, handlers, resolvers and
// exception filters, and that a handler without a tenant sees none.
import 'reflect-metadata'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo'
import {
  type ArgumentsHost,
  Body,
  type CallHandler,
  Catch,
  Controller,
  type ExecutionContext,
  Get,
  HttpException,
  Module,
  Post,
  Req,
  Res,
  StreamableFile,
  type Type,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
} from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { Field, GraphQLModule, ObjectType, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql'
import type { Request, Response } from 'express'
import { tap } from 'rxjs'
import { afterEach, describe, expect, test } from 'vitest'
import {
  CurrentTenant,
  fromHeader,
  TenancyModule,
  type TenantScopeOptions,
  WithoutTenant,
} from '../../src/frameworks/nestjs.js'
import { type AppOptions, EXPECTED, type Framework, here, nodeStream, type ServerUnderTest, waits } from './stages.js'
import { describeFramework } from './suite.js'

function controllerFor({ notes, prisma }: Pick<AppOptions, 'notes' | 'prisma'>) {
  const note = (stage: string, request: Request): void => {
    const expected = request.get(EXPECTED)
    if (expected !== undefined) notes.add(stage, expected)
  }
  class NotingGuard {
    canActivate(context: ExecutionContext): boolean {
      note('guard', context.switchToHttp().getRequest())
      return true
    }
  }
  class NotingInterceptor {
    intercept(context: ExecutionContext, next: CallHandler) {
      const request = context.switchToHttp().getRequest()
      note('interceptor', request)
      return next.handle().pipe(tap(() => note('after the handler', request)))
    }
  }
  @Catch()
  class TellingFilter {
    catch(error: unknown, host: ArgumentsHost): void {
      const response = host.switchToHttp().getResponse<Response>()
      if (error instanceof HttpException) response.status(error.getStatus()).json(error.getResponse())
      else response.status(500).json({ tenant: here() })
    }
  }
  class NotingPipe {
    transform(value: unknown): unknown {
      // What @CurrentTenant() gave, which was read before.
      if (typeof value === 'string') notes.add('pipe', value)
      return value
    }
  }

  @Controller()
  @UseFilters(new TellingFilter())
  class PublicController {
    @Get('public')
    @WithoutTenant()
    public() {
      return { tenant: here() }
    }
  }

  @Controller()
  @UseGuards(new NotingGuard())
  @UseInterceptors(new NotingInterceptor())
  @UsePipes(new NotingPipe())
  @UseFilters(new TellingFilter())
  class TenantController {
    @Get(['tenant', 't/:tenant/tenant'])
    async tenant(@Req() request: Request, @CurrentTenant() tenant: string) {
      return { ...(await waits(request.url)), parameter: tenant }
    }
    @Get('stream')
    stream(@Req() request: Request, @Res({ passthrough: true }) response: Response) {
      response.on('finish', () => note('finish', request))
      response.on('close', () => note('close', request))
      return new StreamableFile(nodeStream(request.url), { type: 'text/plain' })
    }
    @Get('throw')
    async throw(@Req() request: Request) {
      await waits(request.url)
      throw new Error('thrown')
    }
    @Post('echo')
    echo(@Body() body: unknown, @Res() response: Response) {
      response.status(200).json({ tenant: here(), body })
    }
    @Get('projects')
    async projects() {
      return ((await prisma?.project.findMany()) ?? []).map(({ id }) => id)
    }
  }
  return [PublicController, TenantController]
}

async function start(module: Type, prefix?: string): Promise<ServerUnderTest> {
  const app = await NestFactory.create(module, { logger: false, forceCloseConnections: true, abortOnError: false })
  if (prefix !== undefined) app.setGlobalPrefix(prefix)
  await app.listen(0, '127.0.0.1')
  const server: Server = app.getHttpServer()
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server, close: () => app.close() }
}

const framework: Framework = {
  name: 'nestjs',
  noted: ['guard', 'interceptor', 'pipe', 'after the handler', 'finish', 'close'],
  open({ options, notes, prisma }) {
    @Module({
      imports: [TenancyModule.forRoot(options)],
      controllers: controllerFor({ notes, ...(prisma && { prisma }) }),
    })
    class AppModule {}
    return start(AppModule)
  },
}

describeFramework(framework)

describe('nestjs', () => {
  let app: ServerUnderTest | undefined
  afterEach(() => app?.close())
  const options: TenantScopeOptions<unknown> = {
    tenant: fromHeader('x-tenant-id'),
    authorize: (_user, id) => id !== 'other',
  }
  const get = async (path: string, tenant?: string) => {
    const response = await fetch(`${app?.url}${path}`, {
      headers: tenant === undefined ? {} : { 'x-tenant-id': tenant },
    })
    return [response.status, await response.text()]
  }

  test('a handler or a class without a tenant runs in the scope of none, whatever the request names', async () => {
    @Controller('class')
    @WithoutTenant()
    class Whole {
      @Get()
      async get() {
        await waits('/')
        return here()
      }
      @Get('current')
      current(@CurrentTenant() tenant: string) {
        return tenant
      }
    }
    @Controller('method')
    class One {
      @Get('without')
      @WithoutTenant()
      without() {
        return here()
      }
      @Get('with')
      with() {
        return here()
      }
    }
    @Module({ imports: [TenancyModule.forRootAsync({ useFactory: async () => options })], controllers: [Whole, One] })
    class AppModule {}
    app = await start(AppModule)
    for (const tenant of ['acme', 'other', 'a,b', undefined]) {
      expect(await get('/class', tenant)).toEqual([200, 'nobody'])
      expect(await get('/method/without', tenant)).toEqual([200, 'nobody'])
    }
    expect(await get('/method/with', 'acme')).toEqual([200, 'acme'])
    expect(await get('/method/with', 'other')).toEqual([403, '{"error":"forbidden"}'])
    expect(await get('/method/with')).toEqual([400, '{"error":"tenant required"}'])
    expect((await get('/class/current', 'acme'))[0]).toBe(500)
  })

  test('GraphQL resolvers and their fields run in the scope, also beside a global prefix', async () => {
    @ObjectType()
    class Company {
      @Field(() => String)
      id!: string
      @Field(() => String)
      field!: string
    }
    @Resolver(() => Company)
    class CompanyResolver {
      @Query(() => Company)
      async company(@CurrentTenant() tenant: string) {
        await waits(`/?wait=${Math.floor(Math.random() * 5)}`)
        return { id: `${tenant} ${here()}` }
      }
      @Query(() => String)
      @WithoutTenant()
      health() {
        return here()
      }
      @ResolveField(() => String)
      async field(@Parent() { id }: Company) {
        await waits('/')
        return `${id} ${here()}`
      }
    }
    @Module({
      imports: [
        TenancyModule.forRoot(options),
        GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true }),
      ],
      providers: [CompanyResolver],
    })
    class AppModule {}
    app = await start(AppModule, 'api')
    const query = async (query: string, tenant?: string) => {
      const headers = { 'content-type': 'application/json', ...(tenant !== undefined && { 'x-tenant-id': tenant }) }
      const response = await fetch(`${app?.url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query }) })
      return (await response.json()) as { data?: unknown; errors?: { message: string; extensions: unknown }[] }
    }
    const asked = Array.from({ length: 100 }, (_, n) => `tenant-${n % 2}`)
    const answers = await Promise.all(asked.map((tenant) => query(`{ company { id field } }`, tenant)))
    for (const [n, { data }] of answers.entries()) {
      const own = asked[n]
      expect(data).toEqual({ company: { id: `${own} ${own}`, field: `${own} ${own} ${own}` } })
    }
    expect((await query('{ health }', 'acme')).data).toEqual({ health: 'nobody' })
    expect((await query('{ health }')).data).toEqual({ health: 'nobody' })
    const refused = await query('{ company { id } }', 'other')
    expect(refused.data ?? null).toBeNull()
    expect(refused.errors).toMatchObject([{ message: 'forbidden', extensions: { code: 'FORBIDDEN' } }])
    const missing = await query('{ company { id } }')
    expect(missing.errors).toMatchObject([{ message: 'tenant required', extensions: { code: 'BAD_REQUEST' } }])
  })

  test('options that are wrong are told when the module is made', () => {
    expect(() => TenancyModule.forRoot({ tenant: fromHeader('x') } as never)).toThrow(
      expect.objectContaining({ code: 'CONFIG.INVALID' }),
    )
  })
})
