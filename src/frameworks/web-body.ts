import { runInScope, type Scope } from '../context.js'

/**
 * The same stream, read in the scope. A server pulls a response's body long after its handler has returned, from a place
 * that knows no scope, and a stream's own `pull` and `cancel` run wherever they were asked for.
 */
export function bodyInScope(body: ReadableStream<Uint8Array>, scope: Scope): ReadableStream<Uint8Array> {
  const reader = runInScope(scope, () => body.getReader())
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await runInScope(scope, () => reader.read())
        if (done) controller.close()
        else controller.enqueue(value)
      },
      cancel: (reason) => runInScope(scope, () => reader.cancel(reason)),
    },
    // Nothing is read ahead of whoever reads this one.
    { highWaterMark: 0 },
  )
}

/** The response with its body read in the scope. */
export function responseInScope(response: Response, scope: Scope): Response {
  if (response.body === null) return response
  return new Response(bodyInScope(response.body, scope), response)
}
