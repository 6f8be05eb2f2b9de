import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeSafetensors } from '@inverseform/backbones'
import { onTestFinished } from 'vitest'

/** Answers a request; `count` is how many came before it. */
export type Answer = (request: IncomingMessage, response: ServerResponse, count: number) => void

/** Starts a server that ends with the test, and keeps the requests. */
export async function serve(answer: Answer) {
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    requests.push(request)
    answer(request, response, requests.length - 1)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    ranges: () => requests.map(({ headers }) => headers.range),
  }
}

/** Starts a proxy that passes requests on, through tunnels or not, and keeps the hosts that it was asked for. It refuses those that start with `refused.`. */
export async function serveProxy(target: string) {
  const hosts: string[] = []
  const { port: targetPort } = new URL(target)
  const proxy = createServer((incoming, outgoing) => {
    const { host, pathname } = new URL(incoming.url as string)
    hosts.push(host)
    const { method, headers } = incoming
    request({ port: targetPort, path: pathname, method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode as number, answer.headers)
      answer.pipe(outgoing)
    }).end()
  })
  proxy.on('connect', ({ url }, socket) => {
    hosts.push(url as string)
    if (url?.startsWith('refused.')) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n')
      return
    }
    const upstream = connect(Number(targetPort), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      socket.pipe(upstream).pipe(socket)
    })
    upstream.on('error', () => socket.destroy())
    socket.on('error', () => upstream.destroy())
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    proxy.closeAllConnections()
    await new Promise((resolve) => proxy.close(resolve))
  })
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, hosts }
}

/** Sends what a request asks for, as a good server does. */
export function sendFile(
  { headers: { range, 'if-range': ifRange } }: IncomingMessage,
  response: ServerResponse,
  body: Uint8Array,
  etag?: string,
): void {
  const start = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0)
  const isPart = start > 0 && (ifRange === undefined || ifRange === etag)
  if (isPart && start >= body.byteLength) {
    response.writeHead(416, { 'content-range': `bytes */${body.byteLength}` }).end()
    return
  }
  const part = isPart ? body.subarray(start) : body
  response.writeHead(isPart ? 206 : 200, {
    'content-length': part.byteLength,
    ...(etag && { etag }),
    ...(isPart && { 'content-range': `bytes ${start}-${body.byteLength - 1}/${body.byteLength}` }),
  })
  response.end(part)
}

/** Announces a whole body, but drops the connection after some of its bytes have arrived. */
export function dropAfter(response: ServerResponse, body: Uint8Array, bytes: number, etag?: string): void {
  response.writeHead(200, { 'content-length': body.byteLength, ...(etag && { etag }) })
  response.write(body.subarray(0, bytes), () => setTimeout(() => response.destroy(), 20))
}

/** Returns a small checkpoint of no published model, with other values each time. */
export async function smallCheckpoint(kilobytes = 300): Promise<Uint8Array> {
  const data = new Uint8Array(randomBytes(kilobytes * 1000))
  const tensor = { name: 'values', dtype: 'uint8', shape: [data.length] } as const
  const parts: Uint8Array[] = []
  await writeSafetensors([{ ...tensor, read: async () => ({ ...tensor, data }) }], {
    write: async (part) => void parts.push(part.slice()),
  })
  return new Uint8Array(Buffer.concat(parts))
}

/** Creates a folder that is removed after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'inverseform-test-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}
