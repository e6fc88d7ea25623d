// Prisma's schema engine, which comes as a wasm file without a loader for Node. One instance a process: the package keeps
// the last one that was loaded, and an engine of an earlier one breaks down.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

export interface SchemaEngineBindings<Engine> {
  readonly SchemaEngine: { new: (options: unknown, log: () => void, adapter: unknown) => Promise<Engine> }
}

// Node has it as a global; its types come with the browser's, which are not wanted here.
const { WebAssembly: wasm } = globalThis as unknown as {
  WebAssembly: {
    Module: new (bytes: Uint8Array) => object
    Instance: new (module: object, imports: object) => { exports: Record<string, (() => void) | undefined> }
  }
}

let loaded: Promise<object> | undefined

/** `Engine` has the methods that the caller uses. */
export async function schemaEngine<Engine>(): Promise<SchemaEngineBindings<Engine>> {
  loaded ??= load()
  return (await loaded) as SchemaEngineBindings<Engine>
}

async function load(): Promise<object> {
  const entry = '@prisma/schema-engine-wasm/schema_engine_bg'
  const bindings = (await import(entry)) as { __wbg_set_wasm(exports: object): void }
  const file = createRequire(import.meta.url)
    .resolve(entry)
    .replace(/js$/, 'wasm')
  const { exports } = new wasm.Instance(new wasm.Module(readFileSync(file)), { './schema_engine_bg.js': bindings })
  bindings.__wbg_set_wasm(exports)
  exports['__wbindgen_start']?.()
  return bindings
}
