import { enableRowLevelSecurity, parentPolicy, protectTable, tenantUnique } from '../../../src/sql/index.js'
import type { RuleFixture } from '../rule-fixture.js'
import { a, b, roles } from '../world.js'

/** A tenant table with a row of A in it. */
const users = (columns: string, more = ''): string => `SET ROLE ${roles.owner};
CREATE TABLE users (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, email text NOT NULL, left_at date${columns});
${more}
${protectTable('users')}
RESET ROLE;
INSERT INTO users (tenant_id, email) VALUES ('${a}', 'ann@example.com');`

const sameEmail = (email = 'ann@example.com') => ({
  sql: `INSERT INTO users (tenant_id, email) VALUES ('${b}', '${email}') RETURNING email`,
  harm: ([row]: readonly Record<string, unknown>[]) => row?.['failed'] === '23505',
})

const labels = (columns: string): string => `SET ROLE ${roles.owner};
CREATE TABLE labels (${columns}, tenant_id uuid NOT NULL);
CREATE INDEX ON labels (tenant_id);
${protectTable('labels', { indexes: [] })}
RESET ROLE;`

const toTask = { keys: [['task_id', 'id']], required: true, table: 'tasks', column: 'tenant_id' } as const

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'a refusal tells that another tenant has the e-mail address',
      sql: users(', UNIQUE (email)'),
      object: '"users_email_key" on "public"."users"',
      level: 'warning',
      fixIs: 'person',
      probe: sameEmail(),
    },
    {
      name: 'a unique index, as Prisma makes it',
      sql: users('', 'CREATE UNIQUE INDEX users_email_key ON users (email);'),
      object: '"users_email_key" on "public"."users"',
      fixIs: 'person',
      probe: sameEmail(),
    },
    {
      name: 'an index on an expression, for some rows alone',
      sql: users('', `CREATE UNIQUE INDEX "by ""e-mail""" ON users (lower(email)) WHERE left_at IS NULL;`),
      object: '"by ""e-mail""" on "public"."users"',
      fixIs: 'person',
      probe: sameEmail('Ann@example.com'),
    },
    {
      name: 'a primary key that is a name',
      sql: `${labels('code text PRIMARY KEY')} INSERT INTO labels VALUES ('urgent', '${a}');`,
      object: '"labels_pkey" on "public"."labels"',
      fixIs: 'person',
      probe: {
        sql: `INSERT INTO labels VALUES ('urgent', '${b}') RETURNING code`,
        harm: ([row]) => row?.['failed'] === '23505',
      },
    },
    {
      name: 'a number that a customer chooses',
      sql: `${users(', number integer UNIQUE')} UPDATE users SET number = 7;`,
      object: '"users_number_key" on "public"."users"',
      fixIs: 'person',
      probe: {
        sql: `INSERT INTO users (tenant_id, email, number) VALUES ('${b}', 'bob@example.com', 7) RETURNING email`,
        harm: ([row]) => row?.['failed'] === '23505',
      },
    },
    {
      name: 'an exclusion constraint: a person decides',
      sql: users(', EXCLUDE USING hash (email WITH =)'),
      object: '"users_email_excl" on "public"."users"',
      fixIs: 'person',
    },
    {
      name: 'ids that are counted, at level info',
      sql: users(', number bigint GENERATED ALWAYS AS IDENTITY UNIQUE'),
      object: '"users_number_key" on "public"."users"',
      level: 'info',
      fixIs: 'person',
    },
    {
      name: 'one row for each counted parent, at level info',
      sql: `SET ROLE ${roles.owner};
        CREATE TABLE orders (id serial PRIMARY KEY, tenant_id uuid NOT NULL);
        ${tenantUnique('orders', { columns: ['id'] })}${protectTable('orders', { indexes: [] })}
        CREATE TABLE invoices (id uuid PRIMARY KEY, tenant_id uuid NOT NULL, order_id integer UNIQUE,
          FOREIGN KEY (tenant_id, order_id) REFERENCES orders (tenant_id, id));
        ${protectTable('invoices')}`,
      object: '"invoices_order_id_key" on "public"."invoices"',
      level: 'info',
      fixIs: 'person',
    },
    {
      name: 'a key that others refer to: first they change',
      sql: `${labels('code text PRIMARY KEY')} ALTER TABLE projects ADD label text REFERENCES labels;`,
      object: '"labels_pkey" on "public"."labels"',
      also: ['foreign-key-without-tenant'],
      fixIs: 'person',
    },
    {
      name: 'a name in a table that belongs to a tenant through its parent',
      sql: `SET ROLE ${roles.owner};
        CREATE TABLE files (id uuid PRIMARY KEY, task_id uuid NOT NULL REFERENCES tasks, path text UNIQUE);
        ${parentPolicy('files', { parents: [toTask] })}${enableRowLevelSecurity('files')}`,
      object: '"files_path_key" on "public"."files"',
      fixIs: 'person',
    },
  ],
  nearMisses: [
    {
      name: 'the tenant stands last',
      sql: users(', UNIQUE (email, tenant_id)'),
    },
    {
      name: 'ids of type text that the service makes',
      sql: labels('id text PRIMARY KEY'),
    },
    {
      name: 'ids of type text that the database makes',
      sql: labels('slug varchar(40) PRIMARY KEY DEFAULT (gen_random_uuid())::text'),
    },
    {
      name: 'one row for each parent that has a uuid',
      sql: users(', project_id uuid UNIQUE, UNIQUE (project_id, email)'),
    },
    {
      name: 'counted parents in a table whose policy asks for them first',
      sql: `SET ROLE ${roles.owner};
        CREATE TABLE orders (id uuid PRIMARY KEY, tenant_id uuid NOT NULL, no integer NOT NULL, UNIQUE (tenant_id, no));
        ${protectTable('orders')}
        CREATE TABLE items (task_id uuid NOT NULL REFERENCES tasks, number integer NOT NULL, PRIMARY KEY (task_id, number));
        ${parentPolicy('items', { parents: [toTask] })}${enableRowLevelSecurity('items')}`,
    },
    {
      name: 'a partition that one tenant has for itself',
      sql: `SET ROLE ${roles.owner};
        CREATE TABLE visits (tenant_id uuid NOT NULL, email text NOT NULL) PARTITION BY LIST (tenant_id);
        CREATE TABLE "visits of A" PARTITION OF visits FOR VALUES IN ('${a}');
        CREATE UNIQUE INDEX ON "visits of A" (email);
        ${protectTable('visits', { indexes: [['email']] })}${protectTable('visits of A', { indexes: [['email']] })}`,
    },
    {
      name: 'the app role may only read the table',
      sql: `${users(', UNIQUE (email)')} REVOKE INSERT, UPDATE, DELETE ON users FROM ${roles.app};`,
    },
    {
      name: 'a shared table',
      sql: 'ALTER TABLE plans ADD UNIQUE (name);',
    },
    {
      name: 'an index that is not unique, named like one',
      sql: users('', 'CREATE INDEX users_email_key ON users (email);'),
    },
  ],
}
