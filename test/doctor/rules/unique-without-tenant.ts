import { enableRowLevelSecurity, parentPolicy, protectTable, tenantUnique } from '../../../src/sql/index.js'
import { stoppedBy } from '../harm.js'
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
  harm: stoppedBy('23505'),
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
        harm: stoppedBy('23505'),
      },
    },
    {
      name: 'a number that a customer chooses',
      sql: `${users(', number integer UNIQUE')} UPDATE users SET number = 7;`,
      object: '"users_number_key" on "public"."users"',
      fixIs: 'person',
      probe: {
        sql: `INSERT INTO users (tenant_id, email, number) VALUES ('${b}', 'bob@example.com', 7) RETURNING email`,
        harm: stoppedBy('23505'),
      },
    },
    {
      name: 'an exclusion constraint: a person decides',
      sql: users(', EXCLUDE USING hash (email WITH =)'),
      object: '"users_email_excl" on "public"."users"',
      fixIs: 'person',
      decided: 'ALTER TABLE users DROP CONSTRAINT users_email_excl; CREATE UNIQUE INDEX ON users (tenant_id, email);',
      probe: { ...sameEmail(), harm: stoppedBy('23P01') },
    },
    {
      name: 'ids that are counted, at level info',
      sql: users(', number bigint GENERATED ALWAYS AS IDENTITY UNIQUE'),
      object: '"users_number_key" on "public"."users"',
      level: 'info',
      fixIs: 'person',
      decided: 'ALTER TABLE users DROP CONSTRAINT users_number_key; CREATE UNIQUE INDEX ON users (tenant_id, number);',
      probe: {
        sql: `INSERT INTO users (tenant_id, email, number) OVERRIDING SYSTEM VALUE VALUES ('${b}', 'bob@example.com', 1)`,
        harm: stoppedBy('23505'),
      },
    },
    {
      name: 'one row for each counted parent, at level info',
      sql: `SET ROLE ${roles.owner};
        CREATE TABLE orders (id serial PRIMARY KEY, tenant_id uuid NOT NULL);
        ${tenantUnique('orders', { columns: ['id'] })}${protectTable('orders', { indexes: [] })}
        CREATE TABLE invoices (id uuid PRIMARY KEY, tenant_id uuid NOT NULL, order_id integer UNIQUE,
          FOREIGN KEY (tenant_id, order_id) REFERENCES orders (tenant_id, id));
        ${protectTable('invoices')}
        RESET ROLE;
        INSERT INTO orders (tenant_id) VALUES ('${a}');
        INSERT INTO invoices VALUES (gen_random_uuid(), '${a}', 1);`,
      object: '"invoices_order_id_key" on "public"."invoices"',
      level: 'info',
      fixIs: 'person',
      findings: 2,
      decided: `ALTER TABLE orders DROP CONSTRAINT orders_pkey; ALTER TABLE orders ADD PRIMARY KEY (tenant_id, id);
        ALTER TABLE invoices DROP CONSTRAINT invoices_order_id_key;
        CREATE UNIQUE INDEX ON invoices (tenant_id, order_id);`,
      // That the key without the tenant answers before the one with it, is how B learns that A has invoiced order 1.
      probe: { sql: `INSERT INTO invoices VALUES (gen_random_uuid(), '${b}', 1)`, harm: stoppedBy('23505') },
    },
    {
      name: 'a key that others refer to: first they change',
      sql: `${labels('code text PRIMARY KEY')} ALTER TABLE projects ADD label text REFERENCES labels;
        INSERT INTO labels VALUES ('urgent', '${a}');`,
      object: '"labels_pkey" on "public"."labels"',
      also: ['foreign-key-without-tenant'],
      fixIs: 'person',
      decided: `ALTER TABLE projects DROP CONSTRAINT projects_label_fkey;
        ALTER TABLE labels DROP CONSTRAINT labels_pkey, ADD PRIMARY KEY (tenant_id, code);
        ALTER TABLE projects ADD FOREIGN KEY (tenant_id, label) REFERENCES labels (tenant_id, code);`,
      probe: { sql: `INSERT INTO labels VALUES ('urgent', '${b}')`, harm: stoppedBy('23505') },
    },
    {
      name: 'a name in a table that belongs to a tenant through its parent',
      sql: `SET ROLE ${roles.owner};
        CREATE TABLE files (id uuid PRIMARY KEY, task_id uuid NOT NULL REFERENCES tasks, path text UNIQUE);
        ${parentPolicy('files', { parents: [toTask] })}${enableRowLevelSecurity('files')}
        RESET ROLE;
        INSERT INTO files SELECT gen_random_uuid(), id, 'plan.pdf' FROM tasks WHERE title = 'another task';`,
      object: '"files_path_key" on "public"."files"',
      fixIs: 'person',
      decided: 'ALTER TABLE files DROP CONSTRAINT files_path_key, ADD UNIQUE (task_id, path);',
      probe: {
        sql: `INSERT INTO files SELECT gen_random_uuid(), id, 'plan.pdf' FROM tasks`,
        harm: stoppedBy('23505'),
      },
    },
    {
      name: 'a partition to which the app role writes by its parent alone',
      sql: `SET ROLE ${roles.owner};
        CREATE TABLE events (tenant_id uuid NOT NULL, at date NOT NULL, code text) PARTITION BY RANGE (at);
        CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
        CREATE UNIQUE INDEX by_code ON events_2026 (code);
        ${protectTable('events', { indexes: [['at']] })}
        REVOKE ALL ON events_2026 FROM ${roles.app};
        RESET ROLE; INSERT INTO events VALUES ('${a}', '2026-05-01', 'x');`,
      object: '"by_code" on "public"."events_2026"',
      fixIs: 'person',
      probe: {
        sql: `INSERT INTO events VALUES ('${b}', '2026-05-02', 'x') RETURNING code`,
        harm: stoppedBy('23505'),
      },
    },
  ],
  nearMisses: [
    {
      name: 'no policy lets the app role write',
      sql: `${users(', UNIQUE (email)')} DROP POLICY tenant_isolation ON users;
        CREATE POLICY reads ON users FOR SELECT USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`,
    },
    {
      name: 'the table of tenants, which refers to a tenant table',
      sql: `ALTER TABLE projects ADD CONSTRAINT of_company FOREIGN KEY (tenant_id) REFERENCES companies;
        ALTER TABLE companies ADD main_project uuid REFERENCES projects, ADD host text UNIQUE, ADD number serial UNIQUE;
        GRANT INSERT, UPDATE ON companies TO ${roles.app};`,
    },
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
