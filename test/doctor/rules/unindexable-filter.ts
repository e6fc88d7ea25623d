import { protectTable } from '../../../src/sql/index.js'
import type { RuleFixture } from '../rule-fixture.js'
import { b, roles } from '../world.js'

const tickets = (index: string, name = 'tickets'): string => `SET ROLE ${roles.owner};
CREATE TYPE "Ticket State" AS ENUM ('open', 'done');
CREATE TABLE ${name} (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id uuid NOT NULL, state "Ticket State" NOT NULL,
  price numeric(10, 2) NOT NULL DEFAULT 0, meta jsonb, tags text[], title varchar(80), due date, urgent boolean);
${protectTable(name.replaceAll('"', ''), { indexes: [['id']] })}
${index};`

const prepare = `INSERT INTO tickets (tenant_id, state, price)
    SELECT '${b}', CASE WHEN n % 500 = 0 THEN 'open'::"Ticket State" ELSE 'done' END, n FROM generate_series(1, 20000) AS n;
  ANALYZE tickets;`

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'an enum behind the tenant',
      sql: tickets('CREATE INDEX by_state ON tickets (tenant_id, state)'),
      object: '"public"."by_state"',
      fixIs: 'person',
      plan: {
        prepare,
        sql: `SELECT id FROM tickets WHERE state = 'open'`,
        slow: (plan) => !/Index Cond: .*state = 'open'/.test(plan),
      },
    },
    {
      name: 'a numeric behind the tenant',
      sql: tickets('CREATE INDEX by_price ON tickets (tenant_id, price)'),
      object: '"public"."by_price"',
      fixIs: 'person',
      plan: {
        prepare,
        sql: 'SELECT id FROM tickets WHERE price BETWEEN 10 AND 12',
        slow: (plan) => !/Index Cond: .*price >= /.test(plan),
      },
    },
    {
      name: 'json, an array, and text that is searched in: a person decides',
      sql: tickets(`CREATE INDEX by_meta ON tickets USING gin (meta);
        CREATE INDEX by_tags ON tickets (tenant_id, due, tags)`),
      object: '"public"."by_tags"',
      findings: 2,
      fixIs: 'person',
      // What is filtered by becomes text.
      decided: 'DROP INDEX by_meta; ALTER TABLE tickets ALTER COLUMN tags TYPE text; ANALYZE tickets;',
      plan: {
        prepare: `INSERT INTO tickets (tenant_id, state, due, tags)
            SELECT '${b}', 'open', '2026-11-24', ARRAY['tag ' || n] FROM generate_series(1, 20000) AS n;
          ANALYZE tickets;`,
        sql: `SELECT id FROM tickets WHERE due = '2026-11-24' AND tags = '{"tag 7"}'`,
        slow: (plan) => !/Index Cond: .*tags = /.test(plan),
      },
    },
    {
      name: 'under a name that needs quotes',
      sql: tickets('CREATE INDEX "by ""State""" ON "Ticket.s" (tenant_id, title, state)', '"Ticket.s"'),
      object: '"public"."by ""State"""',
      fixIs: 'person',
      plan: {
        prepare: prepare
          .replaceAll('tickets', '"Ticket.s"')
          .replace('price)', 'title)')
          .replace(', n FROM', ', n % 40 FROM'),
        sql: `SELECT id FROM "Ticket.s" WHERE title = '7' AND state = 'open'`,
        slow: (plan) => !/Index Cond: .*state = 'open'/.test(plan),
      },
    },
  ],
  nearMisses: [
    {
      name: 'types whose operators are leakproof',
      sql: tickets('CREATE INDEX ON tickets (tenant_id, title, due); CREATE INDEX ON tickets (urgent, id)'),
    },
    {
      name: 'an index that keeps a key unique',
      sql: tickets('CREATE UNIQUE INDEX ON tickets (tenant_id, state, title)'),
    },
    {
      name: 'a column that the index only carries along',
      sql: tickets('CREATE INDEX ON tickets (tenant_id, due) INCLUDE (state, price)'),
    },
    {
      name: 'a table without policies',
      sql: `CREATE INDEX ON plans ((id::numeric)); ALTER TABLE plans ADD price numeric; CREATE INDEX ON plans (price);`,
    },
    {
      name: 'the comparisons have been marked',
      sql: `${tickets('CREATE INDEX ON tickets (tenant_id, state)')} RESET ROLE; ALTER FUNCTION enum_eq LEAKPROOF;`,
    },
  ],
}
