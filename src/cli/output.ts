import colors from 'picocolors'
import { isTenancyError, withoutHint } from '../errors.js'

/** 0: fine. 1: something is left to do, or to look at. 2: it could not run. */
export type ExitCode = 0 | 1 | 2

/**
 * Where a command writes. What was asked for goes to stdout, so that it can be piped; what is said about it to stderr.
 * With `--json`, stdout gets one object and nothing else.
 */
export class Output {
  readonly #json: boolean

  constructor(options: { json?: boolean | undefined } = {}) {
    this.#json = options.json ?? false
  }

  /** For people who asked for it. */
  line(text = ''): void {
    if (!this.#json) process.stdout.write(`${text}\n`)
  }

  /** The same for programs; only then is it made. */
  result(make: () => object): void {
    if (this.#json) process.stdout.write(`${JSON.stringify(make(), undefined, 2)}\n`)
  }

  /** About what happens. */
  note(text: string): void {
    process.stderr.write(`${text}\n`)
  }

  warn(text: string): void {
    this.note(`${colors.yellow('warning:')} ${text}`)
  }
}

/** An error as people read it: what happened, and what to type. No stack trace, unless TENANCY_DEBUG asks for it. */
export function reportError(error: unknown, options: { json: boolean }): void {
  const known = isTenancyError(error) ? error : undefined
  const message = known ? withoutHint(known) : `${(error as Error | undefined)?.message ?? error}`
  const hint = known?.hint ?? 'This is not an error that tenancy expects. TENANCY_DEBUG=1 shows where it came from.'
  const { code, docsUrl } = known ?? { code: 'UNEXPECTED' }
  const output = new Output(options)
  output.result(() => ({ error: { code, message, hint, ...(docsUrl !== undefined && { docsUrl }) } }))
  output.note(`${colors.red('error:')} ${message}`)
  output.note(`${colors.cyan('hint:')}  ${hint.replaceAll('\n', '\n       ')}`)
  if (docsUrl !== undefined) output.note(`       ${docsUrl}`)
  if (process.env['TENANCY_DEBUG']) output.note(`\n${(error as Error).stack}`)
}

/** `1 row`, `2 rows`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
