import type { Rule } from '../rule.js'

export const poolerLeaksSettings: Rule = {
  id: 'pooler-leaks-settings',
  level: 'warning',
  title: 'The pooler hands settings of one client to the next',
  why: 'What a client sets for its session, the tenant, a search path, a role, stays on the server connection, and the pooler gives that to somebody else. Whoever binds the tenant with SET instead of inside a transaction then serves one customer the rows of another. This library binds each statement; scripts, consoles and other services behind the same pooler may not.',
  docsUrl: 'https://www.postgresql.org/docs/current/sql-discard.html',
  harm: 'other',
  unprovable: 'The probe is the proof: a random setting was set on one connection and read on another.',
  check: ({ options: { poolerProbe } }) => {
    if (!poolerProbe?.leaked) return []
    return [
      {
        object: 'CONNECTION POOLER',
        detail: `A setting that one connection had set for its session was read by another one, in ${poolerProbe.attempts} ${poolerProbe.attempts === 1 ? 'attempt' : 'attempts'}.`,
        needsPerson:
          'In PgBouncer, set server_reset_query = DISCARD ALL and, where it pools by transaction, server_reset_query_always = 1; or let everybody set with set_config(…, true) inside a transaction alone.',
      },
    ]
  },
}
