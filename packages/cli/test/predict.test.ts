import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeLabelPng } from '@inverseform/cityscapes'
import sharp from 'sharp'
import { expect, test } from 'vitest'
import { exitCodes } from '../src/exit-codes.js'
import { checkpoint, inverseform, temporaryFolder } from './command-line.js'

async function writePicture(path: string, width: number, height: number): Promise<void> {
  await sharp({ create: { width, height, channels: 3, background: '#804080' } }).toFile(path)
}

test('accepts files, folders and globs, and keeps their folders in the output', async () => {
  const folder = await temporaryFolder()
  await mkdir(join(folder, 'in/deep'), { recursive: true })
  await writePicture(join(folder, 'in/a.png'), 40, 30)
  await writePicture(join(folder, 'in/deep/b.jpg'), 33, 65)
  await writePicture(join(folder, 'in/deep/b.webp'), 20, 20)
  await writeFile(join(folder, 'in/notes.txt'), 'not an image')
  const out = join(folder, 'out')
  const { exitCode, err } = await inverseform(
    ...[
      'predict',
      join(folder, 'in'),
      join(folder, 'in/*.png'),
      '--checkpoint',
      checkpoint,
      '--edge-head',
      '--out',
      out,
    ],
  )
  expect(exitCode).toBe(0)
  expect(err).toContain('3 images')
  const kinds = ['colors.png', 'confidence.png', 'edges.png', 'labelIds.png', 'overlay.jpg']
  const files = (await readdir(out, { recursive: true })).filter((name) => name.includes('.')).sort()
  const stems = ['a', 'deep/b.jpg', 'deep/b.webp']
  expect(files).toEqual(stems.flatMap((stem) => kinds.map((kind) => `${stem}_${kind}`)).sort())
  expect(decodeLabelPng(await readFile(join(out, 'deep/b.jpg_labelIds.png')))).toMatchObject({
    width: 33,
    height: 65,
  })
  expect(await sharp(join(out, 'a_confidence.png')).metadata()).toMatchObject({
    width: 40,
    height: 30,
    channels: 1,
  })
})

test('skips hidden files, folders, and the outputs of an earlier run', async () => {
  const folder = await temporaryFolder()
  await writePicture(join(folder, 'a [1] ü.png'), 16, 16)
  await mkdir(join(folder, 'folder.png'))
  for (const hidden of ['._a.png', '.cache.png']) await writeFile(join(folder, hidden), 'not an image')
  const out = join(folder, 'out')
  // The flag precedes the folder, which must not become its value.
  const args = ['predict', '--edge-head', folder, '--checkpoint', checkpoint, '--out', out]
  for (const _ of [1, 2]) {
    const { exitCode, err } = await inverseform(...args)
    expect(err).toContain('the predictions of 1 image to')
    expect(exitCode).toBe(0)
    expect(await readdir(out)).toHaveLength(5)
  }
  expect(await readdir(out)).toContain('a [1] ü_labelIds.png')
})

test('segments an image of one pixel', async () => {
  const folder = await temporaryFolder()
  await writePicture(join(folder, 'one.png'), 1, 1)
  const { exitCode } = await inverseform(
    ...[
      'predict',
      join(folder, 'one.png'),
      '--checkpoint',
      checkpoint,
      '--outputs',
      'labels',
      '--out',
      folder,
    ],
  )
  expect(exitCode).toBe(0)
  expect(decodeLabelPng(await readFile(join(folder, 'one_labelIds.png'))).data).toHaveLength(1)
})

test('reports an unreadable image and segments the others', async () => {
  const folder = await temporaryFolder()
  await writeFile(join(folder, 'bad.png'), 'not an image')
  await writePicture(join(folder, 'good.png'), 32, 32)
  const { exitCode, err } = await inverseform(
    ...['predict', folder, '--checkpoint', checkpoint, '--outputs', 'labels', '--out', join(folder, 'out')],
  )
  expect(exitCode).toBe(exitCodes.input)
  expect(err).toContain('bad.png')
  expect(await readdir(join(folder, 'out'))).toEqual(['good_labelIds.png'])
})

test('refuses inputs without images', async () => {
  const folder = await temporaryFolder()
  for (const input of [folder, join(folder, '*.png'), join(folder, 'none.png')]) {
    const { exitCode, err } = await inverseform('predict', input, '--checkpoint', checkpoint)
    expect(exitCode).toBe(exitCodes.input)
    expect(err).toContain(input)
  }
})
