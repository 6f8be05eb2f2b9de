import { edgeMap } from '@inverseform/cityscapes'
import { describe, expect, it } from 'vitest'
import { createTrainingData, type TrainingDataOptions } from '../../src/index.js'
import { noiseImage, noiseSample, sampleOf } from './support.js'

const samples = [1, 2, 3, 4, 5].map((seed) => sampleOf(`image ${seed}`, noiseSample(40, 30, 4, seed)))
const options = { samples, batchSize: 2, cropSize: [24, 32], numClasses: 4, seed: 7 } as const
const create = (changes: Partial<TrainingDataOptions> = {}) => createTrainingData({ ...options, ...changes })

describe('a batch', () => {
  it('has images, targets, edges of the crop, and names', async () => {
    const { images, target, edgeTarget, names } = await (await create()).batch(0)
    expect(images.length).toBe(2 * 3 * 24 * 32)
    expect(names.length).toBe(2)
    for (const image of [0, 1]) {
      const part = (map: Uint8Array) => map.subarray(image * 768, (image + 1) * 768)
      expect(part(edgeTarget)).toEqual(edgeMap(part(target), 32, 24))
    }
  })

  it('depends on the seed and the step alone', async () => {
    const forward = await create()
    const first = [await forward.batch(0), await forward.batch(1), await forward.batch(6)]
    const again = await create()
    expect(await again.batch(6)).toEqual(first[2])
    expect(await again.batch(1)).toEqual(first[1])
    expect(await again.batch(0)).toEqual(first[0])
    const other = await create({ seed: 8 })
    expect((await other.batch(0)).images).not.toEqual(first[0].images)
  })

  it('differs for one image in one epoch after another', async () => {
    const data = await create({ samples: samples.slice(0, 1), batchSize: 1 })
    expect((await data.batch(0)).images).not.toEqual((await data.batch(1)).images)
  })

  it('shows the class that an image was chosen for', async () => {
    const image = noiseImage(60, 60)
    const target = new Uint8Array(3600)
    const rare = target.slice()
    rare[60 * 50 + 7] = 1
    // A batch is an epoch of two images: each of the two classes is chosen once.
    const data = await create({
      samples: [sampleOf('common', { image, target }), sampleOf('rare', { image, target: rare })],
      numClasses: 2,
      augmentation: { scale: [1, 2] },
      classUniform: { fraction: 1 },
    })
    for (let step = 0; step < 40; step++) expect((await data.batch(step)).target).toContain(1)
  })

  it('goes through all images once an epoch without sampling by class', async () => {
    const data = await create({ classUniform: false })
    const names: string[] = []
    for (let step = 0; step < 5; step++) names.push(...(await data.batch(step)).names)
    const all = samples.map(({ name }) => name)
    expect(names.slice(0, 5).sort()).toEqual(all)
    expect(names.slice(5).sort()).toEqual(all)
  })

  it('pads images that are smaller than the crop with the mean and ignored pixels', async () => {
    const data = await create({ cropSize: [50, 50], augmentation: false, batchSize: 1 })
    const { images, target } = await data.batch(0)
    // 30 rows of 40 pixels are in the middle of 50 x 50.
    for (const i of [0, 9 * 50 + 25, 25 * 50 + 4, 25 * 50 + 45, 40 * 50 + 25]) {
      expect([images[i], target[i]]).toEqual([0, 255])
    }
    expect(images[25 * 50 + 25]).not.toBe(0)
  })
})

describe('classes', () => {
  it('counts pixels, and says how far it is', async () => {
    const done: number[] = []
    const data = await create({ onScan: (count, total) => done.push(count / total) })
    expect(done).toEqual([0.2, 0.4, 0.6, 0.8, 1])
    const loaded = await Promise.all(samples.map((sample) => sample.load()))
    const labels = loaded.flatMap(({ target }) => [...target])
    expect(data.classes?.pixels).toEqual(
      [0, 1, 2, 3].map((c) => labels.filter((label) => label === c).length),
    )
  })

  it('reads no more targets than needed without sampling by class', async () => {
    const done: number[] = []
    const data = await create({ classUniform: false, onScan: (count) => done.push(count) })
    expect(done).toEqual([1])
    expect(data.classes).toBeUndefined()
  })

  it('prefers loadTarget', async () => {
    let images = 0
    const counted = samples.map((sample) => ({
      ...sample,
      load: () => {
        images++
        return sample.load()
      },
      loadTarget: async () => ({ width: 40, height: 30, data: (await sample.load()).target }),
    }))
    await create({ samples: counted })
    expect(images).toBe(0)
  })
})

describe('errors', () => {
  const uniform = (label: number) =>
    sampleOf('a.png', { image: noiseImage(4, 3), target: new Uint8Array(12).fill(label) })

  it.each([true, false])('name the file, row and column of a wrong label; by class: %s', async (byClass) => {
    const { image, target } = noiseSample(40, 30, 4)
    target[40 * 20 + 11] = 4
    const wrong = { ...sampleOf('ulm', { image, target }), target: 'gt/ulm.png' }
    const run = create({ samples: [wrong], classUniform: byClass ? {} : false })
    await expect(run).rejects.toMatchObject({
      code: 'invalid-dataset',
      message: expect.stringContaining(
        'gt/ulm.png has the class 4 at row 20, column 11, but 4 classes are 0 to 3',
      ),
      hint: expect.stringContaining('number of classes'),
    })
  })

  it.each([
    [2, 'only the class 2'],
    [255, 'no class at all'],
  ])('refuse a data set of label %i alone', async (label, found) => {
    for (const classUniform of [{}, false] as const) {
      await expect(create({ samples: [uniform(label), uniform(label)], classUniform })).rejects.toMatchObject(
        {
          code: 'invalid-dataset',
          message: expect.stringContaining(`The targets of all 2 images have ${found}`),
          hint: expect.stringContaining('class ids'),
        },
      )
    }
  })

  it('name an image that is smaller than the crop when padding is off', async () => {
    await expect(create({ padding: false, cropSize: [32, 24] })).rejects.toMatchObject({
      code: 'size-mismatch',
      message: 'image 1 has 30x40 pixels, which is smaller than the crop of 32x24 (height x width).',
      hint: expect.stringContaining('30x24'),
    })
  })

  it('report an image and a target of different sizes', async () => {
    const sample = sampleOf('ulm', { image: noiseImage(4, 3), target: new Uint8Array(11) })
    await expect(create({ samples: [sample] })).rejects.toMatchObject({
      code: 'size-mismatch',
      message: 'The target of ulm has 11 pixels, its image has 4x3.',
    })
  })

  it.each([
    [{ samples: [] }, 'There are no images'],
    [{ batchSize: 0 }, '`batchSize`'],
    [{ cropSize: [4] }, '`cropSize`'],
    [{ numClasses: 1 }, '`numClasses`'],
    [{ seed: 0.5 }, '`seed`'],
    [{ classUniform: { fraction: 2 } }, '`classUniform.fraction`'],
    [{ padding: 1 }, '`padding`'],
  ])('refuse %j', async (changes, message) => {
    const run = create(changes as unknown as Partial<TrainingDataOptions>)
    await expect(run).rejects.toThrow(message)
  })
})
