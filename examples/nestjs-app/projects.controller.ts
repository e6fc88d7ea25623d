import { Body, Controller, Get, Inject, Param, ParseUUIDPipe, Post } from '@nestjs/common'
import { CurrentTenant } from 'prisma-extension-tenancy/nestjs'
import { type JsonBody, textOf } from '../http-service/json-body.js'
import { ProjectsService } from './projects.service.js'

@Controller('projects')
export class ProjectsController {
  readonly #projects: ProjectsService

  constructor(@Inject(ProjectsService) projects: ProjectsService) {
    this.#projects = projects
  }

  /** The id is for what is shown or logged. No query needs it. */
  @Get()
  async list(@CurrentTenant() companyId: string) {
    return { companyId, projects: await this.#projects.list() }
  }

  @Get(':id')
  show(@Param('id', ParseUUIDPipe) id: string) {
    return this.#projects.show(id)
  }

  @Post()
  create(@Body() body: JsonBody = {}) {
    return this.#projects.create(textOf(body, 'name'))
  }
}
