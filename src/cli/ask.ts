import * as prompts from '@clack/prompts'
import { isTenancyError, TenancyError, withoutHint } from '../errors.js'

/** Questions in a terminal. Ctrl+C or Escape ends the command, and nothing is written. */

export interface Choice<Value extends string> {
  readonly value: Value
  readonly label?: string
  readonly hint?: string
}

export async function askOne<Value extends string>(
  message: string,
  choices: readonly Choice<Value>[],
  initial: Value,
): Promise<Value> {
  // The type of an option depends on Value in a way that is the same for every string.
  const options = [...choices] as Parameters<typeof prompts.select<Value>>[0]['options']
  return answered(await prompts.select<Value>({ message, options, initialValue: initial, maxItems: 12 }))
}

export async function askSome(message: string, choices: readonly string[]): Promise<string[]> {
  const options = choices.map((value) => ({ value }))
  return answered(await prompts.multiselect({ message, options, required: false, maxItems: 12 }))
}

/** @param check throws where the text will not do */
export async function askText(message: string, initial: string, check: (text: string) => void): Promise<string> {
  const validate = (text: string | undefined): string | undefined => {
    try {
      check(text ?? '')
      return undefined
    } catch (error) {
      return isTenancyError(error) ? withoutHint(error) : String(error)
    }
  }
  return answered(await prompts.text({ message, initialValue: initial, validate }))
}

export async function askWhether(message: string): Promise<boolean> {
  return answered(await prompts.confirm({ message }))
}

export function begin(title: string): void {
  prompts.intro(title)
}

export function end(text: string): void {
  prompts.outro(text)
}

export function cancelled(): TenancyError {
  return new TenancyError('CONFIG.INVALID', 'Cancelled, and nothing was written.', {
    hint: 'Start again with: tenancy init. Flags answer questions beforehand: tenancy init --help',
  })
}

function answered<Value>(answer: Value | typeof prompts.CANCEL_SYMBOL): Value {
  if (prompts.isCancel(answer)) throw cancelled()
  return answer as Value
}
