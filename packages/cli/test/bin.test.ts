import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import bin from '../src/bin.ts?bundled'
import { exitCodes } from '../src/exit-codes.js'
import { loadingError } from '../src/loading-error.js'
import { Printer } from '../src/printer.js'
import { checkpoint, dataset, eventsOf, temporaryFolder } from './command-line.js'

/** Runs the program in its own process. */
function start(...args: string[]) {
  const child = spawn(process.execPath, [bin, ...args])
  let err = ''
  child.stderr.on('data', (part) => (err += part))
  const ended = once(child, 'close').then(([exitCode]) => ({ exitCode, err }))
  return { child, ended }
}

test('a reader may close stdout early; files are still written', async () => {
  const out = join(await temporaryFolder(), 'out')
  const { child, ended } = start(
    ...['eval', '--checkpoint', checkpoint, '--data', dataset, '--limit', '1', '--pictures', '0'],
    ...['--json', '--out', out],
  )
  child.stdout.destroy()
  const { exitCode, err } = await ended
  expect(err).not.toMatch(/EPIPE|^\s+at /m)
  expect(exitCode).toBe(0)
  expect((await readdir(out)).sort()).toEqual(['confusion.svg', 'index.html', 'results.json', 'state'])
})

test.runIf(process.platform === 'linux')('results that cannot be printed are still written', async () => {
  const out = join(await temporaryFolder(), 'out')
  const full = openSync('/dev/full', 'w')
  const flags = [
    '--checkpoint',
    checkpoint,
    '--data',
    dataset,
    '--limit',
    '1',
    '--pictures',
    '0',
    '--out',
    out,
  ]
  const child = spawn(process.execPath, [bin, 'eval', ...flags], { stdio: ['ignore', full, 'pipe'] })
  closeSync(full)
  let err = ''
  child.stderr?.on('data', (part) => (err += part))
  const [exitCode] = await once(child, 'close')
  expect(exitCode).toBe(exitCodes.output)
  expect(err).toMatch(/^error: The results could not be printed: .*no space/m)
  expect(await readdir(out)).toEqual(expect.arrayContaining(['index.html', 'results.json']))
})

const golden = fileURLToPath(new URL('../../cityscapes/test/fixtures/metrics/', import.meta.url))

test.runIf(process.platform === 'linux').each(['a closed pipe', '/dev/full'])(
  'events that cannot be written, to %s, do not end a command',
  async (to) => {
    const out = join(await temporaryFolder(), 'out')
    const err = to === '/dev/full' ? openSync(to, 'w') : 'pipe'
    const args = ['metrics', '--gt', golden, '--pred', join(golden, 'results'), '--log-json', '--out', out]
    const child = spawn(process.execPath, [bin, ...args], { stdio: ['ignore', 'ignore', err] })
    child.stderr?.destroy()
    if (typeof err === 'number') closeSync(err)
    expect(await once(child, 'close')).toEqual([0, null])
    expect(await readdir(out)).toEqual(expect.arrayContaining(['index.html', 'results.json']))
  },
)

// Windows has no signals, so another process cannot send them.
test.skipIf(process.platform === 'win32').each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)('%s has its own exit code and leaves no temporary files', async (signal, expected) => {
  const folder = await temporaryFolder()
  const [out, temporary] = [join(folder, 'out'), join(folder, 'tmp')]
  await mkdir(temporary)
  const flags = [
    '--checkpoint',
    checkpoint,
    '--data',
    dataset,
    '--no-model-cache',
    '--log-json',
    '--out',
    out,
  ]
  const child = spawn(process.execPath, [bin, 'eval', ...flags], {
    env: { ...process.env, TMPDIR: temporary },
  })
  let err = ''
  child.stderr.on('data', (part) => {
    err += part
    if (String(part).includes('tensors loaded')) child.kill(signal)
  })
  const [exitCode] = await once(child, 'close')
  const message = `${signal} was received.`
  expect(eventsOf(err).at(-1)).toMatchObject({ event: 'run-stopped', level: 'warn', exitCode, message })
  expect(exitCode).toBe(expected)
  const files = await readdir(folder, { recursive: true })
  expect(files.filter((name) => name.includes('inverseform-') || name.endsWith('.html'))).toEqual([])
})

test.each([['--version'], ['--help']])('%s loads neither libraries nor commands', async (...args) => {
  const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
  const flags = [
    '--conditions=@inverseform/source',
    '--import',
    'tsx',
    '--import',
    path('./fixtures/trace-imports.mjs'),
  ]
  const child = spawn(process.execPath, [...flags, path('../src/bin.ts'), ...args])
  let [out, err] = ['', '']
  child.stdout.on('data', (part) => (out += part))
  child.stderr.on('data', (part) => (err += part))
  expect(await once(child, 'close')).toEqual([0, null])
  expect(out).toMatch(/^(\d+\.\d+\.\d+\n$|Usage)/)
  expect(err).toMatch(/^import .*commander/m)
  const allowed =
    /\/(commander|cli\/(src\/[\w-]+\.[jt]s|src\/options\/words\.[jt]s|package\.json)|errors|shared)\b/
  const imports = err.split('\n').filter((line) => line.startsWith('import ') && !allowed.test(line))
  expect(imports).toEqual([])
})

test('a program that runs out of open files while it is loaded says so', () => {
  let err = ''
  const printer = new Printer({ out: () => {}, err: (text) => (err += text), interactive: false })
  const error = Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' })
  expect(loadingError(error, printer)).toBe(exitCodes.runtime)
  expect(err).toMatch(/^error: .*open files.*\nhint: .*ulimit -n 1024/)
})
