import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What a server answers to every request, to be changed by a test. */
export interface Answer {
  body: Uint8Array | string
  headers: Record<string, string>
  status: number
  /** Status of answers to HEAD, where it is another one. */
  headStatus?: number
  /** Ends the connection in the middle of the body. */
  broken?: boolean
}

/** A server of one file, on an origin of its own, which counts what it is asked. */
export async function serveWeights() {
  const answer: Answer = { body: '', headers: {}, status: 200 }
  const requested: string[] = []
  const server = createServer(({ method, headers: { authorization } }, response) => {
    requested.push([method, authorization].filter(Boolean).join(' '))
    const { body, headers, status, headStatus, broken } = answer
    response.writeHead(method === 'HEAD' ? (headStatus ?? status) : status, headers)
    if (!broken || method === 'HEAD') response.end(body)
    else response.write(body.slice(0, 3), () => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  async function stop() {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}/weights.pth`,
    answer,
    /** Methods, with the authorization that came with them, since this was last called. */
    requests: () => requested.splice(0),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}
