import { copyFile, mkdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { decodeLabelPng } from '@inverseform/cityscapes'
import { describe, expect, it } from 'vitest'
import { type LabelsFlags, labelsCommand } from '../src/commands/labels.js'
import { exitCodes } from '../src/exit-codes.js'
import { Printer } from '../src/printer.js'
import { inverseform, temporaryFolder, tickingSignal } from './command-line.js'

const fixtures = fileURLToPath(new URL('../../cityscapes/test/fixtures/polygons/', import.meta.url))

/** Runs the command and returns its messages. */
async function labels(flags: LabelsFlags, signal = new AbortController().signal): Promise<string> {
  let said = ''
  const terminal = { out: () => {}, err: (text: string) => (said += text), interactive: false }
  await labelsCommand(flags, new Printer(terminal), signal)
  return said
}

async function dataset(): Promise<string> {
  const data = await temporaryFolder()
  for (const type of ['gtFine', 'gtCoarse']) {
    for (const split of ['train', 'val']) {
      await mkdir(join(data, type, split, 'ulm'), { recursive: true })
      const file = join(data, type, split, 'ulm', `ulm_000000_000019_${type}_polygons.json`)
      await copyFile(join(fixtures, 'street_polygons.json'), file)
    }
  }
  return data
}

describe('inverseform labels', () => {
  it('draws train ids of every split', async () => {
    const data = await dataset()
    expect(await labels({ data })).toMatch(/2\/2 annotations.*\nWrote 2 label images\n$/s)
    const drawn = await readFile(join(data, 'gtFine/val/ulm/ulm_000000_000019_gtFine_labelTrainIds.png'))
    const expected = await readFile(join(fixtures, 'street_labelTrainIds.png'))
    expect(decodeLabelPng(drawn)).toEqual(decodeLabelPng(expected))
  })

  it('draws the chosen split and encoding in the chosen folder', async () => {
    const data = await dataset()
    const out = join(data, 'new/folder')
    const said = await labels({ data, out, split: ['val'], encoding: ['instanceIds'], coarse: true })
    expect(said).toContain('Wrote 1 label image\n')
    const path = join(out, 'gtCoarse/val/ulm/ulm_000000_000019_gtCoarse_instanceIds.png')
    expect(decodeLabelPng(await readFile(path)).data).toBeInstanceOf(Uint16Array)
    await expect(stat(join(out, 'gtCoarse/train'))).rejects.toThrow('ENOENT')
  })

  it('keeps existing label images without --overwrite', async () => {
    const data = await dataset()
    await labels({ data, split: ['val'] })
    expect(await labels({ data })).toMatch(
      /Wrote 1 label image\nnote: Kept 1 existing label images\. Pass --overwrite to replace them\.\n$/,
    )
    expect(await labels({ data, overwrite: true })).toMatch(/Wrote 2 label images\n$/)
  })

  it('measures the time from the start', async () => {
    const data = await dataset()
    // The signal is checked before each of the two, which are drawn at the same time.
    const signal = tickingSignal()
    expect(await labels({ data }, signal)).toMatch(
      /^1\/2 annotations {2}0\.25 annotations\/s {2}ETA 0:04\n2\/2 annotations {2}0\.50 annotations\/s {2}0:04\n/,
    )
  })

  it('accepts spaces around names of splits, but no empty names', async () => {
    const data = await dataset()
    const run = (split: string) => inverseform('labels', '--data', data, '--split', split)
    expect((await run(' train, val')).err).toContain('Wrote 2 label images\n')
    for (const split of ['', 'train,', ' ']) {
      const { exitCode, err } = await run(split)
      expect(exitCode).toBe(exitCodes.usage)
      expect(err).toContain('such as train,val')
    }
  })

  it('passes errors on', async () => {
    await expect(labels({ data: await temporaryFolder() })).rejects.toMatchObject({ code: 'not-found' })
  })
})
