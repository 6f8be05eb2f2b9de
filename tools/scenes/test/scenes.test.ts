import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { classNames, labels, toTrainIds } from '@inverseform/cityscapes'
import { openDataset, readInstanceIds, readLabelIds } from '@inverseform/cityscapes/node'
import sharp from 'sharp'
import { afterEach, describe, expect, test } from 'vitest'
import { drawScene, sceneSeed, writeScenes } from '../src/index.js'

const [height, width] = [128, 256]
const scene = (i: number) => drawScene({ width, height, seed: sceneSeed(5, 'train', i) })

describe('drawScene', () => {
  test('draws the same pixels for the same seed, also while another scene is being drawn', async () => {
    const [a, , b] = await Promise.all([scene(1), scene(2), scene(1)])
    expect(Buffer.from(a.image.data).equals(b.image.data)).toBe(true)
    expect(a.labelIds).toEqual(b.labelIds)
    expect(a.instanceIds).toEqual(b.instanceIds)
    expect(Buffer.from(a.image.data).equals((await scene(2)).image.data)).toBe(false)
  })

  test('draws the same scene at another size', async () => {
    const seed = sceneSeed(5, 'train', 3)
    const [small, large] = await Promise.all([
      drawScene({ width, height, seed }),
      drawScene({ width: 2 * width, height: 2 * height, seed }),
    ])
    expect(large.image).toMatchObject({ width: 512, height: 256, channels: 3 })
    expect(large.image.data).toHaveLength(512 * 256 * 3)
    const same = small.labelIds.filter(
      (id, i) => large.labelIds[2 * Math.floor(i / width) * 2 * width + 2 * (i % width)] === id,
    )
    expect(same.length / small.labelIds.length).toBeGreaterThan(0.95)
  })

  test.each([
    [32, 32],
    [60, 301],
    [300, 100],
  ])('draws %i x %i pixels', async (height, width) => {
    const { image, labelIds, instanceIds } = await drawScene({ width, height, seed: 9 })
    expect([image.data.length, labelIds.length, instanceIds.length]).toEqual(
      [3, 1, 1].map((n) => n * width * height),
    )
    expect(new Set(labelIds).size).toBeGreaterThan(3)
  })

  test.each([
    [{ width: 31, height, seed: 1 }, 'width'],
    [{ width, height: 1.5, seed: 1 }, 'height'],
    [{ width, height, seed: Number.NaN }, 'seed'],
  ])('rejects %o', async (options, name) => {
    await expect(drawScene(options)).rejects.toThrow(name)
  })

  test('gives every class a good area in enough of 50 scenes, with valid ids', async () => {
    const valid = new Map(labels.map((label) => [label.id, label]))
    const share = new Float64Array(19)
    const scenes = new Int32Array(19)
    for (let i = 0; i < 50; i++) {
      const { labelIds, instanceIds } = await scene(i)
      const counts = new Int32Array(19)
      toTrainIds(labelIds).forEach((trainId) => {
        if (trainId !== 255) counts[trainId]++
      })
      counts.forEach((count, trainId) => {
        share[trainId] += (100 * count) / labelIds.length / 50
        if (count > 0.002 * labelIds.length) scenes[trainId]++
      })
      const wrong = instanceIds.findIndex((instanceId, p) => {
        const label = valid.get(labelIds[p])
        if (label?.hasInstances) return Math.floor(instanceId / 1000) !== label.id
        return label === undefined || instanceId !== label.id
      })
      expect(wrong).toBe(-1)
    }
    const table = classNames.map((name, i) => ({ name, share: share[i], scenes: scenes[i] }))
    console.log(
      ['class           % of pixels   scenes of 50 with > 0.2 %']
        .concat(
          table.map(
            (row) =>
              `${row.name.padEnd(15)} ${row.share.toFixed(2).padStart(11)} ${String(row.scenes).padStart(14)}`,
          ),
        )
        .join('\n'),
    )
    expect(table.filter(({ share, scenes }) => share < 0.3 || scenes < 10)).toEqual([])
  })

  test('has edges in the image where labels change', async () => {
    for (let i = 0; i < 5; i++) {
      const { image, labelIds } = await scene(i)
      const sums = { same: [0, 0], other: [0, 0] }
      for (let p = 0; p < labelIds.length; p++) {
        const neighbors = [
          ...((p + 1) % width ? [p + 1] : []),
          ...(p + width < labelIds.length ? [p + width] : []),
        ]
        for (const q of neighbors) {
          const sum = sums[labelIds[p] === labelIds[q] ? 'same' : 'other']
          for (let channel = 0; channel < 3; channel++) {
            sum[0] += Math.abs(image.data[3 * p + channel] - image.data[3 * q + channel]) / 3
          }
          sum[1]++
        }
      }
      const [same, other] = [sums.same, sums.other].map(([total, count]) => total / count)
      expect(other).toBeGreaterThan(2 * same)
    }
  })

  test('has labels exactly where the image has its edges', async () => {
    // Shifted by two pixels, the labels fit the image worse.
    for (let i = 0; i < 5; i++) {
      const { image, labelIds } = await scene(i)
      const contrast = (dx: number, dy: number) => {
        let [sum, count] = [0, 0]
        for (let y = 4; y < height - 4; y++) {
          for (let x = 4; x < width - 4; x++) {
            const p = y * width + x
            if (labelIds[p] === labelIds[p + 1]) continue
            const q = p + dy * width + dx
            for (let channel = 0; channel < 3; channel++) {
              sum += Math.abs(image.data[3 * q + channel] - image.data[3 * q + 3 + channel])
            }
            count++
          }
        }
        return sum / count
      }
      for (const [dx, dy] of [
        [-2, 0],
        [-1, 0],
        [1, 0],
        [2, 0],
        [0, -2],
        [0, 2],
      ]) {
        expect(contrast(0, 0)).toBeGreaterThan(contrast(dx, dy))
      }
    }
  })
})

describe('writeScenes', () => {
  let out: string
  afterEach(() => rm(out, { recursive: true, force: true }))

  test('writes the layout of Cityscapes, whose files hold the scenes', async () => {
    out = await mkdtemp(join(tmpdir(), 'inverseform-scenes-'))
    const progress: number[] = []
    await writeScenes({
      out,
      splits: { train: 3, val: 1 },
      width,
      height,
      seed: 5,
      onScene: (done) => progress.push(done),
    })
    expect(progress).toEqual([1, 2, 3, 4])
    expect((await openDataset({ data: out, split: 'val' })).samples).toHaveLength(1)
    const { samples, unpaired } = await openDataset({ data: out, split: 'train' })
    expect(samples).toHaveLength(3)
    expect(unpaired).toEqual({ images: [], labelIds: [] })
    for (const [i, sample] of samples.entries()) {
      const { image, labelIds, instanceIds } = await scene(i)
      const { data, info } = await sharp(sample.image).raw().toBuffer({ resolveWithObject: true })
      expect(info).toMatchObject({ width, height, channels: 3 })
      expect(data.equals(image.data)).toBe(true)
      expect((await readLabelIds(sample.labelIds!)).data).toEqual(labelIds)
      expect((await readInstanceIds(sample.instanceIds!)).data).toEqual(instanceIds)
    }
    const files = await readdir(out, { recursive: true })
    expect(files.filter((file) => file.endsWith('.tmp'))).toEqual([])
  })

  test('rejects options that make no data set', async () => {
    out = await mkdtemp(join(tmpdir(), 'inverseform-scenes-'))
    const options = { out, width, height, seed: 1 }
    await expect(writeScenes({ ...options, splits: { '../x': 1 } })).rejects.toThrow('splits')
    await expect(writeScenes({ ...options, splits: { train: -1 } })).rejects.toThrow('train')
  })
})
