// What tests of the documentation share: the code and the output that a page shows, and running the code as it stands there.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { expect } from 'vitest'

const root = new URL('../../', import.meta.url)

/** A page by its path from the root of the repository. */
export const readPage = (path: string): Promise<string> => readFile(new URL(path, root), 'utf8')

/** The blocks of code of one language, or of none, in their order. */
export function blocks(page: string, language: string): string[] {
  const fenced = [...page.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)]
  return fenced.filter(([, name]) => name === language).map(([, , code = '']) => code)
}

/** Imports the code as a module of its own, two folders below the root. */
export async function runModule<Exports>(name: string, code: string): Promise<Exports> {
  const folder = new URL('.tmp/docs/', root)
  await mkdir(folder, { recursive: true })
  const file = new URL(`${name}-${process.pid}.ts`, folder)
  await writeFile(file, code)
  return (await import(/* @vite-ignore */ file.href)) as Exports
}

/** Is the output what the page shows of it? A line `…` on the page stands for any number of lines. */
export function expectShown(shown: string, output: string): void {
  const parts = shown.trimEnd().split(/^…\n?/m)
  const whole = parts.map((part) => part.replace(/\n$/, ''))
  let rest = `\n${output.trimEnd()}\n`
  for (const [n, part] of whole.entries()) {
    if (part === '') continue
    const at = rest.indexOf(`\n${part}\n`)
    expect(at === -1 ? rest : part, 'a page shows an output that is no longer so').toBe(part)
    if (n === 0) expect(rest.slice(0, at), 'output before what a page begins with').toBe('')
    rest = rest.slice(at + part.length + 1)
  }
  if (whole.at(-1) !== '') expect(rest, 'output after what a page ends with').toBe('\n')
}

/** The page with other code in its blocks of one language: what a snapshot of the page compares and updates. */
export function withBlocks(page: string, language: string, replaced: readonly string[]): string {
  let n = 0
  const changed = page.replaceAll(/^```(.*)\n([\s\S]*?)^```$/gm, (block, name: string) =>
    name === language ? `\`\`\`${name}\n${replaced[n++]}\`\`\`` : block,
  )
  expect(n, 'as many blocks on the page as there are outputs').toBe(replaced.length)
  return changed
}
