import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createSegmenter, type LoadProgress } from '@inverseform/runtime-node'
import { sendFile, serve, temporaryFolder } from '@inverseform/testing/downloads'
import { afterEach, expect, test, vi } from 'vitest'

afterEach(() => {
  vi.unstubAllEnvs()
})

test('a segmenter loads a published model by its name and a checkpoint by its URL, each downloaded once', async () => {
  const demo = await readFile(new URL('../../../checkpoints/hrnet16-slim-demo.pth', import.meta.url))
  const server = await serve((request, response) => sendFile(request, response, demo))
  vi.stubEnv('INVERSEFORM_MIRROR', server.url)
  vi.stubEnv('INVERSEFORM_CACHE', await temporaryFolder())
  const image = { data: new Uint8Array(32 * 32 * 3), width: 32, height: 32 }
  for (const checkpoint of ['hrnet16-slim', `${server.url}/demo.pth`, new URL('/demo.pth', server.url)]) {
    const seen: LoadProgress[] = []
    await using segmenter = await createSegmenter({
      checkpoint,
      device: 'cpu',
      onProgress: (progress) => seen.push(progress),
    })
    expect(segmenter.model).toBe('hrnet16-slim')
    expect((await segmenter.segment(image)).labels).toHaveLength(32 * 32)
    const downloads = seen.filter(({ stage }) => stage === 'download')
    if (checkpoint instanceof URL) expect(downloads).toEqual([])
    else expect(downloads.at(-1)).toEqual({ stage: 'download', loaded: demo.length, total: demo.length })
    expect(seen.at(-1)).toEqual({ stage: 'compile', device: 'cpu' })
  }
  expect(server.requests.map(({ url }) => url)).toEqual(['/hr16s_4k_slim.pth', '/demo.pth'])
})

test('a model that is neither cached nor allowed to be downloaded is an error', async () => {
  const cache = await temporaryFolder()
  vi.stubEnv('INVERSEFORM_OFFLINE', '1')
  vi.stubEnv('INVERSEFORM_CACHE', cache)
  await expect(createSegmenter({ checkpoint: 'hrnet18' })).rejects.toMatchObject({
    code: 'not-found',
    hint: expect.stringContaining(join(cache, 'checkpoints', 'hrnet18_IF_checkpoint.pth')),
  })
})

test('loading stops when it is aborted during the download', async () => {
  const server = await serve((_, response) => {
    response.writeHead(200, { 'content-length': 1000 })
    response.write('x')
  })
  vi.stubEnv('INVERSEFORM_CACHE', await temporaryFolder())
  const controller = new AbortController()
  const loading = createSegmenter({
    checkpoint: `${server.url}/a.pth`,
    signal: controller.signal,
    onProgress: () => controller.abort(new Error('enough')),
  })
  await expect(loading).rejects.toThrow('enough')
})
