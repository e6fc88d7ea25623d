// For scripts/mutation.mjs: the tests of one area.
import { mergeConfig } from 'vitest/config'
import base from './vitest.config.js'

const patterns: string[] = JSON.parse(process.env.TENANCY_MUTATION_TESTS ?? '["test/**/*.test.ts"]')

export default {
  ...mergeConfig(base, {}),
  test: {
    ...base.test,
    include: patterns.filter((pattern) => !pattern.startsWith('!')),
    exclude: patterns.filter((pattern) => pattern.startsWith('!')).map((pattern) => pattern.slice(1)),
  },
}
