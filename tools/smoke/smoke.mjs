// Installs the packed packages into empty projects with each package manager, and uses them on each version of Node.
//
// usage: node tools/smoke/smoke.mjs [--managers npm10,npm,pnpm,yarn1,yarn,yarn-pnp] [--nodes 20,22,24,26]
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { configurations, entryPoints, projectFiles } from './project.mjs'
import { packAll, serveRegistry } from './registry.mjs'

const { values } = parseArgs({
  options: {
    managers: { type: 'string', default: 'npm10,npm,pnpm,yarn1,yarn,yarn-pnp' },
    nodes: { type: 'string', default: '20,22,24,26' },
  },
})
const list = (text) => text.split(',').filter(Boolean)
const checkpoint = fileURLToPath(new URL('../../checkpoints/hrnet16-slim-demo.pth', import.meta.url))
// Settings of the package manager that started this script must not reach the ones under test.
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm|pnpm)_/i.test(name)))
const run = async (command, args, cwd) =>
  (await promisify(execFile)(command, args, { cwd, env, encoding: 'utf8', maxBuffer: 2 ** 26 })).stdout.trim()

const lastLine = (text) => text.split('\n').at(-1)

const problems = []
/** Runs one check and prints what it returned and its time. */
async function check(name, call) {
  const started = performance.now()
  const time = () => `${((performance.now() - started) / 1000).toFixed(1)} s`
  try {
    console.log(`ok    ${name}: ${await call()} (${time()})`)
  } catch (error) {
    problems.push(name)
    console.log(`FAIL  ${name} (${time()})\n${error.stdout ?? ''}${error.stderr ?? error.message}`)
  }
}

const folder = await mkdtemp(join(tmpdir(), 'smoke-'))
const packed = await packAll(folder)
const registry = await serveRegistry(packed)
const upstream = await run('npm', ['config', 'get', 'registry'], folder)
try {
  const tools = join(folder, 'tools')
  await mkdir(tools)
  const system = process.platform === 'win32' ? 'win' : process.platform
  await run(
    'npm',
    [
      ...['install', '--prefix', tools, '--no-audit', '--no-fund'],
      ...[
        'npm10@npm:npm@10',
        'npm@npm:npm@11',
        'pnpm@npm:pnpm@10',
        'yarn1@npm:yarn@1',
        'yarn@npm:@yarnpkg/cli-dist@4',
      ],
      ...list(values.nodes).map((major) => `node${major}@npm:node-${system}-${process.arch}@${major}`),
    ],
    tools,
  )
  const tool = (path) => join(tools, 'node_modules', path)
  const managers = {
    npm10: { main: 'npm10/bin/npm-cli.js', add: 'install' },
    npm: { main: 'npm/bin/npm-cli.js', add: 'install' },
    pnpm: { main: 'pnpm/bin/pnpm.cjs', add: 'add' },
    yarn1: { main: 'yarn1/bin/yarn.js', add: 'add' },
    yarn: { main: 'yarn/bin/yarn.js', add: 'add' },
    'yarn-pnp': { main: 'yarn/bin/yarn.js', add: 'add', run: ['node'] },
  }

  for (const name of list(values.managers)) {
    const { main, add, run: prefix } = managers[name]
    const manage = (...args) => run(process.execPath, [tool(main), ...args], project)
    const project = await emptyProject(name)
    await check(`${name} ${await manage('--version')}: ${add} @inverseform/cli`, async () => {
      await manage(add, '@inverseform/cli')
      return `${await megabytes(project)} MB`
    })
    const node = (...args) => (prefix ? manage(...prefix, ...args) : run(process.execPath, args, project))
    await writeFile(
      join(project, 'import.mjs'),
      "import { exitCodes } from '@inverseform/cli'\nconsole.log(typeof exitCodes)\n",
    )
    await check(`${name}: import`, () => node('import.mjs'))
    await check(`${name}: inverseform doctor`, async () => {
      const args = ['inverseform', 'doctor', '--json']
      const bin = join(project, 'node_modules/.bin/inverseform')
      const text = existsSync(bin) ? await run(bin, args.slice(1), project) : await manage('run', ...args)
      const { auto, devices } = JSON.parse(text)
      if (auto.device !== 'cpu') throw new Error(auto.attempts[0].reason)
      return devices
        .filter(({ outcome }) => outcome === 'used')
        .map(({ device }) => device)
        .join(' and ')
    })
    await rm(project, { recursive: true })
  }

  const project = await emptyProject('project')
  const names = packed.map(({ manifest }) => manifest.name).filter((name) => !name.includes('/onnxruntime-'))
  const npm = (...args) => run(process.execPath, [tool('npm/bin/npm-cli.js'), ...args], project)
  await npm('install', ...names, 'typescript@5.9', '@types/node@20')
  for (const [name, text] of Object.entries(projectFiles(entryPoints(packed), checkpoint))) {
    await writeFile(join(project, name), text)
  }
  for (const [name, configuration] of Object.entries(configurations)) {
    await writeFile(join(project, `${name}.json`), JSON.stringify(configuration))
    await check(`tsc with ${name}`, async () => {
      await run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', `${name}.json`], project)
      return configuration.files.join(' and ')
    })
  }
  for (const major of list(values.nodes)) {
    const node = tool(`node${major}/bin/node`)
    const version = await run(node, ['--version'], project)
    await check(`Node ${version}: import, segment`, async () =>
      lastLine(await run(node, ['import.mjs'], project)),
    )
    await check(`Node ${version}: require, segment`, async () =>
      lastLine(await run(node, ['require.cjs'], project)),
    )
    await check(`Node ${version}: segment on WebAssembly`, () => run(node, ['wasm.mjs'], project))
    await check(`Node ${version}: inverseform --version`, () => {
      return run(node, ['node_modules/@inverseform/cli/dist/bin.js', '--version'], project)
    })
  }
  const modules = join(project, 'node_modules')
  const removeOurs = async () => {
    const ours = (await readdir(join(modules, '@inverseform'))).filter((name) =>
      name.startsWith('onnxruntime-'),
    )
    for (const name of ours) await rm(join(modules, '@inverseform', name), { recursive: true })
  }
  const segmentsOn = async (expected) => {
    const device = lastLine(await run(process.execPath, ['import.mjs'], project))
    if (device !== expected) throw new Error(`it ran on ${device}`)
    return device
  }
  await removeOurs()
  await check('without a native library, as on an Intel Mac or Alpine: segment', () => segmentsOn('wasm'))
  // As for CUDA, which may be out of reach here.
  env.ONNXRUNTIME_NODE_INSTALL = 'skip'
  await npm('install', 'onnxruntime-node')
  await removeOurs()
  await check('with onnxruntime-node beside: segment', () => segmentsOn('cpu'))
} finally {
  registry.close()
  await rm(folder, { recursive: true })
}
if (problems.length > 0) process.exitCode = 1

/** Creates a project whose package managers find our scope in our registry, and keep nothing outside of it. */
async function emptyProject(name) {
  const project = join(folder, `project-${name}`)
  await mkdir(project)
  const cache = join(folder, `cache-${name}`)
  const caches = `cache=${cache}\nstore-dir=${cache}\n`
  env.YARN_CACHE_FOLDER = cache
  const scope = `@inverseform:registry=${registry.address}`
  await writeFile(join(project, 'package.json'), '{ "name": "project", "private": true }\n')
  await writeFile(
    join(project, '.npmrc'),
    `${scope}\nregistry=${upstream}\naudit=false\nfund=false\n${caches}`,
  )
  if (name.startsWith('yarn')) {
    const lines = [
      `npmRegistryServer: "${upstream}"`,
      `npmScopes: { inverseform: { npmRegistryServer: "${registry.address}" } }`,
      'unsafeHttpWhitelist: ["127.0.0.1"]',
      `globalFolder: ${JSON.stringify(cache)}`,
      `nodeLinker: ${name === 'yarn' ? 'node-modules' : 'pnp'}`,
      'enableTelemetry: false',
      // Not the default of new versions, but of older ones.
      'enableScripts: true',
    ]
    await writeFile(join(project, '.yarnrc.yml'), lines.join('\n'))
    await writeFile(join(project, 'yarn.lock'), '')
  }
  return project
}

/** Returns the size of a folder; files with several names count once. */
async function megabytes(path) {
  const seen = new Set()
  let bytes = 0
  for (const entry of await readdir(path, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const { ino, size } = await stat(join(entry.parentPath, entry.name))
    if (!seen.has(ino)) bytes += size
    seen.add(ino)
  }
  return Math.round(bytes / 1e6)
}
