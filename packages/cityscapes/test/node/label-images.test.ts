import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { decode } from 'fast-png'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { decodeLabelPng, type InverseFormError } from '../../src/index.js'
import { createLabelImages, readPolygons } from '../../src/node/label-images.js'
import { labelEncodings } from '../../src/polygons/label-image.js'

const fixture = (name: string) =>
  fileURLToPath(new URL(`../fixtures/polygons/street${name}`, import.meta.url))

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

const stemOf = (name: string, split = 'val', type = 'gtFine') =>
  join(root, type, split, name.split('_')[0], `${name}_${type}`)

async function add(name: string, split?: string, type?: string): Promise<string> {
  const stem = stemOf(name, split, type)
  await mkdir(dirname(stem), { recursive: true })
  await copyFile(fixture('_polygons.json'), `${stem}_polygons.json`)
  return stem
}

async function failure(run: Promise<unknown>): Promise<InverseFormError> {
  try {
    await run
  } catch (error) {
    return error as InverseFormError
  }
  throw new Error('nothing was thrown')
}

const isFile = (path: string) => stat(path).then((info) => info.isFile(), () => false) // biome-ignore format: one line

describe('createLabelImages', () => {
  it('writes every encoding next to the annotation', async () => {
    const stem = await add('ulm_000001_000019')
    expect(await createLabelImages({ data: root, encodings: labelEncodings })).toEqual({
      written: 5,
      kept: 0,
    })
    for (const encoding of labelEncodings) {
      const { width, height, depth, channels, data } = decode(await readFile(`${stem}_${encoding}.png`), {
        checkCrc: true,
      })
      const expected = decode(await readFile(fixture(`_${encoding}.png`)))
      expect([width, height, depth, channels]).toEqual([
        expected.width,
        expected.height,
        expected.depth,
        expected.channels,
      ])
      expect(data).toEqual(expected.data)
    }
    expect((await readdir(dirname(stem))).filter((name) => name.startsWith('.'))).toEqual([])
  })

  it('writes train ids of all splits by default, and reports progress', async () => {
    process.env.CITYSCAPES_DATASET = root
    const stems = [
      await add('ulm_000001_000019', 'train'),
      await add('ulm_000002_000019', 'train'),
      await add('jena_000000_000019', 'val'),
    ]
    const progress: unknown[] = []
    await createLabelImages({ onProgress: (step) => progress.push(step) })
    for (const stem of stems) {
      const { data } = decodeLabelPng(await readFile(`${stem}_labelTrainIds.png`))
      expect(data).toEqual(decodeLabelPng(await readFile(fixture('_labelTrainIds.png'))).data)
    }
    expect(progress).toEqual([1, 2, 3].map((done) => ({ done, total: 3 })))
  })

  it('converts only the given splits, or coarse annotations', async () => {
    const [train, val] = [await add('ulm_000001_000019', 'train'), await add('jena_000000_000019', 'val')]
    const coarse = await add('jena_000000_000019', 'train_extra', 'gtCoarse')
    await createLabelImages({ data: root, splits: ['val'] })
    expect(await isFile(`${val}_labelTrainIds.png`)).toBe(true)
    expect(await isFile(`${train}_labelTrainIds.png`)).toBe(false)
    await createLabelImages({ data: root, type: 'gtCoarse' })
    expect(await isFile(`${coarse}_labelTrainIds.png`)).toBe(true)
  })

  it('writes the same folders to `out`', async () => {
    const stem = await add('ulm_000001_000019')
    await createLabelImages({ data: root, out: join(root, 'drawn') })
    expect(await isFile(join(root, 'drawn/gtFine/val/ulm/ulm_000001_000019_gtFine_labelTrainIds.png'))).toBe(
      true,
    )
    expect(await isFile(`${stem}_labelTrainIds.png`)).toBe(false)
  })

  it('finds archives unpacked in their own folders', async () => {
    const stem = await add('ulm_000001_000019')
    const coarse = await add('jena_000000_000019', 'train_extra', 'gtCoarse')
    for (const type of ['gtFine_trainvaltest', 'gtCoarse_']) await mkdir(join(root, type))
    await rename(join(root, 'gtFine'), join(root, 'gtFine_trainvaltest/gtFine'))
    await rename(join(root, 'gtCoarse'), join(root, 'gtCoarse_/gtCoarse'))
    await rename(join(root, 'gtCoarse_'), join(root, 'gtCoarse'))
    const inside = (path: string, wrapper: string) => path.replace(root, join(root, wrapper))
    for (const data of [root, join(root, 'gtFine_trainvaltest'), join(root, 'gtFine_trainvaltest/gtFine')]) {
      expect(await createLabelImages({ data, overwrite: true })).toEqual({ written: 1, kept: 0 })
    }
    expect(await isFile(`${inside(stem, 'gtFine_trainvaltest')}_labelTrainIds.png`)).toBe(true)
    await createLabelImages({ data: root, type: 'gtCoarse', splits: ['train_extra'] })
    expect(await isFile(`${inside(coarse, 'gtCoarse')}_labelTrainIds.png`)).toBe(true)
    await createLabelImages({ data: root, out: join(root, 'drawn') })
    expect(await isFile(join(root, 'drawn/gtFine/val/ulm/ulm_000001_000019_gtFine_labelTrainIds.png'))).toBe(
      true,
    )
  })

  it('keeps existing files, or replaces them', async () => {
    const stem = await add('ulm_000001_000019')
    await writeFile(`${stem}_labelIds.png`, 'old')
    const encodings = ['labelIds', 'labelTrainIds'] as const
    expect(await createLabelImages({ data: root, encodings })).toEqual({ written: 1, kept: 1 })
    expect(await readFile(`${stem}_labelIds.png`, 'utf8')).toBe('old')
    expect(await createLabelImages({ data: root, encodings, overwrite: true })).toEqual({
      written: 2,
      kept: 0,
    })
    expect(decodeLabelPng(await readFile(`${stem}_labelIds.png`)).width).toBe(96)
  })

  it('names a file that it cannot draw, and leaves no incomplete image', async () => {
    const stem = await add('ulm_000001_000019')
    const object = '{"label": "ufo", "polygon": [[0, 0], [1, 1]]}'
    await writeFile(`${stem}_polygons.json`, `{"imgWidth": 2, "imgHeight": 2, "objects": [${object}]}`)
    const error = await failure(createLabelImages({ data: root }))
    expect(error.message).toBe(
      `${stem}_polygons.json, object 1 ("ufo"), has a label that is not in the label table of Cityscapes.`,
    )
    expect(await readdir(dirname(stem))).toEqual(['ulm_000001_000019_gtFine_polygons.json'])
  })

  it('stops when aborted', async () => {
    for (let i = 0; i < 9; i++) await add(`ulm_00000${i}_000019`)
    const controller = new AbortController()
    const run = createLabelImages({
      data: root,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    })
    await expect(run).rejects.toMatchObject({ name: 'AbortError' })
    const files = await readdir(dirname(stemOf('ulm_000001_000019')))
    expect(files.filter((name) => name.endsWith('.png')).length).toBeLessThan(9)
    expect(files.filter((name) => name.startsWith('.'))).toEqual([])
  })

  it('names missing folders, splits and encodings', async () => {
    expect((await failure(createLabelImages())).message).toBe('No data set folder was given.')
    expect((await failure(createLabelImages({ data: root }))).message).toBe(
      `The folder ${join(root, 'gtFine')} does not exist; ${root} has nothing.`,
    )
    await mkdir(join(root, 'gtFine/val/ulm'), { recursive: true })
    expect((await failure(createLabelImages({ data: root, splits: ['vall'] }))).message).toBe(
      `${join(root, 'gtFine')} has no split "vall"; found val.`,
    )
    const empty = await failure(createLabelImages({ data: root }))
    expect([empty.code, empty.message]).toEqual([
      'invalid-dataset',
      `${join(root, 'gtFine')} holds no <split>/<city>/*_polygons.json; found val.`,
    ])
    const encodings = ['ids' as 'labelIds']
    expect((await failure(createLabelImages({ data: root, encodings }))).message).toBe(
      "`encodings[0]` must be one of 'labelIds', 'labelTrainIds', 'instanceIds', 'instanceTrainIds' or 'color', got \"ids\".",
    )
  })

  it('reports write failures', async () => {
    await add('ulm_000001_000019')
    await writeFile(join(root, 'file'), '')
    const error = await failure(createLabelImages({ data: root, out: join(root, 'file') }))
    expect(error.code).toBe('write-failed')
    expect(error.message).toBe(
      `The folder ${join(root, 'file/gtFine/val/ulm')} could not be created: one of its parents is a file.`,
    )
  })
})

describe('readPolygons', () => {
  it('reads a file, or names the one that fails', async () => {
    const { width, height, objects } = await readPolygons(fixture('_polygons.json'))
    expect([width, height, objects.length]).toEqual([96, 64, 26])
    expect((await failure(readPolygons(join(root, 'no.json')))).message).toBe(
      `${join(root, 'no.json')} does not exist.`,
    )
    expect((await failure(readPolygons(root))).message).toContain(`${root} is a folder`)
  })

  it('reads a file that starts with a byte-order mark', async () => {
    const path = join(root, 'marked_polygons.json')
    await writeFile(path, `\uFEFF${await readFile(fixture('_polygons.json'), 'utf8')}`)
    const { objects } = await readPolygons(path)
    expect(objects).toEqual((await readPolygons(fixture('_polygons.json'))).objects)
  })
})
