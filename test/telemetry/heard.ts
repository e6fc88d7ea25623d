// What was published on the library's channels while something ran.
import { listen, type TenancyEvents } from '../../src/telemetry/events.js'

export type Heard = { readonly [Name in keyof TenancyEvents]: TenancyEvents[Name][] }

export async function heardDuring(run: () => unknown): Promise<Heard> {
  const heard: Heard = { scope: [], binding: [], refusal: [], across: [] }
  const ends = (Object.keys(heard) as (keyof Heard)[]).map((name) =>
    listen(name, (event) => void (heard[name] as unknown[]).push(event)),
  )
  try {
    await run()
    return heard
  } finally {
    for (const end of ends) end()
  }
}
