import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { encodeLabelPng, type InverseFormError } from '../src/index.js'
import { type DatasetOptions, openDataset, readInstanceIds, readLabelIds } from '../src/node.js'

let root: string
const outer = process.env.CITYSCAPES_DATASET

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'cityscapes-'))
  delete process.env.CITYSCAPES_DATASET
})
afterEach(async () => {
  await rm(root, { recursive: true })
  if (outer === undefined) delete process.env.CITYSCAPES_DATASET
  else process.env.CITYSCAPES_DATASET = outer
})

async function add(...paths: string[]): Promise<void> {
  for (const path of paths) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), '')
  }
}
const imageOf = (name: string, split = 'val') =>
  `leftImg8bit/${split}/${name.split('_')[0]}/${name}_leftImg8bit.png`
const truthOf = (name: string, split = 'val', kind = 'labelIds') =>
  `gtFine/${split}/${name.split('_')[0]}/${name}_gtFine_${kind}.png`

async function failure(options: DatasetOptions): Promise<InverseFormError> {
  try {
    await openDataset(options)
  } catch (error) {
    return error as InverseFormError
  }
  throw new Error('opened')
}

const four = ['ulm_000001_000019', 'ulm_000000_000019', 'aachen_000003_000019', 'jena_000000_000019']

describe('openDataset', () => {
  it('pairs images with label and instance ids, sorted by city, then name', async () => {
    for (const name of four) await add(imageOf(name), truthOf(name), truthOf(name, 'val', 'color'))
    await add(truthOf('jena_000000_000019', 'val', 'instanceIds'), imageOf('bonn_0', 'train'))
    const { samples, total, unpaired } = await openDataset({ data: root, split: 'val' })
    expect(samples.map(({ name }) => name)).toEqual([four[2], four[3], four[1], four[0]])
    expect(samples[1]).toEqual({
      name: 'jena_000000_000019',
      city: 'jena',
      image: join(root, imageOf('jena_000000_000019')),
      labelIds: join(root, truthOf('jena_000000_000019')),
      instanceIds: join(root, truthOf('jena_000000_000019', 'val', 'instanceIds')),
    })
    expect(samples[0].instanceIds).toBeUndefined()
    expect(total).toBe(4)
    expect(unpaired).toEqual({ images: [], labelIds: [] })
  })

  it('reads CITYSCAPES_DATASET, and prefers the option', async () => {
    await add(imageOf('ulm_0'), truthOf('ulm_0'))
    process.env.CITYSCAPES_DATASET = root
    expect((await openDataset({ split: 'val' })).data).toBe(root)
    process.env.CITYSCAPES_DATASET = '/nowhere'
    expect((await openDataset({ data: root, split: 'val' })).total).toBe(1)
  })

  it('assigns images to shards in turn', async () => {
    for (const name of ['a_0', 'a_1', 'b_0', 'b_1', 'c_0']) await add(imageOf(name), truthOf(name))
    const names = async (rank: number) => {
      const { samples, total } = await openDataset({ data: root, split: 'val', shard: { rank, count: 2 } })
      expect(total).toBe(5)
      return samples.map(({ name }) => name)
    }
    expect(await names(0)).toEqual(['a_0', 'b_0', 'c_0'])
    expect(await names(1)).toEqual(['a_1', 'b_1'])
    for (const shard of [
      { rank: 2, count: 2 },
      { rank: -1, count: 2 },
      { rank: 0, count: 0 },
      { rank: 0.5, count: 2 },
    ]) {
      expect((await failure({ data: root, split: 'val', shard })).code).toBe('invalid-argument')
    }
  })

  it('follows links to cities, and skips other files and those of macOS', async () => {
    await add('elsewhere/x_0_leftImg8bit.png', imageOf('ulm_0'), truthOf('ulm_0'), truthOf('x_0'))
    await add(
      'leftImg8bit/val/license.txt',
      'leftImg8bit/val/ulm/._ulm_0_leftImg8bit.png',
      'leftImg8bit/val/.DS_Store',
    )
    await add('leftImg8bit/val/ulm/notes.png')
    await symlink(join(root, 'elsewhere'), join(root, 'leftImg8bit/val/x'))
    const { samples } = await openDataset({ data: root, split: 'val' })
    expect(samples.map(({ name }) => name)).toEqual(['ulm_0', 'x_0'])
  })

  it('names unpaired files on both sides', async () => {
    await add(imageOf('ulm_0'), imageOf('ulm_1'), truthOf('ulm_1'), truthOf('ulm_2'))
    const { samples, unpaired } = await openDataset({ data: root, split: 'val', requireTarget: false })
    expect(samples.map(({ name, labelIds }) => [name, labelIds !== undefined])).toEqual([
      ['ulm_0', false],
      ['ulm_1', true],
    ])
    expect(unpaired).toEqual({
      images: [join(root, imageOf('ulm_0'))],
      labelIds: [join(root, truthOf('ulm_2'))],
    })
    const error = await failure({ data: root, split: 'val' })
    expect(error.code).toBe('invalid-dataset')
    expect(error.message).toContain('1 of 2 images of the split "val" have no label ids')
    expect(error.message).toContain('ulm/ulm_0_gtFine_labelIds.png')
  })

  it('names the first few of many images without label ids', async () => {
    await add(...['a_0', 'a_1', 'a_2', 'a_3', 'a_4', 'a_5', 'a_6'].map((name) => imageOf(name)))
    expect((await failure({ data: root, split: 'val' })).message).toMatch(
      /a_0.*a_1.*a_2.*a_3.*a_4_\w+\.png and 2 more/,
    )
  })

  it('does not pair the placeholders of the test split', async () => {
    await add(imageOf('ulm_0', 'test'), truthOf('ulm_0', 'test'), imageOf('ulm_1', 'test'))
    const { samples, unpaired } = await openDataset({ data: root, split: 'test' })
    expect(samples.map(({ labelIds }) => labelIds)).toEqual([undefined, undefined])
    expect(unpaired).toEqual({ images: [], labelIds: [] })
    expect((await failure({ data: root, split: 'test', requireTarget: true })).message).toContain(
      '1 of 2 images',
    )
  })

  it.each([
    ['leftImg8bit', 'gtFine'],
    ['leftImg8bit_trainvaltest/leftImg8bit', 'gtFine_trainvaltest/gtFine'],
    ['leftImg8bit_trainvaltest/leftImg8bit_trainvaltest/leftImg8bit', 'gtFine_trainvaltest/gtFine'],
    ['leftImg8bit/leftImg8bit', 'gtFine/gtFine'],
    ['leftImg8bit', 'gtFine_trainvaltest/gtFine_trainvaltest/gtFine'],
  ])('reads %s and %s, from the root, the archive or the part', async (images, target) => {
    const move = (path: string) => path.replace('leftImg8bit', images).replace('gtFine', target)
    await add(move(imageOf('ulm_0')), move(truthOf('ulm_0')), move(truthOf('ulm_0', 'val', 'instanceIds')))
    await add('leftImg8bit_foggy/leftImg8bit_foggy/val/ulm/ulm_0_leftImg8bit_foggy.png')
    for (const data of ['', images.split('/')[0], images, target]) {
      const { samples } = await openDataset({ data: join(root, data), split: 'val' })
      expect(samples).toEqual([
        {
          name: 'ulm_0',
          city: 'ulm',
          image: join(root, move(imageOf('ulm_0'))),
          labelIds: join(root, move(truthOf('ulm_0'))),
          instanceIds: join(root, move(truthOf('ulm_0', 'val', 'instanceIds'))),
        },
      ])
    }
  })

  it('takes splits from several archives, and rejects one that is there twice', async () => {
    await add(`leftImg8bit_trainvaltest/${imageOf('ulm_0')}`, `gtFine_trainvaltest/${truthOf('ulm_0')}`)
    await add(`leftImg8bit_trainextra/${imageOf('bonn_0', 'train_extra')}`)
    await add('gtCoarse/train_extra/bonn/bonn_0_gtCoarse_labelIds.png')
    expect((await openDataset({ data: root, split: 'val' })).total).toBe(1)
    const { samples } = await openDataset({ data: root, split: 'train_extra' })
    expect(samples[0].labelIds).toBe(join(root, 'gtCoarse/train_extra/bonn/bonn_0_gtCoarse_labelIds.png'))
    expect((await failure({ data: root, split: 'vall' })).message).toBe(
      `${join(root, 'leftImg8bit_trainextra/leftImg8bit')} and ${join(root, 'leftImg8bit_trainvaltest/leftImg8bit')} ` +
        'have no split "vall"; found train_extra, val.',
    )
    await add(`leftImg8bit_copy/${imageOf('ulm_0')}`)
    const { code, message } = await failure({ data: root, split: 'val' })
    expect(code).toBe('invalid-dataset')
    expect(message).toBe(
      `${root} has several folders of the split "val": ${join(root, 'leftImg8bit_copy/leftImg8bit/val')} and ` +
        `${join(root, 'leftImg8bit_trainvaltest/leftImg8bit/val')}.`,
    )
  })

  it('reads coarse annotations of any split', async () => {
    const coarse = 'gtCoarse/gtCoarse/val/ulm/ulm_0_gtCoarse_labelIds.png'
    await add(imageOf('ulm_0'), coarse, coarse.replace('label', 'instance'))
    const [sample] = (await openDataset({ data: root, split: 'val', type: 'gtCoarse' })).samples
    expect(sample.labelIds).toBe(join(root, coarse))
    expect(sample.instanceIds).toBe(join(root, coarse.replace('label', 'instance')))
    expect(await failure({ data: root, split: 'val' })).toMatchObject({
      message: expect.stringContaining(`That folder does not exist; ${root} has gtCoarse, leftImg8bit.`),
      hint: expect.stringContaining("type: 'gtCoarse'"),
    })
  })

  it('names an invalid option', async () => {
    const error = (options: unknown) => failure(options as DatasetOptions)
    expect((await error(undefined)).message).toBe(
      '`options` must be an object with `split`, got nothing.'.replace('nothing', 'undefined'),
    )
    expect((await error({})).message).toContain('`split` must be')
    expect((await error({ split: 'val', data: 5 })).message).toBe('`data` must be a path, got 5.')
    expect((await error({ split: 'val', data: root, type: 'fine' })).message).toContain('`type` must be')
  })

  it('names what it expected and what it found', async () => {
    expect(await failure({ split: 'val' })).toMatchObject({
      code: 'invalid-argument',
      hint: expect.stringContaining('CITYSCAPES_DATASET'),
    })
    const nowhere = join(root, 'nowhere')
    expect(await failure({ data: nowhere, split: 'val' })).toMatchObject({
      code: 'not-found',
      message: `The data set folder ${nowhere} does not exist.`,
    })
    await add('val/ulm/a.png')
    expect((await failure({ data: root, split: 'val' })).message).toBe(
      `${root} has no folder leftImg8bit; found val.`,
    )
    await add(imageOf('ulm_0', 'train'), 'leftImg8bit/val/flat_leftImg8bit.png')
    expect(await failure({ data: root, split: 'vall' })).toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('found train, val.'),
    })
    expect(await failure({ data: root, split: 'val' })).toMatchObject({
      code: 'invalid-dataset',
      message: expect.stringContaining('found flat_leftImg8bit.png.'),
    })
    await mkdir(join(root, 'leftImg8bit/empty'))
    expect((await failure({ data: root, split: 'empty' })).message).toContain('found nothing')
  })
})

describe('reading label files', () => {
  it('returns label ids as bytes and instance ids as 16-bit words', async () => {
    const ids = join(root, 'ids.png')
    const wide = join(root, 'wide.png')
    const map = { width: 2, height: 1 }
    await writeFile(ids, encodeLabelPng({ ...map, data: Uint8Array.of(7, 33) }))
    await writeFile(wide, encodeLabelPng({ ...map, data: Uint16Array.of(7, 33) }))
    for (const path of [ids, wide]) {
      expect(await readLabelIds(path)).toEqual({ ...map, data: Uint8Array.of(7, 33) })
      expect(await readInstanceIds(path)).toEqual({ ...map, data: Uint16Array.of(7, 33) })
    }
    await writeFile(wide, encodeLabelPng({ ...map, data: Uint16Array.of(7, 26001) }))
    expect((await readInstanceIds(wide)).data[1]).toBe(26001)
    await expect(readLabelIds(wide)).rejects.toThrow(`${wide} holds the id 26001`)
  })

  it('names a missing, unreadable or damaged file', async () => {
    const path = join(root, 'a.png')
    await expect(readLabelIds(path)).rejects.toMatchObject({
      code: 'not-found',
      message: `${path} does not exist.`,
    })
    await expect(readLabelIds(root)).rejects.toMatchObject({ code: 'unreadable', details: { path: root } })
    await writeFile(path, 'no')
    await expect(readLabelIds(path)).rejects.toMatchObject({
      code: 'unreadable',
      message: `${path} is not a PNG file.`,
    })
  })
})
