import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** The response to every request. Tests change it. */
export interface Answer {
  body: Uint8Array | string
  headers: Record<string, string>
  status: number
  /** Status for HEAD requests, if it differs. */
  headStatus?: number
  /** Whether to close the connection in the middle of the body. */
  broken?: boolean
}

/** Serves one file from its own origin, and records the requests. */
export async function serveCheckpoint() {
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
    /** Returns the methods and authorization headers of the requests since the last call. */
    requests: () => requested.splice(0),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}
