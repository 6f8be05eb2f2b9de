import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeLabelPng } from '@inverseform/cityscapes'
import { describe, expect, it } from 'vitest'
import { type SubmitFlags, submitCommand } from '../src/commands/submit.js'
import { Printer } from '../src/printer.js'
import { temporaryFolder, tickingSignal } from './command-line.js'

/** Runs the command and returns its messages. */
async function submit(flags: SubmitFlags, signal = new AbortController().signal): Promise<string> {
  let said = ''
  const terminal = { out: () => {}, err: (text: string) => (said += text), interactive: false }
  await submitCommand(flags, new Printer(terminal), signal)
  return said
}

const [width, height] = [6, 4]
const map = encodeLabelPng({ width, height, data: new Uint8Array(width * height).fill(13) })

async function folders(): Promise<{ data: string; pred: string; out: string }> {
  const folder = await temporaryFolder()
  const [data, pred] = [join(folder, 'cityscapes'), join(folder, 'predictions')]
  await mkdir(join(data, 'leftImg8bit/test/bonn'), { recursive: true })
  await mkdir(pred)
  for (const frame of ['000019', '000020']) {
    await writeFile(join(data, `leftImg8bit/test/bonn/bonn_000000_${frame}_leftImg8bit.png`), map)
  }
  await writeFile(join(pred, 'bonn_000000_000019.png'), map)
  return { data, pred, out: join(folder, 'results.zip') }
}

describe('inverseform submit', () => {
  it('writes an archive of all images', async () => {
    const { data, pred, out } = await folders()
    await writeFile(join(pred, 'bonn_000000_000020.png'), map)
    expect(await submit({ data, pred, out })).toMatch(
      /2\/2 predictions.*\nWrote the label ids of 2 images to .*results\.zip\n$/s,
    )
    const archive = (await readFile(out)).toString('latin1')
    expect(archive.startsWith('PK\x03\x04')).toBe(true)
    expect(archive).toContain('bonn_000000_000020_labelIds.png')
  })

  it('measures the time from the start', async () => {
    const { data, pred, out } = await folders()
    await writeFile(join(pred, 'bonn_000000_000020.png'), map)
    // The signal is checked before each of the two, which are converted at the same time.
    const signal = tickingSignal()
    expect(await submit({ data, pred, out }, signal)).toMatch(
      /^1\/2 predictions {2}0\.25 predictions\/s {2}ETA 0:04\n2\/2 predictions {2}0\.50 predictions\/s {2}0:04\n/,
    )
  })

  it('lists missing images, with the data set', async () => {
    const { data, pred, out } = await folders()
    await expect(submit({ data, pred, out })).rejects.toThrow(
      '1 of 2 images of the split "test" have no prediction: bonn_000000_000020.',
    )
  })

  it('notes missing images, without the data set', async () => {
    const { pred, out } = await folders()
    await writeFile(
      join(pred, 'bonn_000000_000019.png'),
      encodeLabelPng({ width: 2048, height: 1024, data: new Uint8Array(2 ** 21) }),
    )
    expect(await submit({ pred, out })).toMatch(
      /Wrote the label ids of 1 image to .*\nnote: The test split has 1525 images\. Pass --data to see which of them are missing\.\n$/,
    )
  })
})
