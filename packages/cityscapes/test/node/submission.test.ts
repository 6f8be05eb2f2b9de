import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { seededRandom } from '@inverseform/shared'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { decodeLabelPng, encodeLabelPng, type InverseFormError, toLabelIds } from '../../src/index.js'
import { type CreateSubmissionOptions, createSubmission } from '../../src/node/submission/submission.js'
import { writeZip, type ZipEntry } from '../../src/node/submission/zip.js'
import { readZip } from './read-zip.js'

const [width, height] = [16, 8]
const [berlin, bonn, munich] = ['berlin_000000_000019', 'bonn_000001_000019', 'munich_000002_000019'] as const

let folder: string
let root: string
let predictions: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'submission-'))
  root = join(folder, 'cityscapes')
  predictions = join(folder, 'predictions')
  await mkdir(predictions)
})
afterEach(() => rm(folder, { recursive: true }))

async function put(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, bytes)
}

const png = (data: Uint8Array | Uint16Array) => encodeLabelPng({ width, height, data })
const trainIds = (seed: number) => {
  const next = seededRandom(seed)
  return Uint8Array.from(
    { length: width * height },
    () => [Math.floor(next() * 19), 255][next() < 0.1 ? 1 : 0],
  )
}

/** A data set of images of the tests' size. */
async function addImages(...names: string[]): Promise<void> {
  const blank = png(new Uint8Array(width * height))
  for (const name of names) {
    await put(join(root, 'leftImg8bit/test', name.split('_')[0], `${name}_leftImg8bit.png`), blank)
  }
}

const submit = (options: Partial<CreateSubmissionOptions> = {}) =>
  createSubmission({ predictions, data: root, out: join(folder, 'results.zip'), ...options })

async function failure(run: Promise<unknown>): Promise<InverseFormError> {
  try {
    await run
  } catch (error) {
    return error as InverseFormError
  }
  throw new Error('nothing was thrown')
}

describe('createSubmission', () => {
  it('writes the label ids of all images to an archive, whatever else the file names contain', async () => {
    await addImages(berlin, bonn, munich)
    const maps = new Map([berlin, bonn, munich].map((name, i) => [name, trainIds(i)]))
    await put(join(predictions, `${munich}.png`), png(maps.get(munich)!))
    await put(join(predictions, 'deep/er', `best_${berlin}_leftImg8bit_pred.png`), png(maps.get(berlin)!))
    await put(join(predictions, `${bonn}_labelTrainIds.png`), png(maps.get(bonn)!))
    await put(join(predictions, `${bonn}_overlay.png`), new Uint8Array(3))
    await put(join(predictions, 'confusion.png'), new Uint8Array(3))
    await put(join(predictions, `._${bonn}.png`), new Uint8Array(3))
    const progress: unknown[] = []
    expect(await submit({ onProgress: (step) => progress.push(step) })).toEqual([berlin, bonn, munich])
    expect(progress).toEqual([1, 2, 3].map((done) => ({ done, total: 3 })))

    const entries = readZip(await readFile(join(folder, 'results.zip')))
    expect([...entries.keys()]).toEqual([berlin, bonn, munich].map((name) => `${name}_labelIds.png`))
    for (const [name, ids] of maps) {
      const map = decodeLabelPng(entries.get(`${name}_labelIds.png`)!)
      expect(map).toEqual({ width, height, data: toLabelIds(ids) })
    }
    expect((await readdir(folder)).sort()).toEqual(['cityscapes', 'predictions', 'results.zip'])
  })

  it('writes to a folder, which converts to the same archive', async () => {
    await addImages(berlin, bonn)
    await put(join(predictions, `${berlin}.png`), png(trainIds(1)))
    await put(join(predictions, `${bonn}.png`), png(trainIds(2)))
    const out = join(folder, 'out/results')
    await submit({ out })
    expect((await readdir(out)).sort()).toEqual([`${berlin}_labelIds.png`, `${bonn}_labelIds.png`])
    await submit()
    await submit({ predictions: out, out: join(folder, 'again.zip') })
    expect(await readFile(join(folder, 'again.zip'))).toEqual(await readFile(join(folder, 'results.zip')))
  })

  it('reads label ids by file name or by option', async () => {
    await addImages(berlin)
    const ids = toLabelIds(trainIds(1))
    const written = async () =>
      decodeLabelPng([...readZip(await readFile(join(folder, 'results.zip'))).values()][0])
    await put(join(predictions, `${berlin}_pred_labelIds.png`), png(ids))
    await submit()
    expect((await written()).data).toEqual(ids)
    await rm(predictions, { recursive: true })
    await put(join(predictions, `${berlin}.png`), png(Uint16Array.from(ids)))
    await submit({ predictionIds: 'labelIds' })
    expect((await written()).data).toEqual(ids)
  })

  it('names the pixel of an invalid id', async () => {
    await addImages(berlin)
    const ids = trainIds(1)
    ids[2 * width + 5] = 26
    const path = join(predictions, `${berlin}.png`)
    await put(path, png(ids))
    const error = await failure(submit())
    expect(error.message).toBe(`${path} has the id 26 at column 5, row 2; train ids are 0 to 18, or 255.`)
    expect(error.hint).toContain('If the files hold label ids')
    ids.fill(0)
    ids[0] = 34
    await put(path, png(ids))
    expect((await failure(submit({ predictionIds: 'labelIds' }))).message).toContain(
      'has the id 34 at column 0, row 0; label ids are 0 to 33.',
    )
    await put(path, png(Uint16Array.from(ids, () => 26_001)))
    expect((await failure(submit({ predictionIds: 'labelIds' }))).message).toContain('has the id 26001')
    expect(await readdir(folder)).not.toContain('results.zip')
  })

  it('requires the size of the image, or of Cityscapes without a data set', async () => {
    await addImages(berlin)
    const path = join(predictions, `${berlin}.png`)
    await put(path, encodeLabelPng({ width: 8, height: 16, data: trainIds(1) }))
    const error = await failure(submit())
    expect([error.code, error.message]).toEqual([
      'size-mismatch',
      `${path} has 8 x 16 pixels, its image has 16 x 8.`,
    ])
    await put(path, png(trainIds(1)))
    expect((await failure(submit({ data: undefined }))).message).toBe(
      `${path} has 16 x 8 pixels, its image has 2048 x 1024.`,
    )
    await put(path, encodeLabelPng({ width: 2048, height: 1024, data: new Uint8Array(2 ** 21) }))
    expect(await submit({ data: undefined })).toEqual([berlin])
  })

  it('names missing, foreign and duplicate predictions', async () => {
    await addImages(berlin, bonn)
    expect((await failure(submit())).message).toBe(
      `${predictions} holds no PNG named after an image of Cityscapes.`,
    )
    const stray = join(predictions, `${munich}.png`)
    await put(stray, png(trainIds(1)))
    await put(join(predictions, `${berlin}.png`), png(trainIds(1)))
    const error = await failure(submit())
    expect([error.code, error.message]).toEqual([
      'invalid-dataset',
      `1 of 2 images of the split "test" have no prediction: ${bonn}. ` +
        `1 of 2 predictions match no image of the split "test": ${stray}.`,
    ])
    const twin = join(predictions, 'b', `${berlin}_flipped.png`)
    await put(twin, png(trainIds(1)))
    expect((await failure(submit())).message).toBe(
      `1 of 2 images have several predictions: ${twin} and ${join(predictions, `${berlin}.png`)}.`,
    )
    expect((await failure(submit({ predictions: join(folder, 'none') }))).code).toBe('not-found')
    await rm(join(predictions, 'b'), { recursive: true })
    expect((await failure(submit({ data: join(folder, 'none') }))).code).toBe('not-found')
  })

  it('does not read its own output as predictions', async () => {
    await addImages(berlin)
    await put(join(predictions, `${berlin}.png`), png(trainIds(1)))
    const out = join(predictions, 'results')
    await submit({ out })
    expect(await submit({ out })).toEqual([berlin])
    expect((await failure(submit({ out: predictions }))).code).toBe('invalid-argument')
  })

  it('writes above the predictions, and finds them again', async () => {
    await addImages(berlin)
    await put(join(predictions, `${berlin}.png`), png(trainIds(1)))
    for (let run = 0; run < 2; run++) expect(await submit({ out: folder })).toEqual([berlin])
    expect(await readdir(folder)).toContain(`${berlin}_labelIds.png`)
  })

  it('recognizes the folder of predictions through a link', async () => {
    await addImages(berlin)
    await put(join(predictions, `${berlin}.png`), png(trainIds(1)))
    const link = join(folder, 'link')
    await symlink(predictions, link)
    expect((await failure(submit({ predictions: link, out: predictions }))).code).toBe('invalid-argument')
    expect((await failure(submit({ out: link }))).code).toBe('invalid-argument')
    const out = join(link, 'results')
    for (let run = 0; run < 2; run++) expect(await submit({ out })).toEqual([berlin])
  })

  it('rejects a folder as archive and a file as folder before any work', async () => {
    await addImages(berlin)
    await put(join(predictions, `${berlin}.png`), png(trainIds(1)))
    const progress = vi.fn()
    await mkdir(join(folder, 'd.zip'))
    await writeFile(join(folder, 'file'), '')
    for (const [name, is] of [
      ['d.zip', 'a folder, not an archive'],
      ['file', 'a file, not a folder'],
    ]) {
      const out = join(folder, name)
      expect(await failure(submit({ out, onProgress: progress }))).toMatchObject({
        code: 'write-failed',
        message: `${out} is ${is}.`,
      })
    }
    expect(progress).not.toHaveBeenCalled()
  })

  it('rejects files that are not PNGs', async () => {
    await addImages(berlin)
    await put(join(predictions, `${berlin}.png`), Uint8Array.of(1, 2, 3))
    expect((await failure(submit())).message).toContain(`${berlin}.png is not a PNG file`)
    await put(join(predictions, `${berlin}.png`), png(trainIds(1)))
    const image = join(root, 'leftImg8bit/test/berlin', `${berlin}_leftImg8bit.png`)
    await put(image, Uint8Array.of(1, 2, 3))
    expect((await failure(submit())).message).toBe(`${image} is not a PNG file.`)
  })

  it('leaves nothing behind when it is stopped or cannot write', async () => {
    const names = Array.from({ length: 9 }, (_, i) => `berlin_00000${i}_000019`)
    await addImages(...names)
    for (const name of names) await put(join(predictions, `${name}.png`), png(trainIds(1)))
    const controller = new AbortController()
    const run = submit({ signal: controller.signal, onProgress: () => controller.abort() })
    await expect(run).rejects.toMatchObject({ name: 'AbortError' })
    expect((await readdir(folder)).sort()).toEqual(['cityscapes', 'predictions'])
    await writeFile(join(folder, 'file'), '')
    const error = await failure(submit({ out: join(folder, 'file', 'results.zip') }))
    expect(error.code).toBe('write-failed')
  })
})

describe('writeZip', () => {
  async function archive(entries: Iterable<ZipEntry>): Promise<Buffer> {
    const parts: Uint8Array[] = []
    await writeZip(entries, { write: async (bytes) => void parts.push(bytes) })
    return Buffer.concat(parts)
  }

  it('writes any bytes, and an empty archive', async () => {
    const next = seededRandom(5)
    const entries = [0, 1, 1000, 70_000].map((size) => ({
      name: `folder/${size}.bin`,
      bytes: Uint8Array.from({ length: size }, () => next() * 256),
    }))
    const read = readZip(await archive(entries))
    expect([...read.keys()]).toEqual(entries.map(({ name }) => name))
    for (const { name, bytes } of entries) expect(read.get(name)!.equals(bytes)).toBe(true)
    expect(readZip(await archive([])).size).toBe(0)
  })

  it('rejects more entries than the format can count', async () => {
    const bytes = new Uint8Array(0)
    const entries = Array.from({ length: 65_536 }, (_, i) => ({ name: String(i), bytes }))
    const full = await archive(entries.slice(0, 65_535))
    expect(full.readUInt16LE(full.length - 12)).toBe(65_535)
    const error = await failure(archive(entries))
    expect([error.code, error.message]).toEqual([
      'limit-exceeded',
      'The archive cannot hold its file 65536, 65535.',
    ])
  })
})
