import { execFile } from 'node:child_process'
import { mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { conv2d, type Graph, imageInput, relu, rewrite, softmax, type Value } from '@inverseform/backbones'
import { InverseFormError } from '@inverseform/errors'
import {
  type Backend,
  type Candidate,
  disagreement,
  disagrees,
  type Precision,
  type Rung,
  runCheck,
  SELF_CHECK_TOLERANCE,
  type Tensor,
} from '@inverseform/runtime'
import { describe, expect, test } from 'vitest'
import { deterministicSource } from '../../backbones/test/support/models.js'
import type { Device } from '../src/devices.js'
import type { Machine } from '../src/machine.js'
import { onnxBackend } from '../src/onnx-backend.js'
import { type DeviceSource, openSession } from '../src/open-session.js'
import type { DeviceSettings } from '../src/options.js'
import { userCacheFolder, type VerdictStore, verdictFolder } from '../src/self-check-cache.js'
import { temporaryFolder } from './support/checkpoint.js'

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
  driverIdentity: () => 'libvulkan_intel.so 1',
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

type Devices = Partial<Record<Device, (precision: Precision) => Promise<Backend>>>
const everyDevice: readonly Device[] = ['cpu', 'webgpu', 'cuda', 'tensorrt', 'dml', 'coreml']

/** Opens the network where each device is what the test says; those not named are as good as the CPU. */
function open(
  settings: Partial<DeviceSettings>,
  backends: Devices = {},
  machine: Partial<Machine> = {},
  rest: Partial<DeviceSource> = {},
) {
  const opened: Device[] = []
  const source: DeviceSource = {
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
      { device: 'cpu', precision: 'float32', outcome: 'used', reason: 'The CPU is always there.' },
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
      details: { outcome: 'refused', disagreement: expect.closeTo(0.3, 4) },
    })
    expect(await failureOf(open({ device: 'cuda' }, wrong, {}, { deviceId: 1 }))).toMatchObject({
      message: 'The device cuda 1 disagrees with the CPU by 30.0 % of the largest value.',
    })
    const warned = await open({ device: 'cuda', selfCheck: 'warn' }, wrong)
    expect(warned.ladder).toMatchObject([{ outcome: 'used', reason: expect.stringContaining('30.0 %') }])
    expect(disagrees(warned.ladder)).toBe(true)
    const skipped = await open({ device: 'cuda', selfCheck: 'skip' }, wrong)
    expect(skipped.ladder).toEqual([
      {
        device: 'cuda',
        precision: 'float32',
        outcome: 'used',
        reason: 'It was not compared with the CPU.',
      },
    ])
  })

  test('lets the rounding of 11-bit significands pass', async () => {
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

describe('float16', () => {
  test('is tried on each device before float32, but for the CPU, which says why', async () => {
    const seen: string[] = []
    const failing = (device: Device) => (precision: Precision) => {
      seen.push(`${device} ${precision}`)
      return noDevice()
    }
    const left = { cuda: failing('cuda'), webgpu: failing('webgpu') }
    const { device, precision, ladder } = await open({ precision: 'float16' }, left)
    expect(seen).toEqual(['cuda float16', 'cuda float32', 'webgpu float16', 'webgpu float32'])
    expect({ device, precision }).toEqual({ device: 'cpu', precision: 'float32' })
    expect(ladder.map((rung) => rung.precision)).toEqual([
      'float16',
      'float32',
      'float16',
      'float32',
      'float32',
    ])
    expect(ladder[0].reason).toMatch(/^The device cuda \(float16\) cannot be used: /)
    expect(ladder[4].reason).toMatch(/computes in float32/)
  })

  test('is compared with float32 on the CPU', async () => {
    const precisions: Precision[] = []
    const real = { cuda: () => onnxBackend('cpu', 1, { compute: 'float16' }) }
    const cpu = (precision: Precision) => {
      precisions.push(precision)
      return cpuAs('cpu')
    }
    const { device, precision, ladder } = await open({ precision: 'float16' }, { ...real, cpu })
    expect({ device, precision }).toEqual({ device: 'cuda', precision: 'float16' })
    expect(ladder[0].disagreement).toBeGreaterThan(1e-5)
    expect(precisions).toEqual(['float32', 'float32'])
    const wrong = { cuda: () => cpuAs('cuda', off(4)) }
    expect(await failureOf(open({ device: 'cuda', precision: 'float16' }, wrong))).toMatchObject({
      message: 'The device cuda (float16) disagrees with the CPU by 4.0 % of the largest value.',
    })
  })

  test('that spoils the network itself is left for float32, or used with a warning', async () => {
    /** Computes the check as the CPU does, and the network wrongly in float16. */
    const spoiling = async (precision: Precision): Promise<Backend> => {
      const [right, wrong] = [await cpuAs('cuda'), await cpuAs('cuda', off(5))]
      return {
        device: 'cuda',
        createSession: (g) => (g === graph && precision === 'float16' ? wrong : right).createSession(g),
      }
    }
    const { ladder } = await open({ precision: 'float16' }, { cuda: spoiling })
    expect(ladder).toMatchObject([
      { device: 'cuda', precision: 'float16', outcome: 'refused', reason: expect.stringContaining('5.0 %') },
      { device: 'cuda', precision: 'float32', outcome: 'used' },
    ])
    const named = { device: 'cuda', precision: 'float16' } as const
    expect(await failureOf(open(named, { cuda: spoiling }))).toMatchObject({
      code: 'runtime-unavailable',
      message: "In float16 this network's outputs are off float32's by 5.0 % of the largest value.",
      hint: expect.stringMatching(/^Use the precision float32; .*\.$/),
    })
    const warned = await open({ ...named, selfCheck: 'warn' }, { cuda: spoiling })
    expect(warned.ladder[0].reason).toContain('5.0 %')
    expect(disagrees(warned.ladder)).toBe(true)
    expect((await open({ ...named, selfCheck: 'skip' }, { cuda: spoiling })).ladder[0].outcome).toBe('used')
  })

  test('that a device does not have leaves it, with float32 for a hint', async () => {
    expect(
      await failureOf(open({ device: 'webgpu', precision: 'float16' }, { webgpu: noDevice })),
    ).toMatchObject({
      code: 'runtime-unavailable',
      hint: expect.stringMatching(/^In float32 it may work\. /),
    })
  })
})

describe('a verdict that is kept', () => {
  /** Opens CUDA on a device that is off by so much; says whether the CPU had to be asked. */
  async function check(
    verdicts: VerdictStore,
    {
      settings = {},
      machine = {},
      source = {},
      percent = 0.1,
    }: {
      settings?: Partial<DeviceSettings>
      machine?: Partial<Machine>
      source?: Partial<DeviceSource>
      percent?: number
    } = {},
  ) {
    const wrong = { cuda: () => cpuAs('cuda', off(percent)) }
    const opening = open({ device: 'cuda', ...settings }, wrong, machine, { verdicts, ...source })
    const { ladder } = await opening
    // In float16 the network itself is compared with the CPU's, too, and always.
    const trials = settings.precision === 'float16' ? 1 : 0
    return { rung: ladder[0], compared: opening.tried.filter((device) => device === 'cpu').length > trials }
  }

  test('is not found out again, for the same device, precision, versions and driver', async () => {
    await using folder = await temporaryFolder()
    const verdicts = verdictFolder(join(folder.path, 'made', 'when needed'))
    const first = await check(verdicts)
    const second = await check(verdictFolder(join(folder.path, 'made', 'when needed')))
    expect([first.compared, second.compared]).toEqual([true, false])
    expect(second.rung).toMatchObject({ outcome: 'used', disagreement: first.rung.disagreement })
    expect(second.rung.reason).toMatch(/found out before/)
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

  test('must have been passed', async () => {
    await using folder = await temporaryFolder()
    const verdicts = verdictFolder(folder.path)
    for (const selfCheck of ['warn', 'warn'] as const) {
      expect((await check(verdicts, { settings: { selfCheck }, percent: 5 })).compared).toBe(true)
    }
    expect(await failureOf(check(verdicts, { percent: 5 }))).toMatchObject({ code: 'runtime-unavailable' })
    expect(await readdir(folder.path)).toEqual([])
  })

  test('needs a driver that is known', async () => {
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
  ])('in a damaged file counts for nothing: %s', async (content) => {
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
    ['a device without end', (path: string) => symlink('/dev/zero', path)],
    ['a folder', (path: string) => mkdir(path)],
    ['far too long', (path: string) => writeFile(path, `{"disagreement": 0${' '.repeat(2 ** 20)}}`)],
  ])('in the place of which there is %s counts for nothing', async (_, put) => {
    await using folder = await temporaryFolder()
    const verdicts = verdictFolder(folder.path)
    await check(verdicts)
    const [file] = await readdir(folder.path)
    await rm(join(folder.path, file))
    await put(join(folder.path, file))
    expect((await check(verdicts)).compared).toBe(true)
  })

  test('where nothing can be kept is found out each time', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'file')
    await writeFile(file, '')
    for (const nowhere of [join(file, 'below'), '/proc/below/that']) {
      const verdicts = verdictFolder(nowhere)
      expect((await check(verdicts)).rung.outcome).toBe('used')
      expect((await check(verdicts)).compared).toBe(true)
    }
  })

  test.each([
    ['linux', { XDG_CACHE_HOME: '/caches' }, '/caches'],
    ['linux', { XDG_CACHE_HOME: 'relative' }, join(homedir(), '.cache')],
    ['linux', {}, join(homedir(), '.cache')],
    ['darwin', {}, join(homedir(), 'Library', 'Caches')],
    ['win32', { LOCALAPPDATA: 'C:\\Local' }, 'C:\\Local'],
  ] as const)('lies in the folder for caches on %s with %j', (platform, env, folder) => {
    expect(userCacheFolder(platform, env)).toBe(folder)
  })

  test('lies nowhere for a user without a home, who may still name a folder', () => {
    const homeless = () => {
      throw new Error('uv_os_homedir returned ENOENT')
    }
    for (const platform of ['linux', 'darwin', 'win32'] as const) {
      expect(userCacheFolder(platform, {}, homeless)).toBeUndefined()
    }
    expect(userCacheFolder('linux', { XDG_CACHE_HOME: '/caches' }, homeless)).toBe('/caches')
  })
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
    const opening = open({ device }, {}, machine, { providers: providers ?? everyDevice })
    expect(await failureOf(opening)).toMatchObject({
      code: 'runtime-unavailable',
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
      details: { outcome: 'unavailable' },
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
