import { execFile } from 'node:child_process'
import { mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import {
  conv2d,
  type Graph,
  imageInput,
  relu,
  rewrite,
  softmax,
  type Value,
} from '@inverseform/backbones/graph'
import { InverseFormError } from '@inverseform/errors'
import {
  type Attempt,
  type Backend,
  type Candidate,
  disagreement,
  disagrees,
  type Precision,
  runCheck,
  SELF_CHECK_TOLERANCE,
  type Tensor,
  type VerdictStore,
} from '@inverseform/runtime'
import { deterministicSource } from '@inverseform/testing'
import { describe, expect, test } from 'vitest'
import type { Device } from '../src/devices/devices.js'
import { type Machine, thisMachine } from '../src/devices/machine.js'
import { type NativeDevices, openSession } from '../src/devices/open-session.js'
import { verdictFolder } from '../src/devices/self-check-cache.js'
import { onnxBackend } from '../src/onnx/backend.js'
import type { NodeDeviceSettings, SegmenterSettings } from '../src/options.js'
import { temporaryFolder } from './support/checkpoint.js'

const graph: Graph = {
  outputs: { y: conv2d(imageInput('image', 3), deterministicSource()('weight', [2, 3, 1, 1])) },
}

/** Returns a Linux machine that has everything by default. */
const machineWith = (parts: Partial<Machine>): Machine => ({
  platform: 'linux',
  arch: 'x64',
  hasLibrary: () => true,
  hasAvx512: async () => true,
  hasNvidiaGpu: () => true,
  gpuDrivers: () => ['i915'],
  canLoad: () => true,
  vulkanDrivers: () => ['libvulkan_intel.so', 'libvulkan_lvp.so'],
  driverIdentity: () => 'libvulkan_intel.so 1',
  ...parts,
})

type Outputs = Readonly<Record<string, Tensor>>

/** Returns the CPU under the name of another device, with changed outputs. */
async function cpuAs(
  device: Device,
  change: (outputs: Outputs) => Outputs = (outputs) => outputs,
): Promise<Backend> {
  const cpu = await onnxBackend('cpu', 1)
  return {
    device,
    async createSession(network) {
      const session = await cpu.createSession(network)
      return { dispose: () => session.dispose(), run: async (feeds) => change(await session.run(feeds)) }
    },
  }
}

/** A device that does not start: ONNX Runtime reports it with the first network. */
const noDevice = async (): Promise<Backend> => ({
  device: 'none',
  createSession: () =>
    Promise.reject(
      new InverseFormError('inference-failed', 'ONNX Runtime could not load the model: no adapter.', {}),
    ),
})

type Devices = Partial<Record<Device, (precision: Precision) => Promise<Backend>>>
const everyDevice: readonly Device[] = ['cpu', 'webgpu', 'cuda', 'tensorrt', 'dml', 'coreml']

/** Opens the network on fake devices; those that are not given compute like the CPU. */
function open(
  settings: Partial<NodeDeviceSettings> & Pick<SegmenterSettings, 'passes'>,
  backends: Devices = {},
  machine: Partial<Machine> = {},
  rest: Partial<NativeDevices> = {},
) {
  const opened: Device[] = []
  const source: NativeDevices = {
    machine: machineWith(machine),
    version: '1.30.0',
    providers: everyDevice,
    backend({ device, precision }: Candidate<Device>) {
      opened.push(device)
      return (backends[device] ?? (() => cpuAs(device)))(precision)
    },
    ...rest,
  }
  const options = { device: 'auto', selfCheck: 'refuse', precision: 'float32', ...settings } as const
  return Object.assign(openSession(graph, options, source), { tried: opened })
}

const outcomes = (attempts: readonly Attempt[]) => attempts.map(({ device, outcome }) => [device, outcome])

const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => {
      throw new Error('it did not fail')
    },
    (error) => error,
  )

/** Adds `times` hundredths of its largest value to every output. */
const off = (times: number) => (outputs: Outputs) =>
  Object.fromEntries(
    Object.entries(outputs).map(([name, { data, shape }]) => {
      const step = (times * Math.max(...data.map(Math.abs))) / 100
      return [name, { shape, data: data.map((x) => x + step) }]
    }),
  )

describe('without a native library', () => {
  const missing = new InverseFormError('runtime-unavailable', 'There is none for it.', { hint: 'Use wasm.' })
  const withoutNative = { missing, providers: ['wasm'] }

  test('auto runs on WebAssembly, and tells why', async () => {
    const opening = open({}, {}, {}, withoutNative)
    const { device, attempts } = await opening
    expect(device).toBe('wasm')
    expect(outcomes(attempts)).toEqual([
      ['cpu', 'unavailable'],
      ['wasm', 'used'],
    ])
    expect(attempts[0].reason).toBe('There is none for it.')
    expect(opening.tried).toEqual(['wasm'])
  })

  test('a named device is an error that says why', async () => {
    for (const device of ['cpu', 'cuda'] as const) {
      const opening = open({ device }, {}, {}, withoutNative)
      expect(await failureOf(opening)).toMatchObject({
        code: 'runtime-unavailable',
        message: 'There is none for it.',
        hint: 'Use wasm.',
      })
      expect(opening.tried).toEqual([])
    }
  })
})

describe('auto', () => {
  test.each([
    ['linux', ['cuda', 'webgpu', 'cpu']],
    ['darwin', ['webgpu', 'coreml', 'cpu']],
    ['win32', ['dml', 'cpu']],
    ['freebsd', ['cpu']],
  ] as const)('on %s tries %j', async (platform, order) => {
    const failing = Object.fromEntries(order.slice(0, -1).map((device) => [device, noDevice]))
    const { device, attempts } = await open({}, failing, { platform })
    expect(device).toBe('cpu')
    expect(attempts.map((attempt) => attempt.device)).toEqual(order)
    expect(attempts.slice(0, -1).every(({ outcome }) => outcome === 'failed')).toBe(true)
    const best = await open({}, {}, { platform })
    expect(outcomes(best.attempts)).toEqual([[order[0], 'used']])
  })

  test('reports why each device was not used, and returns a session that works', async () => {
    const wrong = () => cpuAs('cuda', off(5))
    const { device, attempts, opened } = await open({}, { cuda: wrong, webgpu: noDevice })
    expect(device).toBe('cpu')
    expect(attempts).toEqual([
      {
        device: 'cuda',
        precision: 'float32',
        outcome: 'refused',
        reason: 'The device cuda disagrees with the CPU by 5.0 % of the largest value.',
        disagreement: expect.closeTo(0.05, 4),
      },
      {
        device: 'webgpu',
        precision: 'float32',
        outcome: 'failed',
        reason: expect.stringContaining('no adapter'),
      },
      { device: 'cpu', precision: 'float32', outcome: 'used', reason: 'The CPU is always available.' },
    ])
    const image = { data: new Float32Array(12), shape: [1, 3, 2, 2] }
    expect((await opened.onArrays.run({ image })).y.shape).toEqual([1, 2, 2, 2])
    await opened.onArrays.dispose()
  })

  test.each([
    ['no GPU', { gpuDrivers: () => [] }],
    ["a virtual machine's display", { gpuDrivers: () => ['virtio_gpu'] }],
  ])('opens nothing with %s', async (_, machine) => {
    const opening = open({}, {}, { hasNvidiaGpu: () => false, ...machine })
    expect(outcomes((await opening).attempts)).toEqual([
      ['cuda', 'unavailable'],
      ['webgpu', 'unavailable'],
      ['cpu', 'used'],
    ])
    expect(opening.tried).toEqual(['cpu'])
  })

  test.each(['libvk_swiftshader.so', 'libvulkan_lvp.so'])(
    'refuses %s, which runs on the CPU',
    async (name) => {
      const { attempts } = await open({}, { cuda: noDevice }, { vulkanDrivers: () => [name] })
      expect(attempts[1]).toMatchObject({ outcome: 'refused', reason: expect.stringContaining(name) })
      const asked = await open({ device: 'webgpu' }, {}, { vulkanDrivers: () => [name] })
      expect(asked.attempts).toMatchObject([{ outcome: 'used', reason: expect.stringContaining(name) }])
    },
  )

  test('rewrites the network for the CPU and WebGPU only, and returns it without its weights', async () => {
    const loaded: Graph[] = []
    const spy = async (device: Device): Promise<Backend> => {
      const cpu = await cpuAs(device)
      return {
        device,
        createSession(network) {
          loaded.push(network)
          return cpu.createSession(network)
        },
      }
    }
    for (const device of everyDevice) {
      loaded.length = 0
      const result = await open({ device }, { [device]: () => spy(device) })
      const network = loaded.at(-1) as Graph
      expect(network !== graph).toBe(device === 'cpu' || device === 'webgpu')
      expect(network.outputs.y.shape).toEqual(graph.outputs.y.shape)
      expect(result.graph.outputs.y.shape).toEqual(graph.outputs.y.shape)
      const weights = result.graph.outputs.y.inputs.find(({ op }) => op === 'constant')
      const { load } = (weights as Value).attributes as { load(): Promise<unknown> }
      await expect(load()).rejects.toThrow('does not hold its weights')
    }
    await open({ device: 'cpu', passes: [] }, { cpu: () => spy('cpu') })
    expect(loaded.at(-1)).toBe(graph)
  })

  test('tries the next device if one cannot load the network', async () => {
    const full: Backend = {
      device: 'cuda',
      async createSession(network) {
        if (network !== graph) return (await cpuAs('cuda')).createSession(network)
        throw new InverseFormError('out-of-memory', 'There was not enough memory to load the model.', {})
      },
    }
    const { device, attempts } = await open({}, { cuda: async () => full })
    expect(device).toBe('webgpu')
    expect(attempts[0]).toMatchObject({ outcome: 'failed', reason: expect.stringContaining('enough memory') })
  })

  test.each([
    new InverseFormError('invalid-checkpoint', 'The file was cut short.', {}),
    new Error('aborted'),
  ])('stops at errors that all devices share: %s', async (error) => {
    expect(await failureOf(open({}, { cuda: () => Promise.reject(error) }))).toBe(error)
  })
})

describe('the self-check', () => {
  test.each([
    ['off by 0.5 %', off(0.5), 'used'],
    ['off by 2 %', off(2), 'refused'],
    ['zero', (outputs: Outputs) => changed(outputs, () => 0), 'refused'],
    ['not a number', (outputs: Outputs) => changed(outputs, () => Number.NaN), 'refused'],
    ['infinite once', (outputs: Outputs) => changed(outputs, (x, i) => (i === 7 ? 1 / 0 : x)), 'refused'],
    ['missing', () => ({}), 'refused'],
  ])('judges outputs that are %s', async (_, change, outcome) => {
    const { attempts } = await open({}, { cuda: () => cpuAs('cuda', change) })
    expect(attempts[0]).toMatchObject({ device: 'cuda', outcome })
  })

  test('also applies to a named device, except with `warn` and `skip`', async () => {
    const wrong = { cuda: () => cpuAs('cuda', off(30)) }
    expect(await failureOf(open({ device: 'cuda' }, wrong))).toMatchObject({
      code: 'runtime-unavailable',
      message: 'The device cuda disagrees with the CPU by 30.0 % of the largest value.',
      hint: expect.stringMatching(/`warn`.*\.$/),
      details: { outcome: 'refused', disagreement: expect.closeTo(0.3, 4) },
    })
    expect(await failureOf(open({ device: 'cuda' }, wrong, {}, { deviceId: 1 }))).toMatchObject({
      message: 'The device cuda 1 disagrees with the CPU by 30.0 % of the largest value.',
    })
    const warned = await open({ device: 'cuda', selfCheck: 'warn' }, wrong)
    expect(warned.attempts).toMatchObject([{ outcome: 'used', reason: expect.stringContaining('30.0 %') }])
    expect(disagrees(warned.attempts)).toBe(true)
    const skipped = await open({ device: 'cuda', selfCheck: 'skip' }, wrong)
    expect(skipped.attempts).toEqual([
      {
        device: 'cuda',
        precision: 'float32',
        outcome: 'used',
        reason: 'It was not compared with the CPU.',
      },
    ])
  })

  test('accepts the rounding of 11-bit significands', async () => {
    const exact = await runCheck(await onnxBackend('cpu', 1))
    for (const rounded of [{ compact: 'float16' }, { compute: 'float16' }] as const) {
      const share = disagreement(await runCheck(await onnxBackend('cpu', 1, rounded)), exact)
      expect(share).toBeGreaterThan(1e-5)
      expect(share).toBeLessThan(SELF_CHECK_TOLERANCE / 5)
    }
  })

  test.each<[string, (value: Value) => Value]>([
    [
      'a bias',
      (value) =>
        value.op === 'conv2d' ? conv2d(value.inputs[0], value.inputs[1], undefined, square(value)) : value,
    ],
    ['a ReLU', (value) => (value.op === 'relu' ? value.inputs[0] : value)],
    ['a sigmoid', (value) => (value.op === 'sigmoid' ? relu(value.inputs[0]) : value)],
    ["softmax's axis", (value) => (value.op === 'softmax' ? softmax(value.inputs[0], 1) : value)],
  ])('notices wrong results of %s', async (_, rule) => {
    const cpu = await onnxBackend('cpu', 1)
    const wrong: Backend = { device: 'cuda', createSession: (g) => cpu.createSession(rewrite(g, rule)) }
    const { attempts } = await open({}, { cuda: async () => wrong })
    expect(attempts[0].outcome).toBe('refused')
    expect(attempts[0].disagreement).toBeGreaterThan(5 * SELF_CHECK_TOLERANCE)
  })

  const square = ({ attributes }: Value & { op: 'conv2d' }) => ({
    stride: attributes.stride[0],
    padding: attributes.padding[0],
  })
  const changed = (outputs: Outputs, change: (x: number, i: number) => number): Outputs =>
    Object.fromEntries(
      Object.entries(outputs).map(([name, { data, shape }]) => [name, { shape, data: data.map(change) }]),
    )
})

describe('float16', () => {
  test('is tried on each device before float32, except on the CPU, which says why', async () => {
    const seen: string[] = []
    const failing = (device: Device) => (precision: Precision) => {
      seen.push(`${device} ${precision}`)
      return noDevice()
    }
    const left = { cuda: failing('cuda'), webgpu: failing('webgpu') }
    const { device, precision, attempts } = await open({ precision: 'float16' }, left)
    expect(seen).toEqual(['cuda float16', 'cuda float32', 'webgpu float16', 'webgpu float32'])
    expect({ device, precision }).toEqual({ device: 'cpu', precision: 'float32' })
    expect(attempts.map((attempt) => attempt.precision)).toEqual([
      'float16',
      'float32',
      'float16',
      'float32',
      'float32',
    ])
    expect(attempts[0].reason).toMatch(/^The device cuda \(float16\) cannot be used: /)
    expect(attempts[4].reason).toMatch(/computes in float32/)
  })

  test('is what `auto` tries first on GPUs that may have it, named or not', async () => {
    const tried = async (settings: Partial<NodeDeviceSettings>, machine: Partial<Machine> = {}) => {
      const fails = (precision: Precision) => (precision === 'float16' ? noDevice() : cpuAs('cuda'))
      const { attempts } = await open({ precision: 'auto', ...settings }, { cuda: fails }, machine)
      return attempts.map(({ device, precision, outcome }) => `${device} ${precision} ${outcome}`)
    }
    const both = ['cuda float16 failed', 'cuda float32 used']
    expect(await tried({})).toEqual(both)
    expect(await tried({ device: 'cuda' })).toEqual(both)
    expect(await tried({ device: 'cpu' })).toEqual(['cpu float32 used'])
    expect(await tried({ device: 'tensorrt' })).toEqual(['tensorrt float32 used'])
    // A device that does not exist is tried once.
    const none = { hasNvidiaGpu: () => false, gpuDrivers: () => [] }
    expect(await tried({}, none)).toEqual([
      'cuda float32 unavailable',
      'webgpu float32 unavailable',
      'cpu float32 used',
    ])
  })

  test('is compared with float32 on the CPU', async () => {
    const precisions: Precision[] = []
    const real = { cuda: () => onnxBackend('cpu', 1, { compute: 'float16' }) }
    const cpu = (precision: Precision) => {
      precisions.push(precision)
      return cpuAs('cpu')
    }
    const { device, precision, attempts } = await open({ precision: 'float16' }, { ...real, cpu })
    expect({ device, precision }).toEqual({ device: 'cuda', precision: 'float16' })
    expect(attempts[0].disagreement).toBeGreaterThan(1e-5)
    expect(precisions).toEqual(['float32', 'float32'])
    const wrong = { cuda: () => cpuAs('cuda', off(4)) }
    expect(await failureOf(open({ device: 'cuda', precision: 'float16' }, wrong))).toMatchObject({
      message: 'The device cuda (float16) disagrees with the CPU by 4.0 % of the largest value.',
    })
  })

  test('is refused if it spoils the network itself, or used with a warning', async () => {
    /** Computes the check as the CPU does, and the network wrongly in float16. */
    const spoiling = async (precision: Precision): Promise<Backend> => {
      const [right, wrong] = [await cpuAs('cuda'), await cpuAs('cuda', off(5))]
      return {
        device: 'cuda',
        createSession: (g) => (g === graph && precision === 'float16' ? wrong : right).createSession(g),
      }
    }
    const { attempts } = await open({ precision: 'float16' }, { cuda: spoiling })
    expect(attempts).toMatchObject([
      { device: 'cuda', precision: 'float16', outcome: 'refused', reason: expect.stringContaining('5.0 %') },
      { device: 'cuda', precision: 'float32', outcome: 'used' },
    ])
    const named = { device: 'cuda', precision: 'float16' } as const
    expect(await failureOf(open(named, { cuda: spoiling }))).toMatchObject({
      code: 'runtime-unavailable',
      message: "In float16, outputs of this network differ from float32's by 5.0 % of the largest value.",
      hint: expect.stringMatching(/^Set `precision` to `float32`\. .*\.$/),
    })
    const warned = await open({ ...named, selfCheck: 'warn' }, { cuda: spoiling })
    expect(warned.attempts[0].reason).toContain('5.0 %')
    expect(disagrees(warned.attempts)).toBe(true)
    expect((await open({ ...named, selfCheck: 'skip' }, { cuda: spoiling })).attempts[0].outcome).toBe('used')
  })

  test('suggests float32 if the device does not have it', async () => {
    expect(
      await failureOf(open({ device: 'webgpu', precision: 'float16' }, { webgpu: noDevice })),
    ).toMatchObject({
      code: 'runtime-unavailable',
      hint: expect.stringMatching(/^In float32 it may work\. /),
    })
  })
})

describe('a kept verdict', () => {
  /** Opens CUDA on a device with this error; returns whether it was compared with the CPU. */
  async function check(
    verdicts: VerdictStore,
    {
      settings = {},
      machine = {},
      source = {},
      percent = 0.1,
    }: {
      settings?: Partial<NodeDeviceSettings>
      machine?: Partial<Machine>
      source?: Partial<NativeDevices>
      percent?: number
    } = {},
  ) {
    const wrong = { cuda: () => cpuAs('cuda', off(percent)) }
    const opening = open({ device: 'cuda', ...settings }, wrong, machine, { verdicts, ...source })
    const { attempts } = await opening
    // In float16 the network itself is always compared with the CPU, too.
    const trials = settings.precision === 'float16' ? 1 : 0
    return {
      attempt: attempts[0],
      compared: opening.tried.filter((device) => device === 'cpu').length > trials,
    }
  }

  test('saves the check for the same device, precision, versions and driver', async () => {
    await using folder = await temporaryFolder()
    const verdicts = verdictFolder(join(folder.path, 'made', 'when needed'))
    const first = await check(verdicts)
    const second = await check(verdictFolder(join(folder.path, 'made', 'when needed')))
    expect([first.compared, second.compared]).toEqual([true, false])
    expect(second.attempt).toMatchObject({ outcome: 'used', disagreement: first.attempt.disagreement })
    expect(second.attempt.reason).toMatch(/ This is the result of an earlier check\.$/)
    const others: Parameters<typeof check>[1][] = [
      { settings: { precision: 'float16' } },
      { source: { deviceId: 1 } },
      { source: { version: '1.31.0' } },
      { machine: { driverIdentity: () => 'libvulkan_intel.so 2' } },
    ]
    for (const other of others) {
      expect((await check(verdicts, other)).compared).toBe(true)
      expect((await check(verdicts, other)).compared).toBe(false)
    }
  })

  test('exists only if the device passed', async () => {
    await using folder = await temporaryFolder()
    const verdicts = verdictFolder(folder.path)
    for (const selfCheck of ['warn', 'warn'] as const) {
      expect((await check(verdicts, { settings: { selfCheck }, percent: 5 })).compared).toBe(true)
    }
    expect(await failureOf(check(verdicts, { percent: 5 }))).toMatchObject({ code: 'runtime-unavailable' })
    expect(await readdir(folder.path)).toEqual([])
  })

  test('needs a known driver', async () => {
    await using folder = await temporaryFolder()
    const unknown = { machine: { driverIdentity: () => undefined } }
    await check(verdictFolder(folder.path), unknown)
    expect((await check(verdictFolder(folder.path), unknown)).compared).toBe(true)
    expect(await readdir(folder.path)).toEqual([])
  })

  test.each([
    '',
    '{',
    'null',
    '{"disagreement": "0"}',
    '{"disagreement": 0.5}',
    '{"disagreement": -5}',
    '{}',
  ])('is ignored in a damaged file: %s', async (content) => {
    await using folder = await temporaryFolder()
    const verdicts = verdictFolder(folder.path)
    await check(verdicts)
    const [file] = await readdir(folder.path)
    await writeFile(join(folder.path, file), content)
    expect((await check(verdicts)).compared).toBe(true)
    expect((await check(verdicts)).compared).toBe(false)
  })

  test.skipIf(process.platform === 'win32').each([
    ['a pipe', (path: string) => promisify(execFile)('mkfifo', [path])],
    ['an endless device', (path: string) => symlink('/dev/zero', path)],
    ['a folder', (path: string) => mkdir(path)],
    ['far too long', (path: string) => writeFile(path, `{"disagreement": 0${' '.repeat(2 ** 20)}}`)],
  ])('is ignored if its file is %s', async (_, put) => {
    await using folder = await temporaryFolder()
    const verdicts = verdictFolder(folder.path)
    await check(verdicts)
    const [file] = await readdir(folder.path)
    await rm(join(folder.path, file))
    await put(join(folder.path, file))
    expect((await check(verdicts)).compared).toBe(true)
  })

  test('is found again each time if nothing can be written', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'file')
    await writeFile(file, '')
    for (const nowhere of [join(file, 'below'), '/proc/below/that']) {
      const verdicts = verdictFolder(nowhere)
      expect((await check(verdicts)).attempt.outcome).toBe('used')
      expect((await check(verdicts)).compared).toBe(true)
    }
  })
})

test.runIf(process.platform === 'linux')('libraries are looked for where the system does', () => {
  expect(thisMachine().canLoad('libc.so.6')).toBe(true)
  expect(thisMachine().canLoad('libnothing.so.6')).toBe(false)
})

describe('a named device that is missing', () => {
  test.each<[string, Device, Partial<Machine>, readonly Device[] | undefined, RegExp, RegExp]>([
    [
      'is of another platform',
      'dml',
      {},
      ['cpu', 'webgpu'],
      /^ONNX Runtime for linux-x64 .* dml\.$/,
      /Windows/,
    ],
    [
      'lacks its library',
      'cuda',
      { hasLibrary: () => false },
      undefined,
      /libonnxruntime_providers_cuda\.so/,
      /ONNXRUNTIME_NODE_INSTALL=cuda12/,
    ],
    [
      'lacks more libraries',
      'tensorrt',
      { hasLibrary: () => false },
      undefined,
      /libonnxruntime_providers_tensorrt\.so/,
      /TensorRT 10/,
    ],
    [
      'lacks the Vulkan loader',
      'webgpu',
      { canLoad: (name) => name !== 'libvulkan.so.1' },
      undefined,
      /libvulkan\.so\.1, is not installed/,
      /Debian: libvulkan1/,
    ],
    ['lacks its driver', 'cuda', { hasNvidiaGpu: () => false }, undefined, /no NVIDIA GPU/, /driver/],
  ])('%s: %s', async (_, device, machine, providers, message, hint) => {
    const opening = open({ device }, {}, machine, { providers: providers ?? everyDevice })
    expect(await failureOf(opening)).toMatchObject({
      code: 'runtime-unavailable',
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
      details: { outcome: 'unavailable' },
    })
    expect(opening.tried).toEqual([])
  })

  test('does not start', async () => {
    expect(await failureOf(open({ device: 'webgpu' }, { webgpu: noDevice }))).toMatchObject({
      code: 'runtime-unavailable',
      message: 'The device webgpu cannot be used: ONNX Runtime could not load the model: no adapter.',
      hint: expect.stringContaining('libvulkan.so.1'),
      details: { outcome: 'failed' },
    })
  })
})
