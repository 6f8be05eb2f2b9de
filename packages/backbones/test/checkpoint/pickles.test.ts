import {
  bytes,
  Code,
  call,
  dict,
  encode,
  floats,
  global,
  legacyFile,
  type Pickled,
  storage,
  tensor,
  torchZip,
  tuple,
  uint,
} from '@inverseform/testing'
import { describe, expect, test } from 'vitest'
import { PythonRecord } from '../../src/checkpoint/metadata-value.js'
import { openCheckpoint } from '../../src/checkpoint/open.js'
import { bytesSource } from '../../src/io/source.js'
import { countReads, errorOf, openBytes } from './support.js'

const six = floats(1, 2, 3, 4, 5, 6)
const zip = (value: Pickled) => torchZip(value, { 0: six })
const w = { w: tensor() }

describe('globals that only attack refuse the file', () => {
  test.each([
    ['os', 'system'],
    ['posix', 'system'],
    ['builtins', 'eval'],
    ['builtins', 'getattr'],
    ['torch', 'load'],
    ['torch.hub', 'load'],
    ['torch._utils', '_rebuild_tensor_v2.__globals__'],
    ['numpy', 'load'],
    ['_codecs', 'decode'],
    ['nt', 'system'],
    ['subprocess', 'Popen'],
    ['os.path', 'os.system'],
    ['builtins', 'exec'],
    ['builtins', 'open'],
    ['builtins', '__import__'],
    ['__builtin__', 'eval'],
    ['__builtin__', 'file'],
    ['importlib', 'import_module'],
    ['runpy', '_run_code'],
    ['pickle', 'loads'],
    ['_pickle', 'loads'],
    ['socket', 'create_connection'],
    ['ctypes', 'CDLL'],
    ['shutil', 'rmtree'],
    ['webbrowser', 'open'],
    ['pty', 'spawn'],
    ['code', 'InteractiveInterpreter'],
    ['operator', 'attrgetter'],
    ['_operator', 'methodcaller'],
    ['numpy.testing._private.utils', 'runstring'],
    ['numpy._core.multiarray', 'fromfile'],
    ['pip', 'main'],
    ['pip._internal', 'main'],
    ['torch.serialization', 'load'],
    ['torch.utils.cpp_extension', 'load_inline'],
    ['types', 'FunctionType'],
    ['random', '_os.system'],
    ['collections', 'OrderedDict.__class__'],
  ])('%s.%s', async (module, name) => {
    const direct = global(module, name)
    const onStack = new Code(bytes(encode(module), encode(name), 0x93))
    for (const value of [direct, onStack, call(direct, 'echo'), new Code(bytes(direct.bytes, '0N'))]) {
      for (const file of [zip(dict({ ...w, value })), legacyFile(dict({ ...w, value }))]) {
        const error = await errorOf(openBytes(file))
        expect(error.code).toBe('unsafe-checkpoint')
        expect(error.message).toContain(`"${module}.${name}"`)
        expect(error.message).toContain('Nothing was executed')
      }
    }
  })

  test('getattr is accepted for functions of classes, and for nothing else', async () => {
    const getattr = global('__builtin__', 'getattr')
    const relu = call(getattr, global('torch._C', '_VariableFunctionsClass'), 'relu')
    const { metadata } = await openBytes(zip(dict({ ...w, relu })))
    expect(JSON.stringify(metadata)).toBe('{"relu":"<torch._C._VariableFunctionsClass.relu>"}')
    const method = call(getattr, call(global('a', 'Scheduler')), '_step')
    const { metadata: more } = await openBytes(zip(dict({ ...w, method })))
    expect(JSON.stringify(more)).toBe('{"method":"<a.Scheduler._step>"}')
    for (const value of [
      call(getattr, call(global('a', 'B')), '__globals__'),
      call(getattr, global('a', 'B'), '__globals__'),
      call(getattr, global('a', 'B'), 'x y'),
      call(getattr, 'text', 'upper'),
      call(getattr, dict({}), 'get'),
      call(getattr),
      new Code(bytes(getattr.bytes, '0N')),
      new Code(bytes(getattr.bytes, ')', 0x81)),
    ]) {
      const error = await errorOf(openBytes(zip(dict({ ...w, value }))))
      expect(error.code).toBe('unsafe-checkpoint')
    }
    const error = await errorOf(
      openBytes(zip(dict({ ...w, value: call(getattr, global('torch', 'hub'), 'load') }))),
    )
    expect(error.message).toContain('"torch.hub"')
  })

  test.each([
    ['EXT1', 0x82, 1],
    ['EXT2', 0x83, 2],
  ])('instruction %s', async (name, byte, size) => {
    const value = new Code(bytes(byte, uint(1, size)))
    const error = await errorOf(openBytes(zip(dict({ ...w, value }))))
    expect(error.code).toBe('unsafe-checkpoint')
    expect(error.message).toContain(name)
  })

  test('a global hidden in the pickles around the object', async () => {
    const magic = bytes(0x80, 2, encode(call(global('os', 'system'), 'true')), '.')
    expect((await errorOf(openBytes(magic))).code).toBe('unsafe-checkpoint')
  })
})

describe('unknown globals are records', () => {
  const record = global('my.models', 'Config')
  const state = dict({ lr: 0.5, name: 'x' })
  const cases: [string, Pickled, unknown, unknown][] = [
    ['a class', record, [], null],
    ['REDUCE', call(record, 1, 'a'), [1, 'a'], null],
    ['NEWOBJ', new Code(bytes(record.bytes, encode(tuple(1)), 0x81)), [1], null],
    [
      'NEWOBJ_EX',
      new Code(bytes(record.bytes, encode(tuple(1)), encode(dict({ a: 2 })), 0x92)),
      [1, { a: 2 }],
      null,
    ],
    ['OBJ', new Code(bytes('(', record.bytes, encode(1), 'o')), [1], null],
    ['INST', new Code(bytes('(', encode(1), 'imy.models\nConfig\n')), [1], null],
    ['BUILD', new Code(bytes(record.bytes, ')', 0x81, encode(state), 'b')), [], { lr: 0.5, name: 'x' }],
    ['APPEND', new Code(bytes(record.bytes, ')', 0x81, encode(1), 'a(', encode(2), 'e')), [], [1, 2]],
    ['SETITEM', new Code(bytes(record.bytes, ')', 0x81, encode('k'), encode(2), 's')), [], { k: 2 }],
    [
      '_reconstructor',
      call(global('copy_reg', '_reconstructor'), record, global('__builtin__', 'object'), null),
      [],
      null,
    ],
    ['__newobj__', call(global('copyreg', '__newobj__'), record, 1), [1], null],
    ['a call of a record', call(call(record), 1), [1], null],
  ]
  test.each(cases)('%s', async (_, value, args, wanted) => {
    for (const file of [
      zip(dict({ ...w, value })),
      legacyFile(dict({ ...w, value }), { 0: { length: 6, data: six } }),
    ]) {
      const { tensors, metadata } = await openBytes(file)
      expect((await tensors.get('w')!.read()).data).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6))
      const found = metadata.value as PythonRecord
      expect(found).toBeInstanceOf(PythonRecord)
      expect(found.name).toBe('my.models.Config')
      expect(String(found)).toBe('<my.models.Config>')
      expect(JSON.stringify(metadata)).toBe('{"value":"<my.models.Config>"}')
      expect(found.args).toEqual(args)
      expect(found.state).toEqual(wanted)
    }
  })

  test.each([
    ['collections', 'OrderedDict.fromkeys'],
    ['collections.OrderedDict', 'fromkeys'],
    ['constructor', 'constructor'],
    ['__proto__', 'x'],
    ['functools', 'partial'],
    ['__main__', 'Net'],
  ])('%s.%s is a name like any other', async (module, name) => {
    for (const value of [global(module, name), call(global(module, name), 'x')]) {
      const { metadata } = await openBytes(zip(dict({ ...w, value })))
      expect(String(metadata.value)).toBe(`<${module}.${name}>`)
    }
  })
})

describe('plain Python and NumPy types beside the weights', () => {
  const of = (module: string, name: string, ...args: Pickled[]) => call(global(module, name), ...args)
  const f4 = new Code(
    bytes(encode(of('numpy', 'dtype', 'f4')), encode(tuple(3, '<', null, null, null, -1, -1, 0)), 'b'),
  )
  const array = (core: string) =>
    new Code(
      bytes(
        encode(of(`numpy.${core}.multiarray`, '_reconstruct', global('numpy', 'ndarray'), tuple(0), 'b')),
        encode(tuple(1, tuple(2), f4, false, new Code(bytes('B', uint(8, 4), floats(1, 2))))),
        'b',
      ),
    )
  test.each<[string, Pickled, unknown]>([
    ['Counter', of('collections', 'Counter', dict({ a: 2 })), { a: 2 }],
    ['defaultdict', of('collections', 'defaultdict', global('builtins', 'list')), {}],
    ['set', of('builtins', 'set', [1, 2]), [1, 2]],
    ['frozenset', of('__builtin__', 'frozenset', [1, 2]), [1, 2]],
    ['OrderedDict with numbers as keys', of('collections', 'OrderedDict', [tuple(1, 'a')]), { 1: 'a' }],
    ['bytearray', of('builtins', 'bytearray', 'ab', 'latin-1'), 'ab'],
    ['Size of a list', of('torch', 'Size', [1, 2]), [1, 2]],
    ['dtype', global('torch', 'float8_e4m3fn'), 'torch.float8_e4m3fn'],
    ['array of NumPy 1', array('core'), { dtype: 'float32', shape: [2] }],
    ['array of NumPy 2', array('_core'), { dtype: 'float32', shape: [2] }],
    [
      'text scalar',
      of(
        'numpy.core.multiarray',
        'scalar',
        of('numpy', 'dtype', 'U2'),
        new Code(bytes('B', uint(8, 4), 'a\0\0\0b\0\0\0')),
      ),
      'ab',
    ],
  ])('%s', async (_, value, wanted) => {
    const { metadata } = await openBytes(zip(dict({ ...w, value })))
    expect(metadata.value).toEqual(wanted)
  })

  const rebuilt = (value: Pickled, dtype: string) =>
    of('torch._utils', '_rebuild_device_tensor_from_numpy', value, global('torch', dtype), 'xla:0', false)
  const only = async (value: Pickled, storage: Uint8Array = six) => {
    const { tensors } = await openBytes(torchZip(dict({ t: value }), { 0: storage }))
    return tensors.get('t')!
  }

  test('tensors that are NumPy arrays inside', async () => {
    expect((await (await only(rebuilt(array('_core'), 'float32'))).read()).data).toEqual(
      Float32Array.of(1, 2),
    )
    const half = await only(rebuilt(array('core'), 'bfloat16'))
    expect(await half.read()).toEqual({ dtype: 'bfloat16', shape: [2], data: Uint16Array.of(0x3f80, 0x4000) })
    const wrong = await only(rebuilt(array('core'), 'int32'))
    expect((await errorOf(wrong.read())).message).toContain('it is int32, but its NumPy array is float32')
  })

  test('tensors with attributes, of untyped storages, and others that are only listed', async () => {
    const args = (type: string) => [
      storage({ type: 'UntypedStorage', length: 24 }),
      0,
      tuple(6),
      tuple(1),
      false,
      dict({}),
      global('torch', type),
    ]
    const v3 = await only(of('torch._utils', '_rebuild_tensor_v3', ...args('float32')))
    expect((await v3.read()).data).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6))
    const v2 = tuple(storage(), 0, tuple(6), tuple(1), false, dict({}))
    const typed = of(
      'torch._tensor',
      '_rebuild_from_type_v2',
      global('torch._utils', '_rebuild_tensor_v2'),
      global('my', 'Tensor'),
      v2,
      dict({ tag: 1 }),
    )
    expect((await (await only(typed)).read()).data).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6))
    const uint16 = await only(of('torch._utils', '_rebuild_tensor_v3', ...args('uint16')))
    expect(uint16).toMatchObject({
      dtype: 'uint16',
      shape: [6],
      byteLength: 12,
      unreadable: expect.any(String),
    })
    expect(await errorOf(uint16.read())).toMatchObject({
      code: 'invalid-checkpoint',
      message: expect.stringContaining('"t"'),
    })
    const meta = await only(
      of(
        'torch._utils',
        '_rebuild_meta_tensor_no_storage',
        global('torch', 'float32'),
        tuple(3),
        tuple(1),
        false,
      ),
    )
    expect(meta).toMatchObject({ dtype: 'float32', shape: [3], unreadable: 'it has no values (device meta)' })
  })
})

describe('damage is named', () => {
  const cases: [string, Pickled, RegExp][] = [
    [
      'view beyond its storage',
      dict({ w: tensor({ offset: 1 }) }),
      /"w" .*ends at byte 28 of its storage, which has 24/,
    ],
    ['strides beyond it', dict({ w: tensor({ strides: [4, 1] }) }), /"w" .*ends at byte 28 of its storage/],
    ['negative stride', dict({ w: tensor({ strides: [-3, 1] }) }), /strides \(-3, 1\)/],
    ['negative size', dict({ w: tensor({ shape: [-1, 1] }) }), /shape \(-1, 1\)/],
    ['negative offset', dict({ w: tensor({ offset: -1 }) }), /offset -1/],
    ['fraction', dict({ w: tensor({ shape: [1.5, 2] }) }), /shape \(1.5, 2\)/],
    ['strides missing', dict({ w: tensor({ strides: [1] }) }), /2 dimensions with 1 strides/],
    ['missing storage', dict({ w: tensor({ key: '7' }) }), /storage "7" of tensor "w" is missing/],
    [
      'short storage',
      dict({ w: tensor({ length: 7 }) }),
      /should have 28 bytes \(7 float32\), the file has 24/,
    ],
    ['name not text', new Map([[null, tensor()]]), /name is None, not a string/],
    ['unknown instruction', dict({ x: new Code(bytes(0xff)) }), /unknown pickle instruction 0xff/],
    ['unknown protocol', dict({ x: new Code(bytes(0x80, 6)) }), /pickle protocol 6/],
    ['not UTF-8', dict({ x: new Code(bytes('X', uint(1, 4), Uint8Array.of(0xff))) }), /not UTF-8/],
    ['memo', dict({ x: new Code(bytes('h', 9)) }), /object 9 is used but was never remembered/],
    ['call of a number', dict({ x: call(3) }), /3 is called/],
    [
      'call of a storage class',
      dict({ x: call(global('torch', 'FloatStorage'), 3) }),
      /torch.FloatStorage is called/,
    ],
    ['NumPy object scalar', dict({ x: numpyScalar('O8', 'abcdefgh') }), /NumPy type "O8"/],
    ['NumPy scalar of wrong size', dict({ x: numpyScalar('f8', 'abc') }), /a f8 scalar made of "abc"/],
    ['NumPy prototype', dict({ x: numpyScalar('constructor', 'abc') }), /NumPy type "constructor"/],
    ['other encoding', dict({ x: call(global('_codecs', 'encode'), 'a', 'rot13') }), /"rot13"/],
  ]
  function numpyScalar(code: string, value: string) {
    return call(global('numpy.core.multiarray', 'scalar'), call(global('numpy', 'dtype'), code), value)
  }
  test.each(cases)('%s', async (_, value, message) => {
    const error = await errorOf(openBytes(zip(value), 'damaged.pth'))
    expect(error.code).toBe('invalid-checkpoint')
    expect(error.message).toMatch(message)
    expect(error.message).toContain('damaged.pth')
  })
})

describe('the old stream', () => {
  const open = (value: Pickled, storages: Parameters<typeof legacyFile>[1]) =>
    openBytes(legacyFile(value, storages))

  test('views of storages, as its first versions saved them', async () => {
    const view = new Code(encode(tuple('view', 2, 3)))
    const value = dict({
      w: tensor({ view, shape: [2], strides: [1], offset: 1 }),
      all: tensor({ view: null }),
    })
    const { tensors } = await open(value, { 0: { length: 6, data: six } })
    expect((await tensors.get('w')!.read()).data).toEqual(Float32Array.of(4, 5))
    expect((await tensors.get('all')!.read()).data).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6))
  })

  test('a storage that says another length than the pickle', async () => {
    const { tensors } = await open(dict(w), { 0: { length: 5, data: six } })
    expect((await errorOf(tensors.get('w')!.read())).message).toMatch(
      /should have 6 elements, at byte \d+ the file says 5/,
    )
  })

  test('opening reads the pickles, not the storages', async () => {
    const length = 1_000_000
    const file = legacyFile(dict({ w: tensor({ length, shape: [length], strides: [1] }) }), {
      0: { length, data: new Uint8Array(4 * length) },
    })
    const source = countReads(bytesSource(file))
    const { tensors } = await openCheckpoint(source)
    const read = source.ranges.reduce((sum, [start, end]) => sum + end - start, 0)
    expect(read).toBeLessThan(100_000)
    source.ranges.length = 0
    await tensors.get('w')!.read()
    // With the 8 bytes of its length before it, in one request.
    expect(source.ranges).toEqual([[file.length - 4 * length - 8, file.length]])
  })

  test('storages that are cut, missing, double or unknown', async () => {
    const failure = async (value: Pickled, storages: Parameters<typeof legacyFile>[1]) =>
      (await errorOf(open(value, storages))).message
    expect(await failure(dict(w), { 0: { length: 6, data: six.subarray(1) } })).toMatch(
      /storage "0" of tensor "w" ends at byte (\d+), the file has only \d+/,
    )
    expect(await failure(dict(w), {})).toContain('storage "0" of tensor "w" is missing')
    expect(await failure(dict(w), { 1: { length: 6, data: six } })).toContain(
      'has "1", which nothing refers to',
    )
    const two = dict({ ...w, v: tensor({ type: 'IntStorage' }) })
    expect(await failure(two, { 0: { length: 6, data: six } })).toContain(
      'has 6 float32 elements in one place and 6 int32 elements in another',
    )
  })

  test('text of Python 2', async () => {
    const short = (text: string) => new Code(bytes('U', bytes(text).length, text))
    const value = new Map<Pickled, Pickled>([
      [short('w'), tensor()],
      [short('city'), short('Zürich')],
    ])
    const { tensors, metadata } = await open(value, { 0: { length: 6, data: six } })
    expect([...tensors.keys()]).toEqual(['w'])
    expect(metadata.city).toBe('Zürich')
  })

  test('a pickle longer than the first window, with strings across its end', async () => {
    const names = Array.from({ length: 3000 }, (_, i) => `layer.${i}.${'x'.repeat(i % 97)}`)
    const big = 'é'.repeat(1_000_000)
    const value = dict({ ...Object.fromEntries(names.map((name, i) => [name, i])), big, ...w })
    const { tensors, metadata } = await open(value, { 0: { length: 6, data: six } })
    expect((await tensors.get('w')!.read()).data).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6))
    expect(metadata).toEqual({ ...Object.fromEntries(names.map((name, i) => [name, i])), big })
  })
})

test('where the state dict may be', async () => {
  const open = async (value: Pickled) => {
    const { tensors, metadata } = await openBytes(zip(value))
    return [[...tensors.keys()], metadata]
  }
  const inner = dict({ 'a.weight': tensor(), note: 1 })
  expect(await open(dict({ state_dict: inner, model: 'HRNet' }))).toEqual([
    ['a.weight'],
    { state_dict: { note: 1 }, model: 'HRNet' },
  ])
  expect(await open(dict({ model_state_dict: dict(w), best: tensor() }))).toEqual([
    ['w'],
    { best: { dtype: 'float32', shape: [2, 3] } },
  ])
  expect(await open(dict({ state_dict: dict({}), ...w }))).toEqual([['w'], { state_dict: {} }])
})

describe('the state dict under another key', () => {
  const model = () => dict({ a: tensor(), b: tensor() })
  const adam = dict({
    state: new Map<Pickled, Pickled>([[0, dict({ exp_avg: tensor(), exp_avg_sq: tensor(), step: 1 })]]),
    param_groups: [dict({ params: [0] })],
  })
  const scalar = tensor({ shape: [], strides: [] })
  test.each<[string, Pickled]>([
    ['net', dict({ net: model(), epoch: 3 })],
    ['model_state', dict({ model_state: model() })],
    ['params_ema', dict({ params_ema: model() })],
    ['state_dict_ema beside an optimizer', dict({ state_dict_ema: model(), optimizer: adam })],
    ['policy_state_dict beside a state of another name', dict({ policy_state_dict: model(), trainer: adam })],
    ['nested', dict({ checkpoint: dict({ state_dict: model() }) })],
    ['a list', [3, model(), adam]],
    ['a tuple', tuple(3, model())],
    [
      'beside the state of a generator',
      dict({ net: model(), rng_state: tensor({ shape: [6], strides: [1] }) }),
    ],
    ['beside scores that are tensors', dict({ net: model(), best: scalar, scores: dict({ loss: scalar }) })],
    ['twice the same', dict({ a: new Code(bytes(encode(model()), 'q\x07')), b: new Code(bytes('h\x07')) })],
    [
      'in an object',
      dict({
        trainer: new Code(
          bytes(encode(global('my', 'Trainer')), ')', 0x81, encode(dict({ net: model() })), 'b'),
        ),
      }),
    ],
  ])('%s', async (_, value) => {
    const { tensors } = await openBytes(zip(value))
    expect([...tensors.keys()]).toEqual(['a', 'b'])
  })

  test('several are named with their counts, and one can be chosen', async () => {
    const value = dict({
      params: model(),
      ema: dict({ module: model(), x: dict({ c: tensor() }) }),
      optimizer: adam,
    })
    const error = await errorOf(openBytes(zip(value), 'two.pth'))
    expect(error.code).toBe('invalid-checkpoint')
    expect(error.message).toBe(
      'two.pth: it holds several state dicts: "params" (2 tensors), "ema.module" (2 tensors), "ema.x" (1 tensor).',
    )
    expect(error.details.candidates).toEqual([
      { key: 'params', tensors: 2 },
      { key: 'ema.module', tensors: 2 },
      { key: 'ema.x', tensors: 1 },
    ])
    const names = async (key: string) => [...(await openBytes(zip(value), 'x', { key })).tensors.keys()]
    expect(await names('ema.x')).toEqual(['c'])
    expect(await names('params')).toEqual(['a', 'b'])
    expect(await names('optimizer.state.0')).toEqual(['exp_avg', 'exp_avg_sq'])
    expect((await errorOf(openBytes(zip(value), 'x', { key: 'ema' }))).code).toBe('invalid-checkpoint')
    const wrong = await errorOf(openBytes(zip(value), 'x', { key: 'model' }))
    expect(wrong.code).toBe('invalid-argument')
    expect(wrong.hint).toContain('"ema.module" (2 tensors)')
  })

  test('a key chooses tensors by a prefix of their names', async () => {
    const value = dict({ 'student.a': tensor(), 'teacher.a': tensor(), 'teacher.b': tensor() })
    const { tensors } = await openBytes(zip(value), 'x', { key: 'teacher' })
    expect([...tensors.keys()]).toEqual(['a', 'b'])
  })

  test('files that only seem to hold no tensors', async () => {
    const message = async (value: Pickled) => (await errorOf(openBytes(zip(value)))).message
    expect(await message(tensor())).toContain('it holds one tensor, not a dict of tensors')
    expect(await message(dict({ a: 1 }))).toContain('it holds no tensors: a dict with the keys "a"')
    expect(await message(dict({ optimizer: adam, second: adam }))).not.toContain('no tensors')
    const { tensors } = await openBytes(zip([tensor(), tensor()]))
    expect([...tensors.keys()]).toEqual(['0', '1'])
  })
})

test('a module leaves out buffers that are not kept, and shows tied weights under both names', async () => {
  const module = (
    parameters: Pickled,
    buffers: Pickled,
    children: Pickled,
    more: Record<string, Pickled> = {},
  ) =>
    new Code(
      bytes(
        encode(global('my', 'Net')),
        bytes(')', 0x81),
        encode(
          dict({ training: false, _parameters: parameters, _buffers: buffers, _modules: children, ...more }),
        ),
        'b',
      ),
    )
  const kept = new Code(bytes(encode(tensor()), 'q\x09'))
  const child = module(
    dict({ weight: kept, bias: null }),
    dict({ mean: tensor(), cache: tensor() }),
    dict({}),
    {
      _non_persistent_buffers_set: call(global('builtins', 'set'), ['cache']),
    },
  )
  const head = module(dict({ weight: new Code(bytes('h\x09')) }), dict({}), dict({}))
  const net = module(dict({ scale: tensor() }), dict({}), dict({ body: child, head, none: null }))
  for (const value of [net, dict({ model: net, epoch: 1 }), dict({ ema: net, optimizer: null })]) {
    const { tensors } = await openBytes(zip(value))
    expect([...tensors.keys()]).toEqual(['scale', 'body.weight', 'body.mean', 'head.weight'])
  }
})

test('the text instructions of protocol 0', async () => {
  const text = `(dVw\n%%sVflag\nI01\nsVn\nI-5\nsVbig\nL1180591620717411303424L\nsVf\nF2.5\nsVs\nS'a\\'b\\x41'\nsVu\nV\\u00e9\nsVl\n(lp5\nI1\nag5\n0s`
  const [before, after] = text.split('%%')
  const { tensors, metadata } = await openBytes(zip(new Code(bytes(before, encode(tensor()), after))))
  expect([...tensors.keys()]).toEqual(['w'])
  expect(metadata).toEqual({
    flag: true,
    n: -5,
    big: '1180591620717411303424',
    f: 2.5,
    s: "a'bA",
    u: 'é',
    l: [1],
  })
})
