import { conv2d, type Graph, imageInput, relu, rewrite, softmax, type Value } from '@inverseform/backbones'
import { InverseFormError } from '@inverseform/errors'
import type { Backend, Tensor } from '@inverseform/runtime'
import { describe, expect, test } from 'vitest'
import { deterministicSource } from '../../backbones/test/support/models.js'
import type { Device } from '../src/devices.js'
import type { Rung } from '../src/ladder.js'
import type { Machine } from '../src/machine.js'
import { onnxBackend } from '../src/onnx-backend.js'
import { type DeviceSource, openSession } from '../src/open-session.js'
import type { DeviceSettings } from '../src/options.js'
import { disagreement, disagrees, runCheck, SELF_CHECK_TOLERANCE } from '../src/self-check.js'

const graph: Graph = {
  outputs: { y: conv2d(imageInput('image', 3), deterministicSource()('weight', [2, 3, 1, 1])) },
}

/** A Linux machine with all there is, unless told otherwise. */
const machineWith = (parts: Partial<Machine>): Machine => ({
  platform: 'linux',
  arch: 'x64',
  hasLibrary: () => true,
  hasNvidiaGpu: () => true,
  gpuDrivers: () => ['i915'],
  vulkanDrivers: () => ['libvulkan_intel.so', 'libvulkan_lvp.so'],
  ...parts,
})

type Outputs = Readonly<Record<string, Tensor>>

/** The CPU in the place of a device, whose outputs are changed on the way. */
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

/** A device that does not start: ONNX Runtime says so when the first network comes. */
const noDevice = async (): Promise<Backend> => ({
  device: 'none',
  createSession: () =>
    Promise.reject(
      new InverseFormError('inference-failed', 'ONNX Runtime could not load the model: no adapter.', {}),
    ),
})

/** Opens the network where each device is what the test says; those not named are as good as the CPU. */
function open(
  settings: Partial<DeviceSettings>,
  backends: Partial<Record<Device, () => Promise<Backend>>> = {},
  machine: Partial<Machine> = {},
  providers: readonly Device[] = ['cpu', 'webgpu', 'cuda', 'tensorrt', 'dml', 'coreml'],
) {
  const opened: Device[] = []
  const source: DeviceSource = {
    machine: machineWith(machine),
    providers: async () => providers,
    backend(device) {
      opened.push(device)
      return (backends[device] ?? (() => cpuAs(device)))()
    },
  }
  const options = { device: 'auto', selfCheck: 'refuse', threads: 1, ...settings } as const
  return Object.assign(openSession(graph, options, source), { tried: opened })
}

const outcomes = (ladder: readonly Rung[]) => ladder.map(({ device, outcome }) => [device, outcome])

const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => {
      throw new Error('it did not fail')
    },
    (error) => error,
  )

/** Every output a hundredth part of its largest value off, `times`. */
const off = (times: number) => (outputs: Outputs) =>
  Object.fromEntries(
    Object.entries(outputs).map(([name, { data, shape }]) => {
      const step = (times * Math.max(...data.map(Math.abs))) / 100
      return [name, { shape, data: data.map((x) => x + step) }]
    }),
  )

describe('auto', () => {
  test.each([
    ['linux', ['cuda', 'webgpu', 'cpu']],
    ['darwin', ['webgpu', 'coreml', 'cpu']],
    ['win32', ['dml', 'cpu']],
    ['freebsd', ['cpu']],
  ] as const)('on %s tries %j', async (platform, order) => {
    const failing = Object.fromEntries(order.slice(0, -1).map((device) => [device, noDevice]))
    const { device, ladder } = await open({}, failing, { platform })
    expect(device).toBe('cpu')
    expect(ladder.map((rung) => rung.device)).toEqual(order)
    expect(ladder.slice(0, -1).every(({ outcome }) => outcome === 'failed')).toBe(true)
    const best = await open({}, {}, { platform })
    expect(outcomes(best.ladder)).toEqual([[order[0], 'used']])
  })

  test('says why it left each rung, and gives a session that works', async () => {
    const wrong = () => cpuAs('cuda', off(5))
    const { device, ladder, opened } = await open({}, { cuda: wrong, webgpu: noDevice })
    expect(device).toBe('cpu')
    expect(ladder).toEqual([
      {
        device: 'cuda',
        outcome: 'refused',
        reason: 'The device cuda disagrees with the CPU by 5.0 % of the largest value.',
        disagreement: expect.closeTo(0.05, 4),
      },
      {
        device: 'webgpu',
        outcome: 'failed',
        reason: expect.stringContaining('no adapter'),
      },
      { device: 'cpu', outcome: 'used', reason: 'The CPU is always there.' },
    ])
    const image = { data: new Float32Array(12), shape: [1, 3, 2, 2] }
    expect((await opened.run({ image })).y.shape).toEqual([1, 2, 2, 2])
    await opened.dispose()
  })

  test.each([
    ['no GPU', { gpuDrivers: () => [] }],
    ["a virtual machine's display", { gpuDrivers: () => ['virtio_gpu'] }],
  ])('opens nothing where there is %s', async (_, machine) => {
    const opening = open({}, {}, { hasNvidiaGpu: () => false, ...machine })
    expect(outcomes((await opening).ladder)).toEqual([
      ['cuda', 'unavailable'],
      ['webgpu', 'unavailable'],
      ['cpu', 'used'],
    ])
    expect(opening.tried).toEqual(['cpu'])
  })

  test.each(['libvk_swiftshader.so', 'libvulkan_lvp.so'])('leaves %s, which is a CPU', async (name) => {
    const { ladder } = await open({}, { cuda: noDevice }, { vulkanDrivers: () => [name] })
    expect(ladder[1]).toMatchObject({ outcome: 'refused', reason: expect.stringContaining(name) })
    const asked = await open({ device: 'webgpu' }, {}, { vulkanDrivers: () => [name] })
    expect(asked.ladder).toMatchObject([{ outcome: 'used', reason: expect.stringContaining(name) }])
  })

  test('goes on where the device cannot take the network', async () => {
    const full: Backend = {
      device: 'cuda',
      async createSession(network) {
        if (network !== graph) return (await cpuAs('cuda')).createSession(network)
        throw new InverseFormError('out-of-memory', 'There was not enough memory to load the model.', {})
      },
    }
    const { device, ladder } = await open({}, { cuda: async () => full })
    expect(device).toBe('webgpu')
    expect(ladder[0]).toMatchObject({ outcome: 'failed', reason: expect.stringContaining('enough memory') })
  })

  test.each([
    new InverseFormError('invalid-checkpoint', 'The file was cut short.', {}),
    new Error('aborted'),
  ])('stops at what is not of the device: %s', async (error) => {
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
  ])('of outputs that are %s', async (_, change, outcome) => {
    const { ladder } = await open({}, { cuda: () => cpuAs('cuda', change) })
    expect(ladder[0]).toMatchObject({ device: 'cuda', outcome })
  })

  test('is kept by whoever names the device, unless told otherwise', async () => {
    const wrong = { cuda: () => cpuAs('cuda', off(30)) }
    expect(await failureOf(open({ device: 'cuda' }, wrong))).toMatchObject({
      code: 'runtime-unavailable',
      message: 'The device cuda disagrees with the CPU by 30.0 % of the largest value.',
      hint: expect.stringMatching(/`warn`.*\.$/),
      details: { device: 'cuda', outcome: 'refused', disagreement: expect.closeTo(0.3, 4) },
    })
    const warned = await open({ device: 'cuda', selfCheck: 'warn' }, wrong)
    expect(warned.ladder).toMatchObject([{ outcome: 'used', reason: expect.stringContaining('30.0 %') }])
    expect(disagrees(warned.ladder)).toBe(true)
    const skipped = await open({ device: 'cuda', selfCheck: 'skip' }, wrong)
    expect(skipped.ladder).toEqual([
      { device: 'cuda', outcome: 'used', reason: 'It was not compared with the CPU.' },
    ])
  })

  test('lets the rounding of 11-bit significands pass', async () => {
    const [exact, rounded] = [
      await onnxBackend('cpu', 1),
      await onnxBackend('cpu', 1, { compact: 'float16' }),
    ]
    const share = disagreement(await runCheck(rounded), await runCheck(exact))
    expect(share).toBeGreaterThan(1e-5)
    expect(share).toBeLessThan(SELF_CHECK_TOLERANCE / 5)
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
  ])('notices %s that is wrong', async (_, rule) => {
    const cpu = await onnxBackend('cpu', 1)
    const wrong: Backend = { device: 'cuda', createSession: (g) => cpu.createSession(rewrite(g, rule)) }
    const { ladder } = await open({}, { cuda: async () => wrong })
    expect(ladder[0].outcome).toBe('refused')
    expect(ladder[0].disagreement).toBeGreaterThan(5 * SELF_CHECK_TOLERANCE)
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

describe('a device that was named and is not there', () => {
  test.each<[string, Device, Partial<Machine>, readonly Device[] | undefined, RegExp, RegExp]>([
    [
      'of another platform',
      'dml',
      {},
      ['cpu', 'webgpu'],
      /^onnxruntime-node for linux-x64 .* dml\.$/,
      /Windows/,
    ],
    [
      'whose library is not installed',
      'cuda',
      { hasLibrary: () => false },
      undefined,
      /libonnxruntime_providers_cuda\.so/,
      /ONNXRUNTIME_NODE_INSTALL=cuda12/,
    ],
    [
      'that needs more libraries',
      'tensorrt',
      { hasLibrary: () => false },
      undefined,
      /libonnxruntime_providers_tensorrt\.so/,
      /TensorRT 10/,
    ],
    [
      'whose driver is not there',
      'cuda',
      { hasNvidiaGpu: () => false },
      undefined,
      /no NVIDIA GPU/,
      /driver/,
    ],
  ])('%s: %s', async (_, device, machine, providers, message, hint) => {
    const opening = open({ device }, {}, machine, providers)
    expect(await failureOf(opening)).toMatchObject({
      code: 'runtime-unavailable',
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
      details: { device, outcome: 'unavailable' },
    })
    expect(opening.tried).toEqual([])
  })

  test('or does not start', async () => {
    expect(await failureOf(open({ device: 'webgpu' }, { webgpu: noDevice }))).toMatchObject({
      code: 'runtime-unavailable',
      message: 'The device webgpu cannot be used: ONNX Runtime could not load the model: no adapter.',
      hint: expect.stringContaining('libvulkan.so.1'),
      details: { outcome: 'failed' },
    })
  })
})
