import type { RuleFixture } from '../rule-fixture.js'

export const fixture: RuleFixture = {
  faults: [
    {
      name: 'a pooler that handed a setting on',
      sql: '',
      options: { poolerProbe: { leaked: true, attempts: 3 } },
      object: 'CONNECTION POOLER',
      fixIs: 'person',
    },
  ],
  nearMisses: [
    { name: 'a pooler that did not', sql: '', options: { poolerProbe: { leaked: false, attempts: 20 } } },
    { name: 'nobody has tried', sql: '' },
  ],
}
