import { styleText } from 'node:util'

type Style = Parameters<typeof styleText>[0]

// styleText of Node 20 asks neither whether anybody is looking nor https://no-color.org
const colours = process.stdout.isTTY && !process.env.NO_COLOR

export function styled(style: Style, text: string): string {
  return colours ? styleText(style, text) : text
}

export function print(line = ''): void {
  console.log(line)
}

export function heading(title: string, explanation: string): void {
  print(`\n${styled('bold', title)}  ${styled('dim', explanation)}`)
}

/** Columns as wide as what stands in them: the first to the left, the others to the right. */
export function printTable(header: readonly string[], rows: readonly (readonly string[])[]): void {
  const all = [header, ...rows]
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
  print(`  ${styled('dim', line(header))}`)
  for (const row of rows) print(`  ${line(row)}`)
}
