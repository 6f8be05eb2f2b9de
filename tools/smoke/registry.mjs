// Packs every published package as for publishing, and serves the tarballs as a registry for our scope alone.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * Packs all packages into a folder, which runs their `prepack` scripts. A package that no longer needs packing may be there.
 *
 * @returns {Promise<{ manifest: object, file: string }[]>}
 */
export async function packAll(folder) {
  const packed = []
  for (const group of ['binaries', 'packages']) {
    for (const name of await readdir(join(root, group))) {
      const cwd = join(root, group, name)
      const { private: isPrivate } = JSON.parse(await readFile(join(cwd, 'package.json'), 'utf8'))
      if (isPrivate) continue
      const options = { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 2 ** 26 }
      const output = execFileSync('pnpm', ['pack', '--json', '--pack-destination', folder], options)
      // The output of the prepack script precedes the JSON.
      const { filename } = JSON.parse(output.slice(output.search(/^\{/m)))
      packed.push({ manifest: manifestOf(filename), file: filename })
    }
  }
  return packed
}

const manifestOf = (tarball) =>
  JSON.parse(execFileSync('tar', ['-xzOf', tarball, 'package/package.json'], { encoding: 'utf8' }))

/** Serves packed packages until it is closed. */
export async function serveRegistry(packed) {
  const server = createServer(({ url = '' }, response) => {
    const path = decodeURIComponent(url).slice(1)
    const found = packed.find(({ manifest, file }) => [manifest.name, basename(file)].includes(path))
    if (!found) return response.writeHead(404).end()
    response.end(path === found.manifest.name ? JSON.stringify(document(found)) : readFileSync(found.file))
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = `http://127.0.0.1:${server.address().port}/`
  const document = ({ manifest, file }) => {
    const integrity = `sha512-${createHash('sha512').update(readFileSync(file)).digest('base64')}`
    const dist = { tarball: address + basename(file), integrity }
    const { name, version } = manifest
    // Package managers that refuse new versions ask for the time.
    const time = { [version]: '2020-01-01T00:00:00.000Z' }
    return { name, time, 'dist-tags': { latest: version }, versions: { [version]: { ...manifest, dist } } }
  }
  return { address, close: () => server.close() }
}
