import { createReadStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, preview } from 'vite'

export const configFile = fileURLToPath(new URL('../../vite.config.ts', import.meta.url))

export interface BuiltSite extends AsyncDisposable {
  readonly folder: string
}

export interface Site extends AsyncDisposable {
  readonly url: string
}

/** Builds the static files into a temporary folder. */
export async function buildSite(): Promise<BuiltSite> {
  const folder = await mkdtemp(join(tmpdir(), 'playground-'))
  await build({ configFile, logLevel: 'error', build: { outDir: folder, emptyOutDir: true } })
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) }
}

/** Serves the files with `vite preview`, cross-origin isolated. */
export async function previewSite(folder: string): Promise<Site> {
  const server = await preview({
    configFile,
    build: { outDir: folder },
    preview: { port: 0, host: 'localhost' },
  })
  return { url: server.resolvedUrls!.local[0], [Symbol.asyncDispose]: () => server.close() }
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.wasm': 'application/wasm',
}

/** Serves the files in a folder, with no header but the content type. */
export async function hostSite(folder: string): Promise<Site> {
  const server = createServer(({ url = '' }, response) => {
    const path = url === '/some/folder/' ? 'index.html' : url.replace('/some/folder/', '')
    const file = createReadStream(join(folder, path))
    file.on('error', () => response.writeHead(404).end())
    file.on('open', () => {
      response.setHeader('Content-Type', types[extname(path)] ?? 'application/octet-stream')
      file.pipe(response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}/some/folder/`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
