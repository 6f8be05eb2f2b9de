import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Answer, dropAfter, sendFile, serve, smallCheckpoint } from '@inverseform/testing/downloads'
import sharp from 'sharp'
import { afterEach, expect, test, vi } from 'vitest'
import { checkpoint, dataset, inverseform, temporaryFolder } from './command-line.js'

afterEach(() => {
  vi.unstubAllEnvs()
})

/** A server of published files under their names, which the environment names as the mirror, and an empty cache. */
async function setUp(answer?: Answer) {
  const demo = new Uint8Array(await readFile(checkpoint))
  const server = await serve(answer ?? ((request, response) => sendFile(request, response, demo)))
  const cache = await temporaryFolder()
  vi.stubEnv('INVERSEFORM_MIRROR', server.url)
  vi.stubEnv('INVERSEFORM_CACHE', cache)
  return { server, demo, path: join(cache, 'checkpoints', 'hr16s_4k_slim.pth') }
}

test('models pull downloads once, shows the progress and prints the path; list shows it; remove removes it', async () => {
  const { server, path } = await setUp()
  const pulled = await inverseform('models', 'pull', 'hrnet16-slim')
  expect(pulled).toMatchObject({ exitCode: 0, out: `${path}\n` })
  expect(pulled.err).toMatch(
    /^Downloading hrnet16-slim …\n(\d+\.\d\/13\.3 MB .*\n)*13\.3\/13\.3 MB {2}[\d.]+ MB\/s {2}\d:\d\d\n$/,
  )
  expect(await inverseform('models', 'pull', 'hrnet16-slim')).toEqual({
    exitCode: 0,
    out: `${path}\n`,
    err: '',
  })
  expect(server.requests.map(({ url }) => url)).toEqual(['/hr16s_4k_slim.pth'])

  const list = await inverseform('models', 'list')
  expect(list.out).toContain(`hrnet16-slim  13.3 MB  ${path}\n`)
  expect(list.out).toMatch(/^hrnet18 +not downloaded$/m)
  const models = JSON.parse((await inverseform('models', 'list', '--json')).out)
  expect(models.map(({ cached }: { cached: object | null }) => cached)).toEqual([
    null,
    expect.objectContaining({ path, url: `${server.url}/hr16s_4k_slim.pth`, bytes: 13310776 }),
    null,
    null,
    null,
  ])

  const removed = await inverseform('models', 'remove', 'hrnet16-slim')
  expect(removed).toEqual({ exitCode: 0, out: '', err: `Removed ${path} (13.3 MB)\n` })
  expect((await inverseform('models', 'remove', 'hrnet16-slim')).err).toBe(
    'hrnet16-slim is not in the cache\n',
  )
  expect((await inverseform('models', 'remove', 'all')).err).toBe('The cache has no checkpoints\n')
  expect((await inverseform('models')).out).not.toContain(path)
})

test('models list counts converted models, and models remove all removes them', async () => {
  const { path } = await setUp()
  const models = join(path, '../../models')
  const folder = await temporaryFolder()
  const photo = join(folder, 'photo.png')
  await sharp({ create: { width: 64, height: 32, channels: 3, background: 'gray' } }).toFile(photo)
  const predict = async (...flags: string[]) => {
    const device = ['--device', 'cpu', '--out', join(folder, 'out')]
    const { exitCode } = await inverseform('predict', photo, '--checkpoint', checkpoint, ...device, ...flags)
    expect(exitCode).toBe(0)
  }
  await predict('--no-model-cache')
  expect((await inverseform('models', 'list')).out).not.toContain('converted')
  await predict()
  const { out } = await inverseform('models', 'list')
  expect(out).toMatch(/^1 converted +\d+\.\d MB /m)
  expect(out).toContain(` MB  ${models}\n`)
  const { err } = await inverseform('models', 'remove', 'all')
  expect(err).toMatch(/^Removed .*[0-9a-f]{64} \(\d+\.\d MB\)\n$/)
  expect(err).toContain(models)
  expect((await inverseform('models', 'list')).out).not.toContain('converted')
})

test('models pull all takes every published file from --mirror', async () => {
  const { server } = await setUp(async (request, response) => {
    sendFile(request, response, await smallCheckpoint(1))
  })
  const { exitCode, out } = await inverseform('models', 'pull', 'all', '--mirror', `${server.url}/models`)
  expect(exitCode).toBe(0)
  expect(out.trimEnd().split('\n')).toHaveLength(5)
  expect(server.requests.map(({ url }) => url).sort()).toEqual([
    '/models/distance_measures_regressor.pth',
    '/models/hr16s_4k_slim.pth',
    '/models/hrnet18_IF_checkpoint.pth',
    '/models/hrnet48_OCR_HMS_IF_checkpoint.pth',
    '/models/hrnet48_OCR_IF_checkpoint.pth',
  ])
})

test('models pull tells of dropped connections and of damage', async () => {
  let first = true
  const { demo, path } = await setUp((request, response) => {
    if (request.headers.range === undefined && first) dropAfter(response, demo, 5_000_000)
    else sendFile(request, response, demo)
    first = false
  })
  const { exitCode, err } = await inverseform('models', 'pull', 'hrnet16-slim')
  expect(exitCode).toBe(0)
  // How much of the last part arrives is up to the sockets.
  expect(err).toMatch(
    /note: The download stopped after [45]\.\d of 13\.3 MB: 127\.0\.0\.1 dropped the connection\. Trying again in 1 s\./,
  )
  await writeFile(path, demo.subarray(0, 1000))
  const again = await inverseform('models', 'pull', 'hrnet16-slim')
  expect(again).toMatchObject({ exitCode: 0, out: `${path}\n` })
  expect(again.err).toMatch(
    /^note: .* is damaged \(it has 1000 bytes, but had 13310776 on .*\) and is downloaded again\.\n/,
  )
  expect((await readFile(path)).equals(demo)).toBe(true)
})

test.each([
  [['models', 'pul'], 'models has no command "pul".', 'Use list, pull or remove.'],
  [['models', 'pull', 'hrnet17'], 'There is no published model "hrnet17".', 'Use hrnet18, '],
  [['models', 'remove', 'all.pth'], 'There is no published model "all.pth".', 'Use hrnet18, '],
  [
    ['models', 'pull', 'hrnet18', '--mirror', 'nowhere'],
    '`mirror` must be an http(s) URL',
    'Pass the address',
  ],
])('%j is refused', async (args, message, hint) => {
  vi.stubEnv('INVERSEFORM_CACHE', await temporaryFolder())
  const { exitCode, err } = await inverseform(...args)
  expect(exitCode).toBe(2)
  expect(err).toContain(message)
  expect(err).toContain(`hint: ${hint}`)
})

test('commands accept a name or a URL as the checkpoint, and download it once', async () => {
  const { server, path } = await setUp()
  const inspected = await inverseform('inspect', 'hrnet16-slim', '--json')
  expect(JSON.parse(inspected.out)).toMatchObject({ model: 'hrnet16-slim', path })
  const folder = await temporaryFolder()
  const converted = await inverseform('convert', 'hrnet16-slim', '--out', join(folder, 'model.onnx'))
  expect(converted.exitCode).toBe(0)
  expect(server.requests).toHaveLength(1)
  const byUrl = await inverseform('inspect', `${server.url}/other/demo.pth`, '--json')
  expect(JSON.parse(byUrl.out)).toMatchObject({ model: 'hrnet16-slim' })
  expect(server.requests).toHaveLength(2)
})

test('predict runs a model by its name, and names the model of a missing file', async () => {
  const { server } = await setUp()
  const folder = await temporaryFolder()
  const image = join(folder, 'a.png')
  await sharp({ create: { width: 64, height: 48, channels: 3, background: 'gray' } }).toFile(image)
  const predict = (name: string) =>
    inverseform('predict', image, '--checkpoint', name, '--out', join(folder, 'out'))
  const predicted = await predict('hrnet16-slim')
  expect(predicted).toMatchObject({ exitCode: 0 })
  expect(predicted.err).toContain('Wrote the predictions of 1 image')
  expect(server.requests).toHaveLength(1)
  const missing = await predict('models/hr16s_4k_slim.pth')
  expect(missing.exitCode).toBe(3)
  expect(missing.err).toContain(
    'error: models/hr16s_4k_slim.pth does not exist.\nhint: Pass --checkpoint hrnet16-slim, and',
  )
})

test('train starts from a model by its name, which need not be repeated', async () => {
  const { server } = await setUp()
  const out = await temporaryFolder()
  const { exitCode, err } = await inverseform(
    ...[
      'train',
      '--data',
      dataset,
      '--split',
      'val',
      '--checkpoint',
      'hrnet16-slim',
      '--steps',
      '1',
      '--crop',
      '64x128',
    ],
    ...['--loss', 'cross-entropy', '--evaluate-every', '0', '--workers', '0', '--out', join(out, 'run')],
  )
  expect(err).toContain('tensors of the checkpoint are loaded')
  expect(exitCode).toBe(0)
  expect(server.requests).toHaveLength(1)
})

test.each([
  ['hr16s_4k_slim.pth', 'Pass hrnet16-slim instead, and the published checkpoint is downloaded.'],
  ['hrnet16', 'The published models are hrnet18, hrnet16-slim, ocrnet48, ocrnet48-hms and inversenet.'],
])('inspect %s says what may be meant', async (name, hint) => {
  const { exitCode, err } = await inverseform('inspect', name)
  expect(exitCode).toBe(3)
  expect(err).toContain(`hint: ${hint}`)
})
