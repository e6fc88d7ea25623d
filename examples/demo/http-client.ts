import { request } from 'node:http'

export interface Answer<Body> {
  readonly status: number
  readonly body: Body
}

/** One request, as any client of the service makes it: `ask(service, 'GET /projects', { token })`. */
export function ask<Body>(
  service: string,
  what: `${string} /${string}`,
  { token, host, body }: { readonly token?: string; readonly host?: string; readonly body?: object } = {},
): Promise<Answer<Body>> {
  const [method = '', path = ''] = what.split(' ')
  return new Promise((resolve, reject) => {
    // Not fetch: it is not meant to say another host than the one it connects to.
    const sent = request(new URL(path, service), {
      method,
      headers: {
        ...(host !== undefined && { host }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
    })
    sent.on('error', reject)
    sent.on('response', (response) => {
      response.setEncoding('utf8')
      let text = ''
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('error', reject)
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as Body }))
    })
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })
}
