import { schemaOf } from './example.js'

/** A schema of so many models as a grown product has them: tenants, areas, their tables, children, and joins. */
export function largeSchema(models: number) {
  const blocks: string[] = [
    `model Company {
  id    String @id @default(uuid()) @db.Uuid
${Array.from({ length: Math.ceil((models - 1) / 5) }, (_, n) => `  areas${n} Area${n}[]`).join('\n')}

  @@map("companies")
}`,
  ]
  for (let n = 0; blocks.length < models; n++) {
    const last = n * 5 + 5 >= models - 1
    const next = last
      ? ''
      : `\n  nextId    String?  @map("next_id") @db.Uuid\n  next      Area${n + 1}?  @relation(fields: [nextId], references: [id])`
    const previous = n === 0 ? '' : `\n  previous  Area${n - 1}[]`
    const family = [
      `/// Area ${n} of the product.
model Area${n} {
  id        String   @id @default(uuid()) @db.Uuid
  companyId String   @map("tenant_id") @db.Uuid
  company   Company  @relation(fields: [companyId], references: [id])
  name      String   @unique
  createdAt DateTime @default(now()) @map("created_at")
  items     Item${n}[]
  notes     Note${n}[]
  details   Detail${n}?
  tags      Tag${n}[]${next}${previous}

  @@map("areas_${n}")
}`,
      `model Item${n} {
  id        Int      @id @default(autoincrement())
  tenantId  String   @map("tenant_id") @db.Uuid
  areaId    String   @map("area_id") @db.Uuid
  area      Area${n}    @relation(fields: [areaId], references: [id], onDelete: Cascade)
  parentId  Int?     @map("parent_id")
  parent    Item${n}?   @relation("tree", fields: [parentId], references: [id])
  children  Item${n}[]  @relation("tree")
  number    Int      // counted per area
  createdAt DateTime @default(now()) @map("created_at")

  @@unique([areaId, number])
  @@map("items_${n}")
}`,
      `model Note${n} {
  id     Int    @id @default(autoincrement())
  areaId String @map("area_id") @db.Uuid
  area   Area${n}  @relation(fields: [areaId], references: [id])
  text   String

  @@map("notes_${n}")
}`,
      `model Detail${n} {
  areaId   String @id @map("area_id") @db.Uuid
  tenantId String @map("tenant_id") @db.Uuid
  area     Area${n}  @relation(fields: [areaId], references: [id])

  @@map("details_${n}")
}`,
      `model Tag${n} {
  id       Int     @id @default(autoincrement())
  tenantId String? @map("tenant_id") @db.Uuid
  name     String
  areas    Area${n}[]

  @@unique([name])
  @@map("tags_${n}")
}`,
    ]
    blocks.push(...family)
  }
  return schemaOf(blocks.slice(0, models).join('\n\n').concat('\n'))
}
