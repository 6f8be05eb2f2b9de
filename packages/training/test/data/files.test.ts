import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { encodeLabelPng, toLabelIds, toTrainIds } from '@inverseform/cityscapes'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTrainingData, openTrainingSamples } from '../../src/node/index.js'
import { noiseSample, rgbPng } from './support.js'

let root: string
const names = ['aachen_000000_000001', 'aachen_000000_000002', 'bremen_000000_000003']
const loaded = names.map((_, i) => noiseSample(40, 30, 6, i + 1))

const write = async (path: string, bytes: Uint8Array) => {
  await mkdir(dirname(join(root, path)), { recursive: true })
  await writeFile(join(root, path), bytes)
}
const labelPng = (data: Uint8Array | Uint16Array, width = 40) =>
  encodeLabelPng({ width, height: data.length / width, data })

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'training-data-'))
  for (const [i, name] of names.entries()) {
    const { image, target } = loaded[i]
    const city = name.split('_')[0]
    await write(`leftImg8bit/train/${city}/${name}_leftImg8bit.png`, rgbPng(image))
    await write(`gtFine/train/${city}/${name}_gtFine_labelIds.png`, labelPng(toLabelIds(target)))
    await write(`plain/images/${city}/${name}.png`, rgbPng(image))
    await write(`plain/gt/${city}/${name}_mask.png`, labelPng(target))
  }
})
afterAll(() => rm(root, { recursive: true, force: true }))

const plain = () => ({
  images: join(root, 'plain/images'),
  gt: join(root, 'plain/gt'),
  gtSuffix: '_mask.png',
})
const batches = { batchSize: 2, cropSize: [24, 32], numClasses: 6, seed: 3 } as const

describe('openTrainingSamples', () => {
  it('reads the layout of Cityscapes as train ids', async () => {
    const samples = await openTrainingSamples({ data: root, split: 'train' })
    expect(samples.map(({ name }) => name)).toEqual(names)
    for (const [i, sample] of samples.entries()) {
      const { image, target } = await sample.load()
      expect([...image.data]).toEqual([...loaded[i].image.data])
      expect(target).toEqual(loaded[i].target)
      expect(target).toEqual(toTrainIds(toLabelIds(loaded[i].target)))
      expect((await sample.loadTarget!()).data).toEqual(target)
    }
  })

  it('pairs plain folders by path, with their ids as they are or mapped', async () => {
    const samples = await openTrainingSamples(plain())
    expect(samples.map(({ name }) => name)).toEqual(names.map((name) => `${name.split('_')[0]}/${name}`))
    expect((await samples[2].load()).target).toEqual(loaded[2].target)
    const idMap = { 0: 1, 1: 0, 2: 0 }
    const mapped = await openTrainingSamples({ ...plain(), idMap, unmapped: 255 })
    expect((await mapped[0].load()).target).toEqual(loaded[0].target.map((id) => [1, 0, 0][id] ?? 255))
    const kept = await openTrainingSamples({ ...plain(), idMap })
    expect((await kept[0].load()).target).toEqual(loaded[0].target.map((id) => [1, 0, 0][id] ?? id))
    const strict = await openTrainingSamples({ ...plain(), idMap, unmapped: 'error' })
    await expect(strict[0].load()).rejects.toMatchObject({ message: expect.stringContaining('_mask.png') })
  })

  it('names label maps without an image, and folders without files', async () => {
    await write('unpaired/gt/x.png', labelPng(new Uint8Array(40)))
    const unpaired = openTrainingSamples({
      images: join(root, 'plain/images'),
      gt: join(root, 'unpaired/gt'),
    })
    await expect(unpaired).rejects.toMatchObject({
      code: 'invalid-dataset',
      message: expect.stringContaining('1 of 1 label maps have no image'),
    })
    await expect(openTrainingSamples({ ...plain(), gtSuffix: '_L.png' })).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('has no *_L.png; found aachen'),
    })
    await expect(openTrainingSamples({ ...plain(), images: join(root, 'no') })).rejects.toMatchObject({
      code: 'not-found',
    })
  })

  it('names both files of a pair of different sizes', async () => {
    await write('sizes/gt/a.png', labelPng(new Uint8Array(1200), 30))
    await write('sizes/images/a.png', rgbPng(loaded[0].image))
    const [sample] = await openTrainingSamples({
      images: join(root, 'sizes/images'),
      gt: join(root, 'sizes/gt'),
    })
    await expect(sample.load()).rejects.toMatchObject({
      code: 'size-mismatch',
      message: expect.stringMatching(/gt\/a\.png has 30x40 pixels, its image .*images\/a\.png has 40x30/),
    })
  })

  it('keeps decoded images up to a number of bytes', async () => {
    await write('kept/images/a.png', rgbPng(loaded[0].image))
    await write('kept/gt/a.png', labelPng(loaded[0].target))
    const folders = { images: join(root, 'kept/images'), gt: join(root, 'kept/gt') }
    const [kept] = await openTrainingSamples(folders)
    const [read] = await openTrainingSamples({ ...folders, cacheBytes: 4799 })
    const before = await kept.load()
    await read.load()
    await rm(join(root, 'kept/images/a.png'))
    expect(await kept.load()).toBe(before)
    await expect(read.load()).rejects.toMatchObject({ code: 'not-found' })
  })
})

describe('openTrainingData', () => {
  it('makes the same batches with any number of threads, in any order', async () => {
    const all = await Promise.all(
      [0, 1, 2].map(async (workers) => {
        await using data = await openTrainingData({ ...plain(), ...batches, workers, readAhead: workers })
        const made = []
        for (const step of [0, 1, 2, 9, 1]) made.push(await data.batch(step))
        expect(data.size).toBe(3)
        return { made, classes: data.classes }
      }),
    )
    expect(all[1]).toEqual(all[0])
    expect(all[2]).toEqual(all[0])
    expect(all[0].made[4]).toEqual(all[0].made[1])
    const fromCityscapes = await openTrainingData({ data: root, split: 'train', ...batches })
    expect((await fromCityscapes.batch(1)).images).toEqual(all[0].made[1].images)
    await fromCityscapes.close()
  })

  it('hands errors of threads on', async () => {
    await write('wrong/images/a.png', rgbPng(loaded[0].image))
    const target = loaded[0].target.slice()
    target[40 * 3 + 5] = 77
    await write('wrong/gt/a.png', labelPng(target))
    const folders = { images: join(root, 'wrong/images'), gt: join(root, 'wrong/gt') }
    await expect(openTrainingData({ ...folders, ...batches })).rejects.toMatchObject({
      name: 'InverseFormError',
      code: 'invalid-dataset',
      message: expect.stringMatching(/wrong\/gt\/a\.png has the class 77 at row 3, column 5/),
      hint: expect.stringContaining('idMap'),
    })
    await write('wrong/gt/a.png', labelPng(Uint16Array.from(target, (id) => (id === 77 ? 700 : id))))
    await expect(openTrainingData({ ...folders, ...batches })).rejects.toMatchObject({
      message: expect.stringContaining('has the label 700 at row 3, column 5'),
    })
  })

  it('fails at the step that needs a damaged file, not before', async () => {
    await write('damaged/images/a.png', rgbPng(loaded[0].image).subarray(0, 200))
    await write('damaged/gt/a.png', labelPng(loaded[0].target))
    const folders = { images: join(root, 'damaged/images'), gt: join(root, 'damaged/gt') }
    await using data = await openTrainingData({ ...folders, ...batches, readAhead: 3 })
    for (const step of [0, 1]) {
      await expect(data.batch(step)).rejects.toMatchObject({
        code: 'unreadable',
        message: expect.stringContaining('damaged/images/a.png'),
      })
    }
  })

  it('ends its threads, and refuses batches after that', async () => {
    const data = await openTrainingData({ ...plain(), ...batches })
    const waiting = data.batch(0)
    const failed = expect(waiting).rejects.toMatchObject({ code: 'disposed' })
    await data.close()
    await failed
    await expect(data.batch(5)).rejects.toMatchObject({ code: 'disposed' })
    await data.close()
  })
})
