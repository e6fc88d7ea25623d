import { setTimeout as sleep } from 'node:timers/promises'
import { print, styled } from './printing.js'

const DEADLINE_MS = 30_000

/** What this demo says, each with the check that it is so. */
export class Claims {
  #made = 0
  #untrue = 0

  get untrue(): number {
    return this.#untrue
  }

  /** Prints what was tried and how it ended. `check` answers with how, or throws where the claim does not hold. */
  async claim(tried: string, check: () => Promise<string>): Promise<void> {
    this.#made++
    try {
      const ended = await Promise.race([check(), tooLate()])
      print(`  ${styled('green', '✓')} ${tried}${styled('dim', ' · ')}${ended}`)
    } catch (error) {
      this.#untrue++
      print(`  ${styled('red', '✗')} ${tried}${styled('dim', ' · ')}${styled('red', oneLine(error))}`)
    }
  }

  conclude(): void {
    const text =
      this.#untrue === 0 ? `All ${this.#made} claims are true.` : `${this.#untrue} of ${this.#made} claims are untrue.`
    print(styled(this.#untrue === 0 ? 'green' : 'red', text))
  }
}

/** Prisma's messages are several lines with the code around the call. */
function oneLine(error: unknown): string {
  return String(error).replace(/\s+/g, ' ').slice(0, 400)
}

async function tooLate(): Promise<never> {
  await sleep(DEADLINE_MS, undefined, { ref: false })
  throw new Error(`it had not ended after ${DEADLINE_MS / 1000} s`)
}
