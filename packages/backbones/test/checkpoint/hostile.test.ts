import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isInverseFormError } from '@inverseform/errors'
import {
  bytes,
  Code,
  call,
  dict,
  encode,
  floats,
  global,
  type Pickled,
  pickle,
  storage,
  tensor,
  torchZip,
  tuple,
  uint,
  zipFile,
} from '@inverseform/testing'
import { describe, expect, test } from 'vitest'
import { errorOf, openBytes } from './support.js'

const six = floats(1, 2, 3, 4, 5, 6)
const zip = (extra: Pickled) => torchZip(dict({ w: tensor(), extra }), { 0: six })
/** A list of these instructions, again and again. What they push is dropped. */
function repeat(setUp: Uint8Array, again: Uint8Array, times: number): Code {
  const all = new Uint8Array(again.length * times)
  for (let i = 0; i < times; i++) all.set(again, i * again.length)
  return new Code(bytes('](', setUp, all, 'e'))
}
const remembered = (key: number, value: Pickled) => bytes(encode(value), 'q', key, '0')
const nested = (
  depth: number,
  inner: Uint8Array,
  open: (inside: Uint8Array, level: number) => Uint8Array,
) => {
  let code = inner
  for (let level = 0; level < depth; level++) code = open(code, level)
  return new Code(code)
}
const module = (children: Pickled, parameters: Pickled = dict({})) =>
  new Code(
    bytes(
      encode(global('torch.nn', 'Module')),
      ')',
      0x81,
      encode(dict({ _parameters: parameters, _buffers: dict({}), _modules: children })),
      'b',
    ),
  )
/** Modules that each have the one before twice: 2^depth paths. */
const doubling = (depth: number) => {
  const parts = [encode(module(dict({}), dict({ w: tensor() }))), bytes('q\0')]
  for (let i = 1; i <= depth; i++) {
    const before = new Code(bytes('h', i - 1))
    parts.push(bytes('0', encode(module(dict({ a: before, b: before }))), 'q', i))
  }
  return new Code(bytes(...parts))
}
const selfHolding = new Code(
  bytes(
    encode(global('torch.nn', 'Module')),
    bytes(')', 0x81, 'q\0'),
    encode(
      dict({ _parameters: dict({}), _buffers: dict({}), _modules: dict({ a: new Code(bytes('h\0')) }) }),
    ),
    'b',
  ),
)

const attacks: Record<string, () => Uint8Array> = {
  'min-bomb.pth: a string that is encoded 100,000 times': () =>
    new Uint8Array(readFileSync(new URL('../fixtures/hostile/min-bomb.pth', import.meta.url))),
  '5,000 tensors on one deflated storage': () => {
    const parts = [remembered(1, storage({ length: 2 ** 21 }))]
    const of = (i: number) =>
      bytes(
        encode(`t${i}`),
        encode(
          call(
            global('torch._utils', '_rebuild_tensor_v2'),
            new Code(bytes('h\x01')),
            i,
            tuple(1),
            tuple(1),
            false,
            dict({}),
          ),
        ),
      )
    for (let i = 0; i < 5000; i++) parts.push(of(i))
    const value = new Code(bytes('}(', ...parts, 'u'))
    const data = new Uint8Array(2 ** 23)
    return zipFile(
      [
        ['a/data.pkl', pickle(value)],
        ['a/data/0', data],
        ['a/pad', randomBytes(600_000)],
      ],
      { deflate: true },
    )
  },
  'two large deflated storages that take turns': () => {
    const length = 2 ** 25 + 2 ** 20
    const parts = [
      remembered(1, storage({ length: length / 4 })),
      remembered(2, storage({ key: '1', length: length / 4 })),
    ]
    for (let i = 0; i < 3000; i++) {
      const key = new Code(bytes('h', 1 + (i % 2)))
      parts.push(
        bytes(
          encode(`t${i}`),
          encode(call(global('torch._utils', '_rebuild_tensor'), key, 0, tuple(1), tuple(1))),
        ),
      )
    }
    const data = new Uint8Array(length)
    const value = new Code(bytes('}(', ...parts, 'u'))
    const packed = [
      ['a/data.pkl', pickle(value)],
      ['a/data/0', data],
      ['a/data/1', data],
    ] as const
    return zipFile(
      [...packed, ['a/pad', randomBytes(2 ** 23)]].map(
        ([name, part]) => [name, part] as [string, Uint8Array],
      ),
      { deflate: true },
    )
  },
  'one list of pairs that becomes 99,000 dicts': () =>
    zip(
      repeat(
        bytes(
          remembered(1, global('collections', 'OrderedDict')),
          remembered(2, tuple(Array.from({ length: 1000 }, (_, i) => tuple(`${i}`, i)))),
        ),
        bytes('h\x01h\x02R'),
        99_000,
      ),
    ),
  'one dict that becomes 99,000 dicts': () =>
    zip(
      repeat(
        bytes(
          remembered(1, global('collections', 'Counter')),
          remembered(2, tuple(dict(Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [i, i]))))),
        ),
        bytes('h\x01h\x02R'),
        99_000,
      ),
    ),
  'a shape of 400,000 entries for 190,000 tensors': () =>
    zip(
      repeat(
        bytes(
          remembered(1, global('torch._utils', '_rebuild_tensor')),
          remembered(3, new Code(bytes('(', 'K\x01'.repeat(400_000), 't'))),
          remembered(2, new Code(bytes('(', encode(storage()), 'K\0h\x03h\x03t'))),
        ),
        bytes('h\x01h\x02R0'),
        140_000,
      ),
    ),
  'copies of copies of a list': () =>
    zip(
      repeat(
        bytes(
          remembered(1, global('builtins', 'list')),
          remembered(2, tuple(Array.from({ length: 10_000 }, () => 1))),
        ),
        bytes('h\x01h\x02R'),
        200_000,
      ),
    ),
  'sets of sets': () =>
    zip(
      repeat(
        bytes(
          remembered(1, global('builtins', 'set')),
          remembered(2, tuple(Array.from({ length: 10_000 }, () => 1))),
        ),
        bytes('h\x01h\x02R0'),
        200_000,
      ),
    ),
  'a state dict that is named 100,000 times': () => {
    const entries = Array.from({ length: 5000 }, (_, i) => [`k${i}`, new Code(bytes('h\x02'))] as const)
    const state = new Map<Pickled, Pickled>(entries)
    const again = Array.from({ length: 60_000 }, (_, i) => [`a${i}`, new Code(bytes('h\x01'))] as const)
    const first = new Code(bytes(encode(tensor()), 'q\x02', '0', encode(state), 'q\x01'))
    return torchZip(new Map<Pickled, Pickled>([['state_dict', first], ...again]), { 0: six })
  },
  'many arguments, 100,000 times': () =>
    zip(
      repeat(
        bytes(
          remembered(1, global('collections', 'OrderedDict')),
          remembered(2, new Code(bytes('(', 'N'.repeat(400_000), 't'))),
        ),
        bytes('h\x01h\x02R0'),
        100_000,
      ),
    ),
  'long integers': () =>
    zip(
      new Code(
        bytes(
          '](',
          ...Array.from({ length: 20_000 }, () =>
            bytes(0x8b, uint(1024, 4), new Uint8Array(1024).fill(0x7f)),
          ),
          'e',
        ),
      ),
    ),
  'one long text 100,000 times': () =>
    zip(repeat(remembered(1, 'x'.repeat(2 ** 20)), bytes('h\x01'), 100_000)),
  'long bytes 100,000 times': () =>
    zip(
      repeat(
        remembered(1, new Code(bytes('B', uint(2 ** 20, 4), new Uint8Array(2 ** 20)))),
        bytes('h\x01'),
        100_000,
      ),
    ),
  'a long key for 100,000 storages': () =>
    zip(
      repeat(
        remembered(1, tuple('storage', global('torch', 'FloatStorage'), 'k'.repeat(2 ** 20), 'cpu', 6)),
        bytes('h\x01Q'),
        100_000,
      ),
    ),
  'a state that is set 300,000 times': () => {
    const state = dict(Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`k${i}`, i])))
    const object = bytes(encode(global('a', 'B')), ')', 0x81)
    return zip(new Code(bytes(remembered(1, state), object, bytes('h\x01b'.repeat(300_000)))))
  },
  'a NumPy array whose shape is set 300,000 times': () => {
    const shape = new Code(bytes('(', 'K\x01'.repeat(30), 't'))
    const state = tuple(
      1,
      shape,
      call(global('numpy', 'dtype'), 'f4'),
      false,
      new Code(bytes('B', uint(4, 4), 'abcd')),
    )
    const array = call(global('numpy.core.multiarray', '_reconstruct'), null, null, null)
    return zip(new Code(bytes(remembered(1, state), array.bytes, bytes('h\x01b'.repeat(300_000)))))
  },
  'modules nested 5,000 deep': () =>
    torchZip(
      nested(5000, encode(module(dict({}), dict({ w: tensor() }))), (inside) =>
        encode(module(dict({ a: new Code(inside) }))),
      ),
      { 0: six },
    ),
  'a module in itself': () => torchZip(selfHolding, { 0: six }),
  'modules that double': () => torchZip(doubling(60), { 0: six }),
  'modules with long names': () => {
    let code: Code = module(
      dict({}),
      dict(Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`${i}`, new Code(bytes('h\0'))]))),
    )
    for (let i = 0; i < 90; i++) code = module(dict({ ['n'.repeat(10_000)]: code }))
    return torchZip(new Code(bytes(encode(tensor()), 'q\0', '0', code.bytes)), { 0: six })
  },
  '200,000 records': () => zip(repeat(remembered(1, global('a', 'B')), bytes('h\x01)', 0x81), 200_000)),
  'a text line without end': () => zip(new Code(bytes('V', 'x'.repeat(2 ** 25)))),
  'dicts nested 90 deep with a shared dict in each': () => {
    const shared = dict({ t: tensor() })
    return torchZip(
      nested(90, encode(shared), (inside) => encode(dict({ a: new Code(inside), b: dict({ t: tensor() }) }))),
      { 0: six },
    )
  },
}

/** Opens a file and reads all of it, as an application does. */
async function readAll(file: Uint8Array): Promise<string> {
  try {
    const { tensors, metadata } = await openBytes(file)
    JSON.stringify(metadata)
    for (const tensor of tensors.values()) await tensor.read()
    return 'read'
  } catch (error) {
    if (!isInverseFormError(error)) throw error
    expect(error.message.length).toBeLessThan(1000)
    return error.code
  }
}

describe('costs little time and memory', () => {
  test.each(Object.entries(attacks))('%s', async (_, make) => {
    const file = make()
    globalThis.gc?.()
    const before = process.memoryUsage.rss()
    const start = performance.now()
    let most = 0
    const watch = setInterval(() => (most = Math.max(most, process.memoryUsage.rss() - before)), 5)
    const outcome = await readAll(file)
    clearInterval(watch)
    most = Math.max(most, process.memoryUsage.rss() - before)
    if (process.env.SHOW_COSTS) {
      console.log(
        `${outcome}, ${Math.round(performance.now() - start)} ms, ${Math.round(most / 2 ** 20)} MiB`,
      )
    }
    expect(['read', 'limit-exceeded', 'invalid-checkpoint']).toContain(outcome)
    expect(performance.now() - start).toBeLessThan(5000)
    expect(most).toBeLessThan(500e6)
  })
})

test('an abort ends the opening, with the reason', async () => {
  const slow = zip(repeat(bytes(), bytes('N0'), 400_000))
  const controller = new AbortController()
  const reason = new Error('stop')
  setTimeout(() => controller.abort(reason), 5)
  await expect(openBytes(slow, 'slow.pth', { signal: controller.signal })).rejects.toBe(reason)
  await expect(openBytes(slow, 'slow.pth', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
})

test('other events happen while a long pickle is read', async () => {
  let turns = 0
  const timer = setInterval(() => turns++, 1)
  await openBytes(zip(repeat(bytes(), bytes('N0'), 400_000)))
  clearInterval(timer)
  expect(turns).toBeGreaterThan(0)
})

test('an abort after the opening changes nothing', async () => {
  const controller = new AbortController()
  const { tensors } = await openBytes(zip(1), 'x.pth', { signal: controller.signal })
  controller.abort()
  expect((await tensors.get('w')!.read()).data).toHaveLength(6)
})

test('a limit of work can be raised', async () => {
  const list = repeat(
    bytes(remembered(1, global('builtins', 'list')), remembered(2, tuple([1, 2, 3]))),
    bytes('h\x01h\x02R'),
    10,
  )
  const error = await errorOf(openBytes(zip(list), 'x.pth', { limits: { maxWorkItems: 20 } }))
  expect(error.details.limit).toBe('maxWorkItems')
  const { metadata } = await openBytes(zip(list))
  expect(metadata.extra).toEqual(Array.from({ length: 10 }, () => [1, 2, 3]))
})
