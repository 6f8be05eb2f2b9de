import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isInverseFormError } from '@inverseform/errors'
import { seededRandom } from '@inverseform/shared'
import {
  bytes,
  Code,
  dict,
  encode,
  floats,
  legacyFile,
  type Pickled,
  tensor,
  torchZip,
} from '@inverseform/testing'
import { describe, expect, test } from 'vitest'
import { writeSafetensors } from '../../src/checkpoint/write-safetensors.js'
import { mutate, nastyNumbers } from './mutate.js'
import { fixture, fixtureNames, openBytes } from './support.js'

// A longer run by hand: FUZZ_CASES=300000 FUZZ_SEED=2 npx vitest run packages/backbones/test/checkpoint/fuzz
const cases = Number(process.env.FUZZ_CASES ?? 2000)
const seed = Number(process.env.FUZZ_SEED ?? 1)

const fieldFolder = fileURLToPath(new URL('../fixtures/field/', import.meta.url))

/** Opens the file and reads all of it: `read`, or the code of the InverseFormError. Any other end throws. */
async function outcomeOf(bytes: Uint8Array): Promise<string> {
  try {
    const { tensors, metadata } = await openBytes(bytes)
    JSON.stringify(metadata)
    let total = 0
    for (const tensor of tensors.values()) {
      if (tensor.unreadable !== undefined) continue
      const { data } = await tensor.read()
      expect(data.byteLength).toBe(tensor.byteLength)
      total += data.byteLength
    }
    expect(total).toBeLessThanOrEqual(16 * bytes.length)
    return 'read'
  } catch (error) {
    if (!isInverseFormError(error)) throw error
    // What a file holds must not flood the message either.
    expect(error.message.length).toBeLessThan(1000)
    return error.code
  }
}

async function countOutcomes(make: (i: number, next: () => number) => Uint8Array) {
  const next = seededRandom(seed)
  const counts: Record<string, number> = {}
  for (let i = 0; i < cases; i++) {
    const file = make(i, next)
    const outcome = await outcomeOf(file).catch((cause) => {
      throw new Error(`case ${i} of seed ${seed}`, { cause })
    })
    counts[outcome] = (counts[outcome] ?? 0) + 1
  }
  if (process.env.FUZZ_CASES) console.log(counts)
  return counts
}

async function safetensorsSeed(): Promise<Uint8Array> {
  const { tensors } = await openBytes(fixture('checkpoint.zip.pth'))
  const parts: Uint8Array[] = []
  const sink = { write: async (part: Uint8Array) => void parts.push(part.slice()) }
  await writeSafetensors(tensors.values(), sink, { epoch: '3' })
  return bytes(...parts)
}

// Each expectation beyond "no other error" says that both sides are reached: damage that only changes
// values, and damage that is found.
describe('every file ends in a result or an InverseFormError', () => {
  test('damaged real files', async () => {
    const field = readdirSync(fieldFolder).filter((name) => name.endsWith('.pth'))
    const good = [
      ...field.map((name) => new Uint8Array(readFileSync(join(fieldFolder, name)))),
      ...fixtureNames(/^(?!refuse).*\.pth$/).map(fixture),
      await safetensorsSeed(),
    ]
    // Damage hides most attacks, so that there are many.
    const attacks = fixtureNames(/^refuse\.code.*\.pth$/).map(fixture)
    const refused = fixtureNames(/^refuse.*\.pth$/).map(fixture)
    const files = [...good, ...good, ...refused, ...Array.from({ length: 6 }, () => attacks).flat()]
    const counts = await countOutcomes((i, next) => mutate(files[i % files.length], next))
    expect(counts.read).toBeGreaterThan(cases / 20)
    expect(counts['invalid-checkpoint']).toBeGreaterThan(cases / 4)
    expect(counts['unsafe-checkpoint']).toBeGreaterThan(cases / 100)
  })

  test('tensors of hostile sizes', async () => {
    const counts = await countOutcomes((_, next) => {
      const number = () =>
        next() < 0.8 ? Math.floor(next() * 4) : nastyNumbers[Math.floor(next() * nastyNumbers.length)]
      const numbers = () => Array.from({ length: Math.floor(next() * 4) }, number)
      const shape = numbers()
      const strides = next() < 0.9 ? shape.map(number) : numbers()
      const length = next() < 0.9 ? 6 : number()
      const view = next() < 0.8 ? null : new Code(bytes('(', ...['v', number(), number()].map(encode), 't'))
      const spec = { shape, strides, offset: number(), length }
      const value = dict({ a: tensor(spec), b: tensor({ ...spec, offset: 0 }) })
      const data = floats(1, 2, 3, 4, 5, 6)
      if (next() < 0.5) return torchZip(value, { 0: data })
      const old = dict({ a: tensor({ ...spec, view }), b: tensor({ view }) })
      return legacyFile(old, { 0: { length: 6, data } })
    })
    expect(counts.read).toBeGreaterThan(cases / 20)
    expect(counts['invalid-checkpoint']).toBeGreaterThan(cases / 4)
    expect(counts['limit-exceeded']).toBeGreaterThan(cases / 100)
  })

  test('random pickles', async () => {
    const globals = [
      'torch\nFloatStorage',
      'torch\nSize',
      'numpy\ndtype',
      'numpy.core.multiarray\nscalar',
      'collections\nOrderedDict',
      '_codecs\nencode',
      'torch._utils\n_rebuild_tensor',
      'torch._utils\n_rebuild_tensor_v3',
      'torch._utils\n_rebuild_device_tensor_from_numpy',
      'torch._tensor\n_rebuild_from_type_v2',
      'numpy.core.multiarray\n_reconstruct',
      'numpy._core.numeric\n_frombuffer',
      'builtins\nset',
      'builtins\ngetattr',
      'collections\nCounter',
      'copyreg\n_reconstructor',
      'argparse\nNamespace',
      'os\nsystem',
    ].map((name) => bytes('c', name, 10))
    const texts = ['a', 'storage', 'cpu', '0', 'latin1', 'f8', '__proto__', 'collections', 'OrderedDict']
    const pushes = [
      ...['N', '}', ']', ')', 'K\x01', 'h\0', 'h\x01'].map((word) => bytes(word)),
      ...[0x88, 0x8f].map((word) => bytes(word)),
      ...[...texts, tensor(), dict({ w: tensor() })].map(encode),
      ...globals,
    ]
    const others = [
      ...['q\0', 'q\x01', 'R', 'R', 'b', 'Q'].map((word) => bytes(word)),
      ...'(.0122lt)deasubo'.split('').map((word) => bytes(word)),
      ...[0x81, 0x85, 0x86, 0x87, 0x90, 0x91, 0x92, 0x93, 0x94].map((word) => bytes(word)),
    ]
    const counts = await countOutcomes((_, next) => {
      const length = 1 + Math.floor(next() ** 2 * 40)
      const soup = Array.from({ length }, () => {
        const words = next() < 0.75 ? pushes : others
        return words[Math.floor(next() * words.length)]
      })
      // Two objects to recall, and a tuple of what is left.
      const list = new Code(bytes('}q\0', '0]q\x010(', ...soup, 't'))
      const value: Pickled = new Map<Pickled, Pickled>([
        ['w', tensor()],
        ['x', list],
      ])
      return torchZip(value, { 0: floats(1, 2, 3, 4, 5, 6) })
    })
    expect(counts.read).toBeGreaterThan(cases / 50)
    expect(counts['invalid-checkpoint']).toBeGreaterThan(cases / 4)
  })
})
