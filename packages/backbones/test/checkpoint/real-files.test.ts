import { describe, expect, test } from 'vitest'
import { errorOf, fixture, openBytes } from './support.js'
import { type Expected, values } from './values.js'

const views: Expected = JSON.parse(new TextDecoder().decode(fixture('views.expected.json')))

test.each(['views.zip.pth', 'views.legacy.pth', 'views.deflated.pth'])(
  '%s: strided views of shared storages read as in PyTorch',
  async (name) => {
    const { tensors } = await openBytes(fixture(name))
    expect([...tensors.keys()]).toEqual(Object.keys(views))
    for (const [key, want] of Object.entries(views)) {
      const data = await tensors.get(key)!.read()
      expect(data, key).toMatchObject({ dtype: want.dtype, shape: want.shape })
      expect(values(data), key).toEqual(
        want.values.map((value) => (want.dtype === 'int64' ? String(value) : value)),
      )
    }
  },
)

const tensor = (shape: number[]) => ({ dtype: 'float32', shape })
const slot = (shape: number[]) => ({ step: tensor([]), exp_avg: tensor(shape), exp_avg_sq: tensor(shape) })

describe.each([
  'training.protocol2.legacy.pth',
  'training.protocol3.zip.pth',
  'training.protocol4.legacy.pth',
  'training.protocol5.zip.pth',
])('%s', (name) => {
  test('the model is the tensors, the rest is metadata', async () => {
    const { tensors, metadata } = await openBytes(fixture(name))
    expect([...tensors.values()].map(({ name, shape }) => [name, shape])).toEqual([
      ['weight', [2, 2]],
      ['bias', [2]],
    ])
    const { optimizer, ...rest } = metadata
    expect(optimizer).toMatchObject({
      state: { 0: slot([2, 2]), 1: slot([2]) },
      param_groups: [{ lr: 0.001, betas: [0.9, 0.999], foreach: null, params: [0, 1] }],
    })
    expect(rest).toEqual({
      epoch: 3,
      list: [1, 2.5, null, true, ['x', 'ab', 'ÿ']],
      tensor: tensor([2, 3]),
      storage: tensor([3]),
      big: '1180591620717411303424',
      negative: '-9223372036854775808',
      infinite: 'Infinity',
      nan: 'NaN',
      keys: { 3: 'int', '[1,2]': 'tuple', null: 0 },
      numpy: {
        f8: 0.5,
        f4: 1.5,
        f2: 0.25,
        i8: -3,
        'i8 big': '4611686018427387904',
        u1: 200,
        b1: true,
        'big-endian': 0.5,
      },
      size: [1, 2],
      dtype: 'torch.float16',
      ['__proto__']: { polluted: 1 },
      ...(name.includes('4') || name.includes('5') ? { set: [1], frozen: [2] } : {}),
    })
    expect(JSON.parse(JSON.stringify(metadata))).toEqual(metadata)
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })
})

test.each([['refuse.torchscript.pth', 'invalid-checkpoint', /TorchScript/]])(
  '%s is refused',
  async (name, code, message) => {
    const error = await errorOf(openBytes(fixture(name)))
    expect(error.code).toBe(code)
    expect(error.message).toMatch(message)
    expect(error.hint).toMatch(/\.$/)
  },
)

test.each([
  ['refuse.quantized.zip.pth', /quantized/],
  ['refuse.sparse.legacy.pth', /sparse/],
  ['refuse.complex.zip.pth', /complex64 is not supported/],
])('%s is listed, and refused when its values are asked for', async (name, message) => {
  const { tensors } = await openBytes(fixture(name))
  const tensor = [...tensors.values()].find(({ unreadable }) => unreadable !== undefined)!
  expect(tensor.unreadable).toMatch(message)
  const error = await errorOf(tensor.read())
  expect(error.code).toBe('invalid-checkpoint')
  expect(error.message).toMatch(message)
  expect(error.hint).toMatch(/\.$/)
})
