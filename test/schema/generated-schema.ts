import fc from 'fast-check'

/** A model drawn at random: whose it is, its keys, its relations to models before it or to itself, and how it is written. */
interface GeneratedModel {
  column: 'required' | 'optional' | 'missing' | 'shared'
  id: keyof typeof ids
  mapped: boolean
  created: boolean
  ignored: boolean
  uniques: { kind: 'field' | 'block' | 'both' | 'withTenant'; map: boolean }[]
  relations: {
    parent: number
    optional: boolean
    one: boolean
    by: 'id' | 'unique'
    action: '' | 'Cascade' | 'SetNull' | 'NoAction'
    map: boolean
  }[]
  lists: number[]
  layout: { tabs: boolean; aligned: boolean; comments: boolean; blankLines: boolean }
}

const ids = {
  uuid: { type: 'String', attributes: '@id @default(uuid()) @db.Uuid', native: ' @db.Uuid' },
  serial: { type: 'Int', attributes: '@id @default(autoincrement())', native: '' },
  natural: { type: 'String', attributes: '@id', native: '' },
  composite: { type: 'String', attributes: '', native: '' },
}

const model = fc.record<GeneratedModel>({
  column: fc.constantFrom('required', 'required', 'optional', 'missing', 'shared'),
  id: fc.constantFrom('uuid', 'serial', 'natural', 'composite'),
  mapped: fc.boolean(),
  created: fc.boolean(),
  ignored: fc.constantFrom(false, false, false, true),
  uniques: fc.array(fc.record({ kind: fc.constantFrom('field', 'block', 'both', 'withTenant'), map: fc.boolean() }), {
    maxLength: 2,
  }),
  relations: fc.array(
    fc.record({
      parent: fc.nat(7),
      optional: fc.boolean(),
      one: fc.constantFrom(false, false, true),
      by: fc.constantFrom('id', 'id', 'unique'),
      action: fc.constantFrom('', '', 'Cascade', 'SetNull', 'NoAction'),
      map: fc.boolean(),
    }),
    { maxLength: 3 },
  ),
  lists: fc.array(fc.nat(7), { maxLength: 1 }),
  layout: fc.record({ tabs: fc.boolean(), aligned: fc.boolean(), comments: fc.boolean(), blankLines: fc.boolean() }),
})

export interface GeneratedSchema {
  readonly text: string
  readonly shared: readonly string[]
}

/** Models that Prisma accepts. Whether they can be divided among tenants is another question. */
export const generatedSchema: fc.Arbitrary<GeneratedSchema> = fc
  .record({
    models: fc.array(model, { minLength: 1, maxLength: 7 }),
    eol: fc.constantFrom('\n', '\n', '\r\n'),
    tenantRelations: fc.boolean(),
  })
  .map(({ models, eol, tenantRelations }) => {
    const blocks = models.map((each, n) => new Block(`M${n}`, each))
    const company = new Block('Company', { ...tenantModel, layout: models[0]?.layout ?? tenantModel.layout })
    for (const block of blocks) block.connect(blocks, tenantRelations ? company : undefined)
    const text = [company, ...blocks].map((block) => block.text()).join('\n')
    return {
      text: text.replaceAll('\n', eol),
      shared: blocks.filter(({ model }) => model.column === 'shared').map(({ name }) => name),
    }
  })

const tenantModel: GeneratedModel = {
  column: 'missing',
  id: 'uuid',
  mapped: true,
  created: true,
  ignored: false,
  uniques: [],
  relations: [],
  lists: [],
  layout: { tabs: false, aligned: true, comments: true, blankLines: true },
}

type Row = [name: string, type: string, attributes: string]

class Block {
  readonly rows: Row[] = []
  readonly attributes: string[] = []
  readonly uniqueFields: string[] = []
  readonly tenantField: string | undefined

  constructor(
    readonly name: string,
    readonly model: GeneratedModel,
  ) {
    const { type, attributes } = ids[model.id]
    this.tenantField = ['required', 'optional'].includes(model.column) ? `tenantOf${name}` : undefined
    this.rows.push(['id', type, attributes])
    if (model.id === 'composite') {
      this.rows.push(['part', 'Int', ''])
      this.attributes.push('@@id([id, part])')
    }
    if (this.tenantField) {
      this.rows.push([
        this.tenantField,
        model.column === 'optional' ? 'String?' : 'String',
        '@map("tenant_id") @db.Uuid',
      ])
    }
    if (model.created) this.rows.push(['createdAt', 'DateTime', '@default(now())'])
    model.uniques.forEach(({ kind, map }, n) => {
      const field = `u${n}`
      const named = map ? `, map: "${name} ${field}"` : ''
      this.rows.push([
        field,
        'String',
        kind === 'field' || kind === 'both' ? `@unique${map ? `(map: "${name} own ${field}")` : ''}` : '',
      ])
      if (kind === 'block') this.attributes.push(`@@unique([${field}]${named})`)
      if (kind === 'both') this.attributes.push(`@@unique([id, ${field}]${named}, name: "named${n}")`)
      if (kind === 'withTenant' && this.tenantField && model.column === 'required') {
        this.attributes.push(`@@unique([${this.tenantField}, ${field}])`)
      }
      if (kind === 'field' || kind === 'block') this.uniqueFields.push(field)
    })
    if (model.mapped) this.attributes.push(`@@map("table of ${name}")`)
    if (model.ignored) this.attributes.push('@@ignore')
  }

  connect(blocks: Block[], company: Block | undefined): void {
    if (this.tenantField && company) {
      const optional = this.model.column === 'optional'
      this.rows.push([
        'company',
        `Company${optional ? '?' : ''}`,
        `@relation(fields: [${this.tenantField}], references: [id])`,
      ])
      company.rows.push([`of${this.name}`, `${this.name}[]`, this.model.ignored ? '@ignore' : ''])
    }
    for (const [n, relation] of this.model.relations.entries()) {
      this.#relate(relation, n, blocks[relation.parent % blocks.length] as Block)
    }
    for (const [n, other] of this.model.lists.entries()) this.#join(n, blocks[other % blocks.length] as Block)
  }

  #relate({ optional, one, by, action, map }: GeneratedModel['relations'][number], n: number, parent: Block): void {
    const key = by === 'unique' ? parent.uniqueFields[0] : parent.model.id === 'composite' ? undefined : 'id'
    if (key === undefined || (action === 'SetNull' && !optional)) return
    const name = `"${this.name} r${n}"`
    const { type, native } = key === 'id' ? ids[parent.model.id] : { type: 'String', native: '' }
    const mark = optional || parent === this ? '?' : ''
    const options = `${action ? `, onDelete: ${action}` : ''}${map ? `, map: "${this.name} fk ${n}"` : ''}`
    this.rows.push([`r${n}Id`, type + mark, `${one ? '@unique' : ''}${native}`.trim()])
    const hidden = parent.model.ignored && !this.model.ignored ? ' @ignore' : ''
    this.rows.push([
      `r${n}`,
      parent.name + mark,
      `@relation(${name}, fields: [r${n}Id], references: [${key}]${options})${hidden}`,
    ])
    const ignored = this.model.ignored && !parent.model.ignored ? ' @ignore' : ''
    parent.rows.push([`of${this.name}r${n}`, `${this.name}${one ? '?' : '[]'}`, `@relation(${name})${ignored}`])
  }

  #join(n: number, other: Block): void {
    // Prisma joins by a single id, and a natural one gets the tenant.
    if ([this, other].some(({ model }) => model.id === 'composite' || model.id === 'natural')) return
    const name = `"${this.name} join ${n}"`
    const mine = other.model.ignored && !this.model.ignored ? ' @ignore' : ''
    const theirs = this.model.ignored && !other.model.ignored ? ' @ignore' : ''
    this.rows.push([`join${n}`, `${other.name}[]`, `@relation(${name})${mine}`])
    other.rows.push([`joined${this.name}${n}`, `${this.name}[]`, `@relation(${name})${theirs}`])
  }

  text(): string {
    const { tabs, aligned, comments, blankLines } = this.model.layout
    const width = aligned ? Math.max(...this.rows.map(([name]) => name.length)) : 0
    const typeWidth = aligned ? Math.max(...this.rows.map(([, type]) => type.length)) : 0
    const indent = tabs ? '\t' : '  '
    const fields = this.rows.map(([name, type, attributes], n) => {
      const line = `${indent}${name.padEnd(width)} ${type.padEnd(typeWidth)} ${attributes}`.trimEnd()
      return comments && n % 2 ? `${indent}/// @unique ${name} {\n${line} // @@map("no") }` : line
    })
    const attributes = this.attributes.map((each) =>
      comments ? `${indent}// ${each}\n${indent}${each}` : indent + each,
    )
    const between = blankLines && attributes.length > 0 ? [''] : []
    const head = comments ? `/* model ${this.name} {\n  id Int @id\n} */\n` : ''
    return `${head}model ${this.name} {\n${[...fields, ...between, ...attributes].join('\n')}\n}\n`
  }
}
