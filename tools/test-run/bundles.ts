import { mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, type Plugin as EsbuildPlugin } from 'esbuild'
import type { Plugin } from 'vitest/config'

/** How packages start a thread: from its build, or from its sources with `tsx`. */
const [fromBuild, fromSources] = [
  /new URL\('(\.\/[\w-]+)\.js', import\.meta\.url\)/,
  "!import.meta.url.endsWith('.ts')",
]
const suffix = '?bundled'

/**
 * Bundles what tests run outside of Vitest, once per run: the threads that packages start, and the programs that tests import
 * with `?bundled`, which gives a path. From the sources, each thread and process would load `tsx` and read some 150 modules,
 * which takes half of the time of opening a network.
 */
export function bundles(): Plugin {
  const bundled = new Map<string, Promise<Bundle>>()
  const bundleOnce = (source: string) => {
    const found = bundled.get(source) ?? bundle(source, bundleOnce)
    bundled.set(source, found)
    return found
  }
  return {
    name: 'bundles',
    // Before the types are removed, which rewrites the code.
    enforce: 'pre',
    async load(id) {
      if (!id.endsWith(suffix)) return
      const { path, inputs } = await bundleOnce(id.slice(0, -suffix.length))
      for (const input of inputs) this.addWatchFile(input)
      return `export default ${JSON.stringify(path)}`
    },
    async transform(code, id) {
      const { code: changed, thread } = await startFromBundle(code, id, bundleOnce)
      for (const input of thread?.inputs ?? []) this.addWatchFile(input)
      return thread && { code: changed, map: null }
    },
    watchChange: () => bundled.clear(),
  }
}

interface Bundle {
  readonly path: string
  readonly inputs: readonly string[]
}
type BundleOnce = (source: string) => Promise<Bundle>

/** Makes a module start its thread from a bundle. A module that starts none in the known way is left as it is. */
async function startFromBundle(
  code: string,
  path: string,
  bundleOnce: BundleOnce,
): Promise<{ code: string; thread?: Bundle }> {
  const entry = code.includes(fromSources) && fromBuild.exec(code)
  if (!entry) return { code }
  const thread = await bundleOnce(resolve(dirname(path), `${entry[1]}.ts`))
  const url = `new URL(${JSON.stringify(pathToFileURL(thread.path).href)})`
  return { code: code.replace(entry[0], url).replace(fromSources, 'true'), thread }
}

let folder: string | undefined

async function bundle(source: string, bundleOnce: BundleOnce): Promise<Bundle> {
  if (!folder) {
    folder = mkdtempSync(join(tmpdir(), 'inverseform-bundles-'))
    process.once('exit', () => rmSync(folder as string, { recursive: true, force: true }))
  }
  const outdir = mkdtempSync(join(folder, `${basename(source, '.ts')}-`))
  const { metafile } = await build({
    entryPoints: [source],
    bundle: true,
    outdir,
    outExtension: { '.js': '.mjs' },
    format: 'esm',
    // Keeps modules that are imported later in files of their own.
    splitting: true,
    platform: 'node',
    target: 'node20',
    conditions: ['@inverseform/source'],
    metafile: true,
    logLevel: 'error',
    plugins: [inPlace(bundleOnce)],
  })
  const inputs = Object.keys(metafile.inputs).map((input) => resolve(input))
  return { path: join(outdir, basename(source).replace(/ts$/, 'mjs')), inputs }
}

/** Lets bundled modules find what they would find from their own places: dependencies, files, and their threads. */
const inPlace = (bundleOnce: BundleOnce): EsbuildPlugin => ({
  name: 'in-place',
  setup(esbuild) {
    esbuild.onResolve({ filter: /^[^./]/ }, async ({ path, pluginData, ...from }) => {
      if (path.startsWith('@inverseform/') || path.startsWith('node:') || pluginData === 'found') return
      if (from.kind === 'entry-point') return
      const found = await esbuild.resolve(path, { ...from, pluginData: 'found' })
      return found.errors.length > 0 ? { errors: found.errors } : external(found.path)
    })
    esbuild.onLoad({ filter: /\/packages\/[^/]+\/(src|test)\/.*\.ts$/ }, async ({ path }) => {
      const { code } = await startFromBundle(await readFile(path, 'utf8'), path, bundleOnce)
      const url = JSON.stringify(pathToFileURL(path).href)
      return { contents: code.replaceAll('import.meta.url', url), loader: 'ts' }
    })
  },
})

const external = (path: string) => ({
  path: /^(\/|[A-Z]:)/.test(path) ? pathToFileURL(path).href : path,
  external: true,
})
