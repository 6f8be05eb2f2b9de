import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { asLittleEndian } from '../../src/checkpoint/dtype.js'
import type { Checkpoint } from '../../src/checkpoint/types.js'
import { errorOf, openBytes } from './support.js'

const folder = new URL('../fixtures/field/', import.meta.url)
const read = (name: string) => new Uint8Array(readFileSync(fileURLToPath(new URL(name, folder))))

type Tensors = Record<string, { dtype: string; shape: number[]; sha256: string }>
type Expected = Record<string, Tensors | { choices: Record<string, Tensors> }>
const expected: Expected = JSON.parse(new TextDecoder().decode(read('expected.json')))

async function summary({ tensors }: Checkpoint): Promise<Tensors> {
  const found: Tensors = {}
  for (const tensor of tensors.values()) {
    const { dtype, shape, data } = await tensor.read()
    const sha256 = createHash('sha256').update(asLittleEndian(data)).digest('hex')
    found[tensor.name] = { dtype, shape: [...shape], sha256 }
  }
  return found
}

test('there are 42 files', () => {
  expect(readdirSync(folder).filter((name) => name.endsWith('.pth'))).toEqual(Object.keys(expected).sort())
  expect(Object.keys(expected)).toHaveLength(42)
})

describe.each(Object.entries(expected))('%s', (name, want) => {
  if ('choices' in want) {
    const { choices } = want as { choices: Record<string, Tensors> }
    test('asks for a choice and takes it', async () => {
      const error = await errorOf(openBytes(read(name), name))
      expect(error.code).toBe('invalid-checkpoint')
      for (const [key, tensors] of Object.entries(choices)) {
        expect(error.message).toContain(`"${key}" (${Object.keys(tensors).length} tensors)`)
        expect(await summary(await openBytes(read(name), name, { key }))).toEqual(tensors)
      }
      expect(error.hint).toContain('`key`')
      const wrong = await errorOf(openBytes(read(name), name, { key: 'nothing' }))
      expect(wrong.code).toBe('invalid-argument')
      for (const key of Object.keys(choices)) expect(wrong.hint).toContain(`"${key}"`)
    })
  } else {
    test('reads as PyTorch wrote it', async () => {
      const checkpoint = await openBytes(read(name), name)
      const found = await summary(checkpoint)
      expect(found).toEqual(want)
      // Objects compare without order, but names have that of state_dict().
      expect(Object.keys(found)).toEqual(Object.keys(want))
      expect(() => JSON.stringify(checkpoint.metadata)).not.toThrow()
      expect(await checkpoint.verify()).toMatchObject({ checksums: expect.any(Number) })
    })
  }
})

const moreFolder = new URL('../fixtures/more/', import.meta.url)
const readMore = (name: string) => new Uint8Array(readFileSync(fileURLToPath(new URL(name, moreFolder))))
const more: Record<string, Tensors> = JSON.parse(new TextDecoder().decode(readMore('expected.json')))

test.each(Object.entries(more))('%s reads as PyTorch wrote it', async (name, want) => {
  const found = await summary(await openBytes(readMore(name), name))
  expect(found).toEqual(want)
  expect(Object.keys(found)).toEqual(Object.keys(want))
})

test.each([
  ['namespace', 'argparse.Namespace'],
  ['device', 'torch.device'],
  ['class-as-value', 'torch.optim.adam.Adam'],
  ['class-as-key', 'torch.optim.adam.Adam'],
  ['datetime', 'datetime.datetime'],
  ['loss-module', 'torch.nn.modules.loss.CrossEntropyLoss'],
  ['function', 'torch._C._VariableFunctionsClass.relu'],
  ['module-in-dict', 'torch.nn.modules.container.Sequential'],
])('%s shows <%s> in the metadata', async (name, record) => {
  for (const format of ['zip', 'legacy']) {
    const { metadata } = await openBytes(read(`${name}.${format}.pth`))
    expect(JSON.stringify(metadata)).toContain(`<${record}>`)
  }
})
