// Proves that the page needs nothing but itself, shows every table and finding, and that no name in it becomes markup.
import { describe, expect, test } from 'vitest'
import { applyBaseline } from '../../../src/doctor/report/baseline.js'
import { reportHtml } from '../../../src/doctor/report/html.js'
import { clean, halfSeen, hostile, hostileNames, rules } from './reports.js'

const at = new Date('2026-01-31T12:34:56Z')
const slug = { rule: 'unique-without-tenant', object: '"public"."projects_slug_key"', reason: 'Slugs are in <URLs>.' }
const page = (of = halfSeen, entries = [slug]): string => reportHtml(applyBaseline(of, entries), { at, rules })

test('the page loads nothing and runs nothing', () => {
  for (const html of [page(), page(hostile, [])]) {
    const tags = new Set([...html.matchAll(/<([a-z0-9]+)/g)].map(([, tag]) => tag))
    for (const tag of ['script', 'link', 'img', 'iframe', 'object', 'embed', 'form', 'base', 'svg', 'video']) {
      expect(tags).not.toContain(tag)
    }
    expect(html).not.toMatch(/<[^>]*\s(on\w+|src|srcset|style)\s*=/i)
    expect(html).not.toMatch(/@import|url\(/)
    expect(html).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`)
  }
})

test('elements are closed in the order in which they were opened', () => {
  const empty = new Set(['meta', 'br'])
  for (const html of [page(), page(clean, []), page(hostile, [])]) {
    const open: string[] = []
    for (const [, slash, tag = ''] of html.matchAll(/<(\/?)([a-z][a-z0-9]*)[^>]*>/g)) {
      if (empty.has(tag)) continue
      if (slash) expect(open.pop()).toBe(tag)
      else open.push(tag)
    }
    expect(open).toEqual([])
  }
})

test('the head says what was looked at, as whom and when', () => {
  const html = page()
  for (const text of [
    'shop',
    '15.18',
    'app_user',
    'postgres',
    '2026-01-31 12:34 UTC',
    '3 errors, 1 warning, 1 accepted',
  ]) {
    expect(html).toContain(text)
  }
})

test('the matrix has a row a table, in words as well as in signs, and sums', () => {
  const rows = page().match(/<tr><th scope="row"><span class="schema">.*<\/tr>/g) ?? []
  const words = rows.map((row) => row.replaceAll(/<td class="(\w+)">.*?<\/td>/g, ' $1').replaceAll(/<[^>]*>/g, ''))
  expect(words).toEqual([
    'public.invoices no no no no yes yes yes yes yes',
    'public.payments no no no no yes yes yes none yes',
    'public.projects yes yes no no yes no none no yes',
    'public.tasks yes yes yes yes yes yes yes yes yes',
  ])
  expect(page()).toContain('1 of 4 tenant tables holds in every respect.')
  expect(page()).toContain('<tr><th scope="row">Held</th><td class="no">2/4</td><td class="no">2/4</td>')
})

test('findings come with their reason, their SQL and their page, accepted ones with why they may stay', () => {
  const html = page()
  expect(html).toContain('ALTER TABLE &quot;public&quot;.&quot;invoices&quot; FORCE ROW LEVEL SECURITY;')
  expect(html).toContain('<strong>You decide:</strong> Find out who uses the policy.')
  expect(html).toContain('<a href="https://www.postgresql.org/docs/current/sql-createpolicy.html"')
  expect(html).toContain('Slugs are in &lt;URLs&gt;.')
  expect(html).toContain('<li>Functions: The role &quot;postgres&quot; may not read pg_proc.</li>')
  expect(html).toContain('<code>tenant-index-missing</code> No index leads with the tenant: 1 finding')
  expect(html).toContain('<code>unique-without-tenant</code> A unique key does not contain the tenant: 1 finding')
})

test('a clean database says so, and one without a tenant table is not called held', () => {
  expect(page(clean, [])).toContain('<p class="verdict good">Nothing found</p>')
  expect(page(clean, [])).toContain('2 of 2 tenant tables hold in every respect.')
  expect(page({ ...clean, checked: { ...clean.checked, tables: [] } }, [])).toContain('There is no tenant table.')
})

describe('hostile names', () => {
  const html = page(hostile, [])

  test('are shown, and are no markup', () => {
    expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;')
    expect(html).toContain('&lt;/style&gt;&lt;/code&gt;&lt;/pre&gt;&lt;h1&gt;All is well&lt;/h1&gt;')
    expect(html.match(/<h1>/g)).toHaveLength(1)
    expect(html.match(/<\/style>/g)).toHaveLength(1)
  })

  test('turn no direction and ring no bell', () => {
    expect(html.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
    expect(html).toContain('\\u{202e}gnp.exe')
  })

  test('each have their row', () => {
    expect(html.match(/<tr><th scope="row"><span class="schema">/g)).toHaveLength(hostileNames.length)
  })
})
