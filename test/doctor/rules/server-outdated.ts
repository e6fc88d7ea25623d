import type { RuleFixture } from '../rule-fixture.js'

const told = (major: number, minor: number) => ({ version: `${major}.${minor}`, number: major * 10_000 + minor })

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'a release before the last hole was mended',
      sql: '',
      server: told(15, 19),
      object: 'PostgreSQL 15.19',
      level: 'error',
      fixIs: 'person',
    },
    {
      name: 'one of the newest major version',
      sql: '',
      server: told(18, 4),
      object: 'PostgreSQL 18.4',
      level: 'error',
      fixIs: 'person',
    },
    {
      name: 'the first release of a major version',
      sql: '',
      server: told(16, 0),
      object: 'PostgreSQL 16.0',
      level: 'error',
      fixIs: 'person',
    },
    {
      name: 'a major version that nobody mends any more',
      sql: '',
      server: told(12, 22),
      object: 'PostgreSQL 12.22',
      level: 'error',
      fixIs: 'person',
    },
  ],
  nearMisses: [
    { name: 'the release that mended it', sql: '', server: told(15, 20) },
    { name: 'the same of other major versions', sql: '', server: told(17, 12) },
    { name: 'a later one', sql: '', server: told(18, 9) },
    { name: 'a major version that never had it', sql: '', server: told(19, 0) },
  ],
}
