// Proves that docs/doctor-rules.md is what the rules and their fixtures say.
import { expect, test } from 'vitest'

import { allFixtures } from './doctor/rule-fixture.js'
import { rulesPage } from './doctor/rules-page.js'

test('docs/doctor-rules.md is what the rules and their fixtures say; after a change: -u', async () => {
  await expect(rulesPage(await allFixtures())).toMatchFileSnapshot('../docs/doctor-rules.md')
})
