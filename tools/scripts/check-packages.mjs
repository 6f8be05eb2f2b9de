// Packs every package as for publishing and checks the tarballs: license files, publint, attw, bundled private packages, and no
// Node imports in packages for browsers. Packing builds what has changed.
import { execFileSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const browserSafe = new Set(['backbones', 'cityscapes', 'core', 'runtime', 'runtime-web', 'training'])
const problems = []

const run = (command, args, cwd) =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

/** Runs one check of a package and prints its result. A check fails by throwing. */
function check(name, what, call) {
  try {
    call()
    console.log(`ok    ${name}: ${what}`)
  } catch (error) {
    problems.push(`${name}: ${what}`)
    console.log(`FAIL  ${name}: ${what}\n${error.stdout ?? ''}${error.stderr ?? error.message}`)
  }
}

const folder = await mkdtemp(join(tmpdir(), 'packages-'))
try {
  for (const name of await readdir(join(root, 'packages'))) {
    const cwd = join(root, 'packages', name)
    const manifest = JSON.parse(await readFile(join(cwd, 'package.json'), 'utf8'))
    if (manifest.private) continue
    const output = run('pnpm', ['pack', '--json', '--pack-destination', folder], cwd)
    // The output of the prepack script precedes the JSON.
    const { filename, files } = JSON.parse(output.slice(output.search(/^\{/m)))
    const paths = new Set(files.map(({ path }) => path))
    check(name, 'LICENSE, NOTICE and README are packed', () => {
      const missing = ['LICENSE', 'NOTICE', 'README.md'].filter((path) => !paths.has(path))
      if (missing.length > 0) throw new Error(`missing: ${missing}`)
    })
    check(name, 'every entry point is packed', () => {
      // Values, but not keys.
      const targets = JSON.stringify([manifest.exports, manifest.bin]).matchAll(/"\.\/([^"]+)"(?!:)/g)
      const missing = [...targets].map(([, target]) => target).filter((target) => !paths.has(target))
      if (missing.length > 0) throw new Error(`missing: ${missing}`)
    })
    check(name, 'publint', () => run('pnpm', ['exec', 'publint', filename, '--strict'], root))
    check(name, 'attw', () => run('pnpm', ['exec', 'attw', filename, '--profile', 'esm-only'], root))
    const code = await Promise.all(
      [...paths]
        .filter((path) => /^dist\/.*\.(js|d\.ts)$/.test(path))
        .map(async (path) => [path, await readFile(join(cwd, path), 'utf8')]),
    )
    check(name, 'private packages are bundled', () => {
      const leaking = code.filter(([, text]) =>
        /@inverseform\/(errors|shared|distance-transform|testing)/.test(text),
      )
      if (leaking.length > 0) throw new Error(leaking.map(([path]) => path).join(', '))
    })
    if (browserSafe.has(name)) {
      check(name, 'the main entry runs in browsers', () => {
        const [, index] = code.find(([path]) => path === 'dist/index.js')
        const imported = [
          index,
          ...code.filter(([path]) => index.includes(path.slice('dist/'.length))).map(([, text]) => text),
        ]
        if (imported.some((text) => /from ["']node:/.test(text))) {
          throw new Error('it imports a Node module')
        }
      })
    }
  }
} finally {
  await rm(folder, { recursive: true })
}
if (problems.length > 0) process.exitCode = 1
