// A person at a terminal: a pseudo-terminal of the system's own `script`, keys typed when the screen asks for them.
import { spawn } from 'node:child_process'
import { stripVTControlCharacters } from 'node:util'
import { cleanEnvironment } from './command.js'

export const ENTER = '\r'
export const DOWN = '\u001b[B'
export const SPACE = ' '
export const CTRL_C = '\u0003'
/** Takes back what stands in a text field. */
export const CLEAR = '\u0015'

export interface Exchange {
  /** What the screen must show before anything is typed. */
  readonly screen: string
  readonly type: string
}

export interface Session {
  readonly code: number | null
  /** Everything that was ever on the screen, without colours and movements. */
  readonly screen: string
}

/**
 * Runs a command in a terminal of 100 columns and answers it.
 *
 * `script` comes with every Debian (bsdutils, an essential package), with util-linux elsewhere, and with macOS.
 */
export function inTerminal(
  cwd: string,
  command: readonly string[],
  dialogue: readonly Exchange[],
  { patience = 20_000 } = {},
): Promise<Session> {
  const line = `stty cols 100 rows 50; exec ${command.map(shellQuote).join(' ')}`
  // macOS has BSD's, which takes the command as arguments and hands its exit code on by itself.
  const args =
    process.platform === 'darwin'
      ? ['-q', '/dev/null', 'sh', '-c', line]
      : ['--quiet', '--return', '--command', line, '/dev/null']
  const child = spawn('script', args, { cwd, env: { ...cleanEnvironment(), TERM: 'xterm' } })
  return new Promise((resolve, reject) => {
    let screen = ''
    let seen = 0
    let next = 0
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`The screen never showed ${JSON.stringify(dialogue[next]?.screen)}:\n${screen.slice(seen)}`))
    }, patience)
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      screen += stripVTControlCharacters(text)
      for (let exchange = dialogue[next]; exchange; exchange = dialogue[next]) {
        const at = screen.indexOf(exchange.screen, seen)
        if (at < 0) return
        seen = at + exchange.screen.length
        next++
        // One key after another, as a keyboard sends them: a program may take a burst for a paste.
        void typeKeys(exchange.type)
      }
    })
    const typeKeys = async (keys: string): Promise<void> => {
      // An arrow is three characters, and one key.
      const arrows = keys.split(DOWN)
      const each = arrows.flatMap((part, n) => (n === 0 ? [...part] : [DOWN, ...part]))
      for (const key of each) {
        await new Promise((resolve) => setTimeout(resolve, 15))
        child.stdin.write(key)
      }
    }
    child.on('error', (error) => {
      clearTimeout(timer)
      reject(new Error('`script` is missing: install bsdutils or util-linux.', { cause: error }))
    })
    child.on('close', (code) => {
      clearTimeout(timer)
      if (next < dialogue.length) {
        reject(new Error(`It ended before it showed ${JSON.stringify(dialogue[next]?.screen)}:\n${screen}`))
      } else resolve({ code, screen })
    })
  })
}

function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
