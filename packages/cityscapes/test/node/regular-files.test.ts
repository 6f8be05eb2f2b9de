import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, open, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { encodeLabelPng } from '../../src/index.js'
import {
  createLabelImages,
  createSubmission,
  evaluatePairs,
  readInstanceIds,
  readLabelIds,
  readLabelPng,
  readPolygons,
} from '../../src/node.js'

let root: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'regular-files-'))
})
afterEach(() => rm(root, { recursive: true }))

const readers = { readLabelPng, readLabelIds, readInstanceIds, readPolygons }

describe.each(Object.entries(readers))('%s', (_, read) => {
  it.skipIf(process.platform === 'win32')('refuses named pipes and devices without waiting', async () => {
    const pipe = join(root, 'pipe.png')
    execFileSync('mkfifo', [pipe])
    await expect(read(pipe)).rejects.toMatchObject({
      code: 'unreadable',
      message: expect.stringContaining(`${pipe} is a named pipe`),
    })
    await expect(read('/dev/zero')).rejects.toMatchObject({
      code: 'unreadable',
      message: expect.stringContaining('is a device'),
    })
  })

  it('refuses folders, missing files, broken links and what is not a path', async () => {
    const [folder, link] = [join(root, 'a.png'), join(root, 'b.png')]
    await mkdir(folder)
    await symlink(join(root, 'nowhere'), link)
    await expect(read(folder)).rejects.toThrow('is a folder')
    await expect(read(link)).rejects.toMatchObject({ code: 'not-found' })
    for (const path of [undefined, '', 5, 'a\0b']) {
      await expect(read(path as string)).rejects.toMatchObject({ code: 'invalid-argument' })
    }
  })

  it('refuses enormous files before it reads them', async () => {
    const path = join(root, 'huge')
    const file = await open(path, 'w')
    await file.truncate(2 ** 36)
    await file.close()
    await expect(read(path)).rejects.toMatchObject({
      code: 'limit-exceeded',
      message: expect.stringMatching(/has 68719476736 bytes, at most \d+ are allowed/),
    })
  })
})

describe('maxPixels', () => {
  it('limits every function that reads label maps or polygons', async () => {
    const map = { width: 2048, height: 1024 }
    const name = 'ulm_000000_000019'
    const predictions = join(root, 'predictions')
    await mkdir(predictions)
    const target = join(predictions, `${name}_labelIds.png`)
    await writeFile(target, encodeLabelPng({ ...map, data: new Uint8Array(2 ** 21) }))
    const folder = join(root, 'gtFine/val/ulm')
    await mkdir(folder, { recursive: true })
    const json = join(folder, `${name}_gtFine_polygons.json`)
    await writeFile(json, '{"imgWidth": 2048, "imgHeight": 1024, "objects": []}')
    const pairs = [{ name, target, prediction: target }]
    const runs = [
      (maxPixels?: number) => readLabelPng(target, { maxPixels }),
      (maxPixels?: number) => readLabelIds(target, { maxPixels }),
      (maxPixels?: number) => readInstanceIds(target, { maxPixels }),
      (maxPixels?: number) => readPolygons(json, { maxPixels }),
      (maxPixels?: number) => evaluatePairs(pairs, { metrics: { confusion: {} }, workers: 0, maxPixels }),
      (maxPixels?: number) => evaluatePairs(pairs, { metrics: { confusion: {} }, workers: 1, maxPixels }),
      (maxPixels?: number) => createLabelImages({ data: root, overwrite: true, maxPixels }),
      (maxPixels?: number) => createSubmission({ predictions, out: join(root, 'out'), maxPixels }),
    ]
    for (const run of runs) {
      await expect(run(2 ** 21 - 1)).rejects.toMatchObject({
        code: 'limit-exceeded',
        message: expect.stringContaining('2048x1024 = 2097152 pixels, at most 2097151 are allowed'),
        hint: expect.stringContaining('`maxPixels`'),
      })
      await expect(run(0)).rejects.toThrow('`maxPixels` must be')
      await run(2 ** 21)
      await run()
    }
  })

  it('limits the bytes of polygons', async () => {
    const path = join(root, 'a_polygons.json')
    await writeFile(path, `{"imgWidth": 2, "imgHeight": 1, "objects": []}${' '.repeat(100)}`)
    await expect(readPolygons(path, { maxBytes: 99 })).rejects.toMatchObject({
      code: 'limit-exceeded',
      hint: expect.stringContaining('`maxBytes`'),
    })
    expect((await readPolygons(path)).width).toBe(2)
  })
})
