import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Files = ReadonlyMap<string, Uint8Array | string>

const types: readonly (readonly [ending: RegExp, type: string])[] = [
  [/\.m?js$/, 'text/javascript'],
  [/\.wasm$/, 'application/wasm'],
  [/\.png$/, 'image/png'],
  [/\/$/, 'text/html'],
]

/** Headers that make a page cross-origin isolated. */
export const isolation = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
}

/** Serves files from memory. Under `/slow/`, responses never end. */
export async function serve(
  files: Files,
  { isolated = false, policy }: { readonly isolated?: boolean; readonly policy?: string } = {},
) {
  const requested: string[] = []
  const server = createServer((request, response) => {
    const url = request.url as string
    requested.push(url)
    const body = files.get(url.replace(/^\/slow/, ''))
    response.writeHead(body === undefined ? 404 : 200, {
      'Content-Type': types.find(([ending]) => ending.test(url))?.[1] ?? 'application/octet-stream',
      ...(body !== undefined && { 'Content-Length': Buffer.byteLength(body) }),
      // Lets the browser cache compiled WebAssembly.
      'Cache-Control': 'max-age=600',
      ...(isolated && isolation),
      ...(policy && { 'Content-Security-Policy': policy }),
    })
    if (url.startsWith('/slow/')) response.write(body?.slice(0, 1000))
    else response.end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  return {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    requested,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
