import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { decodeLabelPng } from '@inverseform/cityscapes'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import bin from '../src/bin.ts?bundled'
import { exitCodes } from '../src/exit-codes.js'
import { checkpoint, inverseform, temporaryFolder } from './command-line.js'

const tall = fileURLToPath(new URL('fixtures/hostile/1x100000.png', import.meta.url))

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

test('stops at an unreadable image, and goes on with --resume when it is mended', async () => {
  const folder = await temporaryFolder()
  for (const name of ['a', 'c']) await writePicture(join(folder, `${name}.png`), 32, 32)
  await writeFile(join(folder, 'b.png'), 'not an image')
  const out = join(folder, 'out')
  const stopped = await labelsOf(folder, '--out', out, '--json')
  expect(stopped.exitCode).toBe(exitCodes.input)
  expect(stopped.err).toMatch(/--resume.*\n.*--on-error skip.*\n(.*\n)?error: .*b\.png/)
  expect(JSON.parse(stopped.out)).toMatchObject({
    images: [{ image: join(folder, 'a.png') }],
    failed: [{ image: join(folder, 'b.png'), code: 'unreadable' }],
    partial: { scored: 1, total: 3 },
  })
  expect(await readdir(out)).toEqual(['.inverseform', 'a_labelIds.png'])
  await writePicture(join(folder, 'b.png'), 32, 32)
  const { exitCode, err } = await labelsOf(folder, '--out', out, '--resume')
  expect(exitCode).toBe(0)
  expect(err).toContain('1 of 3 images are done already.')
  expect(await readdir(out)).toHaveLength(4)
})

test('leaves no state when the first image fails', async () => {
  const folder = await temporaryFolder()
  await writeFile(join(folder, 'a.png'), 'not an image')
  await writePicture(join(folder, 'b.png'), 32, 32)
  expect((await labelsOf(folder, '--out', join(folder, 'out'))).exitCode).toBe(exitCodes.input)
  expect(await readdir(join(folder, 'out'))).toEqual([])
})

test('a name that is too long for the outputs is said, not taken for a file that exists', async () => {
  const folder = await temporaryFolder()
  await writePicture(join(folder, `${'a'.repeat(245)}.png`), 16, 16)
  const { exitCode, err } = await labelsOf(folder, '--out', join(folder, 'out'))
  expect(exitCode).toBe(exitCodes.output)
  expect(err).toMatch(/^error: .*name too long/m)
})

describe('a file at the path of an output', () => {
  test('that predict did not write is kept without --overwrite', async () => {
    const folder = await temporaryFolder()
    await writePicture(join(folder, 'a.png'), 16, 16)
    // A label map beside its image, which the outputs of an earlier run are named like.
    const truth = join(folder, 'a_labelIds.png')
    await sharp({ create: { width: 16, height: 16, channels: 3, background: '#000' } }).toFile(truth)
    const before = await readFile(truth)
    for (const flags of [[], ['--resume'], ['--restart']]) {
      const { exitCode, err } = await labelsOf(folder, '--out', folder, ...flags)
      expect(exitCode).toBe(exitCodes.usage)
      expect(err).toMatch(
        /^error: .*a_labelIds\.png exists already, and predict did not write it\.\nhint: .*--overwrite/m,
      )
      expect(await readFile(truth)).toEqual(before)
    }
    expect((await labelsOf(folder, '--out', folder, '--overwrite')).exitCode).toBe(0)
    // Now it is an output.
    expect((await labelsOf(folder, '--out', folder)).exitCode).toBe(0)
    expect(decodeLabelPng(await readFile(truth))).toMatchObject({ width: 16, height: 16 })
  })

  test('that predict wrote is kept if another program has changed it', async () => {
    const folder = await temporaryFolder()
    await writePicture(join(folder, 'a.png'), 16, 16)
    const out = join(folder, 'out')
    const flags = ['--checkpoint', checkpoint, '--outputs', 'overlay,colors', '--out', out]
    for (const _ of [1, 2]) {
      expect(await inverseform('predict', folder, ...flags)).toMatchObject({ exitCode: 0 })
    }
    for (const name of ['a_colors.png', 'a_overlay.jpg']) {
      const path = join(out, name)
      await writeFile(path, await sharp(await readFile(path)).toBuffer())
      const { exitCode, err } = await inverseform('predict', folder, ...flags)
      expect(exitCode).toBe(exitCodes.usage)
      expect(err).toContain(name)
    }
  })
})

test('refuses inputs without images', async () => {
  const folder = await temporaryFolder()
  for (const input of [folder, join(folder, '*.png'), join(folder, 'none.png')]) {
    const { exitCode, err } = await inverseform('predict', input, '--checkpoint', checkpoint)
    expect(exitCode).toBe(exitCodes.input)
    expect(err).toContain(input)
  }
})

const labelsOf = (...args: string[]) =>
  inverseform('predict', ...args, '--checkpoint', checkpoint, '--outputs', 'labels')

describe('an image that fails', () => {
  test('too tall for JPEG: its overlay is a PNG, the others are kept', async () => {
    const folder = await temporaryFolder()
    await mkdir(join(folder, 'in'))
    await copyFile(tall, join(folder, 'in/tall.png'))
    await writePicture(join(folder, 'in/good.png'), 32, 32)
    const out = join(folder, 'out')
    const flags = ['--checkpoint', checkpoint, '--outputs', 'overlay', '--out', out, '--json']
    const outcome = await inverseform('predict', join(folder, 'in'), ...flags)
    expect(outcome).toMatchObject({ exitCode: 0 })
    expect((await readdir(out)).sort()).toEqual(['good_overlay.jpg', 'tall_overlay.png'])
    expect(await sharp(join(out, 'tall_overlay.png')).metadata()).toMatchObject({ width: 1, height: 100_000 })
    expect(JSON.parse(outcome.out)).toMatchObject({
      format: 'inverseform.predictions',
      images: [
        { image: join(folder, 'in/good.png'), files: { overlay: join(out, 'good_overlay.jpg') } },
        { width: 1, height: 100_000, files: { overlay: join(out, 'tall_overlay.png') } },
      ],
      skipped: [],
      failed: [],
    })
  })

  test('an output that cannot be written: the others are kept', async () => {
    const folder = await temporaryFolder()
    for (const name of ['a', 'b', 'c']) await writePicture(join(folder, `${name}.png`), 16, 16)
    const out = join(folder, 'out')
    await mkdir(join(out, 'b_labelIds.png'), { recursive: true })
    const { exitCode, err } = await labelsOf(folder, '--out', out, '--overwrite', '--on-error', 'skip')
    expect(exitCode).toBe(exitCodes.skipped)
    expect(err).toMatch(/^skipped: .*b_labelIds\.png/m)
    expect(err).toContain('the predictions of 2 images to')
    expect(await readdir(out)).toEqual(expect.arrayContaining(['a_labelIds.png', 'c_labelIds.png']))
  })

  test('several: each is named, in text and in JSON', async () => {
    const folder = await temporaryFolder()
    for (const name of ['x.png', 'y.jpg']) await writeFile(join(folder, name), 'not an image')
    const { exitCode, err, out } = await labelsOf(
      ...[folder, '--out', join(folder, 'out'), '--json', '--on-error', 'skip'],
    )
    expect(exitCode).toBe(exitCodes.input)
    expect(err).toMatch(/^skipped: .*x\.png/m)
    expect(err).toMatch(/^skipped: .*y\.jpg/m)
    expect(err).toContain('error: All 2 images failed. The first: ')
    expect(JSON.parse(out).failed).toMatchObject([{ code: 'unreadable' }, { code: 'unreadable' }])
  })
})

describe('which files are segmented', () => {
  test('other extensions and none: by content; the rest is named', async () => {
    const folder = await temporaryFolder()
    const photo = await sharp({ create: { width: 16, height: 16, channels: 3, background: '#804080' } })
      .jpeg()
      .toBuffer()
    for (const name of ['a.jfif', 'b.jpe', 'c', 'd.JPG', 'e.photo']) {
      await writeFile(join(folder, name), photo)
    }
    await writeFile(join(folder, 'f.bmp'), Buffer.from('BM\x36\0\0\0\0\0\0\0', 'latin1'))
    await writeFile(join(folder, 'g.jp2'), Buffer.from('\0\0\0\x0cjP  \r\n\x87\n', 'latin1'))
    await writeFile(join(folder, 'h.txt'), 'text')
    const out = join(folder, 'out')
    const { exitCode, err, out: json } = await labelsOf(folder, '--out', out, '--json')
    expect(exitCode).toBe(0)
    expect((await readdir(out)).sort()).toEqual(
      ['a', 'b', 'c', 'd', 'e'].map((stem) => `${stem}_labelIds.png`),
    )
    expect(err).toContain(`note: 1 file was skipped, BMP is not supported: ${join(folder, 'f.bmp')}`)
    expect(err).toContain('JPEG 2000 is not supported')
    expect(err).toContain('it is not an image')
    expect(JSON.parse(json).skipped.map(({ reason }: { reason: string }) => reason)).toEqual([
      'BMP is not supported',
      'JPEG 2000 is not supported',
      'it is not an image',
    ])
  })

  test('a folder of files that cannot be decoded: the error says why', async () => {
    const folder = await temporaryFolder()
    await writeFile(join(folder, 'f.bmp'), Buffer.from('BM\x36\0\0\0\0\0\0\0', 'latin1'))
    const { exitCode, err } = await labelsOf(folder, '--out', join(folder, 'out'))
    expect(exitCode).toBe(exitCodes.input)
    expect(err).toContain('BMP is not supported')
  })

  test('names that are equal but for their extensions get outputs of their own', async () => {
    const folder = await temporaryFolder()
    for (const name of ['a.png', 'a.webp', 'a.png.webp', 'A.gif']) {
      await writePicture(join(folder, name), 16, 16)
    }
    const out = join(folder, 'out')
    expect((await labelsOf(folder, '--out', out)).exitCode).toBe(0)
    expect(await readdir(out)).toHaveLength(4)
  })

  // Windows needs a privilege to create links.
  test.skipIf(process.platform === 'win32')('a loop of links: each image once', async () => {
    const folder = await temporaryFolder()
    await mkdir(join(folder, 'in/deep'), { recursive: true })
    await writePicture(join(folder, 'in/deep/b.png'), 16, 16)
    await symlink('..', join(folder, 'in/deep/a-loop'))
    await symlink('.', join(folder, 'in/a-self'))
    await symlink('deep/b.png', join(folder, 'in/a-link.png'))
    for (const input of ['in', 'in/**/*.png']) {
      const out = join(folder, input === 'in' ? 'out' : 'out2')
      const { exitCode, err } = await labelsOf(join(folder, input), '--out', out)
      expect(exitCode).toBe(0)
      expect(err).toContain('the predictions of 1 image to')
      expect(await readdir(out, { recursive: true })).toEqual(['b_labelIds.png'])
    }
  })

  test('the same folder as the output: not the outputs of the first run', async () => {
    const folder = await temporaryFolder()
    await mkdir(join(folder, 'deep'))
    await writePicture(join(folder, 'a.png'), 16, 16)
    await writePicture(join(folder, 'deep/a.webp'), 16, 16)
    await writePicture(join(folder, 'deep/own_colors.png'), 16, 16)
    for (const skipped of [0, 12, 12]) {
      const flags = ['--checkpoint', checkpoint, '--out', folder, '--json']
      const { exitCode, out } = await inverseform('predict', folder, ...flags)
      expect(exitCode).toBe(0)
      expect(JSON.parse(out).images).toHaveLength(3)
      expect(JSON.parse(out).skipped).toHaveLength(skipped)
    }
  })
})

describe.skipIf(process.platform === 'win32')('inputs that are not files', () => {
  test('a named pipe is refused at once', async () => {
    const folder = await temporaryFolder()
    await promisify(execFile)('mkfifo', [join(folder, 'pipe.png')])
    for (const input of [join(folder, 'pipe.png'), '/dev/null']) {
      const { exitCode, err } = await labelsOf(input, '--out', join(folder, 'out'))
      expect(exitCode).toBe(exitCodes.input)
      expect(err).toMatch(/named pipe|device/)
      expect(err).toContain('pass -')
    }
    await writePicture(join(folder, 'a.png'), 16, 16)
    const { exitCode, err } = await labelsOf(folder, '--out', join(folder, 'out'))
    expect(exitCode).toBe(0)
    expect(err).toContain('it is a named pipe')
  })

  test('standard input', async () => {
    const folder = await temporaryFolder()
    await writePicture(join(folder, 'a.png'), 20, 10)
    const predict = ['predict', '-', '--checkpoint', checkpoint, '--outputs', 'labels', '--out', folder]
    for (const input of [await readFile(join(folder, 'a.png')), Buffer.from('text'), Buffer.alloc(0)]) {
      const child = spawn(process.execPath, [bin, ...predict])
      let err = ''
      child.stderr.on('data', (part) => (err += part))
      child.stdin.end(input)
      const [exitCode] = await once(child, 'close')
      expect(exitCode).toBe(input.length > 100 ? 0 : exitCodes.input)
      if (exitCode !== 0) expect(err).toContain('Standard input')
    }
    expect(decodeLabelPng(await readFile(join(folder, 'stdin_labelIds.png')))).toMatchObject({
      width: 20,
      height: 10,
    })
  })
})
