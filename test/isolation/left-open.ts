// What is left open: what raw SQL can still do that no text, status or tag shows. README's chapter is written from this
// list. Every item is shown harmful by left-open.test.ts, so one that is closed fails there and leaves this list.
import type { Mode } from '../support/modes.js'

export interface LeftOpen {
  readonly what: string
  /** In which modes. */
  readonly modes: readonly Mode[]
  /** What to do about it, in one sentence. */
  readonly remedy: string
  /** Run by tenant A, in a scope. `run(sql)` is a function of the user's own that executes what it is given. */
  readonly attack: readonly string[]
  /** Run by A on another connection, and still running when the probe does. */
  readonly meanwhile?: string
  /** From this PostgreSQL on, the server reports the change, and a pool ends the connection with its lease. */
  readonly reportedFrom?: number
  /** In portable mode only where the adapter prepares statements by name. */
  readonly prepared?: true
  /** Are the attack's statements one interactive transaction, whose last one is the probe? */
  readonly inTransaction?: true
  /** Then run by tenant B, or by A itself where the harm is A's reading. `{A}` and `{B}` are ids. */
  readonly probe: string
  readonly probedBy: 'a' | 'b'
  /** What the probe answers, or is refused with, where the harm is done. Its one value, as text. */
  readonly harm: RegExp
}

const both: readonly Mode[] = ['pool', 'portable']
const portable: readonly Mode[] = ['portable']
const NO_SUCH_FUNCTIONS =
  'Give the app role no CREATE on any schema and no EXECUTE on functions that run text as SQL or change settings; seal the tenants where the SQL itself may be injected.'
const PLAIN_NAMES =
  'Write schema-qualified names in raw SQL, as Prisma does, and revoke TEMP on the database from the app role.'

export const LEFT_OPEN: readonly LeftOpen[] = [
  {
    what: 'A function that sets the tenant reads another tenant’s rows within the statement that calls it.',
    modes: both,
    remedy: NO_SUCH_FUNCTIONS,
    attack: [],
    probe: `WITH x AS MATERIALIZED (SELECT run($$SELECT set_config('app.tenant_id', '{B}', true)$$))
      SELECT DISTINCT p.tenant_id::text AS value FROM x, projects p`,
    probedBy: 'a',
    harm: /^{B}$/,
  },
  {
    what: 'A function that sets the tenant changes it for the rest of the transaction, which portable mode binds only once.',
    modes: portable,
    remedy: `Use pool mode, which binds every statement. ${NO_SUCH_FUNCTIONS}`,
    attack: [`SELECT run($$SELECT set_config('app.tenant_id', '{B}', true)$$)`],
    inTransaction: true,
    probe: 'SELECT DISTINCT tenant_id::text AS value FROM projects',
    probedBy: 'a',
    harm: /^{B}$/,
  },
  {
    what: 'A function that makes a temporary table named like a real one shows it to the next tenant’s raw SQL.',
    modes: both,
    remedy: PLAIN_NAMES,
    attack: [`SELECT run($$CREATE TEMP TABLE projects AS SELECT 'forged' AS name$$)`],
    probe: 'SELECT name AS value FROM projects',
    probedBy: 'b',
    harm: /^forged$/,
  },
  {
    what: 'A function that sets search_path decides what the next tenant’s unqualified names mean. PostgreSQL 18 tells a pool, and the connection ends with its lease.',
    modes: both,
    reportedFrom: 18,
    remedy: PLAIN_NAMES,
    attack: [`SELECT run($$SET search_path = 'pg_catalog'$$)`],
    probe: 'SELECT count(*)::text AS value FROM projects',
    probedBy: 'b',
    harm: /"?projects"? does not exist/,
  },
  {
    what: 'A function that changes any other setting changes it for the next tenant: timeouts, row_security, read-only.',
    modes: both,
    remedy: 'Write SET LOCAL, or a SET clause at the function, in functions of your own.',
    attack: ['SELECT run($$SET row_security = off$$)'],
    probe: 'SELECT count(*)::text AS value FROM projects',
    probedBy: 'b',
    harm: /row-level security/i,
  },
  {
    what: 'A function that changes standard_conforming_strings or client_encoding blinds the gate for every later statement of the connection. The server tells a pool, and the connection ends with its lease.',
    modes: ['portable'],
    remedy: NO_SUCH_FUNCTIONS,
    attack: ['SELECT run($$SET standard_conforming_strings = off$$)'],
    // To the gate a string that holds `\', set_config(…) --`; to the server a short string and a call.
    probe: `WITH x AS MATERIALIZED (SELECT '\\'' AS a, set_config('app.tenant_id', '{A}', true) AS b /* '*/)
      SELECT DISTINCT p.tenant_id::text AS value FROM x, projects p -- '`,
    probedBy: 'b',
    harm: /^{A}$/,
  },
  {
    what: 'A function that declares a cursor WITH HOLD leaves its rows to the next tenant, who reads them through another function.',
    modes: both,
    remedy: NO_SUCH_FUNCTIONS,
    attack: ['SELECT run($$DECLARE held CURSOR WITH HOLD FOR SELECT tenant_id FROM projects$$)'],
    probe: "SELECT ask($$SELECT cursor_to_xml('held', 10, false, false, '')::text$$) AS value",
    probedBy: 'b',
    harm: /{A}/,
  },
  {
    what: 'A function that takes a session advisory lock keeps it after its transaction, on a connection that goes on.',
    modes: both,
    remedy: 'Take pg_advisory_xact_lock in functions of your own.',
    attack: ['SELECT run($$SELECT pg_advisory_lock(42)$$)'],
    probe: "SELECT count(*)::text AS value FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()",
    probedBy: 'b',
    harm: /^1$/,
  },
  {
    what: 'A function that replaces the prepared statement which binds turns the binding off: pool mode prepares it where no pooler stands between, portable mode where the adapter names statements.',
    modes: both,
    remedy: NO_SUCH_FUNCTIONS,
    prepared: true,
    attack: [
      `SELECT run($x$DO $$ DECLARE s record; BEGIN
         FOR s IN SELECT name, statement FROM pg_prepared_statements WHERE statement LIKE 'SELECT pg_catalog.set_config(''app.ten%' LOOP
           EXECUTE 'DEALLOCATE ' || quote_ident(s.name);
           EXECUTE 'PREPARE ' || quote_ident(s.name) || '(text) AS '
             || replace(s.statement, 'pg_catalog.set_config(''app.tenant_id'', $1, true)', '$1');
         END LOOP;
         PERFORM set_config('app.tenant_id', '{A}', false);
       END $$ $x$)`,
    ],
    probe: 'SELECT DISTINCT tenant_id::text AS value FROM projects',
    probedBy: 'b',
    harm: /^{A}$/,
  },
  {
    what: 'A function, operator or cast of the user’s own that calls what is refused by name does what that does: large objects, for one, have no row-level security.',
    modes: both,
    remedy: 'Revoke EXECUTE on such functions from PUBLIC, and keep files in bytea columns of tenant tables.',
    attack: ["SELECT ask($$SELECT lo_from_bytea(4242, 'the secret of A')::text$$)"],
    probe: "SELECT ask($$SELECT convert_from(lo_get(4242), 'UTF8')$$) AS value",
    probedBy: 'b',
    harm: /^the secret of A$/,
  },
  {
    what: 'A view of the user’s own over pg_stat_activity shows every tenant the SQL text of every other one, since all of them are one role.',
    modes: both,
    remedy:
      'Send values as parameters, never pasted into the text, and revoke EXECUTE on pg_stat_get_activity(integer) from PUBLIC.',
    attack: [],
    meanwhile: "SELECT 'the secret of A' AS value, pg_sleep(0.5)::text",
    probe: "SELECT coalesce(string_agg(query, ' '), 'nothing') AS value FROM activity WHERE pid <> pg_backend_pid()",
    probedBy: 'b',
    harm: /the secret of A/,
  },
  {
    what: 'Statistics count the rows of all tenants: pg_class, sizes and the estimates of EXPLAIN.',
    modes: both,
    remedy: 'Treat how much data all tenants together have as known to each of them.',
    attack: [],
    probe: "SELECT reltuples::text AS value FROM pg_class WHERE oid = 'projects'::regclass",
    probedBy: 'a',
    harm: /^6$/,
  },
]
