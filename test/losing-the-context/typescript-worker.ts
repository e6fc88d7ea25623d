// A thread that runs TypeScript. In threads of Node 20 `--import tsx` does nothing: they have to ask for it themselves.
import { Worker, type WorkerOptions } from 'node:worker_threads'

export class TypeScriptWorker extends Worker {
  constructor(file: URL, options?: WorkerOptions) {
    const [tsx, module] = [import.meta.resolve('tsx/esm/api'), file.href].map((url) => JSON.stringify(url))
    super(`import(${tsx}).then(({ register }) => { register(); return import(${module}) })`, { ...options, eval: true })
  }
}
