import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createServer, build as viteBuild } from 'vite'
import webpack from 'webpack'
import { ortFile } from './files.js'

/** Files by their paths. */
export type App = ReadonlyMap<string, Uint8Array | string>

/** Folder of the pages. At the site's root, wrong URLs could work by chance. */
export const APP_PATH = '/app/'

const page = (script: string) =>
  `<!doctype html><title>App</title><link rel="icon" href="data:,"><script type="module" src="${script}"></script>`

const script = (module: string, options = '') => `
  import { createSegmenter } from '${module}'
  const segmenter = await createSegmenter({ checkpoint: 'models/demo.pth', device: 'wasm'${options} })
  const { width, height, labels } = await segmenter.segment('street.png')
  await segmenter.dispose()
  globalThis.found = { width, height, labels: Array.from(labels) }`

/**
 * Writes the application that both bundlers build.
 * @param data the files that it fetches, by paths relative to its page
 */
export async function writeApp(folder: string, data: App): Promise<void> {
  for (const [path, content] of data) {
    await mkdir(join(folder, 'public', dirname(path)), { recursive: true })
    await writeFile(join(folder, 'public', path), content)
  }
  await writeFile(join(folder, 'index.html'), page('./main.js'))
  await writeFile(join(folder, 'main.js'), script('@inverseform/runtime-web'))
}

export async function withVite(folder: string): Promise<App> {
  const outDir = join(folder, 'dist-vite')
  await viteBuild({
    root: folder,
    base: APP_PATH,
    configFile: false,
    logLevel: 'error',
    build: { outDir },
  })
  const files = await filesIn(outDir)
  return files.set(APP_PATH, files.get(`${APP_PATH}index.html`) as Uint8Array)
}

export async function viteServer(folder: string, headers: Readonly<Record<string, string>>) {
  const server = await createServer({
    root: folder,
    base: APP_PATH,
    configFile: false,
    logLevel: 'error',
    cacheDir: join(folder, '.vite'),
    // Here, unlike in an application, ONNX Runtime is a link to outside of the folder.
    server: { host: 'localhost', port: 0, headers, fs: { strict: false } },
  })
  return server.listen()
}

export async function withWebpack(folder: string): Promise<App> {
  const outDir = join(folder, 'dist-webpack')
  const compiler = webpack({
    mode: 'production',
    context: folder,
    entry: './main.js',
    output: { path: outDir },
    performance: { hints: false },
    // Minimizing takes most of the time and is not tested.
    optimization: { minimize: false },
  })
  const stats = await new Promise<webpack.Stats | undefined>((resolve, reject) =>
    compiler.run((error, stats) => (error ? reject(error) : resolve(stats))),
  )
  await new Promise((resolve) => compiler.close(resolve))
  if (stats?.hasErrors() || stats?.hasWarnings()) throw new Error(stats.toString())
  return withPage([...(await filesIn(outDir)), ...(await filesIn(join(folder, 'public')))])
}

/** Serves only the files that README.md names. */
export async function withoutBundler(folder: string): Promise<App> {
  const files = await filesIn(join(folder, 'node_modules/@inverseform/runtime-web/dist'), '/inverseform/')
  const served = [...files].filter(([path]) => /\/(index|worker)\.bundle\.js$/.test(path))
  const options = `,
    worker: () => new Worker('/inverseform/worker.bundle.js', { type: 'module' }),
    wasmPaths: '/onnxruntime/'`
  return withPage([
    ...served,
    ...(await filesIn(join(folder, 'public'))),
    [`${APP_PATH}main.js`, script('/inverseform/index.bundle.js', options)],
    ['/onnxruntime/ort-wasm-simd-threaded.asyncify.mjs', ortFile('mjs')],
    ['/onnxruntime/ort-wasm-simd-threaded.asyncify.wasm', ortFile('wasm')],
  ])
}

function withPage(files: readonly (readonly [string, Uint8Array | string])[]): App {
  return new Map([...files, [APP_PATH, page('main.js')]])
}

async function filesIn(folder: string, path = APP_PATH): Promise<Map<string, Uint8Array | string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
  return new Map(
    await Promise.all(
      files.map(async (file) => [path + file.slice(folder.length + 1), await readFile(file)] as const),
    ),
  )
}
